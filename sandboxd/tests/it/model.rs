//! Random sequences of what a sandbox can do, on a node and on a model of it that is a chain and a
//! list of clones. After each step nobody can tell the two apart.

use std::collections::BTreeMap;

use fixtures::Rng;
use near_primitives::types::BlockHeight;
use near_primitives::views::TxExecutionStatus;
use sandboxd::chain::{
    AfterRevert, BlockMode, Chain, Node, NodeOptions, ReceiptFilter, Rollback, SnapshotId,
};

use crate::returns::assert_same;
use crate::support::{GENESIS_NS, chain, id, near, signer, transfer};

struct Pair {
    node: Node,
    chain: Chain,
    saved: BTreeMap<SnapshotId, Chain>,
    taken: SnapshotId,
    manual: bool,
}

impl Pair {
    fn new() -> Self {
        let chain = chain();
        let node = Node::start(chain.clone(), NodeOptions::default()).unwrap();
        Self { node, chain, saved: BTreeMap::new(), taken: 0, manual: false }
    }

    fn step(&mut self, rng: &mut Rng) -> String {
        match rng.below(18) {
            0..4 => self.send(),
            4 => self.fast_forward(1 + rng.below(700)),
            5 | 6 => self.snapshot(),
            7 | 8 => self.revert(rng.below(6), rng.below(2) == 0),
            9 => self.drop_snapshot(rng.below(6)),
            10 => self.roll_back(Rollback::ByBlocks(rng.below(6))),
            11 => self.change_mode(),
            12 => self.mine(rng.below(4), rng.chance(50).then(|| rng.below(1_000))),
            13 => self.adjust_time(rng.below(5), rng.below(1_000)),
            14 | 15 => self.hold(rng.chance(50)),
            16 => self.release(1 + rng.below(4)),
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
        let until = if self.manual { TxExecutionStatus::None } else { TxExecutionStatus::Included };
        self.node.submit(tx, until).wait().unwrap().unwrap();
        self.settle_unless_manual();
        format!("send {nonce}")
    }

    /// The node does what there is to do of its own accord, but it may be seen half way.
    fn settle_unless_manual(&mut self) {
        if !self.manual {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.chain.settle().unwrap();
        self.node.change(|chain| chain.settle().map(|made| ((), made))).wait().unwrap().unwrap();
    }

    fn change_mode(&mut self) -> String {
        self.manual = !self.manual;
        let mode = if self.manual { BlockMode::Manual } else { BlockMode::Instant };
        self.node.set_block_mode(mode).wait().unwrap();
        self.settle_unless_manual();
        format!("{mode:?}")
    }

    fn mine(&mut self, count: u64, interval: Option<u64>) -> String {
        let mined = self.chain.mine(count, interval).is_ok();
        assert_eq!(self.node.mine(count, interval).wait().unwrap().is_ok(), mined);
        self.settle_unless_manual();
        format!("mine {count}, {interval:?}")
    }

    fn adjust_time(&mut self, how: u64, by: u64) -> String {
        let adjust = move |chain: &mut Chain| match how {
            0 => chain.set_time(GENESIS_NS + by),
            1 => chain.increase_time(by),
            2 => chain.set_next_block_time(chain.next_time() + by),
            3 => chain.set_block_interval(by),
            _ => Ok(chain.remove_block_interval()),
        };
        let adjusted = adjust(&mut self.chain);
        assert_eq!(self.node.adjust(adjust).wait(), Some(adjusted));
        format!("time {how}, {by}")
    }

    fn hold(&mut self, everything: bool) -> String {
        let receiver_id = (!everything).then(|| id("bob.test.near"));
        let filter = ReceiptFilter { receiver_id, ..ReceiptFilter::default() };
        let hold = self.chain.hold_receipts(filter.clone());
        assert_eq!(self.node.hold_receipts(filter).wait(), Some(hold));
        format!("hold {hold}")
    }

    /// All that is held, the latest first, or one of the holds.
    fn release(&mut self, hold_id: u64) -> String {
        if hold_id == 1 {
            let held = self.chain.held_receipts().map(|held| *held.receipt.receipt_id());
            let mut held: Vec<_> = held.collect();
            held.reverse();
            let released = self.chain.release_receipts(&held);
            assert_eq!(self.node.release_receipts(held).wait(), Some(released));
        } else {
            let released = self.chain.release_hold(hold_id);
            assert_eq!(self.node.release_hold(hold_id).wait(), Some(released));
        }
        self.settle_unless_manual();
        format!("release {hold_id}")
    }

    fn fast_forward(&mut self, delta: BlockHeight) -> String {
        self.chain.fast_forward(delta).unwrap();
        self.node.fast_forward(delta).wait().unwrap().unwrap();
        self.settle_unless_manual();
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
        self.settle_unless_manual();
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
        self.settle();
        format!("{to:?}: {height:?}")
    }

    fn assert_same(&self) {
        let view = self.node.view();
        assert_same(&view, &self.chain);
        assert_eq!(view.clock(), self.chain.clock());
        assert!(view.waiting().eq(self.chain.waiting()));
        assert_eq!(view.has_work(), self.chain.has_work());
        let held = |chain: &Chain| -> Vec<_> {
            chain.held_receipts().map(|held| (held.hold_id, *held.receipt.receipt_id())).collect()
        };
        assert_eq!(held(&view), held(&self.chain));
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
        for _ in 0..60 {
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
