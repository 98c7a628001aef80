//! What instructions cost, and what happens when the gas runs out.

use gas_meter::Gas;
use vm_runner::{EntryError, Failure, WasmTrap};

use crate::toy::{ToyError, config, end, run, run_with, with_loading};

fn burnt(wat: &str) -> u64 {
    let mut finished = run(wat);
    assert_eq!(finished.end, Ok(()), "{wat}");
    gas_meter_units(&mut finished.host.gas)
}

fn gas_meter_units(gas: &mut gas_meter::GasCounter) -> u64 {
    gas.burnt().units()
}

/// A frame of 64 bytes costs 8, each instruction 1, `block` and `end` nothing.
#[test]
fn instructions_are_counted() {
    assert_eq!(burnt(r#"(module (func (export "main")))"#), 8);
    assert_eq!(burnt(r#"(module (func (export "main") nop nop))"#), 10);
    assert_eq!(burnt(r#"(module (func (export "main") (block (block nop))))"#), 9);
    assert_eq!(burnt(r#"(module (func (export "main") (local i64 i32) nop))"#), 8 + 2 + 1);
    // 10 times: loop, get, const, add, tee, const, lt_u, br_if.
    let counting = r#"(module (func (export "main") (local i64)
        (loop (br_if 0 (i64.lt_u (local.tee 0 (i64.add (local.get 0) (i64.const 1)))
                                 (i64.const 10))))))"#;
    assert_eq!(burnt(counting), 9 + 10 * 8);
}

#[test]
fn branches_pay_for_what_they_run() {
    let module = |condition| {
        format!(
            r#"(module (func (export "main")
                (if (i32.const {condition}) (then nop nop nop) (else nop)) return))"#
        )
    };
    assert_eq!(burnt(&module(1)), 8 + 2 + 3 + 1);
    assert_eq!(burnt(&module(0)), 8 + 2 + 1 + 1);
}

#[test]
fn bulk_operations_cost_by_their_length() {
    let fill = |len| {
        format!(
            r#"(module (memory 1) (func (export "main")
                (memory.fill (i32.const 0) (i32.const 7) (i32.const {len}))))"#
        )
    };
    assert_eq!(burnt(&fill(0)), 8 + 3 + 100);
    assert_eq!(burnt(&fill(1000)), 8 + 3 + 100 + 10_000);
    let grow = r#"(module (memory 1) (func (export "main")
        (drop (memory.grow (i32.const 3)))))"#;
    assert_eq!(burnt(grow), 8 + 1 + 100 + 30 + 1);
}

/// A length near 2³² must neither wrap the price nor be free.
#[test]
fn the_price_of_an_absurd_length_is_out_of_reach() {
    let wat = r#"(module (memory 1) (func (export "main")
        (memory.fill (i32.const 0) (i32.const 7) (i32.const -1))))"#;
    let finished = run_with(&config(), wat, "main", 1_000_000);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::OutOfGas)));
    assert_eq!(finished.host.gas.burnt(), Gas::new(1_000_000));
}

#[test]
fn host_calls_see_the_gas_that_is_left() {
    let wat = r#"(module
        (import "env" "left" (func $left (result i64)))
        (import "env" "note" (func $note (param i64)))
        (func (export "main") (call $note (call $left)) (call $note (call $left))))"#;
    let finished = run_with(&config(), wat, "main", 10_000);
    // Entry 8; call, call, and `note` costs 50.
    assert_eq!(finished.host.notes, [10_000 - 9, 10_000 - 9 - 1 - 50 - 1]);
}

/// At every amount of gas the counter never exceeds it, and one unit decides.
#[test]
fn running_out_burns_all_and_shows_only_what_was_paid() {
    let wat = r#"(module
        (import "env" "note" (func $note (param i64)))
        (func (export "main") (local $i i64)
            (loop $next
                (call $note (local.get $i))
                (local.set $i (i64.add (local.get $i) (i64.const 1)))
                (br_if $next (i64.lt_u (local.get $i) (i64.const 5))))))"#;
    let total = gas_meter_units(&mut run(wat).host.gas);
    let mut notes = 0;
    for prepaid in 0..=total {
        let finished = run_with(&config(), wat, "main", prepaid);
        assert_eq!(finished.host.gas.burnt(), Gas::new(prepaid));
        let failed = finished.end == Err(Failure::Host(ToyError::OutOfGas));
        assert_eq!(failed, prepaid < total, "{prepaid}");
        assert!(finished.host.notes.len() >= notes);
        notes = finished.host.notes.len();
    }
    assert_eq!(notes, 5);
}

/// Attached gas stays attached: a charge that does not fit takes from it what it asked for.
#[test]
fn running_out_after_a_promise_burns_what_the_last_charge_asked_for() {
    let wat = r#"(module
        (import "env" "attach" (func $attach (param i64)))
        (func (export "main") (call $attach (i64.const 980))
            (block nop nop nop nop nop nop nop nop nop nop nop nop)))"#;
    // 8 + 2 burnt, 980 attached, 10 left; twelve instructions are asked for at once.
    let finished = run_with(&config(), wat, "main", 1_000);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::OutOfGas)));
    assert_eq!(finished.host.gas.burnt(), Gas::new(10 + 12));
    assert_eq!(finished.host.gas.used(), Gas::new(1_000));
}

