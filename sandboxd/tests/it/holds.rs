//! Receipts that are held and released.

use near_primitives::action::{Action, FunctionCallAction};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::{FinalExecutionStatus, TxExecutionStatus};
use sandboxd::chain::{
    Chain, InvalidRelease, Node, NodeOptions, Progress, ReceiptFilter, Rollback,
};
use serde_json::json;

use crate::support::{account, chain, id, near, sign, transfer, with_contracts};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";
const CAROL: &str = "carol.test.near";

fn to(receiver: &str) -> ReceiptFilter {
    ReceiptFilter { receiver_id: Some(id(receiver)), ..ReceiptFilter::default() }
}

fn send(chain: &mut Chain, to: &str, nonce: u64) -> CryptoHash {
    let hash = chain.submit(transfer(chain, ALICE, to, nonce, near(1))).unwrap();
    chain.settle().unwrap();
    hash
}

fn held(chain: &Chain) -> Vec<CryptoHash> {
    chain.held_receipts().map(|held| *held.receipt.receipt_id()).collect()
}

fn progress(chain: &Chain, transaction: &CryptoHash) -> Progress {
    chain.execution(transaction).unwrap().progress()
}

#[test]
fn what_is_held_stays_out_of_blocks_and_other_receipts_go_on() {
    let mut chain = chain();
    let hold = chain.hold_receipts(to(BOB));
    let (held_back, free) = (send(&mut chain, BOB, 1), send(&mut chain, CAROL, 2));
    assert!(!chain.has_work(), "a held receipt is no work");
    assert_eq!(progress(&chain, &held_back), Progress::Included);
    assert_eq!(progress(&chain, &free), Progress::Complete);
    chain.mine(5, None).unwrap();
    assert_eq!(account(&chain, BOB).amount(), near(1_000_000));
    let receipts = held(&chain);
    assert_eq!(receipts.len(), 1);
    assert_eq!(chain.release_hold(hold), Ok(receipts.clone()));
    assert!(chain.has_work());
    let made = chain.settle().unwrap();
    let incoming = made.first().unwrap().block.incoming_receipts();
    assert_eq!(incoming.iter().map(|r| *r.receipt_id()).collect::<Vec<_>>(), receipts);
    assert_eq!(progress(&chain, &held_back), Progress::Complete);
    assert_eq!(account(&chain, BOB).amount(), near(1_000_001));
    assert_eq!((held(&chain).len(), chain.holds().count()), (0, 0));
    // The hold is over.
    let later = send(&mut chain, BOB, 3);
    assert_eq!(progress(&chain, &later), Progress::Complete);
}

#[test]
fn receipts_are_released_one_by_one_in_any_order() {
    let mut chain = chain();
    chain.hold_receipts(ReceiptFilter::default());
    for (to, nonce) in [(BOB, 1), (CAROL, 2), (BOB, 3)] {
        send(&mut chain, to, nonce);
    }
    let [first, second, third] = held(&chain).try_into().unwrap();
    let released = [third, first];
    assert_eq!(chain.release_receipts(&released), Ok(released.to_vec()));
    assert_eq!(held(&chain), [second]);
    let block = chain.produce().unwrap().block;
    let order: Vec<_> = block.incoming_receipts().iter().map(|r| *r.receipt_id()).collect();
    assert_eq!(order, released);
    assert_eq!(account(&chain, BOB).amount(), near(1_000_002));
    assert_eq!(account(&chain, CAROL).amount(), near(1_000_000));
}

#[test]
fn a_release_of_what_is_not_held_releases_nothing() {
    let mut chain = chain();
    let hold_id = chain.hold_receipts(to(BOB));
    send(&mut chain, BOB, 1);
    let [held_one] = held(&chain).try_into().unwrap();
    let receipt_id = CryptoHash::default();
    let refused = chain.release_receipts(&[held_one, receipt_id]);
    assert_eq!(refused, Err(InvalidRelease::NotHeld { receipt_id }));
    let refused = chain.release_receipts(&[held_one, held_one]);
    assert_eq!(refused, Err(InvalidRelease::NotHeld { receipt_id: held_one }));
    let unknown = hold_id + 1;
    assert_eq!(chain.release_hold(unknown), Err(InvalidRelease::UnknownHold { hold_id: unknown }));
    assert_eq!(held(&chain), [held_one]);
    assert!(!chain.has_work());
}

#[test]
fn receipts_that_already_wait_for_the_next_block_are_held_too() {
    let mut chain = chain();
    let hash = chain.submit(transfer(&chain, ALICE, BOB, 1, near(1))).unwrap();
    chain.produce().unwrap();
    assert!(chain.has_receipts());
    let (first, second) = (chain.hold_receipts(to(BOB)), chain.hold_receipts(to(BOB)));
    assert!(!chain.has_receipts());
    // What another hold catches stays.
    assert_eq!(chain.release_hold(first), Ok(Vec::new()));
    assert_eq!(chain.held_receipts().map(|held| held.hold_id).collect::<Vec<_>>(), [second]);
    assert_eq!(chain.release_hold(second).unwrap().len(), 1);
    chain.settle().unwrap();
    assert_eq!(progress(&chain, &hash), Progress::Complete);
}

