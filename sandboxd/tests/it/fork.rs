//! Chains that go on from a block of another one, and fetch what they need of it.

mod features;
mod random;
mod remote;
mod rpc;

use std::sync::Arc;

use near_primitives::action::{Action, DeleteAccountAction, FunctionCallAction};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::{FinalExecutionStatus, TxExecutionStatus};
use sandbox_runtime::view;
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Node, NodeOptions, PinnedBlock, Progress, Refusal};
use serde_json::json;

use crate::support::{account, chain, id, near, sign, transfer, with_contracts};
use remote::{Answers, Remote, fork};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";
const CAROL: &str = "carol.test.near";

/// A chain with a contract on Bob's and on Alice's account that has stored something.
fn original() -> Chain {
    let mut chain = with_contracts(&[ALICE, BOB]);
    for (nonce, from) in [(2, ALICE), (1, CAROL)] {
        let hash = call(&mut chain, from, nonce, BOB, "set_status", r#"{"message":"hello"}"#);
        assert!(succeeded(&chain, &hash));
    }
    chain
}

fn function_call(method: &str, args: &str) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.as_bytes().to_vec(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }))
}

fn call(
    chain: &mut Chain,
    from: &str,
    nonce: u64,
    to: &str,
    method: &str,
    args: &str,
) -> CryptoHash {
    let call = function_call(method, args);
    let hash = chain.submit(sign(chain, from, to, nonce, vec![call])).unwrap();
    chain.settle().unwrap();
    hash
}

fn succeeded(chain: &Chain, hash: &CryptoHash) -> bool {
    let status = chain.execution(hash).unwrap().status();
    matches!(status, FinalExecutionStatus::SuccessValue(_))
}

fn status_of(chain: &Chain, of: &str) -> String {
    let args = json!({ "account_id": of }).to_string();
    let seen = chain.call_view(&id(BOB), "get_status", args.as_bytes()).unwrap();
    String::from_utf8(seen.value).unwrap()
}

#[test]
fn a_fork_goes_on_from_the_pinned_block() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut fork = fork(&remote);
    assert_eq!(fork.head().height(), original.head().height());
    assert_eq!(fork.head().header().raw_timestamp(), original.head().header().raw_timestamp());
    assert_eq!(fork.chain_id(), original.chain_id());
    assert_eq!(fork.gas_price(), original.gas_price());
    assert_eq!(fork.forked_from().unwrap().hash, *original.head().hash());
    assert!(original.forked_from().is_none());
    assert!(remote.asked().is_empty(), "nothing was read yet");
    let own = account(&fork, "fork-validator.test");
    let supply = original.head().header().total_supply();
    let own = own.amount().checked_add(own.locked()).unwrap();
    assert_eq!(fork.head().header().total_supply(), supply.checked_add(own).unwrap());
    let block = fork.produce().unwrap().block;
    assert_eq!(block.height(), original.head().height() + 1);
    assert!(remote.asked().is_empty(), "an empty block needs nothing");
}

#[test]
fn the_time_of_a_fork_goes_on_from_the_pinned_block() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let at = original.head().header().raw_timestamp();
    let mut fork = Sandbox::fork_builder(remote).build().unwrap().into_chain();
    let next = fork.produce().unwrap().block.header().raw_timestamp();
    let hour = 3600 * 1_000_000_000;
    assert!(at < next && next < at + hour, "{at} {next}");
}

#[test]
fn what_cannot_be_forked_is_refused() {
    let refused = |change: fn(&mut PinnedBlock)| {
        let mut remote = Arc::into_inner(Remote::of(&chain(), Answers::Whole)).unwrap();
        change(&mut remote.pinned);
        Sandbox::fork_builder(Arc::new(remote)).build().unwrap_err().to_string()
    };
    let old = refused(|pinned| pinned.protocol_version = 60);
    assert!(old.starts_with("protocol_version is 60, but this sandbox runs"), "{old}");
    let rich = refused(|pinned| pinned.total_supply = Balance::MAX);
    assert!(rich.contains("exceed 128 bits"), "{rich}");
    let late = refused(|pinned| pinned.timestamp_ns = u64::MAX);
    assert!(late.contains("1970 to 2554"), "{late}");
}

