//! The counts of visited nodes, on tries small enough to count by hand.

use std::collections::BTreeSet;

use sandbox_state::{Overlay, Snapshot, Visits};

use crate::random::Random;

/// `aaa`, `abb` and `baa` make: extension 6 to a branch; there 2 is the leaf of `baa`, and 1 leads over
/// the extension 6 to a branch with the leaves of `aaa` and `abb`.
fn overlay() -> Overlay {
    let records = [(*b"aaa", [0]), (*b"abb", [1]), (*b"baa", [2])];
    let state: Snapshot =
        records.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Overlay::new(state)
}

fn old_value(overlay: &mut Overlay, key: &[u8]) -> (u64, u64) {
    let (_, Visits { touched, cached }) = overlay.get_charged(key).unwrap();
    (touched, cached)
}

/// The value as `storage_read` reads it, or whether there is one.
fn read(overlay: &mut Overlay, key: &[u8]) -> Option<sandbox_state::Value> {
    let found = overlay.find(key).unwrap()?;
    Some(overlay.read(found).unwrap().0)
}

/// The same records and counts as in nearcore's `core/store/src/trie/trie_tests.rs`.
#[test]
fn each_node_on_the_way_and_the_value_count_as_touched_once_and_then_as_cached() {
    let mut overlay = overlay();
    for (key, all) in [(b"aaa", 6), (b"abb", 6), (b"baa", 4)] {
        assert_eq!(old_value(&mut overlay.clone(), key), (all, 0));
    }
    assert_eq!(old_value(&mut overlay, b"aaa"), (6, 0));
    assert_eq!(old_value(&mut overlay, b"abb"), (2, 4));
    assert_eq!(old_value(&mut overlay, b"baa"), (2, 2));
    assert_eq!(old_value(&mut overlay, b"baa"), (0, 4));
}

#[test]
fn a_missing_key_counts_the_way_to_the_node_that_does_not_match() {
    let overlay = overlay();
    let count = |key: &[u8]| old_value(&mut overlay.clone(), key);
    assert_eq!(count(b"q"), (1, 0), "the first extension");
    assert_eq!(count(b"c"), (2, 0), "and the branch that has no such child");
    assert_eq!(count(b"baz"), (3, 0), "and a leaf with another rest");
    assert_eq!(count(b""), (1, 0), "a key that ends within the extension");
}

#[test]
fn a_key_that_is_a_prefix_of_another_has_its_value_in_a_branch() {
    let records = [("a", "1"), ("ab", "2")]
        .map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let mut overlay = Overlay::new(records.into_iter().collect());
    assert_eq!(old_value(&mut overlay, b"a"), (3, 0), "extension, branch, value");
    assert_eq!(old_value(&mut overlay, b"ab"), (2, 2), "and from there a leaf, a value");
}

#[test]
fn nothing_is_visited_in_an_empty_state() {
    let overlay = Overlay::new(Snapshot::empty());
    assert_eq!(old_value(&mut overlay.clone(), b"aaa"), (0, 0));
}

#[test]
fn pending_writes_and_removals_cost_nothing_until_they_are_reverted() {
    let mut overlay = overlay();
    let mark = overlay.checkpoint();
    overlay.set(*b"aaa", *b"new");
    overlay.set(*b"a key that the trie has not", *b"new");
    overlay.remove(b"abb");
    for key in [b"aaa".as_slice(), b"abb", b"a key that the trie has not"] {
        assert_eq!(old_value(&mut overlay, key), (0, 0));
    }
    overlay.revert_to(mark);
    assert_eq!(old_value(&mut overlay, b"aaa"), (6, 0));
    assert_eq!(old_value(&mut overlay, b"abb"), (2, 4));
}

#[test]
fn a_read_is_free_and_leaves_its_value_cached_for_a_write() {
    let mut overlay = overlay();
    assert_eq!(read(&mut overlay, b"aaa").as_deref(), Some([0].as_slice()));
    assert_eq!(old_value(&mut overlay, b"aaa"), (5, 1));
    overlay.set(*b"abb", [7]);
    assert_eq!(read(&mut overlay, b"abb").as_deref(), Some([7].as_slice()));
}

