//! The least gas and deposit: with them the call does the same, with one unit less it does not.

use near_primitives::action::Action;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionStatus;
use sandboxd::chain::{Chain, DryRun, Least, Overrides};
use serde_json::{Value, json};

use super::{ALICE, BOB, CAROL, call, call_with, say, stage, unsigned};

fn run(chain: &Chain, to: &str, actions: Vec<Action>, find: bool) -> DryRun {
    chain.dry_run(unsigned(ALICE, to, actions), &Overrides::default(), find).unwrap()
}

/// The results of all that ran, but for refunds.
fn results(chain: &Chain, to: &str, actions: Vec<Action>) -> Option<Vec<bool>> {
    let transaction = unsigned(ALICE, to, actions);
    let run = chain.dry_run(transaction, &Overrides::default(), false).ok()?;
    let execution = run.execution();
    if !matches!(execution.status(), FinalExecutionStatus::SuccessValue(_)) {
        return None;
    }
    let is_refund = |id| run.after.receipt(id).is_some_and(|(r, _)| r.predecessor_id().is_system());
    let outcomes = execution.outcomes.iter().map(|at| at.outcome);
    let outcomes = outcomes.filter(|outcome| !is_refund(&outcome.id));
    Some(
        outcomes
            .map(|outcome| {
                use near_primitives::transaction::ExecutionStatus::Failure;
                matches!(outcome.outcome.status, Failure(_))
            })
            .collect(),
    )
}

/// Finds what is least for the only action, and tries it and one less.
fn check(to: &str, method: &str, args: &Value, gas: Gas, deposit: Balance) -> Least {
    let chain = stage();
    let with = |gas, deposit| vec![call_with(method, args, gas, deposit)];
    let found = run(&chain, to, with(gas, deposit), true).least.expect("it succeeded");
    let [least] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((least.action, least.method_name.as_str(), least.exact), (0, method, true));
    let wanted = results(&chain, to, with(gas, deposit));
    assert_eq!(results(&chain, to, with(least.gas, deposit)), wanted, "{least:?}");
    let less = least.gas.checked_sub(Gas::from_gas(1)).unwrap();
    assert_ne!(results(&chain, to, with(less, deposit)), wanted, "{least:?}");
    assert_eq!(results(&chain, to, with(gas, least.deposit)), wanted, "{least:?}");
    if let Some(less) = least.deposit.checked_sub(Balance::from_yoctonear(1)) {
        assert_ne!(results(&chain, to, with(gas, less)), wanted, "{least:?}");
    }
    least.clone()
}

const HUNDRED: Gas = Gas::from_teragas(100);

#[test]
fn a_call_needs_the_gas_that_it_burns() {
    let args = json!({ "message": "hello" });
    let least = check(BOB, "set_status", &args, HUNDRED, Balance::ZERO);
    let chain = stage();
    let run = run(&chain, BOB, vec![say("hello")], false);
    let action = &run.gas.receipts[0].actions[0];
    assert_eq!(least.gas.as_gas(), action.burnt.as_gas() - action.fee.as_gas());
    assert_eq!(run.least, None, "nobody asked");
}

#[test]
fn promises_with_gas_by_name_need_all_of_it() {
    let least = check(ALICE, "call_other", &json!({ "account_id": BOB }), HUNDRED, Balance::ZERO);
    assert!(least.gas > Gas::from_teragas(20), "two calls with 10 Tgas each: {least:?}");
    // The one that fails, and is expected to, still has to fail in the contract and not for gas.
    check(ALICE, "call_failing", &json!({ "account_id": BOB }), HUNDRED, Balance::ZERO);
}

#[test]
fn promises_that_share_what_is_left_need_enough_for_each() {
    for gas in [20, 100, 900] {
        check(CAROL, "share", &Value::Null, Gas::from_teragas(gas), Balance::ZERO);
    }
}

#[test]
fn deposits_are_found_to_the_yocto() {
    let least = |method, deposit| check(CAROL, method, &Value::Null, HUNDRED, deposit).deposit;
    let yocto = Balance::from_yoctonear;
    assert_eq!(least("any", Balance::from_near(1)), yocto(0));
    assert_eq!(least("one", yocto(5)), yocto(1));
    assert_eq!(least("one", yocto(1)), yocto(1));
    assert_eq!(least("pay", yocto(1_000_000_000)), yocto(1000));
    assert_eq!(least("pay", yocto(1000)), yocto(1000));
    assert_eq!(least("exact", yocto(1_234_567)), yocto(1_234_567));
}

#[test]
fn each_call_of_a_batch_has_its_own_and_what_fails_has_none() {
    let chain = stage();
    let both = vec![say("one"), call("increment", &Value::Null)];
    let found = run(&chain, BOB, both, true).least.unwrap();
    let one = run(&chain, BOB, vec![say("one")], true).least.unwrap();
    assert_eq!(found.iter().map(|least| least.action).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(found[0], one[0]);
    assert_eq!(run(&chain, BOB, vec![call("fail", &json!({ "message": "" }))], true).least, None);
    assert_eq!(run(&chain, CAROL, vec![call("wait", &Value::Null)], true).least, None);
    let transfer = Action::Transfer(near_primitives::action::TransferAction {
        deposit: Balance::from_near(1),
    });
    assert_eq!(run(&chain, BOB, vec![transfer], true).least, Some(Vec::new()));
}

#[test]
fn a_search_that_would_take_long_ends_early_and_says_so() {
    let all = Gas::from_teragas(1_000);
    let heavy = call_with("heavy", &Value::Null, all, Balance::from_yoctonear(1_000_000));
    let found = run(&stage(), CAROL, vec![heavy], true);
    let Some([least]) = found.least.as_deref() else { panic!("{:?}", found.execution().status()) };
    assert!(!least.exact, "{least:?}");
    assert!(least.gas < all && least.deposit >= Balance::from_yoctonear(1000), "{least:?}");
}
