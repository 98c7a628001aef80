//! Chains that are taken back and forth, stopped and opened again.

use fixtures::Rng;

use super::*;
use crate::chain::{AfterRevert, Rollback};

#[test]
fn disk_and_memory_agree_whatever_becomes_of_a_chain() {
    for seed in 0..6 {
        run(seed);
    }
}

fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(seed);
    let mut node = start(folder.path());
    let (mut saved, mut nonce) = (Vec::new(), 0);
    for _ in 0..60 {
        match rng.below(12) {
            0..=4 => {
                nonce += 1;
                send(&node, nonce);
            }
            5 => {
                node.mine(1 + rng.below(50), None).wait().unwrap().unwrap();
            }
            6 => saved.push(node.snapshot().wait().unwrap()),
            7 if !saved.is_empty() => {
                let place = usize::try_from(rng.below(9)).unwrap() % saved.len();
                node.revert(saved[place], AfterRevert::Keep).wait().unwrap().unwrap();
            }
            8 if !saved.is_empty() => {
                let id = saved.swap_remove(0);
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
                saved.clear();
                node = without_snapshots(node, folder.path());
            }
            _ => {}
        }
    }
    drop(restart(without_snapshots(node, folder.path()), folder.path()));
}

/// What snapshots need leaves the disk with the next block after a restart, since they do not outlive one.
fn without_snapshots(node: Node, folder: &Path) -> Node {
    // A chain that was taken back has receipts to execute again.
    let mut view = node.view();
    while view.has_work() {
        let head = *view.head().hash();
        view = node.after(&head).wait().unwrap();
    }
    let before = Seen::of(&view);
    drop(view);
    node.stop();
    drop(node);
    let node = start(folder);
    assert_eq!(Seen::of(&node.view()), before);
    node.mine(1, None).wait().unwrap().unwrap();
    restart(node, folder)
}

#[test]
fn old_blocks_leave_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(folder.path());
    for _ in 0..5 {
        node.mine(400, None).wait().unwrap().unwrap();
        node = restart(node, folder.path());
    }
    node.stop();
    drop(node);
    let store = Store::open(options(folder.path())).unwrap();
    let blocks = store.database.all(Column::Blocks).count();
    assert!((30..1_100).contains(&blocks), "{blocks}");
}
