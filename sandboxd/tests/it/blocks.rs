//! Transactions, the blocks that they get into, and how blocks hang together.

use near_primitives::action::{Action, DeployContractAction, TransferAction};
use near_primitives::block::BlockHeader;
use near_primitives::errors::InvalidTxError;
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::merkle::verify_path;
use near_primitives::types::{Balance, BlockId, BlockReference, Gas};
use near_primitives::views::FinalExecutionStatus;
use sandboxd::chain::{Chain, Known, Progress, Refusal, UnknownBlock};

use crate::support::{account, chain, near, sign, sign_at, transfer};

#[test]
fn a_transfer_moves_tokens_and_its_outcome_says_so() {
    let mut chain = chain();
    let before = account(&chain, "bob.test.near").amount();
    let hash =
        chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5))).unwrap();
    assert!(matches!(chain.transaction(&hash), Some(Known::Waiting(_))));

    chain.produce().unwrap();
    assert_eq!(chain.execution(&hash).unwrap().progress(), Progress::Included);
    assert_eq!(chain.execution(&hash).unwrap().status(), FinalExecutionStatus::Started);
    chain.produce().unwrap();
    assert_eq!(chain.execution(&hash).unwrap().progress(), Progress::Executed);
    chain.settle().unwrap();

    let execution = chain.execution(&hash).unwrap();
    assert_eq!(execution.progress(), Progress::Complete);
    assert_eq!(execution.status(), FinalExecutionStatus::SuccessValue(Vec::new()));
    assert_eq!(execution.view().transaction.hash, hash);
    let after = account(&chain, "bob.test.near").amount();
    assert_eq!(after.checked_sub(before), Some(near(5)));
}

#[test]
fn transactions_of_a_key_are_executed_in_the_order_of_their_nonces() {
    let mut chain = chain();
    let from_alice =
        |chain: &Chain, nonce| transfer(chain, "alice.test.near", "bob.test.near", nonce, near(1));
    let sent: Vec<_> =
        [3, 1, 2].map(|nonce| chain.submit(from_alice(&chain, nonce)).unwrap()).into();
    let by_another = transfer(&chain, "carol.test.near", "bob.test.near", 1, near(1));
    chain.submit(by_another).unwrap();
    let produced = chain.produce().unwrap();
    assert!(produced.dropped.is_empty());
    assert!(sent.iter().all(|hash| chain.execution(hash).is_some()));
}

#[test]
fn what_is_burnt_leaves_the_total_supply() {
    let mut chain = chain();
    let total = |chain: &Chain| chain.head().header().total_supply();
    let before = total(&chain);
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5))).unwrap();
    chain.settle().unwrap();
    chain.produce().unwrap();
    let heights = 1..=chain.head().height();
    let burnt: u128 = heights
        .flat_map(|height| at(&chain, height).outcomes().to_vec())
        .map(|outcome| outcome.outcome.tokens_burnt.as_yoctonear())
        .sum();
    assert!(burnt > 0);
    let gone = before.checked_sub(total(&chain)).unwrap();
    assert_eq!(gone, Balance::from_yoctonear(burnt));
}

#[test]
fn gas_costs_at_most_twenty_times_the_least() {
    let mut genesis = sandboxd::genesis::localnet(crate::support::GENESIS_NS);
    // A transfer burns hundreds of times what a chunk should, and the price rises as much.
    genesis.config.gas_limit = Gas::from_gigagas(1);
    let signer = sandboxd::genesis::dev_signer();
    let clock = sandboxd::chain::Clock::manual(crate::support::GENESIS_NS);
    let sandbox = sandboxd::Sandbox::builder(genesis).signer(signer).clock(clock);
    let mut chain = sandbox.build().unwrap().into_chain();
    let least = chain.gas_price();
    for nonce in 1..20 {
        let tx = transfer(&chain, "alice.test.near", "bob.test.near", nonce, near(1));
        chain.submit(tx).unwrap();
        chain.produce().unwrap();
    }
    assert_eq!(chain.gas_price(), least.checked_mul(20).unwrap());
    for _ in 0..1000 {
        chain.produce().unwrap();
    }
    assert_eq!(chain.gas_price(), least);
}

#[test]
fn headers_hang_together() {
    let mut chain = chain();
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5))).unwrap();
    chain.settle().unwrap();
    chain.produce().unwrap();
    for height in 1..=chain.head().height() {
        let (block, previous) = (at(&chain, height), at(&chain, height - 1));
        let header = block.header();
        assert_eq!(header.prev_hash(), previous.hash());
        assert!(header.raw_timestamp() > previous.header().raw_timestamp());
        assert_ne!(header.random_value(), previous.header().random_value());
        let inner = (header.inner_lite_bytes(), header.inner_rest_bytes());
        let again = BlockHeader::compute_hash(*header.prev_hash(), &inner.0, &inner.1);
        assert_eq!(*header.hash(), again);
        // A chunk speaks of the state and the outcomes before it.
        assert_eq!(block.chunk_header().prev_state_root(), previous.state_root());
        assert_eq!(block.chunk_header().compute_hash(), *block.chunk_hash());
        let root = *block.chunk_header().prev_outcome_root();
        assert_eq!(*header.outcome_root(), hash(root.as_ref()));
        for (outcome, proof) in previous.outcomes().iter().zip(previous.outcome_proofs()) {
            assert!(verify_path(root, proof, outcome.to_hashes()));
        }
    }
}

