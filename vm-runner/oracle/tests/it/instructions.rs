//! Instructions, traps and limits of WebAssembly itself.

use fixtures::Case;
use oracle::Oracle;

use crate::agree;

/// Runs `main` of a module whose body can `$log` a number.
fn check(oracle: &Oracle, fields: &str, body: &str) {
    let text = format!(
        r#"(module
            (import "env" "value_return" (func $return (param i64 i64)))
            (memory 1) {fields}
            (func $log (param i64) (i64.store (i32.const 0) (local.get 0))
                (call $return (i64.const 8) (i64.const 0)))
            (func (export "main") {body}))"#
    );
    let code = wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    agree(oracle, &code, &Case::call("main"));
}

#[test]
fn integer_arithmetic() {
    let oracle = Oracle::new();
    let values = ["0", "1", "-1", "7", "0x7fffffff", "0x80000000", "0xdeadbeef"];
    for op in ["div_s", "div_u", "rem_s", "rem_u", "rotl", "shr_s", "mul"] {
        for (left, right) in values.iter().flat_map(|left| values.map(|right| (left, right))) {
            let value = format!("(i32.{op} (i32.const {left}) (i32.const {right}))");
            check(&oracle, "", &format!("(call $log (i64.extend_i32_s {value}))"));
        }
    }
    for body in [
        "(i64.div_s (i64.const 0x8000000000000000) (i64.const -1))",
        "(i64.rem_s (i64.const 0x8000000000000000) (i64.const -1))",
        "(i64.clz (i64.const 0))",
        "(i64.popcnt (i64.const -1))",
        "(i64.extend8_s (i64.const 0xff))",
        "(i64.extend16_s (i64.const 0x8000))",
        "(i64.extend32_s (i64.const 0x80000000))",
        "(i64.extend_i32_u (i32.extend8_s (i32.const 0x80)))",
    ] {
        check(&oracle, "", &format!("(call $log {body})"));
    }
}

#[test]
fn conversions() {
    let oracle = Oracle::new();
    for value in ["nan", "inf", "-inf", "0", "-1", "1e30", "2147483648", "-2147483649", "0.9"] {
        for ty in ["f32", "f64"] {
            for (int, sign) in [("i32", "s"), ("i32", "u"), ("i64", "s"), ("i64", "u")] {
                for trunc in ["trunc", "trunc_sat"] {
                    let converted = format!("({int}.{trunc}_{ty}_{sign} ({ty}.const {value}))");
                    let wide = if int == "i32" {
                        format!("(i64.extend_i32_u {converted})")
                    } else {
                        converted
                    };
                    check(&oracle, "", &format!("(call $log {wide})"));
                }
            }
        }
    }
}

#[test]
fn floats() {
    let oracle = Oracle::new();
    for body in [
        "(f64.sqrt (f64.const -1))",
        "(f64.div (f64.const 0) (f64.const 0))",
        "(f64.min (f64.const nan:0x123) (f64.const 1))",
        "(f64.max (f64.const -0) (f64.const 0))",
        "(f64.nearest (f64.const 2.5))",
        "(f64.copysign (f64.const nan:0x8000000000123) (f64.const -1))",
        "(f64.add (f64.const nan:0x4000000000001) (f64.const 1))",
        "(f64.promote_f32 (f32.add (f32.const 0.1) (f32.const 0.2)))",
        "(f64.convert_i64_u (i64.const -1))",
    ] {
        check(&oracle, "", &format!("(call $log (i64.reinterpret_f64 {body}))"));
    }
}

