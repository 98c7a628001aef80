//! Large and deep modules: metering neither overflows a stack nor writes more than in proportion.

use gas_meter::instrument::Form;
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, InstructionSink, Module, TypeSection,
};
use wasmparser::Validator;

use crate::rules::Rules;
use crate::suite::meter;

/// How much of a thing there is, and then twice as much.
const MANY: u32 = 30_000;

type Sink<'a> = InstructionSink<'a>;

/// A name, and what writes a body with so many of it.
type Shape = (&'static str, fn(&mut Sink<'_>, u32));

const SHAPES: &[Shape] = &[
    ("nested blocks", |body, count| {
        times(body, count, |body| _ = body.block(EMPTY));
        times(body, count, |body| _ = body.end());
    }),
    ("nested loops", |body, count| {
        times(body, count, |body| _ = body.loop_(EMPTY));
        times(body, count, |body| _ = body.end());
    }),
    ("nested conditions", |body, count| {
        times(body, count, |body| _ = body.i32_const(1).if_(EMPTY));
        times(body, count, |body| _ = body.end());
    }),
    ("loops in turn", |body, count| {
        times(body, count, |body| _ = body.loop_(EMPTY).nop().end());
    }),
    ("conditions in turn", |body, count| {
        times(body, count, |body| _ = body.i32_const(1).if_(EMPTY).nop().else_().nop().end());
    }),
    ("branches out of nested blocks", |body, count| {
        times(body, count, |body| _ = body.block(EMPTY));
        (0..count).for_each(|depth| _ = body.i32_const(0).br_if(depth));
        times(body, count, |body| _ = body.end());
    }),
    ("branches to nested loops", |body, count| {
        times(body, count, |body| _ = body.loop_(EMPTY));
        (0..count).for_each(|depth| _ = body.i32_const(0).br_if(depth));
        times(body, count, |body| _ = body.end());
    }),
    ("targets of one branch", |body, count| {
        times(body, count, |body| _ = body.block(EMPTY));
        body.i32_const(0).br_table(0..count, 0);
        times(body, count, |body| _ = body.end());
    }),
    ("traps", |body, count| {
        times(body, count, |body| _ = body.i32_const(1).i32_const(1).i32_div_u().drop());
    }),
    ("calls", |body, count| times(body, count, |body| _ = body.call(0))),
    ("ways out", |body, count| {
        times(body, count, |body| _ = body.i32_const(0).if_(EMPTY).return_().end());
    }),
    ("dead code", |body, count| {
        body.unreachable();
        times(body, count, |body| _ = body.block(EMPTY).br(0).end());
    }),
    ("operands", |body, count| {
        times(body, count, |body| _ = body.i64_const(1));
        times(body, count, |body| _ = body.drop());
    }),
];

const EMPTY: BlockType = BlockType::Empty;

fn times(body: &mut Sink<'_>, count: u32, one: fn(&mut Sink<'_>)) {
    (0..count).for_each(|_| one(body));
}

#[test]
fn what_is_written_grows_with_the_module() {
    for (name, shape) in SHAPES {
        in_proportion(name, |times| {
            let mut function = Function::new([]);
            shape(&mut function.instructions(), times * MANY);
            function.instructions().end();
            module(&[function])
        });
    }
}

#[test]
fn what_is_written_grows_with_the_functions() {
    in_proportion("functions", |times| {
        let mut function = Function::new([]);
        function.instructions().end();
        module(&vec![function; usize::try_from(times * MANY).expect("it is small")])
    });
}

/// Asserts that twice as much of a thing is not written in more bytes for each of the module's.
fn in_proportion(name: &str, make: impl Fn(u32) -> Vec<u8>) {
    for form in [Form::Stepwise, Form::Merged] {
        let [(single, more), (double, most)] = [1, 2].map(|times| {
            let wasm = make(times);
            (wasm.len(), metered_bytes(&wasm, form))
        });
        // A few per cent for the lengths of numbers.
        let in_proportion = 100 * most * single < 105 * more * double;
        assert!(in_proportion, "{name}, {form:?}: {more}/{single} {most}/{double}");
    }
}

fn module(functions: &[Function]) -> Vec<u8> {
    let (mut types, mut declared, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for function in functions {
        declared.function(0);
        code.function(function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    module.finish()
}

/// How large `wasm` becomes, which is valid before and after.
fn metered_bytes(wasm: &[u8], form: Form) -> usize {
    Validator::new().validate_all(wasm).expect("the shape is valid");
    let metered = meter(wasm, &Rules::unbounded(1 << 20).vm, form).expect("it can be metered");
    Validator::new().validate_all(&metered).expect("a metered module is valid");
    metered.len()
}
