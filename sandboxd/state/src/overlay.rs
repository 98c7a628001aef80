//! Pending writes over a snapshot, with a journal that takes them back, and a count of what was read.
//! This is what a block is executed on. Knows nothing of transactions or accounts.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use crate::node::Here;
use crate::value::Held;
use crate::{ChangeSet, Key, NodeVisits, Snapshot, Unavailable, Value, Visits};

/// A snapshot with pending writes over it.
///
/// It owns all it needs, so it can be moved into a VM and back. A clone copies the pending writes.
/// Reading changes it, as it counts what the block reads; taking writes back leaves these counts.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// What was read of the snapshot so far.
    pub visits: NodeVisits,
    base: Snapshot,
    writes: BTreeMap<Key, Option<Value>>,
    /// For each write since the start, how to take it back.
    journal: Vec<Undo>,
}

/// How to take a write back.
#[derive(Clone, Debug)]
enum Undo {
    /// The key had a pending write before, this one.
    Restore(Key, Option<Value>),
    /// The key had none.
    Forget(Key),
}

impl Undo {
    fn key(&self) -> &Key {
        match self {
            Self::Restore(key, _) | Self::Forget(key) => key,
        }
    }
}

/// A moment in the life of an [`Overlay`], to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint(usize);

impl Overlay {
    /// No pending writes over `base`, and nothing read of it.
    pub fn new(base: Snapshot) -> Self {
        let (visits, writes) = (NodeVisits::new(), BTreeMap::new());
        Self { visits, base, writes, journal: Vec::new() }
    }

    /// The snapshot below the pending writes.
    pub fn base(&self) -> &Snapshot {
        &self.base
    }

    /// The value of `key`, as the runtime itself reads it: not visited, but in the size of the proof.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        Ok(match self.find(key)? {
            None => None,
            Some(Found(Place::Pending(value))) => Some(value),
            Some(Found(Place::Base(held))) => {
                let value = held.read()?;
                self.visits.record_value(held.hash(), value.len());
                Some(Arc::clone(value))
            }
        })
    }

    /// The value of `key`, without a trace: for what a proof of the block does not hold.
    pub fn peek(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        match self.writes.get(key) {
            Some(pending) => Ok(pending.clone()),
            None => self.base.read(key),
        }
    }

    /// Sets `key` to `value`.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.write(key.into(), Some(value.into()));
    }

    /// Removes `key`. Does no harm if it has no value.
    pub fn remove(&mut self, key: &[u8]) {
        self.write(key.into(), None);
    }

    fn write(&mut self, key: Key, value: Option<Value>) {
        let undo = match self.writes.insert(Arc::clone(&key), value) {
            Some(before) => Undo::Restore(key, before),
            None => Undo::Forget(key),
        };
        self.journal.push(undo);
    }

    /// Looks `key` up without reading its value, as `storage_read` and `storage_has_key` do: without
    /// visits, though the way to the key goes into the size of the proof. See
    /// [the rules](crate::visits).
    pub fn find(&mut self, key: &[u8]) -> Result<Option<Found>, Unavailable> {
        if let Some(pending) = self.writes.get(key) {
            return Ok(pending.clone().map(Place::Pending).map(Found));
        }
        let found = self.base.find(key, |node| self.visits.record_node(node))?;
        Ok(found.map(Place::Base).map(Found))
    }

    /// Looks `key` up as `storage_write` and `storage_remove` do for the old value: each node on the
    /// way counts as a visit. See [the rules](crate::visits).
    pub fn find_by_trie(&mut self, key: &[u8]) -> Result<(Option<Found>, Visits), Unavailable> {
        let mut count = Visits::default();
        let found = if let Some(pending) = self.writes.get(key) {
            pending.clone().map(Place::Pending).map(Found)
        } else {
            let visit = |node: Here<'_>| self.visits.visit_node(node, &mut count);
            self.base.find(key, visit)?.map(Place::Base).map(Found)
        };
        Ok((found, count))
    }

    /// The value that was found, as `storage_write` and `storage_remove` read the old one, and the
    /// visit to charge. `storage_read` does not pay for it.
    pub fn read(&mut self, found: Found) -> Result<(Value, Visits), Unavailable> {
        let mut count = Visits::default();
        let value = match found.0 {
            Place::Pending(value) => value,
            Place::Base(held) => {
                let value = Arc::clone(held.read()?);
                self.visits.visit_value(held.hash(), value.len(), &mut count);
                value
            }
        };
        Ok((value, count))
    }

    /// The value of `key`, and all visits that `storage_write` and `storage_remove` pay for it as the
    /// old value: [`Overlay::find_by_trie`] and [`Overlay::read`] in one.
    pub fn get_charged(&mut self, key: &[u8]) -> Result<(Option<Value>, Visits), Unavailable> {
        let (found, way) = self.find_by_trie(key)?;
        Ok(match found {
            None => (None, way),
            Some(found) => {
                let (value, read) = self.read(found)?;
                (Some(value), way.and(read))
            }
        })
    }

    /// The records whose keys begin with `prefix`, pending writes included, in the order of their keys.
    /// All that the snapshot has of them goes into the size of the proof, also what a write hides.
    pub fn range_prefix(&mut self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Unavailable> {
        let base = self.base.record_list(prefix, &mut self.visits)?;
        let prefix = prefix.to_vec();
        let merged = Merged {
            base: base.into_iter().peekable(),
            writes: self
                .writes
                .range::<[u8], _>((Bound::Included(prefix.as_slice()), Bound::Unbounded))
                .peekable(),
            prefix,
        };
        Ok(merged.collect())
    }

    /// Marks this moment.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.journal.len())
    }

    /// What was written since `at`, each key with its last value, in the order of the keys.
    pub fn written_since(&self, at: Checkpoint) -> BTreeMap<&Key, Option<&Value>> {
        let undos = self.journal.get(at.0..).unwrap_or_default();
        let last = |key| self.writes.get(key).and_then(Option::as_ref);
        undos.iter().map(|undo| (undo.key(), last(undo.key()))).collect()
    }

    /// Takes back every write since `at`. A checkpoint that was itself taken back changes nothing.
    pub fn revert_to(&mut self, at: Checkpoint) {
        let since = at.0.min(self.journal.len());
        for undo in self.journal.drain(since..).rev() {
            match undo {
                Undo::Restore(key, before) => self.writes.insert(key, before),
                Undo::Forget(key) => self.writes.remove(&key),
            };
        }
    }

    /// What was written, for [`Snapshot::apply`].
    pub fn into_changes(self) -> ChangeSet {
        self.writes.into_iter().collect()
    }

    /// The same with the writes one by one.
    pub fn into_changes_and_journal(self) -> (ChangeSet, Journal) {
        (self.writes.into_iter().collect(), Journal(self.journal))
    }
}

