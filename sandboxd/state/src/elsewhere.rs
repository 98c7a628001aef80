//! Records that are not in the trie, because the state goes on from one that is kept somewhere else.
//! Knows how the two are one state; how records are got from there, who implements [`Elsewhere`]
//! knows.

use std::fmt;
use std::iter::Peekable;
use std::sync::Arc;

use rpds::HashTrieSetSync;

use crate::value::Stored;
use crate::{ChangeSet, Key, Value};

/// The state that a snapshot goes on from, kept somewhere else. It never changes: two answers to the
/// same question are the same, but for those that fail.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// Whether there may be a record under `key`, as far as that is known without asking.
    fn may_have(&self, key: &[u8]) -> bool;

    /// The record under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Stored>, Unavailable>;

    /// The first record whose key begins with `prefix` and is not before `from`.
    fn next(&self, prefix: &[u8], from: &[u8]) -> Result<Option<(Key, Stored)>, Unavailable>;
}

/// What a state should hold at some place cannot be found out now. Later it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(Arc<str>);

impl Unavailable {
    /// Says what could not be got, and why.
    pub fn new(explanation: impl Into<Arc<str>>) -> Self {
        Self(explanation.into())
    }
}

/// What a snapshot has elsewhere, without the records that it removed since.
#[derive(Clone, Debug)]
pub(crate) struct Remainder {
    elsewhere: Arc<dyn Elsewhere>,
    removed: HashTrieSetSync<Key>,
}

impl Remainder {
    pub(crate) fn new(elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { elsewhere, removed: HashTrieSetSync::new_sync() }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Stored>, Unavailable> {
        if self.removed.contains(key) { Ok(None) } else { self.elsewhere.get(key) }
    }

    fn next(&self, prefix: &[u8], from: &[u8]) -> Result<Option<(Key, Stored)>, Unavailable> {
        let mut from = from.to_vec();
        loop {
            match self.elsewhere.next(prefix, &from)? {
                Some((key, _)) if self.removed.contains(&key) => from = behind(&key),
                found => return Ok(found),
            }
        }
    }

    /// What is left after `changes`; `None` if that is the same.
    pub(crate) fn after(&self, changes: &ChangeSet) -> Option<Self> {
        let mut after = self.clone();
        for (key, value) in changes.iter() {
            if value.is_some() {
                after.removed.remove_mut(key);
            } else if self.elsewhere.may_have(key) {
                after.removed.insert_mut(Arc::clone(key));
            }
        }
        (!after.removed.is_empty() || !self.removed.is_empty()).then_some(after)
    }
}

/// A record, if it can be read.
pub(crate) type Record = Result<(Vec<u8>, Value), Unavailable>;

/// The records of the trie and those that are elsewhere, in the order of their keys.
pub(crate) struct Both<'a, H: Iterator> {
    here: Peekable<H>,
    /// `None` once all is read.
    remainder: Option<&'a Remainder>,
    ahead: Option<(Key, Stored)>,
    prefix: Vec<u8>,
    from: Vec<u8>,
}

impl<'a, H: Iterator<Item = Record>> Both<'a, H> {
    /// The records `here`, which begin with `prefix` and are not before `from`, with those of the
    /// `remainder` that do so too.
    pub(crate) fn new(
        here: H,
        remainder: Option<&'a Remainder>,
        prefix: &[u8],
        from: Vec<u8>,
    ) -> Self {
        Self { here: here.peekable(), remainder, ahead: None, prefix: prefix.to_vec(), from }
    }

    fn look_ahead(&mut self) -> Result<(), Unavailable> {
        if let (None, Some(remainder)) = (&self.ahead, self.remainder) {
            self.remainder = None;
            self.ahead = remainder.next(&self.prefix, &self.from)?;
            if let Some((key, _)) = &self.ahead {
                self.from = behind(key);
                self.remainder = Some(remainder);
            }
        }
        Ok(())
    }
}

impl<H: Iterator<Item = Record>> Iterator for Both<'_, H> {
    /// A record, with its hash if it is elsewhere.
    type Item = Result<(Vec<u8>, Found), Unavailable>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(unavailable) = self.look_ahead() {
            return Some(Err(unavailable));
        }
        let Some((ahead, _)) = &self.ahead else {
            return Some(self.here.next()?.map(|(key, value)| (key, Found::Here(value))));
        };
        let is_next =
            |record: &Record| record.as_ref().map_or(true, |(key, _)| key.as_slice() <= &**ahead);
        if let Some(record) = self.here.next_if(is_next) {
            if record.as_ref().is_ok_and(|(key, _)| key.as_slice() == &**ahead) {
                self.ahead = None;
            }
            return Some(record.map(|(key, value)| (key, Found::Here(value))));
        }
        let (key, stored) = self.ahead.take()?;
        Some(Ok((key.to_vec(), Found::Elsewhere(stored))))
    }
}

/// A record of [`Both`].
pub(crate) enum Found {
    Here(Value),
    Elsewhere(Stored),
}

impl Found {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Here(value) => value,
            Self::Elsewhere(stored) => stored.bytes,
        }
    }
}

/// The first key behind `key`.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
