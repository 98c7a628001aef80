//! Dry runs, in process: what they tell is what comes of the real thing, and they change nothing.

mod changes;
mod gas;
mod least;
mod outcomes;
mod overrides;
mod views;

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction};
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{Balance, Gas};
use near_primitives::views::FinalExecutionOutcomeView;
use sandboxd::chain::{Chain, DryRun, DryTransaction, Overrides, UnsignedTransaction};
use serde_json::{Value, json};

use crate::support::{chain, id, sign};

pub(crate) const ALICE: &str = "alice.test.near";
pub(crate) const BOB: &str = "bob.test.near";
pub(crate) const CAROL: &str = "carol.test.near";

/// A contract in wat that shares its gas, weighs its deposit and waits.
const SHARER: &str = r#"(module
    (import "env" "attached_deposit" (func $deposit (param i64)))
    (import "env" "block_index" (func $height (result i64)))
    (import "env" "block_timestamp" (func $time (result i64)))
    (import "env" "current_account_id" (func $current (param i64)))
    (import "env" "read_register" (func $read (param i64 i64)))
    (import "env" "register_len" (func $length (param i64) (result i64)))
    (import "env" "value_return" (func $return (param i64 i64)))
    (import "env" "panic" (func $panic))
    (import "env" "promise_batch_create" (func $create (param i64 i64) (result i64)))
    (import "env" "promise_batch_action_function_call_weight"
        (func $call (param i64 i64 i64 i64 i64 i64 i64 i64)))
    (import "env" "promise_yield_create"
        (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (memory 1)
    (data (i32.const 0) "workwait")
    (func (export "work")
        (local $left i32)
        (local.set $left (i32.const 1000))
        (loop $again
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left))))
    ;; Calls itself twice with a third and two thirds of the gas that is left.
    (func (export "share")
        (local $promise i64)
        (call $current (i64.const 0))
        (call $read (i64.const 0) (i64.const 64))
        (local.set $promise (call $create (call $length (i64.const 0)) (i64.const 64)))
        (call $call (local.get $promise) (i64.const 4) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 32) (i64.const 0) (i64.const 1))
        (call $call (local.get $promise) (i64.const 4) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 32) (i64.const 5000000000000) (i64.const 2)))
    ;; Takes 1000 yoctoNEAR or more.
    (func (export "pay")
        (call $deposit (i64.const 128))
        (if (i64.lt_u (i64.load (i32.const 128)) (i64.const 1000)) (then (call $panic))))
    ;; Burns some 600 Tgas first.
    (func (export "heavy")
        (local $left i32)
        (local.set $left (i32.const 120000000))
        (loop $again
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))
        (call $deposit (i64.const 128))
        (if (i64.lt_u (i64.load (i32.const 128)) (i64.const 1000)) (then (call $panic))))
    (func (export "any") (call $deposit (i64.const 128)))
    (func (export "one")
        (call $deposit (i64.const 128))
        (if (i64.eqz (i64.load (i32.const 128))) (then (call $panic))))
    (func (export "exact")
        (call $deposit (i64.const 128))
        (if (i64.ne (i64.load (i32.const 128)) (i64.const 1234567)) (then (call $panic))))
    (func (export "wait")
        (drop (call $yield (i64.const 4) (i64.const 0) (i64.const 0) (i64.const 0)
            (i64.const 1000000000000) (i64.const 0) (i64.const 0))))
    (func (export "block")
        (i64.store (i32.const 256) (call $height))
        (i64.store (i32.const 264) (call $time))
        (call $return (i64.const 16) (i64.const 256))))"#;

pub(crate) fn deploy(chain: &mut Chain, name: &str, nonce: u64, code: Vec<u8>) {
    let deploy = Action::DeployContract(DeployContractAction { code });
    chain.submit(sign(chain, name, name, nonce, vec![deploy])).unwrap();
    chain.settle().unwrap();
}

/// A chain with the contract `status` on alice's and bob's accounts, and the one above on carol's.
pub(crate) fn stage() -> Chain {
    let mut chain = chain();
    deploy(&mut chain, ALICE, 1, fixtures::wasm("status").to_vec());
    deploy(&mut chain, BOB, 1, fixtures::wasm("status").to_vec());
    deploy(&mut chain, CAROL, 1, wat::parse_str(SHARER).unwrap());
    chain
}

pub(crate) fn call_with(method: &str, args: &Value, gas: Gas, deposit: Balance) -> Action {
    let args = if args.is_null() { Vec::new() } else { args.to_string().into_bytes() };
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.to_owned(),
        args,
        gas,
        deposit,
    }))
}

pub(crate) fn call(method: &str, args: &Value) -> Action {
    call_with(method, args, Gas::from_teragas(100), Balance::ZERO)
}

fn say(message: &str) -> Action {
    call("set_status", &json!({ "message": message }))
}

fn unsigned(from: &str, to: &str, actions: Vec<Action>) -> DryTransaction {
    DryTransaction::Unsigned(UnsignedTransaction {
        signer_id: id(from),
        receiver_id: id(to),
        actions,
        public_key: None,
        nonce: None,
    })
}

/// A dry run of alice's, on the chain as it is and without a search.
fn dry(chain: &Chain, to: &str, actions: Vec<Action>) -> DryRun {
    chain.dry_run(unsigned(ALICE, to, actions), &Overrides::default(), false).unwrap()
}

/// What comes of it on the chain itself.
pub(crate) fn really(chain: &Chain, transaction: SignedTransaction) -> FinalExecutionOutcomeView {
    let mut chain = chain.clone();
    let hash = chain.submit(transaction).unwrap();
    chain.settle().unwrap();
    chain.execution(&hash).unwrap().view()
}

fn json_of(outcome: &FinalExecutionOutcomeView) -> Value {
    serde_json::to_value(outcome).unwrap()
}

/// All that can be seen of a chain from outside.
fn seen(chain: &Chain) -> String {
    format!("{chain:?}")
}
