//! Receipts that contracts make: calls, callbacks, joins, batches, and what is left of the gas.

use sandbox_runtime::near::{
    Action, ActionCosts, ActionErrorKind, ActionsValidationError, CryptoHash,
    DeterministicAccountStateInit, DeterministicAccountStateInitV1, ExecutionStatus,
    FunctionCallError, GlobalContractIdentifier, RawStateInit, Receipt, ReceiptEnum,
    ReceiptValidationError, derive_near_deterministic_account_id, derive_universal_account_id,
};

use crate::accounts::create;
use crate::contracts::status_world;
use crate::world::{TGAS, World, call, deploy, id, near, sign, signer, transfer, yocto};

fn world_of(code: &[u8]) -> World {
    let mut world = World::new();
    let actions = vec![create(), transfer(near(10)), deploy(code.to_vec())];
    world.run("near", "app.near", actions);
    world
}

fn text_world(text: &str) -> World {
    world_of(&wat::parse_str(text).expect("text"))
}

/// `bob.near` and `app.near` with the near-sdk contract.
fn two_contracts() -> World {
    let mut world = status_world();
    let code = fixtures::wasm("status").to_vec();
    world.run("near", "app.near", vec![create(), transfer(near(10)), deploy(code)]);
    world
}

fn account_arg(name: &str) -> Vec<u8> {
    format!("{{\"account_id\":\"{name}\"}}").into_bytes()
}

/// The value at the end of the chain of receipts that `status` begins.
fn final_status(world: &World, status: &ExecutionStatus) -> ExecutionStatus {
    match status {
        ExecutionStatus::SuccessReceiptId(id) => {
            final_status(world, &world.outcomes[id].status.clone())
        }
        status => status.clone(),
    }
}

#[test]
fn a_callback_gets_the_answer_and_gives_the_result() {
    let mut world = two_contracts();
    let action = call("call_other", &account_arg("app.near"), 100 * TGAS, yocto(0));
    let story = world.run("alice.near", "bob.near", vec![action]);
    let status = final_status(&world, &story.transaction.status);
    let expected = b"\"app.near counted 1, together 1\"".to_vec();
    assert_eq!(status, ExecutionStatus::SuccessValue(expected));
    assert_eq!(story.first().receipt_ids.len(), 3, "the call, the callback, the refund");
    let executors: Vec<_> =
        story.receipts.iter().map(|outcome| outcome.executor_id.to_string()).collect();
    assert_eq!(executors[0], "bob.near");
    assert!(executors[1..].contains(&"app.near".to_string()));
}

#[test]
fn a_callback_runs_when_the_call_failed() {
    let mut world = two_contracts();
    let action = call("call_failing", &account_arg("app.near"), 100 * TGAS, yocto(0));
    let story = world.run("alice.near", "bob.near", vec![action]);
    let status = final_status(&world, &story.transaction.status);
    assert_eq!(status, ExecutionStatus::SuccessValue(b"\"app.near failed\"".to_vec()));
}

