//! What is left of the blocks that are not kept any more.

use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{BlockId, BlockReference, Finality};
use sandboxd::Sandbox;
use sandboxd::chain::{AfterRevert, Chain, Clock, NodeOptions, Refusal, Rollback, UnknownBlock};

use crate::support::{GENESIS_NS, chain as whole_chain, near, sign_at, transfer};

const KEPT: usize = 8;

fn chain() -> Chain {
    let localnet = Sandbox::localnet_builder(Clock::manual(GENESIS_NS));
    localnet.kept_blocks(KEPT).build().unwrap().into_chain()
}

fn pay(chain: &Chain, nonce: u64) -> SignedTransaction {
    transfer(chain, "alice.test.near", "bob.test.near", nonce, near(1))
}

fn heights(chain: &Chain) -> Vec<u64> {
    chain.blocks_after(0).map(|block| block.height()).collect()
}

#[test]
fn of_old_blocks_only_hash_and_height_are_known() {
    let mut chain = chain();
    let sent = chain.submit(pay(&chain, 1)).unwrap();
    chain.settle().unwrap();
    let block = chain.block_by_id(&BlockId::Height(1)).unwrap().clone();
    let receipt = *block.outgoing_receipts().first().unwrap().receipt_id();
    assert!(chain.execution(&sent).is_some() && chain.receipt(&receipt).is_some());
    chain.mine(20, None).unwrap();
    assert!(chain.execution(&sent).is_none() && chain.receipt(&receipt).is_none());
    assert!(chain.outcome(&sent).is_none() && chain.block_of_chunk(block.chunk_hash()).is_none());
    let (height, hash) = (BlockId::Height(1), BlockId::Hash(*block.hash()));
    let unknown = |id: &BlockId| UnknownBlock::NoSuchBlock(id.clone());
    for id in [&height, &hash] {
        assert_eq!(chain.block_by_id(id).unwrap_err(), unknown(id));
    }
    // As in neard, whose headers are gone too.
    let state_at = |id: &BlockId| chain.state_at(&BlockReference::BlockId(id.clone())).unwrap_err();
    let forgotten = UnknownBlock::Forgotten { height: 1, hash: *block.hash() };
    assert_eq!((state_at(&height), state_at(&hash)), (forgotten, unknown(&hash)));
    let oldest = BlockId::Hash(*chain.oldest().hash());
    assert_eq!(state_at(&oldest), unknown(&oldest));
    let genesis = BlockId::Hash(*chain.genesis().hash());
    assert!(matches!(state_at(&genesis), UnknownBlock::Forgotten { height: 0, .. }));
    // The block before the oldest state is still there: views of that one depend on it.
    let head = chain.head().height();
    let kept = u64::try_from(KEPT).unwrap();
    assert_eq!(heights(&chain), (head - kept..=head).collect::<Vec<_>>());
    assert_eq!(chain.earliest().height(), head - kept + 1);
    assert!(chain.block_by_id(&BlockId::Height(0)).is_ok(), "genesis always is");
}

#[test]
fn heights_below_the_kept_states_are_forgotten_also_without_a_block() {
    let mut chain = chain();
    chain.fast_forward(1_000).unwrap();
    chain.mine(20, None).unwrap();
    let skipped = BlockReference::BlockId(BlockId::Height(1_000 / 3));
    let hash = near_primitives::hash::CryptoHash::default();
    let forgotten = UnknownBlock::Forgotten { height: 1_000 / 3, hash };
    assert_eq!(chain.state_at(&skipped).unwrap_err(), forgotten);
}

#[test]
fn a_transaction_may_be_signed_for_a_block_that_is_not_kept() {
    let mut chain = chain();
    let old = *chain.produce().unwrap().block.hash();
    chain.mine(30, None).unwrap();
    let pay = |nonce| {
        let deposit = near_primitives::action::TransferAction { deposit: near(1) };
        let actions = vec![near_primitives::action::Action::Transfer(deposit)];
        sign_at(old, "alice.test.near", "bob.test.near", nonce, actions)
    };
    chain.submit(pay(1)).unwrap();
    chain.settle().unwrap();
    let validity = chain.genesis_config().transaction_validity_period;
    chain.fast_forward(1 + validity - chain.head().height()).unwrap();
    assert_eq!(chain.head().height(), 1 + validity);
    chain.verify(&pay(2)).unwrap();
    chain.produce().unwrap();
    let expired = chain.verify(&pay(2)).unwrap_err();
    assert!(matches!(expired, Refusal::Invalid(near_primitives::errors::InvalidTxError::Expired)));
}

#[test]
fn a_chain_that_forgets_makes_the_blocks_of_one_that_does_not() {
    let (mut short, mut whole) = (chain(), whole_chain());
    for chain in [&mut short, &mut whole] {
        for nonce in 1..=4 {
            chain.submit(pay(chain, nonce)).unwrap();
            chain.settle().unwrap();
            chain.mine(5, None).unwrap();
            chain.fast_forward(700).unwrap();
        }
        chain.roll_back(Rollback::ByBlocks(3)).unwrap();
        chain.mine(2, None).unwrap();
    }
    assert_eq!(short.head().hash(), whole.head().hash());
    for block in short.blocks_after(0) {
        let path = short.block_proof(block, short.head()).unwrap();
        assert_eq!(path, whole.block_proof(block, whole.head()).unwrap());
        let reference = BlockReference::BlockId(BlockId::Hash(*block.hash()));
        let env =
            |chain: &Chain| format!("{:?}", chain.env_after(chain.block(&reference).unwrap()));
        if short.state_after(block).is_ok() {
            assert_eq!(env(&short), env(&whole));
        }
    }
    let last = |chain: &Chain| {
        let end = chain.finished_epochs().next().unwrap();
        serde_json::to_value(chain.next_light_client_block(end.hash()).unwrap()).unwrap()
    };
    assert_eq!(last(&short), last(&whole));
}

#[test]
fn blocks_become_final_also_where_fewer_are_kept() {
    let localnet = Sandbox::localnet_builder(Clock::manual(GENESIS_NS));
    let mut chain = localnet.kept_blocks(1).finality_lag(6).build().unwrap().into_chain();
    chain.mine(20, None).unwrap();
    assert_eq!(chain.last_block(&Finality::Final).height(), 14);
    chain.roll_back(Rollback::ToHeight(17)).unwrap();
    assert!(chain.last_block(&Finality::Final).height() <= 14);
    chain.mine(5, None).unwrap();
    assert_eq!(chain.last_block(&Finality::Final).height(), 16);
}

#[test]
fn a_snapshot_keeps_what_the_chain_forgets_and_readers_miss_nothing() {
    let node = sandboxd::chain::Node::start(chain(), NodeOptions::default()).unwrap();
    node.mine(5, None).wait().unwrap().unwrap();
    let saved = node.snapshot().wait().unwrap();
    let before = node.view();
    let mut cursor = before.cursor();
    node.mine(40, None).wait().unwrap().unwrap();
    let view = node.view();
    // Who was further behind than what is kept gets what there is.
    let read: Vec<_> = view.blocks_since(cursor).map(|block| block.height()).collect();
    assert_eq!(read, (37..=45).collect::<Vec<_>>());
    cursor.advance(&view, 45);
    node.revert(saved, AfterRevert::Drop).wait().unwrap().unwrap();
    node.mine(2, None).wait().unwrap().unwrap();
    let view = node.view();
    assert_eq!(heights(&view), (1..=7).collect::<Vec<_>>());
    let read: Vec<_> = view.blocks_since(cursor).map(|block| block.height()).collect();
    assert_eq!(read, [6, 7]);
    node.stop();
}
