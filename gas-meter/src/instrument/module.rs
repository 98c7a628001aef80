//! Reads a module section by section, and analyses its functions.

use wasmparser::{self as wp, Parser, Payload, TypeRef};

use super::analysis::{Analyzer, Scratch};
use super::body::Body;
use super::reader::Reader;
use super::types::{ModuleTypes, value_type};
use super::{FunctionAnalysis, InstrumentError, Limits, Prices, Rule};

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
            Payload::Version { encoding, range, .. } if *encoding != wp::Encoding::Module => {
                return Err(InstrumentError::at(Rule::Malformed, range.start));
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
        let body = Body::new(&mut self.scratch.room);
        let analyzer = Analyzer {
            prices: self.prices,
            types: &self.types,
            gas_global: u32::try_from(self.types.globals.len()).unwrap_or(u32::MAX),
            reader: Reader::new(code, range.start),
            scratch: &mut self.scratch,
            body,
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

pub(super) fn malformed(error: &wp::BinaryReaderError) -> InstrumentError {
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
