//! What was compiled is kept: in memory by [`ModuleCache`], and longer than the process in an
//! [`ArtifactStore`], for which there is [`DiskStore`].

mod disk;
mod key;
mod memory;
mod record;

use std::io;

pub use disk::DiskStore;
pub use key::ArtifactKey;
pub use memory::ModuleCache;
pub(crate) use memory::{CachedModule, Refused, Usable};
pub(crate) use record::{Prepared, Record};

/// Keeps compiled modules for other runners and other processes.
///
/// What it returns is executed. It is checked against accidents, so that a store may lose entries,
/// mix them up or cut them off; but nobody may write to it who may not change the program itself.
pub trait ArtifactStore: Send + Sync {
    /// What was put under `key`, if it is still there.
    fn get(&self, key: &ArtifactKey) -> io::Result<Option<Vec<u8>>>;

    /// Keeps `bytes` under `key`, in place of what was there.
    fn put(&self, key: &ArtifactKey, bytes: &[u8]) -> io::Result<()>;
}
