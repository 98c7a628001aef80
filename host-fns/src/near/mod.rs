//! What NEAR offers its contracts at protocol version 88: the import table, the promises, the
//! names of failures and costs. It uses no crate of NEAR's: account ids are checked strings,
//! amounts `u128`, keys their borsh bytes. Where state lives and how receipts are made is behind
//! [`External`].

pub mod account_id;
mod actions;
mod config;
mod context;
pub mod cost;
mod economics;
mod env;
mod error;
mod external;
pub mod feature;
mod host;
mod in_memory;
mod keys;
mod promises;
mod state_init;
mod storage;
mod table;

pub use config::{Config, Fee, Fees, Limits};
pub use context::{AccountContract, Context, Mode, PromiseResult};
pub use error::NearError;
pub use external::{
    Action, ContractId, DeployMode, Displaced, External, Found, InvalidEntry, InvalidStateInit,
    Permission, PublicKey, ReceiptIndex, StateCounts, StoredRecords, TrieNodes, YieldRef,
};
pub use host::{Checkpoint, NearHost, Parts, ReturnData};
pub use in_memory::{InMemory, Sent};
