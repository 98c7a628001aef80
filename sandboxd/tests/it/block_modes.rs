//! When a node makes blocks.

use std::time::Duration;

use near_primitives::views::TxExecutionStatus;
use sandboxd::chain::{BlockMode, Node, NodeOptions, Progress};

use crate::support::{chain, near, transfer};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

/// Longer than any test.
const NEVER: Duration = Duration::from_hours(1);

fn node(mode: BlockMode) -> Node {
    Node::start(chain(), NodeOptions { mode, keeper: None }).unwrap()
}

fn height(node: &Node) -> u64 {
    // What was sent before is done when this is answered.
    node.block_mode().wait().unwrap();
    node.view().head().height()
}

fn mine(node: &Node, blocks: u64) -> u64 {
    node.mine(blocks, None).wait().unwrap().unwrap().height()
}

#[test]
fn in_manual_mode_everything_waits_until_blocks_are_made() {
    for mode in [BlockMode::Manual, BlockMode::Interval(NEVER)] {
        let node = node(mode);
        assert_eq!(node.block_mode().wait(), Some(mode));
        let [first, second] =
            [1, 2].map(|nonce| transfer(&node.view(), ALICE, BOB, nonce, near(1)));
        let (hash, other) = (first.get_hash(), second.get_hash());
        node.submit(second, TxExecutionStatus::None).wait().unwrap().unwrap();
        let landed = node.submit(first, TxExecutionStatus::Final);
        assert_eq!(height(&node), 0);
        assert_eq!(mine(&node, 1), 1);
        let progress = [hash, other].map(|hash| node.view().execution(&hash).unwrap().progress());
        assert_eq!(progress, [Progress::Included; 2]);
        assert_eq!(height(&node), 1, "receipts wait too");
        assert_eq!(mine(&node, 2), 3);
        let landed = landed.wait().unwrap().unwrap();
        assert_eq!(landed.execution(&hash).unwrap().progress(), Progress::Complete);
        node.stop();
    }
}

#[test]
fn manual_mode_makes_no_blocks_for_finality() {
    let builder = sandboxd::Sandbox::localnet_builder(sandboxd::chain::Clock::system());
    let chain = builder.finality_lag(2).build().unwrap().into_chain();
    let node = Node::start(chain, NodeOptions { mode: BlockMode::Manual, keeper: None }).unwrap();
    let tx = transfer(&node.view(), ALICE, BOB, 1, near(1));
    let landed = node.submit(tx, TxExecutionStatus::Final);
    assert_eq!(mine(&node, 3), 3);
    assert_eq!(height(&node), 3);
    mine(&node, 2);
    landed.wait().unwrap().unwrap();
    node.stop();
}

#[test]
fn a_mode_that_follows_takes_up_what_waits() {
    for mode in
        [BlockMode::Instant, BlockMode::Mixed(NEVER), BlockMode::Interval(Duration::from_millis(1))]
    {
        let node = node(BlockMode::Manual);
        let tx = transfer(&node.view(), ALICE, BOB, 1, near(1));
        let landed = node.submit(tx, TxExecutionStatus::Final);
        assert_eq!(height(&node), 0);
        node.set_block_mode(mode).wait().unwrap();
        landed.wait().unwrap().unwrap();
        node.stop();
    }
}

#[test]
fn in_interval_mode_blocks_come_without_work() {
    let node = node(BlockMode::Interval(Duration::from_millis(1)));
    let mut head = *node.view().head().hash();
    for _ in 0..3 {
        head = *node.after(&head).wait().unwrap().head().hash();
    }
    assert!(height(&node) >= 3);
    node.stop();
}

#[test]
fn blocks_are_made_on_request_in_every_mode_and_all_or_none() {
    let node = node(BlockMode::Instant);
    assert_eq!(mine(&node, 5), 5);
    assert!(node.mine(u64::MAX, None).wait().unwrap().is_err());
    assert!(node.mine(1, Some(u64::MAX)).wait().unwrap().is_err());
    assert_eq!(height(&node), 5);
    node.stop();
}

#[test]
fn a_transaction_that_is_invalid_when_its_block_is_made_is_refused_then() {
    let node = node(BlockMode::Manual);
    let [first, second] =
        [near(1), near(2)].map(|amount| transfer(&node.view(), ALICE, BOB, 1, amount));
    let first = node.submit(first, TxExecutionStatus::Final);
    let second = node.submit(second, TxExecutionStatus::Final);
    mine(&node, 3);
    let answers = [first, second].map(|answer| answer.wait().unwrap().is_ok());
    assert_eq!(answers, [true, false]);
    node.stop();
}
