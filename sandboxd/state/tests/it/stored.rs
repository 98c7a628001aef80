//! States whose nodes are in a store, and what is written there.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbox_state::{
    ChangeSet, Difference, Key, Overlay, Snapshot, StateRoot, Storage, Unavailable, Value,
};

use crate::random::Random;
use crate::shelf::{Counted, Shelf, gone};

type Model = BTreeMap<Key, Value>;

fn changes(random: &mut Random, model: &mut Model) -> ChangeSet {
    let mut changes = ChangeSet::new();
    for _ in 0..random.below(12) {
        let key = random.key();
        if random.below(2) == 0 {
            model.remove(&key);
            changes.remove(key);
        } else {
            let value = random.value();
            model.insert(Arc::clone(&key), Arc::clone(&value));
            changes.set(key, value);
        }
    }
    changes
}

fn in_memory(model: &Model) -> Snapshot {
    model.iter().map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect()
}

/// Every question to `state` has the answer of `model`.
fn assert_is(state: &Snapshot, model: &Model, random: &mut Random) {
    let memory = in_memory(model);
    assert_eq!(state.root(), memory.root());
    for _ in 0..3 {
        let (key, after) = (random.key(), random.key());
        assert_eq!(state.read(&key).unwrap().as_ref(), model.get(&key));
        assert_eq!(state.length(&key).unwrap(), model.get(&key).map(|value| value.len()));
        assert_eq!(state.prove(&key), memory.prove(&key));
        assert_eq!(state.prove_prefix(&key), memory.prove_prefix(&key));
        assert!(state.list(&key, Some(&after)).eq(memory.list(&key, Some(&after))));
        assert!(state.list(&key, None).eq(memory.list(&key, None)));
        let (mut one, mut other) = (Overlay::new(state.clone()), Overlay::new(memory.clone()));
        assert_eq!(one.get_charged(&key), other.get_charged(&key));
        assert_eq!(one.range_prefix(&after), other.range_prefix(&after));
        assert_eq!(one.visits.proof_bytes(), other.visits.proof_bytes());
    }
    assert_eq!(state.memory_usage(), memory.memory_usage());
}

/// A chain over a store, which has the head and the states that were saved.
struct Chain {
    shelf: Arc<Shelf>,
    storage: Storage,
    head: (Snapshot, Model),
    saved: Vec<(Snapshot, Model)>,
}

impl Chain {
    fn new() -> Self {
        let (shelf, storage) = Shelf::new();
        let head = (Snapshot::stored(StateRoot::EMPTY, &storage), Model::new());
        Self { shelf, storage, head, saved: Vec::new() }
    }

    fn go_on(&mut self, random: &mut Random) {
        let (state, mut model) = self.head.clone();
        let after = state.apply(&changes(random, &mut model)).unwrap();
        self.shelf.replace(&state, &after).unwrap();
        self.head = (after, model);
    }

    fn save(&mut self) {
        self.shelf.replace(&Snapshot::empty(), &self.head.0).unwrap();
        self.saved.push(self.head.clone());
    }

    /// Goes back to a saved state. Those that were saved later are forgotten.
    fn revert(&mut self, random: &mut Random) {
        if self.saved.is_empty() {
            return;
        }
        let back_to = random.below(self.saved.len());
        for (state, _) in self.saved.drain(back_to + 1..) {
            self.shelf.replace(&state, &Snapshot::empty()).unwrap();
        }
        self.shelf.replace(&self.head.0, &self.saved[back_to].0).unwrap();
        self.head = self.saved[back_to].clone();
    }

    fn evict(&mut self) {
        let all = self.saved.iter_mut().chain([&mut self.head]);
        all.for_each(|(state, _)| *state = Snapshot::stored(state.root(), &self.storage));
    }

    fn assert_is_sound(&self, random: &mut Random) {
        let (state, model) = &self.head;
        assert_is(state, model, random);
        let mut all = Counted::default();
        for (_, model) in self.saved.iter().chain([&self.head]) {
            all.replace(&Snapshot::empty(), &in_memory(model)).unwrap();
        }
        assert_eq!(*self.shelf.kept.lock().unwrap(), all);
    }
}

#[test]
fn a_chain_over_a_store_is_one_in_memory_and_the_store_has_its_states_and_nothing_else() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let mut chain = Chain::new();
        for _ in 0..40 {
            match random.below(10) {
                0 | 1 => chain.evict(),
                2 => chain.save(),
                3 => chain.revert(&mut random),
                _ => chain.go_on(&mut random),
            }
            chain.assert_is_sound(&mut random);
        }
        // In the end nothing is left, neither in the store nor in memory.
        chain.shelf.replace(&chain.head.0, &Snapshot::empty()).unwrap();
        for (state, _) in std::mem::take(&mut chain.saved) {
            chain.shelf.replace(&state, &Snapshot::empty()).unwrap();
        }
        assert_eq!(*chain.shelf.kept.lock().unwrap(), Counted::default());
        chain.head.0 = Snapshot::empty();
        assert_eq!(chain.storage.resident_bytes(), 0);
    }
}

