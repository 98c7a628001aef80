//! Knowledge against a map of everything, learnt piece by piece.

use std::collections::{BTreeMap, BTreeSet};

use fixtures::Rng;

use super::*;
use sandbox_state::Value;

fn key(rng: &mut Rng) -> Vec<u8> {
    let length = rng.index(4);
    (0..length).map(|_| [0, 1, 255][rng.index(3)]).collect()
}

/// All keys that [`key`] makes, and those right behind them.
fn keys() -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::from([Vec::new()]);
    for _ in 0..4 {
        for key in keys.clone() {
            keys.extend([0, 1, 255].map(|byte| [key.as_slice(), &[byte]].concat()));
        }
    }
    keys
}

#[test]
fn what_was_learnt_is_known_and_the_rest_is_not() {
    let mut rng = Rng::new(5);
    let keys = keys();
    for _ in 0..100 {
        let everything: BTreeMap<Vec<u8>, Value> =
            (0..rng.index(30)).map(|_| (key(&mut rng), Value::from([7]))).collect();
        let (mut facts, mut known) = (Facts::default(), BTreeSet::new());
        for _ in 0..rng.index(12) {
            let (from, to) = (key(&mut rng), key(&mut rng));
            let inside = |key: &Vec<u8>| *key >= from && *key < to;
            let records: Vec<_> = everything
                .iter()
                .filter(|(key, _)| inside(key))
                .map(|(key, value)| (key.clone(), Stored::new(Arc::clone(value))))
                .collect();
            known.extend(keys.iter().filter(|key| inside(key)).cloned());
            facts.learn(from, to, records);
            check(&facts, &known, &everything, &keys, &mut rng);
        }
    }
}

fn check(
    facts: &Facts,
    known: &BTreeSet<Vec<u8>>,
    everything: &BTreeMap<Vec<u8>, Value>,
    keys: &BTreeSet<Vec<u8>>,
    rng: &mut Rng,
) {
    for key in keys {
        match facts.get(key) {
            Known::Is(_) => assert!(known.contains(key) && everything.contains_key(key)),
            Known::Nothing => assert!(known.contains(key) && !everything.contains_key(key)),
            Known::Unknown(at) => assert!(!known.contains(key) && at == *key),
        }
    }
    for ((_, end), (start, _)) in facts.known.iter().zip(facts.known.iter().skip(1)) {
        assert!(end < start, "stretches that overlap or touch are one");
    }
    for _ in 0..10 {
        let (from, to) = (key(rng), key(rng));
        let inside = |key: &&Vec<u8>| **key >= from && **key < to;
        let found = everything.keys().find(inside);
        let unknown = keys.iter().filter(inside).find(|key| !known.contains(*key));
        match facts.next(&from, &to) {
            Known::Is((key, _)) => {
                assert_eq!(Some(key.as_ref()), found.map(Vec::as_slice));
                assert!(unknown.is_none_or(|unknown| unknown.as_slice() > &*key));
            }
            Known::Nothing => assert!(found.is_none() && unknown.is_none()),
            Known::Unknown(at) => {
                assert!(found.is_none_or(|found| *found >= at));
                assert!(at >= from && at < to && !known.contains(&at));
            }
        }
    }
}

#[test]
fn what_is_known_does_not_change() {
    let mut facts = Facts::default();
    let record = |value: u8| (vec![1], Stored::new(Arc::from([value])));
    facts.learn(vec![1], vec![1, 0], [record(7)]);
    facts.learn(vec![0], vec![9], [record(8), (vec![2], Stored::new(Arc::from([9])))]);
    let found = |key: u8| match facts.get(&[key]) {
        Known::Is(stored) => Some(stored),
        _ => None,
    };
    assert_eq!(found(1).map(|stored| stored.bytes().to_vec()), Some(vec![7]));
    assert_eq!(found(2).map(|stored| stored.bytes().to_vec()), Some(vec![9]));
    facts.learn(vec![2], vec![2], [record(1)]);
    facts.learn(vec![20], vec![21], [record(1), (vec![30], Stored::new(Arc::from([1])))]);
    assert!(matches!(facts.get(&[30]), Known::Unknown(_)), "it is outside of what was told");
}