#[test]
fn a_receipt_to_oneself_runs_in_the_block_of_its_transaction_and_is_not_held() {
    let mut chain = chain();
    chain.hold_receipts(to(ALICE));
    let hash = chain.submit(transfer(&chain, ALICE, ALICE, 1, near(1))).unwrap();
    chain.produce().unwrap();
    assert!(progress(&chain, &hash) >= Progress::Executed);
}

#[test]
fn a_clone_carries_what_is_held() {
    let mut chain = chain();
    let hold = chain.hold_receipts(to(BOB));
    let hash = send(&mut chain, BOB, 1);
    let kept = chain.clone();
    chain.release_hold(hold).unwrap();
    chain.settle().unwrap();
    let mut back = kept;
    assert_eq!(progress(&back, &hash), Progress::Included);
    back.release_hold(hold).unwrap();
    back.settle().unwrap();
    assert_eq!(progress(&back, &hash), Progress::Complete);
    assert_eq!(back.state().root(), chain.state().root());
}

/// Alice's contract calls Bob's, and then itself with what came of that.
fn crossing(hold: Option<ReceiptFilter>) -> (Chain, CryptoHash) {
    let mut chain = with_contracts(&[ALICE, BOB]);
    if let Some(filter) = hold {
        chain.hold_receipts(filter);
    }
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: "call_other".into(),
        args: json!({ "account_id": BOB }).to_string().into_bytes(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    let hash = chain.submit(sign(&chain, CAROL, ALICE, 1, vec![call])).unwrap();
    chain.settle().unwrap();
    (chain, hash)
}

#[test]
fn a_call_across_accounts_can_be_stopped_at_each_of_its_receipts() {
    let (free, hash) = crossing(None);
    let result = free.execution(&hash).unwrap().status();
    assert!(matches!(result, FinalExecutionStatus::SuccessValue(_)), "{result:?}");
    let predecessor =
        |name: &str| ReceiptFilter { predecessor_id: Some(id(name)), ..ReceiptFilter::default() };
    let method = ReceiptFilter { method_name: Some("call_other".into()), ..Default::default() };
    let both = ReceiptFilter { receiver_id: Some(id(BOB)), ..predecessor(ALICE) };
    for filter in [method, both, predecessor(CAROL), predecessor(BOB), ReceiptFilter::default()] {
        let (mut chain, hash) = crossing(Some(filter.clone()));
        assert_eq!(progress(&chain, &hash), Progress::Included, "{filter:?}");
        let mut released = 0;
        while !held(&chain).is_empty() {
            chain.release_receipts(&held(&chain)).unwrap();
            chain.settle().unwrap();
            released += 1;
        }
        assert!(released > 0);
        assert_eq!(progress(&chain, &hash), Progress::Complete, "{filter:?}");
        assert_eq!(chain.execution(&hash).unwrap().status(), result);
        let supply = |chain: &Chain| chain.head().header().total_supply();
        assert_eq!(supply(&chain), supply(&free));
    }
}

#[test]
fn a_node_does_not_spin_on_what_is_held() {
    let node = Node::start(chain(), NodeOptions::default()).unwrap();
    let hold = node.hold_receipts(to(BOB)).wait().unwrap();
    let tx = transfer(&node.view(), ALICE, BOB, 1, near(1));
    let landed = node.submit(tx.clone(), TxExecutionStatus::Final);
    node.watch(tx.get_hash(), TxExecutionStatus::Included).wait().unwrap().unwrap();
    let other = transfer(&node.view(), ALICE, CAROL, 2, near(1));
    let head = node.submit(other, TxExecutionStatus::Final).wait().unwrap().unwrap();
    node.block_mode().wait().unwrap();
    assert_eq!(node.view().head().hash(), head.head().hash());
    node.release_hold(hold).wait().unwrap().unwrap();
    landed.wait().unwrap().unwrap();
    node.stop();
}

#[test]
fn a_rollback_brings_back_what_was_held_and_what_was_due() {
    let mut chain = chain();
    let hold = chain.hold_receipts(to(BOB));
    let held_back = send(&mut chain, BOB, 1);
    let due = chain.submit(transfer(&chain, ALICE, CAROL, 2, near(1))).unwrap();
    let height = chain.produce().unwrap().block.height();
    let kept = held(&chain);
    chain.release_hold(hold).unwrap();
    chain.settle().unwrap();
    assert_eq!([&held_back, &due].map(|hash| progress(&chain, hash)), [Progress::Complete; 2]);
    chain.roll_back(Rollback::ToHeight(height)).unwrap();
    assert_eq!(held(&chain), kept);
    assert_eq!([&held_back, &due].map(|hash| progress(&chain, hash)), [Progress::Included; 2]);
    chain.settle().unwrap();
    assert_eq!(
        [&held_back, &due].map(|hash| progress(&chain, hash)),
        [Progress::Included, Progress::Complete]
    );
    assert!(chain.hold_receipts(to(CAROL)) > hold);
    chain.release_hold(hold).unwrap();
    chain.settle().unwrap();
    assert_eq!(progress(&chain, &held_back), Progress::Complete);
}