#[test]
fn a_callback_waits_for_all_that_it_joins() {
    let mut world = two_contracts();
    world.run("alice.near", "bob.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    world.run("alice.near", "app.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    let args = b"{\"first\":\"bob.near\",\"second\":\"app.near\"}";
    let story =
        world.run("alice.near", "bob.near", vec![call("join_counts", args, 100 * TGAS, yocto(0))]);
    let status = final_status(&world, &story.transaction.status);
    assert_eq!(status, ExecutionStatus::SuccessValue(b"2".to_vec()));
}

#[test]
fn a_joined_call_that_does_not_exist_reaches_the_callback_as_a_failure() {
    let mut world = two_contracts();
    let args = b"{\"first\":\"nobody.near\",\"second\":\"app.near\"}";
    let story =
        world.run("alice.near", "bob.near", vec![call("join_counts", args, 100 * TGAS, yocto(0))]);
    let status = final_status(&world, &story.transaction.status);
    assert!(matches!(status, ExecutionStatus::Failure(_)), "{status:?}");
}

#[test]
fn nothing_of_a_callback_is_left_in_the_state() {
    let mut world = two_contracts();
    let action = || call("call_failing", &account_arg("app.near"), 100 * TGAS, yocto(0));
    world.run("alice.near", "bob.near", vec![action()]);
    let before = world.state.range_here(b"").count();
    world.run("alice.near", "bob.near", vec![action()]);
    assert_eq!(world.state.range_here(b"").count(), before);
}

#[test]
fn a_batch_makes_an_account_with_everything() {
    let mut world = two_contracts();
    let args = format!(
        "{{\"name\":\"sub\",\"public_key\":\"{}\",\"code\":\"AGFzbQEAAAA=\"}}",
        crate::world::key("sub")
    );
    let action = call("create_sub", args.as_bytes(), 100 * TGAS, near(3));
    let story = world.run("alice.near", "bob.near", vec![action]);
    let status = final_status(&world, &story.transaction.status);
    assert_eq!(status, ExecutionStatus::SuccessValue(Vec::new()));
    assert_eq!(world.balance("sub.bob.near"), near(3).as_yoctonear());
    assert!(world.access_key("sub.bob.near", "sub").is_some());
}

#[test]
fn a_failing_batch_gives_the_deposit_back_to_the_contract() {
    let mut world = two_contracts();
    let before = world.balance("bob.near");
    let args = "{\"receiver_id\":\"nobody.near\",\"amount\":\"1000000000000000000000000\"}";
    world.run("alice.near", "bob.near", vec![call("send", args.as_bytes(), 50 * TGAS, yocto(0))]);
    assert_eq!(world.balance("bob.near"), before);
    let args = "{\"receiver_id\":\"alice.near\",\"amount\":\"1000000000000000000000000\"}";
    world.run("alice.near", "bob.near", vec![call("send", args.as_bytes(), 50 * TGAS, yocto(0))]);
    assert_eq!(world.balance("bob.near"), before - near(1).as_yoctonear());
}

/// The calls in a block's outgoing receipts, with their gas.
fn calls(receipts: &[Receipt]) -> Vec<(String, u64)> {
    let mut calls = Vec::new();
    for receipt in receipts {
        let ReceiptEnum::ActionV2(receipt) = receipt.receipt() else { continue };
        for action in &receipt.actions {
            if let Action::FunctionCall(call) = action {
                calls.push((call.method_name.clone(), call.gas.as_gas()));
            }
        }
    }
    calls
}

#[test]
fn what_is_left_of_the_gas_is_shared_by_weight() {
    let mut world = world_of(&fixtures::wat("promises"));
    let gas = 100 * TGAS;
    let signed =
        world.sign(&signer("alice.near"), "app.near", vec![call("weights", b"", gas, yocto(0))]);
    world.block(vec![signed]);
    let effects = world.block(Vec::new());
    let calls = calls(&effects.outgoing);
    assert_eq!(calls.len(), 2);
    let (first, second) = (calls[0].1, calls[1].1 - TGAS);
    // One to three, and what rounding leaves goes to the last.
    assert!(second - 3 * first < 4, "{first} {second}");
    // All of the gas is used: burnt here, or bound in the two calls and the fees of their receipt.
    let outcome = &effects.outcomes[0].outcome;
    let bytes = u128::try_from("method{\"a\":1}".len()).expect("small");
    let bound = world.exec(ActionCosts::new_action_receipt)
        + 2 * world.exec(ActionCosts::function_call_base)
        + 2 * bytes * world.exec(ActionCosts::function_call_byte);
    let fees = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::function_call_base)
        + 7 * world.exec(ActionCosts::function_call_byte);
    let used =
        u128::from(outcome.gas_burnt.as_gas()) - fees + bound + u128::from(calls[0].1 + calls[1].1);
    assert_eq!(used, u128::from(gas));
}

#[test]
fn a_promise_to_an_account_that_is_not_valid_fails_the_call() {
    let mut world = text_world(
        r#"(module
            (import "env" "promise_batch_create" (func $b (param i64 i64) (result i64)))
            (memory 1) (data (i32.const 0) "NOT AN ACCOUNT")
            (func (export "main") (drop (call $b (i64.const 14) (i64.const 0)))))"#,
    );
    let story = world.run("alice.near", "app.near", vec![call("main", b"", 50 * TGAS, yocto(0))]);
    let text = "VM Logic returned an invalid account id".to_string();
    let error = ActionErrorKind::FunctionCallError(FunctionCallError::ExecutionError(text));
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn a_promise_that_would_not_be_a_valid_receipt_fails_the_action() {
    // A deleted account and then a transfer in one batch.
    let mut world = text_world(
        r#"(module
            (import "env" "promise_batch_create" (func $b (param i64 i64) (result i64)))
            (import "env" "promise_batch_action_delete_account" (func $d (param i64 i64 i64)))
            (import "env" "promise_batch_action_transfer" (func $t (param i64 i64)))
            (memory 1) (data (i32.const 0) "bob.near")
            (func (export "main") (local $p i64)
                (local.set $p (call $b (i64.const 8) (i64.const 0)))
                (call $d (local.get $p) (i64.const 8) (i64.const 0))
                (call $t (local.get $p) (i64.const 64))))"#,
    );
    let before = world.account("app.near");
    let story = world.run("alice.near", "app.near", vec![call("main", b"", 50 * TGAS, yocto(0))]);
    let invalid = ActionsValidationError::DeleteActionMustBeFinal;
    let invalid = ReceiptValidationError::ActionsValidation(invalid);
    assert_eq!(story.error(), (Some(0), ActionErrorKind::NewReceiptValidationError(invalid)));
    assert_eq!(world.account("app.near"), before);
}

