//! Nothing of one call is visible to the next, whatever it did and however it ended.

use std::fmt::Write;
use std::sync::Arc;

use vm_runner::{CodeBytes, Failure, ModuleCache, Runner, VmFault, VmKind, WasmTrap};

use crate::toy::{Toy, ToyError, code, config, runners, toy};

/// How a call ends that wrote everything it could.
const ENDS: [&str; 9] =
    ["return", "unreachable", "outside", "divide", "null", "refuse", "burn", "recurse", "break"];

/// What a module has besides what [`module`] gives to all: declarations, what notes it, and what
/// changes it.
struct Parts {
    declared: String,
    noted: String,
    changed: String,
}

/// A module that notes all that its declarations hold in `look`, and writes over all of it in each
/// of [`ENDS`].
fn module(Parts { declared, noted, changed }: &Parts) -> CodeBytes {
    let mut entries = String::new();
    for (end, how) in ENDS.iter().zip([
        "nop",
        "unreachable",
        "(drop (i64.load (i32.const -8)))",
        "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        "(call_indirect $calls (i32.const 3))",
        "(drop (call $refuse))",
        "(loop $forever (br $forever))",
        "(call $recurse)",
        "(call $break)",
    ]) {
        let null = "(table.set $calls (i32.const 3) (ref.null func))";
        write!(entries, r#"(func (export "{end}") (call $change) {null} {how})"#).unwrap();
    }
    code(&format!(
        r#"(module
        (import "env" "note" (func $note (param i64)))
        (import "env" "refuse" (func $refuse (result i64)))
        (import "env" "break" (func $break))
        (type $none (func))
        (func $one (call $note (i64.const 1)))
        (func $two (call $note (i64.const 2)))
        (func $recurse (call $recurse))
        (table $calls 5 50 funcref) (elem (table $calls) (i32.const 1) func $one $two $one)
        {declared}
        (func (export "look") {noted})
        (func $change {changed})
        {entries})"#
    ))
}

/// Each way to end, after calls of the same instance and before another: the look is always that of
/// a new instance.
fn is_isolated(parts: &Parts) {
    let code = module(parts);
    for (runner, fresh) in runners(&config()).zip(runners(&config())) {
        let expected = look(&fresh, &code);
        assert!(!expected.is_empty());
        for end in ENDS.iter().chain(ENDS.iter().rev()) {
            ends_as_named(&runner, &code, end);
            assert_eq!(look(&runner, &code), expected, "after {end}");
            ends_as_named(&runner, &code, end);
            ends_as_named(&runner, &code, end);
            assert_eq!(look(&runner, &code), expected, "after {end} twice");
        }
    }
}

fn look(runner: &Runner<Toy>, code: &CodeBytes) -> Vec<u64> {
    let finished = runner.run(code, "look", toy(1 << 40)).unwrap();
    assert_eq!(finished.end, Ok(()));
    finished.host.notes
}

fn ends_as_named(runner: &Runner<Toy>, code: &CodeBytes, end: &str) {
    let finished = runner.run(code, end, toy(50_000_000));
    let expected = match end {
        "return" => Ok(()),
        "unreachable" => Err(Failure::Trap(WasmTrap::Unreachable)),
        "outside" => Err(Failure::Trap(WasmTrap::MemoryOutOfBounds)),
        "divide" => Err(Failure::Trap(WasmTrap::IllegalArithmetic)),
        "null" => Err(Failure::Trap(WasmTrap::IndirectCallToNull)),
        "refuse" => Err(Failure::Host(ToyError::Refused)),
        "burn" => Err(Failure::Host(ToyError::OutOfGas)),
        "recurse" => Err(Failure::Host(ToyError::Stack)),
        _ => return assert!(matches!(finished, Err(VmFault::Host(_))), "{end}"),
    };
    assert_eq!(finished.unwrap().end, expected, "{end}");
}

/// Notes the size of the memory, and a sum in which each 64-bit word counts by its place.
const NOTE_MEMORY: &str = r"(local $at i32) (local $sum i64)
    (call $note (i64.extend_i32_u (memory.size)))
    (loop $next
        (local.set $sum (i64.mul
            (i64.xor (local.get $sum) (i64.load (local.get $at)))
            (i64.const 0x9E3779B97F4A7C15)))
        (local.set $sum (i64.rotl (local.get $sum) (i64.const 23)))
        (br_if $next (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 8)))
            (i32.mul (memory.size) (i32.const 65536)))))
    (call $note (local.get $sum))";

const FILL_MEMORY: &str = "(memory.fill (i32.const 0) (i32.const 0xA5)
    (i32.mul (memory.size) (i32.const 65536)))";

#[test]
fn memory_with_data() {
    is_isolated(&Parts {
        declared: r#"(memory 1)
            (data (i32.const 0) "at the start") (data (i32.const 4090) "across two pages")
            (data (i32.const 4095) "over the one before") (data (i32.const 70000) "")
            (data (i32.const 262140) "last")"#
            .to_owned(),
        noted: NOTE_MEMORY.to_owned(),
        changed: FILL_MEMORY.to_owned(),
    });
}

