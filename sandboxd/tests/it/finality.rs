//! Blocks that become final later: which ones they are, and who waits for it.

use near_primitives::types::{BlockReference, Finality};
use near_primitives::views::TxExecutionStatus;
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock, Node, NodeOptions};

use crate::support::{GENESIS_NS, id, near, transfer};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

fn chain(lag: u64) -> Chain {
    let builder = Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).finality_lag(lag);
    builder.build().unwrap().into_chain()
}

fn height(chain: &Chain, finality: Finality) -> u64 {
    chain.block(&BlockReference::Finality(finality)).unwrap().height()
}

#[test]
fn without_a_lag_the_head_is_final() {
    let mut chain = chain(0);
    for made in 1..5 {
        chain.produce().unwrap();
        for finality in [Finality::None, Finality::DoomSlug, Finality::Final] {
            assert_eq!(height(&chain, finality), made);
        }
    }
}

#[test]
fn a_lag_of_two_gives_the_blocks_that_neards_headers_name() {
    let mut chain = chain(2);
    let head_names_them = |chain: &Chain| {
        let header = chain.head().header();
        for (finality, named) in [
            (Finality::Final, header.last_final_block()),
            (Finality::DoomSlug, header.last_ds_final_block()),
        ] {
            let block = chain.block(&BlockReference::Finality(finality)).unwrap();
            // Until there is a final block neard's headers name none, and the genesis is it.
            let none = *named == near_primitives::hash::CryptoHash::default();
            let named = if none { chain.genesis().hash() } else { named };
            assert_eq!(block.hash(), named, "at height {}", header.height());
        }
    };
    head_names_them(&chain);
    for _ in 0..5 {
        chain.produce().unwrap();
        head_names_them(&chain);
    }
    assert_eq!((height(&chain, Finality::Final), height(&chain, Finality::DoomSlug)), (3, 4));
    // Heights that are skipped, within an epoch and across some, end the run of blocks.
    for delta in [7, 1, 1, 1_200, 1, 1, 1] {
        chain.fast_forward(delta).unwrap();
        head_names_them(&chain);
    }
}

#[test]
fn a_longer_lag_needs_as_many_blocks_in_a_row() {
    let mut chain = chain(5);
    for _ in 0..8 {
        chain.produce().unwrap();
    }
    assert_eq!((height(&chain, Finality::Final), height(&chain, Finality::DoomSlug)), (3, 6));
    chain.fast_forward(100).unwrap();
    for _ in 0..5 {
        assert_eq!(height(&chain, Finality::Final), 3);
        chain.produce().unwrap();
    }
    assert_eq!(height(&chain, Finality::Final), chain.head().height() - 5);
}

#[test]
fn the_final_state_is_that_of_the_final_block() {
    let mut chain = chain(2);
    let sent = transfer(&chain, ALICE, BOB, 1, near(5));
    chain.submit(sent).unwrap();
    chain.settle().unwrap();
    let balance = |chain: &Chain, finality: Finality| {
        let state = chain.state_at(&BlockReference::Finality(finality)).unwrap();
        sandbox_runtime::view::account(state, &id(BOB)).unwrap().unwrap().amount()
    };
    assert_eq!(balance(&chain, Finality::None), near(1_000_005));
    assert_eq!(balance(&chain, Finality::Final), near(1_000_000));
    chain.produce().unwrap();
    chain.produce().unwrap();
    assert_eq!(balance(&chain, Finality::Final), near(1_000_005));
}

#[test]
fn who_waits_for_finality_gets_the_blocks_and_who_does_not_gets_none() {
    use TxExecutionStatus::{Executed, ExecutedOptimistic, Included, IncludedFinal};
    let node = Node::start(chain(2), NodeOptions::default()).unwrap();
    // The receipt of a transfer is executed in the block after it.
    for (nonce, until, reached, blocks) in [
        (1, Included, Included, 1),
        (2, ExecutedOptimistic, ExecutedOptimistic, 2),
        // By then it has been executed as well.
        (3, IncludedFinal, Executed, 3),
        (4, Executed, Executed, 3),
    ] {
        let tx = transfer(&node.view(), ALICE, BOB, nonce, near(1));
        let hash = tx.get_hash();
        let landed = node.submit(tx, until.clone()).wait().unwrap().unwrap();
        let execution = landed.execution(&hash).unwrap();
        assert_eq!(landed.execution_status(&execution), reached);
        let included = execution.block.height();
        assert_eq!(landed.head().height(), included + blocks - 1, "{until:?}");
    }
    let tx = transfer(&node.view(), ALICE, BOB, 5, near(1));
    let hash = tx.get_hash();
    let landed = node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
    let execution = landed.execution(&hash).unwrap();
    let last = execution.outcomes.iter().map(|at| at.block.height()).max().unwrap();
    assert_eq!(landed.head().height(), last + 2);
    assert_eq!(node.view().head().height(), last + 2, "nobody waits for more");
    node.stop();
}

#[test]
fn who_gave_up_waiting_for_finality_gets_no_more_blocks() {
    let node = Node::start(chain(1_000_000_000), NodeOptions::default()).unwrap();
    let tx = transfer(&node.view(), ALICE, BOB, 1, near(1));
    let given_up = node.submit(tx, TxExecutionStatus::Final);
    while node.view().head().height() < 10 {
        std::thread::yield_now();
    }
    drop(given_up);
    // An answer is given between two blocks; the first may still see one that waits.
    let height = || {
        node.block_mode().wait().unwrap();
        node.view().head().height()
    };
    let mut last = height();
    loop {
        let now = height();
        if now == last {
            break;
        }
        last = now;
    }
    node.stop();
}
