//! Where the nodes and values of a trie are while they are not in memory. Knows nothing of how a store
//! keeps them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kind::{Hash, sha256};
use crate::raw::RawNode;
use crate::{Unavailable, Value};

/// Keeps nodes and values by their hashes. What was once there under a hash never changes.
pub trait NodeStore: fmt::Debug + Send + Sync {
    /// The node with this hash, in NEAR's encoding.
    fn node(&self, hash: &[u8; 32]) -> Result<Vec<u8>, Unavailable>;

    /// The value with this hash.
    fn value(&self, hash: &[u8; 32]) -> Result<Value, Unavailable>;
}

/// A store of nodes, and a count of what the states over it have in memory. Clones are one and the
/// same.
///
/// Who owns the store writes each [difference](crate::Snapshot::difference) to it. Once that is done,
/// [`Snapshot::stored`](crate::Snapshot::stored) in place of a snapshot is the same state with nothing in
/// memory; a state that is larger than memory is made in parts, with that between them.
#[derive(Clone)]
pub struct Storage(Arc<Shared>);

struct Shared {
    store: Arc<dyn NodeStore>,
    resident: AtomicUsize,
}

impl Storage {
    /// A storage of which nothing is in memory yet.
    pub fn new(store: Arc<dyn NodeStore>) -> Self {
        Self(Arc::new(Shared { store, resident: AtomicUsize::new(0) }))
    }

    /// How many bytes of memory the nodes and values of all states over this storage take, nearly: those
    /// that were fetched and those that were made, until no state has them any more.
    pub fn resident_bytes(&self) -> usize {
        self.0.resident.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({:?}, {} bytes)", self.0.store, self.resident_bytes())
    }
}

/// The storage of a node, or none if its trie is in memory alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home(Option<Storage>);

impl Home {
    pub(crate) fn of(storage: &Storage) -> Self {
        Self(Some(storage.clone()))
    }

    /// The node with this hash.
    pub(crate) fn node(&self, hash: &Hash) -> Result<RawNode, Unavailable> {
        let bytes = self.store()?.node(hash)?;
        check(&bytes, hash, "trie node")?;
        RawNode::decode(&bytes).ok_or_else(|| {
            Unavailable::new(format!("trie node {} is no node of NEAR's encoding", Hex(hash)))
        })
    }

    /// The value with this hash.
    pub(crate) fn value(&self, hash: &Hash) -> Result<Value, Unavailable> {
        let bytes = self.store()?.value(hash)?;
        check(&bytes, hash, "value")?;
        Ok(bytes)
    }

    fn store(&self) -> Result<&dyn NodeStore, Unavailable> {
        let missing = || Unavailable::new("a trie in memory has nothing to fetch");
        self.0.as_ref().map(|storage| &*storage.0.store).ok_or_else(missing)
    }

    /// Counts memory that was taken.
    pub(crate) fn add(&self, bytes: usize) {
        if let Some(Storage(shared)) = &self.0 {
            shared.resident.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Counts memory that was given back.
    pub(crate) fn subtract(&self, bytes: usize) {
        if let Some(Storage(shared)) = &self.0 {
            shared.resident.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// Finds out whether a store gave what it was asked for.
fn check(bytes: &[u8], hash: &Hash, what: &str) -> Result<(), Unavailable> {
    let found = sha256(bytes);
    if found == *hash {
        return Ok(());
    }
    let (hash, found) = (Hex(hash), Hex(&found));
    Err(Unavailable::new(format!("{what} {hash} is corrupt: what is stored has the hash {found}")))
}

struct Hex<'a>(&'a Hash);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
