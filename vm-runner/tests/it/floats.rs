//! NaNs: of all that WebAssembly leaves to the engine, only their bits could tell engines apart.

use crate::toy::run;

/// The canonical NaN.
const NAN32: u32 = 0x7fc0_0000;
const NAN64: u64 = 0x7ff8_0000_0000_0000;

/// Zeros, numbers, infinities, and NaNs: canonical, negative, signalling, with payloads.
const OPERANDS32: [u32; 16] = [
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbfc0_0000,
    1,
    0x7f7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    NAN32,
    0xffc0_0000,
    0x7fc1_2345,
    0xffde_adbe,
    0x7f80_0001,
    0xffa0_beef,
    0x7fff_ffff,
    0xffff_ffff,
];
const OPERANDS64: [u64; 16] = [
    0,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff8_0000_0000_0000,
    1,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    NAN64,
    0xfff8_0000_0000_0000,
    0x7ff8_0000_dead_beef,
    0xfffb_adc0_ffee_0000,
    0x7ff0_0000_0000_0001,
    0xfff4_dead_beef_0000,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// Operators that compute: their NaNs are canonical.
const UNARY: [&str; 5] = ["ceil", "floor", "trunc", "nearest", "sqrt"];
const BINARY: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];

/// Operators that only move or set bits, and what they make of a sign.
const SIGNS: [&str; 3] = ["abs", "neg", "copysign"];

const COMPARISONS: [&str; 6] = ["eq", "ne", "lt", "gt", "le", "ge"];

/// What the expressions give, on every engine: `value` is the type of a float, `bits` the integer
/// of its width. Operands come as parameters and as constants, which engines may compute with when
/// they compile.
fn results(value: &str, operands: &[u64], arity: usize, expression: &str) -> Vec<u64> {
    let bits = value.replace('f', "i");
    let operand = |operand: &str| format!("({value}.reinterpret_{bits} {operand})");
    let applied = |a: &str, b: &str| expression.replace('A', &operand(a)).replace('B', &operand(b));
    let note = |result: &str| {
        let widened = if bits == "i32" { "i64.extend_i32_u " } else { "" };
        if widened.is_empty() {
            format!("(call $note {result})")
        } else {
            format!("(call $note ({widened} {result}))")
        }
    };
    let function = applied("(local.get 0)", "(local.get 1)");
    let seconds = if arity == 1 { &operands[..1] } else { operands };
    let mut results = Vec::new();
    for first in operands {
        let calls: String = seconds
            .iter()
            .map(|second| {
                let [a, b] = [first, second].map(|bits_of| format!("({bits}.const {bits_of})"));
                note(&format!("(call $f {a} {b})")) + &note(&applied(&a, &b))
            })
            .collect();
        let wat = format!(
            r#"(module (import "env" "note" (func $note (param i64))) (memory 1)
                (func $f (param {bits} {bits}) (result {bits}) {function})
                (func (export "main") {calls}))"#
        );
        let finished = run(&wat);
        assert_eq!(finished.end, Ok(()), "{wat}");
        let [passed, constant]: [Vec<u64>; 2] =
            [0, 1].map(|from| finished.host.notes.iter().skip(from).step_by(2).copied().collect());
        assert_eq!(passed, constant, "{expression} of {first:x} and {seconds:x?}");
        results.extend(passed);
    }
    results
}

fn results32(arity: usize, expression: &str) -> Vec<u32> {
    let results = results("f32", &OPERANDS32.map(u64::from), arity, expression);
    results.into_iter().map(|bits| u32::try_from(bits).unwrap()).collect()
}

fn results64(arity: usize, expression: &str) -> Vec<u64> {
    results("f64", &OPERANDS64, arity, expression)
}

fn canonical32(results: &[u32], what: &str) {
    let nans = results.iter().filter(|bits| f32::from_bits(**bits).is_nan());
    assert!(nans.clone().count() > 0, "{what} gives NaNs");
    assert!(nans.into_iter().all(|bits| *bits == NAN32), "{what}: {results:x?}");
}

fn canonical64(results: &[u64], what: &str) {
    let nans = results.iter().filter(|bits| f64::from_bits(**bits).is_nan());
    assert!(nans.clone().count() > 0, "{what} gives NaNs");
    assert!(nans.into_iter().all(|bits| *bits == NAN64), "{what}: {results:x?}");
}