#[test]
fn views_carry_signatures_of_the_validator() {
    let mut chain = chain();
    chain.produce().unwrap();
    let view = chain.head().view(chain.signer());
    let key = chain.signer().public_key();
    assert!(view.header.signature.verify(chain.head().hash().as_ref(), &key));
    let chunk = view.chunks.first().unwrap();
    assert!(chunk.signature.verify(chunk.chunk_hash.as_ref(), &key));
}

#[test]
fn a_known_transaction_is_taken_once() {
    let mut chain = chain();
    let tx = transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5));
    let hash = chain.submit(tx.clone()).unwrap();
    assert_eq!(chain.submit(tx.clone()).unwrap(), hash);
    assert_eq!(chain.waiting().count(), 1);
    chain.settle().unwrap();
    assert_eq!(chain.submit(tx).unwrap(), hash);
    assert!(!chain.has_work());
}

#[test]
fn an_invalid_transaction_is_refused_before_a_block() {
    let mut chain = chain();
    let tx = transfer(&chain, "alice.test.near", "bob.test.near", 0, near(5));
    let refusal = chain.submit(tx).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(InvalidTxError::InvalidNonce { .. })), "{refusal}");
    assert!(!chain.has_work());
}

#[test]
fn of_two_transactions_with_one_nonce_the_second_is_dropped() {
    let mut chain = chain();
    let (first, second) = (
        transfer(&chain, "alice.test.near", "bob.test.near", 1, near(1)),
        transfer(&chain, "alice.test.near", "bob.test.near", 1, near(2)),
    );
    chain.submit(first).unwrap();
    let hash = chain.submit(second).unwrap();
    let produced = chain.produce().unwrap();
    assert_eq!(produced.block.transactions().len(), 1);
    assert_eq!(produced.dropped.len(), 1);
    assert_eq!(produced.dropped.first().unwrap().id, hash);
    assert!(!chain.knows(&hash));
}

#[test]
fn a_chunk_takes_four_mebibytes_of_transactions_together_with_the_one_before() {
    let mut chain = chain();
    let code = vec![0; 1_400_000];
    for nonce in 1..=5 {
        let deploy = Action::DeployContract(DeployContractAction { code: code.clone() });
        chain
            .submit(sign(&chain, "alice.test.near", "alice.test.near", nonce, vec![deploy]))
            .unwrap();
    }
    let made = chain.settle().unwrap();
    let sizes: Vec<_> = made.iter().map(|made| made.block.transactions().len()).collect();
    assert_eq!(sizes.get(..4), Some(&[2, 1, 1, 1][..]));
}

#[test]
fn a_transaction_expires() {
    let mut chain = chain();
    let old = *chain.head().hash();
    let action = || vec![Action::Transfer(TransferAction { deposit: near(1) })];
    let validity = chain.genesis_config().transaction_validity_period;
    chain.fast_forward(validity).unwrap();
    chain.submit(sign_at(old, "alice.test.near", "bob.test.near", 1, action())).unwrap();
    chain.produce().unwrap();
    let late = sign_at(old, "alice.test.near", "bob.test.near", 2, action());
    assert!(matches!(chain.submit(late), Err(Refusal::Invalid(InvalidTxError::Expired))));
    let foreign = sign_at(CryptoHash([7; 32]), "alice.test.near", "bob.test.near", 2, action());
    assert!(matches!(chain.submit(foreign), Err(Refusal::Invalid(InvalidTxError::Expired))));
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut chain = chain();
    let saved = chain.clone();
    chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5))).unwrap();
    chain.settle().unwrap();
    assert_eq!(saved.head().height(), 0);
    let (now, then) = (account(&chain, "bob.test.near"), account(&saved, "bob.test.near"));
    assert_eq!(now.amount().checked_sub(then.amount()), Some(near(5)));
}

#[test]
fn the_same_inputs_give_the_same_blocks() {
    let run = || {
        let mut chain = chain();
        chain.submit(transfer(&chain, "alice.test.near", "bob.test.near", 1, near(5))).unwrap();
        chain.settle().unwrap();
        *chain.head().hash()
    };
    assert_eq!(run(), run());
}

#[test]
fn old_states_stay_readable_until_they_are_forgotten() {
    let mut chain = sandboxd::Sandbox::builder(sandboxd::genesis::localnet(1))
        .clock(sandboxd::chain::Clock::manual(1))
        .kept_blocks(2)
        .build()
        .unwrap()
        .into_chain();
    for _ in 0..3 {
        chain.produce().unwrap();
    }
    let state_at = |height| {
        chain
            .state_at(&BlockReference::BlockId(BlockId::Height(height)))
            .map(sandbox_state::Snapshot::root)
    };
    assert!(state_at(3).is_ok());
    assert!(state_at(2).is_ok());
    assert!(matches!(state_at(1), Err(UnknownBlock::Forgotten { height: 1, .. })));
    assert!(matches!(state_at(9), Err(UnknownBlock::NoSuchBlock(_))));
    assert_eq!(chain.earliest().height(), 2);
}

fn at(chain: &Chain, height: u64) -> std::sync::Arc<sandboxd::chain::Block> {
    chain.block_by_id(&BlockId::Height(height)).unwrap().clone()
}
