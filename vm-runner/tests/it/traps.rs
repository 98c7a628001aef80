//! Each trap is reported as what it is, and the gas up to it is burnt.

use gas_meter::Gas;
use vm_runner::{Failure, WasmTrap};

use crate::toy::{end, run};

fn trap(body: &str) -> WasmTrap {
    let wat = format!(
        r#"(module (memory 1) (table 4 funcref) (elem (i32.const 0) $f)
            (type $none (func)) (type $one (func (param i32)))
            (func $f) (func (export "main") {body}))"#
    );
    match end(&wat) {
        Err(Failure::Trap(trap)) => trap,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn traps_are_told_apart() {
    use WasmTrap::{
        IllegalArithmetic, IncorrectCallIndirectSignature, IndirectCallToNull, MemoryOutOfBounds,
        TableOutOfBounds, Unreachable,
    };
    for (body, expected) in [
        ("unreachable", Unreachable),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", IllegalArithmetic),
        ("(drop (i64.rem_s (i64.const 1) (i64.const 0)))", IllegalArithmetic),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", IllegalArithmetic),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", IllegalArithmetic),
        ("(drop (i64.trunc_f32_u (f32.const 1e30)))", IllegalArithmetic),
        ("(drop (i32.load (i32.const -1)))", MemoryOutOfBounds),
        ("(drop (i32.load (i32.const 262141)))", MemoryOutOfBounds),
        ("(i64.store offset=0xffffffff (i32.const -1) (i64.const 0))", MemoryOutOfBounds),
        ("(memory.fill (i32.const 262144) (i32.const 0) (i32.const 1))", MemoryOutOfBounds),
        ("(call_indirect (type $none) (i32.const 4))", TableOutOfBounds),
        ("(call_indirect (type $none) (i32.const 1))", IndirectCallToNull),
        ("(call_indirect (type $one) (i32.const 0) (i32.const 0))", IncorrectCallIndirectSignature),
        ("(drop (table.get 0 (i32.const 9)))", TableOutOfBounds),
        ("(table.fill 0 (i32.const 3) (ref.null func) (i32.const 2))", TableOutOfBounds),
    ] {
        assert_eq!(trap(body), expected, "{body}");
    }
}

#[test]
fn a_segment_that_does_not_fit_traps_before_anything_runs() {
    for wat in [
        r#"(module (memory 1) (data (i32.const 262144) "x") (func (export "main") nop))"#,
        r#"(module (table 1 funcref) (elem (i32.const 1) $f) (func $f (export "main") nop))"#,
    ] {
        let finished = run(wat);
        assert!(
            matches!(
                finished.end,
                Err(Failure::Trap(WasmTrap::MemoryOutOfBounds | WasmTrap::TableOutOfBounds))
            ),
            "{:?}",
            finished.end
        );
        assert_eq!(finished.host.gas.burnt(), Gas::ZERO);
    }
}

#[test]
fn a_trap_burns_what_ran_before_it() {
    let finished = run(r#"(module (func (export "main") nop nop unreachable nop nop))"#);
    assert_eq!(finished.host.gas.burnt(), Gas::new(8 + 3));
}

#[test]
fn conversions_that_saturate_do_not_trap() {
    let wat = r#"(module (import "env" "note" (func $note (param i64)))
        (func (export "main")
            (call $note (i64.trunc_sat_f64_s (f64.const inf)))
            (call $note (i64.trunc_sat_f32_u (f32.const nan)))
            (call $note (i64.extend8_s (i64.const 0x80)))))"#;
    assert_eq!(run(wat).host.notes, [u64::MAX >> 1, 0, 0xffff_ffff_ffff_ff80]);
}
