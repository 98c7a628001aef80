//! Keeps a chain and its snapshots on disk, behind the cargo feature `rocksdb`. They live in memory as
//! ever; what becomes of them is handed to a thread that writes it down in order, each step of the chain as one
//! batch that is there wholly or not at all. What a block, a state and a chain are in bytes others
//! know: [`crate::chain`] and `sandbox-state`.

mod sync;

#[cfg(feature = "rocksdb")]
mod counted;
#[cfg(feature = "rocksdb")]
mod database;
#[cfg(feature = "rocksdb")]
mod disk;
#[cfg(feature = "rocksdb")]
mod error;
#[cfg(feature = "rocksdb")]
mod folder;
#[cfg(feature = "rocksdb")]
mod lines;
#[cfg(feature = "rocksdb")]
mod modules;
#[cfg(feature = "rocksdb")]
mod nodes;
#[cfg(feature = "rocksdb")]
mod open;
#[cfg(feature = "rocksdb")]
mod queue;
#[cfg(feature = "rocksdb")]
mod records;
#[cfg(feature = "rocksdb")]
mod relief;
#[cfg(feature = "rocksdb")]
mod state_folder;
#[cfg(feature = "rocksdb")]
mod states;
#[cfg(feature = "rocksdb")]
mod writer;

use std::path::PathBuf;

pub use sync::{SYNC_INTERVAL, SyncMode};

#[cfg(feature = "rocksdb")]
pub use database::Column;
#[cfg(feature = "rocksdb")]
pub use error::StoreError;
#[cfg(feature = "rocksdb")]
pub use open::{Store, genesis_digest, holds_chain};
#[cfg(feature = "rocksdb")]
pub use state_folder::StateFolder;
#[cfg(feature = "rocksdb")]
pub use writer::Writer;

/// How a chain is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The folder that it is kept in, made if it is not there.
    pub folder: PathBuf,
    /// When what was written is forced onto the disk.
    pub sync: SyncMode,
    /// How much memory states may take before what is on disk of them is fetched from there, in
    /// bytes. All the machine has, if nothing is said.
    pub state_memory: Option<usize>,
    /// How much compiled contracts may take in the same folder, in bytes. If nothing is said they are
    /// kept where the engines of the chain say.
    pub compiled_bytes: Option<u64>,
}

#[cfg(all(test, feature = "rocksdb"))]
mod tests;
