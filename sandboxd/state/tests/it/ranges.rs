//! Iteration in key order, by prefix and in pages.

use std::collections::BTreeMap;

use sandbox_state::Snapshot;

use crate::random::Random;

#[test]
fn ranges_are_those_of_a_sorted_map() {
    let mut random = Random::new(7);
    for size in 0..60 {
        let state: Snapshot = (0..size).map(|_| (random.key(), random.value())).collect();
        let all: BTreeMap<_, _> = state.range_here(&[]).map(Result::unwrap).collect();
        for _ in 0..40 {
            let (prefix, after) = (random.key(), random.key());
            let with_prefix =
                || all.clone().into_iter().filter(|(key, _)| key.starts_with(&prefix));
            assert!(state.range_here(&prefix).map(Result::unwrap).eq(with_prefix()));
            let behind = with_prefix().filter(|(key, _)| key.as_slice() > &*after);
            assert!(state.list(&prefix, Some(&after)).map(Result::unwrap).eq(behind));
        }
    }
}

#[test]
fn pages_put_together_are_the_whole_list() {
    let mut random = Random::new(8);
    let state: Snapshot = (0..200).map(|_| (random.key(), random.value())).collect();
    let mut pages: Vec<_> = state.range_here(&[0]).map(Result::unwrap).take(3).collect();
    loop {
        let last = pages.last().unwrap().0.clone();
        let page = state.list(&[0], Some(&last)).take(3);
        let page: Vec<_> = page.map(Result::unwrap).collect();
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert!(state.range_here(&[0]).map(Result::unwrap).eq(pages));
}

#[test]
fn a_prefix_ends_where_a_key_begins_or_within_a_byte_of_nobody() {
    let state: Snapshot =
        [*b"ab", *b"ac", *b"b0"].map(|key| (key.into(), (*b"v").into())).into_iter().collect();
    let count = |prefix: &[u8]| state.range_here(prefix).map(Result::unwrap).count();
    assert_eq!(
        [count(b""), count(b"a"), count(b"ab"), count(b"abc"), count(b"q")],
        [3, 2, 1, 0, 0]
    );
}
