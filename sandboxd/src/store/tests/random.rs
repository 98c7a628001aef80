//! Chains that are taken back and forth, stopped and opened again, and their snapshots with them.
//! `STORE_SEEDS=n` tries more.

use fixtures::Rng;

use super::*;
use crate::chain::{AfterRevert, Rollback, SnapshotId};
use crate::chain_file;

#[test]
fn disk_and_memory_agree_whatever_becomes_of_a_chain() {
    let seeds = std::env::var("STORE_SEEDS").map_or(6, |text| text.parse().unwrap());
    for seed in 0..seeds {
        eprintln!("seed {seed}");
        run(seed);
    }
}

/// What each snapshot was when it was taken.
type Saved = Vec<(SnapshotId, Seen)>;

fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(seed);
    let mut node = start(folder.path());
    let (mut saved, mut nonce) = (Saved::new(), 0);
    let mut earlier: Option<(Vec<u8>, Saved)> = None;
    for _ in 0..80 {
        match rng.below(14) {
            0..=4 => {
                nonce += 1;
                send(&node, nonce);
            }
            5 => {
                node.mine(1 + rng.below(50), None).wait().unwrap().unwrap();
            }
            6 => {
                settle(&node);
                let now = Seen::of(&node.view());
                saved.push((node.snapshot().wait().unwrap(), now));
            }
            7 if !saved.is_empty() => {
                let place = rng.index(saved.len());
                let (id, was) = &saved[place];
                node.revert(*id, AfterRevert::Keep).wait().unwrap().unwrap();
                assert_eq!(Seen::of(&node.view()), *was, "seed {seed}");
                if rng.below(4) == 0 {
                    node.revert(*id, AfterRevert::Drop).wait().unwrap().unwrap();
                    saved.truncate(place);
                }
            }
            8 if !saved.is_empty() => {
                let (id, _) = saved.remove(rng.index(saved.len()));
                node.drop_snapshot(id).wait().unwrap().unwrap();
            }
            9 => {
                let most = node.view().head().height() - node.view().earliest().height();
                let back = Rollback::ByBlocks(rng.below(most.min(12) + 1));
                // Heights that were skipped count for nothing, so that it may be too far.
                let _back = node.roll_back(back).wait().unwrap();
            }
            10 => {
                node.fast_forward(1 + rng.below(100)).wait().unwrap().unwrap();
            }
            11 => {
                settle(&node);
                node = restart(node, folder.path());
                check(&node, &saved);
            }
            12 => {
                settle(&node);
                let mut file = Vec::new();
                chain_file::write(&node.chains().wait().unwrap(), &mut file).unwrap();
                earlier = Some((file, saved.clone()));
            }
            13 => {
                if let Some((file, were_saved)) = earlier.take() {
                    let chains = chain_file::read(&*file, node.view().options()).unwrap();
                    node.put_chains(chains).wait().unwrap();
                    saved = were_saved;
                }
            }
            _ => {}
        }
    }
    settle(&node);
    let node = restart(node, folder.path());
    check(&node, &saved);
    for (id, _) in saved {
        node.drop_snapshot(id).wait().unwrap().unwrap();
    }
    let node = restart(node, folder.path());
    let expected = held_by(&node.view());
    node.stop();
    drop(node);
    same(&held_on_disk(folder.path()), &expected);
}

/// Waits for the receipts that a chain has to execute again which was taken back.
fn settle(node: &Node) {
    let mut view = node.view();
    while view.has_work() {
        let head = *view.head().hash();
        view = node.after(&head).wait().unwrap();
    }
}

/// Each snapshot is what it was.
fn check(node: &Node, saved: &Saved) {
    let there = node.chains().wait().unwrap().saved;
    let there: Vec<_> = there.iter().map(|saved| (saved.id, Seen::of(&saved.chain))).collect();
    assert_eq!(there, *saved);
}

#[test]
fn what_was_left_leaves_the_disk_though_there_is_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path());
    let id = node.snapshot().wait().unwrap();
    for nonce in 1..=20 {
        send(&node, nonce);
        node.revert(id, AfterRevert::Keep).wait().unwrap().unwrap();
    }
    node.stop();
    drop(node);
    let store = Store::open(options(folder.path())).unwrap();
    assert_eq!(store.database.with_prefix(Column::Blocks, Box::default()).count(), 0);
    assert_eq!(records::lines(&store.database).unwrap().len(), 1);
}

#[test]
fn numbers_of_snapshots_are_not_given_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path());
    let ids = [(); 3].map(|()| node.snapshot().wait().unwrap());
    node.drop_snapshot(ids[2]).wait().unwrap().unwrap();
    let node = restart(node, folder.path());
    let left: Vec<_> = node.snapshots().wait().unwrap().iter().map(|info| info.id).collect();
    assert_eq!(left, ids[..2]);
    assert!(node.snapshot().wait().unwrap() > ids[2]);
}

#[test]
fn old_blocks_leave_the_disk() {
    for has_snapshots in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut node = start(folder.path());
        for _ in 0..8 {
            if has_snapshots {
                // One that is taken now and then, in the place of the one before.
                let id = node.snapshot().wait().unwrap();
                if id > 1 {
                    node.drop_snapshot(id - 1).wait().unwrap().unwrap();
                }
            }
            for _ in 0..16 {
                node.mine(25, None).wait().unwrap().unwrap();
            }
            node = restart(node, folder.path());
        }
        node.stop();
        drop(node);
        let store = Store::open(options(folder.path())).unwrap();
        let blocks = store.database.with_prefix(Column::Blocks, Box::default()).count();
        assert!((30..1_500).contains(&blocks), "{blocks}");
    }
}
