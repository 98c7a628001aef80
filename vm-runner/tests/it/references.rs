//! Modules that begin with more references to functions than wasmtime is let compile: what is
//! written anew for it behaves as what it stands for.

use vm_runner::{Failure, WasmTrap};

use crate::toy::{ToyError, code, config, end, runners, toy};

/// A module with references of all kinds, `more` of which are in passive segments.
fn module(more: usize, main: &str) -> String {
    let more = "$a ".repeat(more);
    format!(
        r#"(module
            (import "env" "note" (func $note (param i64)))
            (type $number (func (result i64)))
            (table $t 8 funcref)
            (memory 1)
            (data $bytes "abc")
            (global $a funcref (ref.func $a))
            (global $none funcref (ref.null func))
            (global $changes (mut funcref) (ref.func $b))
            (global $seven i64 (i64.const 7))
            (elem $many func {more})
            (elem $passive funcref (ref.func $a) (ref.null func) (ref.func $c))
            (elem $active (i32.const 0) funcref (ref.func $a) (ref.func $b) (ref.func $c))
            (elem (i32.const 1) funcref (ref.null func))
            (elem $declared declare func $d)
            (elem (i32.const 5) func $c)
            (func $a (result i64) (i64.const 1))
            (func $b (result i64) (i64.const 2))
            (func $c (result i64) (i64.const 3))
            (func $d (result i64) (i64.const 4))
            (func $tell (param $at i32)
                (if (ref.is_null (table.get $t (local.get $at)))
                    (then (call $note (i64.const 0)))
                    (else (call $note (call_indirect $t (type $number) (local.get $at))))))
            (func $tell_all (local $at i32)
                (loop $again
                    (call $tell (local.get $at))
                    (br_if $again (i32.lt_u
                        (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 8)))))
            (func (export "main") {main}))"#
    )
}

#[test]
fn many_references_are_as_few() {
    let main = "
        (call $tell_all)
        (call $note (i64.extend_i32_u (ref.is_null (global.get $none))))
        (call $note (global.get $seven))
        (table.set $t (i32.const 3) (global.get $a))
        (table.set $t (i32.const 4) (global.get $changes))
        (global.set $changes (ref.func $d))
        (table.set $t (i32.const 6) (global.get $changes))
        (global.set $changes (global.get $none))
        (table.set $t (i32.const 5) (global.get $changes))
        (call $tell_all)
        (table.init $t $passive (i32.const 0) (i32.const 1) (i32.const 2))
        (table.init $t $many (i32.const 7) (i32.const 3) (i32.const 1))
        (table.init $t $passive (i32.const 8) (i32.const 3) (i32.const 0))
        (call $tell_all)
        (elem.drop $passive)
        (elem.drop $active)
        (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 0))
        (table.init $t $many (i32.const 2) (i32.const 5) (i32.const 1))
        (memory.init $bytes (i32.const 9) (i32.const 1) (i32.const 2))
        (call $note (i64.load (i32.const 8)))
        (call $tell_all)";
    let first = [1, 0, 3, 0, 0, 3, 0, 0];
    let changed = [1, 7].into_iter().chain([1, 0, 3, 1, 2, 0, 4, 0]);
    let last =
        [0, 3, 3, 1, 2, 0, 4, 1].into_iter().chain([0x0063_6200]).chain([0, 3, 1, 1, 2, 0, 4, 1]);
    let expected: Vec<u64> = first.into_iter().chain(changed).chain(last).collect();
    for more in [10, 1_000] {
        let code = code(&module(more, main));
        for runner in runners(&config()) {
            // Nothing of a call is left for the next.
            for _ in 0..3 {
                let finished = runner.run(&code, "main", toy(1_000_000)).unwrap();
                assert_eq!(finished.end, Ok(()));
                assert_eq!(finished.host.notes, expected);
            }
        }
    }
}

#[test]
fn segments_have_the_same_bounds() {
    let trap = Err(Failure::Trap(WasmTrap::TableOutOfBounds));
    for (main, expected) in [
        ("(table.init $t $many (i32.const 0) (i32.const 0) (i32.const 8))", Ok(())),
        ("(table.init $t $many (i32.const 0) (i32.const 0) (i32.const 9))", trap.clone()),
        ("(table.init $t $many (i32.const 1) (i32.const 0) (i32.const 8))", trap.clone()),
        ("(table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 3))", Ok(())),
        ("(table.init $t $passive (i32.const 0) (i32.const 1) (i32.const 3))", trap.clone()),
        ("(table.init $t $passive (i32.const 0) (i32.const 4) (i32.const 0))", trap.clone()),
        ("(table.init $t $passive (i32.const 9) (i32.const 0) (i32.const 0))", trap.clone()),
        ("(table.init $t $passive (i32.const 0) (i32.const -1) (i32.const 2))", trap.clone()),
        ("(table.init $t $active (i32.const 0) (i32.const 0) (i32.const 0))", Ok(())),
        ("(table.init $t $active (i32.const 0) (i32.const 0) (i32.const 1))", trap.clone()),
        ("(table.init $t $declared (i32.const 0) (i32.const 0) (i32.const 1))", trap.clone()),
        (
            "(elem.drop $many) (table.init $t $many (i32.const 0) (i32.const 0) (i32.const 1))",
            trap.clone(),
        ),
    ] {
        for more in [10, 1_000] {
            assert_eq!(end(&module(more, main)), expected, "{more}: {main}");
        }
    }
}

/// Tables are written before the memory, and the start function runs behind both.
#[test]
fn a_segment_that_does_not_fit_traps() {
    let end = |count: usize, segments: &str| -> Result<(), Failure<ToyError>> {
        let many = "$f ".repeat(count);
        end(&format!(
            r#"(module (memory 1) (table 8 funcref) (func $f)
                (elem func {many}) {segments}
                (func $start unreachable) (start $start) (func (export "main")))"#
        ))
    };
    let table = "(elem (i32.const 7) func $f $f) (elem (i32.const 0) func $f)";
    let memory = r#"(data (i32.const -1) "x") (data (i32.const 0) "x")"#;
    for count in [1, 1_000] {
        let trap = |trap| Err(Failure::Trap(trap));
        assert_eq!(end(count, ""), trap(WasmTrap::Unreachable));
        assert_eq!(end(count, table), trap(WasmTrap::TableOutOfBounds));
        assert_eq!(end(count, memory), trap(WasmTrap::MemoryOutOfBounds));
        assert_eq!(end(count, &format!("{table} {memory}")), trap(WasmTrap::TableOutOfBounds));
    }
}
