//! A chain on its own thread: answers, blocks on demand, and what goes wrong.

use std::time::Duration;

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::action::{Action, AddKeyAction};
use near_primitives::errors::InvalidTxError;
use near_primitives::state_record::StateRecord;
use near_primitives::types::Balance;
use near_primitives::views::TxExecutionStatus;
use sandboxd::Sandbox;
use sandboxd::chain::{BlockMode, Clock, Node, NodeOptions, Progress, Refusal};

use crate::support::{account, chain, id, near, sign, transfer};

fn node() -> Node {
    Node::start(chain(), NodeOptions::default()).unwrap()
}

#[test]
fn the_answer_comes_with_the_chain_that_has_the_outcome() {
    let node = node();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 1, near(5));
    let hash = tx.get_hash();
    let landed = node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
    assert_eq!(landed.execution(&hash).unwrap().progress(), Progress::Complete);
    assert!(!landed.has_receipts());
    node.stop();
}

#[test]
fn each_stage_is_answered_at_the_stage() {
    let node = node();
    for (nonce, until, progress) in [
        (1, TxExecutionStatus::Included, Progress::Included),
        (2, TxExecutionStatus::ExecutedOptimistic, Progress::Executed),
        (3, TxExecutionStatus::Final, Progress::Complete),
    ] {
        let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", nonce, near(1));
        let hash = tx.get_hash();
        let landed = node.submit(tx, until).wait().unwrap().unwrap();
        assert_eq!(landed.execution(&hash).unwrap().progress(), progress);
    }
    node.stop();
}

#[test]
fn a_refusal_says_why() {
    let node = node();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 0, near(5));
    let refusal =
        node.submit(tx, TxExecutionStatus::ExecutedOptimistic).wait().unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(InvalidTxError::InvalidNonce { .. })));
    assert_eq!(node.view().head().height(), 0);
    node.stop();
}

#[test]
fn one_can_wait_for_a_transaction_that_comes_later() {
    let node = node();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 1, near(5));
    let watched = node.watch(tx.get_hash(), TxExecutionStatus::ExecutedOptimistic);
    node.submit(tx, TxExecutionStatus::None);
    assert!(watched.wait().unwrap().is_ok());
    node.stop();
}

#[test]
fn a_nonce_that_was_left_out_may_come_after_the_next_one() {
    let node = node();
    for first in [1, 4, 7] {
        let [early, late, latest] = [0, 1, 2].map(|after| {
            transfer(&node.view(), "alice.test.near", "bob.test.near", first + after, near(1))
        });
        // Each is taken before the next one is sent, as over connections of their own.
        let hashes = [latest, late, early].map(|transaction| {
            let hash = transaction.get_hash();
            node.submit(transaction, TxExecutionStatus::None).wait().unwrap().unwrap();
            hash
        });
        for hash in hashes {
            node.watch(hash, TxExecutionStatus::Final).wait().unwrap().unwrap();
        }
    }
    node.stop();
}

#[test]
fn a_nonce_that_never_comes_holds_nothing_up() {
    let node = node();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 5, near(1));
    node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
    let missed = transfer(&node.view(), "alice.test.near", "bob.test.near", 3, near(1));
    let refusal = node.submit(missed, TxExecutionStatus::Final).wait().unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(InvalidTxError::InvalidNonce { .. })));
    node.stop();
}

#[test]
fn many_transactions_at_once_all_land() {
    let node = node();
    let view = node.view();
    let answers: Vec<_> = (1..=100)
        .map(|nonce| {
            let tx = transfer(&view, "alice.test.near", "bob.test.near", nonce, near(1));
            node.submit(tx, TxExecutionStatus::Final)
        })
        .collect();
    for answer in answers {
        answer.wait().unwrap().unwrap();
    }
    let after = account(&node.view(), "bob.test.near").amount();
    assert_eq!(after, near(1_000_100));
    assert!(node.view().head().height() < 300, "transactions that wait together share blocks");
    node.stop();
}

