//! The sections of a module: what metering must know of them, and the metered module. All are
//! copied as they are but types, globals, exports and code, which are extended, and the start
//! section, which becomes an export.

use std::collections::BTreeMap;

use wasm_encoder::{
    BlockType, ConstExpr, Encode, ExportKind, GlobalType, Module, RawSection, SectionId, ValType,
};
use wasmparser::{self as wp, ExternalKind, Parser, Payload, TypeRef};

use super::analysis::{Analyzer, Scratch};
use super::body::Body;
use super::calls::HostFree;
use super::function::FunctionWriter;
use super::reader::Reader;
use super::{Form, FunctionAnalysis, InstrumentError, Limits, Metered, Prices, Rule, abi};

/// The non-custom sections in the order in which a module has them.
const ORDER: [SectionId; 11] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Global,
    SectionId::Export,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// The bytes of the value types that are accepted.
const VALUE_TYPES: [u8; 6] = [0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f];

/// A function or block type: a range of [`ModuleTypes::values`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    start: u32,
    params: u32,
    results: u32,
}

impl Signature {
    /// No parameters and no results.
    pub(super) const EMPTY: Signature = Signature { start: 0, params: 0, results: 0 };

    /// No parameters and this result.
    pub(super) fn result(ty: u8) -> Self {
        let at = VALUE_TYPES.iter().position(|other| *other == ty).unwrap_or_default();
        Signature { start: u32::try_from(at).unwrap_or_default(), params: 0, results: 1 }
    }
}

/// The types of what a module declares.
#[derive(Debug)]
pub(super) struct ModuleTypes {
    /// Bytes of value types, of all signatures; the single results come first.
    values: Vec<u8>,
    types: Vec<Signature>,
    /// Type indices, imported functions first.
    functions: Vec<u32>,
    imported_functions: u32,
    /// Bytes of value types, imported globals first.
    globals: Vec<u8>,
}

impl ModuleTypes {
    fn new() -> Self {
        ModuleTypes {
            values: VALUE_TYPES.to_vec(),
            types: Vec::new(),
            functions: Vec::new(),
            imported_functions: 0,
            globals: Vec::new(),
        }
    }

    pub(super) fn signature(&self, ty: u32) -> Option<Signature> {
        self.types.get(usize::try_from(ty).ok()?).copied()
    }

    pub(super) fn function(&self, function: u32) -> Option<Signature> {
        self.signature(*self.functions.get(usize::try_from(function).ok()?)?)
    }

    pub(super) fn global(&self, global: u32) -> Option<u8> {
        self.globals.get(usize::try_from(global).ok()?).copied()
    }

    pub(super) fn params(&self, signature: Signature) -> impl Iterator<Item = u8> + '_ {
        self.range(signature.start, signature.params)
    }

    pub(super) fn results(&self, signature: Signature) -> impl Iterator<Item = u8> + '_ {
        self.range(signature.start.saturating_add(signature.params), signature.results)
    }

    fn range(&self, start: u32, count: u32) -> impl Iterator<Item = u8> + '_ {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or_default();
        self.values.iter().skip(start).take(count).copied()
    }

    fn add_type(&mut self, ty: &wp::FuncType) -> Result<(), Rule> {
        let start = u32::try_from(self.values.len()).map_err(|_| Rule::Malformed)?;
        for value in ty.params().iter().chain(ty.results()) {
            self.values.push(value_type(*value)?);
        }
        let count = |values: &[wp::ValType]| u32::try_from(values.len());
        let (params, results) = (count(ty.params()), count(ty.results()));
        let (Ok(params), Ok(results)) = (params, results) else { return Err(Rule::Malformed) };
        self.types.push(Signature { start, params, results });
        Ok(())
    }
}

/// Where a module stands while it is read, and what is done with its functions.
pub(super) struct ModuleReader<'a> {
    wasm: &'a [u8],
    prices: &'a Prices,
    limits: &'a Limits,
    types: ModuleTypes,
    scratch: Scratch,
    next_function: u32,
    blocks_left: u64,
    params_left: u64,
}

/// What is done with each function that was read.
pub(super) trait Sink<'a> {
    /// A section that is not of code, with what is in it.
    fn section(&mut self, payload: &Payload<'a>) -> Result<(), InstrumentError>;

    /// A function of the code section.
    fn function(&mut self, types: &ModuleTypes, body: Body);
}

