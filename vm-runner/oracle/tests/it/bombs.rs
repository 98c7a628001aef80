//! Modules that would be large once they are compiled, within NEAR's limits: they run there.

use fixtures::Case;
use oracle::Oracle;

use crate::agree;

fn agree_on_main(fields: &str, main: &str) {
    let text = format!(r#"(module {fields} (func (export "main") {main}))"#);
    agree(&Oracle::new(), &wat::parse_str(text).expect("valid text"), &Case::call("main"));
}

#[test]
fn references_to_functions() {
    let many = "$a $b $c ".repeat(100_000);
    let fields = format!(
        "(func $a) (func $b unreachable) (func $c (param i32))
         (table 10 funcref) (elem $many func {many})"
    );
    // From the third on: one that returns, one that traps, one of another type.
    let init = "(table.init $many (i32.const 0) (i32.const 299997) (i32.const 3))";
    for called in 0..4 {
        agree_on_main(&fields, &format!("{init} (call_indirect (i32.const {called}))"));
    }
    let beyond = "(table.init $many (i32.const 0) (i32.const 299998) (i32.const 3))";
    agree_on_main(&fields, beyond);
    agree_on_main(&fields, &format!("(elem.drop $many) {init}"));
    let globals = "(global (mut funcref) (ref.func $f))".repeat(30_000);
    let fields = format!("(func $f) (table 1 funcref) {globals}");
    let moved = "(global.set 7 (global.get 29999)) (table.set (i32.const 0) (global.get 7))";
    agree_on_main(&fields, &format!("{moved} (call_indirect (i32.const 0))"));
    let empty = "(elem func)".repeat(100_000);
    agree_on_main(&format!("(table 1 funcref) {empty}"), "");
}

#[test]
fn scattered_data() {
    let segment = |number: u32| format!(r#"(data (i32.const {}) "x")"#, number * 600);
    let data: String = (0..90_000).map(segment).collect();
    let load = "(if (i32.ne (i32.load (i32.const 53999400)) (i32.const 120)) (then unreachable))";
    agree_on_main(&format!("(memory 1) {data}"), load);
}
