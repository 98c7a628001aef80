//! Our virtual machine against nearcore's, call by call.

#![allow(clippy::arithmetic_side_effects, reason = "tests of small numbers")]

mod bombs;
mod corners;
mod crypto;
mod differential;
mod fixture_cases;
mod host_functions;
mod hosted;
mod instructions;
mod limits;
mod malformed;
mod operators;
mod programs;
mod random;
mod state_inits;
mod sweeps;
mod versions;

use fixtures::Case;
use oracle::{Contract, Oracle, Outcome};

/// Asserts that both implementations agree on `case`; returns the gas that it burnt.
#[track_caller]
fn agree(oracle: &Oracle, code: &[u8], case: &Case) -> u64 {
    agree_on(oracle, &Contract::new(code), case).burnt
}

/// The same of a contract that is called more than once; returns all that came of it.
#[track_caller]
fn agree_on(oracle: &Oracle, contract: &Contract, case: &Case) -> Outcome {
    let nears = oracle.nears_of(contract, case).expect("nearcore runs");
    let ours = oracle.ours_of(contract, case).expect("ours runs");
    assert_eq!(ours, nears, "ours (left) and nearcore's (right) on {case:?}");
    nears
}

/// Asserts that both sides say the same of a module before it runs; returns what they say.
#[track_caller]
fn same_refusal(oracle: &Oracle, wasm: &[u8], what: &dyn Fn() -> String) -> Result<(), String> {
    let ours = oracle.ours_prepared(wasm);
    let nears = oracle.nears_prepared(wasm);
    let bytes = &wasm[..wasm.len().min(4_000)];
    assert_eq!(ours, nears, "ours (left) and nearcore's (right) of {}: {bytes:02x?}", what());
    nears
}
