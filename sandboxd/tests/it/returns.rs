//! Snapshots, reverts and rollbacks: what returns, what is gone, and who is told.

use near_primitives::errors::InvalidTxError;
use near_primitives::types::{BlockHeight, BlockId, Finality};
use near_primitives::views::TxExecutionStatus;
use sandboxd::Sandbox;
use sandboxd::chain::{
    AfterRevert, Chain, Clock, Known, Node, NodeOptions, Refusal, Rollback, RollbackError,
    UnknownBlock, UnknownSnapshot,
};

use crate::support::{GENESIS_NS, account, chain, id, near, transfer};

/// Asserts that nobody can tell `left` from `right`, of blocks up to the head and of those to come.
pub(crate) fn assert_same(left: &Chain, right: &Chain) {
    let heights = |chain: &Chain| -> Vec<(BlockHeight, _)> {
        let first = chain.genesis();
        let blocks = std::iter::once(first).chain(chain.blocks_after(first.height()));
        blocks.map(|block| (block.height(), *block.hash())).collect()
    };
    assert_eq!(heights(left), heights(right));
    assert_eq!(left.state().root(), right.state().root());
    for finality in [Finality::None, Finality::DoomSlug, Finality::Final] {
        assert_eq!(left.last_block(&finality).hash(), right.last_block(&finality).hash());
    }
    let waiting = |chain: &Chain| chain.waiting().cloned().collect::<Vec<_>>();
    assert_eq!(waiting(left), waiting(right));
    assert_eq!(left.has_receipts(), right.has_receipts());
    for (height, hash) in heights(left) {
        let block = left.block_by_id(&BlockId::Hash(hash)).unwrap();
        assert_eq!(block.hash(), right.block_by_id(&BlockId::Height(height)).unwrap().hash());
        assert_eq!(right.block_of_chunk(block.chunk_hash()).unwrap().hash(), block.hash());
        for outcome in block.outcomes() {
            assert_eq!(right.outcome(&outcome.id).unwrap().block.hash(), block.hash());
        }
        for receipt in block.outgoing_receipts().iter().chain(block.local_receipts()) {
            assert_eq!(right.receipt(receipt.receipt_id()).unwrap().0, receipt);
        }
        for transaction in block.transactions() {
            let hash = transaction.get_hash();
            let [left, right] = [left, right].map(|chain| chain.execution(&hash).unwrap().view());
            assert_eq!(left, right);
        }
    }
    // Blocks to come have the same hashes: epochs, validators, Merkle tree and time are the same.
    let [mut left, mut right] = [left.clone(), right.clone()];
    for chain in [&mut left, &mut right] {
        chain.settle().unwrap();
        for _ in 0..4 {
            chain.produce().unwrap();
        }
    }
    assert_eq!(left.head().hash(), right.head().hash());
    for finality in [Finality::None, Finality::DoomSlug, Finality::Final] {
        assert_eq!(left.last_block(&finality).hash(), right.last_block(&finality).hash());
    }
}

fn node() -> Node {
    Node::start(chain(), NodeOptions::default()).unwrap()
}

/// Sends the transfer with this nonce, and waits for it.
fn send(node: &Node, nonce: u64) {
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", nonce, near(1));
    node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
}

fn bob(node: &Node) -> u128 {
    account(&node.view(), "bob.test.near").amount().as_near()
}

#[test]
fn a_revert_brings_back_state_blocks_nonces_and_time() {
    let node = node();
    send(&node, 1);
    let before = node.view();
    let id = node.snapshot().wait().unwrap();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 2, near(1));
    let hash = tx.get_hash();
    node.submit(tx.clone(), TxExecutionStatus::Final).wait().unwrap().unwrap();
    node.fast_forward(1_000).wait().unwrap().unwrap();
    let reverted = node.revert(id, AfterRevert::Drop).wait().unwrap().unwrap();
    assert_eq!((reverted.id, reverted.height), (id, before.head().height()));
    let after = node.view();
    assert_same(&before, &after);
    assert_eq!(after.clock().now_ns(), before.clock().now_ns());
    assert!(after.transaction(&hash).is_none(), "the transaction is gone");
    // Its nonce is free, and its bytes are a transaction like any other.
    node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
    assert_eq!(bob(&node), 1_000_002);
    node.stop();
}