#[test]
fn state_inits_for_other_accounts_are_refused_and_cost_the_contract_nothing() {
    let text = r#"(module
        (import "env" "promise_batch_create" (func $b (param i64 i64) (result i64)))
        (import "env" "promise_batch_action_state_init"
            (func $i (param i64 i64 i64 i64) (result i64)))
        (import "env" "set_state_init_data_entry"
            (func $e (param i64 i64 i64 i64 i64 i64)))
        (import "env" "promise_batch_action_universal_state_init"
            (func $u (param i64 i64 i64 i64)))
        (memory 1) (data (i32.const 0) "bob.near") (data (i32.const 64) "\05")
        (func (export "DeterministicStateInit") (local $p i64)
            (local.set $p (call $b (i64.const 8) (i64.const 0)))
            (call $e (local.get $p)
                (call $i (local.get $p) (i64.const 32) (i64.const 0) (i64.const 64))
                (i64.const 3) (i64.const 0) (i64.const 4) (i64.const 4)))
        (func (export "UniversalStateInit")
            (call $u (call $b (i64.const 8) (i64.const 0)) (i64.const 10) (i64.const 100)
                (i64.const 64))))"#;
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(b"bob.near");
    let mut world = text_world(text);
    let before = world.account("app.near");
    let receiver_id = id("bob.near");
    let state_init = DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
        code: GlobalContractIdentifier::CodeHash(CryptoHash(hash)),
        data: [(b"bob".to_vec(), b"near".to_vec())].into(),
    });
    let deterministic = ActionsValidationError::InvalidDeterministicStateInitReceiver {
        receiver_id: receiver_id.clone(),
        derived_id: derive_near_deterministic_account_id(&state_init),
    };
    let universal = ActionsValidationError::InvalidUniversalStateInitReceiver {
        receiver_id,
        derived_id: derive_universal_account_id(&RawStateInit(vec![0; 10])),
    };
    let cases = [("DeterministicStateInit", deterministic), ("UniversalStateInit", universal)];
    for (method, invalid) in cases {
        let action = call(method, b"", 100 * TGAS, yocto(0));
        let story = world.run("alice.near", "app.near", vec![action]);
        let invalid = ReceiptValidationError::ActionsValidation(invalid);
        assert_eq!(story.error(), (Some(0), ActionErrorKind::NewReceiptValidationError(invalid)));
        assert_eq!(world.account("app.near"), before);
    }
    world.assert_supply();
}

