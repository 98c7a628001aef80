#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use super::super::{AfterRevert, Clock, Rollback};
use super::owner::{COMMANDS_PER_BLOCK, FIRST_TIDY};
use super::*;
use crate::Sandbox;

fn owner() -> Owner {
    let chain = Sandbox::localnet(Clock::manual(1)).into_chain();
    let published = Arc::new(Publication::new(chain.clone()));
    Owner::new(chain, published, BlockMode::default(), None)
}

#[test]
fn a_panic_keeps_the_chain_from_before_it() {
    let mut owner = owner();
    let attempt = owner.attempt(|chain| -> Result<((), Vec<Produced>), RuntimeFault> {
        chain.produce()?;
        panic!("half way");
    });
    assert_eq!(panic_text(&*attempt.unwrap_err()), "a bug in the sandbox: half way");
    assert_eq!(owner.chain.head().height(), 0);
    assert_eq!(owner.published.view().head().height(), 0);
    owner.produce();
    assert_eq!(owner.published.view().head().height(), 1);
}

#[test]
fn a_fault_keeps_the_chain_from_before_it() {
    let mut owner = owner();
    let attempt = owner.attempt(|chain| {
        chain.produce()?;
        Err::<((), _), _>(RuntimeFault::Overflow("a test"))
    });
    assert!(attempt.unwrap().is_err());
    assert_eq!(owner.chain.head().height(), 0);
}

#[test]
fn a_fault_of_the_next_block_answers_those_who_wait_for_it() {
    let mut owner = owner();
    let hash = owner.chain.submit(transfer(&owner.chain)).unwrap();
    owner.produce();
    let (promise, landed) = answer();
    owner.watch(hash, TxExecutionStatus::Final, promise);
    let (promise, unknown) = answer();
    owner.watch(CryptoHash::default(), TxExecutionStatus::Included, promise);
    owner.drop_block("a test".to_owned());
    assert!(matches!(landed.wait(), Some(Err(Refusal::Fault(_)))));
    assert_eq!(owner.waiting.len(), 1, "a transaction that may still come is waited for");
    drop(unknown);
}

#[test]
fn an_answer_that_nobody_waits_for_is_forgotten() {
    let mut owner = owner();
    for number in 0..1_000_u32 {
        let hash = near_primitives::hash::hash(&number.to_le_bytes());
        let (promise, forgotten) = answer();
        drop(forgotten);
        owner.watch(hash, TxExecutionStatus::Included, promise);
    }
    assert!(owner.waiting.len() <= FIRST_TIDY);
}

#[test]
fn answers_about_one_transaction_are_forgotten_too() {
    let mut owner = owner();
    for _ in 0..1_000 {
        let (promise, forgotten) = answer();
        drop(forgotten);
        owner.watch(CryptoHash::default(), TxExecutionStatus::Included, promise);
    }
    assert!(owner.waiting.values().map(Vec::len).sum::<usize>() <= FIRST_TIDY);
}

#[test]
fn commands_do_not_put_off_a_block_that_is_due() {
    let mut owner = owner();
    owner.mode = BlockMode::Interval(Duration::ZERO);
    assert!(matches!(owner.wait(), Wait::ForBlock(Duration::ZERO)));
    owner.obey(Command::GoOn);
    let wait = owner.wait();
    assert!(matches!(wait, Wait::Over));
    owner.waited(wait);
    assert_eq!(owner.chain.head().height(), 1);
    assert!(matches!(owner.wait(), Wait::ForBlock(Duration::ZERO)));
}

#[test]
fn commands_without_end_do_not_keep_a_block_from_being_made() {
    let mut owner = owner();
    let transaction = transfer(&owner.chain);
    owner.chain.submit(transaction).unwrap();
    let mut obeyed = 0;
    while !matches!(owner.wait(), Wait::Over) {
        owner.obey(Command::GoOn);
        obeyed += 1;
    }
    assert_eq!(obeyed, COMMANDS_PER_BLOCK);
}

#[test]
fn a_block_that_was_made_meanwhile_is_not_made_again() {
    let mut owner = owner();
    let wait = Wait::ForBlock(Duration::ZERO);
    owner.waited(wait);
    assert_eq!(owner.chain.head().height(), 0);
}

#[test]
fn who_brings_a_transaction_to_an_idle_chain_executes_it() {
    let mut owner = owner();
    owner.short = Duration::MAX;
    assert!(owner.is_at_leisure());
    let transaction = Box::new(owner.chain.admit(transfer(&owner.chain)).unwrap());
    let (landed, answer) = answer();
    let until = TxExecutionStatus::Final;
    assert!(owner.obey_at_once(Command::Submit { transaction, until, landed }));
    assert!(answer.wait().unwrap().is_ok());
}