#[test]
fn asking_for_a_key_without_reading_it_visits_nothing() {
    let mut overlay = overlay();
    assert!(overlay.find(b"aaa").unwrap().is_some());
    assert!(overlay.find(b"zzz").unwrap().is_none());
    assert!(overlay.get(b"aaa").unwrap().is_some());
    assert_eq!(old_value(&mut overlay, b"aaa"), (6, 0));
}

/// Lengths by hand: an extension has 46 bytes, a branch of two 75, the leaf of `aaa` 51.
#[test]
fn the_proof_holds_each_node_and_value_once_however_it_was_read() {
    let mut overlay = overlay();
    assert!(overlay.find(b"q").unwrap().is_none());
    assert_eq!(overlay.visits.proof_bytes(), 46, "the extension that does not match");
    let found = overlay.find(b"aaa").unwrap().unwrap();
    let way = 2 * 46 + 2 * 75 + 51;
    assert_eq!(overlay.visits.proof_bytes(), way);
    let _ = overlay.read(found).unwrap();
    assert_eq!(overlay.visits.proof_bytes(), way + 1);
    assert_eq!(old_value(&mut overlay, b"aaa"), (5, 1));
    assert!(overlay.get(b"aaa").unwrap().is_some());
    assert_eq!(overlay.visits.proof_bytes(), way + 1, "all of it is there already");
    overlay.set(*b"new", *b"a value that is no part of the state before");
    assert!(overlay.get(b"new").unwrap().is_some());
    overlay.visits.add_removal();
    assert_eq!(overlay.visits.proof_bytes(), way + 1 + 2000);
}

#[test]
fn the_proof_is_as_large_as_the_nodes_and_values_that_prove_the_same() {
    let mut random = Random::new(10);
    for size in 0..60 {
        let state: Snapshot = (0..size).map(|_| (random.key(), random.value())).collect();
        let mut overlay = Overlay::new(state.clone());
        let mut nodes = BTreeSet::new();
        for _ in 0..10 {
            let key = random.key();
            nodes.extend(state.prove(&key).unwrap().into_nodes());
            nodes.extend(overlay.get(&key).unwrap());
        }
        let prefix = random.key();
        nodes.extend(state.prove_prefix(&prefix).unwrap().into_nodes());
        nodes.extend(overlay.range_prefix(&prefix).unwrap().into_iter().map(|(_, value)| value));
        let bytes = nodes.iter().map(|node| node.len()).sum::<usize>();
        assert_eq!(overlay.visits.proof_bytes(), u64::try_from(bytes).unwrap());
    }
}

#[test]
fn a_length_is_free_and_a_way_without_its_value_leaves_the_value_untouched() {
    let mut overlay = overlay();
    let (found, way) = overlay.find_by_trie(b"aaa").unwrap();
    assert_eq!((found.unwrap().len(), way), (1, Visits { touched: 5, cached: 0 }));
    assert_eq!(old_value(&mut overlay, b"aaa"), (1, 5));
}

#[test]
fn equal_values_and_equal_subtrees_are_visited_as_one() {
    let records = [("xa1", "v"), ("xa2", "v"), ("yb1", "v"), ("yb2", "v")];
    let records = records.map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let mut overlay = Overlay::new(records.into_iter().collect());
    // Extension 7, branch 8 or 9, extension to the last nibble, branch, leaf without a path, value.
    assert_eq!(old_value(&mut overlay, b"xa1"), (6, 0));
    assert_eq!(old_value(&mut overlay, b"xa2"), (0, 6), "both leaves are the same node");
    assert_eq!(old_value(&mut overlay, b"yb1"), (1, 5), "only the extension is another");
}

#[test]
fn visits_since_a_checkpoint_can_be_forgotten() {
    let mut overlay = overlay();
    // Recorded by a read, visited by none.
    assert!(overlay.find(b"aaa").unwrap().is_some());
    let (at, bytes) = (overlay.visits.checkpoint(), overlay.visits.proof_bytes());
    let first = [b"aaa", b"baa"].map(|key| old_value(&mut overlay, key));
    overlay.visits.add_removal();
    overlay.visits.revert_to(at);
    assert_eq!(overlay.visits.proof_bytes(), bytes);
    let again = [b"aaa", b"baa"].map(|key| old_value(&mut overlay, key));
    assert_eq!(again, first);
}
