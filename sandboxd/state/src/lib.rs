#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

use std::sync::Arc;

mod bulk;
mod change_set;
mod elsewhere;
mod history;
mod nibbles;
mod node;
mod overlay;
mod proof;
mod range;
mod snapshot;
mod trie;
pub mod visits;

pub use change_set::ChangeSet;
pub use elsewhere::{Elsewhere, Unavailable};
pub use history::History;
pub use node::Stored;
pub use overlay::{Checkpoint, Found, Journal, Overlay};
pub use proof::{InvalidProof, Proof};
pub use snapshot::{Snapshot, StateRoot};
pub use visits::{NodeVisits, Visits, VisitsCheckpoint};

/// The bytes that a record is stored under.
pub type Key = Arc<[u8]>;

/// The bytes of a record.
pub type Value = Arc<[u8]>;