#[test]
fn memory_that_grew() {
    is_isolated(&Parts {
        declared: r#"(memory 1) (data (i32.const 100000) "data")"#.to_owned(),
        noted: format!(
            "{NOTE_MEMORY} (drop (memory.grow (i32.const 4)))
            (local.set $at (i32.const 0)) (local.set $sum (i64.const 0)) {}",
            NOTE_MEMORY.split_once('\n').unwrap().1
        ),
        changed: format!("(drop (memory.grow (i32.const 3))) {FILL_MEMORY}"),
    });
}

#[test]
fn globals_of_all_types() {
    is_isolated(&Parts {
        declared: r"(memory 1)
            (global $i32 (mut i32) (i32.const -5)) (global $i64 (mut i64) (i64.const -6))
            (global $f32 (mut f32) (f32.const 0.5)) (global $f64 (mut f64) (f64.const -0.25))
            (global $fixed i64 (i64.const 77))
            (global $null (mut funcref) (ref.null func)) (global $f (mut funcref) (ref.func $one))"
            .to_owned(),
        noted: r"
            (call $note (i64.extend_i32_u (global.get $i32))) (call $note (global.get $i64))
            (call $note (i64.extend_i32_u (i32.reinterpret_f32 (global.get $f32))))
            (call $note (i64.reinterpret_f64 (global.get $f64))) (call $note (global.get $fixed))
            (call $note (i64.extend_i32_u (ref.is_null (global.get $null))))
            (table.set $calls (i32.const 0) (global.get $f))
            (call_indirect $calls (i32.const 0))"
            .to_owned(),
        changed: r"
            (global.set $i32 (i32.const 1)) (global.set $i64 (i64.const 2))
            (global.set $f32 (f32.const 3)) (global.set $f64 (f64.const 4))
            (global.set $null (ref.func $two)) (global.set $f (ref.func $two))"
            .to_owned(),
    });
}

/// Notes the size of the table, which elements are null, and what those at 1 to 3 do.
const NOTE_TABLE: &str = r"(local $at i32)
    (call $note (i64.extend_i32_u (table.size $calls)))
    (loop $next
        (call $note (i64.extend_i32_u (ref.is_null (table.get $calls (local.get $at)))))
        (br_if $next (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 1))) (table.size $calls))))
    (call_indirect $calls (i32.const 1)) (call_indirect $calls (i32.const 2))
    (call_indirect $calls (i32.const 3))";

#[test]
fn tables() {
    is_isolated(&Parts {
        declared: "(memory 1) (elem declare func $one)".to_owned(),
        noted: NOTE_TABLE.to_owned(),
        changed: r"(table.set $calls (i32.const 1) (ref.null func))
            (table.set $calls (i32.const 2) (ref.func $one))
            (table.fill $calls (i32.const 4) (ref.func $one) (i32.const 1))
            (table.copy (i32.const 0) (i32.const 2) (i32.const 1))"
            .to_owned(),
    });
}

#[test]
fn tables_that_grew() {
    is_isolated(&Parts {
        declared: "(memory 1)".to_owned(),
        noted: NOTE_TABLE.to_owned(),
        changed: r"(drop (table.grow $calls (ref.func $two) (i32.const 45)))
            (table.fill $calls (i32.const 0) (ref.func $two) (table.size $calls))"
            .to_owned(),
    });
}

#[test]
fn passive_segments() {
    is_isolated(&Parts {
        declared: r#"(memory 1) (data $words "passive") (elem $functions func $two $one)"#
            .to_owned(),
        noted: "(memory.init $words (i32.const 64) (i32.const 0) (i32.const 7))
            (call $note (i64.load (i32.const 64)))
            (table.init $calls $functions (i32.const 1) (i32.const 0) (i32.const 2))
            (call_indirect $calls (i32.const 1)) (call_indirect $calls (i32.const 2))"
            .to_owned(),
        changed: "(data.drop $words) (elem.drop $functions)".to_owned(),
    });
}