impl<'a> ModuleReader<'a> {
    pub(super) fn new(wasm: &'a [u8], prices: &'a Prices, limits: &'a Limits) -> Self {
        ModuleReader {
            wasm,
            prices,
            limits,
            types: ModuleTypes::new(),
            scratch: Scratch::default(),
            next_function: 0,
            blocks_left: limits.blocks_per_module.unwrap_or(u64::MAX),
            params_left: limits.params_per_module.unwrap_or(u64::MAX),
        }
    }

    /// Reads the whole module; returns the types of what it declares.
    pub(super) fn read(mut self, sink: &mut impl Sink<'a>) -> Result<ModuleTypes, InstrumentError> {
        for payload in Parser::new(0).parse_all(self.wasm) {
            let payload = payload.map_err(|error| malformed(&error))?;
            if let Payload::CodeSectionEntry(body) = &payload {
                self.function(&body.range(), sink)?;
                continue;
            }
            self.section(&payload)?;
            sink.section(&payload)?;
        }
        Ok(self.types)
    }

    fn section(&mut self, payload: &Payload<'a>) -> Result<(), InstrumentError> {
        match payload {
            Payload::Version { encoding, range, .. } => {
                if *encoding != wp::Encoding::Module {
                    return Err(InstrumentError::at(Rule::Malformed, range.start));
                }
            }
            Payload::TypeSection(reader) => {
                let start = reader.range().start;
                for ty in reader.clone().into_iter_err_on_gc_types() {
                    let ty = ty.map_err(|error| malformed(&error))?;
                    self.types.add_type(&ty).map_err(|rule| InstrumentError::at(rule, start))?;
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.clone().into_iter_with_offsets() {
                    let (offset, import) = import.map_err(|error| malformed(&error))?;
                    self.import(import.ty, offset)?;
                }
            }
            Payload::FunctionSection(reader) => {
                for ty in reader.clone() {
                    self.types.functions.push(ty.map_err(|error| malformed(&error))?);
                }
            }
            Payload::TableSection(reader) => {
                for table in reader.clone().into_iter_with_offsets() {
                    let (offset, table) = table.map_err(|error| malformed(&error))?;
                    check_table(&table.ty, offset)?;
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader.clone().into_iter_with_offsets() {
                    let (offset, memory) = memory.map_err(|error| malformed(&error))?;
                    check_memory(&memory, offset)?;
                }
            }
            Payload::GlobalSection(reader) => {
                for global in reader.clone().into_iter_with_offsets() {
                    let (offset, global) = global.map_err(|error| malformed(&error))?;
                    self.global(global.ty, offset)?;
                }
            }
            Payload::TagSection(reader) => {
                return Err(InstrumentError::at(Rule::UnsupportedSection, reader.range().start));
            }
            Payload::UnknownSection { range, .. } => {
                return Err(InstrumentError::at(Rule::UnsupportedSection, range.start));
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, ty: TypeRef, offset: usize) -> Result<(), InstrumentError> {
        match ty {
            TypeRef::Func(ty) => {
                self.types.functions.push(ty);
                self.types.imported_functions = self.types.imported_functions.saturating_add(1);
                Ok(())
            }
            TypeRef::Global(ty) => self.global(ty, offset),
            TypeRef::Table(ty) => check_table(&ty, offset),
            TypeRef::Memory(ty) => check_memory(&ty, offset),
            TypeRef::Tag(_) => Err(InstrumentError::at(Rule::UnsupportedSection, offset)),
        }
    }

    fn global(&mut self, ty: wp::GlobalType, offset: usize) -> Result<(), InstrumentError> {
        let ty = value_type(ty.content_type).map_err(|rule| InstrumentError::at(rule, offset))?;
        self.types.globals.push(ty);
        Ok(())
    }

    fn function(
        &mut self,
        range: &std::ops::Range<usize>,
        sink: &mut impl Sink<'a>,
    ) -> Result<(), InstrumentError> {
        let refuse = |rule| InstrumentError::at(rule, range.start);
        let index = self.types.imported_functions.saturating_add(self.next_function);
        self.next_function = self.next_function.saturating_add(1);
        let signature = self.types.function(index).ok_or(refuse(Rule::UnknownIndex))?;
        let code = self.wasm.get(..range.end).ok_or(refuse(Rule::Malformed))?;
        let analyzer = Analyzer {
            prices: self.prices,
            types: &self.types,
            gas_global: u32::try_from(self.types.globals.len()).unwrap_or(u32::MAX),
            reader: Reader::new(code, range.start),
            scratch: &mut self.scratch,
            body: Body::default(),
        };
        let body = analyzer.read(signature)?;
        let params = u64::from(signature.params);
        // In the order in which near-vm-runner finds what is too much.
        let limits = self.limits;
        if params > limits.params_per_function.unwrap_or(u64::MAX) {
            return Err(refuse(Rule::TooManyParamsPerFunction));
        }
        let left = self.params_left.checked_sub(params);
        self.params_left = left.ok_or(refuse(Rule::TooManyParamsPerModule))?;
        if body.operand_bytes > limits.operand_stack_bytes_per_function.unwrap_or(u64::MAX) {
            return Err(refuse(Rule::OperandStackTooLarge));
        }
        if body.blocks > limits.blocks_per_function.unwrap_or(u64::MAX) {
            return Err(refuse(Rule::TooManyBlocksPerFunction));
        }
        let left = self.blocks_left.checked_sub(body.blocks);
        self.blocks_left = left.ok_or(refuse(Rule::TooManyBlocksPerModule))?;
        sink.function(&self.types, body);
        Ok(())
    }
}

/// Keeps what is known of each function.
pub(super) struct Describe<'a> {
    pub(super) prices: &'a Prices,
    pub(super) functions: Vec<FunctionAnalysis>,
}

impl<'a> Sink<'a> for Describe<'_> {
    fn section(&mut self, _: &Payload<'a>) -> Result<(), InstrumentError> {
        Ok(())
    }

    fn function(&mut self, types: &ModuleTypes, body: Body) {
        let params = types.params(body.signature).count();
        self.functions.push(FunctionAnalysis {
            charges: body.charges,
            entry_gas: self.prices.entry(body.frame_bytes),
            frame_bytes: body.frame_bytes,
            operand_bytes: body.operand_bytes,
            blocks: body.blocks,
            params: u64::try_from(params).unwrap_or(u64::MAX),
        });
    }
}

/// The entries of a section that gets more of them.
#[derive(Default)]
struct Extended {
    count: u32,
    entries: Vec<u8>,
}

impl Extended {
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.count = self.count.saturating_add(1);
        write(&mut self.entries);
    }

    fn section(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.entries.len().saturating_add(5));
        self.count.encode(&mut data);
        data.extend_from_slice(&self.entries);
        data
    }
}

