//! The fixtures that need few host functions, and modules written for what random ones rarely do.

use std::collections::BTreeSet;

use fixtures::Rng;

use super::Pair;
use super::host::IMPORTS;
use crate::rules::OP;

/// Gas for two hundred thousand instructions.
const GAS: u64 = 200_000 * OP;

/// How many random amounts of gas each entry is tried with.
const LIMITS: u64 = 4;

#[test]
fn fixtures_cost_what_their_instructions_do() {
    let pair = Pair::new(262_144);
    let mut random = Rng::new(1);
    let mut run = BTreeSet::new();
    for module in fixtures::ALL {
        let Some(loaded) = pair.load(&module.code()) else { continue };
        let methods: BTreeSet<_> = module.cases.iter().map(|case| case.method).collect();
        for method in methods.into_iter().filter(|method| loaded.has(method)) {
            run.insert(module.name);
            let burnt = loaded.agree(method, GAS).burnt;
            for _ in 0..LIMITS {
                loaded.agree(method, random.below(burnt));
            }
        }
    }
    let known = ["bulk", "data_out_of_bounds", "entries", "limits", "no_memory", "numbers"];
    let known = known.into_iter().chain(["start_traps", "traps"]).collect();
    assert_eq!(run, known);
}

/// Each of these modules with each amount of gas that ends at or just before an instruction.
#[test]
fn gas_may_run_out_at_every_instruction() {
    let pair = Pair::new(2_000);
    for body in BODIES {
        let text = format!("(module {IMPORTS} {COMMON} {body})");
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{body}: {error}"));
        let loaded = pair.load(&wasm).unwrap_or_else(|| panic!("{body} is refused"));
        let whole = loaded.agree("main", GAS);
        for instructions in 0..=(whole.burnt / OP).min(400) {
            loaded.agree("main", instructions * OP);
            loaded.agree("main", (instructions * OP + OP - 1).min(whole.burnt));
        }
    }
}

/// What the bodies work with.
const COMMON: &str = r#"
    (memory 1)
    (data $passive "0123456789")
    (table 5 funcref)
    (elem (i32.const 0) $nothing $one $other)
    (elem $passive funcref (ref.func $one) (ref.null func))
    (type $none (func))
    (type $number (func (result i32)))
    (global $count (mut i32) (i32.const 0))
    (func $nothing)
    (func $one (result i32) (i32.const 1))
    (func $other (param i64 f64) (local i32) (call $note (local.get 0)))"#;

