//! States on disk without a chain, kept as those of chains are: for who measures what the disk takes.

use std::path::Path;
use std::sync::Arc;

use sandbox_state::{Snapshot, Storage};

use super::StoreError;
use super::database::{Column, Database};
use super::folder::Folder;
use super::nodes::Nodes;
use super::states::{hold, let_go};

/// What a batch may take in memory, in bytes.
const BATCH: usize = 4 << 20;

/// A folder of states that no chain goes with.
#[derive(Debug)]
pub struct StateFolder {
    database: Arc<Database>,
}

impl StateFolder {
    /// Opens the folder, which is made if it is not there, with nothing of it in memory.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let (database, read_only) = Database::open(Folder::take(folder)?)?;
        match read_only {
            Some(why) => Err(database.refused(&why)),
            None => Ok(Self { database: Arc::new(database) }),
        }
    }

    /// Where its states are had, with nothing of them in memory.
    pub fn storage(&self) -> Storage {
        Storage::new(Arc::new(Nodes(Arc::clone(&self.database))))
    }

    /// Writes what `state` has that the one `before` it has not, and lets go of what only that one has, as
    /// a chain does that keeps one state.
    pub fn replace(&self, before: &Snapshot, state: &Snapshot) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        hold(&mut batch, before, state, Some(BATCH))?;
        let_go(&mut batch, before, state)?;
        batch.write()
    }

    /// Brings what was written into one sorted file for each kind, as it ends up after a while.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.database.compact(&[Column::Nodes, Column::Values])
    }
}
