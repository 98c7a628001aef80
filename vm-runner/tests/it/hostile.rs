//! What an attacker would send.

use gas_meter::instrument::Form;
use vm_runner::{Failure, PrepareError, VmConfig, VmKind};

use crate::toy::{ToyError, code, config, end, run_code, run_with, runner_on, runners, toy};

/// The shapes whose machine frames are largest for what is metered of them.
#[test]
fn the_metered_stack_always_ends_before_the_machines() {
    let many_i32 = "(local i32) ".repeat(400);
    let operands = "(i32.const 1) ".repeat(200);
    let drops = "drop ".repeat(200);
    let spilled = format!("(call $main) {operands} (call $main) {drops}");
    let params: String = "(param i32)".repeat(10);
    let args = "(i32.const 1)".repeat(10);
    for body in [
        "(func $main (export \"main\") (call $main))".to_owned(),
        format!("(func $main (export \"main\") {many_i32} (call $main))"),
        format!("(func $main (export \"main\") {operands} (call $main) {drops})"),
        format!("(func $main (export \"main\") {spilled})"),
        format!("(func $f {params} (call $f {args})) (func (export \"main\") (call $f {args}))"),
        "(func $f (param f64) (result f64) (f64.add (f64.const 1) (call $f (local.get 0))))
         (func (export \"main\") (drop (call $f (f64.const 0))))"
            .to_owned(),
        "(table 1 funcref) (elem (i32.const 0) $main)
         (func $main (export \"main\") (call_indirect (i32.const 0)))"
            .to_owned(),
    ] {
        let wat = format!("(module {body})");
        assert_eq!(end(&wat), Err(Failure::Host(ToyError::Stack)), "{body}");
    }
}

/// Some compilers give each local a place in the frame, which is there before the metered stack is
/// looked at.
#[test]
fn the_most_locals_of_a_function_exhaust_the_metered_stack() {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, Module,
        TypeSection, ValType,
    };
    /// Engines accept 50,000, and metering adds a few.
    const LOCALS: u32 = 49_990;
    let mut config = config();
    config.limits.locals = None;
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("main", ExportKind::Func, 0);
    let mut body = Function::new([(LOCALS, ValType::I64)]);
    body.instruction(&Instruction::End);
    let mut bodies = CodeSection::new();
    bodies.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&bodies);
    let code = vm_runner::CodeBytes::new(module.finish());
    for vm in VmKind::ALL {
        let finished = runner_on(*vm, config.clone()).run(&code, "main", toy(1_000)).unwrap();
        let expected = match vm {
            // It numbers what a function keeps with 15 bits: `docs/differences.md`.
            VmKind::Wasmi => Failure::Compile,
            _ => Failure::Host(ToyError::Stack),
        };
        assert_eq!(finished.end, Err(expected), "{vm}");
    }
}

#[test]
fn the_stack_is_given_back_on_every_way_out() {
    let wat = r#"(module
        (func $fall (local i64))
        (func $ret (local i64) (return))
        (func $br (local i64) (br 0))
        (func $br_if (local i64) (br_if 0 (i32.const 1)) unreachable)
        (func $table (local i64) (block (br_table 1 0 (i32.const 0))) unreachable)
        (func $value (result i32) (local i64) (block (return (i32.const 1))) (i32.const 2))
        (func $deep (result i32) (loop (block (if (i32.const 1) (then (br 3 (i32.const 7))))))
            (i32.const 9))
        (func (export "main") (local $i i32)
            (loop $again
                (call $fall) (call $ret) (call $br) (call $br_if) (call $table)
                (drop (call $value)) (drop (call $deep))
                (br_if $again (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000))))))"#;
    assert_eq!(end(wat), Ok(()));
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\xff", b"\0asm\x0d\0\x01\0", &[0xff; 64]] {
        let code = vm_runner::CodeBytes::new(bytes);
        let finished = run_code(&config(), &code, "main", 1_000);
        assert_eq!(finished.end, Err(Failure::Prepare(PrepareError::Deserialization)));
    }
}

/// A module that is cut off is refused, but for the few cuts right behind a section that leave a
/// smaller module.
#[test]
fn truncated_modules_are_refused() {
    let wasm = fixtures::wasm("tiny");
    let accepted = (0..wasm.len())
        .filter(|len| vm_runner::prepare(&wasm[..*len], &wide(), Form::Merged).is_ok());
    assert!(accepted.count() < 20);
}

#[test]
fn a_module_can_neither_grow_nor_reach_beyond_the_limits() {
    let wat = r#"(module (import "env" "note" (func $note (param i64)))
        (memory 1) (table 1 funcref)
        (func (export "main")
            (call $note (i64.extend_i32_u (memory.size)))
            (call $note (i64.extend_i32_s (memory.grow (i32.const 5))))
            (call $note (i64.extend_i32_s (memory.grow (i32.const 4))))
            (call $note (i64.extend_i32_s (memory.grow (i32.const 1))))
            (call $note (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 100))))
            (call $note (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 99))))
            (call $note (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 1))))))"#;
    let notes = crate::toy::run(wat).host.notes;
    let no = u64::MAX;
    assert_eq!(notes, [4, no, 4, no, no, 1, no]);
}

#[test]
fn executions_on_many_threads_do_not_disturb_each_other() {
    let wat = r#"(module (import "env" "note" (func $note (param i64)))
        (func (export "main") (call $note (i64.const 3)) unreachable))"#;
    let code = code(wat);
    for runner in runners(&config()) {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let finished = runner.run(&code, "main", toy(1_000)).unwrap();
                        assert_eq!(finished.host.notes, [3]);
                        assert!(matches!(finished.end, Err(Failure::Trap(_))));
                    }
                });
            }
        });
    }
}

#[test]
fn an_endless_loop_ends_with_the_gas() {
    let wat = r#"(module (func (export "main") (loop (br 0))))"#;
    let finished = run_with(&config(), wat, "main", 10_000_000);
    assert_eq!(finished.end, Err(Failure::Host(ToyError::OutOfGas)));
}

/// Without limits on size, so that a fixture fits.
fn wide() -> VmConfig {
    let mut config = config();
    config.limits.functions = None;
    config.limits.types = None;
    config.limits.globals = None;
    config.limits.table_elements = None;
    config.limits.function_body_bytes = None;
    config.limits.metering.blocks_per_function = None;
    config.limits.metering.blocks_per_module = None;
    config.limits.metering.params_per_function = None;
    config.limits.metering.params_per_module = None;
    config
}
