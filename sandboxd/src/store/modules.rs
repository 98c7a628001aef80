//! Compiled contracts, in a column of their own beside the chain. They are no part of it: each is there or
//! not, and one that is not, or is corrupt, is compiled again.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use sandbox_runtime::{ArtifactKey, ArtifactStore};

use super::StoreError;
use super::database::{Batch, Column, Database};

/// What the keys begin with of the list of artifacts in the order in which they came; their number in it
/// follows.
const LIST: u8 = 0;
/// What the keys of the artifacts themselves begin with; the digest of their key follows.
const ARTIFACT: u8 = 1;

type Digest = [u8; 32];

/// The compiled contracts in a database, up to a bound on their size; the oldest give way.
pub(super) struct Modules {
    /// Until it is closed: who compiles may come later.
    database: RwLock<Option<Arc<Database>>>,
    max_bytes: u64,
    /// Read when it is first needed.
    list: Mutex<Option<List>>,
}

/// The artifacts that are there with their sizes, by their number.
#[derive(Debug, Default)]
struct List {
    by_number: BTreeMap<u64, (Digest, u64)>,
    bytes: u64,
}

impl Modules {
    pub(super) fn new(database: Arc<Database>, max_bytes: u64) -> Self {
        Self { database: RwLock::new(Some(database)), max_bytes, list: Mutex::default() }
    }

    /// Waits for what is being read or written, and lets go of the database.
    pub(super) fn close(&self) {
        drop(self.database.write().take());
    }
}

impl ArtifactStore for Modules {
    fn get(&self, key: &ArtifactKey) -> io::Result<Option<Vec<u8>>> {
        let database = self.database.read();
        let Some(database) = database.as_ref() else { return Ok(None) };
        database.get(Column::Modules, &artifact_key(&key.digest())).map_err(io::Error::other)
    }

    fn put(&self, key: &ArtifactKey, bytes: &[u8]) -> io::Result<()> {
        let (database, digest) = (self.database.read(), key.digest());
        let Some(database) = database.as_ref() else { return Ok(()) };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.max_bytes {
            return Ok(());
        }
        let mut known = self.list.lock();
        // After a failure it is not known what was written, so that the list is read again.
        let read = || List::read(database).map_err(io::Error::other);
        let mut list = known.take().map_or_else(read, Ok)?;
        let mut batch = database.batch();
        list.remove(&mut batch, |(found, _)| *found == digest);
        while list.bytes.saturating_add(size) > self.max_bytes {
            let mut is_first = true;
            list.remove(&mut batch, |_| std::mem::take(&mut is_first));
        }
        list.add(&mut batch, digest, size);
        batch.put(Column::Modules, &artifact_key(&digest), bytes);
        batch.write().map_err(io::Error::other)?;
        *known = Some(list);
        Ok(())
    }
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Modules").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

impl List {
    fn read(database: &Database) -> Result<Self, StoreError> {
        let mut list = Self::default();
        for record in database.with_prefix(Column::Modules, [LIST].into()) {
            let (key, record) = record?;
            let number = key.last_chunk().map(|number| u64::from_be_bytes(*number));
            let Some((number, (digest, size))) = number.zip(borsh::from_slice(&record).ok()) else {
                return Err(database.corrupt(Column::Modules, &key, "it is no entry of the list"));
            };
            list.insert(number, digest, size);
        }
        Ok(list)
    }

    fn insert(&mut self, number: u64, digest: Digest, size: u64) {
        self.by_number.insert(number, (digest, size));
        self.bytes = self.bytes.saturating_add(size);
    }

    /// Adds an artifact behind the others.
    fn add(&mut self, batch: &mut Batch<'_>, digest: Digest, size: u64) {
        let last = self.by_number.last_key_value().map_or(0, |(last, _)| *last);
        let number = last.saturating_add(1);
        self.insert(number, digest, size);
        batch.put(Column::Modules, &list_key(number), &[&digest[..], &size.to_le_bytes()].concat());
    }

    /// Removes the artifacts that `is_gone` says.
    fn remove(&mut self, batch: &mut Batch<'_>, mut is_gone: impl FnMut(&(Digest, u64)) -> bool) {
        for (number, (digest, size)) in self.by_number.extract_if(.., |_, entry| is_gone(entry)) {
            self.bytes = self.bytes.saturating_sub(size);
            batch.delete(Column::Modules, &list_key(number));
            batch.delete(Column::Modules, &artifact_key(&digest));
        }
    }
}

fn list_key(number: u64) -> Vec<u8> {
    [&[LIST][..], &number.to_be_bytes()].concat()
}

fn artifact_key(digest: &Digest) -> Vec<u8> {
    [&[ARTIFACT][..], digest].concat()
}