#[test]
fn a_transaction_for_a_block_that_is_gone_has_expired() {
    let node = node();
    let id = node.snapshot().wait().unwrap();
    send(&node, 1);
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 2, near(1));
    node.revert(id, AfterRevert::Drop).wait().unwrap().unwrap();
    let refusal = node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(InvalidTxError::Expired)));
    node.stop();
}

#[test]
fn the_list_of_snapshots_survives_and_is_cut_at_the_one_reverted_to() {
    let node = node();
    let ids = || node.snapshots().wait().unwrap().into_iter().map(|info| info.id);
    let taken: Vec<_> = (1..=4)
        .map(|nonce| {
            send(&node, nonce);
            node.snapshot().wait().unwrap()
        })
        .collect();
    assert_eq!(taken, [1, 2, 3, 4]);
    // Back and forth, as long as nothing is dropped.
    for id in [2, 4, 1, 3] {
        node.revert(id, AfterRevert::Keep).wait().unwrap().unwrap();
        assert_eq!(u128::from(id), bob(&node) - 1_000_000);
        assert_eq!(ids().collect::<Vec<_>>(), taken);
    }
    node.revert(2, AfterRevert::Drop).wait().unwrap().unwrap();
    assert_eq!(ids().collect::<Vec<_>>(), [1]);
    for id in [0, 2, 3, 4, u64::MAX] {
        let head = *node.view().head().hash();
        let unknown = Err(UnknownSnapshot(id));
        assert_eq!(node.revert(id, AfterRevert::Drop).wait().unwrap().map(|_| ()), unknown);
        assert_eq!(node.drop_snapshot(id).wait().unwrap(), unknown);
        assert_eq!(*node.view().head().hash(), head, "a refused revert changes nothing");
    }
    assert_eq!(node.snapshot().wait(), Some(5), "no number is given twice");
    node.drop_snapshot(1).wait().unwrap().unwrap();
    assert_eq!(ids().collect::<Vec<_>>(), [5]);
    node.stop();
}

#[test]
fn the_machines_clock_goes_on_from_the_moment_of_the_snapshot() {
    let chain = Sandbox::localnet(Clock::system()).into_chain();
    let node = Node::start(chain, NodeOptions::default()).unwrap();
    let id = node.snapshot().wait().unwrap();
    let saved = node.snapshots().wait().unwrap()[0].time_ns;
    node.fast_forward(1_000_000).wait().unwrap().unwrap();
    let ahead = node.view().clock().now_ns();
    node.revert(id, AfterRevert::Drop).wait().unwrap().unwrap();
    let now = node.view().clock().now_ns();
    assert!(saved <= now && now < ahead);
    node.stop();
}

#[test]
fn readers_of_blocks_get_those_of_the_new_branch() {
    let node = node();
    send(&node, 1);
    let id = node.snapshot().wait().unwrap();
    send(&node, 2);
    let reader = node.view().cursor();
    node.revert(id, AfterRevert::Keep).wait().unwrap().unwrap();
    let returned = node.view();
    assert_eq!(returned.blocks_since(reader).count(), 0);
    // By now the chain is higher than the reader has read.
    for nonce in 2..6 {
        send(&node, nonce);
    }
    let chain = node.view();
    let read: Vec<_> = chain.blocks_since(reader).map(|block| *block.hash()).collect();
    let new: Vec<_> =
        chain.blocks_after(returned.head().height()).map(|block| *block.hash()).collect();
    assert_eq!(read, new);
    let mut reader = reader;
    reader.advance(&chain, chain.head().height());
    assert_eq!((chain.blocks_since(reader).count(), reader), (0, chain.cursor()));
    node.stop();
}

