//! The shape of metered modules; that they count right is tested where they run.

use super::wasmparser::{ExternalKind, Parser, Payload, Validator};
use super::*;

fn schedule() -> Schedule {
    Schedule {
        regular_op: 1,
        linear_base: 100,
        linear_unit: 10,
        frame: FrameSizes { activation: 64, word32: 4, word64: 8, vector: 16, reference: 8 },
    }
}

fn limits() -> Limits {
    Limits {
        stack_bytes: 4096,
        blocks_per_function: Some(2),
        blocks_per_module: Some(3),
        params_per_function: Some(2),
        params_per_module: Some(3),
        operand_stack_bytes_per_function: Some(16),
    }
}

fn meter(wat: &str) -> Result<Vec<u8>, InstrumentError> {
    let wasm = wat::parse_str(wat).expect("valid text");
    let metered = instrument(&wasm, &schedule(), &limits())?.wasm;
    Validator::new().validate_all(&metered).expect("a metered module is valid");
    Ok(metered)
}

fn exports(wasm: &[u8]) -> Vec<(String, ExternalKind, u32)> {
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(reader) = payload.expect("valid") {
            for export in reader {
                let export = export.expect("valid");
                exports.push((export.name.to_owned(), export.kind, export.index));
            }
        }
    }
    exports
}

#[test]
fn globals_come_last_and_functions_keep_their_index() {
    let metered = meter(
        r#"(module (import "env" "f" (func)) (global i32 (i32.const 1))
            (func (export "main")) (start 1))"#,
    );
    let exports = exports(&metered.expect("within limits"));
    assert_eq!(
        exports,
        [
            ("main".to_owned(), ExternalKind::Func, 1),
            (abi::REMAINING_GAS.to_owned(), ExternalKind::Global, 1),
            (abi::REMAINING_STACK.to_owned(), ExternalKind::Global, 2),
            (abi::START.to_owned(), ExternalKind::Func, 1),
        ]
    );
}

#[test]
fn sections_that_would_bypass_the_meter_or_only_describe_are_gone() {
    let metered = meter(r#"(module (@custom "note" "x") (func $named) (start $named))"#);
    for payload in Parser::new(0).parse_all(&metered.expect("within limits")) {
        let payload = payload.expect("valid");
        assert!(!matches!(payload, Payload::StartSection { .. } | Payload::CustomSection(_)));
    }
}

#[test]
fn each_kind_of_body_stays_valid() {
    for body in [
        "(func (result i64) (return (i64.const 1)))",
        "(func (result f32) (block (result f32) (br 1 (f32.const 1))))",
        "(func (param i32) (br_table 0 0 (local.get 0)))",
        "(func (unreachable) (drop (i32.add)))",
        "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 1)))",
        "(memory 1) (func unreachable (memory.copy) (drop (memory.grow)))",
        "(table 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 1))))",
        "(func (result funcref) (ref.null func))",
    ] {
        meter(&format!("(module {body})")).expect(body);
    }
}

#[test]
fn what_cannot_be_metered_is_refused() {
    for (fields, error) in [
        (r#"(func (export "start"))"#, InstrumentError::ReservedExport),
        ("(func (block) (block) (block))", InstrumentError::TooManyBlocksPerFunction),
        ("(func (block) (loop)) (func (block) (block))", InstrumentError::TooManyBlocksPerModule),
        ("(func (param i32 i32 i32))", InstrumentError::TooManyParamsPerFunction),
        ("(func (param i32 i32)) (func (param i32 i32))", InstrumentError::TooManyParamsPerModule),
        (
            "(func (i64.const 1) (i64.const 1) (i32.const 1) drop drop drop)",
            InstrumentError::OperandStackTooLarge,
        ),
        (r#"(import "env" "g" (global i32))"#, InstrumentError::Rewrite),
    ] {
        assert_eq!(meter(&format!("(module {fields})")), Err(error), "{fields}");
    }
    assert_eq!(instrument(b"none", &schedule(), &limits()), Err(InstrumentError::Analysis));
}

#[test]
fn prices_that_could_overflow_are_refused() {
    let wasm = wat::parse_str("(module)").expect("valid text");
    for (linear_base, linear_unit) in [(u64::MAX, 1), (1, 1 << 40)] {
        let schedule = Schedule { linear_base, linear_unit, ..schedule() };
        assert_eq!(instrument(&wasm, &schedule, &limits()), Err(InstrumentError::Price));
    }
}
