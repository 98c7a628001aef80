//! The state of a chain at one moment: a root, and everything below it shared with other snapshots.
//! Knows nothing of blocks or heights.

use std::fmt;
use std::sync::Arc;

use crate::elsewhere::{Both, Elsewhere, Found, Remainder, Unavailable};
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
///
/// It may go on from a state that is kept elsewhere: [`Snapshot::read`] and [`Snapshot::list`] know the
/// records of both. The root, proofs and all else are about those that are here. Where nothing is
/// elsewhere these are all there are.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Sealed with all below it.
    root: Option<Arc<Node>>,
    remainder: Option<Arc<Remainder>>,
}

impl Snapshot {
    /// The state without records.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The same, over what is kept elsewhere: a record that is here hides one of the same key there.
    #[must_use]
    pub fn over(self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { remainder: Some(Arc::new(Remainder::new(elsewhere))), ..self }
    }

    /// Whether part of the state is elsewhere.
    pub fn is_partial(&self) -> bool {
        self.remainder.is_some()
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

    /// The value of `key`, wherever it is.
    pub fn read(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        match (self.get_here(key), &self.remainder) {
            (None, Some(remainder)) => Ok(remainder.get(key)?.map(|stored| stored.bytes)),
            (found, _) => Ok(found),
        }
    }

    /// The records whose keys begin with `prefix`, wherever they are, in the order of their keys: all,
    /// or those that come behind `after`. That key need not be there.
    pub fn list<'a>(
        &'a self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Value), Unavailable>> + use<'a> {
        let from = after.map_or_else(|| prefix.to_vec(), |after| [after, &[0]].concat());
        let here = self.range_here_from(prefix, after);
        let all = Both::new(here, self.remainder.as_deref(), prefix, from);
        all.map(|record| record.map(|(key, found)| (key, found.into_value())))
    }

    /// The value of `key`, if it is here.
    pub fn get_here(&self, key: &[u8]) -> Option<Value> {
        self.find_here(key, |_| {}).map(|stored| Arc::clone(&stored.bytes))
    }

    /// The records whose keys begin with `prefix` and that are here, in the order of their keys.
    pub fn range_here<'a>(
        &'a self,
        prefix: &[u8],
    ) -> impl Iterator<Item = (Vec<u8>, Value)> + use<'a> {
        self.range_here_from(prefix, None)
    }

    fn range_here_from<'a>(
        &'a self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = (Vec<u8>, Value)> + use<'a> {
        let ignore = |_: Step<'_>| {};
        let range = match after {
            Some(after) if after >= prefix => Range::behind(self.node(), after, ignore),
            _ => Range::with_prefix(self.node(), prefix, ignore),
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
        let remainder = self.remainder.as_ref().map(|before| match before.after(changes) {
            Some(after) => Arc::new(after),
            None => Arc::clone(before),
        });
        Self { root, remainder }
    }

    /// The nodes that prove what `key` holds, or that it holds nothing: those on the way to it, from
    /// the root on.
    pub fn prove(&self, key: &[u8]) -> Proof {
        let mut nodes = Vec::new();
        self.find_here(key, |node| nodes.push(node.encode().into()));
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

    /// The records of [`Snapshot::list`], with all that was read for the list recorded: the nodes of
    /// [`Snapshot::prove_prefix`] and the values.
    pub(crate) fn record_list(
        &self,
        prefix: &[u8],
        visits: &mut NodeVisits,
    ) -> Result<Vec<(Vec<u8>, Value)>, Unavailable> {
        let record = |step: Step<'_>| match step {
            Step::Node(node) => visits.record_node(node),
            Step::Value(value) => visits.record_value(value.hash, value.bytes.len()),
        };
        let here: Vec<_> = Range::with_prefix(self.node(), prefix, record).map(own).collect();
        let remainder = self.remainder.as_deref();
        let all = Both::new(here.into_iter(), remainder, prefix, prefix.to_vec());
        all.map(|record| {
            let (key, found) = record?;
            if let Found::Elsewhere(stored) = &found {
                visits.record_value(stored.hash, stored.bytes.len());
            }
            Ok((key, found.into_value()))
        })
        .collect()
    }

    /// Looks `key` up, and shows each node on the way through the trie to `visit`.
    pub(crate) fn find(
        &self,
        key: &[u8],
        visit: impl FnMut(&Node),
    ) -> Result<Option<Stored>, Unavailable> {
        match (self.find_here(key, visit), &self.remainder) {
            (None, Some(remainder)) => remainder.get(key),
            (found, _) => Ok(found.cloned()),
        }
    }

    fn find_here(&self, key: &[u8], visit: impl FnMut(&Node)) -> Option<&Stored> {
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
        Self { root, remainder: None }
    }
}

fn own((key, value): (Vec<u8>, &Value)) -> (Vec<u8>, Value) {
    (key, Arc::clone(value))
}
