//! States that go on from one that is kept elsewhere.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sandbox_state::{
    ChangeSet, Elsewhere, Key, Overlay, Snapshot, StateRoot, Stored, Unavailable, Value,
};

use crate::random::Random;
use crate::shelf;

/// Records in memory that can be out of reach.
#[derive(Debug, Default)]
struct Shelf {
    records: BTreeMap<Key, Value>,
    is_gone: AtomicBool,
}

impl Shelf {
    fn reach(&self) -> Result<(), Unavailable> {
        if self.is_gone.load(Ordering::Relaxed) { Err(gone()) } else { Ok(()) }
    }
}

fn gone() -> Unavailable {
    Unavailable::new("the shelf is gone")
}

impl Elsewhere for Shelf {
    fn may_have(&self, key: &[u8]) -> bool {
        self.records.contains_key(key)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Stored>, Unavailable> {
        self.reach()?;
        Ok(self.records.get(key).map(|value| Stored::new(Arc::clone(value))))
    }

    fn next(&self, prefix: &[u8], from: &[u8]) -> Result<Option<(Key, Stored)>, Unavailable> {
        self.reach()?;
        let from = (Bound::Included(from.max(prefix)), Bound::Unbounded);
        let mut behind = self.records.range::<[u8], _>(from);
        let next = behind.next().filter(|(key, _)| key.starts_with(prefix));
        Ok(next.map(|(key, value)| (Arc::clone(key), Stored::new(Arc::clone(value)))))
    }
}

fn random_shelf(random: &mut Random, size: usize) -> Arc<Shelf> {
    let records = (0..size).map(|_| (random.key(), random.value())).collect();
    Arc::new(Shelf { records, is_gone: AtomicBool::new(false) })
}

#[test]
fn the_two_parts_are_one_state() {
    let mut random = Random::new(11);
    for round in 0..100 {
        let shelf = random_shelf(&mut random, round % 40);
        let mut model: BTreeMap<Key, Value> = shelf.records.clone();
        let elsewhere = Arc::<Shelf>::clone(&shelf);
        let mut state = Snapshot::empty().over(elsewhere);
        let mut kept = Vec::new();
        for _ in 0..10 {
            kept.push((state.clone(), model.clone()));
            let mut block = Overlay::new(state.clone());
            for _ in 0..random.below(12) {
                let key = random.key();
                assert_eq!(block.get(&key).unwrap().as_ref(), model.get(&key));
                assert_eq!(block.peek(&key).unwrap().as_ref(), model.get(&key));
                let (old, _) = block.get_charged(&key).unwrap();
                assert_eq!(old.as_ref(), model.get(&key));
                if random.below(3) == 0 {
                    block.remove(&key);
                    model.remove(&key);
                } else {
                    let value = random.value();
                    block.set(Arc::clone(&key), Arc::clone(&value));
                    model.insert(key, value);
                }
                let prefix = random.key();
                assert_eq!(block.range_prefix(&prefix).unwrap(), with_prefix(&model, &prefix));
            }
            state = state.apply(&block.into_changes()).unwrap();
        }
        kept.push((state, model));
        for (state, model) in kept {
            for _ in 0..20 {
                let (prefix, after) = (random.key(), random.key());
                assert_eq!(state.read(&prefix).unwrap().as_ref(), model.get(&prefix));
                let mut expected = with_prefix(&model, &prefix);
                let all: Result<Vec<_>, _> = state.list(&prefix, None).collect();
                assert_eq!(all.unwrap(), expected);
                expected.retain(|(key, _)| key.as_slice() > &*after);
                let page: Result<Vec<_>, _> = state.list(&prefix, Some(&after)).collect();
                assert_eq!(page.unwrap(), expected);
            }
        }
    }
}

fn with_prefix(model: &BTreeMap<Key, Value>, prefix: &[u8]) -> Vec<(Vec<u8>, Value)> {
    let all = model.iter().filter(|(key, _)| key.starts_with(prefix));
    all.map(|(key, value)| (key.to_vec(), Arc::clone(value))).collect()
}

#[test]
fn what_is_here_needs_nobody_and_the_rest_is_an_error_until_it_is_back() {
    let shelf = Arc::new(Shelf {
        records: [(Key::from(*b"far"), Value::from(*b"1"))].into(),
        is_gone: AtomicBool::new(true),
    });
    let elsewhere = Arc::<Shelf>::clone(&shelf);
    let near: Snapshot = [(Key::from(*b"near"), Value::from(*b"2"))].into_iter().collect();
    let state = near.over(elsewhere);
    assert_eq!(state.read(b"near").unwrap().as_deref(), Some(b"2".as_slice()));
    assert_eq!(state.read(b"far"), Err(gone()));
    assert_eq!(state.list(b"f", None).collect::<Vec<_>>(), [Err(gone())]);
    let mut block = Overlay::new(state.clone());
    assert_eq!(block.get(b"far"), Err(gone()));
    assert_eq!(block.range_prefix(b""), Err(gone()));
    assert!(block.find(b"far").is_err() && block.find_by_trie(b"far").is_err());
    block.set(*b"far", *b"3");
    assert_eq!(block.get(b"far").unwrap().as_deref(), Some(b"3".as_slice()));
    let after = state.apply(&block.into_changes()).unwrap();
    assert_eq!(after.read(b"far").unwrap().as_deref(), Some(b"3".as_slice()));
    shelf.is_gone.store(false, Ordering::Relaxed);
    assert_eq!(state.read(b"far").unwrap().as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_state_may_go_on_in_a_store_from_one_that_is_elsewhere() {
    let record = |key: &[u8]| (Key::from(key), Value::from(key));
    let elsewhere = Arc::new(Shelf {
        records: [record(b"a"), record(b"c")].into(),
        is_gone: AtomicBool::default(),
    });
    let here: Snapshot = [record(b"b"), record(b"d")].into_iter().collect();
    let (store, storage) = shelf::Shelf::new();
    store.replace(&Snapshot::empty(), &here).unwrap();
    let state = Snapshot::stored(here.root(), &storage).over(elsewhere);
    store.set_gone(true);
    let list = || state.list(b"", None).collect::<Result<Vec<_>, _>>();
    assert_eq!(list(), Err(shelf::gone()));
    assert_eq!(state.read(b"a"), Err(shelf::gone()), "a record here would hide that one");
    store.set_gone(false);
    let keys: Vec<_> = list().unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"a", b"b", b"c", b"d"]);
    assert_eq!(state.read(b"a").unwrap().as_deref(), Some(b"a".as_slice()));
}

#[test]
fn the_root_is_that_of_the_records_that_are_here() {
    let elsewhere = Arc::new(Shelf {
        records: [(Key::from(*b"far"), Value::from(*b"1"))].into(),
        is_gone: AtomicBool::default(),
    });
    let state = Snapshot::empty().over(elsewhere);
    assert!(state.is_partial() && !Snapshot::empty().is_partial());
    assert_eq!(state.root(), StateRoot::EMPTY);
    assert_eq!(state.get_here(b"far").unwrap(), None);
    let removed =
        state.apply(&[(Key::from(*b"far"), None)].into_iter().collect::<ChangeSet>()).unwrap();
    assert_eq!(removed.root(), StateRoot::EMPTY);
    assert_eq!(removed.read(b"far"), Ok(None));
    assert!(state.read(b"far").unwrap().is_some(), "the state before has it still");
}

#[test]
fn values_from_elsewhere_are_visits_without_a_way() {
    let elsewhere = Arc::new(Shelf {
        records: [(Key::from(*b"far"), Value::from(*b"1"))].into(),
        is_gone: AtomicBool::default(),
    });
    let mut block = Overlay::new(Snapshot::empty().over(elsewhere));
    let (value, count) = block.get_charged(b"far").unwrap();
    assert_eq!(value.as_deref(), Some(b"1".as_slice()));
    assert_eq!((count.touched, count.cached), (1, 0));
    assert_eq!(block.visits.proof_bytes(), 1);
    let (_, count) = block.get_charged(b"far").unwrap();
    assert_eq!((count.touched, count.cached), (0, 1));
}
