//! The counts of visited nodes, on tries small enough to count by hand.

use sandbox_state::{NodeVisits, Overlay, Snapshot, Visits};

/// `aaa`, `abb` and `baa` make: extension 6 to a branch; there 2 is the leaf of `baa`, and 1 leads over
/// the extension 6 to a branch with the leaves of `aaa` and `abb`.
fn overlay() -> Overlay {
    let records = [(*b"aaa", [0]), (*b"abb", [1]), (*b"baa", [2])];
    let state: Snapshot =
        records.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Overlay::new(state)
}

fn old_value(overlay: &Overlay, key: &[u8], visits: &mut NodeVisits) -> (u64, u64) {
    let (_, Visits { touched, cached }) = overlay.get_charged(key, visits);
    (touched, cached)
}

/// The same records and counts as in nearcore's `core/store/src/trie/trie_tests.rs`.
#[test]
fn each_node_on_the_way_and_the_value_count_as_touched_once_and_then_as_cached() {
    let overlay = overlay();
    for (key, all) in [(b"aaa", 6), (b"abb", 6), (b"baa", 4)] {
        assert_eq!(old_value(&overlay, key, &mut NodeVisits::new()), (all, 0));
    }
    let mut visits = NodeVisits::new();
    assert_eq!(old_value(&overlay, b"aaa", &mut visits), (6, 0));
    assert_eq!(old_value(&overlay, b"abb", &mut visits), (2, 4));
    assert_eq!(old_value(&overlay, b"baa", &mut visits), (2, 2));
    assert_eq!(old_value(&overlay, b"baa", &mut visits), (0, 4));
}

#[test]
fn a_missing_key_counts_the_way_to_the_node_that_does_not_match() {
    let overlay = overlay();
    let count = |key: &[u8]| old_value(&overlay, key, &mut NodeVisits::new());
    assert_eq!(count(b"q"), (1, 0), "the first extension");
    assert_eq!(count(b"c"), (2, 0), "and the branch that has no such child");
    assert_eq!(count(b"baz"), (3, 0), "and a leaf with another rest");
    assert_eq!(count(b""), (1, 0), "a key that ends within the extension");
}

#[test]
fn a_key_that_is_a_prefix_of_another_has_its_value_in_a_branch() {
    let records = [("a", "1"), ("ab", "2")]
        .map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let overlay = Overlay::new(records.into_iter().collect());
    let mut visits = NodeVisits::new();
    assert_eq!(old_value(&overlay, b"a", &mut visits), (3, 0), "extension, branch, value");
    assert_eq!(old_value(&overlay, b"ab", &mut visits), (2, 2), "and from there a leaf, a value");
}

#[test]
fn nothing_is_visited_in_an_empty_state() {
    let overlay = Overlay::new(Snapshot::empty());
    assert_eq!(old_value(&overlay, b"aaa", &mut NodeVisits::new()), (0, 0));
}

#[test]
fn pending_writes_and_removals_cost_nothing_until_they_are_reverted() {
    let mut overlay = overlay();
    let mut visits = NodeVisits::new();
    let mark = overlay.checkpoint();
    overlay.set(*b"aaa", *b"new");
    overlay.set(*b"a key that the trie has not", *b"new");
    overlay.remove(b"abb");
    for key in [b"aaa".as_slice(), b"abb", b"a key that the trie has not"] {
        assert_eq!(old_value(&overlay, key, &mut visits), (0, 0));
    }
    overlay.revert_to(mark);
    assert_eq!(old_value(&overlay, b"aaa", &mut visits), (6, 0));
    assert_eq!(old_value(&overlay, b"abb", &mut visits), (2, 4));
}

#[test]
fn a_read_counts_the_value_and_not_the_way() {
    let mut overlay = overlay();
    let mut visits = NodeVisits::new();
    let (value, count) = overlay.find(b"aaa").unwrap().read(&mut visits);
    assert_eq!((&*value, count), ([0].as_slice(), Visits { touched: 1, cached: 0 }));
    let (_, again) = overlay.find(b"aaa").unwrap().read(&mut visits);
    assert_eq!(again, Visits { touched: 0, cached: 1 });
    assert_eq!(old_value(&overlay, b"aaa", &mut visits), (5, 1), "the value was read before");
    overlay.set(*b"aaa", [7]);
    let (value, pending) = overlay.find(b"aaa").unwrap().read(&mut visits);
    assert_eq!((&*value, pending), ([7].as_slice(), Visits::default()));
}

#[test]
fn a_length_is_free_and_a_way_without_its_value_leaves_the_value_untouched() {
    let overlay = overlay();
    let mut visits = NodeVisits::new();
    let (found, way) = overlay.find_by_trie(b"aaa", &mut visits);
    assert_eq!((found.unwrap().len(), way), (1, Visits { touched: 5, cached: 0 }));
    assert_eq!(old_value(&overlay, b"aaa", &mut visits), (1, 5));
}

#[test]
fn equal_values_and_equal_subtrees_are_visited_as_one() {
    let records = [("xa1", "v"), ("xa2", "v"), ("yb1", "v"), ("yb2", "v")];
    let records = records.map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let overlay = Overlay::new(records.into_iter().collect());
    let mut visits = NodeVisits::new();
    // Extension 7, branch 8 or 9, extension to the last nibble, branch, leaf without a path, value.
    assert_eq!(old_value(&overlay, b"xa1", &mut visits), (6, 0));
    assert_eq!(old_value(&overlay, b"xa2", &mut visits), (0, 6), "both leaves are the same node");
    assert_eq!(old_value(&overlay, b"yb1", &mut visits), (1, 5), "only the extension is another");
}
