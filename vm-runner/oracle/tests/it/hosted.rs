//! Host functions for modules that know nothing of them: each import gets a function around it
//! that makes of any arguments such that the host accepts, and another one that calls it with
//! some; calls of those are strewn over the code.

use std::collections::BTreeMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, MemArg, Module};
use wasmparser_236::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef,
};

use crate::programs::Rng;

/// What becomes of an argument.
#[derive(Clone, Copy, Debug)]
enum Argument {
    /// It is this number.
    Number(i64),
    /// Those of its bits that are set here.
    Bits(i64),
    /// An address at that distance, at most, from where names and amounts are.
    Near(i64),
    /// The same of an argument that has 32 bits.
    Word(i32),
}

use Argument::{Bits, Near, Number, Word};

/// Where in memory things are: beyond what modules touch on their own, mostly.
const PLACE: i64 = 8_000_000;
const BOB: Argument = Number(PLACE);
const METHOD: Argument = Number(PLACE + 16);
/// Zeros: an amount of nothing, arguments, text.
const ZEROS: Argument = Number(PLACE + 32);
/// An amount of gas, up to two Tgas.
const GAS: Argument = Bits(0x1ff_ffff_ffff);
const REGISTER: Argument = Bits(7);

/// Of a hundred instructions, those behind which there is a call of the host.
const CALLS: u32 = 20;

/// The functions that modules may import, with what becomes of their arguments.
const FUNCTIONS: &[(&str, &[Argument], bool)] = &[
    ("used_gas", &[], true),
    ("prepaid_gas", &[], true),
    ("block_index", &[], true),
    ("storage_usage", &[], true),
    ("promise_results_count", &[], true),
    ("input", &[REGISTER], false),
    ("current_account_id", &[REGISTER], false),
    ("register_len", &[REGISTER], true),
    ("write_register", &[REGISTER, Bits(31), Near(63)], false),
    ("account_balance", &[Number(PLACE + 4_096)], false),
    ("storage_write", &[Bits(3), Near(7), Bits(31), Near(7), REGISTER], true),
    ("storage_read", &[Bits(3), Near(7), REGISTER], true),
    ("storage_has_key", &[Bits(3), Near(7)], true),
    ("storage_remove", &[Bits(3), Near(7), REGISTER], true),
    ("sha256", &[Bits(255), Near(255), REGISTER], false),
    ("keccak256", &[Bits(255), Near(255), REGISTER], false),
    ("log_utf8", &[Bits(15), ZEROS], false),
    ("value_return", &[Bits(31), Near(31)], false),
    ("gas", &[Word(0xffff)], false),
    ("promise_batch_create", &[Number(8), BOB], true),
    ("promise_create", &[Number(8), BOB, Number(6), METHOD, Bits(31), ZEROS, ZEROS, GAS], true),
    ("promise_yield_create", &[Number(6), METHOD, Bits(31), ZEROS, GAS, Bits(1), REGISTER], true),
];

