//! Every host function of our table against nearcore's function of the same name: the same
//! sequences of calls, on the same memory and the same rest of the chain, at the prices and limits
//! of protocol version 88. Results, messages, memory, registers, charges, profile, compute units,
//! balances and effects must be the same, however the guest misbehaves and wherever gas runs out.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "a test ends on what it does not expect"
)]

mod calls;
mod nearcore;
mod operands;
mod ours;
mod world;

use calls::{Case, Outcome};
use sandbox_runtime::RuntimeConfig;

/// Sequences that are compared.
const CASES: u64 = 4_000;

#[test]
fn the_same_calls_have_the_same_outcome() {
    let config = RuntimeConfig::new(88).unwrap();
    let mut called = std::collections::BTreeMap::<&str, [u64; 2]>::new();
    for seed in 0..CASES {
        let case = Case::generate(seed);
        let ours: Outcome = ours::run(&case, &config);
        let theirs: Outcome = nearcore::run(&case, &config);
        for (at, (ours, theirs)) in ours.steps.iter().zip(&theirs.steps).enumerate() {
            let call = &case.calls[at];
            assert_eq!(ours, theirs, "case {seed}, call {at}: {call:?}");
            called.entry(call.name).or_default()[usize::from(ours.result.is_ok())] += 1;
        }
        assert_eq!(ours, theirs, "case {seed}: {case:?}");
    }
    // The comparison is worth something only if every function was seen to do its work.
    for function in ours::functions() {
        let name = function.decl.name;
        let [failed, succeeded] = called.get(name).copied().unwrap_or_default();
        if name.starts_with("panic") || name == "abort" || name.starts_with("storage_iter") {
            assert!(failed > 0, "{name} was never called");
        } else if name != "sandbox_debug_log" {
            assert!(succeeded > 0, "{name} never succeeded");
        }
    }
}

#[test]
fn the_table_has_no_other_shapes_than_nearcores() {
    for function in ours::functions() {
        let decl = &function.decl;
        if decl.name != "sandbox_debug_log" {
            let params = nearcore::param_count(decl.name);
            assert_eq!(params, Some(decl.params.len()), "{}", decl.name);
        }
    }
}
