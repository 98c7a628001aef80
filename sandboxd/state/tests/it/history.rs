//! The states of old heights.

use sandbox_state::{History, Snapshot};

fn state(value: u8) -> Snapshot {
    [((*b"key").into(), [value].into())].into_iter().collect()
}

#[test]
fn a_height_has_its_state_until_newer_ones_push_it_out() {
    let mut history = History::new(3);
    assert!(history.is_empty());
    for height in [0, 1, 5, 6] {
        history.push(height, state(u8::try_from(height).unwrap()));
    }
    assert_eq!(history.at(5).map(Snapshot::root), Some(state(5).root()));
    assert!(history.at(2).is_none(), "a height that was skipped");
    assert!(history.at(0).is_none(), "a height that was pushed out");
    assert_eq!((history.lowest(), history.highest(), history.len()), (Some(1), Some(6), 3));
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut history = History::new(10);
    history.push(1, state(1));
    let mut other = history.clone();
    other.push(1, state(2));
    other.push(2, state(3));
    assert_eq!(history.at(1).map(Snapshot::root), Some(state(1).root()));
    assert_eq!(other.at(1).map(Snapshot::root), Some(state(2).root()));
    assert!(history.at(2).is_none());
}
