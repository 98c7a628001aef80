//! What passes between guest and host.

use vm_runner::{Failure, VmFault};

use crate::toy::{SECRET, ToyError, config, end, fault, run, run_with};
use host_fns::abi::FeatureSet;

#[test]
fn integers_arrive_as_they_were_passed() {
    let wat = r#"(module
        (import "env" "note" (func $note (param i64)))
        (import "env" "sum32" (func $sum32 (param i32 i32) (result i32)))
        (func (export "main")
            (call $note (i64.const -1))
            (call $note (i64.extend_i32_u (call $sum32 (i32.const -1) (i32.const 3))))
            (call $note (i64.extend_i32_s (call $sum32 (i32.const -9) (i32.const 3))))))"#;
    assert_eq!(run(wat).host.notes, [u64::MAX, 2, u64::MAX - 5]);
}

#[test]
fn the_host_reads_the_memory_as_it_is_now() {
    let wat = r#"(module
        (import "env" "load" (func $load (param i64 i64) (result i64)))
        (import "env" "note" (func $note (param i64)))
        (memory 1) (data (i32.const 8) "\01\02\03")
        (func (export "main")
            (call $note (call $load (i64.const 8) (i64.const 4)))
            (i32.store8 (i32.const 11) (i32.const 10))
            (call $note (call $load (i64.const 8) (i64.const 4)))
            (drop (memory.grow (i32.const 1)))
            (i32.store8 (i32.const 262144) (i32.const 5))
            (call $note (call $load (i64.const 262144) (i64.const 1)))
            (call $note (call $load (i64.const 327680) (i64.const 1)))))"#;
    let finished = run(wat);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::Memory)));
    assert_eq!(finished.host.notes, [6, 16, 5]);
}

/// A module without a memory has one all the same, which a host function may be pointed at.
#[test]
fn each_module_has_memory() {
    let wat = r#"(module
        (import "env" "load" (func $load (param i64 i64) (result i64)))
        (func (export "main") (drop (call $load (i64.const 262143) (i64.const 1)))))"#;
    assert_eq!(end(wat), Ok(()));
}

/// However a call ends, the next one finds the memory as the module describes it.
#[test]
fn memory_starts_anew_after_each_kind_of_end() {
    let wat = r#"(module
        (import "env" "note" (func $note (param i64)))
        (memory 1) (data (i32.const 32) "\2a")
        (func $dirty
            (memory.fill (i32.const 0) (i32.const 7)
                (i32.mul (memory.size) (i32.const 65536))))
        (func (export "look")
            (local $at i32) (local $sum i64)
            (call $note (i64.extend_i32_u (memory.size)))
            (loop $next
                (local.set $sum (i64.add (local.get $sum) (i64.load8_u (local.get $at))))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 1)))
                    (i32.mul (memory.size) (i32.const 65536)))))
            (call $note (local.get $sum)))
        (func (export "return") (call $dirty))
        (func (export "trap") (call $dirty) (unreachable))
        (func (export "outside") (call $dirty)
            (drop (i32.load (i32.const -4))))
        (func (export "grow") (drop (memory.grow (i32.const 1))) (call $dirty))
        (func (export "behind") (i32.store (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)))
        (func (export "grow_and_look")
            (local $at i32)
            (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
            (call $note (i64.load (local.get $at)))
            (i64.store (local.get $at) (i64.const 1))))"#;
    let code = crate::toy::code(wat);
    for runner in crate::toy::runners(&config()) {
        let call = |entry| runner.run(&code, entry, crate::toy::toy(1 << 40)).unwrap();
        let fresh = call("look").host.notes;
        assert_eq!(fresh[1], 0x2a);
        for (entry, succeeds) in
            [("return", true), ("trap", false), ("outside", false), ("grow", true)]
        {
            assert_eq!(call(entry).end.is_ok(), succeeds, "{entry}");
            assert_eq!(call("look").host.notes, fresh, "after {entry}");
            assert!(call("behind").end.is_err(), "after {entry}");
            assert_eq!(call("grow_and_look").host.notes, [0], "after {entry}");
        }
    }
}

#[test]
fn nothing_stays_from_one_call_to_the_next() {
    let wat = r#"(module
        (import "env" "note" (func $note (param i64)))
        (memory 1) (global $g (mut i64) (i64.const 1))
        (func (export "main")
            (call $note (global.get $g)) (call $note (i64.load (i32.const 16)))
            (global.set $g (i64.const 5)) (i64.store (i32.const 16) (i64.const 6))))"#;
    for runner in crate::toy::runners(&config()) {
        for _ in 0..3 {
            let code = crate::toy::code(wat);
            let finished = runner.run(&code, "main", crate::toy::toy(1_000)).unwrap();
            assert_eq!(finished.host.notes, [1, 0]);
        }
    }
}

/// A contract may export a host function under a name of its own and be called by it.
#[test]
fn a_host_function_can_be_the_entry() {
    let wat = r#"(module (import "env" "ping" (func $ping)) (export "main" (func $ping)))"#;
    let finished = run(wat);
    assert_eq!(finished.end, Ok(()));
    assert_eq!(finished.host.notes, [0]);
}

#[test]
fn exports_may_have_the_names_that_metering_uses() {
    let wat = r#"(module (import "env" "ping" (func $ping)) (memory (export "memory") 1)
        (func (export "remaining_gas") (call $ping)) (func (export "start") (call $ping))
        (global (export "remaining_stack") i32 (i32.const 0)))"#;
    for entry in ["remaining_gas", "start"] {
        let finished = run_with(&config(), wat, entry, 1_000);
        assert_eq!(finished.end, Ok(()));
        assert_eq!(finished.host.notes, [0]);
    }
    assert!(run_with(&config(), wat, "memory", 1_000).end.is_err());
}

#[test]
fn a_gated_function_exists_when_its_feature_is_on() {
    let wat = r#"(module (import "env" "secret" (func $secret))
        (func (export "main") (call $secret)))"#;
    assert!(matches!(end(wat), Err(Failure::Link(_))));
    let mut on = config();
    on.host_features = FeatureSet::NONE.with(SECRET);
    assert_eq!(run_with(&on, wat, "main", 1_000).host.notes, [42]);
}

#[test]
fn a_fault_of_the_host_is_no_result() {
    let wat = r#"(module (import "env" "break" (func $break))
        (func (export "main") (call $break)))"#;
    fault(wat, |fault| matches!(fault, VmFault::Host(_)));
}

/// A bug in a host function unwinds through the guest to the caller, who can go on.
#[test]
fn a_panic_of_the_host_reaches_the_caller() {
    for runner in crate::toy::runners(&config()) {
        let bug = crate::toy::code(
            r#"(module (import "env" "bug" (func $bug)) (func (export "main") (call $bug)))"#,
        );
        for _ in 0..3 {
            let run = || runner.run(&bug, "main", crate::toy::toy(1_000));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
        let fine = crate::toy::code(r#"(module (func (export "main")))"#);
        assert_eq!(runner.run(&fine, "main", crate::toy::toy(1_000)).unwrap().end, Ok(()));
    }
}
