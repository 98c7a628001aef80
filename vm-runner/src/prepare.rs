//! What a contract's wasm goes through before an engine sees it: validation, limits, one memory
//! of the same size for all, metering. Refusals and their order are NEAR's (near-vm-runner
//! `prepare/prepare_v3.rs`): where a module is wrong in two ways, the first that NEAR finds is
//! reported.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use gas_meter::instrument::{Form, Rule, instrument};
use wasm_encoder::{EntityType, ExportKind, Module, RawSection, RefType, Section, SectionId};
use wasmparser::{
    ExternalKind, FuncType, FuncValidatorAllocations, FunctionBody, Parser, Payload,
    SectionLimited, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

use crate::{
    EntryError, ModuleLimits, PrepareError, Signature, ValueType, VmConfig, WasmProposals,
};

/// A module that an engine can compile: valid, within limits, metered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedModule {
    /// The contract's wasm.
    pub source: Arc<[u8]>,
    /// The metered module. The contract's functions are exported under their names with `:` in
    /// front; the exports of [`gas_meter::instrument::abi`] and `memory` are ours.
    pub wasm: Vec<u8>,
    /// What it imports: functions only.
    pub imports: Vec<ImportedFunction>,
    /// What can be called.
    pub entries: Entries,
    /// Whether there is a start function.
    pub has_start: bool,
    /// How it counts its gas.
    pub counting: Counting,
}

/// How a module counts its gas: what the boundary must know to read its globals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// When charges are made.
    pub form: Form,
    /// The largest of them, but for bulk operations.
    pub largest_charge: u64,
}

/// What the names of a contract's exports begin with in a prepared module, so that they cannot
/// collide with ours.
pub(crate) const ENTRY_PREFIX: &str = ":";

/// The export of the memory in a prepared module.
pub(crate) const MEMORY: &str = "memory";

/// A function that a module imports.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ImportedFunction {
    /// The module it is imported from.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Its type, as the importing module declares it.
    pub signature: Signature,
}

/// The functions that a contract exports.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entries(BTreeMap<String, EntryType>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum EntryType {
    /// Neither parameters nor results.
    Callable,
    Other,
}

impl Entries {
    /// Whether `name` can be called.
    pub fn check(&self, name: &str) -> Result<(), EntryError> {
        match self.0.get(name) {
            Some(EntryType::Callable) => Ok(()),
            Some(EntryType::Other) => Err(EntryError::InvalidSignature),
            None => Err(EntryError::NotFound),
        }
    }

    /// The memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        /// A name's share of the map and of the allocator's.
        const NAME: usize = 64;
        let names = self.0.keys().map(|name| name.len().saturating_add(NAME));
        names.fold(0, usize::saturating_add)
    }

    /// The names that can be called, in alphabetical order.
    pub fn callable(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, ty)| **ty == EntryType::Callable).map(|(name, _)| name.as_str())
    }
}

/// Checks `wasm` against `config` and meters it.
pub fn prepare(wasm: &[u8], config: &VmConfig, form: Form) -> Result<PreparedModule, PrepareError> {
    let mut normalizer = Normalizer::new(wasm, config);
    for payload in Parser::new(0).parse_all(wasm) {
        normalizer.payload(&payload.map_err(|_| PrepareError::Deserialization)?)?;
    }
    let Normalizer { imports, entries, has_start, sections, .. } = normalizer;
    let module = sections.write(&config.limits);
    let metered = instrument(&module, &config.prices, &config.limits.metering, form)
        .map_err(|error| refusal(error.rule))?;
    if metered.reference_bytes > config.limits.instrumented_bytes.unwrap_or(u64::MAX) {
        return Err(PrepareError::InstrumentedCodeTooLarge);
    }
    let counting = Counting { form, largest_charge: metered.largest_charge };
    Ok(PreparedModule {
        source: wasm.into(),
        wasm: metered.wasm,
        imports,
        entries,
        has_start,
        counting,
    })
}

