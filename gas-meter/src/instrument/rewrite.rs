//! The sections of a metered module. All are copied as they are but globals, exports and code,
//! which are extended, and the start section, which becomes an export.

use finite_wasm::AnalysisOutcome;
use finite_wasm::wasmparser::{
    self as wp, ExternalKind, FuncType, FunctionBody, Parser, Payload, TypeRef,
};
use wasm_encoder::{
    ConstExpr, Encode, ExportKind, GlobalType, Module, RawSection, SectionId, ValType,
};

use super::function::{Entry, FunctionWriter, Points};
use super::{InstrumentError, Limits, Metered, Schedule, abi};

/// Bytes of a stack frame that cost one instruction when a function is entered.
const FRAME_BYTES_PER_OP: u64 = 8;

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

pub(super) fn rewrite(
    wasm: &[u8],
    analysis: &AnalysisOutcome,
    schedule: &Schedule,
    limits: &Limits,
) -> Result<Metered, InstrumentError> {
    let mut rewriter = Rewriter {
        wasm,
        analysis,
        schedule,
        limits,
        blocks_left: limits.blocks_per_module.unwrap_or(u64::MAX),
        params_left: limits.params_per_module.unwrap_or(u64::MAX),
        reference_bytes: 0,
        types: Vec::new(),
        function_types: Vec::new(),
        globals: Extended::default(),
        exports: Extended::default(),
        start: None,
        functions: Extended::default(),
        copied: Vec::new(),
    };
    for payload in Parser::new(0).parse_all(wasm) {
        rewriter.payload(payload.map_err(|_| InstrumentError::Rewrite)?)?;
    }
    rewriter.finish()
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

struct Rewriter<'a> {
    wasm: &'a [u8],
    analysis: &'a AnalysisOutcome,
    schedule: &'a Schedule,
    limits: &'a Limits,
    blocks_left: u64,
    params_left: u64,
    reference_bytes: u64,
    types: Vec<FuncType>,
    /// Type indices of the module's own functions.
    function_types: Vec<u32>,
    globals: Extended,
    exports: Extended,
    start: Option<u32>,
    functions: Extended,
    copied: Vec<(u8, &'a [u8])>,
}

impl<'a> Rewriter<'a> {
    fn payload(&mut self, payload: Payload<'a>) -> Result<(), InstrumentError> {
        match payload {
            Payload::GlobalSection(ref reader) => {
                self.globals.count = self.globals.count.saturating_add(reader.count());
                let range = reader.original_position()..reader.range().end;
                let entries = self.wasm.get(range).ok_or(InstrumentError::Rewrite)?;
                self.globals.entries = entries.to_vec();
                return Ok(());
            }
            Payload::ExportSection(reader) => return self.copy_exports(reader),
            Payload::StartSection { func, .. } => {
                self.start = Some(func);
                return Ok(());
            }
            Payload::CodeSectionEntry(body) => return self.function(&body),
            Payload::CodeSectionStart { .. } | Payload::CustomSection(_) => return Ok(()),
            Payload::TypeSection(ref reader) => {
                for ty in reader.clone().into_iter_err_on_gc_types() {
                    self.types.push(ty.map_err(|_| InstrumentError::Rewrite)?);
                }
            }
            Payload::ImportSection(ref reader) => {
                for import in reader.clone() {
                    if let TypeRef::Global(_) = import.map_err(|_| InstrumentError::Rewrite)?.ty {
                        return Err(InstrumentError::Rewrite);
                    }
                }
            }
            Payload::FunctionSection(ref reader) => {
                let types: Result<Vec<u32>, _> = reader.clone().into_iter().collect();
                self.function_types = types.map_err(|_| InstrumentError::Rewrite)?;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            self.copied.push((id, self.wasm.get(range).ok_or(InstrumentError::Rewrite)?));
        }
        Ok(())
    }

    fn copy_exports(&mut self, reader: wp::ExportSectionReader<'a>) -> Result<(), InstrumentError> {
        for export in reader {
            let export = export.map_err(|_| InstrumentError::Rewrite)?;
            if abi::RESERVED.contains(&export.name) {
                return Err(InstrumentError::ReservedExport);
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

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), InstrumentError> {
        let at = usize::try_from(self.functions.count).map_err(|_| InstrumentError::Rewrite)?;
        let ty = self
            .function_types
            .get(at)
            .and_then(|ty| self.types.get(usize::try_from(*ty).ok()?))
            .ok_or(InstrumentError::Rewrite)?;
        let params = u32::try_from(ty.params().len()).map_err(|_| InstrumentError::Rewrite)?;
        let result = match ty.results() {
            [] => None,
            [result] => Some(value_type(*result)?),
            _ => return Err(InstrumentError::Rewrite),
        };
        self.count_params(u64::from(params))?;
        let operand_bytes = *get(&self.analysis.function_operand_stack_sizes, at)?;
        if operand_bytes > self.limits.operand_stack_bytes_per_function.unwrap_or(u64::MAX) {
            return Err(InstrumentError::OperandStackTooLarge);
        }
        let frame_bytes = *get(&self.analysis.function_frame_sizes, at)?;
        let entry = Entry {
            stack_bytes: operand_bytes.saturating_add(frame_bytes),
            gas: frame_bytes
                .div_ceil(FRAME_BYTES_PER_OP)
                .saturating_mul(u64::from(self.schedule.regular_op)),
        };
        let points = Points {
            offsets: get(&self.analysis.gas_offsets, at)?,
            kinds: get(&self.analysis.gas_kinds, at)?,
            fees: get(&self.analysis.gas_costs, at)?,
        };
        let gas_global = self.globals.count;
        let writer = FunctionWriter { wasm: self.wasm, gas_global, params, result, entry };
        let max_blocks = self.limits.blocks_per_function.unwrap_or(u64::MAX);
        let mut function = Vec::new();
        let written = writer.write(body, points, max_blocks, &mut function)?;
        self.blocks_left = self
            .blocks_left
            .checked_sub(written.blocks)
            .ok_or(InstrumentError::TooManyBlocksPerModule)?;
        self.reference_bytes = self.reference_bytes.saturating_add(written.reference_bytes);
        self.functions.add(|out| function.encode(out));
        Ok(())
    }

    fn count_params(&mut self, params: u64) -> Result<(), InstrumentError> {
        if params > self.limits.params_per_function.unwrap_or(u64::MAX) {
            return Err(InstrumentError::TooManyParamsPerFunction);
        }
        self.params_left =
            self.params_left.checked_sub(params).ok_or(InstrumentError::TooManyParamsPerModule)?;
        Ok(())
    }

    /// The size with near-vm-runner's code section. Its other sections have a few bytes more.
    fn reference_bytes(&self, extended: &[&[u8]]) -> u64 {
        let copied = self.copied.iter().map(|(_, data)| data.len());
        let others = copied.chain(extended.iter().map(|data| data.len()));
        let others = others.fold(0usize, usize::saturating_add);
        u64::try_from(others).unwrap_or(u64::MAX).saturating_add(self.reference_bytes)
    }

    fn finish(mut self) -> Result<Metered, InstrumentError> {
        let gas_global = self.globals.count;
        let stack_global = gas_global.checked_add(1).ok_or(InstrumentError::Rewrite)?;
        for initial in [0, i64::from(self.limits.stack_bytes)] {
            self.globals.add(|out| {
                GlobalType { val_type: ValType::I64, mutable: true, shared: false }.encode(out);
                ConstExpr::i64_const(initial).encode(out);
            });
        }
        self.export(abi::REMAINING_GAS, ExportKind::Global, gas_global);
        self.export(abi::REMAINING_STACK, ExportKind::Global, stack_global);
        if let Some(start) = self.start {
            self.export(abi::START, ExportKind::Func, start);
        }
        let globals = self.globals.section();
        let exports = self.exports.section();
        let functions = self.functions.section();
        let reference_bytes = self.reference_bytes(&[&globals, &exports]);
        let mut module = Module::new();
        for section in ORDER {
            let id = u8::from(section);
            let data = match section {
                SectionId::Global => Some(globals.as_slice()),
                SectionId::Export => Some(exports.as_slice()),
                SectionId::Code => (self.functions.count > 0).then_some(functions.as_slice()),
                _ => self.copied.iter().find(|(copied, _)| *copied == id).map(|(_, data)| *data),
            };
            if let Some(data) = data {
                module.section(&RawSection { id, data });
            }
        }
        Ok(Metered { wasm: module.finish(), reference_bytes })
    }
}

/// The analysis' entry of the function at `at`.
fn get<T>(entries: &[T], at: usize) -> Result<&T, InstrumentError> {
    entries.get(at).ok_or(InstrumentError::Rewrite)
}

fn value_type(ty: wp::ValType) -> Result<ValType, InstrumentError> {
    Ok(match ty {
        wp::ValType::I32 => ValType::I32,
        wp::ValType::I64 => ValType::I64,
        wp::ValType::F32 => ValType::F32,
        wp::ValType::F64 => ValType::F64,
        wp::ValType::V128 => ValType::V128,
        wp::ValType::Ref(wp::RefType::FUNCREF) => ValType::FUNCREF,
        wp::ValType::Ref(wp::RefType::EXTERNREF) => ValType::EXTERNREF,
        wp::ValType::Ref(_) => return Err(InstrumentError::Rewrite),
    })
}
