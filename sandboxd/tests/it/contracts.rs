//! Contracts from deployment to view calls.

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionStatus;
use sandboxd::chain::{Chain, Progress};
use serde_json::json;

use crate::support::{id, sign, with_contracts};

const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

fn call(chain: &mut Chain, nonce: u64, to: &str, method: &str, args: &str) -> FinalExecutionStatus {
    let call = Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.as_bytes().to_vec(),
        gas: Gas::from_teragas(100),
        deposit: Balance::ZERO,
    }));
    let hash = chain.submit(sign(chain, ALICE, to, nonce, vec![call])).unwrap();
    chain.settle().unwrap();
    let execution = chain.execution(&hash).unwrap();
    assert_eq!(execution.progress(), Progress::Complete);
    execution.status()
}

#[test]
fn a_call_changes_what_a_view_shows() {
    let mut chain = with_contracts(&[ALICE, BOB]);
    let before = chain.clone();
    let status = call(&mut chain, 2, BOB, "set_status", r#"{"message":"hello"}"#);
    assert!(matches!(status, FinalExecutionStatus::SuccessValue(_)), "{status:?}");
    let args = json!({ "account_id": ALICE }).to_string();
    let seen = chain.call_view(&id(BOB), "get_status", args.as_bytes()).unwrap();
    assert_eq!(seen.value, br#""hello""#);
    let seen = before.call_view(&id(BOB), "get_status", args.as_bytes()).unwrap();
    assert_eq!(seen.value, b"null");
}

#[test]
fn a_node_may_bound_the_gas_of_views() {
    let message = |gas: Option<u64>| {
        let clock = sandboxd::chain::Clock::manual(crate::support::GENESIS_NS);
        let builder = sandboxd::Sandbox::localnet_builder(clock).max_gas_burnt_view(gas);
        let mut chain = builder.build().unwrap().into_chain();
        let code = fixtures::wasm("status").to_vec();
        let deploy = Action::DeployContract(DeployContractAction { code });
        chain.submit(sign(&chain, BOB, BOB, 1, vec![deploy])).unwrap();
        chain.settle().unwrap();
        // What transactions may burn is the protocol's matter.
        let status = call(&mut chain, 1, BOB, "set_status", r#"{"message":"hello"}"#);
        assert!(matches!(status, FinalExecutionStatus::SuccessValue(_)), "{status:?}");
        chain.call_view(&id(BOB), "get_count", b"{}").map_err(|error| error.to_string()).err()
    };
    assert_eq!(message(None), None);
    let refused = message(Some(1_000_000)).unwrap();
    // It does not even load the contract, for which NEAR has this error.
    assert_eq!(refused, "wasm execution failed with error: HostError(GasExceeded)");
}

#[test]
fn a_call_across_two_accounts_ends_with_the_value_of_its_callback() {
    let mut chain = with_contracts(&[ALICE, BOB]);
    let args = json!({ "account_id": BOB }).to_string();
    let status = call(&mut chain, 2, ALICE, "call_other", &args);
    assert!(matches!(status, FinalExecutionStatus::SuccessValue(_)), "{status:?}");
    let count = chain.call_view(&id(BOB), "get_count", b"{}").unwrap();
    assert_eq!(count.value, b"1");
}

#[test]
fn a_panic_is_the_outcome_and_changes_nothing() {
    let mut chain = with_contracts(&[ALICE, BOB]);
    let status = call(&mut chain, 2, BOB, "fail", r#"{"message":"no"}"#);
    let FinalExecutionStatus::Failure(failure) = status else { panic!("{status:?}") };
    assert!(format!("{failure:?}").contains("Smart contract panicked"), "{failure:?}");
    assert!(!chain.has_work());
}
