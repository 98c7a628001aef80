//! Small modules that would be large once they are compiled or run, under NEAR's limits: each comes
//! to an end that all engines agree on, in bounded memory. How long each takes is printed. They have a
//! process of their own, because others measure memory too.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../it/toy.rs"]
mod toy;

use std::time::Instant;

use gas_meter::instrument::{Form, Limits};
use vm_runner::{Code, CodeBytes, Failure, ModuleLimits, PrepareError, VmConfig, VmKind, WasmTrap};

use crate::toy::{ToyError, code, config, runner_on, toy};

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;

type End = Result<(), Failure<ToyError>>;

/// What an attack may take. Most take a tenth of it; Cranelift is the greediest.
const MAX_BYTES: usize = 200_000_000;

/// A quarter of what a transaction on NEAR can spend on instructions, which cost one each here: an
/// interpreter takes a second for it.
const GAS: u64 = 100_000_000;

/// NEAR's longest contract, and a function that is almost as long as one may be.
const MAX_WASM_BYTES: usize = 4 << 20;
const FUNCTION_BYTES: usize = 190_000;

/// NEAR's limits at protocol version 88.
fn near() -> VmConfig {
    let limits = ModuleLimits {
        initial_memory_pages: 1_024,
        max_memory_pages: 2_048,
        functions: Some(10_000),
        locals: Some(1_000_000),
        bytes_per_local: Some(2),
        types: Some(1_024),
        globals: None,
        tables: Some(1),
        table_elements: Some(10_000),
        function_body_bytes: Some(196_608),
        instrumented_bytes: Some(16_777_216),
        metering: Limits {
            stack_bytes: 262_144,
            blocks_per_function: Some(5_000),
            blocks_per_module: Some(50_000),
            params_per_function: Some(64),
            params_per_module: Some(50_000),
            operand_stack_bytes_per_function: Some(8_192),
        },
    };
    VmConfig { limits, ..config() }
}

/// How `main` of a module ends on all engines.
fn end_of(code: &CodeBytes) -> End {
    same_end(code, |_| true)
}

/// wasmi counts registers in 16 bits: `docs/differences.md`.
const REGISTERS: &[&str] = &["wasmi"];

/// wasmtime has bounds of its own: `docs/differences.md`.
const WASMTIMES: &[&str] = &["cranelift", "winch"];

/// The same, but some engines refuse the module.
fn end_of_what_some_refuse(code: &CodeBytes, refusing: &[&str]) -> End {
    let refuses = |vm: VmKind| refusing.contains(&vm.name());
    for vm in VmKind::ALL.iter().filter(|vm| refuses(**vm)) {
        let end = runner_on(*vm, near()).run(code, "main", toy(GAS)).unwrap().end;
        assert_eq!(end, Err(Failure::Compile));
    }
    same_end(code, |vm| !refuses(vm))
}

fn same_end(code: &CodeBytes, chosen: impl Fn(VmKind) -> bool) -> End {
    let mut ends = VmKind::ALL.iter().filter(|vm| chosen(**vm)).map(|vm| {
        let (start, runner) = (Instant::now(), runner_on(*vm, near()));
        let (finished, bytes) =
            fixtures::memory::peak(|| runner.run(code, "main", toy(GAS)).unwrap());
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        eprintln!("{name} on {vm}: {:?}, {} MB", start.elapsed(), bytes >> 20);
        assert!(bytes < MAX_BYTES, "{name} takes {bytes} bytes on {vm}");
        (finished.end, finished.host.gas.burnt())
    });
    let first = ends.next().unwrap();
    for other in ends {
        assert_eq!(other, first);
    }
    first.0
}

