//! What a block changed: the last value of each key that was written, or that it was removed. Knows
//! nothing of the order of the writes or of who made them.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{Key, Value};

/// Changes to a set of records, at most one for each key.
///
/// `Some(value)` sets a record, `None` removes it. Removing what is not there is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet(BTreeMap<Key, Option<Value>>);

impl ChangeSet {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`, in place of an earlier change of the same key.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.0.insert(key.into(), Some(value.into()));
    }

    /// Removes `key`, in place of an earlier change of the same key.
    pub fn remove(&mut self, key: impl Into<Key>) {
        self.0.insert(key.into(), None);
    }

    /// Whether `key` is changed.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.0.contains_key(key)
    }

    /// The change of `key`, if there is one: its value, or that it is removed.
    pub fn get(&self, key: &[u8]) -> Option<Option<&Value>> {
        self.0.get(key).map(Option::as_ref)
    }

    /// The changes of the keys that begin with `prefix`, in the order of their keys.
    pub fn under<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a Key, Option<&'a Value>)> {
        self.0
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key, value.as_ref()))
    }

    /// Forgets the changes that `is_kept` does not hold for.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&Key, Option<&Value>) -> bool) {
        self.0.retain(|key, value| is_kept(key, value.as_ref()));
    }

    /// The changes in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, Option<&Value>)> {
        self.0.iter().map(|(key, value)| (key, value.as_ref()))
    }

    /// How many keys are changed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Key, Option<Value>)> for ChangeSet {
    fn from_iter<I: IntoIterator<Item = (Key, Option<Value>)>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}

impl Extend<(Key, Option<Value>)> for ChangeSet {
    fn extend<I: IntoIterator<Item = (Key, Option<Value>)>>(&mut self, changes: I) {
        self.0.extend(changes);
    }
}

impl IntoIterator for ChangeSet {
    type Item = (Key, Option<Value>);
    type IntoIter = std::collections::btree_map::IntoIter<Key, Option<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