#[test]
fn memory_and_tables() {
    let oracle = Oracle::new();
    let fields = r#"(table $t 4 funcref) (elem (i32.const 0) $f $g) (elem $p func $f $g $f)
        (data $d "hello") (type $none (func)) (type $one (func (param i32)))
        (func $f (call $log (i64.const 1))) (func $g (param i32) (call $log (i64.const 2)))"#;
    for body in [
        "(call_indirect (type $none) (i32.const 0))",
        "(call_indirect (type $one) (i32.const 9) (i32.const 1))",
        "(call_indirect (type $one) (i32.const 9) (i32.const 0))",
        "(call_indirect (type $none) (i32.const 2))",
        "(call_indirect (type $none) (i32.const 4))",
        "(call_indirect (type $none) (i32.const -1))",
        "(memory.init $d (i32.const 8) (i32.const 1) (i32.const 4))
         (call $log (i64.load (i32.const 8)))",
        "(memory.init $d (i32.const 8) (i32.const 2) (i32.const 4))",
        "(data.drop $d) (memory.init $d (i32.const 8) (i32.const 0) (i32.const 0))",
        "(data.drop $d) (memory.init $d (i32.const 8) (i32.const 0) (i32.const 1))",
        "(memory.copy (i32.const 9) (i32.const 8) (i32.const 100))",
        "(memory.copy (i32.const 67108800) (i32.const 8) (i32.const 65))",
        "(memory.fill (i32.const 67108864) (i32.const 8) (i32.const 0))",
        "(memory.fill (i32.const 67108865) (i32.const 8) (i32.const 0))",
        "(memory.fill (i32.const 0) (i32.const 8) (i32.const -1))",
        "(call $log (i64.extend_i32_s (memory.grow (i32.const 0))))",
        "(call $log (i64.extend_i32_s (memory.grow (i32.const 1))))
         (i32.store8 (i32.const 67108864) (i32.const 1))",
        "(call $log (i64.extend_i32_s (memory.grow (i32.const 1024))))",
        "(call $log (i64.extend_i32_s (memory.grow (i32.const 1025))))",
        "(call $log (i64.extend_i32_s (memory.grow (i32.const -1))))",
        "(call $log (i64.extend_i32_u (memory.size)))",
        "(i32.store8 (i32.const 67108864) (i32.const 1))",
        "(drop (i64.load offset=67108857 (i32.const 0)))",
        "(drop (i64.load offset=67108856 (i32.const 0)))",
        "(drop (i32.load8_u offset=4294967295 (i32.const 4294967295)))",
        "(table.init $t $p (i32.const 1) (i32.const 0) (i32.const 3))
         (call_indirect (type $none) (i32.const 3))",
        "(table.init $t $p (i32.const 2) (i32.const 0) (i32.const 3))",
        "(elem.drop $p) (table.init $t $p (i32.const 0) (i32.const 0) (i32.const 1))",
        "(table.copy (i32.const 2) (i32.const 0) (i32.const 2))
         (call_indirect (type $none) (i32.const 2))",
        "(table.copy (i32.const 3) (i32.const 0) (i32.const 2))",
        "(table.fill $t (i32.const 0) (ref.func $f) (i32.const 4))
         (call_indirect (type $none) (i32.const 1))",
        "(table.fill $t (i32.const 1) (ref.null func) (i32.const 4))",
        "(call $log (i64.extend_i32_s (table.grow $t (ref.func $f) (i32.const 5))))
         (call_indirect (type $none) (i32.const 8))",
        "(call $log (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 9996))))",
        "(call $log (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 9997))))",
        "(call $log (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const -1))))",
        "(call $log (i64.extend_i32_u (table.size $t)))",
        "(call $log (i64.extend_i32_u (ref.is_null (table.get $t (i32.const 3)))))",
        "(drop (table.get $t (i32.const 4)))",
        "(table.set $t (i32.const 4) (ref.null func))",
        "(table.set $t (i32.const 2) (ref.func $f)) (call_indirect (type $none) (i32.const 2))",
    ] {
        check(&oracle, fields, body);
    }
}

#[test]
fn control_flow() {
    let oracle = Oracle::new();
    let fields = r"
        (func $early (param i32) (result i64)
            (if (local.get 0) (then (return (i64.const 5)))) (i64.const 6))
        (func $table (param i32) (result i64)
            (block (block (block (br_table 0 1 2 (local.get 0))) (return (i64.const 10)))
                (return (i64.const 11))) (i64.const 12))
        (func $loops (param i64) (result i64) (local i64 i64)
            (loop $outer
                (local.set 1 (i64.const 0))
                (loop $inner
                    (local.set 2 (i64.add (local.get 2) (i64.const 1)))
                    (br_if $inner (i64.lt_u (local.tee 1 (i64.add (local.get 1) (i64.const 1)))
                        (i64.const 7))))
                (br_if $outer (i64.ne (local.tee 0 (i64.sub (local.get 0) (i64.const 1)))
                    (i64.const 0))))
            (local.get 2))
        (func $fib (param i64) (result i64)
            (if (result i64) (i64.lt_u (local.get 0) (i64.const 2)) (then (local.get 0))
                (else (i64.add (call $fib (i64.sub (local.get 0) (i64.const 1)))
                    (call $fib (i64.sub (local.get 0) (i64.const 2)))))))
        (func $dead (result i64) (return (i64.const 3)) unreachable (drop (i32.const 1))
            (loop (br 0)) (i64.const 9))
        (func $deep (param i64) (result i64) (local f64 i32)
            (i64.add (i64.const 1) (call $deep (i64.add (local.get 0) (i64.const 1)))))
        (func $endless (loop (br 0)))";
    for body in [
        "(call $log (call $early (i32.const 0)))",
        "(call $log (call $early (i32.const 1)))",
        "(call $log (call $table (i32.const 0)))",
        "(call $log (call $table (i32.const 1)))",
        "(call $log (call $table (i32.const 77)))",
        "(call $log (call $loops (i64.const 30)))",
        "(call $log (call $fib (i64.const 12)))",
        "(call $log (call $dead))",
        "(call $log (call $deep (i64.const 0)))",
        "(call $log (select (i64.const 1) (i64.const 2) (i32.const 0)))",
        "(block (br_if 0 (i32.const 1)) unreachable) (br_if 0 (i32.const 1)) unreachable",
        "(block (block (br 1)) unreachable) (br 0) unreachable",
        "(block (loop (br 1)) unreachable) (if (i32.const 0) (then unreachable))",
        "(drop (block (result i32) (br_if 0 (i32.const 7) (i32.const 0))))",
        "nop nop return nop",
        "unreachable",
        "(call $endless)",
    ] {
        check(&oracle, fields, body);
    }
}

