//! The same call with every amount of gas that could matter.

use fixtures::Case;
use oracle::Oracle;

use crate::agree;

/// How many amounts are tried between none and enough.
const STEPS: u64 = 50;

/// Runs the call with amounts from none to enough, and one more and one less than enough.
fn sweep(oracle: &Oracle, code: &[u8], case: Case) {
    let total = agree(oracle, code, &case);
    let used = oracle.ours(code, &case).expect("ours runs").used;
    let even = (0..=STEPS).map(|step| total / STEPS * step);
    for gas in even.chain([total.saturating_sub(1), total, total.saturating_add(1), used]) {
        agree(oracle, code, &case.gas(gas));
    }
}

#[test]
fn fixtures_with_too_little_gas() {
    let oracle = Oracle::new();
    for name in ["storage", "logs", "hashes", "promises", "bulk", "registers", "traps"] {
        let module = fixtures::module(name);
        let code = module.code();
        // One case of each method is enough: what differs is where the gas runs out.
        let mut seen = Vec::new();
        for case in module.cases.iter().filter(|case| !case.view) {
            if !seen.contains(&case.method) {
                seen.push(case.method);
                sweep(&oracle, &code, *case);
            }
        }
    }
}

#[test]
fn a_contract_on_near_sdk_with_too_little_gas() {
    let oracle = Oracle::new();
    let module = fixtures::module("status");
    let code = module.code();
    for case in module.cases.iter().filter(|case| !case.view).take(4) {
        sweep(&oracle, &code, *case);
    }
}

/// A few instructions between promises, each amount of gas from the first charge to the last:
/// the hardest case, as what a failed charge burns depends on what was attached.
#[test]
fn every_boundary_of_a_call_that_attaches_gas() {
    let oracle = Oracle::new();
    let code = wat::parse_str(
        r#"(module
            (import "env" "promise_create"
                (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
            (memory 1) (data (i32.const 0) "bob") (data (i32.const 16) "go")
            (func $work (local i64) (block (br_if 0 (i32.const 1)) nop nop))
            (func (export "main")
                (drop (call $create (i64.const 3) (i64.const 0) (i64.const 2) (i64.const 16)
                    (i64.const 0) (i64.const 0) (i64.const 64) (i64.const 1000000000000)))
                (call $work) nop nop (call $work)
                (memory.fill (i32.const 9) (i32.const 0) (i32.const 100)) (call $work)))"#,
    )
    .expect("valid text");
    let case = Case::call("main");
    agree(&oracle, &code, &case);
    let used = oracle.ours(&code, &case).expect("ours runs").used;
    let op = u64::from(oracle.near_config().wasm_config.regular_op_cost);
    for ops in 0..400 {
        for off in [0, 1, op / 2] {
            agree(&oracle, &code, &case.gas(used.saturating_sub(op * ops + off)));
        }
    }
}
