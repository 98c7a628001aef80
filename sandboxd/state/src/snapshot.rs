//! The state of a chain at one moment: a root, and everything below it shared with other snapshots.
//! Knows nothing of blocks or heights.

use std::fmt;
use std::sync::Arc;

use crate::elsewhere::{Both, Elsewhere, Found, Remainder, Unavailable};
use crate::node::{Here, Node};
use crate::proof::Proof;
use crate::range::{Range, Step};
use crate::store::{Home, Storage};
use crate::value::Held;
use crate::{ChangeSet, Difference, NodeVisits, SnapshotBuilder, Value, bulk, difference, trie};

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
///
/// Its nodes may be in a [`Storage`], from which they are fetched when somebody comes to them: whatever
/// looks into the state can fail then. A state that was made in memory never fails.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Sealed with all below it.
    root: Option<Arc<Node>>,
    home: Home,
    remainder: Option<Arc<Remainder>>,
}

impl Snapshot {
    /// The state without records.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The state of these nodes, all of which are sealed.
    pub(crate) fn of(root: Option<Arc<Node>>, home: Home) -> Self {
        Self { root, home, remainder: None }
    }

    /// The state with this root in a storage. Nothing of it is read yet; once it is, it stays in memory
    /// until all clones and all states that were made of them are gone.
    ///
    /// The same state with nothing in memory is `Snapshot::stored(state.root(), storage)`, if all of it
    /// is in the store.
    pub fn stored(root: StateRoot, storage: &Storage) -> Self {
        let home = Home::of(storage);
        let root = (root != StateRoot::EMPTY).then(|| Node::away(root.0, &home));
        Self::of(root, home)
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
        self.root.as_ref().map_or(StateRoot::EMPTY, |node| StateRoot(node.hash()))
    }

    /// NEAR's measure of the whole state, as its headers and state parts use it. It counts 50 for each
    /// node, 2 for each byte of a path in a node, and 50 and 1 for each byte of a value.
    pub fn memory_usage(&self) -> Result<u64, Unavailable> {
        self.root.as_ref().map_or(Ok(0), |node| node.memory_usage())
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The value of `key`, wherever it is.
    pub fn read(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.find(key, |_| {})?.map(|held| held.read().map(Arc::clone)).transpose()
    }

    /// The length of the value of `key` in bytes, wherever it is. Does not fetch the value.
    pub fn length(&self, key: &[u8]) -> Result<Option<usize>, Unavailable> {
        Ok(self.find(key, |_| {})?.map(|held| held.len()))
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
    pub fn get_here(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.find_here(key, |_| {})?.map(|held| held.read().map(Arc::clone)).transpose()
    }

    /// The records whose keys begin with `prefix` and that are here, in the order of their keys.
    pub fn range_here<'a>(
        &'a self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Value), Unavailable>> + use<'a> {
        self.range_here_from(prefix, None)
    }

    /// Whether there are records here whose keys begin with `prefix`.
    pub fn has_here(&self, prefix: &[u8]) -> Result<bool, Unavailable> {
        let first = Range::with_prefix(self.node(), prefix, |_| {}).next();
        Ok(first.transpose()?.is_some())
    }

    fn range_here_from<'a>(
        &'a self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Value), Unavailable>> + use<'a> {
        let ignore = |_: Step<'_>| {};
        let range = match after {
            Some(after) if after >= prefix => Range::behind(self.node(), after, ignore),
            _ => Range::with_prefix(self.node(), prefix, ignore),
        };
        let prefix = prefix.to_vec();
        let is_listed = move |record: &Listed<'_>| {
            record.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
        };
        range.take_while(is_listed).map(own)
    }

    /// The state after `changes`. Copies the paths to the changed keys, and hashes only those.
    pub fn apply(&self, changes: &ChangeSet) -> Result<Self, Unavailable> {
        let mut root = self.root.clone();
        let mut records = Vec::new();
        for (key, value) in changes.iter() {
            match value {
                Some(value) => records.push((&**key, value)),
                None => trie::remove(&mut root, key, &self.home)?,
            }
        }
        bulk::insert_all(&mut root, &records, &self.home)?;
        if let Some(node) = &root {
            node.seal()?;
        }
        let remainder = self.remainder.as_ref().map(|before| match before.after(changes) {
            Some(after) => Arc::new(after),
            None => Arc::clone(before),
        });
        Ok(Self { root, home: self.home.clone(), remainder })
    }

    /// Shows `see` what of the trie is here and not in `before`, and what was there and is no more: the
    /// nodes and values, each as often as it is a part of the one and not of the other. A store that
    /// counts by this how often it has each hash has exactly the nodes and values of its states.
    ///
    /// Costs as much as changed between the two. What is elsewhere is no part of it.
    pub fn difference(
        &self,
        before: &Self,
        see: impl FnMut(Difference<'_>),
    ) -> Result<(), Unavailable> {
        difference::between(before.node(), self.node(), see)
    }

    /// The nodes that prove what `key` holds, or that it holds nothing: those on the way to it, from
    /// the root on.
    pub fn prove(&self, key: &[u8]) -> Result<Proof, Unavailable> {
        let mut nodes = Vec::new();
        self.find_here(key, |node| nodes.push(node.encode().into()))?;
        Ok(Proof::new(nodes))
    }

    /// The nodes that prove the whole list of records whose keys begin with `prefix`: those that
    /// nearcore's `view_state` visits, in its order. That is the way from the root to the prefix, and
    /// then all nodes below it, parents before children (`core/store/src/trie/ops/iter.rs`).
    pub fn prove_prefix(&self, prefix: &[u8]) -> Result<Proof, Unavailable> {
        let mut nodes = Vec::new();
        let show = |step: Step<'_>| {
            if let Step::Node(node) = step {
                nodes.push(node.encode().into());
            }
        };
        Range::with_prefix(self.node(), prefix, show).try_for_each(|record| record.map(drop))?;
        Ok(Proof::new(nodes))
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
            Step::Value(value) => visits.record_value(value.hash(), value.len()),
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
        visit: impl FnMut(Here<'_>),
    ) -> Result<Option<Held>, Unavailable> {
        match (self.find_here(key, visit)?, &self.remainder) {
            (None, Some(remainder)) => Ok(remainder.get(key)?.map(Held::from)),
            (found, _) => Ok(found.cloned()),
        }
    }

    fn find_here(
        &self,
        key: &[u8],
        visit: impl FnMut(Here<'_>),
    ) -> Result<Option<&Held>, Unavailable> {
        self.node().map_or(Ok(None), |root| trie::find(root, key, visit))
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
    /// The state of these records, in memory. Of several with the same key the last one counts.
    fn from_iter<I: IntoIterator<Item = (crate::Key, Value)>>(records: I) -> Self {
        let mut builder = SnapshotBuilder::new();
        records.into_iter().for_each(|(key, value)| builder.set(&key, value));
        builder.finish()
    }
}

/// A record of the trie.
type Listed<'a> = Result<(Vec<u8>, &'a Held), Unavailable>;

fn own(record: Listed<'_>) -> Result<(Vec<u8>, Value), Unavailable> {
    let (key, held) = record?;
    Ok((key, Arc::clone(held.read()?)))
}
