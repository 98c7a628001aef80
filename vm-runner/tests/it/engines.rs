//! The engines beside each other, and beside what else is in the process.

use std::sync::Arc;

use gas_meter::instrument::Form;
use vm_runner::{Failure, ModuleCache, Run, Runner, VmKind, WasmTrap};

use crate::toy::{MEETING, Toy, ToyError, code, config, run, run_with, toy};

/// Every arithmetic operation, on each kind of NaN.
#[test]
fn nans_are_canonical() {
    const F32: u64 = 0x7fc0_0000;
    const F64: u64 = 0x7ff8_0000_0000_0000;
    let note32 =
        |value: String| format!("(call $note (i64.extend_i32_u (i32.reinterpret_f32 {value})))");
    let note64 = |value: String| format!("(call $note (i64.reinterpret_f64 {value}))");
    let mut notes = Vec::new();
    let mut expected = Vec::new();
    for nan in ["nan:0x200001", "-nan:0x400001", "nan:0x20beef", "-nan"] {
        let nan = format!("(f32.reinterpret_i32 (i32.reinterpret_f32 (f32.const {nan})))");
        for op in ["add", "sub", "mul", "div", "min", "max"] {
            notes.push(note32(format!("(f32.{op} {nan} (f32.const 1))")));
            notes.push(note32(format!("(f32.{op} (f32.const 1) {nan})")));
            notes.push(note32(format!("(f32.{op} {nan} {nan})")));
        }
        for op in ["sqrt", "ceil", "floor", "trunc", "nearest"] {
            notes.push(note32(format!("(f32.{op} {nan})")));
        }
    }
    for op in ["(f32.sqrt (f32.const -1))", "(f32.div (f32.const 0) (f32.const 0))"] {
        notes.push(note32(op.to_owned()));
    }
    expected.resize(notes.len(), F32);
    for nan in ["nan:0x4000000000001", "-nan:0x8000000000001", "nan:0x80000deadbeef", "-nan"] {
        let nan = format!("(f64.reinterpret_i64 (i64.reinterpret_f64 (f64.const {nan})))");
        for op in ["add", "sub", "mul", "div", "min", "max"] {
            notes.push(note64(format!("(f64.{op} {nan} (f64.const 1))")));
            notes.push(note64(format!("(f64.{op} (f64.const 1) {nan})")));
            notes.push(note64(format!("(f64.{op} {nan} {nan})")));
        }
        for op in ["sqrt", "ceil", "floor", "trunc", "nearest"] {
            notes.push(note64(format!("(f64.{op} {nan})")));
        }
        notes.push(note64(format!("(f64.promote_f32 (f32.demote_f64 {nan}))")));
    }
    for nan in ["nan:0x20beef", "-nan:0x400001"] {
        notes.push(note64(format!("(f64.promote_f32 (f32.const {nan}))")));
    }
    expected.resize(notes.len(), F64);
    for (notes, expected) in notes.chunks(50).zip(expected.chunks(50)) {
        let notes = notes.concat();
        let finished = run(&format!(
            r#"(module (import "env" "note" (func $note (param i64))) (func (export "main") {notes}))"#
        ));
        assert_eq!(finished.host.notes, expected, "{notes}");
    }
}

/// What engines take together with a `select`: tests of its condition, of a local and of what is on
/// the stack.
#[test]
fn a_select_decides_by_its_condition() {
    let selects = ["i32", "i64", "f32", "f64"].map(|ty| {
        let note = match ty {
            "i32" => "i64.extend_i32_u".to_owned(),
            "i64" => "i64.add (i64.const 0)".to_owned(),
            other => format!("i64.trunc_{other}_u"),
        };
        let select = |condition| {
            let typed = format!("(result {ty})");
            ["", &typed].map(|typed| {
                format!(
                    "(drop (i32.add (local.get $other) (i32.const 6)))
                    (call $note ({note} (select {typed} ({ty}.const 1) ({ty}.const 2) {condition})))"
                )
            })
        };
        [
            "(i32.eqz (local.get $zero))",
            "(i32.eq (local.get $zero) (i32.const 0))",
            "(i32.ne (local.get $other) (i32.const 0))",
            "(i32.eqz (i32.eqz (local.get $other)))",
            "(i32.eqz (local.get $zero)) nop",
            "(i32.eqz (local.get $zero)) local.get $other drop",
            "(i32.eqz (global.get $global))",
            "(i32.eqz (block (result i32) (call $nothing) (local.get $zero)))",
            "(i32.eqz (local.tee $zero (i32.load (i32.const 8))))",
            "(i64.eqz (i64.extend_i32_u (local.get $zero)))",
        ]
        .map(select)
        .as_flattened()
        .join("\n")
    });
    for selects in selects {
        let notes = run(&format!(
            r#"(module (import "env" "note" (func $note (param i64))) (func $nothing) (memory 1)
            (global $global (mut i32) (i32.const 0))
            (func (export "main") (local $zero i32) (local $other i32)
                (local.set $other (i32.const 7)) {selects}))"#
        ));
        assert_eq!(notes.end, Ok(()));
        assert_eq!(notes.host.notes, [1; 20], "{selects}");
    }
}

