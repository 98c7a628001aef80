//! Promises: receipts, what they wait for, actions, results, and what they cost.

use std::sync::Arc;

use expect_test::expect;
use gas_meter::Gas;
use host_fns::near::{
    Action, Config, Context, ContractId, DeployMode, NearError, PromiseResult, ReceiptIndex,
    ReturnData,
};

use crate::guest::{Guest, PLENTY, charges_in_order, config, context, with_gas};
use crate::world::World;

/// Where the tests keep a method name, arguments and an amount.
const METHOD: [u64; 2] = [4, 512];
const ARGS: [u64; 2] = [2, 520];
const AMOUNT: u64 = 528;

fn guest_with(context: Context) -> Guest {
    guest_of(context, config())
}

fn guest_of(context: Context, config: Config) -> Guest {
    let mut guest = Guest::configured(World::default(), context, config);
    guest.put(512, b"ping");
    guest.put(520, b"{}");
    guest.put(528, &7u128.to_le_bytes());
    guest
}

fn guest() -> Guest {
    guest_with(context())
}

/// Makes an empty promise to `account`.
fn batch(guest: &mut Guest, account: &str) -> Result<u64, NearError> {
    let [len, ptr] = guest.put(600, account.as_bytes());
    guest.call("promise_batch_create", &[len, ptr])
}

fn batch_then(guest: &mut Guest, after: u64, account: &str) -> Result<u64, NearError> {
    let [len, ptr] = guest.put(600, account.as_bytes());
    guest.call("promise_batch_then", &[after, len, ptr])
}

fn ping(gas: u64) -> Action {
    Action::FunctionCall {
        method_name: "ping".to_owned(),
        args: b"{}".to_vec(),
        deposit: 7,
        gas: Gas::new(gas),
        gas_weight: 0,
    }
}

#[test]
fn a_call_and_its_callback() {
    let mut guest = guest();
    let [len, ptr] = guest.put(600, b"bob.near");
    let call = [METHOD[0], METHOD[1], ARGS[0], ARGS[1], AMOUNT, 50];
    let first = guest.call("promise_create", &[&[len, ptr], &call[..]].concat()).unwrap();
    let [len, ptr] = guest.put(600, b"alice.near");
    let second = guest.call("promise_then", &[&[first, len, ptr], &call[..]].concat()).unwrap();
    guest.call("promise_return", &[second]).unwrap();

    let receipts = &guest.world().receipts;
    assert_eq!(receipts[0].receiver, "bob.near");
    assert_eq!(receipts[0].actions, [ping(50)]);
    assert_eq!(receipts[1].receiver, "alice.near");
    assert_eq!(receipts[1].after, [ReceiptIndex(0)]);
    assert_eq!(receipts[1].actions, [ping(50)]);
    let parts = guest.end();
    assert_eq!(parts.return_data, ReturnData::ReceiptIndex(ReceiptIndex(1)));
    assert_eq!(parts.balance, 1_010 - 14);
    assert_eq!(parts.gas.used().units() - parts.gas.burnt().units(), 100 + 6 * 3 + 2 * 5 * 3);
}

#[test]
fn charges_of_a_call() {
    let charges = charges_in_order(|gas| {
        let mut guest = guest_with(with_gas(gas));
        let [len, ptr] = guest.put(600, b"bob.near");
        let _ = guest.call("promise_create", &[len, ptr, 4, 512, 2, 520, AMOUNT, 0]);
        guest
    });
    // What is attached leaves no trace: it is not burnt. Sending to others costs two.
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 8
        UTF8_DECODING_BASE 1
        UTF8_DECODING_BYTE 8
        NEW_ACTION_RECEIPT 2
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 16
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 4
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 2
        FUNCTION_CALL_BASE 2
        FUNCTION_CALL_BYTE 12
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_callback_pays_for_the_data_it_waits_for() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    let before = guest.host.core.gas.profile().get(host_fns::near::cost::NEW_ACTION_RECEIPT);
    batch_then(&mut guest, 0, "bob.near").unwrap();
    let after = guest.host.core.gas.profile().get(host_fns::near::cost::NEW_ACTION_RECEIPT);
    // Sending to others 2, and data from bob.near to itself: sending 1, executing 3 at once.
    assert_eq!(after.units() - before.units(), 2 + 1 + 3);
}