/// The start function finds a new instance too, and what it does is seen by the call only.
#[test]
fn the_start_function_runs_in_each_call() {
    is_isolated(&Parts {
        declared: r"(memory 1) (global $starts (mut i64) (i64.const 0))
            (func $start
                (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
                (global.set $starts (i64.add (global.get $starts) (i64.const 1))))
            (start $start)"
            .to_owned(),
        noted: "(call $note (global.get $starts)) (call $note (i64.load (i32.const 8)))".to_owned(),
        changed: format!("(global.set $starts (i64.const 9)) {FILL_MEMORY}"),
    });
}

/// Data on many pages, most of which it does not fill.
#[test]
fn scattered_data() {
    is_isolated(&Parts {
        declared: format!("(memory 1) {}", scattered(1 << 18)),
        noted: NOTE_MEMORY.to_owned(),
        changed: FILL_MEMORY.to_owned(),
    });
}

/// A byte of data on each page of so many bytes.
fn scattered(bytes: u32) -> String {
    (9..bytes).step_by(4096).fold(String::new(), |mut data, at| {
        write!(data, r#"(data (i32.const {at}) "x")"#).unwrap();
        data
    })
}

#[test]
fn a_call_that_panics_leaves_nothing() {
    let code = code(
        r#"(module
        (import "env" "note" (func $note (param i64))) (import "env" "bug" (func $bug))
        (memory 1) (global $g (mut i64) (i64.const 3))
        (func (export "panic") (global.set $g (i64.const 4))
            (i64.store (i32.const 8) (i64.const 5)) (call $bug))
        (func (export "look")
            (call $note (global.get $g)) (call $note (i64.load (i32.const 8)))))"#,
    );
    for runner in runners(&config()) {
        for _ in 0..3 {
            assert_eq!(look(&runner, &code), [3, 0]);
            let run = || runner.run(&code, "panic", toy(1_000));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
    }
}

/// Modules that could be called again do not keep what their calls took, nor what their data would
/// take in memories that wait.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn memory_of_calls_is_given_back() {
    const ALONE: &str = "ISOLATION_ALONE";
    const MODULES: u32 = 6;
    const BYTES: u32 = 1 << 25;
    // Other tests would be measured too.
    if std::env::var_os(ALONE).is_none() {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let test = "isolation::memory_of_calls_is_given_back";
        let ended = again.args(["--exact", test]).env(ALONE, "").output().unwrap();
        return assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    }
    let mut config = config();
    config.limits.initial_memory_pages = 1024;
    config.limits.max_memory_pages = 2048;
    for vm in VmKind::ALL {
        // None is dropped.
        let cache = Arc::new(ModuleCache::new(1 << 30));
        let runner = Runner::new(vm.vm(), cache, Arc::new(config.clone()));
        let run = |number: u32| {
            let data = if number.is_multiple_of(2) { scattered(BYTES) } else { String::new() };
            let code = code(&format!(
                r#"(module (memory 1) {data} (func (export "main")
                    (memory.fill (i32.const 0) (i32.const {number}) (i32.const {BYTES}))))"#
            ));
            for _ in 0..3 {
                assert_eq!(runner.run(&code, "main", toy(1 << 40)).unwrap().end, Ok(()));
            }
        };
        // A compiler keeps what it worked with, which the largest function decides: tens of
        // megabytes for data in so many places.
        (0..MODULES).for_each(run);
        let before = resident_bytes();
        (MODULES..2 * MODULES).for_each(run);
        let grown = resident_bytes().saturating_sub(before);
        // What a single call takes.
        assert!(grown < BYTES, "{vm}: {grown} bytes");
    }
}

/// Memory of the process without what the allocator keeps for later: it looks like a leak.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the system's allocator is asked")]
fn resident_bytes() -> u32 {
    // SAFETY: it only gives free memory back.
    unsafe { libc::malloc_trim(0) };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u32>().unwrap().saturating_mul(1024)
}

/// What metering counts with is new too: a call burns the same each time and after any other.
#[test]
fn gas_and_stack_are_those_of_the_call() {
    let code = code(
        r#"(module
        (func $deep (param i32)
            (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "deep") (call $deep (i32.const 2000)))
        (func $main (export "recurse") (call $main))
        (func (export "burn") (loop $forever (br $forever))))"#,
    );
    for runner in runners(&config()) {
        let burnt = || {
            let finished = runner.run(&code, "deep", toy(1 << 40)).unwrap();
            assert_eq!(finished.end, Ok(()));
            finished.host.gas.burnt()
        };
        let first = burnt();
        for entry in ["deep", "recurse", "burn", "recurse", "burn"] {
            let ended = runner.run(&code, entry, toy(1_000_000)).unwrap();
            assert_eq!(ended.end.is_ok(), entry == "deep");
            assert_eq!(burnt(), first, "after {entry}");
        }
    }
}

/// Calls at the same time have instances of their own, also where more come than are kept.
#[test]
fn threads_do_not_see_each_other() {
    let code = code(
        r#"(module
        (import "env" "note" (func $note (param i64)))
        (memory 1) (global $g (mut i64) (i64.const 3))
        (func (export "main") (local $i i32)
            (loop $again
                (global.set $g (i64.add (global.get $g) (i64.const 1)))
                (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
                (br_if $again (i32.lt_u
                    (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
            (call $note (global.get $g)) (call $note (i64.load (i32.const 8)))))"#,
    );
    for runner in runners(&config()) {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let finished = runner.run(&code, "main", toy(1 << 40)).unwrap();
                        assert_eq!(finished.host.notes, [1003, 1000]);
                    }
                });
            }
        });
    }
}