#[test]
fn what_fails_with_the_store_works_again_with_it() {
    let (mut failed, mut worked) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut chain = Chain::new();
        (0..6).for_each(|_| chain.go_on(&mut random));
        chain.evict();
        // What was read before is there without the store.
        let (state, mut model) = chain.head.clone();
        let known = random.key();
        let value = state.read(&known).unwrap();
        chain.shelf.set_gone(true);
        assert_eq!(state.read(&known), Ok(value));
        let memory = in_memory(&model);
        let mut check = |is_right: Result<bool, Unavailable>| match is_right {
            Ok(is_right) => {
                worked += 1;
                assert!(is_right);
            }
            Err(error) => {
                failed += 1;
                assert_eq!(error, gone());
            }
        };
        let key = random.key();
        check(state.read(&key).map(|value| value == memory.read(&key).unwrap()));
        check(state.prove(&key).map(|proof| proof == memory.prove(&key).unwrap()));
        check(state.prove_prefix(&key).map(|proof| proof == memory.prove_prefix(&key).unwrap()));
        let list: Result<Vec<_>, _> = state.list(&key, None).collect();
        check(list.map(|list| Ok(list) == memory.list(&key, None).collect()));
        let behind: Result<Vec<_>, _> = state.list(b"", Some(&key)).collect();
        check(behind.map(|list| Ok(list) == memory.list(b"", Some(&key)).collect()));
        check(state.memory_usage().map(|usage| Ok(usage) == memory.memory_usage()));
        let changes = changes(&mut random, &mut model);
        let root = in_memory(&model).root();
        check(state.apply(&changes).map(|after| after.root() == root));
        check(memory.difference(&state, |_| {}).map(|()| true));
        chain.shelf.set_gone(false);
        chain.assert_is_sound(&mut random);
        assert_eq!(state.apply(&changes).unwrap().root(), root);
    }
    assert!(failed > 100 && worked > 10, "{failed} and {worked}");
}

/// The state of so many records of 32 bytes under evenly spread keys, in a store and nowhere else.
fn large(records: u32) -> (Arc<Shelf>, Storage, Snapshot) {
    let (shelf, storage) = Shelf::new();
    let all: ChangeSet =
        (0..records).map(|number| (spread(number), Some([7; 32].into()))).collect();
    let empty = Snapshot::stored(StateRoot::EMPTY, &storage);
    let state = empty.apply(&all).unwrap();
    shelf.replace(&empty, &state).unwrap();
    let stored = Snapshot::stored(state.root(), &storage);
    (shelf, storage, stored)
}

fn spread(number: u32) -> Key {
    number.wrapping_mul(0x9e37_79b1).to_be_bytes().into()
}

#[test]
fn what_is_asked_of_the_store_is_the_way_to_the_key_and_once() {
    let (shelf, storage, state) = large(4096);
    assert_eq!(shelf.asked(), 0);
    assert!(storage.resident_bytes() < 1000, "all was dropped");
    assert!(state.length(&spread(7)).unwrap().is_some());
    let way = state.prove(&spread(7)).unwrap().nodes().len();
    assert_eq!(shelf.asked(), way, "the nodes, and not the value");
    assert!(state.clone().read(&spread(7)).unwrap().is_some());
    assert!(state.read(&spread(7)).unwrap().is_some());
    assert_eq!(shelf.asked(), way + 1);
}

#[test]
fn a_change_and_its_difference_cost_the_way_to_the_key_in_a_state_of_any_size() {
    let (shelf, _, before) = large(4096);
    let way = before.prove(&spread(7)).unwrap().nodes().len();
    let change: ChangeSet = [(spread(7), Some([8; 32].into()))].into_iter().collect();
    let after = before.apply(&change).unwrap();
    assert_eq!(shelf.asked(), way);
    assert_eq!(differences(&before, &after), [way, way, 1, 1]);
    assert_eq!(shelf.asked(), way);
}

fn differences(before: &Snapshot, after: &Snapshot) -> [usize; 4] {
    let mut seen = [0; 4];
    let count = |difference: Difference<'_>| match difference {
        Difference::NodeAdded { .. } => seen[0] += 1,
        Difference::NodeRemoved(_) => seen[1] += 1,
        Difference::ValueAdded { .. } => seen[2] += 1,
        Difference::ValueRemoved(_) => seen[3] += 1,
    };
    after.difference(before, count).unwrap();
    seen
}

