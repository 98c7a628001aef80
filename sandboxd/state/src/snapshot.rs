//! The state of a chain at one moment: a root, and everything below it shared with other snapshots.
//! Knows nothing of blocks or heights.

use std::fmt;
use std::sync::Arc;

use crate::node::{Node, Stored};
use crate::proof::Proof;
use crate::range::{Range, Step};
use crate::{ChangeSet, NodeVisits, Value, bulk, trie};

/// The hash that commits to all records of a state, as NEAR's chunk headers carry it.
///
/// A state without records has a root of 32 zero bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StateRoot(pub [u8; 32]);

impl StateRoot {
    /// The root of a state without records.
    pub const EMPTY: Self = Self([0; 32]);

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for StateRoot {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateRoot({self})")
    }
}

/// An immutable set of records in NEAR's trie. Cloning it costs one reference count.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Sealed with all below it.
    root: Option<Arc<Node>>,
}

impl Snapshot {
    /// The state without records.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The state root.
    pub fn root(&self) -> StateRoot {
        self.root.as_ref().map_or(StateRoot::EMPTY, |node| StateRoot(node.sealed().hash))
    }

    /// NEAR's measure of the whole state, as its headers and state parts use it. It counts 50 for each
    /// node, 2 for each byte of a path in a node, and 50 and 1 for each byte of a value.
    pub fn memory_usage(&self) -> u64 {
        self.root.as_ref().map_or(0, |node| node.sealed().memory_usage)
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.find(key, |_| {}).map(|stored| Arc::clone(&stored.bytes))
    }

    /// The records whose keys begin with `prefix`, in the order of their keys.
    pub fn range_prefix<'a>(
        &'a self,
        prefix: &[u8],
    ) -> impl Iterator<Item = (Vec<u8>, Value)> + use<'a> {
        Range::with_prefix(self.node(), prefix, |_: Step<'_>| {}).map(own)
    }

    /// The records whose keys begin with `prefix` and come behind `after`, in the order of their keys:
    /// the next page of a listing that ended with `after`. That key need not be there any more.
    pub fn range_prefix_after<'a>(
        &'a self,
        prefix: &[u8],
        after: &[u8],
    ) -> impl Iterator<Item = (Vec<u8>, Value)> + use<'a> {
        let ignore = |_: Step<'_>| {};
        let range = if after < prefix {
            Range::with_prefix(self.node(), prefix, ignore)
        } else {
            Range::behind(self.node(), after, ignore)
        };
        let prefix = prefix.to_vec();
        range.take_while(move |(key, _)| key.starts_with(&prefix)).map(own)
    }

    /// The state after `changes`. Copies the paths to the changed keys, and hashes only those.
    #[must_use]
    pub fn apply(&self, changes: &ChangeSet) -> Self {
        let mut root = self.root.clone();
        let mut records = Vec::new();
        for (key, value) in changes.iter() {
            match value {
                Some(value) => records.push((&**key, value)),
                None => trie::remove(&mut root, key),
            }
        }
        bulk::insert_all(&mut root, &records);
        if let Some(node) = &root {
            node.seal();
        }
        Self { root }
    }

    /// The nodes that prove what `key` holds, or that it holds nothing: those on the way to it, from
    /// the root on.
    pub fn prove(&self, key: &[u8]) -> Proof {
        let mut nodes = Vec::new();
        self.find(key, |node| nodes.push(node.encode().into()));
        Proof::new(nodes)
    }

    /// The nodes that prove the whole list of records whose keys begin with `prefix`: those that
    /// nearcore's `view_state` visits, in its order. That is the way from the root to the prefix, and
    /// then all nodes below it, parents before children (`core/store/src/trie/ops/iter.rs`).
    pub fn prove_prefix(&self, prefix: &[u8]) -> Proof {
        let mut nodes = Vec::new();
        let show = |step: Step<'_>| {
            if let Step::Node(node) = step {
                nodes.push(node.encode().into());
            }
        };
        Range::with_prefix(self.node(), prefix, show).for_each(drop);
        Proof::new(nodes)
    }

    /// The records whose keys begin with `prefix`, with all that was read for the list recorded: the
    /// nodes of [`Snapshot::prove_prefix`] and the values.
    pub(crate) fn record_prefix(
        &self,
        prefix: &[u8],
        visits: &mut NodeVisits,
    ) -> Vec<(Vec<u8>, Value)> {
        let record = |step: Step<'_>| match step {
            Step::Node(node) => visits.record_node(node),
            Step::Value(value) => visits.record_value(value.hash, value.bytes.len()),
        };
        Range::with_prefix(self.node(), prefix, record).map(own).collect()
    }

    /// Looks `key` up, and shows each node on the way to `visit`.
    pub(crate) fn find(&self, key: &[u8], visit: impl FnMut(&Node)) -> Option<&Stored> {
        trie::find(self.node()?, key, visit)
    }

    fn node(&self) -> Option<&Node> {
        self.root.as_deref()
    }
}

impl fmt::Debug for Snapshot {
    /// Only the root: a state can have millions of records.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({})", self.root())
    }
}

impl FromIterator<(crate::Key, Value)> for Snapshot {
    /// The state of these records. Of several with the same key the last one counts.
    fn from_iter<I: IntoIterator<Item = (crate::Key, Value)>>(records: I) -> Self {
        let mut root = None;
        for (key, value) in records {
            trie::insert(&mut root, &key, Stored::new(value));
        }
        if let Some(node) = &root {
            Node::seal(node);
        }
        Self { root }
    }
}

fn own((key, value): (Vec<u8>, &Value)) -> (Vec<u8>, Value) {
    (key, Arc::clone(value))
}