const BODIES: &[&str] = &[
    // Straight, without and with a host call.
    r#"(func (export "main"))"#,
    r#"(func (export "main") (local i64 i64 f32) nop nop (drop (i32.const 1)))"#,
    r#"(func (export "main") (call $note (i64.const 1)) nop (call $note (call $burnt)))"#,
    // Conditions, with and without the other branch, taken and not.
    r#"(func (export "main")
        (if (global.get $count) (then nop nop nop))
        (if (i32.eqz (global.get $count)) (then (call $note (call $burnt))))
        (if (global.get $count) (then nop) (else nop nop (call $note (call $burnt))))
        (drop (if (result i32) (i32.const 1) (then (i32.const 1)) (else nop (i32.const 2))))
        (call $note (call $burnt)))"#,
    // Blocks that are left early, and code that cannot be reached.
    r#"(func (export "main")
        (block $out (block $in (br_if $in (i32.const 0)) nop (br $out) nop nop) nop nop)
        (block $out (br_table 0 $out 0 (i32.const 7)) (drop (i32.add (i32.const 1) (i32.const 2))))
        (block (loop (br 1) nop))
        (call $note (call $burnt)))"#,
    r#"(func (export "main")
        (block (return) (loop (br 0)))
        unreachable)"#,
    // Loops: each iteration pays for the loop, and one that is not repeated pays once.
    r#"(func (export "main")
        (loop $again
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (loop $never nop)
            (br_if $again (i32.lt_u (global.get $count) (i32.const 5)))
            (call $note (call $burnt))))"#,
    r#"(func (export "main") (local $i i32)
        (loop $outer
            (loop $inner
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $outer (i32.eq (local.get $i) (i32.const 2)))
                (br_if $inner (i32.rem_u (local.get $i) (i32.const 3))))
            (br_if $outer (i32.lt_u (local.get $i) (i32.const 8)))))"#,
    // Traps in the midst of what is charged at once.
    r#"(func (export "main") nop nop (drop (i32.div_u (i32.const 1) (global.get $count))) nop nop)"#,
    r#"(func (export "main") nop (drop (i32.load (i32.const -1))) nop nop (call $note (i64.const 1)))"#,
    r#"(func (export "main") nop (i64.store (i32.const -1) (i64.const 1)) nop nop)"#,
    r#"(func (export "main") nop (drop (i64.trunc_f64_s (f64.const nan))) nop nop)"#,
    r#"(func (export "main") (call_indirect (type $none) (i32.const 4)) nop nop)"#,
    r#"(func (export "main") (call_indirect (type $none) (i32.const 9)) nop nop)"#,
    r#"(func (export "main") (call_indirect (type $none) (i32.const 1)) nop nop)"#,
    r#"(func (export "main") (call_indirect (type $none) (i32.const 0)) nop
        (drop (call_indirect (type $number) (i32.const 1))) unreachable)"#,
    r#"(func (export "main") nop nop (call $refuse (i32.const 3)) nop (call $refuse (i32.const 4)))"#,
    // What is charged by the unit, in bounds and not.
    r#"(func (export "main")
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 3))
        (memory.copy (i32.const 8) (i32.const 0) (i32.const 2))
        (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 4))
        (data.drop $passive)
        (drop (memory.grow (i32.const 1)))
        (drop (memory.grow (i32.const 100)))
        (call $note (call $burnt))
        (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 1)))"#,
    r#"(func (export "main")
        (table.init $passive (i32.const 3) (i32.const 0) (i32.const 1))
        (elem.drop $passive)
        (table.copy (i32.const 4) (i32.const 0) (i32.const 1))
        (table.fill (i32.const 0) (ref.null func) (i32.const 2))
        (table.set (i32.const 1) (ref.func $one))
        (drop (ref.is_null (table.get (i32.const 0))))
        (drop (table.grow (ref.null func) (i32.const 2)))
        (drop (table.grow (ref.null func) (i32.const 1000)))
        (drop (table.size))
        (call $note (call $burnt))
        (drop (table.get (i32.const 100))))"#,
    r#"(func (export "main") (memory.copy (i32.const 0) (i32.const 0) (i32.const -1)))"#,
    r#"(func (export "main") (memory.fill (i32.const -1) (i32.const 0) (i32.const 2)) nop)"#,
    // Calls, deep and too deep, and what comes first when gas and stack run out at once.
    r#"(func (export "main") (call $other (i64.const 5) (f64.const 1))
        (call_indirect (param i64 f64) (i64.const 5) (f64.const 1) (i32.const 2)))"#,
    r#"(func $deep (export "main") (local i64 i64) nop (call $deep) nop)"#,
    r#"(func $deep (param i32) (local i64)
            (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (call $note (call $burnt)))
        (func (export "main") (call $deep (i32.const 6)) (call $deep (i32.const 7)))"#,
    // Loops that could be paid for in front, and such that only look like it: the bound changes, the
    // counter is set twice, or by a loop within, the step misses the bound, a trap comes first.
    r#"(func (export "main") (local i32 i32)
        (local.set 1 (i32.const 3))
        (loop (local.set 1 (i32.const 6)) (br_if 0 (i32.ne (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (local.get 1)))))"#,
    r#"(func (export "main") (local i32 i32)
        (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) nop
            (br_if 0 (i32.ne (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 8)))))"#,
    r#"(func (export "main") (local i32 i32)
        (loop
            (local.set 1 (i32.const 2))
            (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if 0 (local.tee 1 (i32.add (local.get 1) (i32.const -1)))))
            (br_if 0 (i32.ne (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9)))))"#,
    r#"(func (export "main") (local i32 i32)
        (loop nop (br_if 0 (i32.ne (local.get 1) (local.tee 0 (i32.add (local.get 0) (i32.const -1)))))))"#,
    r#"(func (export "main") (local i32 i32)
        (local.set 0 (i32.const 1)) (loop nop nop (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const -2))))))"#,
    r#"(func (export "main") (local i32 i32)
        (local.set 0 (i32.const -12))
        (loop (drop (i32.div_u (i32.const 1) (i32.add (local.get 0) (i32.const 5)))) nop
            (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 4)))))
        (call $note (call $burnt)))"#,
    r#"(func (export "main") (local i32 i32)
        (local.set 0 (i32.const -12))
        (loop (drop (i32.div_u (i32.const 1) (i32.add (local.get 0) (i32.const 8)))) nop
            (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 4))))))"#,
    r#"(func (export "main") (local i32 i32)
        (loop nop (br_if 0 (i32.ne (i32.const 0) (local.tee 0 (i32.add (local.get 0) (i32.const 0x80000000)))))) (call $note (call $burnt)))"#,
    r#"(func (export "main") (local i32 i32)
        (local.set 0 (i32.const -9))
        (loop
            (local.set 1 (i32.const 4))
            (loop nop (br_if 0 (local.tee 1 (i32.add (local.get 1) (i32.const -1)))))
            (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 3)))))
        (call $note (call $burnt)))"#,
    r#"(func (export "main") (local i32 i32)
        (local.set 0 (i32.const -8))
        (loop (memory.fill (i32.const 0) (i32.const 0) (local.get 0)) (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 1))))))"#,
    // Every way out of a function gives its stack back.
    r#"(func $callee (param i32) (local i64 i64 i64)
            (if (i32.eq (local.get 0) (i32.const 0)) (then (return)))
            (if (i32.eq (local.get 0) (i32.const 1)) (then (block (br 2))))
            (br_if 0 (i32.eq (local.get 0) (i32.const 2)))
            (block (br_table 0 1 (i32.sub (local.get 0) (i32.const 3))))
            nop)
        (func (export "main") (local i32)
            (loop $again
                (call $callee (i32.rem_u (local.get 0) (i32.const 5)))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get 0) (i32.const 200)))))"#,
    r#"(func $callee (param i32) (result i64) (local i64 i64 i64)
            (if (i32.eq (local.get 0) (i32.const 0)) (then (return (i64.const 1))))
            (if (i32.eq (local.get 0) (i32.const 1)) (then (block (br 2 (i64.const 1)))))
            (br_if 0 (i64.const 1) (i32.eq (local.get 0) (i32.const 2)))
            drop
            (block (result i64) (br_table 0 1 (i64.const 1) (i32.sub (local.get 0) (i32.const 3)))))
        (func (export "main") (local i32)
            (loop $again
                (drop (call $callee (i32.rem_u (local.get 0) (i32.const 5))))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get 0) (i32.const 200)))))"#,
    // The index of an indirect call counts as an operand until its block ends.
    r#"(func $deep (param i32)
            (drop (call_indirect (type $number) (i32.const 1)))
            (drop (call_indirect (type $number) (i32.const 1)))
            (drop (i64.add (i64.const 1) (i64.const 2)))
            (block (drop (call_indirect (type $number) (i32.const 1))))
            (call $deep (i32.const 0)))
        (func (export "main") (call $deep (i32.const 0)))"#,
    // The start function runs first.
    r#"(func $start nop (call $note (call $burnt)) (global.set $count (i32.const 5)))
        (start $start)
        (func (export "main") (call $note (i64.extend_i32_u (global.get $count))))"#,
    r#"(func $start nop unreachable) (start $start) (func (export "main") nop)"#,
    // Nothing is paid for a data segment, but it may not fit.
    r#"(data (i32.const 10) "twenty") (func (export "main") (drop (call $sum (i64.const 9) (i64.const 5))))"#,
];