#[test]
fn stack() {
    let oracle = Oracle::new();
    let locals = "(local i64) ".repeat(500);
    let operands = "(i64.const 1) ".repeat(300);
    let drops = "drop ".repeat(300);
    for fields in [
        "(func $f (call $f))".to_owned(),
        format!("(func $f {locals} (call $f))"),
        format!("(func $f {operands} (call $f) {drops})"),
        "(global $n (mut i32) (i32.const 0))
         (func $f (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (if (i32.lt_u (global.get $n) (i32.const 3800)) (then (call $f))))"
            .to_owned(),
    ] {
        check(&oracle, &fields, "(call $f)");
    }
    let huge = format!("(func $f {} (call $f))", "(local i64) ".repeat(33_000));
    let text = format!(r#"(module {huge} (func (export "main") (call $f)))"#);
    let code = wat::parse_str(text).expect("valid text");
    agree(&oracle, &code, &Case::call("main"));
}

/// Modules that are refused, and in which way.
#[test]
fn refusals() {
    let oracle = Oracle::new();
    for fields in [
        r#"(import "env" "memory" (memory 1))"#,
        r#"(import "env" "t" (table 1 funcref))"#,
        r#"(import "env" "g" (global i32))"#,
        r#"(import "internal" "finite_wasm_gas" (func (param i64)))"#,
        r#"(import "env" "finite_wasm_gas" (func (param i64)))"#,
        r#"(import "env" "input" (func (param i32)))"#,
        r#"(import "env" "storage_read" (func (param i64) (result i32)))"#,
        r#"(import "env" "input" (func (param i64))) (import "env" "none" (func))"#,
        r#"(import "env" "none" (func)) (import "env" "input" (func))"#,
        r#"(import "env" "input" (func (param i32))) (import "env" "none" (func))"#,
        r#"(import "env" "input" (func (param funcref)))"#,
        "(func (param externref))",
        "(table 1 externref)",
        "(table 10001 funcref)",
        "(table 10000 funcref)",
        "(table 1 funcref) (table 1 funcref)",
        "(memory 70000)",
        "(memory 2 1)",
        "(memory 4096)",
        "(memory 1) (memory 1)",
        "(func (result i32 i32) (i32.const 1) (i32.const 1))",
        "(func $f (return_call $f))",
        "(tag)",
        "(global i32 (i32.add (i32.const 1) (i32.const 1)))",
        "(data (i32.const 67108864) \"x\") (memory 1)",
        "(data (i32.const 67108863) \"x\") (memory 1)",
        "(table 2 funcref) (elem (i32.const 1) $m $m)",
        "(start $m)",
        "(func $bad unreachable) (start $bad)",
        "(global (export \"g\") (mut i64) (i64.const 4)) (table (export \"t\") 1 funcref)",
    ] {
        let text = format!(r#"(module {fields} (func $m (export "main") nop))"#);
        match wat::parse_str(&text) {
            Ok(code) => {
                agree(&oracle, &code, &Case::call("main"));
            }
            Err(error) => panic!("{text}: {error}"),
        }
    }
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"hello"] {
        agree(&oracle, bytes, &Case::call("main"));
    }
}