#[test]
fn out_of_gas_comes_before_the_trap_that_it_does_not_reach() {
    let wat = r#"(module (func (export "main") nop unreachable))"#;
    assert_eq!(run_with(&config(), wat, "main", 9).end, Err(Failure::Host(ToyError::OutOfGas)));
    let trapped = run_with(&config(), wat, "main", 10);
    assert_eq!(trapped.end, Err(Failure::Trap(vm_runner::WasmTrap::Unreachable)));
}

#[test]
fn the_start_function_pays() {
    let wat = r#"(module (import "env" "ping" (func $ping)) (start $ping)
        (func (export "main") nop))"#;
    let finished = run(wat);
    assert_eq!(finished.end, Ok(()));
    assert_eq!(finished.host.notes, [0]);
    assert_eq!(finished.host.gas.burnt(), Gas::new(50 + 9));
}

#[test]
fn loading_is_charged_before_the_call() {
    let wat = r#"(module (func (export "main")))"#;
    let bytes = u64::try_from(wat::parse_str(wat).unwrap().len()).unwrap();
    let load = 1_000 + 2 * bytes;
    let finished = run_with(&with_loading(), wat, "main", 1_000_000);
    assert_eq!(finished.host.gas.burnt(), Gas::new(load + 8));
    let short = run_with(&with_loading(), wat, "main", load - 1);
    assert_eq!(short.end, Err(Failure::Host(ToyError::OutOfGas)));
    assert_eq!(short.host.gas.burnt(), Gas::new(load - 1));
}

#[test]
fn a_missing_method_costs_nothing_if_loading_could_be_paid() {
    let wat = r#"(module (func (export "main") (param i32)))"#;
    for (entry, error) in [
        ("", EntryError::EmptyName),
        ("other", EntryError::NotFound),
        ("main", EntryError::InvalidSignature),
    ] {
        let finished = run_with(&with_loading(), wat, entry, 1_000_000);
        assert_eq!(finished.end, Err(Failure::Entry(error)));
        assert_eq!(finished.host.gas.burnt(), Gas::ZERO);
    }
    let short = run_with(&with_loading(), wat, "other", 500);
    assert_eq!(short.end, Err(Failure::Host(ToyError::OutOfGas)));
}

#[test]
fn a_contract_that_cannot_be_linked_costs_its_loading() {
    let wat = r#"(module (import "env" "nothing" (func)) (func (export "main")))"#;
    let finished = run_with(&with_loading(), wat, "main", 1_000_000);
    assert!(matches!(finished.end, Err(Failure::Link(_))));
    assert!(finished.host.gas.burnt() > Gas::new(1_000));
}

#[test]
fn a_guest_that_is_refused_pays_up_to_the_call() {
    let wat = r#"(module (import "env" "refuse" (func $refuse (result i64)))
        (func (export "main") nop (drop (call $refuse)) nop nop))"#;
    let finished = run(wat);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::Refused)));
    assert_eq!(finished.host.gas.burnt(), Gas::new(8 + 2));
    assert_eq!(end(wat), Err(Failure::Host(ToyError::Refused)));
}

/// What is due at a trap is known only in the stepwise form, in which such an execution is run
/// again: its effects are there once all the same.
#[test]
fn an_execution_that_is_run_again_leaves_its_effects_once() {
    let finished = run(r#"(module (import "env" "note" (func $note (param i64))) (memory 1)
        (func (export "main")
            (call $note (i64.const 1)) (call $note (i64.const 2))
            nop nop (drop (i32.load (i32.const 0x7fffffff))) nop))"#);
    assert_eq!(finished.end, Err(Failure::Trap(WasmTrap::MemoryOutOfBounds)));
    assert_eq!(finished.host.notes, [1, 2]);
    // The frame, the notes with 50 each by the host, and up to the load; what is behind it was not
    // due.
    assert_eq!(finished.host.gas.burnt(), Gas::new(8 + 2 * (2 + 50) + 4));
}

/// With gas attached to a promise, what an exhaustion burns depends on the charge that did not
/// fit: here a loop's fourth iteration of eight operators.
#[test]
fn an_exhaustion_burns_what_did_not_fit_and_no_more() {
    let wat = r#"(module (import "env" "attach" (func $attach (param i64)))
        (func (export "main") (local i32)
            (call $attach (i64.const 500))
            (loop (br_if 0 (i32.ne (i32.const 99)
                (local.tee 0 (i32.add (local.get 0) (i32.const 1))))))))"#;
    let enough = 9 + 2 + 500 + 99 * 8;
    assert_eq!(run_with(&config(), wat, "main", enough).end, Ok(()));
    let finished = run_with(&config(), wat, "main", 9 + 2 + 500 + 3 * 8 + 5);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::OutOfGas)));
    assert_eq!(finished.host.gas.burnt(), Gas::new(9 + 2 + 4 * 8));
}