/// The functions as imports of a text module.
pub(crate) fn imports() -> String {
    let import = |(name, arguments, result): &(&str, &[Argument], bool)| {
        let words = |argument: &Argument| matches!(argument, Word(_));
        let ty = |argument| if words(argument) { "i32" } else { "i64" };
        let params: Vec<_> = arguments.iter().map(ty).collect();
        let result = if *result { "(result i64)" } else { "" };
        format!(r#"(import "env" "{name}" (func (param {}) {result}))"#, params.join(" "))
    };
    FUNCTIONS.iter().map(import).collect::<Vec<_>>().join("\n")
}

/// The module with functions around each import; all that called the import calls one of them.
pub(crate) fn wrap(wasm: &[u8], seed: u64) -> Vec<u8> {
    let (mut imports, mut functions, mut plain) = (Vec::new(), 0, None);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("wasm-smith makes valid modules") {
            Payload::TypeSection(types) => {
                let mut types = types.into_iter_err_on_gc_types();
                plain = types.position(|ty| {
                    let ty = ty.expect("valid");
                    ty.params().is_empty() && ty.results().is_empty()
                });
            }
            Payload::ImportSection(section) => {
                for import in section {
                    let import = import.expect("valid");
                    if let TypeRef::Func(ty) = import.ty {
                        let at = FUNCTIONS.iter().position(|(name, ..)| *name == import.name);
                        imports.push((at.expect("a function of ours"), ty));
                    }
                }
            }
            Payload::FunctionSection(section) => functions = section.count(),
            _ => {}
        }
    }
    let count = u32::try_from(imports.len()).expect("few imports");
    let around = (0..count).map(|import| (import, count + functions + import)).collect();
    let plain = u32::try_from(plain.expect("the type of `main`")).expect("few types");
    let first_call = functions + 2 * count;
    let mut wrapping = Wrapping { imports, around, plain, first_call, rng: Rng::new(seed) };
    let mut module = Module::new();
    wrapping.parse_core_module(&mut module, Parser::new(0), wasm).expect("valid");
    module.finish()
}

struct Wrapping {
    /// Places in [`FUNCTIONS`] and the types, in the order of the imports.
    imports: Vec<(usize, u32)>,
    /// The function around each import.
    around: BTreeMap<u32, u32>,
    /// The type of functions with neither parameters nor results.
    plain: u32,
    /// The first function that calls an import with arguments of its own.
    first_call: u32,
    rng: Rng,
}

impl Reencode for Wrapping {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.around.get(&index).copied().unwrap_or(index))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        for (_, ty) in &self.imports {
            functions.function(*ty);
        }
        for _ in &self.imports {
            functions.function(self.plain);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        for (import, (at, _)) in (0..).zip(&self.imports) {
            code.function(&around(import, FUNCTIONS[*at].1));
        }
        for ((_, around), (at, _)) in self.around.iter().zip(&self.imports) {
            let (_, arguments, result) = FUNCTIONS[*at];
            code.function(&call(*around, arguments, result, &mut self.rng));
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<Infallible>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        let calls = u32::try_from(self.imports.len()).expect("few imports");
        while !reader.eof() {
            function.instruction(&self.parse_instruction(&mut reader)?);
            if calls > 0 && !reader.eof() && self.rng.chance(CALLS) {
                function.instruction(&Instruction::Call(self.first_call + self.rng.small(calls)));
            }
        }
        code.function(&function);
        Ok(())
    }
}

/// A function that passes its arguments on to an import, changed.
fn around(import: u32, arguments: &[Argument]) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    let at = |offset| MemArg { offset, align: 0, memory_index: 0 };
    let place = i32::try_from(PLACE).expect("an address");
    code.i32_const(place).i64_const(i64::from_le_bytes(*b"bob.near")).i64_store(at(0));
    code.i32_const(place).i64_const(i64::from_le_bytes(*b"method\0\0")).i64_store(at(16));
    for (local, argument) in (0..).zip(arguments) {
        match *argument {
            Number(number) => code.i64_const(number),
            Bits(bits) => code.local_get(local).i64_const(bits).i64_and(),
            Near(bits) => {
                code.local_get(local).i64_const(bits).i64_and().i64_const(PLACE).i64_add()
            }
            Word(bits) => code.local_get(local).i32_const(bits).i32_and(),
        };
    }
    code.call(import).end();
    function
}

/// A function that calls another one with some arguments and forgets the result.
fn call(callee: u32, arguments: &[Argument], result: bool, rng: &mut Rng) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    for argument in arguments {
        // Small numbers too, as few registers and keys are in use.
        let shift = *rng.pick(&[0, 24, 60]);
        let number = rng.next() >> shift;
        match argument {
            Word(_) => code.i32_const(i32::try_from(number >> 40).expect("24 bits")),
            _ => code.i64_const(number.cast_signed()),
        };
    }
    code.call(callee);
    if result {
        code.drop();
    }
    code.end();
    function
}
