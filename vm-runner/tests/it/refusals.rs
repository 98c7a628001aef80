//! Modules that are refused before an engine sees them.

use gas_meter::instrument::Form;
use vm_runner::{Failure, LinkError, PrepareError};

use crate::toy::{config, end};

fn refused(fields: &str) -> PrepareError {
    match end(&format!("(module {fields})")) {
        Err(Failure::Prepare(error)) => error,
        other => panic!("{fields}: {other:?}"),
    }
}

#[test]
fn imports_of_the_wrong_kind() {
    for (import, error) in [
        (r#"(import "wasi" "fd_write" (func))"#, PrepareError::Instantiate),
        (r#"(import "internal" "gas" (func))"#, PrepareError::Instantiate),
        (r#"(import "env" "t" (table 1 funcref))"#, PrepareError::Instantiate),
        (r#"(import "env" "g" (global i32))"#, PrepareError::Instantiate),
        (r#"(import "env" "memory" (memory 1))"#, PrepareError::Memory),
    ] {
        assert_eq!(refused(import), error, "{import}");
    }
}

#[test]
fn proposals_that_are_off() {
    for fields in [
        "(memory 1) (memory 1)",
        "(memory i64 1)",
        "(func (result i32 i32) (i32.const 1) (i32.const 2))",
        "(func (drop (i32x4.splat (i32.const 1))))",
        "(func $f (return_call $f))",
        "(memory 1 1 shared)",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(func (param externref))",
        "(tag)",
    ] {
        assert_eq!(refused(fields), PrepareError::Deserialization, "{fields}");
    }
}

#[test]
fn limits() {
    let functions = "(func)".repeat(101);
    let types: String = (0..21).map(|_| "(type (func))").collect();
    let globals = "(global i32 (i32.const 0))".repeat(21);
    let locals = format!("(func (local {}))", "i32 ".repeat(10_001));
    let blocks = format!("(func {})", "(block)".repeat(201));
    let all_blocks = format!("(func {0}) (func {0})", "(block)".repeat(151));
    let params = format!("(func (param {}))", "i32 ".repeat(11));
    let all_params = format!("(func (param {}))", "i32 ".repeat(10)).repeat(6);
    let body = format!("(func {})", "nop ".repeat(10_001));
    let operands = format!("(func {} {})", "(i64.const 1)".repeat(129), "drop ".repeat(129));
    for (fields, error) in [
        (functions.as_str(), PrepareError::TooManyFunctions),
        (&types, PrepareError::TooManyTypes),
        (&globals, PrepareError::TooManyGlobals),
        (&locals, PrepareError::TooManyLocals),
        ("(table 1 funcref) (table 1 funcref)", PrepareError::TooManyTables),
        ("(table 101 funcref)", PrepareError::TooManyTableElements),
        (&blocks, PrepareError::TooManyBlocksPerFunction),
        (&all_blocks, PrepareError::TooManyBlocksPerContract),
        (&params, PrepareError::TooManyParamsPerFunction),
        (&all_params, PrepareError::TooManyParamsPerContract),
        (&body, PrepareError::FunctionBodyTooLarge),
        (&operands, PrepareError::OperandStackTooLarge),
    ] {
        assert_eq!(refused(fields), error, "{}", &fields[..fields.len().min(60)]);
    }
}

#[test]
fn locals_are_limited_by_the_size_of_the_code() {
    let wasm = wat::parse_str("(module (func (local i32 i32 i32 i32 i32 i32)))").unwrap();
    let mut config = config();
    config.limits.bytes_per_local = Some(10);
    assert_eq!(vm_runner::prepare(&wasm, &config, Form::Merged), Err(PrepareError::TooManyLocals));
    config.limits.bytes_per_local = Some(2);
    assert!(vm_runner::prepare(&wasm, &config, Form::Merged).is_ok());
}

#[test]
fn a_metered_module_that_is_too_large() {
    let wasm = wat::parse_str("(module (func nop) (func nop))").unwrap();
    let mut config = config();
    config.limits.instrumented_bytes = Some(50);
    assert_eq!(
        vm_runner::prepare(&wasm, &config, Form::Merged),
        Err(PrepareError::InstrumentedCodeTooLarge)
    );
}

#[test]
fn imports_that_do_not_exist_or_have_another_type() {
    let unknown = end(r#"(module (import "env" "nothing" (func)) (func (export "main")))"#);
    let expected =
        LinkError::UnknownImport { module: "env".to_owned(), name: "nothing".to_owned() };
    assert_eq!(unknown, Err(Failure::Link(expected)));
    let wrong = end(r#"(module (import "env" "note" (func (param i32))) (func (export "main")))"#);
    match wrong {
        Err(Failure::Link(error)) => assert_eq!(
            error.to_string(),
            "types incompatible: expected type `(func (param i32))`, \
             found type `(func (param i64))`"
        ),
        other => panic!("{other:?}"),
    }
}