/// Writes the metered module.
pub(super) struct ModuleWriter<'a> {
    wasm: &'a [u8],
    prices: &'a Prices,
    form: Form,
    stack_bytes: u32,
    types: Extended,
    /// Types that were added, by their results.
    result_types: BTreeMap<Vec<u8>, u32>,
    globals: Extended,
    imported_globals: u32,
    exports: Extended,
    start: Option<u32>,
    bodies: Vec<Body>,
    code_bytes: usize,
    copied: Vec<(u8, &'a [u8])>,
}

impl<'a> Sink<'a> for ModuleWriter<'a> {
    fn section(&mut self, payload: &Payload<'a>) -> Result<(), InstrumentError> {
        match payload {
            Payload::TypeSection(reader) => {
                self.types.count = reader.count();
                self.types.entries = self.entries(reader)?.to_vec();
                return Ok(());
            }
            Payload::GlobalSection(reader) => {
                self.globals.count = reader.count();
                self.globals.entries = self.entries(reader)?.to_vec();
                return Ok(());
            }
            Payload::ExportSection(reader) => return self.copy_exports(reader),
            Payload::StartSection { func, .. } => {
                self.start = Some(*func);
                return Ok(());
            }
            Payload::CodeSectionStart { count, range, .. } => {
                self.code_bytes = range.len();
                self.bodies.reserve(usize::try_from(*count).unwrap_or(0).min(self.code_bytes));
                return Ok(());
            }
            Payload::CustomSection(_) => return Ok(()),
            Payload::ImportSection(reader) => {
                for import in reader.clone() {
                    let import = import.map_err(|error| malformed(&error))?;
                    if matches!(import.ty, TypeRef::Global(_)) {
                        self.imported_globals = self.imported_globals.saturating_add(1);
                    }
                }
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let start = range.start;
            let data = self.wasm.get(range);
            self.copied.push((id, data.ok_or(InstrumentError::at(Rule::Malformed, start))?));
        }
        Ok(())
    }

    fn function(&mut self, _: &ModuleTypes, body: Body) {
        self.bodies.push(body);
    }
}

