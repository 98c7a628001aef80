#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

use std::sync::Arc;

mod builder;
mod bulk;
mod change_set;
mod children;
mod difference;
mod elsewhere;
mod history;
mod kind;
mod nibbles;
mod node;
mod overlay;
mod proof;
mod range;
mod raw;
mod snapshot;
mod store;
mod trie;
mod value;
pub mod visits;

pub use builder::SnapshotBuilder;
pub use change_set::ChangeSet;
pub use difference::Difference;
pub use elsewhere::{Elsewhere, Unavailable};
pub use history::History;
pub use overlay::{Checkpoint, Found, Journal, Overlay};
pub use proof::{InvalidProof, Proof};
pub use snapshot::{Snapshot, StateRoot};
pub use store::{NodeStore, Storage};
pub use value::Stored;
pub use visits::{NodeVisits, Visits, VisitsCheckpoint};

/// The bytes that a record is stored under.
pub type Key = Arc<[u8]>;

/// The bytes of a record.
pub type Value = Arc<[u8]>;
