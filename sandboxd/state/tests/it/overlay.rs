//! The overlay against a map that is copied at each checkpoint.

use std::collections::BTreeMap;

use sandbox_state::{ChangeSet, Overlay, Snapshot};

use crate::random::Random;

#[test]
fn random_operations_act_as_on_a_map() {
    let mut random = Random::new(6);
    for round in 0..60 {
        let base: Snapshot = (0..round).map(|_| (random.key(), random.value())).collect();
        let mut model: BTreeMap<_, _> = base.range_here(&[]).map(Result::unwrap).collect();
        let mut overlay = Overlay::new(base.clone());
        let mut marks = vec![(overlay.checkpoint(), model.clone())];
        for _ in 0..150 {
            let key = random.key();
            match random.below(10) {
                0..4 => {
                    let value = random.value();
                    model.insert(key.to_vec(), value.clone());
                    overlay.set(key, value);
                }
                4..6 => {
                    model.remove(&*key);
                    overlay.remove(&key);
                }
                6 => marks.push((overlay.checkpoint(), model.clone())),
                7 => {
                    let back_to = random.below(marks.len());
                    marks.truncate(back_to + 1);
                    let (mark, then) = &marks[back_to];
                    overlay.revert_to(*mark);
                    model.clone_from(then);
                }
                8 => {
                    assert_eq!(overlay.get(&key).unwrap().as_ref(), model.get(&*key));
                    assert_eq!(overlay.peek(&key), overlay.get(&key));
                    let found = overlay.find(&key).unwrap();
                    assert_eq!(found.map(|found| found.len()), model.get(&*key).map(|v| v.len()));
                }
                _ => {
                    let expected = model.iter().filter(|(found, _)| found.starts_with(&key));
                    let found = overlay.range_prefix(&key).unwrap();
                    assert!(found.iter().map(|(key, value)| (key, value)).eq(expected));
                }
            }
        }
        let after = base.apply(&overlay.into_changes()).unwrap();
        assert!(after.range_here(&[]).map(Result::unwrap).eq(model));
    }
}

#[test]
fn what_is_reverted_is_no_change() {
    let mut overlay = Overlay::new(Snapshot::empty());
    overlay.set(*b"kept", *b"1");
    let mark = overlay.checkpoint();
    overlay.set(*b"kept", *b"2");
    overlay.set(*b"gone", *b"3");
    overlay.remove(b"never");
    overlay.revert_to(mark);
    let changes = overlay.into_changes();
    let changes: Vec<_> =
        changes.iter().map(|(key, value)| (&**key, value.map(|v| &**v))).collect();
    assert_eq!(changes, [(b"kept".as_slice(), Some(b"1".as_slice()))]);
}

#[test]
fn what_was_written_since_a_moment_has_its_last_value() {
    let mut overlay = Overlay::new(Snapshot::empty());
    overlay.set(*b"before", *b"1");
    overlay.set(*b"both", *b"2");
    let mark = overlay.checkpoint();
    overlay.set(*b"both", *b"3");
    overlay.set(*b"both", *b"4");
    overlay.remove(b"gone");
    let written = overlay.written_since(mark);
    let written: Vec<_> =
        written.iter().map(|(key, value)| (&***key, value.map(|value| &**value))).collect();
    assert_eq!(written, [(b"both".as_slice(), Some(b"4".as_slice())), (b"gone", None)]);
    overlay.revert_to(mark);
    assert!(overlay.written_since(mark).is_empty());
}

#[test]
fn an_overlay_can_be_moved_to_another_thread_and_back() {
    let overlay = Overlay::new(Snapshot::empty());
    let work = move || {
        let mut overlay = overlay;
        overlay.set(*b"key", *b"value");
        overlay
    };
    let mut overlay = std::thread::spawn(work).join().unwrap();
    assert_eq!(overlay.get(b"key").unwrap().as_deref(), Some(b"value".as_slice()));
}

#[test]
fn the_journal_tells_what_was_written_in_each_step() {
    let mut random = Random::new(9);
    for round in 0..40 {
        let base: Snapshot = (0..round).map(|_| (random.key(), random.value())).collect();
        let mut overlay = Overlay::new(base);
        let (mut ends, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..random.below(8) {
            let mut step = ChangeSet::new();
            for _ in 0..random.below(12) {
                let key = random.key();
                if random.below(3) == 0 {
                    step.remove(key.clone());
                    overlay.remove(&key);
                } else {
                    let value = random.value();
                    step.set(key.clone(), value.clone());
                    overlay.set(key, value);
                }
                if random.below(4) == 0 {
                    // What is taken back was never written.
                    let before = overlay.checkpoint();
                    overlay.set(random.key(), random.value());
                    overlay.revert_to(before);
                }
            }
            ends.push(overlay.checkpoint());
            expected.push(step);
        }
        // What follows the last end belongs to no step.
        overlay.set(random.key(), random.value());
        let (changes, journal) = overlay.clone().into_changes_and_journal();
        assert_eq!(changes, overlay.into_changes());
        assert_eq!(journal.steps(&changes, &ends), expected);
    }
}