impl<'a> ModuleWriter<'a> {
    pub(super) fn new(wasm: &'a [u8], prices: &'a Prices, limits: &Limits, form: Form) -> Self {
        ModuleWriter {
            wasm,
            prices,
            form,
            stack_bytes: limits.stack_bytes,
            types: Extended::default(),
            result_types: BTreeMap::new(),
            globals: Extended::default(),
            imported_globals: 0,
            exports: Extended::default(),
            start: None,
            bodies: Vec::new(),
            code_bytes: 0,
            copied: Vec::new(),
        }
    }

    fn gas_global(&self) -> u32 {
        self.imported_globals.saturating_add(self.globals.count)
    }

    /// The entries of a section as they are.
    fn entries<T>(&self, reader: &wp::SectionLimited<'_, T>) -> Result<&'a [u8], InstrumentError> {
        // The count in front of them may be longer than it must be.
        let range = reader.range();
        let section = self.wasm.get(..range.end);
        let section = section.ok_or(InstrumentError::at(Rule::Malformed, range.start))?;
        let mut count = Reader::new(section, range.start);
        count.skip_leb(5)?;
        let start = usize::try_from(count.offset()).unwrap_or(usize::MAX);
        section.get(start..).ok_or(InstrumentError::at(Rule::Malformed, range.start))
    }

    /// The type without parameters that has the results of `signature`.
    fn results_type(&mut self, types: &ModuleTypes, signature: Signature) -> u32 {
        let results: Vec<u8> = types.results(signature).collect();
        if let Some(index) = self.result_types.get(&results) {
            return *index;
        }
        let index = self.types.count;
        self.types.add(|out| {
            out.push(0x60);
            0u32.encode(out);
            results.encode(out);
        });
        self.result_types.insert(results, index);
        index
    }

    fn copy_exports(
        &mut self,
        reader: &wp::SectionLimited<'a, wp::Export<'a>>,
    ) -> Result<(), InstrumentError> {
        for export in reader.clone().into_iter_with_offsets() {
            let (offset, export) = export.map_err(|error| malformed(&error))?;
            if abi::RESERVED.contains(&export.name) {
                return Err(InstrumentError::at(Rule::ReservedExport, offset));
            }
            let kind = match export.kind {
                ExternalKind::Func => ExportKind::Func,
                ExternalKind::Table => ExportKind::Table,
                ExternalKind::Memory => ExportKind::Memory,
                ExternalKind::Global => ExportKind::Global,
                ExternalKind::Tag => ExportKind::Tag,
            };
            self.export(export.name, kind, export.index);
        }
        Ok(())
    }

    fn export(&mut self, name: &str, kind: ExportKind, index: u32) {
        self.exports.add(|out| {
            name.encode(out);
            kind.encode(out);
            index.encode(out);
        });
    }

    /// The size with near-vm-runner's code section. Its other sections have a few bytes more.
    fn reference_bytes(&self, extended: [&Extended; 3]) -> u64 {
        let copied = self.copied.iter().map(|(_, data)| data.len());
        let others = copied.chain(extended.map(|section| section.entries.len()));
        let others = others.fold(0usize, usize::saturating_add);
        let code = self.bodies.iter().map(|body| body.reference_bytes);
        code.fold(u64::try_from(others).unwrap_or(u64::MAX), u64::saturating_add)
    }

    /// The code section, and the largest charge in it.
    fn code(&mut self, types: &ModuleTypes) -> (Extended, u64) {
        let free = HostFree::find(types.imported_functions, &self.bodies);
        let mut functions = Extended::default();
        let (mut scratch, mut levels) = (Vec::new(), Vec::new());
        functions.entries.reserve(self.code_bytes.saturating_add(self.code_bytes / 2));
        let mut largest = 0;
        let bodies = std::mem::take(&mut self.bodies);
        for (index, body) in (types.imported_functions..).zip(&bodies) {
            let signature = body.signature;
            let result = match (signature.results, types.results(signature).next()) {
                (1, Some(result)) => BlockType::Result(encoder_type(result)),
                (0, _) | (_, None) => BlockType::Empty,
                _ => BlockType::FunctionType(self.results_type(types, signature)),
            };
            let entry_gas = self.prices.entry(body.frame_bytes);
            let charges = body.charges.iter().map(|charge| charge.price.base);
            largest = charges.chain([entry_gas, largest]).max().unwrap_or_default();
            scratch.clear();
            let mut writer = FunctionWriter {
                wasm: self.wasm,
                form: self.form,
                body,
                gas_global: self.gas_global(),
                result,
                entry_gas,
                free: &free,
                is_free: free.is_free(index),
                out: &mut scratch,
                levels: &mut levels,
            };
            writer.write();
            functions.add(|out| scratch.encode(out));
        }
        (functions, largest)
    }

    pub(super) fn finish(mut self, types: &ModuleTypes) -> Metered {
        let gas_global = self.gas_global();
        let stack_global = gas_global.saturating_add(1);
        let mut globals = std::mem::take(&mut self.globals);
        for initial in [0, i64::from(self.stack_bytes)] {
            globals.add(|out| global(out, ValType::I64, &ConstExpr::i64_const(initial)));
        }
        self.export(abi::REMAINING_GAS, ExportKind::Global, gas_global);
        if let Some(start) = self.start {
            self.export(abi::START, ExportKind::Func, start);
        }
        let reference_bytes = self.reference_bytes([&self.types, &globals, &self.exports]);
        // What near-vm-runner has not.
        globals.add(|out| global(out, ValType::I32, &ConstExpr::i32_const(0)));
        self.export(abi::REMAINING_STACK, ExportKind::Global, stack_global);
        self.export(abi::INEXACT, ExportKind::Global, stack_global.saturating_add(1));
        self.globals.count = globals.count.saturating_sub(3);
        let (functions, largest_charge) = self.code(types);
        let (types, globals) = (self.types.section(), globals.section());
        let (exports, functions) = (self.exports.section(), functions.section());
        let mut module = Module::new();
        for section in ORDER {
            let id = u8::from(section);
            let data = match section {
                SectionId::Type => (types.len() > 1).then_some(types.as_slice()),
                SectionId::Global => Some(globals.as_slice()),
                SectionId::Export => Some(exports.as_slice()),
                SectionId::Code => (functions.len() > 1).then_some(functions.as_slice()),
                _ => self.copied.iter().find(|(copied, _)| *copied == id).map(|(_, data)| *data),
            };
            if let Some(data) = data {
                module.section(&RawSection { id, data });
            }
        }
        Metered { wasm: module.finish(), reference_bytes, largest_charge }
    }
}

fn global(out: &mut Vec<u8>, val_type: ValType, initial: &ConstExpr) {
    GlobalType { val_type, mutable: true, shared: false }.encode(out);
    initial.encode(out);
}

fn malformed(error: &wp::BinaryReaderError) -> InstrumentError {
    InstrumentError::at(Rule::Malformed, error.offset())
}

fn check_table(ty: &wp::TableType, offset: usize) -> Result<(), InstrumentError> {
    let element = value_type(wp::ValType::Ref(ty.element_type));
    element.map_err(|rule| InstrumentError::at(rule, offset))?;
    if ty.table64 || ty.shared {
        return Err(InstrumentError::at(Rule::UnsupportedType, offset));
    }
    Ok(())
}

fn check_memory(ty: &wp::MemoryType, offset: usize) -> Result<(), InstrumentError> {
    if ty.memory64 || ty.shared || ty.page_size_log2.is_some() {
        return Err(InstrumentError::at(Rule::UnsupportedType, offset));
    }
    Ok(())
}

fn value_type(ty: wp::ValType) -> Result<u8, Rule> {
    Ok(match ty {
        wp::ValType::I32 => 0x7f,
        wp::ValType::I64 => 0x7e,
        wp::ValType::F32 => 0x7d,
        wp::ValType::F64 => 0x7c,
        wp::ValType::Ref(wp::RefType::FUNCREF) => 0x70,
        wp::ValType::Ref(wp::RefType::EXTERNREF) => 0x6f,
        wp::ValType::V128 | wp::ValType::Ref(_) => return Err(Rule::UnsupportedType),
    })
}

fn encoder_type(ty: u8) -> ValType {
    match ty {
        0x7e => ValType::I64,
        0x7d => ValType::F32,
        0x7c => ValType::F64,
        0x70 => ValType::FUNCREF,
        0x6f => ValType::EXTERNREF,
        _ => ValType::I32,
    }
}