/// The writes of an overlay in their order. It costs nothing to keep but memory: what was written
/// when is found out when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Journal(Vec<Undo>);

impl Journal {
    /// What was written up to each of `ends`, since the end before: the last value of each key.
    /// `changes` are those that came with the journal; `ends` are in their order.
    pub fn steps(&self, changes: &ChangeSet, ends: &[Checkpoint]) -> Vec<ChangeSet> {
        let mut values: BTreeMap<&Key, Option<&Value>> = changes.iter().collect();
        let mut steps: Vec<ChangeSet> = ends.iter().map(|_| ChangeSet::new()).collect();
        let mut step = ends.len();
        for (place, undo) in self.0.iter().enumerate().rev() {
            let ends_before = |step: usize| ends.get(step).is_some_and(|end| end.0 <= place);
            while step > 0 && !ends_before(step.saturating_sub(1)) {
                step = step.saturating_sub(1);
            }
            let key = undo.key();
            if let Some(changes) = steps.get_mut(step)
                && !changes.contains(key)
            {
                match values.get(key).copied().flatten() {
                    Some(value) => changes.set(Arc::clone(key), Arc::clone(value)),
                    None => changes.remove(Arc::clone(key)),
                }
            }
            match undo {
                Undo::Restore(key, before) => values.insert(key, before.as_ref()),
                Undo::Forget(key) => values.remove(key),
            };
        }
        steps
    }
}

/// A value that was found, but not read yet: its length is free, its bytes may be charged for and go
/// into the size of the proof.
#[derive(Clone, Debug)]
pub struct Found(Place);

#[derive(Clone, Debug)]
enum Place {
    Pending(Value),
    Base(Held),
}

impl Found {
    /// The length of the value in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::Pending(value) => value.len(),
            Place::Base(held) => held.len(),
        }
    }

    /// Whether the value has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The records of a base with pending writes over them, both in the order of their keys.
struct Merged<'a, B: Iterator> {
    base: Peekable<B>,
    writes: Peekable<btree_map::Range<'a, Key, Option<Value>>>,
    prefix: Vec<u8>,
}

impl<B: Iterator<Item = (Vec<u8>, Value)>> Iterator for Merged<'_, B> {
    type Item = (Vec<u8>, Value);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let write = self.writes.peek().filter(|(key, _)| key.starts_with(&self.prefix));
            let Some((written, value)) = write else { return self.base.next() };
            if let Some(record) = self.base.next_if(|(key, _)| key.as_slice() < &***written) {
                return Some(record);
            }
            self.base.next_if(|(key, _)| key.as_slice() == &***written);
            let record = Option::clone(value).map(|value| (written.to_vec(), value));
            self.writes.next();
            if record.is_some() {
                return record;
            }
        }
    }
}
