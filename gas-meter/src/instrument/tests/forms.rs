//! How charges are written down.

use expect_test::{Expect, expect};

use super::super::wasmparser::{ExternalKind, Parser, Payload, Validator};
use super::*;

fn meter(text: &str, limits: &Limits, form: Form) -> Result<Vec<u8>, InstrumentError> {
    let metered = instrument(&code(text), &prices(), limits, form)?.wasm;
    Validator::new().validate_all(&metered).expect("a metered module is valid");
    Ok(metered)
}

/// The metered text of one function.
fn check(function: &str, form: Form, expected: &Expect) {
    let text = format!("(module (memory 1) {function})");
    let metered = meter(&text, &unlimited(), form).expect("it can be metered");
    let printed = wasmprinter::print_bytes(&metered).expect("a valid module");
    let start = printed.find("  (func").expect("a function");
    let end = printed.rfind(')').expect("the module's end");
    let lines = printed[start..end].lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    expected.assert_eq(&lines.fold(String::new(), |text, line| text + line + "\n"));
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
    let text = r#"(module (import "env" "f" (func)) (import "env" "g" (global i32))
        (global i32 (i32.const 1)) (func (export "main")) (start 1))"#;
    let metered = meter(text, &limits(), Form::Merged).expect("within limits");
    assert_eq!(
        exports(&metered),
        [
            ("main".to_owned(), ExternalKind::Func, 1),
            (abi::REMAINING_GAS.to_owned(), ExternalKind::Global, 2),
            (abi::START.to_owned(), ExternalKind::Func, 1),
            (abi::REMAINING_STACK.to_owned(), ExternalKind::Global, 3),
            (abi::INEXACT.to_owned(), ExternalKind::Global, 4),
        ]
    );
}

#[test]
fn sections_that_would_bypass_the_meter_or_only_describe_are_gone() {
    let text = r#"(module (@custom "note" "x") (func $named) (start $named))"#;
    let metered = meter(text, &limits(), Form::Merged).expect("within limits");
    for payload in Parser::new(0).parse_all(&metered) {
        let payload = payload.expect("valid");
        assert!(!matches!(payload, Payload::StartSection { .. } | Payload::CustomSection(_)));
    }
}

#[test]
fn each_kind_of_body_stays_valid() {
    for form in [Form::Merged, Form::Stepwise] {
        for body in [
            "(func (result i64) (return (i64.const 1)))",
            "(func (result f32) (block (result f32) (br 1 (f32.const 1))))",
            "(func (param i32) (br_table 0 0 (local.get 0)))",
            "(func (unreachable) (drop (i32.add)))",
            "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 1)))",
            "(memory 1) (func unreachable (memory.copy) (drop (memory.grow)))",
            "(table 1 funcref) (func (drop (table.grow 0 (ref.null func) (i32.const 1))))",
            "(func (result funcref) (ref.null func))",
            "(func (result i32 i64) (return (i32.const 1) (i64.const 2)))",
            "(func (param i32) (result i32) (br_if 0 (i32.const 1) (local.get 0)))",
        ] {
            meter(&format!("(module {body})"), &unlimited(), form).expect(body);
        }
    }
}