#[test]
fn joined_promises_are_waited_for_in_order() {
    let mut guest = guest();
    for account in ["a.near", "b.near", "c.near"] {
        batch(&mut guest, account).unwrap();
    }
    guest.put(0, &1u64.to_le_bytes());
    guest.put(8, &0u64.to_le_bytes());
    let joint = guest.call("promise_and", &[0, 2]).unwrap();
    assert_eq!(joint, 3);
    let last = batch_then(&mut guest, joint, "d.near").unwrap();
    assert_eq!(last, 4);
    assert_eq!(guest.world().receipts[3].after, [ReceiptIndex(1), ReceiptIndex(0)]);

    assert_eq!(
        guest.call("promise_batch_action_create_account", &[joint]),
        Err(NearError::CannotAppendActionToJointPromise)
    );
    assert_eq!(guest.call("promise_return", &[joint]), Err(NearError::CannotReturnJointPromise));
    assert_eq!(
        guest.call("promise_set_refund_to", &[joint, 6, 600]),
        Err(NearError::CannotSetRefundToOnJointPromise)
    );
    // Joining the joint promise with two more is one dependency too many.
    for (at, index) in [joint, 0, 1].into_iter().enumerate() {
        guest.put(at * 8, &index.to_le_bytes());
    }
    assert_eq!(
        guest.call("promise_and", &[0, 3]),
        Err(NearError::NumberInputDataDependenciesExceeded {
            number_of_input_data_dependencies: 4,
            limit: 3
        })
    );
}

#[test]
fn only_so_many_promises() {
    let mut guest = guest();
    for _ in 0..6 {
        batch(&mut guest, "bob.near").unwrap();
    }
    assert_eq!(
        batch(&mut guest, "bob.near"),
        Err(NearError::NumberPromisesExceeded { number_of_promises: 7, limit: 6 })
    );
}

#[test]
fn promises_that_do_not_exist() {
    let mut guest = guest();
    let error = guest.call("promise_batch_action_create_account", &[u64::MAX]).unwrap_err();
    assert_eq!(error, NearError::InvalidPromiseIndex { promise_idx: u64::MAX });
    assert_eq!(error.to_string(), "18446744073709551615 does not correspond to existing promises");
    assert_eq!(
        guest.call("promise_return", &[0]),
        Err(NearError::InvalidPromiseIndex { promise_idx: 0 })
    );
    assert_eq!(guest.call("promise_and", &[0, u64::MAX]), Err(NearError::IntegerOverflow));
}

#[test]
fn account_ids_are_checked() {
    let mut guest = guest();
    assert_eq!(batch(&mut guest, "Bob.near"), Err(NearError::InvalidAccountId));
    assert_eq!(batch(&mut guest, ""), Err(NearError::InvalidAccountId));
    let [len, ptr] = guest.put(600, &[0xff, 0xff]);
    assert_eq!(guest.call("promise_batch_create", &[len, ptr]), Err(NearError::BadUTF8));
}

#[test]
fn every_simple_action() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    let [len, ptr] = guest.put(0, b"eve.near");
    guest.call("promise_batch_action_create_account", &[0]).unwrap();
    guest.call("promise_batch_action_transfer", &[0, AMOUNT]).unwrap();
    guest.call("promise_batch_action_deploy_contract", &[0, 8, 0]).unwrap();
    guest
        .call("promise_batch_action_function_call_weight", &[0, 4, 512, 2, 520, AMOUNT, 5, 9])
        .unwrap();
    guest.call("promise_batch_action_deploy_global_contract", &[0, 8, 0]).unwrap();
    guest.call("promise_batch_action_deploy_global_contract_by_account_id", &[0, 8, 0]).unwrap();
    guest.call("promise_batch_action_use_global_contract", &[0, 32, 1_000]).unwrap();
    guest.call("promise_batch_action_use_global_contract_by_account_id", &[0, len, ptr]).unwrap();
    guest.call("promise_batch_action_delete_account", &[0, len, ptr]).unwrap();
    guest.call("promise_set_refund_to", &[0, len, ptr]).unwrap();

    let code = b"eve.near".to_vec();
    let receipt = &guest.world().receipts[0];
    assert_eq!(receipt.refund_to.as_deref(), Some("eve.near"));
    assert_eq!(
        receipt.actions,
        [
            Action::CreateAccount,
            Action::Transfer { deposit: 7 },
            Action::DeployContract { code: code.clone() },
            Action::FunctionCall {
                method_name: "ping".to_owned(),
                args: b"{}".to_vec(),
                deposit: 7,
                gas: Gas::new(5),
                gas_weight: 9,
            },
            Action::DeployGlobalContract { code: code.clone(), mode: DeployMode::CodeHash },
            Action::DeployGlobalContract { code, mode: DeployMode::AccountId },
            Action::UseGlobalContract { contract: ContractId::CodeHash([0; 32]) },
            Action::UseGlobalContract { contract: ContractId::AccountId("eve.near".to_owned()) },
            Action::DeleteAccount { beneficiary_id: "eve.near".to_owned() },
        ]
    );
}

#[test]
fn a_transfer_that_creates_its_receiver_costs_more() {
    let transfer = |receiver: &str| {
        let mut guest = guest();
        batch(&mut guest, receiver).unwrap();
        let (burnt, used) = (guest.host.core.gas.burnt(), guest.host.core.gas.used());
        guest.call("promise_batch_action_transfer", &[0, AMOUNT]).unwrap();
        let gas = &guest.host.core.gas;
        // Without what reading the amount takes: entering, the read and its 16 bytes.
        let burnt = gas.burnt().units() - burnt.units() - 18;
        (burnt, gas.used().units() - used.units() - 18 - burnt)
    };
    let hex = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(transfer("alice.near"), (1, 3));
    assert_eq!(transfer("bob.near"), (2, 3));
    assert_eq!(transfer(&"ab".repeat(32)), (6, 9));
    assert_eq!(transfer(&format!("0x{hex}")), (4, 6));
    assert_eq!(transfer(&format!("0s{hex}")), (4, 6));
    assert_eq!(transfer(&format!("0u{}", "0".repeat(52))), (4, 6));
}

