//! A folder of states without a chain.

use sandbox_state::{ChangeSet, Snapshot};

use crate::store::StateFolder;

#[test]
fn the_state_that_was_written_last_is_there_again_and_the_one_before_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let records = |value: u8| {
        let mut changes = ChangeSet::new();
        for key in 0..=u8::MAX {
            changes.set([key, 1, 2].as_slice(), vec![key & value; 40]);
        }
        changes
    };
    let first = Snapshot::empty().apply(&records(1)).unwrap();
    let second = first.apply(&records(255)).unwrap();
    {
        let states = StateFolder::open(folder.path()).unwrap();
        states.replace(&Snapshot::empty(), &first).unwrap();
        let stored = Snapshot::stored(first.root(), &states.storage());
        states.replace(&stored, &second).unwrap();
        states.settle().unwrap();
    }
    let states = StateFolder::open(folder.path()).unwrap();
    let there = Snapshot::stored(second.root(), &states.storage());
    for key in 0..=u8::MAX {
        assert_eq!(there.read(&[key, 1, 2]).unwrap().as_deref(), Some([key; 40].as_slice()));
    }
    let gone = Snapshot::stored(first.root(), &states.storage());
    assert!(gone.read(&[7, 1, 2]).unwrap_err().to_string().contains("it is missing"));
}
