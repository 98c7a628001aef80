//! A chain elsewhere, read over NEAR's JSON-RPC: for a fork, for accounts that are imported or
//! exported, and for transactions and receipts that are run again. Everything here is blocking: nothing of it
//! may run on a thread that serves connections or makes blocks.
//!
//! [`Client`] asks endpoints and copes with their failures, [`Remote`] reads the state after one
//! block and checks what can be checked.

mod access_keys;
mod cache;
mod client;
mod contract_data;
mod endpoint;
mod error;
mod export;
mod pinned;
mod proof;
mod records;
mod replay;
mod source;

pub use cache::default_cache;
pub use client::{Client, ClientOptions, USER_AGENT};
pub use contract_data::{DataPage, SmallData};
pub use endpoint::Endpoint;
pub use error::{EndpointFailure, FailureKind, RemoteError};
pub use export::{ExportFailed, export};
pub use pinned::{BlockPin, InvalidBlockPin, Remote};
pub use records::Parts;
pub use replay::{
    ReceiptReplay, ReceiptReplayFailed, Recorded, RecordedId, RecordedReceipt, Replay, ReplayFailed,
};
pub use source::RemoteSource;