#[test]
fn an_absurd_state_cannot_stop_the_node() {
    let node = node();
    let absurd = Account::new(Balance::ZERO, Balance::ZERO, AccountContract::None, u64::MAX);
    let record = StateRecord::Account { account_id: id("carol.test.near"), account: absurd };
    node.patch(vec![record]).wait().unwrap().unwrap();
    let too_rich =
        Account::new(Balance::from_yoctonear(u128::MAX), near(1), AccountContract::None, 182);
    let record = StateRecord::Account { account_id: id("dave.test.near"), account: too_rich };
    assert!(node.patch(vec![record]).wait().unwrap().is_err());
    let key = SecretKey::from_seed(KeyType::ED25519, "another").public_key();
    let add = Action::AddKey(Box::new(AddKeyAction {
        public_key: key,
        access_key: AccessKey::full_access(),
    }));
    let carol = "carol.test.near";
    let broken = sign(&node.view(), carol, carol, 1, vec![add]);
    // Whatever becomes of it, it gets an answer, and others go on.
    assert!(node.submit(broken, TxExecutionStatus::Final).wait().is_some());
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 1, near(5));
    assert!(node.submit(tx, TxExecutionStatus::Final).wait().unwrap().is_ok());
    node.stop();
}

#[test]
fn a_patch_and_a_jump_are_done_when_they_are_answered() {
    let node = node();
    let account = Account::new(near(7), Balance::ZERO, AccountContract::None, 182);
    let record = StateRecord::Account { account_id: id("new.test.near"), account };
    node.patch(vec![record]).wait().unwrap().unwrap();
    assert_eq!(crate::support::account(&node.view(), "new.test.near").amount(), near(7));
    node.fast_forward(1_000).wait().unwrap().unwrap();
    assert_eq!(node.view().head().height(), 1_001);
    node.stop();
}

#[test]
fn in_mixed_mode_there_are_blocks_without_work() {
    let chain = Sandbox::localnet(Clock::system()).into_chain();
    let mode = BlockMode::Mixed(Duration::from_millis(1));
    let node = Node::start(chain, NodeOptions { mode, keeper: None }).unwrap();
    // Nobody sends this one; waiting for it lets the thread be, and ends with the node.
    let never = transfer(&node.view(), "alice.test.near", "bob.test.near", 1, near(5));
    let waiting = node.watch(never.get_hash(), TxExecutionStatus::Included);
    while node.view().head().height() < 3 {
        std::thread::yield_now();
    }
    node.stop();
    assert!(waiting.wait().is_none());
}

#[test]
fn a_stopped_node_answers_nothing_and_keeps_its_last_view() {
    let node = node();
    node.stop();
    let tx = transfer(&node.view(), "alice.test.near", "bob.test.near", 1, near(5));
    assert!(node.submit(tx, TxExecutionStatus::ExecutedOptimistic).wait().is_none());
    assert_eq!(node.view().head().height(), 0);
}

#[test]
fn whoever_follows_the_chain_misses_no_block() {
    let node = node();
    let genesis = node.view();
    let news = node.after(genesis.head().hash());
    let tx = transfer(&genesis, "alice.test.near", "bob.test.near", 1, near(5));
    node.submit(tx, TxExecutionStatus::Final).wait().unwrap().unwrap();
    assert!(news.wait().unwrap().head().height() > 0);
    // Behind by more than one block: the answer is there at once, and has all of them.
    let newest = node.after(genesis.head().hash()).wait().unwrap();
    let heights: Vec<_> = newest.blocks_after(0).map(|block| block.height()).collect();
    assert_eq!(heights, (1..=newest.head().height()).collect::<Vec<_>>());
    let never = node.after(newest.head().hash());
    node.stop();
    assert!(never.wait().is_none(), "nothing comes after the end");
}