/// What a rule of metering is among NEAR's refusals.
fn refusal(rule: Rule) -> PrepareError {
    match rule {
        Rule::Malformed
        | Rule::UnsupportedOperator
        | Rule::UnsupportedType
        | Rule::UnsupportedSection
        | Rule::UnknownIndex
        | Rule::TooManyLocals => PrepareError::Deserialization,
        Rule::ReservedExport => PrepareError::Serialization,
        Rule::TooManyBlocksPerFunction => PrepareError::TooManyBlocksPerFunction,
        Rule::TooManyBlocksPerModule => PrepareError::TooManyBlocksPerContract,
        Rule::TooManyParamsPerFunction => PrepareError::TooManyParamsPerFunction,
        Rule::TooManyParamsPerModule => PrepareError::TooManyParamsPerContract,
        Rule::OperandStackTooLarge => PrepareError::OperandStackTooLarge,
    }
}

/// Reads a module section by section, refuses it or collects what is kept of it.
struct Normalizer<'a> {
    wasm: &'a [u8],
    config: &'a VmConfig,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    functions_left: u64,
    locals_left: u64,
    types: Vec<FuncType>,
    /// Type indices of all functions, imported ones first.
    function_types: Vec<u32>,
    imports: Vec<ImportedFunction>,
    entries: Entries,
    has_start: bool,
    sections: Sections<'a>,
}

impl<'a> Normalizer<'a> {
    fn new(wasm: &'a [u8], config: &'a VmConfig) -> Self {
        let limits = &config.limits;
        let size = u64::try_from(wasm.len()).unwrap_or(u64::MAX);
        let locals_by_size =
            limits.bytes_per_local.map(|bytes| size.checked_div(bytes).unwrap_or(u64::MAX));
        let locals = [limits.locals, locals_by_size].into_iter().flatten().min();
        Normalizer {
            wasm,
            config,
            validator: Validator::new_with_features(proposals(config.wasm)),
            allocations: FuncValidatorAllocations::default(),
            functions_left: limits.functions.unwrap_or(u64::MAX),
            locals_left: locals.unwrap_or(u64::MAX),
            types: Vec::new(),
            function_types: Vec::new(),
            imports: Vec::new(),
            entries: Entries::default(),
            has_start: false,
            sections: Sections::default(),
        }
    }

    /// Some limits are checked before a section is validated and some after: the order decides
    /// which refusal a module with several faults gets.
    fn payload(&mut self, payload: &Payload<'a>) -> Result<(), PrepareError> {
        let limits = &self.config.limits;
        match payload {
            Payload::TypeSection(reader) => {
                within(u64::from(reader.count()), limits.types, PrepareError::TooManyTypes)?;
                self.validate(payload)?;
                self.types = collect(reader.clone().into_iter_err_on_gc_types())?;
                self.keep(SectionId::Type, reader.range())
            }
            Payload::ImportSection(reader) => {
                self.validate(payload)?;
                self.import(reader)
            }
            Payload::FunctionSection(reader) => {
                self.validate(payload)?;
                self.function_types.extend(collect(reader.clone())?);
                self.keep(SectionId::Function, reader.range())
            }
            Payload::TableSection(reader) => {
                self.validate(payload)?;
                self.tables(reader)
            }
            Payload::GlobalSection(reader) => {
                self.validate(payload)?;
                within(u64::from(reader.count()), limits.globals, PrepareError::TooManyGlobals)?;
                self.keep(SectionId::Global, reader.range())
            }
            Payload::ExportSection(reader) => {
                self.validate(payload)?;
                self.export(reader)
            }
            Payload::StartSection { func, .. } => {
                self.validate(payload)?;
                self.has_start = true;
                self.sections.start = Some(*func);
                Ok(())
            }
            Payload::ElementSection(reader) => {
                self.validate(payload)?;
                self.keep(SectionId::Element, reader.range())
            }
            Payload::DataCountSection { range, .. } => {
                self.validate(payload)?;
                self.keep(SectionId::DataCount, range.clone())
            }
            Payload::DataSection(reader) => {
                self.validate(payload)?;
                self.keep(SectionId::Data, reader.range())
            }
            Payload::CodeSectionStart { count, range, .. } => {
                self.count_functions(u64::from(*count))?;
                self.validate(payload)?;
                self.keep(SectionId::Code, range.clone())
            }
            Payload::CodeSectionEntry(body) => {
                self.check_body(body)?;
                self.validate(payload)
            }
            // The memory is replaced and custom sections are dropped; the rest is not allowed,
            // which the validator says.
            _ => self.validate(payload),
        }
    }