#[test]
fn operators_give_the_canonical_nan() {
    let unary = UNARY.map(|name| (name, 1, "A"));
    for (name, arity, operands) in unary.into_iter().chain(BINARY.map(|name| (name, 2, "A B"))) {
        let [f32, f64] = ["f32", "f64"].map(|ty| {
            let bits = ty.replace('f', "i");
            format!("({bits}.reinterpret_{ty} ({ty}.{name} {operands}))")
        });
        canonical32(&results32(arity, &f32), &f32);
        canonical64(&results64(arity, &f64), &f64);
    }
}

#[test]
fn promotion_and_demotion_give_the_canonical_nan() {
    let there_and_back = "(i32.reinterpret_f32 (f32.demote_f64 (f64.promote_f32 A)))";
    canonical32(&results32(1, there_and_back), there_and_back);
    let back_and_there = "(i64.reinterpret_f64 (f64.promote_f32 (f32.demote_f64 A)))";
    canonical64(&results64(1, back_and_there), back_and_there);
    let chained = "(i64.reinterpret_f64 (f64.sqrt (f64.promote_f32 (f32.neg (f32.demote_f64 A)))))";
    canonical64(&results64(1, chained), chained);
}

/// The bits of a NaN that is not computed with stay as they are.
#[test]
fn signs_and_moves_keep_the_bits() {
    for name in SIGNS {
        let (arity, operands) = if name == "copysign" { (2, "A B") } else { (1, "A") };
        let got32 = results32(arity, &format!("(i32.reinterpret_f32 (f32.{name} {operands}))"));
        let got64 = results64(arity, &format!("(i64.reinterpret_f64 (f64.{name} {operands}))"));
        let pairs = |count: usize| {
            let second = move |a| (0..if arity == 1 { 1 } else { count }).map(move |b| (a, b));
            (0..count).flat_map(second)
        };
        let sign = |a: u64, b: u64, sign: u64| match name {
            "abs" => a & !sign,
            "neg" => a ^ sign,
            _ => a & !sign | b & sign,
        };
        let expected32: Vec<u32> = pairs(16)
            .map(|(a, b)| sign(OPERANDS32[a].into(), OPERANDS32[b].into(), 1 << 31))
            .map(|bits| u32::try_from(bits).unwrap())
            .collect();
        let expected64: Vec<u64> =
            pairs(16).map(|(a, b)| sign(OPERANDS64[a], OPERANDS64[b], 1 << 63)).collect();
        assert_eq!((got32, got64), (expected32, expected64), "{name}");
    }
    for (ty, store) in [("f32", "i32.load"), ("f64", "i64.load")] {
        let bits = ty.replace('f', "i");
        for moved in [
            format!("(block (result {bits}) ({ty}.store (i32.const 8) A) ({store} (i32.const 8)))"),
            format!("({bits}.reinterpret_{ty} (select A B (i32.const 1)))"),
            format!("({bits}.reinterpret_{ty} (if (result {ty}) (i32.const 1) (then A) (else B)))"),
        ] {
            if ty == "f32" {
                assert_eq!(results32(1, &moved), OPERANDS32, "{moved}");
            } else {
                assert_eq!(results64(1, &moved), OPERANDS64, "{moved}");
            }
        }
    }
}

/// What they give is in the specification; here it is the same on all engines.
#[test]
fn comparisons_and_conversions_agree() {
    for name in COMPARISONS {
        let results = results32(2, &format!("(f32.{name} A B)"));
        assert!(results.iter().all(|result| *result <= 1));
        let results = results64(2, &format!("(i64.extend_i32_u (f64.{name} A B))"));
        assert!(results.iter().all(|result| *result <= 1));
    }
    for sign in ["s", "u"] {
        results32(1, &format!("(i32.trunc_sat_f32_{sign} A)"));
        results64(1, &format!("(i64.trunc_sat_f64_{sign} A)"));
        results32(1, &format!("(i32.wrap_i64 (i64.trunc_sat_f32_{sign} A))"));
        results64(1, &format!("(i64.extend_i32_s (i32.trunc_sat_f64_{sign} A))"));
    }
}

/// A constant is written down as it is.
#[test]
fn constants_keep_their_payload() {
    let wat = r#"(module (import "env" "note" (func $note (param i64)))
        (global f64 (f64.const -nan:0x4000000000001))
        (func (export "main")
            (call $note (i64.extend_i32_u (i32.reinterpret_f32 (f32.const -nan:0x200001))))
            (call $note (i64.reinterpret_f64 (f64.const nan:0x4000000000001)))
            (call $note (i64.reinterpret_f64 (global.get 0)))))"#;
    let notes = [0xffa0_0001, 0x7ff4_0000_0000_0001, 0xfff4_0000_0000_0001];
    assert_eq!(run(wat).host.notes, notes);
}
