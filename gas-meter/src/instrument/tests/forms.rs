//! How charges are written down.

use super::*;

fn print(text: &str, form: Form) -> String {
    let metered = instrument(&code(text), &prices(), &unlimited(), form).expect("it can be metered");
    wasmparser::Validator::new().validate_all(&metered.wasm).expect("a metered module is valid");
    wasmprinter::print_bytes(&metered.wasm).expect("a valid module")
}

#[test]
fn fib() {
    println!("{}", print(include_str!("../../../peers/benches/metering/kernels/fib.wat"), Form::Merged));
    println!("{}", print(include_str!("../../../peers/benches/metering/kernels/parser.wat"), Form::Merged));
    println!("{}", print(include_str!("../../../peers/benches/metering/kernels/matrix.wat"), Form::Merged));
}