#[test]
fn after_a_long_block_the_chains_thread_goes_on() {
    let mut owner = owner();
    owner.short = Duration::ZERO;
    let transaction = Box::new(owner.chain.admit(transfer(&owner.chain)).unwrap());
    let (landed, answer) = answer();
    let until = TxExecutionStatus::Final;
    assert!(!owner.obey_at_once(Command::Submit { transaction, until, landed }));
    assert_eq!(owner.chain.head().height(), 1);
    assert!(!owner.is_at_leisure());
    while matches!(owner.wait(), Wait::ForBlock(Duration::ZERO)) {
        owner.waited(Wait::ForBlock(Duration::ZERO));
    }
    assert!(answer.wait().unwrap().is_ok());
}

#[test]
fn a_block_that_waits_for_a_nonce_is_left_to_the_chains_thread() {
    let mut owner = owner();
    let transaction = Box::new(owner.chain.admit(transfer_of(&owner.chain, 5, 1)).unwrap());
    let (landed, answer) = answer();
    let until = TxExecutionStatus::Final;
    assert!(!owner.obey_at_once(Command::Submit { transaction, until, landed }));
    assert_eq!(owner.chain.head().height(), 0);
    assert!(!owner.is_at_leisure());
    drop(answer);
}

#[test]
fn a_chain_that_was_stopped_takes_no_commands() {
    let chain = Sandbox::localnet(Clock::manual(1)).into_chain();
    let transaction = transfer(&chain);
    let node = Node::start(chain, NodeOptions::default()).unwrap();
    node.stop();
    assert!(node.submit(transaction, TxExecutionStatus::Final).wait().is_none());
    assert!(node.snapshot().wait().is_none());
}

#[test]
fn only_a_transaction_that_was_taken_lets_a_block_wait() {
    let mut owner = owner();
    for (near, waits) in [(1_000_000_000, false), (1, true)] {
        let transaction = owner.chain.admit(transfer_of(&owner.chain, 5, near)).unwrap();
        let (promise, landed) = answer();
        submit(&mut owner, transaction, TxExecutionStatus::None, promise);
        assert_eq!(landed.wait().unwrap().is_ok(), waits);
        assert_eq!(owner.gaps.is_empty(), !waits);
    }
    owner.produce();
    assert!(owner.gaps.is_empty());
}

#[test]
fn who_waits_for_what_is_gone_is_told_so_and_others_go_on_waiting() {
    let mut owner = owner();
    let send = |owner: &mut Owner, nonce| {
        let transaction = owner.chain.admit(transfer_of(&owner.chain, nonce, 1)).unwrap();
        let (promise, landed) = answer();
        submit(owner, transaction, TxExecutionStatus::Final, promise);
        landed
    };
    let pooled = send(&mut owner, 1);
    let id = owner.saved.save(&owner.chain);
    let late = send(&mut owner, 2);
    let (promise, unseen) = answer();
    owner.watch(CryptoHash::default(), TxExecutionStatus::Included, promise);
    for executed in [false, true] {
        let lost = send(&mut owner, 3);
        if executed {
            owner.produce();
        }
        let (_info, earlier) = owner.saved.restore(id, AfterRevert::Keep).unwrap();
        owner.return_to(earlier);
        assert!(matches!(lost.wait(), Some(Err(Refusal::TakenBack))));
        assert_eq!(owner.waiting.len(), 2, "one is in the pool again, the other may come");
        assert_eq!(owner.chain.waiting().count(), 1);
    }
    assert!(matches!(late.wait(), Some(Err(Refusal::TakenBack))));
    let mut emptied = owner.chain.clone();
    emptied.roll_back(Rollback::ByBlocks(0)).unwrap();
    owner.return_to(emptied);
    assert!(matches!(pooled.wait(), Some(Err(Refusal::TakenBack))));
    assert_eq!(owner.waiting.len(), 1);
    drop(unseen);
}

fn submit(
    owner: &mut Owner,
    transaction: WellFormed,
    until: TxExecutionStatus,
    landed: Promise<Landed>,
) {
    owner.obey(Command::Submit { transaction: Box::new(transaction), until, landed });
}

fn transfer(chain: &Chain) -> SignedTransaction {
    transfer_of(chain, 1, 1)
}

pub(super) fn transfer_of(chain: &Chain, nonce: u64, near: u128) -> SignedTransaction {
    use near_crypto::{InMemorySigner, KeyType, SecretKey};
    use near_primitives::action::{Action, TransferAction};
    use near_primitives::transaction::{Transaction, TransactionV0};
    let name = "alice.test.near";
    let key = SecretKey::from_seed(KeyType::ED25519, name);
    let signer = InMemorySigner::from_secret_key(name.parse().unwrap(), key);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: name.parse().unwrap(),
        public_key: signer.public_key(),
        nonce,
        receiver_id: "bob.test.near".parse().unwrap(),
        block_hash: *chain.head().hash(),
        actions: vec![Action::Transfer(TransferAction {
            deposit: near_primitives::types::Balance::from_near(near),
        })],
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    SignedTransaction::new(signature, transaction)
}
