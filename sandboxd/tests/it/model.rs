//! Random sequences of what a sandbox can do, on a node and on a model of it that is a chain and a
//! list of clones. After each step nobody can tell the two apart.

use std::collections::BTreeMap;

use fixtures::Rng;
use near_primitives::types::BlockHeight;
use near_primitives::views::TxExecutionStatus;
use sandboxd::chain::{AfterRevert, Chain, Node, NodeOptions, Rollback, SnapshotId};

use crate::returns::assert_same;
use crate::support::{chain, id, near, signer, transfer};

struct Pair {
    node: Node,
    chain: Chain,
    saved: BTreeMap<SnapshotId, Chain>,
    taken: SnapshotId,
}

impl Pair {
    fn new() -> Self {
        let chain = chain();
        let node = Node::start(chain.clone(), NodeOptions::default()).unwrap();
        Self { node, chain, saved: BTreeMap::new(), taken: 0 }
    }

    fn step(&mut self, rng: &mut Rng) -> String {
        match rng.below(12) {
            0..4 => self.send(),
            4 => self.fast_forward(1 + rng.below(700)),
            5 | 6 => self.snapshot(),
            7 | 8 => self.revert(rng.below(6), rng.below(2) == 0),
            9 => self.drop_snapshot(rng.below(6)),
            10 => self.roll_back(Rollback::ByBlocks(rng.below(6))),
            _ => {
                let height = rng.below(self.chain.head().height() + 3);
                self.roll_back(Rollback::ToHeight(height))
            }
        }
    }

    fn send(&mut self) -> String {
        let key = signer("alice.test.near").public_key();
        let alice = id("alice.test.near");
        let key = sandbox_runtime::tree::access_key(&mut self.chain.state(), &alice, &key);
        let nonce = key.unwrap().unwrap().nonce + 1;
        let tx = transfer(&self.chain, "alice.test.near", "bob.test.near", nonce, near(1));
        self.chain.submit(tx.clone()).unwrap();
        self.chain.settle().unwrap();
        self.node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
        format!("send {nonce}")
    }

    fn fast_forward(&mut self, delta: BlockHeight) -> String {
        self.chain.fast_forward(delta).unwrap();
        self.node.fast_forward(delta).wait().unwrap().unwrap();
        format!("fast forward {delta}")
    }

    fn snapshot(&mut self) -> String {
        self.taken += 1;
        self.saved.insert(self.taken, self.chain.clone());
        assert_eq!(self.node.snapshot().wait(), Some(self.taken));
        format!("snapshot {}", self.taken)
    }

    /// To one of the latest snapshots, which may not be there any more.
    fn revert(&mut self, back: u64, keep: bool) -> String {
        let id = self.taken.saturating_sub(back);
        let after = if keep { AfterRevert::Keep } else { AfterRevert::Drop };
        let reverted = self.node.revert(id, after).wait().unwrap();
        let saved = self.saved.get(&id).cloned();
        assert_eq!(reverted.is_ok(), saved.is_some());
        if let Some(saved) = saved {
            self.chain = saved;
            if !keep {
                self.saved.split_off(&id);
            }
        }
        format!("revert to {id}, {after:?}")
    }

    fn drop_snapshot(&mut self, back: u64) -> String {
        let id = self.taken.saturating_sub(back);
        let dropped = self.node.drop_snapshot(id).wait().unwrap();
        assert_eq!(dropped.is_ok(), self.saved.remove(&id).is_some());
        format!("drop {id}")
    }

    fn roll_back(&mut self, to: Rollback) -> String {
        let height = self.chain.roll_back(to).ok();
        assert_eq!(self.node.roll_back(to).wait().unwrap().ok(), height);
        // What is on its way again needs no other cause for a block.
        self.chain.settle().unwrap();
        self.node.change(|chain| chain.settle().map(|made| ((), made))).wait().unwrap().unwrap();
        format!("{to:?}: {height:?}")
    }

    fn assert_same(&self) {
        assert_same(&self.node.view(), &self.chain);
        let ids = self.node.snapshots().wait().unwrap().into_iter().map(|info| info.id);
        assert!(ids.eq(self.saved.keys().copied()));
    }
}

#[test]
fn random_sequences_do_what_the_model_does() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::new();
        let mut done = Vec::new();
        for _ in 0..40 {
            done.push(pair.step(&mut rng));
            let same = std::panic::AssertUnwindSafe(|| pair.assert_same());
            if let Err(panic) = std::panic::catch_unwind(same) {
                eprintln!("seed {seed}: {}", done.join(", "));
                std::panic::resume_unwind(panic);
            }
        }
        pair.node.stop();
    }
}
