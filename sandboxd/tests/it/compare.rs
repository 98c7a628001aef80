//! The comparison of two executions.

use near_primitives::types::{Balance, Gas};
use near_primitives::views::{ExecutionStatusView, FinalExecutionOutcomeView};
use sandboxd::chain::{Differs, Two, compare};
use serde_json::json;

use crate::dry_run::{ALICE, BOB, CAROL, call, call_with, deploy, really, stage};
use crate::support::sign;

fn outcome(account: &str, gas: u64) -> FinalExecutionOutcomeView {
    let chain = stage();
    let args = json!({ "account_id": account });
    let call = call_with("call_other", &args, Gas::from_teragas(gas), Balance::ZERO);
    really(&chain, sign(&chain, ALICE, ALICE, 2, vec![call]))
}

#[test]
fn the_same_execution_elsewhere_does_not_differ() {
    let first = outcome(BOB, 100);
    assert_eq!(compare(&first, &first), []);
    let mut later = stage();
    later.fast_forward(100).unwrap();
    let args = json!({ "account_id": BOB });
    let call = call("call_other", &args);
    let second = really(&later, sign(&later, ALICE, ALICE, 2, vec![call]));
    let ids = |view: &FinalExecutionOutcomeView| {
        view.receipts_outcome.iter().map(|outcome| outcome.id).collect::<Vec<_>>()
    };
    assert_ne!(ids(&first), ids(&second));
    assert_eq!(compare(&first, &second), []);
    // A node that keeps no profiles, and one whose order of outcomes differs.
    let mut other = second.clone();
    other.receipts_outcome.reverse();
    other.receipts_outcome[0].outcome.metadata.gas_profile = None;
    assert_eq!(compare(&first, &other), []);
}

#[test]
fn each_difference_is_told_with_its_place() {
    let first = outcome(BOB, 100);
    let mut second = first.clone();
    second.transaction_outcome.outcome.tokens_burnt = Balance::ZERO;
    let last = second.receipts_outcome.iter_mut().find(|outcome| !outcome.outcome.logs.is_empty());
    let last = &mut last.unwrap().outcome;
    last.logs.push("more".to_owned());
    last.gas_burnt = Gas::from_gas(7);
    last.status = ExecutionStatusView::SuccessValue(b"else".to_vec());
    last.executor_id = CAROL.parse().unwrap();
    last.metadata.gas_profile.as_mut().unwrap().retain(|cost| cost.cost != "LOG_BASE");
    let differences = compare(&first, &second);
    let places: Vec<_> = differences.iter().map(|difference| difference.at.as_str()).collect();
    let there = "transaction.receipts[0].receipts[0]";
    assert_eq!(places, ["transaction", there, there, there, there, there]);
    let whats: Vec<_> = differences.iter().map(|difference| &difference.what).collect();
    assert!(matches!(whats[0], Differs::TokensBurnt(Two { second: Balance::ZERO, .. })));
    assert!(matches!(whats[1], Differs::Executor(_)));
    assert!(matches!(whats[2], Differs::Status(_)));
    assert!(matches!(whats[3], Differs::Logs(Two { first, second }) if second.len() > first.len()));
    assert!(matches!(whats[4], Differs::GasBurnt(_)));
    let Differs::Profile { cost, gas } = whats[5] else { panic!("{:?}", whats[5]) };
    assert_eq!((cost.as_str(), gas.second), ("LOG_BASE", Gas::ZERO));
    let written = serde_json::to_value(&differences[4]).unwrap();
    let first = first.receipts_outcome.iter().find(|other| !other.outcome.logs.is_empty());
    let burnt = first.unwrap().outcome.gas_burnt;
    assert_eq!(
        written,
        json!({ "at": there, "differs": "gas_burnt", "first": burnt, "second": 7 })
    );
}

#[test]
fn receipts_that_only_one_has_are_told_with_their_account() {
    let mut chain = stage();
    let args = json!({ "account_id": BOB });
    let transaction = sign(&chain, ALICE, ALICE, 2, vec![call("call_other", &args)]);
    let first = really(&chain, transaction.clone());
    deploy(&mut chain, ALICE, 2, fixtures::wasm("tiny").to_vec());
    let second = really(&chain, sign(&chain, ALICE, ALICE, 3, vec![call("call_other", &args)]));
    let differences = compare(&first, &second);
    // Where the first called bob's contract, the second only paid back.
    let there = "transaction.receipts[0].receipts[0]";
    assert!(
        differences
            .iter()
            .any(|other| { other.at == there && matches!(other.what, Differs::Executor(_)) })
    );
    let only = differences.iter().find(|other| matches!(other.what, Differs::Outcome(_)));
    let Differs::Outcome(Two { first, second }) = &only.unwrap().what else { unreachable!() };
    assert_eq!((first.as_ref().map(|id| id.as_str()), second.as_ref()), (Some(ALICE), None));
}