/// Yields to `resumed`, and keeps the id of the data in storage under `d`. `resume` brings the data.
const YIELDS: &str = r#"(module
    (import "env" "promise_yield_create" (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "promise_yield_resume" (func $resume (param i64 i64 i64 i64) (result i32)))
    (import "env" "promise_return" (func $return (param i64)))
    (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
    (import "env" "value_return" (func $value (param i64 i64)))
    (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
    (import "env" "read_register" (func $register (param i64 i64)))
    (memory 1) (data (i32.const 0) "resumed") (data (i32.const 16) "d") (data (i32.const 32) "hello")
    (func (export "start") (local $p i64)
        (local.set $p (call $yield (i64.const 7) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 20000000000000) (i64.const 0) (i64.const 0)))
        (call $register (i64.const 0) (i64.const 64))
        (drop (call $write (i64.const 1) (i64.const 16) (i64.const 32) (i64.const 64) (i64.const 1)))
        (call $return (local.get $p)))
    (func (export "resume")
        (drop (call $read (i64.const 1) (i64.const 16) (i64.const 0)))
        (call $register (i64.const 0) (i64.const 64))
        (i32.store8 (i32.const 128) (i32.add (i32.const 48)
            (call $resume (i64.const 32) (i64.const 64) (i64.const 5) (i64.const 32))))
        (call $value (i64.const 1) (i64.const 128)))
    (func (export "resumed")
        (i64.store8 (i32.const 256) (i64.add (i64.const 48) (call $result (i64.const 0) (i64.const 0))))
        (call $value (i64.const 1) (i64.const 256))))"#;

#[test]
fn a_yield_runs_when_it_is_resumed() {
    let mut world = text_world(YIELDS);
    let start = world.run("alice.near", "app.near", vec![call("start", b"", 100 * TGAS, yocto(0))]);
    let ExecutionStatus::SuccessReceiptId(yielded) = start.first().status else {
        panic!("{:?}", start.first().status);
    };
    assert!(!world.outcomes.contains_key(&yielded), "it waits");
    let resume =
        world.run("alice.near", "app.near", vec![call("resume", b"", 100 * TGAS, yocto(0))]);
    assert_eq!(resume.value(), b"1");
    assert_eq!(world.outcomes[&yielded].status, ExecutionStatus::SuccessValue(b"1".to_vec()));
    let again =
        world.run("alice.near", "app.near", vec![call("resume", b"", 100 * TGAS, yocto(0))]);
    assert_eq!(again.value(), b"0", "there is nothing to resume any more");
}

#[test]
fn a_yield_that_nobody_resumes_runs_after_two_hundred_blocks_without_data() {
    let mut world = text_world(YIELDS);
    let start = world.run("alice.near", "app.near", vec![call("start", b"", 100 * TGAS, yocto(0))]);
    let ExecutionStatus::SuccessReceiptId(yielded) = start.first().status else {
        panic!("{:?}", start.first().status);
    };
    for _ in 0..210 {
        world.block(Vec::new());
    }
    assert_eq!(world.outcomes[&yielded].status, ExecutionStatus::SuccessValue(b"2".to_vec()));
    world.assert_supply();
}

#[test]
fn receipts_beyond_the_block_limit_wait_for_the_next_one() {
    let mut world = text_world("(module (func (export \"main\") (loop $l (br $l))))");
    let mut transactions = Vec::new();
    let alice = signer("alice.near");
    for index in 0..5 {
        let mut signed =
            world.sign(&alice, "app.near", vec![call("main", b"", 400 * TGAS, yocto(0))]);
        let sandbox_runtime::near::Transaction::V0(body) = &mut signed.transaction else {
            panic!("version 0");
        };
        body.nonce += index;
        transactions.push(sign(signed.transaction, &alice));
    }
    world.block(transactions);
    let mut heights = Vec::new();
    for _ in 0..3 {
        let effects = world.block(Vec::new());
        let ran =
            effects.outcomes.iter().filter(|outcome| outcome.outcome.gas_burnt.as_gas() > TGAS);
        heights.push((ran.count(), effects.delayed_receipts));
    }
    // Three take the block over 1000 Tgas; the other two come first in the next one.
    assert_eq!(heights[0], (3, 2));
    assert_eq!(heights[1].0, 2);
    while !world.pending.is_empty() {
        world.block(Vec::new());
    }
    world.assert_supply();
}

#[test]
fn ids_follow_from_the_parent_and_the_height() {
    let mut world = two_contracts();
    let action = call("call_other", &account_arg("app.near"), 100 * TGAS, yocto(0));
    let signed = world.sign(&signer("alice.near"), "bob.near", vec![action]);
    let hash = signed.get_hash();
    let first = world.block(vec![signed]);
    let base = |parent: CryptoHash, height: u64, index: u64| {
        let bytes = [parent.0.as_slice(), &height.to_le_bytes(), &index.to_le_bytes()].concat();
        CryptoHash::hash_bytes(&bytes)
    };
    let receipt = base(hash, world.env.height, 0);
    assert_eq!(*first.outgoing[0].receipt_id(), receipt);
    let second = world.block(Vec::new());
    let ids: Vec<_> = second.outgoing.iter().map(|receipt| *receipt.receipt_id()).collect();
    let height = world.env.height;
    assert_eq!(ids, [base(receipt, height, 0), base(receipt, height, 1), base(receipt, height, 2)]);
    assert_eq!(second.outgoing[0].receiver_id(), &id("app.near"));
}
