//! Promises that initialize accounts named after what they start with.

use fixtures::Case;
use oracle::Oracle;

use crate::agree;

/// Universal states: empty; one entry; one key; an entry twice; cut off; one byte too many.
const STATES: [&str; 7] = [
    r"\00\00\00\00\00\00\00\00\00\00",
    r"\00\00\01\00\00\00\01\00\00\00a\01\00\00\00b\00\00\00\00",
    r"\00\00\00\00\00\00\01\00\00\00\00aaaabbbbccccddddeeeeffffgggghhhh",
    r"\00\00\02\00\00\00\01\00\00\00a\00\00\00\00\01\00\00\00a\00\00\00\00\00\00\00\00",
    r"\00\00\00",
    r"\00\00\00\00\00\00\00\00\00\00\00",
    "",
];

/// A contract with `state` at 1000, `bob` at 0, an amount at 64 and a promise to bob in a local.
fn contract(state: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "env" "promise_batch_create" (func $batch (param i64 i64) (result i64)))
            (import "env" "promise_batch_action_state_init"
                (func $by_hash (param i64 i64 i64 i64) (result i64)))
            (import "env" "promise_batch_action_state_init_by_account_id"
                (func $by_account (param i64 i64 i64 i64) (result i64)))
            (import "env" "set_state_init_data_entry"
                (func $entry (param i64 i64 i64 i64 i64 i64)))
            (import "env" "promise_batch_action_universal_state_init"
                (func $universal (param i64 i64 i64 i64)))
            (import "env" "universal_state_init_to_account_id"
                (func $id (param i64 i64 i64) (result i64)))
            (import "env" "value_return" (func $return (param i64 i64)))
            (memory 1) (data (i32.const 0) "bob") (data (i32.const 64) "\05")
            (data (i32.const 1000) "{state}")
            (func (export "main") (local $p i64)
                (local.set $p (call $batch (i64.const 3) (i64.const 0))) {body}))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Bytes of a text of the WebAssembly text format.
fn length(state: &str) -> usize {
    state.len() - 2 * state.matches('\\').count()
}

#[test]
fn universal_accounts() {
    let oracle = Oracle::new();
    for state in STATES {
        let bytes = length(state);
        let body = format!(
            "(call $universal (local.get $p) (i64.const {bytes}) (i64.const 1000) (i64.const 64))"
        );
        agree(&oracle, &contract(state, &body), &Case::call("main"));
    }
}

#[test]
fn ids_of_universal_accounts() {
    let oracle = Oracle::new();
    for state in STATES {
        let bytes = length(state);
        // Status 0 leaves the id in register 7: returning it shows both.
        let body = format!(
            "(if (i64.eqz (call $id (i64.const {bytes}) (i64.const 1000) (i64.const 7)))
                (then (call $return (i64.const -1) (i64.const 7)))
                (else (i64.store (i32.const 8)
                        (call $id (i64.const {bytes}) (i64.const 1000) (i64.const 7)))
                    (call $return (i64.const 8) (i64.const 8))))"
        );
        agree(&oracle, &contract(state, &body), &Case::call("main"));
    }
}

#[test]
fn deterministic_accounts() {
    let oracle = Oracle::new();
    let by_hash = "(call $by_hash (local.get $p) (i64.const 32) (i64.const 0) (i64.const 64))";
    let by_account = "(call $by_account (local.get $p) (i64.const 3) (i64.const 0) (i64.const 64))";
    let short_hash = by_hash.replace("32", "31");
    let set = |action: &str| {
        format!(
            "(call $entry (local.get $p) {action} (i64.const 2) (i64.const 0) (i64.const 3)
                (i64.const 0))"
        )
    };
    for body in [
        format!("(drop {by_hash})"),
        format!("(drop {by_account})"),
        format!("(drop {short_hash})"),
        set(by_hash),
        set(by_account),
        // The same key again, an action that is none, a promise that is none.
        format!("{} {}", set(by_hash), set("(i64.const 1)")),
        set("(i64.const 9)"),
        set("(i64.const -1)"),
        set(by_hash).replacen("(local.get $p)", "(i64.const 5)", 1),
    ] {
        agree(&oracle, &contract("", &body), &Case::call("main"));
    }
}