#[test]
fn what_is_needed_is_fetched_once_and_for_all_clones() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut fork = fork(&remote);
    let before = fork.clone();
    assert_eq!(account(&fork, ALICE), account(&original, ALICE));
    assert_eq!(status_of(&fork, ALICE), r#""hello""#);
    let hash = call(&mut fork, ALICE, 3, BOB, "set_status", r#"{"message":"bye"}"#);
    assert!(succeeded(&fork, &hash));
    assert_eq!(status_of(&fork, ALICE), r#""bye""#);
    assert_eq!(status_of(&fork, CAROL), r#""hello""#);
    assert_eq!(status_of(&before, ALICE), r#""hello""#);
    let again = before.clone();
    drop((fork, before));
    assert_eq!(status_of(&again, CAROL), r#""hello""#);
    let asked = remote.asked();
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    let alices = format!("access key {} of {ALICE}", crate::support::signer(ALICE).public_key());
    let expected = [
        alices,
        format!("account {ALICE}"),
        format!("account {BOB}"),
        format!("code of {BOB}"),
        format!("data of {BOB}"),
    ];
    assert_eq!(asked.into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn what_many_want_at_once_is_asked_once() {
    let remote = Remote::of(&original(), Answers::Whole);
    let fork = fork(&remote);
    let held = remote.hold();
    std::thread::scope(|scope| {
        let seen: Vec<_> =
            (0..8).map(|_| scope.spawn(|| status_of(&fork.clone(), ALICE))).collect();
        drop(held);
        assert!(seen.into_iter().all(|seen| seen.join().unwrap() == r#""hello""#));
    });
    assert_eq!(remote.asked().values().sum::<usize>(), 3);
}

#[test]
fn what_the_remote_does_later_is_not_seen() {
    let mut original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let fork = fork(&remote);
    call(&mut original, ALICE, 3, BOB, "set_status", r#"{"message":"later"}"#);
    assert_eq!(status_of(&original, ALICE), r#""later""#);
    assert_eq!(status_of(&fork, ALICE), r#""hello""#);
}

#[test]
fn own_accounts_hide_those_of_the_remote() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let source = Arc::<Remote>::clone(&remote);
    let fork = Sandbox::fork_builder(source).clock(*original.clock()).build();
    let fork = fork.unwrap().into_chain();
    assert_eq!(account(&fork, BOB).storage_usage(), account(&chain(), BOB).storage_usage());
    assert!(view::code(fork.state(), &id(BOB)).unwrap().is_err(), "the dev account has no code");
    let data = view::state(fork.state(), &id(BOB), &view::StateQuery::default());
    assert!(data.unwrap().unwrap().values.is_empty());
    assert_eq!(view::access_keys(fork.state(), &id(BOB), None).unwrap().len(), 1);
    assert!(remote.asked().is_empty());
    assert!(fork.account(&id("registrar")).is_ok() && fork.account(&id("near")).is_ok());
    assert_eq!(
        remote.asked().into_keys().collect::<Vec<_>>(),
        ["account near", "account registrar"]
    );
}

#[test]
fn lists_are_fetched_in_pages_and_put_together_with_what_is_here() {
    let mut original = original();
    for nonce in 0..10 {
        let from = ["dave", "erin", "frank", "grace", "heidi", "ivan"][nonce % 6];
        let from = format!("{from}.test.near");
        let nonce = u64::try_from(nonce).unwrap() + 1;
        call(&mut original, &from, nonce, BOB, "set_status", r#"{"message":"x"}"#);
    }
    let remote = Remote::of(&original, Answers::Pages(2));
    let mut fork = fork(&remote);
    let mut same = original.clone();
    for chain in [&mut fork, &mut same] {
        let hash = call(chain, CAROL, 2, BOB, "remove_status", "{}");
        assert!(succeeded(chain, &hash));
        let hash = call(chain, "registrar", 1, BOB, "set_status", r#"{"message":"new"}"#);
        assert!(succeeded(chain, &hash));
    }
    let whole = |chain: &Chain| {
        view::state(chain.state(), &id(BOB), &view::StateQuery::default()).unwrap().unwrap().values
    };
    assert_eq!(whole(&fork), whole(&same));
    let mut pages = Vec::new();
    let mut query = view::StateQuery { limit: std::num::NonZeroU32::new(3), ..Default::default() };
    loop {
        let page = view::state(fork.state(), &id(BOB), &query).unwrap().unwrap();
        pages.extend(page.values);
        query.after_key = page.last_key;
        if query.after_key.is_none() {
            break;
        }
    }
    assert_eq!(pages, whole(&same));
    let keys = |chain: &Chain| view::access_keys(chain.state(), &id(BOB), None).unwrap();
    assert_eq!(keys(&fork), keys(&same));
    let asked = remote.asked();
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

#[test]
fn a_deleted_account_stays_deleted() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut fork = fork(&remote);
    let delete = Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id(ALICE) });
    let hash = fork.submit(sign(&fork, CAROL, CAROL, 2, vec![delete])).unwrap();
    fork.settle().unwrap();
    assert!(succeeded(&fork, &hash));
    assert!(fork.account(&id(CAROL)).is_err());
    assert!(view::access_keys(fork.state(), &id(CAROL), None).unwrap().is_empty());
    let pinned = fork.genesis().height();
    let then = fork.block_by_id(&near_primitives::types::BlockId::Height(pinned)).unwrap();
    let then = fork.state_after(then).unwrap();
    assert!(view::account(then, &id(CAROL)).unwrap().is_ok(), "at the pinned height it is there");
}

#[test]
fn a_view_that_cannot_be_answered_is_an_error_and_works_later() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let fork = fork(&remote);
    remote.go();
    let error = fork.account(&id(BOB)).unwrap_err().to_string();
    let expected = format!(
        "account {BOB} at block {} could not be fetched: http://remote.test: connection refused",
        original.head().height()
    );
    assert_eq!(error, expected);
    let error = fork.call_view(&id(BOB), "get_count", b"{}").unwrap_err().to_string();
    assert_eq!(error, expected);
    remote.come_back();
    assert!(fork.account(&id(BOB)).is_ok());
    remote.go();
    let error = fork.call_view(&id(BOB), "get_count", b"{}").unwrap_err().to_string();
    assert!(error.starts_with(&format!("the code of {BOB} at block ")), "{error}");
    remote.come_back();
    assert!(view::code(fork.state(), &id(BOB)).unwrap().is_ok());
    remote.go();
    let error = fork.call_view(&id(BOB), "get_count", b"{}").unwrap_err().to_string();
    assert!(error.starts_with(&format!("the data of {BOB} at key STATE at block ")), "{error}");
    remote.come_back();
    assert!(fork.call_view(&id(BOB), "get_count", b"{}").is_ok());
}

#[test]
fn a_transaction_that_needs_what_is_out_of_reach_is_refused_and_the_block_is_made() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut fork = fork(&remote);
    account(&fork, ALICE);
    remote.go();
    let before = fork.clone();
    let refused = fork.submit(transfer(&fork, CAROL, BOB, 2, near(1))).unwrap_err();
    let Refusal::Fault(why) = refused else { panic!("{refused}") };
    assert!(why.contains(&format!("account {CAROL} at block")) && why.contains("remote.test"));
    assert_eq!(fork.waiting().count(), 0);
    assert_eq!(fork.head().hash(), before.head().hash());
    remote.come_back();
    // The account and the key are needed to take the transactions, and the code to execute one.
    let first = call_transaction(&fork, ALICE, 3, ALICE);
    let second = transfer(&fork, CAROL, "nobody.test.near", 2, near(1));
    let (first, second) = (fork.submit(first).unwrap(), fork.submit(second).unwrap());
    remote.go();
    let produced = fork.produce().unwrap();
    let [left_out] = &produced.unexecuted[..] else { panic!("{:?}", produced.unexecuted) };
    assert_eq!(left_out.id, first);
    let why = left_out.unavailable.to_string();
    assert!(why.starts_with(&format!("the code of {ALICE}")), "{why}");
    assert!(fork.execution(&first).is_none() && !fork.knows(&first));
    assert!(fork.execution(&second).is_some());
    remote.come_back();
    fork.settle().unwrap();
    let again = fork.submit(call_transaction(&fork, ALICE, 3, ALICE)).unwrap();
    fork.settle().unwrap();
    assert!(succeeded(&fork, &again));
}

fn call_transaction(
    chain: &Chain,
    from: &str,
    nonce: u64,
    to: &str,
) -> near_primitives::transaction::SignedTransaction {
    sign(chain, from, to, nonce, vec![function_call("increment", "{}")])
}

#[test]
fn a_receipt_that_needs_what_is_out_of_reach_waits_and_others_go_on() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut fork = fork(&remote);
    for name in [ALICE, CAROL] {
        drop(fork.verify(&transfer(&fork, name, CAROL, 9, near(1))));
    }
    let waits = fork.submit(call_transaction(&fork, ALICE, 3, BOB)).unwrap();
    fork.produce().unwrap();
    remote.go();
    let goes_on = fork.submit(transfer(&fork, CAROL, ALICE, 2, near(1))).unwrap();
    fork.settle().unwrap();
    assert_eq!(fork.execution(&goes_on).unwrap().progress(), Progress::Complete);
    assert_eq!(fork.execution(&waits).unwrap().progress(), Progress::Included);
    assert!(!fork.has_work(), "it is not tried again and again");
    let held = fork.clone();
    for _ in 0..3 {
        fork.produce().unwrap();
    }
    assert_eq!(fork.execution(&waits).unwrap().progress(), Progress::Included);
    remote.come_back();
    for mut chain in [fork, held] {
        chain.produce().unwrap();
        chain.settle().unwrap();
        assert_eq!(chain.execution(&waits).unwrap().progress(), Progress::Complete);
        assert!(succeeded(&chain, &waits));
        let count = chain.call_view(&id(BOB), "get_count", b"{}").unwrap();
        assert_eq!(count.value, b"1");
    }
}

#[test]
fn a_node_tells_the_client_and_goes_on() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let node = Node::start(fork(&remote), NodeOptions::default()).unwrap();
    let view = node.view();
    for name in [ALICE, CAROL] {
        drop(view.verify(&transfer(&view, name, CAROL, 9, near(1))));
    }
    remote.go();
    let first = node.submit(call_transaction(&view, ALICE, 3, ALICE), TxExecutionStatus::Final);
    let refusal = first.wait().unwrap().unwrap_err().to_string();
    assert!(refusal.contains("the code of"), "{refusal}");
    let second = transfer(&view, CAROL, ALICE, 2, near(1));
    assert!(node.submit(second, TxExecutionStatus::Final).wait().unwrap().is_ok());
    node.stop();
}

#[test]
fn a_node_executes_what_waits_when_the_remote_is_back() {
    let original = original();
    let remote = Remote::of(&original, Answers::Whole);
    let mut chain = fork(&remote);
    let waits = chain.submit(call_transaction(&chain, ALICE, 3, BOB)).unwrap();
    chain.produce().unwrap();
    remote.go();
    chain.settle().unwrap();
    assert!(chain.waits_for_source() && chain.retry().unwrap().is_none());
    let height = chain.head().height();
    remote.come_back();
    let mut again = chain.clone();
    assert!(again.retry().unwrap().is_some() && !again.waits_for_source());
    let node = Node::start(chain, NodeOptions::default()).unwrap();
    let landed = node.watch(waits, TxExecutionStatus::Final).wait().unwrap().unwrap();
    assert!(succeeded(&landed, &waits));
    assert!(landed.block_by_id(&near_primitives::types::BlockId::Height(height + 1)).is_ok());
    node.stop();
}

#[test]
fn epochs_are_counted_on() {
    let mut original = original();
    original.fast_forward(1700).unwrap();
    let epoch = *original.head().epoch();
    assert!(epoch.height > 1);
    let mut fork = fork(&Remote::of(&original, Answers::Whole));
    let left = epoch.start_height + 500 - original.head().height();
    fork.produce().unwrap();
    assert_eq!(fork.head().epoch().height, epoch.height);
    fork.fast_forward(left).unwrap();
    original.fast_forward(left + 1).unwrap();
    assert_eq!(fork.head().height(), original.head().height());
    assert_eq!(fork.head().epoch().height, epoch.height + 1);
    assert_eq!(fork.head().epoch().height, original.head().epoch().height);
    assert_eq!(fork.head().epoch().start_height, original.head().epoch().start_height);
}

#[test]
fn a_fork_is_not_written_as_bytes() {
    let remote = Remote::of(&original(), Answers::Whole);
    let refused = fork(&remote).base_image().unwrap_err();
    assert!(matches!(refused, sandboxd::chain::InvalidImage::Fork), "{refused}");
}