    fn validate(&mut self, payload: &Payload<'_>) -> Result<(), PrepareError> {
        let valid = self.validator.payload(payload).map_err(|_| PrepareError::Deserialization)?;
        if let ValidPayload::Func(function, body) = valid {
            let allocations = std::mem::take(&mut self.allocations);
            let mut validator = function.into_validator(allocations);
            validator.validate(&body).map_err(|_| PrepareError::Deserialization)?;
            self.allocations = validator.into_allocations();
        }
        Ok(())
    }

    fn keep(&mut self, id: SectionId, range: Range<usize>) -> Result<(), PrepareError> {
        let data = self.wasm.get(range).ok_or(PrepareError::Deserialization)?;
        self.sections.copied.push((id, data));
        Ok(())
    }

    fn import(
        &mut self,
        reader: &SectionLimited<'a, wasmparser::Import<'a>>,
    ) -> Result<(), PrepareError> {
        for import in reader.clone() {
            let import = import.map_err(|_| PrepareError::Deserialization)?;
            if import.module != self.config.import_module {
                return Err(PrepareError::Instantiate);
            }
            let ty = match import.ty {
                TypeRef::Func(ty) => ty,
                TypeRef::Table(_) | TypeRef::Global(_) => return Err(PrepareError::Instantiate),
                TypeRef::Memory(_) => return Err(PrepareError::Memory),
                TypeRef::Tag(_) => return Err(PrepareError::Deserialization),
            };
            self.count_functions(1)?;
            self.sections.imports.import(import.module, import.name, EntityType::Function(ty));
            self.imports.push(ImportedFunction {
                module: import.module.to_owned(),
                name: import.name.to_owned(),
                signature: signature(self.type_at(ty)?),
            });
            self.function_types.push(ty);
        }
        Ok(())
    }

    fn tables(
        &mut self,
        reader: &SectionLimited<'a, wasmparser::Table<'a>>,
    ) -> Result<(), PrepareError> {
        let limits = &self.config.limits;
        let max_tables = limits.tables.map(u64::from);
        within(u64::from(reader.count()), max_tables, PrepareError::TooManyTables)?;
        for table in reader.clone() {
            let ty = table.map_err(|_| PrepareError::Deserialization)?.ty;
            within(ty.initial, limits.table_elements, PrepareError::TooManyTableElements)?;
            self.sections.tables.table(wasm_encoder::TableType {
                element_type: if ty.element_type == wasmparser::RefType::FUNCREF {
                    RefType::FUNCREF
                } else {
                    RefType::EXTERNREF
                },
                table64: ty.table64,
                minimum: ty.initial,
                // Growing stops at the limit, whatever the module declares.
                maximum: [ty.maximum, limits.table_elements].into_iter().flatten().min(),
                shared: ty.shared,
            });
        }
        Ok(())
    }

    /// Keeps functions only: nothing else that a contract exports can be reached.
    fn export(
        &mut self,
        reader: &SectionLimited<'a, wasmparser::Export<'a>>,
    ) -> Result<(), PrepareError> {
        for export in reader.clone() {
            let export = export.map_err(|_| PrepareError::Deserialization)?;
            if export.kind != ExternalKind::Func {
                continue;
            }
            let at = usize::try_from(export.index).map_err(|_| PrepareError::Deserialization)?;
            let ty = *self.function_types.get(at).ok_or(PrepareError::Deserialization)?;
            let ty = self.type_at(ty)?;
            let callable = ty.params().is_empty() && ty.results().is_empty();
            let entry = if callable { EntryType::Callable } else { EntryType::Other };
            self.entries.0.insert(export.name.to_owned(), entry);
            let name = format!("{ENTRY_PREFIX}{}", export.name);
            self.sections.exports.export(&name, ExportKind::Func, export.index);
        }
        Ok(())
    }

