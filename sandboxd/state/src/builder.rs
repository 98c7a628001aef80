//! A state in the making: records that come one after the other, in any order, and are hashed once all are
//! there. Knows nothing of states that share nodes.

use std::sync::Arc;

use crate::node::Node;
use crate::store::Home;
use crate::value::Held;
use crate::{Snapshot, Value, trie};

/// Makes a state in memory of records that need not be there at once: beside the state itself it takes no
/// memory.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    /// Not sealed, so that a node is hashed once however often it changes.
    root: Option<Arc<Node>>,
    home: Home,
}

const IN_MEMORY: &str = "a trie that is made here has nothing to fetch";

impl SnapshotBuilder {
    /// No records.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value that `key` has so far.
    ///
    /// # Panics
    /// Never: nothing has to be fetched.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        let root = self.root.as_deref()?;
        let held = trie::find(root, key, |_| {}).expect(IN_MEMORY)?;
        Some(Arc::clone(held.read().expect(IN_MEMORY)))
    }

    /// Puts `value` at `key`, in place of what was there.
    ///
    /// # Panics
    /// Never: nothing has to be fetched.
    pub fn set(&mut self, key: &[u8], value: impl Into<Value>) {
        let value = Held::new(value.into());
        trie::insert(&mut self.root, key, value, &self.home).expect(IN_MEMORY);
    }

    /// The state of all records.
    ///
    /// # Panics
    /// Never: nothing has to be fetched.
    pub fn finish(self) -> Snapshot {
        self.root.as_deref().map_or(Ok(()), Node::seal).expect(IN_MEMORY);
        Snapshot::of(self.root, self.home)
    }
}
