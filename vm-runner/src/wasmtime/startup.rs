//! What an instance begins with, as far as wasmtime would compile code that writes it: for many
//! small data segments that takes gigabytes. In a prepared module nothing of it depends on what is
//! imported.

use borsh::{BorshDeserialize, BorshSerialize};
use wasm_encoder::{DataSection, Module, RawSection};
use wasmparser::{BinaryReaderError, ConstExpr, DataKind, Operator, Parser, Payload};

use super::references;
use crate::{VmFault, WasmTrap};

const PAGE_BYTES: u64 = 1 << 16;

/// Why a module was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error(transparent)]
    Malformed(#[from] BinaryReaderError),
    #[error("a place that is no constant")]
    NotConstant,
    #[error("a number beyond 32 bits")]
    TooLarge,
}

/// What the memory of a new instance holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Startup {
    /// Places and lengths, in the order in which they are written.
    segments: Vec<(u32, u32)>,
    /// Their bytes, one behind the other.
    bytes: Vec<u8>,
    /// Where a segment does not fit. Those of tables come first.
    out_of_bounds: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Place {
    Table,
    Memory,
}

impl Startup {
    /// Takes the active data segments out of a prepared module: the module that is left, and what
    /// has to be written to the memory of each instance.
    pub(super) fn split(wasm: &[u8]) -> Result<(Vec<u8>, Self), Unknown> {
        let in_tables = references::in_tables(wasm)?;
        let (wasm, no_table) = match &in_tables {
            Some((wasm, out_of_bounds)) => (wasm.as_slice(), *out_of_bounds),
            None => (wasm, false),
        };
        let (mut startup, mut module) = (Startup::default(), Module::new());
        let (mut memory_bytes, mut are_counted) = (0, false);
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::MemorySection(memories) => {
                    for memory in memories.clone() {
                        memory_bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    }
                }
                Payload::DataCountSection { .. } => are_counted = true,
                Payload::DataSection(segments) => {
                    let mut passive = DataSection::new();
                    for segment in segments.clone() {
                        let segment = segment?;
                        match segment.kind {
                            DataKind::Passive => passive.passive(segment.data.iter().copied()),
                            DataKind::Active { offset_expr, .. } => {
                                startup.add(place(&offset_expr)?, segment.data, memory_bytes)?;
                                // As one that was dropped.
                                passive.passive([])
                            }
                        };
                    }
                    // What is not counted is not referred to.
                    if are_counted {
                        module.section(&passive);
                    }
                    continue;
                }
                _ => {}
            }
            if let Some((id, range)) = payload.as_section() {
                module.section(&RawSection { id, data: wasm.get(range).unwrap_or_default() });
            }
        }
        if no_table {
            startup.out_of_bounds = Some(Place::Table);
        }
        Ok((module.finish(), startup))
    }

    fn add(&mut self, at: u32, data: &[u8], memory_bytes: u64) -> Result<(), Unknown> {
        let len = u32::try_from(data.len()).map_err(|_| Unknown::TooLarge)?;
        if u64::from(at).saturating_add(u64::from(len)) > memory_bytes {
            self.out_of_bounds = Some(Place::Memory);
        }
        if len > 0 && self.out_of_bounds.is_none() {
            self.segments.push((at, len));
            self.bytes.extend_from_slice(data);
        }
        Ok(())
    }

    /// Writes it to the memory of a new instance, unless a segment does not fit.
    pub(super) fn write(&self, memory: &mut [u8]) -> Result<(), WasmTrap> {
        match self.out_of_bounds {
            Some(Place::Table) => return Err(WasmTrap::TableOutOfBounds),
            Some(Place::Memory) => return Err(WasmTrap::MemoryOutOfBounds),
            None => {}
        }
        let mut rest = &*self.bytes;
        for &(at, len) in &self.segments {
            let (at, len) = (index(at), index(len));
            let place = memory.get_mut(at..at.saturating_add(len));
            let (Some((data, behind)), Some(place)) = (rest.split_at_checked(len), place) else {
                return Err(WasmTrap::MemoryOutOfBounds);
            };
            place.copy_from_slice(data);
            rest = behind;
        }
        Ok(())
    }

    /// Writes it down behind the code of its module.
    pub(super) fn append(&self, code: &mut Vec<u8>) -> Result<(), VmFault> {
        let len = u64::try_from(code.len()).unwrap_or_default();
        borsh::to_writer(&mut *code, self).map_err(|error| VmFault::Engine(error.to_string()))?;
        code.extend_from_slice(&len.to_le_bytes());
        Ok(())
    }

    /// What [`Startup::append`] wrote, and the code in front of it.
    pub(super) fn read(bytes: &[u8]) -> Option<(&[u8], Self)> {
        let (bytes, len) = bytes.split_last_chunk()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        let (code, startup) = bytes.split_at_checked(len)?;
        Some((code, Startup::try_from_slice(startup).ok()?))
    }

    /// The memory that it takes.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.segments).saturating_add(self.bytes.len())
    }
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A constant expression as a place in a memory or table.
pub(super) fn place(expression: &ConstExpr<'_>) -> Result<u32, Unknown> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value.cast_unsigned()),
        _ => Err(Unknown::NotConstant),
    }
}
