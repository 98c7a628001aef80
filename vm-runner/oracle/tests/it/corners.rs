//! Corners of where gas is charged, each with every amount of gas that could matter.

use fixtures::{Case, TGAS};
use oracle::{Contract, Oracle};

use crate::agree_on;
use crate::differential::amounts;
use crate::programs::Rng;

const IMPORTS: &str = r#"
    (import "env" "promise_create"
        (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (import "env" "used_gas" (func $used (result i64)))
    (import "env" "panic" (func $panic))
    (import "env" "value_return" (func $return (param i64 i64)))
    (memory 1) (data (i32.const 0) "bob") (data (i32.const 16) "go")
    (func $attach (drop (call $create (i64.const 3) (i64.const 0) (i64.const 2) (i64.const 16)
        (i64.const 0) (i64.const 0) (i64.const 64) (i64.const 1000000000))))
    (func $show (i64.store (i32.const 128) (call $used))
        (call $return (i64.const 8) (i64.const 128)))"#;

/// Runs `main` of a module with these fields, with plenty of gas, up to 40 operations less than
/// it used, and anything less.
#[track_caller]
fn sweep(oracle: &Oracle, fields: &str) {
    let text = format!("(module {IMPORTS} {fields})");
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{fields}: {error}"));
    let contract = Contract::new(&wasm);
    let case = Case::call("main").gas(3 * TGAS);
    let full = agree_on(oracle, &contract, &case);
    let op = u64::from(oracle.near_config().wasm_config.regular_op_cost);
    for less in 0..40 {
        for total in [full.burnt, full.used] {
            agree_on(oracle, &contract, &case.gas(total.saturating_sub(less * op)));
            agree_on(oracle, &contract, &case.gas(total.saturating_sub(less * op + 1)));
        }
    }
    for gas in amounts(&full, op, &mut Rng::new(5)) {
        agree_on(oracle, &contract, &case.gas(gas));
    }
}

/// The host is called in ways that are not a plain call.
#[test]
fn unusual_calls_of_the_host() {
    let oracle = Oracle::new();
    for fields in [
        r#"(export "main" (func $panic))"#,
        r#"(start $panic) (func (export "main"))"#,
        r#"(start $attach) (func (export "main") (call $show))"#,
        r#"(start $s) (func $s (call $attach) nop nop nop unreachable) (func (export "main"))"#,
        r#"(table 4 funcref) (elem (i32.const 0) $used $panic $attach) (type $n (func (result i64)))
           (type $p (func))
           (func (export "main") nop nop (drop (call_indirect (type $n) (i32.const 0)))
               nop (call_indirect (type $p) (i32.const 2)) nop nop nop (call $show) nop
               (call_indirect (type $p) (i32.const 1)))"#,
        r#"(table 4 funcref) (elem (i32.const 0) $used) (type $p (func))
           (func (export "main") (call $attach) (call $show) nop nop nop
               (call_indirect (type $p) (i32.const 0)))"#,
        r#"(func $leaf (param i32) (result i32) (i32.div_u (i32.const 9) (local.get 0)))
           (func $middle (param i32) (result i32) nop nop (call $leaf (local.get 0)) nop nop)
           (func (export "main") (call $attach) nop nop (drop (call $middle (i32.const 3)))
               nop nop (call $show) nop nop (drop (call $middle (i32.const 0))) nop nop)"#,
        r#"(func $leaf (param i32) (if (local.get 0) (then nop nop unreachable)) nop nop)
           (func $middle (param i32) nop nop (call $leaf (local.get 0)) nop nop)
           (func (export "main") (call $attach) nop nop (call $middle (i32.const 0)) nop nop
               (call $show) nop nop (call $middle (i32.const 1)))"#,
    ] {
        sweep(&oracle, fields);
    }
}

/// Loops that count, of which some only seem to.
#[test]
fn loops_that_count() {
    let oracle = Oracle::new();
    let counts = |start: &str, step: &str, bound: &str, body: &str| {
        format!(
            r#"(func (export "main") (local $i i32) (local $j i32) (local $n i32)
                (call $attach) (local.set $n (i32.const 24)) (local.set $i (i32.const {start}))
                (loop $again {body}
                    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i)
                        (i32.const {step}))) {bound})))
                nop nop (call $show) unreachable)"#
        )
    };
    for (start, step, bound, body) in [
        ("0", "1", "(i32.const 10)", "nop"),
        ("0", "4", "(i32.const 40)", "nop"),
        ("40", "-4", "(i32.const 0)", "nop"),
        ("0", "1", "(local.get $n)", "(i32.store (local.get $i) (local.get $n))"),
        ("0", "8", "(local.get $n)", "(local.set $j (i32.mul (local.get $i) (i32.const 3)))"),
        // Never there, or after a very long time.
        ("1", "4", "(i32.const 40)", "nop"),
        ("5", "1", "(i32.const 5)", "nop"),
        ("0", "-1", "(i32.const 5)", "nop"),
        ("0", "-2147483648", "(i32.const 0)", "nop"),
        ("0", "-2147483648", "(i32.const -2147483648)", "nop"),
        ("0", "-2147483648", "(i32.const 7)", "nop"),
        ("0", "3", "(i32.const 9)", "nop"),
        ("0", "0", "(i32.const 9)", "nop"),
        // The bound or the counter moves, or both are the same.
        ("0", "1", "(local.get $n)", "(local.set $n (i32.const 5))"),
        ("0", "1", "(local.get $i)", "nop"),
        ("0", "1", "(i32.const 9)", "(local.set $i (i32.add (local.get $i) (i32.const 2)))"),
        ("0", "1", "(i32.const 9)", "(drop (local.tee $i (i32.const 4)))"),
        // A trap in some iteration, before all of it is paid for.
        ("-9", "1", "(i32.const 9)", "(drop (i32.div_u (i32.const 9) (local.get $i)))"),
        (
            "-9",
            "1",
            "(i32.const 0)",
            "(drop (i64.load (i32.mul (local.get $i)
            (i32.const 16777216))))",
        ),
        (
            "0",
            "1",
            "(i32.const 200000)",
            "(drop (i64.load (i32.mul (local.get $i)
            (i32.const 65536))))",
        ),
        // What has a price of its own, or another way out.
        ("0", "1", "(i32.const 9)", "(memory.fill (i32.const 0) (i32.const 0) (local.get $i))"),
        (
            "0",
            "1",
            "(i32.const 9)",
            "(memory.fill (i32.const 131072000) (i32.const 0)
            (i32.mul (local.get $i) (i32.const 1000)))",
        ),
        ("0", "1", "(i32.const 9)", "(if (i32.eq (local.get $i) (i32.const 7)) (then return))"),
        ("0", "1", "(i32.const 9)", "(block (br_if 0 (local.get $i)) nop)"),
        ("0", "1", "(i32.const 9)", "(br_if 1 (i32.eq (local.get $i) (i32.const 7)))"),
        ("0", "1", "(i32.const 4)", "(call $show)"),
        // One in the other, which may be the other's counter.
        (
            "0",
            "1",
            "(i32.const 9)",
            "(local.set $j (i32.const 0)) (loop $inner
            (br_if $inner (i32.ne (local.tee $j (i32.add (local.get $j) (i32.const 2)))
                (i32.const 8))))",
        ),
        (
            "0",
            "1",
            "(i32.const 9)",
            "(local.set $j (i32.const 0)) (loop $inner
            (br_if $inner (i32.ne (local.tee $j (i32.add (local.get $j) (i32.const 1)))
                (local.get $i))))",
        ),
        (
            "0",
            "1",
            "(i32.const 9)",
            "(loop $inner (br_if $inner (i32.ne (local.tee $i
            (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))",
        ),
        (
            "0",
            "1",
            "(i32.const 9)",
            "(local.set $j (i32.const 6)) (loop $inner
            (drop (i32.load (i32.mul (local.get $i) (i32.const 33554432))))
            (br_if $inner (local.tee $j (i32.add (local.get $j) (i32.const -1)))))",
        ),
    ] {
        sweep(&oracle, &counts(start, step, bound, body));
    }
}