/// How a module ends that has these fields beside an empty `main`.
fn end(fields: &str) -> End {
    end_of(&code(&format!(r#"(module {fields} (func (export "main")))"#)))
}

/// How a module ends whose `main` is this.
fn end_of_main(body: &str) -> End {
    end_of(&code(&format!(r#"(module (memory 1) (func (export "main") {body}))"#)))
}

/// About as many of `instructions` as a contract may have, in functions as long as they may be.
fn full_of(instructions: &str) -> CodeBytes {
    let of = |functions: &str| {
        let wat = format!(r#"(module (memory 1) (func $f) {functions} (func (export "main")))"#);
        code(&wat)
    };
    let size = |code: &CodeBytes| code.bytes().unwrap().len();
    let empty = size(&of("(func)"));
    let one = size(&of(&format!("(func {instructions})"))).saturating_sub(empty);
    let function = format!("(func {})", instructions.repeat(FUNCTION_BYTES.div_euclid(one)));
    let accepted = |code: &CodeBytes| {
        vm_runner::prepare(&code.bytes().unwrap(), &near(), Form::Merged).is_ok()
    };
    let most = MAX_WASM_BYTES.div_euclid(FUNCTION_BYTES);
    let counts = [most, 12, 7, 3, 1].into_iter();
    counts.map(|count| of(&function.repeat(count))).find(accepted).unwrap()
}

fn refused(error: PrepareError) -> End {
    Err(Failure::Prepare(error))
}

#[test]
fn functions() {
    assert_eq!(end(&"(func)".repeat(100_000)), refused(PrepareError::TooManyFunctions));
    assert_eq!(end(&"(func)".repeat(9_999)), Ok(()));
}

#[test]
fn imports() {
    let ping = r#"(import "env" "ping" (func))"#;
    assert_eq!(end(&ping.repeat(100_000)), refused(PrepareError::TooManyFunctions));
    assert_eq!(end(&ping.repeat(9_999)), Ok(()));
}

#[test]
fn types() {
    let types = |count| "(type (func))".repeat(count);
    assert_eq!(end(&types(100_000)), refused(PrepareError::TooManyTypes));
    assert_eq!(end(&types(1_023)), Ok(()));
}

#[test]
fn parameters() {
    let (many, most) = ("(func (param i64))".repeat(60_000), "(param i64)".repeat(64));
    assert_eq!(end(&many), refused(PrepareError::TooManyFunctions));
    assert_eq!(
        end(&format!("(func {most} (param i64))")),
        refused(PrepareError::TooManyParamsPerFunction)
    );
    let functions = |count| format!("(func {most})").repeat(count);
    assert_eq!(end(&functions(800)), refused(PrepareError::TooManyParamsPerContract));
    assert_eq!(end(&functions(780)), Ok(()));
}

/// NEAR has no limit on globals at this version: as many as fit into a contract.
#[test]
fn globals() {
    assert_eq!(end(&"(global i64 (i64.const 0))".repeat(100_000)), Ok(()));
    assert_eq!(end(&"(global i64 (i64.const 0))".repeat(800_000)), Ok(()));
}

#[test]
fn targets_of_a_branch_table() {
    let table = |targets| format!("(block (br_table {} (i32.const 0)))", "0 ".repeat(targets));
    assert_eq!(end_of_main(&table(65_520)), Ok(()));
    let many = code(&format!(r#"(module (func (export "main") {}))"#, table(100_000)));
    assert_eq!(end_of_what_some_refuse(&many, WASMTIMES), Ok(()));
    assert_eq!(end_of_main(&table(200_000)), refused(PrepareError::FunctionBodyTooLarge));
}

/// Each of the targets of each table is another block.
#[test]
fn targets_of_branch_tables_in_deep_blocks() {
    let targets: Vec<String> = (0..4_000).map(|depth: u32| depth.to_string()).collect();
    let targets = targets.join(" ");
    let tables = format!("(br_table {targets} (i32.const 7))").repeat(20);
    let (open, close) = ("(block ".repeat(4_000), ")".repeat(4_000));
    assert_eq!(end_of_main(&format!("{open} {tables} {close}")), Ok(()));
}

#[test]
fn nested_blocks() {
    for open in ["block ", "loop ", "i32.const 1 if "] {
        let nest = |depth| end_of_main(&format!("{} {}", open.repeat(depth), "end ".repeat(depth)));
        assert_eq!(nest(100_000), refused(PrepareError::FunctionBodyTooLarge), "{open}");
        assert_eq!(nest(30_000), refused(PrepareError::TooManyBlocksPerFunction), "{open}");
        assert_eq!(nest(4_990), Ok(()), "{open}");
    }
}

#[test]
fn blocks_in_all_functions() {
    let blocks = |count| format!("(func {})", "block end ".repeat(count));
    assert_eq!(end(&blocks(4_990).repeat(11)), refused(PrepareError::TooManyBlocksPerContract));
    assert_eq!(end(&blocks(4_500).repeat(10)), Ok(()));
}

/// The most locals that wasm allows take more than the metered stack; those that fit are all
/// cleared at each call.
#[test]
fn huge_frames() {
    let padding = "nop ".repeat(100_000);
    let calls = |locals: usize| {
        let locals = "(local i64)".repeat(locals);
        format!(
            r#"(func $f {locals} {padding}) (func (export "main") (local $i i32) (loop $again
                (call $f)
                (br_if $again (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))"#
        )
    };
    let module = |locals| code(&format!("(module {})", calls(locals)));
    assert_eq!(end_of_what_some_refuse(&module(32_700), REGISTERS), Ok(()));
    let exhausted = Err(Failure::Host(ToyError::Stack));
    assert_eq!(end_of_what_some_refuse(&module(49_998), REGISTERS), exhausted);
    // Metering needs two of them.
    assert_eq!(end_of(&module(50_000)), Err(Failure::Compile));
    assert_eq!(end_of(&module(50_001)), refused(PrepareError::Deserialization));
}

#[test]
fn locals_of_all_functions() {
    let function = format!("(func {} {})", "(local i64)".repeat(50_000), "nop ".repeat(2));
    assert_eq!(end(&function.repeat(10)), refused(PrepareError::TooManyLocals));
}

#[test]
fn deep_operand_stacks() {
    let deep = |depth: usize| format!("{} {}", "i64.const 1 ".repeat(depth), "drop ".repeat(depth));
    assert_eq!(end_of_main(&deep(50_000)), refused(PrepareError::OperandStackTooLarge));
    assert_eq!(end_of_main(&deep(1_000)), Ok(()));
}

#[test]
fn tables() {
    let grow = |by: u32| {
        let body = format!(
            "(loop (br_if 0 (i32.ne (i32.const -1)
                (table.grow 0 (ref.null func) (i32.const {by})))))"
        );
        end_of(&code(&format!(r#"(module (table 1 funcref) (func (export "main") {body}))"#)))
    };
    assert_eq!(end("(table 10000 funcref)"), Ok(()));
    assert_eq!(end("(table 10001 funcref)"), refused(PrepareError::TooManyTableElements));
    assert_eq!(end("(table 10000000 funcref)"), refused(PrepareError::TooManyTableElements));
    assert_eq!(grow(100), Ok(()));
    assert_eq!(grow(1_000_000), Ok(()));
    // Each element is paid for before anything grows.
    assert_eq!(grow(u32::MAX), Err(Failure::Host(ToyError::OutOfGas)));
}

#[test]
fn memory() {
    let grow = |by: u32| {
        end_of_main(&format!(
            "(loop (br_if 0 (i32.ne (i32.const -1) (memory.grow (i32.const {by})))))"
        ))
    };
    for by in [1, 1_000, 65_536] {
        assert_eq!(grow(by), Ok(()));
    }
    assert_eq!(grow(u32::MAX), Err(Failure::Host(ToyError::OutOfGas)));
}

#[test]
fn segments() {
    let empty = |count| r#"(data (i32.const 0) "")"#.repeat(count);
    assert_eq!(end(&format!("(memory 1) {}", empty(100_000))), Ok(()));
    assert_eq!(
        end(&format!("(memory 1) {}", empty(100_001))),
        refused(PrepareError::Deserialization)
    );
    let passive = r#"(data "x")"#.repeat(100_000);
    assert_eq!(end(&format!("(memory 1) {passive}")), Ok(()));
    let elements = "(elem (i32.const 0) func)".repeat(100_000);
    assert_eq!(end(&format!("(table 1 funcref) {elements}")), Ok(()));
    let many = format!("(elem func {})", "$f ".repeat(10_000));
    assert_eq!(end(&format!("(table 1 funcref) (func $f) {many}")), Ok(()));
}

/// Each on a page of its own, or nearly.
#[test]
fn scattered_data() {
    let segment = |number: u32| format!(r#"(data (i32.const {}) "x")"#, number * 600);
    let data: String = (0..99_000).map(segment).collect();
    assert_eq!(end(&format!("(memory 1) {data}")), Ok(()));
}

/// As many as a contract has room for: what wasmtime would compile code for.
#[test]
fn references_to_functions() {
    let end = |fields: &str| end(&format!("(func $f) (table 10000 funcref) {fields}"));
    let many = "$f ".repeat(1_000_000);
    assert_eq!(end(&format!("(elem func {many})")), Ok(()));
    let init = "(i32.const 0) (i32.const 990000) (i32.const 10000)";
    let used = format!("(elem $many func {many}) (func $g (table.init $many {init}))");
    assert_eq!(end(&used), Ok(()));
    assert_eq!(end(&"(elem func)".repeat(100_000)), Ok(()));
    let expressions = |count| "(ref.func $f) ".repeat(count);
    assert_eq!(end(&format!("(elem funcref {})", expressions(500_000))), Ok(()));
    let active = format!("(elem (i32.const 0) funcref {})", expressions(10_000)).repeat(50);
    assert_eq!(end(&active), Ok(()));
    let beyond = format!("(elem (i32.const 9999) func $f $f) (elem (i32.const 0) func {many})");
    assert_eq!(end(&beyond), Err(Failure::Trap(WasmTrap::TableOutOfBounds)));
    let fields = |count| format!("(table 1 funcref) (func $f) (elem func {})", "$f ".repeat(count));
    let more = code(&format!(r#"(module {} (func (export "main")))"#, fields(1_100_000)));
    assert_eq!(end_of_what_some_refuse(&more, WASMTIMES), Ok(()));
    let nulls = "(ref.func $f) (ref.null func)".repeat(100_001);
    let nulls = format!("(table 1 funcref) (func $f) (elem funcref {nulls})");
    let nulls = code(&format!(r#"(module {nulls} (func (export "main")))"#));
    assert_eq!(end_of_what_some_refuse(&nulls, WASMTIMES), Ok(()));
    for ty in ["funcref", "(mut funcref)"] {
        for value in ["ref.func $f", "ref.null func"] {
            assert_eq!(end(&format!("(global {ty} ({value}))").repeat(400_000)), Ok(()));
        }
    }
}

/// One that reaches beyond the memory traps, and no earlier one counts.
#[test]
fn segments_out_of_bounds() {
    let data = r#"(data (i32.const 0) "x")"#.repeat(10_000);
    let out = r#"(data (i32.const -1) "x")"#;
    let trap = Err(Failure::Trap(WasmTrap::MemoryOutOfBounds));
    assert_eq!(end(&format!("(memory 1) {data} {out}")), trap);
}

#[test]
fn exports() {
    let exports: Vec<String> =
        (0..200_000).map(|number| format!(r#"(export "{number}" (func 0))"#)).collect();
    assert_eq!(end(&exports.concat()), Ok(()));
    let long = format!(r#"(export "{}" (func 0))"#, "x".repeat(90_000));
    assert_eq!(end(&long), Ok(()));
}

#[test]
fn names_of_functions() {
    let names = format!(r#"(@custom "name" "{}")"#, "x".repeat(4_000_000));
    assert_eq!(end(&names), Ok(()));
}

#[test]
fn starts() {
    let start = |body: &str| end(&format!("(memory 1) (func $start {body}) (start $start)"));
    assert_eq!(start("unreachable"), Err(Failure::Trap(WasmTrap::Unreachable)));
    assert_eq!(start("(call $start)"), Err(Failure::Host(ToyError::Stack)));
    assert_eq!(start("(loop (br 0))"), Err(Failure::Host(ToyError::OutOfGas)));
    let load = "(drop (i32.load (i32.const -1)))";
    assert_eq!(start(load), Err(Failure::Trap(WasmTrap::MemoryOutOfBounds)));
    let divide = "(drop (i32.div_u (i32.const 1) (i32.const 0)))";
    assert_eq!(start(divide), Err(Failure::Trap(WasmTrap::IllegalArithmetic)));
}

/// Instructions that become the most machine code, about as many as NEAR accepts.
#[test]
fn contracts_full_of_one_instruction() {
    for instructions in ["(drop (i32.load (i32.const 0)))", "(call $f)"] {
        assert_eq!(end_of(&full_of(instructions)), Ok(()), "{instructions}");
    }
}