#[test]
fn what_cannot_be_metered_is_refused_with_its_place() {
    for (fields, rule, offset) in [
        (r#"(func (export "start"))"#, Rule::ReservedExport, 21),
        ("(func (block) (block) (block) (block))", Rule::TooManyBlocksPerFunction, 22),
        ("(func (block) (loop)) (func (loop) (block) (block))", Rule::TooManyBlocksPerModule, 32),
        ("(func (param i32 i32 i32))", Rule::TooManyParamsPerFunction, 25),
        ("(func (param i32 i32)) (func (param i32 i32))", Rule::TooManyParamsPerModule, 28),
        (
            "(func (i64.const 1) (i64.const 1) (i32.const 1) drop drop drop)",
            Rule::OperandStackTooLarge,
            22,
        ),
        ("(func (drop (v128.const i64x2 0 0)))", Rule::UnsupportedOperator, 23),
        ("(func (param v128))", Rule::UnsupportedType, 10),
        ("(func $f (return_call $f))", Rule::UnsupportedOperator, 23),
        ("(memory i64 1)", Rule::UnsupportedType, 11),
        ("(tag)", Rule::UnsupportedSection, 16),
    ] {
        let refused = meter(&format!("(module {fields})"), &limits(), Form::Merged);
        assert_eq!(refused, Err(InstrumentError { rule, offset }), "{fields}");
    }
    let refused = instrument(b"none", &prices(), &limits(), Form::Merged);
    assert_eq!(refused, Err(InstrumentError { rule: Rule::Malformed, offset: 0 }));
}

#[test]
fn stepwise_each_charge_is_made_and_tested_where_it_is_due() {
    check(
        "(func (drop (i32.load (i32.const 0))))",
        Form::Stepwise,
        &expect![[r"
            (func (;0;) (type 0)
              (local i64)
              global.get 1
              i64.const 68
              i64.sub
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i64.const -1
                global.set 1
                unreachable
              end
              global.get 0
              i64.const 8
              i64.sub
              local.tee 0
              global.set 0
              local.get 0
              i64.const 0
              i64.lt_s
              if ;; label = @1
                unreachable
              end
              global.get 0
              i64.const 2
              i64.sub
              local.tee 0
              global.set 0
              local.get 0
              i64.const 0
              i64.lt_s
              if ;; label = @1
                unreachable
              end
              i32.const 0
              i32.load
              global.get 0
              i64.const 1
              i64.sub
              local.tee 0
              global.set 0
              local.get 0
              i64.const 0
              i64.lt_s
              if ;; label = @1
                unreachable
              end
              drop
            )
        "]],
    );
}

#[test]
fn merged_a_small_leaf_pays_once() {
    check(
        "(func (drop (i32.load (i32.const 0))))",
        Form::Merged,
        &expect![[r"
            (func (;0;) (type 0)
              global.get 1
              i64.const 68
              i64.sub
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i64.const -1
                global.set 1
                i32.const 1
                global.set 2
                unreachable
              end
              i32.const 0
              i32.load
              drop
              global.get 0
              i64.const 11
              i64.sub
              global.set 0
            )
        "]],
    );
}

#[test]
fn merged_a_counted_loop_is_paid_in_front() {
    let text = "(func (param i32)
        (loop (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const -1))))))";
    check(
        text,
        Form::Merged,
        &expect![[r"
            (func (;0;) (type 0) (param i32)
              (local i64)
              global.get 1
              i64.const 76
              i64.sub
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i64.const -1
                global.set 1
                i32.const 1
                global.set 2
                unreachable
              end
              global.get 0
              local.get 0
              i32.const 0
              i32.sub
              i32.const 1
              i32.sub
              i64.extend_i32_u
              i64.const 1
              i64.add
              i64.const 6
              i64.mul
              i64.sub
              local.tee 1
              global.set 0
              local.get 1
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i32.const 1
                global.set 2
                unreachable
              end
              loop ;; label = @1
                local.get 0
                i32.const -1
                i32.add
                local.tee 0
                br_if 0 (;@1;)
              end
              global.get 0
              i64.const 9
              i64.sub
              global.set 0
            )
        "]],
    );
}

#[test]
fn merged_only_the_way_that_branches_pays_the_difference() {
    let text = "(func (param i32) (block
        (br_if 0 (local.get 0)) nop nop (br_if 0 (local.get 0)) nop) nop)";
    check(
        text,
        Form::Merged,
        &expect![[r"
            (func (;0;) (type 0) (param i32)
              global.get 1
              i64.const 72
              i64.sub
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i64.const -1
                global.set 1
                i32.const 1
                global.set 2
                unreachable
              end
              block ;; label = @1
                local.get 0
                br_if 0 (;@1;)
                nop
                nop
                local.get 0
                if ;; label = @2
                  global.get 0
                  i64.const 4
                  i64.sub
                  global.set 0
                  br 1 (;@1;)
                end
                nop
                global.get 0
                i64.const 5
                i64.sub
                global.set 0
              end
              nop
              global.get 0
              i64.const 12
              i64.sub
              global.set 0
            )
        "]],
    );
}

#[test]
fn merged_other_loops_pay_on_their_way_back() {
    let text = "(func (param i32) (block (loop
        (br_if 1 (i32.load8_u (local.get 0)))
        (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0))))";
    check(
        text,
        Form::Merged,
        &expect![[r"
            (func (;0;) (type 0) (param i32)
              (local i64)
              global.get 1
              i64.const 76
              i64.sub
              global.get 0
              local.tee 1
              i64.or
              i64.const 0
              i64.lt_s
              if ;; label = @1
                i64.const -1
                global.set 1
                i32.const 1
                global.set 2
                unreachable
              end
              block ;; label = @1
                loop ;; label = @2
                  local.get 0
                  i32.load8_u
                  br_if 1 (;@1;)
                  local.get 0
                  i32.const 1
                  i32.add
                  local.set 0
                  local.get 1
                  i64.const 9
                  i64.sub
                  local.tee 1
                  i64.const 0
                  i64.lt_s
                  if ;; label = @3
                    local.get 1
                    global.set 0
                    unreachable
                  end
                  br 0 (;@2;)
                end
              end
              local.get 1
              i64.const 13
              i64.sub
              global.set 0
            )
        "]],
    );
}
