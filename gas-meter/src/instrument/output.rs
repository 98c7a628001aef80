//! The metered module. All sections are copied as they are but globals, exports and code,
//! which are extended, and the start section, which becomes an export.

use wasm_encoder::{
    ConstExpr, Encode, ExportKind, GlobalType, Module, RawSection, Section, SectionId, ValType,
};
use wasmparser::{self as wp, ExternalKind, Payload, TypeRef};

use super::body::Body;
use super::calls::HostFree;
use super::function::FunctionWriter;
use super::module::{Sink, malformed};
use super::reader::Reader;
use super::types::ModuleTypes;
use super::{Form, InstrumentError, Limits, Metered, Prices, Rule, abi};

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

    /// Writes the section, unless it is empty.
    fn write(&self, id: SectionId, out: &mut Vec<u8>) {
        if self.count > 0 {
            let mut count = Vec::new();
            self.count.encode(&mut count);
            id.encode(out);
            count.len().saturating_add(self.entries.len()).encode(out);
            out.extend_from_slice(&count);
            out.extend_from_slice(&self.entries);
        }
    }
}

/// Writes the metered module.
pub(super) struct ModuleWriter<'a> {
    wasm: &'a [u8],
    prices: &'a Prices,
    form: Form,
    stack_bytes: u32,
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
    fn reference_bytes(&self, extended: [&Extended; 2]) -> u64 {
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
            let entry_gas = self.prices.entry(body.frame_bytes);
            let charges = body.charges.iter().map(|charge| charge.price.base);
            largest = charges.chain([entry_gas, largest]).max().unwrap_or_default();
            scratch.clear();
            let mut writer = FunctionWriter {
                wasm: self.wasm,
                form: self.form,
                body,
                gas_global: self.gas_global(),
                entry_gas,
                free: &free,
                is_free: free.is_free(index),
                out: &mut scratch,
                uncopied: 0..0,
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
        let reference_bytes = self.reference_bytes([&globals, &self.exports]);
        // What near-vm-runner has not.
        globals.add(|out| global(out, ValType::I32, &ConstExpr::i32_const(0)));
        self.export(abi::REMAINING_STACK, ExportKind::Global, stack_global);
        self.export(abi::INEXACT, ExportKind::Global, stack_global.saturating_add(1));
        self.globals.count = globals.count.saturating_sub(3);
        let (functions, largest_charge) = self.code(types);
        let exports = &self.exports;
        let copied = self.copied.iter().map(|(_, data)| data.len());
        let extended = [&globals, exports, &functions].map(|section| section.entries.len());
        let data = copied.chain(extended).fold(0usize, usize::saturating_add);
        // Each section has less than eleven bytes in front: the identifier, its length, a count.
        let fronts = ORDER.len().saturating_mul(11).saturating_add(Module::HEADER.len());
        let mut wasm = Vec::with_capacity(data.saturating_add(fronts));
        wasm.extend_from_slice(&Module::HEADER);
        for section in ORDER {
            match section {
                SectionId::Global => globals.write(section, &mut wasm),
                SectionId::Export => exports.write(section, &mut wasm),
                SectionId::Code => functions.write(section, &mut wasm),
                _ => {
                    let id = u8::from(section);
                    if let Some((_, data)) = self.copied.iter().find(|(copied, _)| *copied == id) {
                        RawSection { id, data }.append_to(&mut wasm);
                    }
                }
            }
        }
        Metered { wasm, reference_bytes, largest_charge }
    }
}

fn global(out: &mut Vec<u8>, val_type: ValType, initial: &ConstExpr) {
    GlobalType { val_type, mutable: true, shared: false }.encode(out);
    initial.encode(out);
}
