//! Stores whose nodes have the right hashes and are no trie of NEAR's all the same.

use sandbox_state::{ChangeSet, Overlay, Snapshot, StateRoot, Stored};
use sha2::{Digest, Sha256};

use crate::random::Random;
use crate::shelf::Shelf;

type Hash = [u8; 32];

fn counted(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

fn path(random: &mut Random) -> Vec<u8> {
    let flags = [0x00, 0x10, 0x16, 0x20, 0x31, 0xff][random.below(6)];
    let run = [&b""[..], b"\x01", b"\x10\x6f", b"\x00"][random.below(4)];
    counted(&[&[flags], run].concat())
}

fn value(shelf: &Shelf, random: &mut Random) -> Vec<u8> {
    let stored = Stored::new(random.value());
    let hash: Hash = Sha256::digest(stored.bytes()).into();
    shelf.kept.lock().unwrap().values.insert(hash, (1, stored.bytes().clone()));
    // Not always of the length that it says.
    let length = stored.bytes().len() + random.below(2);
    [&u32::try_from(length).unwrap().to_le_bytes(), &hash[..]].concat()
}

/// A node over some of those that are there.
fn node(shelf: &Shelf, below: &[Hash], random: &mut Random) -> Vec<u8> {
    let child = |random: &mut Random| below[random.below(below.len())];
    let mut node = match random.below(4) {
        _ if below.is_empty() => [vec![0], path(random), value(shelf, random)].concat(),
        0 => [vec![0], path(random), value(shelf, random)].concat(),
        1 => [vec![3], path(random), child(random).to_vec()].concat(),
        kind => {
            let mut node = vec![1];
            if kind == 2 {
                node = [vec![2], value(shelf, random)].concat();
            }
            let bitmap: u16 = [0, 1, 2, 3, 0x42, 0x8001][random.below(6)];
            node.extend(bitmap.to_le_bytes());
            (0..bitmap.count_ones()).for_each(|_| node.extend(child(random)));
            node
        }
    };
    node.extend([0, 1, u64::MAX][random.below(3)].to_le_bytes());
    node
}

#[test]
fn what_a_store_makes_up_is_an_error_or_a_state_and_never_a_panic() {
    let (mut worked, mut failed) = (0, 0);
    for seed in 0..1_500 {
        let mut random = Random::new(seed);
        let (shelf, storage) = Shelf::new();
        let mut hashes = Vec::new();
        for _ in 0..=random.below(12) {
            let node = node(&shelf, &hashes, &mut random);
            let hash: Hash = Sha256::digest(&node).into();
            shelf.kept.lock().unwrap().nodes.insert(hash, (1, node));
            hashes.push(hash);
        }
        let state = Snapshot::stored(StateRoot(*hashes.last().unwrap()), &storage);
        let mut count = |works: bool| *if works { &mut worked } else { &mut failed } += 1;
        for _ in 0..4 {
            let (key, other) = (random.key(), random.key());
            count(state.read(&key).is_ok());
            count(state.prove(&key).is_ok());
            count(state.prove_prefix(&key).is_ok());
            count(state.list(&key, Some(&other)).all(|record| record.is_ok()));
            let mut overlay = Overlay::new(state.clone());
            count(overlay.get_charged(&key).is_ok());
            count(overlay.range_prefix(&other).is_ok());
            let mut changes = ChangeSet::new();
            changes.remove(key);
            changes.set(other, random.value());
            let after = state.apply(&changes);
            count(after.is_ok());
            if let Ok(after) = after {
                count(after.difference(&state, |_| {}).is_ok());
            }
        }
    }
    assert!(worked > 1_000 && failed > 1_000, "{worked} and {failed}");
}
