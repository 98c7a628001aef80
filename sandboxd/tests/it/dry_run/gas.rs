//! Where the gas goes adds up to what the outcomes say.

use near_primitives::types::Gas;
use sandboxd::chain::{CallGas, Chain, GasBreakdown};
use serde_json::{Value, json};

use super::{ALICE, BOB, CAROL, call, dry, say, stage};

fn sum(gas: impl IntoIterator<Item = Gas>) -> u64 {
    gas.into_iter().map(Gas::as_gas).sum()
}

fn total(call: &CallGas) -> u64 {
    let CallGas { wasm, contract_loading, storage_nodes, promises, host_functions } = call;
    sum([*wasm, *contract_loading, *storage_nodes, *promises])
        + sum(host_functions.values().copied())
}

fn breakdown(
    chain: &Chain,
    to: &str,
    actions: Vec<near_primitives::action::Action>,
) -> GasBreakdown {
    let run = dry(chain, to, actions);
    let outcomes = &run.execution().outcomes;
    let gas = run.gas.clone();
    assert_eq!(gas.burnt.as_gas(), sum(outcomes.iter().map(|at| at.outcome.outcome.gas_burnt)));
    assert_eq!(gas.transaction, outcomes[0].outcome.outcome.gas_burnt);
    assert_eq!(gas.receipts.len() + 1, outcomes.len());
    for (receipt, at) in gas.receipts.iter().zip(&outcomes[1..]) {
        assert_eq!(receipt.receipt_id, at.outcome.id);
        assert_eq!(receipt.burnt, at.outcome.outcome.gas_burnt);
        let actions = sum(receipt.actions.iter().map(|action| action.burnt));
        assert_eq!(receipt.burnt.as_gas(), receipt.fee.as_gas() + actions);
        for action in &receipt.actions {
            let called = action.call.as_ref().map_or(0, total);
            assert_eq!(action.burnt.as_gas(), action.fee.as_gas() + called, "{action:?}");
        }
    }
    gas
}

#[test]
fn each_action_of_a_batch_has_its_own() {
    let chain = stage();
    let gas = breakdown(&chain, BOB, vec![say("one"), call("increment", &Value::Null)]);
    let [first, second] = gas.receipts[0].actions.as_slice() else { panic!("{gas:?}") };
    assert_eq!(first.method_name.as_deref(), Some("set_status"));
    assert_eq!(second.method_name.as_deref(), Some("increment"));
    for action in [first, second] {
        assert_eq!(action.action, "FunctionCall");
        let call = action.call.as_ref().unwrap();
        assert!(call.wasm > Gas::ZERO && call.contract_loading > Gas::ZERO);
        assert_eq!(call.promises, Gas::ZERO);
        assert!(call.host_functions["LOG_BASE"] > Gas::ZERO);
        assert!(call.host_functions["STORAGE_WRITE_BASE"] > Gas::ZERO);
    }
    let nodes = [first, second].map(|action| action.call.as_ref().unwrap().storage_nodes);
    assert!(nodes[0] > Gas::ZERO);
    assert_eq!(nodes[1], Gas::ZERO, "it writes what the first one wrote already");
    // Alone, each burns the same: what the first wrote does not change what the second touches.
    let alone = breakdown(&chain, BOB, vec![say("one")]);
    assert_eq!(alone.receipts[0].actions[0].burnt, first.burnt);
}

#[test]
fn receipts_of_promises_have_theirs() {
    let chain = stage();
    let args = json!({ "account_id": BOB });
    let gas = breakdown(&chain, ALICE, vec![call("call_other", &args)]);
    let methods = gas.receipts.iter().flat_map(|receipt| &receipt.actions);
    let methods: Vec<_> = methods.filter_map(|action| action.method_name.as_deref()).collect();
    assert_eq!(methods, ["call_other", "increment", "on_other"]);
    let first = gas.receipts[0].actions[0].call.as_ref().unwrap();
    assert!(first.promises > Gas::ZERO);
}

#[test]
fn what_failed_and_what_never_ran_add_up_too() {
    let chain = stage();
    let no = json!({ "message": "no" });
    let gas = breakdown(&chain, BOB, vec![say("one"), call("fail", &no), say("two")]);
    assert_eq!(gas.receipts[0].actions.len(), 2, "the third action never ran");
    breakdown(&chain, BOB, vec![call("no_such_method", &Value::Null)]);
    breakdown(&chain, CAROL, vec![call("share", &Value::Null)]);
    breakdown(&chain, CAROL, vec![call("wait", &Value::Null)]);
}