#[test]
fn a_rollback_is_the_chain_that_it_was() {
    for lag in [0, 1, 2, 5] {
        let localnet = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).finality_lag(lag);
        let mut chain = localnet.build().unwrap().into_chain();
        let mut was = vec![chain.clone()];
        for nonce in 1..12 {
            match nonce % 4 {
                0 => drop(chain.fast_forward(nonce * 40).unwrap()),
                1 => drop(chain.produce().unwrap()),
                _ => {
                    let tx = transfer(&chain, "alice.test.near", "bob.test.near", nonce, near(1));
                    chain.submit(tx).unwrap();
                    drop(chain.produce().unwrap());
                }
            }
            was.push(chain.clone());
        }
        for was in was.iter().rev() {
            let mut back = chain.clone();
            let height = was.head().height();
            assert_eq!(back.roll_back(Rollback::ToHeight(height)).unwrap(), height);
            assert_same(&back, was);
            let depth = chain.blocks_after(height).count();
            let mut back = chain.clone();
            let depth = Rollback::ByBlocks(u64::try_from(depth).unwrap());
            assert_eq!(back.roll_back(depth).unwrap(), height);
            assert_same(&back, was);
        }
    }
}

#[test]
fn a_rollback_that_cannot_be_says_how_far_it_could() {
    let localnet = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).kept_blocks(3);
    let mut chain = localnet.build().unwrap().into_chain();
    for _ in 0..5 {
        chain.produce().unwrap();
    }
    chain.fast_forward(10).unwrap();
    let head = *chain.head().hash();
    let mut refused = |to| chain.roll_back(to).unwrap_err();
    assert!(matches!(
        refused(Rollback::ToHeight(16)),
        RollbackError::AboveHead { height: 16, head: 15 }
    ));
    assert!(matches!(
        refused(Rollback::ToHeight(9)),
        RollbackError::NoSuchBlock { height: 9, below: Some(5) }
    ));
    assert!(matches!(
        refused(Rollback::ToHeight(3)),
        RollbackError::Forgotten { height: 3, lowest: 4 }
    ));
    assert!(matches!(
        refused(Rollback::ByBlocks(7)),
        RollbackError::TooDeep { depth: 7, blocks: 2 }
    ));
    assert!(matches!(refused(Rollback::ByBlocks(6)), RollbackError::Forgotten { .. }));
    assert_eq!(*chain.head().hash(), head);
    chain.roll_back(Rollback::ToHeight(4)).unwrap();
    assert_eq!(chain.head().height(), 4);
    let gone = chain.block_by_id(&BlockId::Hash(head));
    assert!(matches!(gone, Err(UnknownBlock::NoSuchBlock(_))));
    assert_eq!(chain.changes_of(chain.head()).map(|_| ()), Some(()));
}

#[test]
fn a_rollback_drops_what_waits_and_runs_what_was_on_its_way() {
    let mut chain = chain();
    let sent = transfer(&chain, "alice.test.near", "bob.test.near", 1, near(1));
    let hash = chain.submit(sent).unwrap();
    chain.produce().unwrap();
    chain.settle().unwrap();
    let waits = transfer(&chain, "alice.test.near", "bob.test.near", 2, near(1));
    let waits = chain.submit(waits).unwrap();
    assert!(matches!(chain.transaction(&waits), Some(Known::Waiting(_))));
    chain.roll_back(Rollback::ToHeight(1)).unwrap();
    assert!(chain.transaction(&waits).is_none());
    assert!(chain.has_receipts(), "the transfer is on its way again");
    chain.settle().unwrap();
    assert!(chain.execution(&hash).is_some());
    assert_eq!(chain.account(&id("bob.test.near")).unwrap().amount(), near(1_000_001));
}

#[test]
fn going_back_and_forth_takes_no_more_memory_in_the_end_than_at_first() {
    let mut chain = chain();
    for _ in 0..500 {
        chain.produce().unwrap();
    }
    let mut cycles = |count: usize| {
        let ((), most) = fixtures::memory::peak(|| {
            for _ in 0..count {
                let saved = chain.clone();
                let tx = transfer(&chain, "alice.test.near", "bob.test.near", 1, near(1));
                chain.submit(tx).unwrap();
                chain.settle().unwrap();
                chain.roll_back(Rollback::ByBlocks(1)).unwrap();
                chain = saved;
            }
        });
        most
    };
    let at_first = cycles(20);
    assert!(at_first > 0, "nothing was counted");
    let in_the_end = cycles(400);
    assert!(in_the_end <= at_first + 10_000, "{at_first} bytes at first, then {in_the_end}");
}
