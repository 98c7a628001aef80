//! What is known of the state that a fork goes on from: records, and the stretches of keys where
//! there are no others. Knows bytes only.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use sandbox_state::{Key, Stored};

/// Records, and where all of them are known.
#[derive(Debug, Default)]
pub(super) struct Facts {
    records: BTreeMap<Key, Stored>,
    /// From where to where, the end not included. They neither overlap nor touch.
    known: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What is known of a place.
#[derive(Debug)]
pub(super) enum Known<T> {
    Is(T),
    Nothing,
    /// Not known from this key on.
    Unknown(Vec<u8>),
}

impl Facts {
    /// What is known of the record under `key`.
    pub(super) fn get(&self, key: &[u8]) -> Known<Stored> {
        match (self.records.get(key), self.end_of_known(key)) {
            (Some(stored), _) => Known::Is(stored.clone()),
            (None, Some(_)) => Known::Nothing,
            (None, None) => Known::Unknown(key.to_vec()),
        }
    }

    /// The first record from `from` on and before `to`, or what has to be known to tell.
    pub(super) fn next(&self, from: &[u8], to: &[u8]) -> Known<(Key, Stored)> {
        if from >= to {
            return Known::Nothing;
        }
        let Some(end) = self.end_of_known(from) else { return Known::Unknown(from.to_vec()) };
        let range = (Bound::Included(from), Bound::Excluded(end.min(to)));
        match self.records.range::<[u8], _>(range).next() {
            Some((key, stored)) => Known::Is((Arc::clone(key), stored.clone())),
            None if end < to => Known::Unknown(end.to_vec()),
            None => Known::Nothing,
        }
    }

    /// Learns that from `from` on and before `to` there are these `records` and no others. What was
    /// known before stays.
    pub(super) fn learn(
        &mut self,
        from: Vec<u8>,
        to: Vec<u8>,
        records: impl IntoIterator<Item = (Vec<u8>, Stored)>,
    ) {
        if from >= to {
            return;
        }
        for (key, stored) in records {
            let inside = key >= from && key < to;
            if inside && matches!(self.get(&key), Known::Unknown(_)) {
                self.records.insert(key.into(), stored);
            }
        }
        self.join(from, to);
    }

    fn join(&mut self, mut from: Vec<u8>, mut to: Vec<u8>) {
        if let Some((start, end)) = self.stretch_before(&from)
            && *end >= from
        {
            to = to.max(end.clone());
            from.clone_from(start);
        }
        let range = (Bound::Included(&from), Bound::Included(&to));
        let touched: Vec<Vec<u8>> =
            self.known.range::<Vec<u8>, _>(range).map(|(start, _)| start.clone()).collect();
        for start in touched {
            if let Some(end) = self.known.remove(&start) {
                to = to.max(end);
            }
        }
        self.known.insert(from, to);
    }

    /// The end of the stretch that has `key` in it.
    fn end_of_known(&self, key: &[u8]) -> Option<&[u8]> {
        let (_, end) = self.stretch_before(key)?;
        (key < end.as_slice()).then_some(end)
    }

    /// The last stretch that does not start behind `key`.
    fn stretch_before(&self, key: &[u8]) -> Option<(&Vec<u8>, &Vec<u8>)> {
        self.known.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()
    }
}

#[cfg(test)]
mod tests;