/// Each kind of end, by a trap or otherwise, and the module for it.
fn ends() -> Vec<(Result<(), Failure<ToyError>>, &'static str)> {
    let trap = |trap| Err(Failure::Trap(trap));
    vec![
        (Ok(()), "nop"),
        (trap(WasmTrap::Unreachable), "unreachable"),
        (trap(WasmTrap::IllegalArithmetic), "(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
        (trap(WasmTrap::MemoryOutOfBounds), "(drop (i32.load (i32.const -1)))"),
        (trap(WasmTrap::TableOutOfBounds), "(call_indirect (type $none) (i32.const 4))"),
        (trap(WasmTrap::IndirectCallToNull), "(call_indirect (type $none) (i32.const 1))"),
        (
            trap(WasmTrap::IncorrectCallIndirectSignature),
            "(call_indirect (type $one) (i32.const 0) (i32.const 0))",
        ),
        (Err(Failure::Host(ToyError::Stack)), "(call $main)"),
        (Err(Failure::Host(ToyError::Refused)), "(drop (call $refuse))"),
        (Err(Failure::Host(ToyError::OutOfGas)), "(loop (br 0))"),
    ]
}

/// A runner on each engine, with room for all modules of [`ends`].
pub(crate) fn all_runners() -> Vec<Runner<Toy>> {
    let config = Arc::new(config());
    let cache = Arc::new(ModuleCache::new(64 << 20));
    let runner = |vm: &VmKind| Runner::new(vm.vm(), Arc::clone(&cache), Arc::clone(&config));
    VmKind::ALL.iter().map(runner).collect()
}

/// Runs each module of [`ends`] on all engines in turn, `rounds` times.
pub(crate) fn end_in_every_way(runners: &[Runner<Toy>], rounds: usize) {
    let ends = ends().into_iter().map(|(end, body)| {
        let wat = format!(
            r#"(module (import "env" "refuse" (func $refuse (result i64)))
                (memory 1) (table 4 funcref) (elem (i32.const 0) $main)
                (type $none (func)) (type $one (func (param i32)))
                (func $main (export "main") {body}))"#
        );
        (code(&wat), end, body)
    });
    let ends: Vec<_> = ends.collect();
    for _ in 0..rounds {
        for (code, end, body) in &ends {
            for runner in runners {
                let finished = runner.run(code, "main", toy(1_000_000)).unwrap();
                assert_eq!(&finished.end, end, "{body} on {runner:?}");
            }
        }
    }
}

#[test]
fn traps_of_all_engines_alternate_on_many_threads() {
    let runners = all_runners();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| end_in_every_way(&runners, 10));
        }
    });
}

/// What an engine needs of stack is not the caller's.
#[test]
fn a_thread_with_a_small_stack_can_call() {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let run = || end_in_every_way(&all_runners(), 1);
    thread.spawn(run).unwrap().join().unwrap();
}

/// More calls at a time than any pool of instances has places.
#[test]
fn calls_beyond_the_pool_succeed() {
    let wat = r#"(module (import "env" "meet" (func $meet)) (memory 1)
        (func (export "main") (i32.store (i32.const 0) (i32.const 1)) (call $meet)))"#;
    let code = code(wat);
    for runner in all_runners() {
        std::thread::scope(|scope| {
            for _ in 0..MEETING {
                scope.spawn(|| {
                    let finished = runner.run(&code, "main", toy(1_000)).unwrap();
                    assert_eq!(finished.end, Ok(()));
                });
            }
        });
    }
}

/// Whether a table fits places that were made in advance is not the guest's business.
#[test]
fn a_table_grows_as_far_as_the_limit_says() {
    let wat = r#"(module (import "env" "note" (func $note (param i64))) (table 1 funcref)
        (func (export "main")
            (call $note (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 29998))))
            (call $note (i64.extend_i32_s (table.grow 0 (ref.null func) (i32.const 2))))
            (table.set 0 (i32.const 29998) (ref.null func))))"#;
    let mut config = config();
    config.limits.table_elements = Some(30_000);
    let finished = run_with(&config, wat, "main", 1_000_000_000);
    assert_eq!((finished.end, finished.host.notes), (Ok(()), vec![1, u64::MAX]));
}

#[test]
#[allow(unsafe_code, reason = "machine code that was written down is loaded")]
fn a_module_that_was_written_down_runs_as_before() {
    for (wat, end) in [
        (r#"(module (func (export "main") nop))"#, Ok(())),
        (
            r#"(module (start $f) (func $f unreachable) (func (export "main")))"#,
            Err(Failure::Trap(WasmTrap::Unreachable)),
        ),
        // Too large for places that are made in advance.
        (r#"(module (table 20000 funcref) (func (export "main")))"#, Ok(())),
    ] {
        let mut config = config();
        config.limits.table_elements = Some(30_000);
        let wasm = wat::parse_str(wat).unwrap();
        let prepared = vm_runner::prepare(&wasm, &config, Form::Stepwise).unwrap();
        for kind in VmKind::ALL {
            let vm = kind.vm::<Toy>();
            let artifact = vm.compile(&prepared, Vec::new()).unwrap().unwrap().artifact().unwrap();
            // SAFETY: it was written by this engine.
            let loaded = unsafe { vm.load(&artifact, Vec::new()) }.unwrap().unwrap();
            assert_eq!(loaded.artifact().unwrap(), artifact, "{kind}");
            for _ in 0..2 {
                let Run::Finished(finished) = loaded.run("main", toy(1_000)).unwrap() else {
                    panic!("{kind}: {wat}");
                };
                assert_eq!(finished.end, end, "{kind}: {wat}");
            }
        }
    }
}