#[test]
fn what_is_the_same_in_both_states_is_not_shown_or_fetched() {
    let (shelf, _, state) = large(64);
    let in_memory: Snapshot = (0..64).map(|number| (spread(number), [7; 32].into())).collect();
    assert_eq!(differences(&state, &in_memory), [0; 4]);
    assert_eq!(shelf.asked(), 0);
    let state = |records: &[(&str, &str)]| -> Snapshot {
        let bytes = |text: &str| text.as_bytes().into();
        records.iter().map(|(key, value)| (bytes(key), bytes(value))).collect()
    };
    let before = state(&[("ab", "1"), ("abc", "2")]);
    // The extension, the branch with its value, and the leaf, which others take the place of.
    let after = state(&[("ab", "1"), ("abc", "3")]);
    assert_eq!(differences(&before, &after), [3, 3, 1, 1]);
    // A branch and two leaves instead of the leaf.
    let after = state(&[("ab", "1"), ("abc", "2"), ("abd", "4")]);
    assert_eq!(differences(&before, &after), [5, 3, 1, 0]);
    assert_eq!(differences(&after, &before), [3, 5, 0, 1]);
    assert_eq!(differences(&Snapshot::empty(), &before), [3, 0, 2, 0]);
}

#[test]
fn a_state_larger_than_a_budget_is_made_and_read_within_it() {
    const BUDGET: usize = 300_000;
    let (shelf, storage) = Shelf::new();
    let mut state = Snapshot::stored(StateRoot::EMPTY, &storage);
    let mut most = 0;
    let mut bound = |state: Snapshot| {
        most = most.max(storage.resident_bytes());
        if storage.resident_bytes() < BUDGET {
            return state;
        }
        Snapshot::stored(state.root(), &storage)
    };
    for part in 0..80 {
        let part = (part * 100)..(part + 1) * 100;
        let records = part.map(|number| (spread(number), Some([7; 32].into())));
        let after = state.apply(&records.collect()).unwrap();
        shelf.replace(&state, &after).unwrap();
        state = bound(after);
    }
    for number in 0..8_000 {
        assert!(state.read(&spread(number)).unwrap().is_some());
        state = bound(state);
    }
    let all: Snapshot = (0..8_000).map(|number| (spread(number), [7; 32].into())).collect();
    assert_eq!(state.root(), all.root());
    assert!(most < 2 * BUDGET, "{most}");
    assert!(state.list(b"", None).all(|record| record.is_ok()));
    assert!(storage.resident_bytes() > 4 * BUDGET, "the whole would not fit");
}

#[test]
fn memory_is_counted_while_somebody_has_it() {
    let (_, storage, state) = large(4096);
    let nothing = storage.resident_bytes();
    assert!(state.list(b"", None).all(|record| record.is_ok()));
    let all = storage.resident_bytes();
    assert!(all > nothing + 4096 * 100, "{all}");
    // What was taken for it, and what an allocator takes beside that.
    let (again, taken) = fixtures::memory::peak(|| {
        let again = Snapshot::stored(state.root(), &storage);
        assert!(again.list(b"", None).all(|record| record.is_ok()));
        again
    });
    let counted = storage.resident_bytes() - all;
    assert!((taken..taken / 10 * 13).contains(&counted), "{counted} of {taken}");
    drop(again);
    assert_eq!(storage.resident_bytes(), all);
    let copy = state.clone();
    drop(state);
    assert_eq!(storage.resident_bytes(), all);
    drop(copy);
    assert_eq!(storage.resident_bytes(), 0);
}

#[test]
fn a_state_can_be_read_by_several_at_once() {
    let (_, storage, state) = large(512);
    let read = |state: &Snapshot| assert_eq!(state.list(b"", None).flatten().count(), 512);
    read(&state);
    let once = storage.resident_bytes();
    let again = Snapshot::stored(state.root(), &storage);
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| read(&again)))));
    assert_eq!(storage.resident_bytes(), 2 * once, "each part is kept once, whoever fetched it");
}

#[test]
fn what_the_store_changed_is_named_and_never_believed() {
    let (shelf, storage, state) = large(64);
    let key = spread(7);
    let whole = shelf.kept.lock().unwrap().clone();
    let value = state.read(&key).unwrap();
    let mut named = 0;
    for (hash, (_, node)) in &whole.nodes {
        for changed in [flip(node), node[..node.len() - 1].to_vec(), Vec::new()] {
            shelf.kept.lock().unwrap().nodes.get_mut(hash).unwrap().1 = changed;
            let state = Snapshot::stored(state.root(), &storage);
            let name = StateRoot(*hash).to_string();
            match state.read(&key) {
                Ok(found) => assert_eq!(found, value, "another node"),
                Err(error) => {
                    named += 1;
                    assert!(error.to_string().contains(&name), "{error}");
                }
            }
            *shelf.kept.lock().unwrap() = whole.clone();
            assert_eq!(state.read(&key).unwrap(), value);
        }
    }
    assert_eq!(named, 3 * state.prove(&key).unwrap().nodes().len());
    for kept in shelf.kept.lock().unwrap().values.values_mut() {
        kept.1 = flip(&kept.1).into();
    }
    let error = Snapshot::stored(state.root(), &storage).read(&key).unwrap_err();
    assert!(error.to_string().starts_with("value ") && error.to_string().contains("is corrupt"));
}

fn flip(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    flipped
}