    fn check_body(&mut self, body: &FunctionBody<'_>) -> Result<(), PrepareError> {
        let size = u64::try_from(body.range().len()).unwrap_or(u64::MAX);
        let max_size = self.config.limits.function_body_bytes;
        within(size, max_size, PrepareError::FunctionBodyTooLarge)?;
        let locals = body.get_locals_reader().map_err(|_| PrepareError::Deserialization)?;
        for local in locals {
            let (count, _) = local.map_err(|_| PrepareError::Deserialization)?;
            self.locals_left = self
                .locals_left
                .checked_sub(u64::from(count))
                .ok_or(PrepareError::TooManyLocals)?;
        }
        Ok(())
    }

    fn count_functions(&mut self, count: u64) -> Result<(), PrepareError> {
        self.functions_left =
            self.functions_left.checked_sub(count).ok_or(PrepareError::TooManyFunctions)?;
        Ok(())
    }

    fn type_at(&self, index: u32) -> Result<&FuncType, PrepareError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.types.get(index))
            .ok_or(PrepareError::Deserialization)
    }
}

/// What is kept of a module.
#[derive(Default)]
struct Sections<'a> {
    copied: Vec<(SectionId, &'a [u8])>,
    imports: wasm_encoder::ImportSection,
    tables: wasm_encoder::TableSection,
    exports: wasm_encoder::ExportSection,
    start: Option<u32>,
}

impl Sections<'_> {
    /// Writes the module.
    fn write(mut self, limits: &ModuleLimits) -> Vec<u8> {
        // Bytes for what is not copied; with more of them, the module grows.
        const MADE: usize = 1 << 14;
        let mut memories = wasm_encoder::MemorySection::new();
        memories.memory(wasm_encoder::MemoryType {
            minimum: u64::from(limits.initial_memory_pages),
            maximum: Some(u64::from(limits.max_memory_pages)),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export(MEMORY, ExportKind::Memory, 0);
        let copied = self.copied.iter().map(|(_, data)| data.len());
        let mut module = Vec::with_capacity(copied.fold(MADE, usize::saturating_add));
        module.extend_from_slice(&Module::HEADER);
        self.copy(&mut module, &[SectionId::Type]);
        self.imports.append_to(&mut module);
        self.copy(&mut module, &[SectionId::Function]);
        self.tables.append_to(&mut module);
        memories.append_to(&mut module);
        self.copy(&mut module, &[SectionId::Global]);
        self.exports.append_to(&mut module);
        if let Some(function_index) = self.start {
            wasm_encoder::StartSection { function_index }.append_to(&mut module);
        }
        let rest = [SectionId::Element, SectionId::DataCount, SectionId::Code, SectionId::Data];
        self.copy(&mut module, &rest);
        module
    }

    fn copy(&self, module: &mut Vec<u8>, ids: &[SectionId]) {
        for id in ids {
            if let Some((_, data)) = self.copied.iter().find(|(copied, _)| copied == id) {
                RawSection { id: u8::from(*id), data }.append_to(module);
            }
        }
    }
}

fn within(count: u64, limit: Option<u64>, error: PrepareError) -> Result<(), PrepareError> {
    if count <= limit.unwrap_or(u64::MAX) { Ok(()) } else { Err(error) }
}

fn collect<T, E>(items: impl IntoIterator<Item = Result<T, E>>) -> Result<Vec<T>, PrepareError> {
    items.into_iter().collect::<Result<_, _>>().map_err(|_| PrepareError::Deserialization)
}

fn signature(ty: &FuncType) -> Signature {
    let types = |types: &[ValType]| types.iter().copied().map(value_type).collect();
    Signature { params: types(ty.params()), results: types(ty.results()) }
}

fn value_type(ty: ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::Ref(ty) if ty.is_func_ref() => ValueType::FuncRef,
        ValType::Ref(_) => ValueType::ExternRef,
    }
}

fn proposals(proposals: WasmProposals) -> WasmFeatures {
    // `externref` stays off even with reference types: it would be `GC_TYPES`.
    let basic = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::FLOATS;
    match proposals {
        WasmProposals::Basic => basic,
        WasmProposals::ReferenceTypesAndBulkMemory => {
            basic | WasmFeatures::REFERENCE_TYPES | WasmFeatures::BULK_MEMORY
        }
    }
}