#[test]
fn promises_take_only_what_the_account_has() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    guest.put(528, &1_011u128.to_le_bytes());
    assert_eq!(
        guest.call("promise_batch_action_transfer", &[0, AMOUNT]),
        Err(NearError::BalanceExceeded)
    );
    assert!(guest.world().receipts[0].actions.is_empty());
    guest.put(528, &1_010u128.to_le_bytes());
    guest.call("promise_batch_action_transfer", &[0, AMOUNT]).unwrap();
    assert_eq!(guest.end().balance, 0);
}

#[test]
fn a_penniless_account_can_still_attach_one_yocto() {
    let poor = Context { account_balance: 0, attached_deposit: 0, ..context() };
    let mut guest = guest_with(poor);
    batch(&mut guest, "bob.near").unwrap();
    let call = [0, 4, 512, 2, 520, AMOUNT, 0];
    assert_eq!(
        guest.call("promise_batch_action_function_call", &call),
        Err(NearError::BalanceExceeded)
    );
    guest.put(528, &1u128.to_le_bytes());
    guest.call("promise_batch_action_function_call", &call).unwrap();
    assert_eq!(
        guest.call("promise_batch_action_transfer", &[0, AMOUNT]),
        Err(NearError::BalanceExceeded)
    );
    let parts = guest.end();
    assert_eq!((parts.balance, parts.subsidized), (0, 1));
}

#[test]
fn one_yocto_has_to_be_there_where_the_protocol_says_so() {
    let poor = Context { account_balance: 0, attached_deposit: 0, ..context() };
    let strict = Config { one_yocto_on_promise: false, ..config() };
    let mut guest = guest_of(poor, strict);
    batch(&mut guest, "bob.near").unwrap();
    guest.put(528, &1u128.to_le_bytes());
    assert_eq!(
        guest.call("promise_batch_action_function_call", &[0, 4, 512, 2, 520, AMOUNT, 0]),
        Err(NearError::BalanceExceeded)
    );
}

#[test]
fn calls_need_a_method_name_that_is_text() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    assert_eq!(
        guest.call("promise_batch_action_function_call", &[0, 0, 512, 2, 520, AMOUNT, 0]),
        Err(NearError::EmptyMethodName)
    );
    guest.put(512, &[0xff; 4]);
    assert_eq!(
        guest.call("promise_batch_action_function_call", &[0, 4, 512, 2, 520, AMOUNT, 0]),
        Err(NearError::InvalidMethodName)
    );
}

#[test]
fn attached_gas_must_be_there() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    let burnt = guest.host.core.gas.burnt();
    assert_eq!(
        guest.call("promise_batch_action_function_call", &[0, 4, 512, 2, 520, AMOUNT, PLENTY]),
        Err(NearError::GasExceeded)
    );
    // What was attached in vain counts as used, but is not burnt.
    let gas = &guest.host.core.gas;
    assert_eq!(gas.used(), Gas::new(PLENTY));
    assert_eq!(gas.burnt().units() - burnt.units(), 1 + 17 + 5 + 3 + 2 + 12);
}

#[test]
fn oversized_code_and_malformed_hashes_are_refused() {
    let mut guest = guest();
    batch(&mut guest, "bob.near").unwrap();
    assert_eq!(
        guest.call("promise_batch_action_deploy_contract", &[0, 501, 0]),
        Err(NearError::ContractSizeExceeded { size: 501, limit: 500 })
    );
    assert_eq!(
        guest.call("promise_batch_action_use_global_contract", &[0, 31, 0]),
        Err(NearError::ContractCodeHashMalformed)
    );
}

#[test]
fn results_of_promises() {
    let promise_results = Arc::new([
        PromiseResult::Successful(Arc::from(*b"42")),
        PromiseResult::Failed,
        PromiseResult::NotReady,
    ]);
    let mut guest = guest_with(Context { promise_results, ..context() });
    assert_eq!(guest.call("promise_results_count", &[]), Ok(3));
    assert_eq!(guest.call("promise_result", &[0, 1]), Ok(1));
    assert_eq!(guest.register(1), Some(&b"42"[..]));
    assert_eq!(guest.call("promise_result", &[1, 2]), Ok(2));
    assert_eq!(guest.call("promise_result", &[2, 2]), Ok(0));
    assert_eq!(guest.register(2), None);
    assert_eq!(
        guest.call("promise_result", &[3, 2]),
        Err(NearError::InvalidPromiseResultIndex { result_idx: 3 })
    );
    expect![[r"
        BASE 5
        WRITE_REGISTER_BASE 1
    "]]
    .assert_eq(&guest.charges());
}
