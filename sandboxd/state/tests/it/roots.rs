//! The state root: NEAR's, and the same for the same records however they came about.

use sandbox_state::{ChangeSet, Key, Snapshot, StateRoot, Value};

use crate::random::Random;
use crate::reference::{self, Records};

fn snapshot(records: &Records) -> Snapshot {
    records.iter().map(|(key, value)| (Key::from(&key[..]), Value::from(&value[..]))).collect()
}

fn assert_agrees(state: &Snapshot, records: &Records) {
    let (root, usage) = reference::root(records);
    assert_eq!(state.root(), StateRoot(root));
    assert_eq!(state.memory_usage().unwrap(), usage);
}

#[test]
fn no_records_have_a_root_of_zeros() {
    assert_eq!(Snapshot::empty().root(), StateRoot([0; 32]));
    assert_eq!(Snapshot::empty().memory_usage().unwrap(), 0);
    assert_eq!(Snapshot::empty().root().to_string(), "0".repeat(64));
}

#[test]
fn memory_usage_of_one_record_is_path_and_value_and_two_nodes() {
    let state: Snapshot = [(Key::from(*b"abcd"), Value::from(*b"56789"))].into_iter().collect();
    assert_eq!(state.memory_usage().unwrap(), 50 + 2 * 5 + 50 + 5);
}

#[test]
fn random_states_have_the_root_of_the_reference() {
    let mut random = Random::new(1);
    for size in 0..120 {
        let records: Records =
            (0..size).map(|_| (random.key().to_vec(), random.value().to_vec())).collect();
        assert_agrees(&snapshot(&records), &records);
    }
}

#[test]
fn every_order_of_insertions_has_the_same_root() {
    let mut random = Random::new(2);
    let mut records: Vec<_> = (0..300).map(|_| (random.key(), random.value())).collect();
    records.sort();
    records.dedup_by(|one, other| one.0 == other.0);
    let root = records.iter().cloned().collect::<Snapshot>().root();
    for _ in 0..20 {
        random.shuffle(&mut records);
        assert_eq!(records.iter().cloned().collect::<Snapshot>().root(), root);
    }
}

#[test]
fn blocks_of_random_changes_keep_to_the_reference_and_leave_old_states_alone() {
    let mut random = Random::new(3);
    let (mut state, mut records) = (Snapshot::empty(), Records::new());
    let mut past = Vec::new();
    for _ in 0..400 {
        past.push((state.clone(), records.clone()));
        let mut changes = ChangeSet::new();
        for _ in 0..random.below(12) {
            let key = random.key();
            if random.below(2) == 0 {
                records.remove(&*key);
                changes.remove(key);
            } else {
                let value = random.value();
                records.insert(key.to_vec(), value.to_vec());
                changes.set(key, value);
            }
        }
        state = state.apply(&changes).unwrap();
        assert_agrees(&state, &records);
    }
    for (state, records) in past {
        assert_agrees(&state, &records);
        assert!(state.range_here(&[]).map(Result::unwrap).eq(records.iter().map(own)));
    }
}

fn own((key, value): (&Vec<u8>, &Vec<u8>)) -> (Vec<u8>, Value) {
    (key.clone(), Value::from(&value[..]))
}

#[test]
fn what_is_inserted_and_removed_again_leaves_no_trace() {
    let mut random = Random::new(4);
    let before: Snapshot = (0..60).map(|_| (random.key(), random.value())).collect();
    for _ in 0..500 {
        let key = random.key();
        if before.get_here(&key).unwrap().is_some() {
            continue;
        }
        let (mut insert, mut remove) = (ChangeSet::new(), ChangeSet::new());
        insert.set(Key::clone(&key), random.value());
        remove.remove(key);
        let between = before.apply(&insert).unwrap();
        assert_ne!(between.root(), before.root());
        let after = between.apply(&remove).unwrap();
        assert_eq!(
            (after.root(), after.memory_usage().unwrap()),
            (before.root(), before.memory_usage().unwrap())
        );
    }
}

#[test]
fn removing_everything_gives_the_empty_state() {
    let mut random = Random::new(5);
    let full: Snapshot = (0..200).map(|_| (random.key(), random.value())).collect();
    let all: ChangeSet =
        full.range_here(&[]).map(Result::unwrap).map(|(key, _)| (Key::from(key), None)).collect();
    assert!(full.apply(&all).unwrap().is_empty());
}

/// Each byte of such a key is a branch and an extension, on a stack that recursion would overflow.
#[test]
fn the_deepest_trie_that_a_guest_can_make_is_no_danger() {
    let work = || {
        let longest = vec![b'a'; 2100];
        let prefixes = || (0..=longest.len()).map(|end| Key::from(&longest[..end]));
        let state: Snapshot = prefixes().map(|key| (key, Value::from(*b"x"))).collect();
        assert!(state.get_here(&longest).unwrap().is_some());
        assert_eq!(state.range_here(b"aa").map(Result::unwrap).count(), 2099);
        assert_eq!(state.list(b"a", Some(&longest[..2000])).count(), 100);
        assert_eq!(
            state.prove(&longest).unwrap().verify(&state.root(), &longest, Some(b"x")),
            Ok(())
        );
        let every_other = prefixes().step_by(2).map(|key| (key, None)).collect();
        let half = state.apply(&every_other).unwrap();
        drop(state);
        assert_eq!(half.range_here(b"").map(Result::unwrap).count(), 1050);
    };
    std::thread::Builder::new().stack_size(160 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn records_that_come_at_once_give_the_root_that_they_give_one_by_one() {
    // Each key is the beginning of the next, deeper than any stack of calls should be.
    let nested: Vec<Key> = (0..1_500_usize).map(|length| vec![0x61; length].into()).collect();
    let value = |place: usize| Value::from(place.to_le_bytes());
    let all = |keys: &[Key]| -> ChangeSet {
        keys.iter().enumerate().map(|(place, key)| (Key::clone(key), Some(value(place)))).collect()
    };
    let one_by_one = |keys: &[Key]| {
        let records = keys.iter().enumerate();
        records.map(|(place, key)| (Key::clone(key), value(place))).collect::<Snapshot>()
    };
    let at_once = Snapshot::empty().apply(&all(&nested)).unwrap();
    assert_eq!(at_once.root(), one_by_one(&nested).root());
    // Into a trie that has some: leaves and extensions part in all ways.
    for start in 0..40 {
        let mut random = Random::new(start);
        let records: Vec<(Key, Value)> = (0..30).map(|_| (random.key(), random.value())).collect();
        let mut expected: Snapshot = records[..5].iter().cloned().collect();
        let changes: ChangeSet = records
            .iter()
            .map(|(key, value)| (Key::clone(key), Some(Value::clone(value))))
            .collect();
        let at_once = expected.apply(&changes).unwrap();
        for (key, value) in records {
            let mut one = ChangeSet::new();
            one.set(key, value);
            expected = expected.apply(&one).unwrap();
        }
        assert_eq!(at_once.root(), expected.root(), "{start}");
    }
}
