//! Writes a module whose references are in tables.

use std::collections::BTreeMap;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, Encode, Function, FunctionSection,
    GlobalSection, GlobalType, InstructionSink, Module, RawSection, RefType, SectionId,
    TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{BinaryReader, FunctionBody, Operator, Parser, Payload};

use super::super::startup::Unknown;
use super::Found;
use super::layout::Layout;

/// The order of sections in a prepared module.
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

pub(super) fn module(wasm: &[u8], found: &Found, layout: &Layout) -> Result<Vec<u8>, Unknown> {
    let mut sections = BTreeMap::new();
    let mut bodies = CodeSection::new();
    let mut globals = GlobalSection::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::CodeSectionEntry(body) => {
                bodies.raw(&rewritten(body, found, layout)?);
            }
            Payload::GlobalSection(old) => {
                let mut starts: Vec<usize> = Vec::new();
                for global in old.clone().into_iter_with_offsets() {
                    starts.push(global?.0);
                }
                let ends = starts.iter().skip(1).copied().chain([old.range().end]);
                for ((start, end), place) in starts.iter().zip(ends).zip(&layout.globals) {
                    match place {
                        // It keeps its index.
                        Some(_) => globals.global(number_type(false), &ConstExpr::i32_const(0)),
                        None => globals.raw(wasm.get(*start..end).unwrap_or_default()),
                    };
                }
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            sections.insert(id, wasm.get(range).unwrap_or_default().to_vec());
        }
    }
    for part in layout.parts.iter().flatten() {
        globals.global(number_type(true), &ConstExpr::i32_const(part.len.cast_signed()));
    }
    let mut add = |id: SectionId, added: Vec<u8>| -> Result<(), Unknown> {
        let old = sections.entry(u8::from(id)).or_insert_with(|| vec![0]);
        *old = joined(old, &added)?;
        Ok(())
    };
    let helpers = Helpers::new(found, layout)?;
    add(SectionId::Type, content(&helpers.types)?)?;
    add(SectionId::Function, content(&helpers.functions)?)?;
    let mut tables = TableSection::new();
    let size = u64::try_from(layout.references.len()).unwrap_or(u64::MAX);
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: size,
        maximum: Some(size),
        shared: false,
    });
    add(SectionId::Table, content(&tables)?)?;
    sections.insert(SectionId::Global.into(), content(&globals)?);
    sections.insert(SectionId::Element.into(), content(&elements(found, layout))?);
    let code = joined(&content(&bodies)?, &content(&helpers.bodies)?)?;
    sections.insert(SectionId::Code.into(), code);
    let mut module = Module::new();
    for id in ORDER.map(u8::from) {
        if let Some(data) = sections.get(&id) {
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

fn number_type(mutable: bool) -> GlobalType {
    GlobalType { val_type: ValType::I32, mutable, shared: false }
}

/// The number of a section's entries and the entries.
fn content(section: &impl Encode) -> Result<Vec<u8>, Unknown> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    let (_, content) = split_number(&bytes)?;
    Ok(content.to_vec())
}

/// The entries of two sections in one.
fn joined(first: &[u8], second: &[u8]) -> Result<Vec<u8>, Unknown> {
    let ((some, first), (more, second)) = (split_number(first)?, split_number(second)?);
    let mut joined = Vec::with_capacity(first.len().saturating_add(second.len()));
    some.checked_add(more).ok_or(Unknown::TooLarge)?.encode(&mut joined);
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    Ok(joined)
}

fn split_number(bytes: &[u8]) -> Result<(u32, &[u8]), Unknown> {
    let mut reader = BinaryReader::new(bytes, 0);
    let number = reader.read_var_u32()?;
    Ok((number, bytes.get(reader.original_position()..).unwrap_or_default()))
}

/// The old segments are as ones that were dropped, and still declare their functions. Those of the
/// tables follow.
fn elements(found: &Found, layout: &Layout) -> ElementSection {
    let mut elements = ElementSection::new();
    for segment in &found.segments {
        elements.declared(Elements::Functions(segment.functions().collect()));
    }
    for (table, at, functions) in &layout.active {
        let at = ConstExpr::i32_const(at.cast_signed());
        elements.active(Some(*table), &at, Elements::Functions(functions.as_slice().into()));
    }
    elements
}

/// Functions behind those of the module: one for each table that writes references to it, and one
/// that writes to a global.
struct Helpers {
    types: TypeSection,
    functions: FunctionSection,
    bodies: CodeSection,
}

impl Helpers {
    fn new(found: &Found, layout: &Layout) -> Result<Self, Unknown> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let mut bodies = CodeSection::new();
        types.ty().function([ValType::I32; 5], []);
        types.ty().function([ValType::FUNCREF, ValType::I32], []);
        for table in 0..layout.table {
            functions.function(found.types);
            bodies.function(&table_init(table, layout.table));
        }
        functions.function(found.types.checked_add(1).ok_or(Unknown::TooLarge)?);
        let mut set = Function::new([]);
        set.instructions().local_get(1).local_get(0).table_set(layout.table).end();
        bodies.function(&set);
        Ok(Helpers { types, functions, bodies })
    }
}

/// Does what `table.init` does. Its parameters are those and the start and length of the part.
fn table_init(table: u32, references: u32) -> Function {
    const FIRST: u32 = 1;
    const COUNT: u32 = 2;
    const START: u32 = 3;
    const LEN: u32 = 4;
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.local_get(FIRST).i64_extend_i32_u().local_get(COUNT).i64_extend_i32_u().i64_add();
    sink.local_get(LEN).i64_extend_i32_u().i64_gt_u().if_(BlockType::Empty);
    // Beyond any table: it traps as `table.init` does.
    sink.i32_const(-1).table_get(references).drop().end();
    sink.local_get(0).local_get(FIRST).local_get(START).i32_add().local_get(COUNT);
    sink.table_copy(table, references).end();
    function
}

/// The body with other instructions for what uses references that are in the table now.
fn rewritten(body: &FunctionBody<'_>, found: &Found, layout: &Layout) -> Result<Vec<u8>, Unknown> {
    let (start, bytes) = (body.range().start, body.as_bytes());
    let mut written = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let from = operators.original_position().saturating_sub(start);
        let operator = operators.read()?;
        let mut own = Vec::new();
        if !write_own(&operator, found, layout, &mut InstructionSink::new(&mut own)) {
            continue;
        }
        written.extend_from_slice(bytes.get(copied..from).unwrap_or_default());
        written.append(&mut own);
        copied = operators.original_position().saturating_sub(start);
    }
    written.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    Ok(written)
}

/// Writes what stands for `operator`; false for one that stays.
fn write_own(
    operator: &Operator<'_>,
    found: &Found,
    layout: &Layout,
    sink: &mut InstructionSink<'_>,
) -> bool {
    match *operator {
        Operator::GlobalGet { global_index } => {
            let Some(place) = at(&layout.globals, global_index) else { return false };
            sink.i32_const(place.cast_signed()).table_get(layout.table);
        }
        Operator::GlobalSet { global_index } => {
            let Some(place) = at(&layout.globals, global_index) else { return false };
            sink.i32_const(place.cast_signed());
            sink.call(found.functions.saturating_add(layout.table));
        }
        Operator::TableInit { elem_index, table } => {
            let Some(part) = at(&layout.parts, elem_index) else { return false };
            sink.i32_const(part.start.cast_signed()).global_get(part.global);
            sink.call(found.functions.saturating_add(table));
        }
        Operator::ElemDrop { elem_index } => {
            let Some(part) = at(&layout.parts, elem_index) else { return false };
            sink.i32_const(0).global_set(part.global);
        }
        _ => return false,
    }
    true
}

fn at<T: Copy>(items: &[Option<T>], index: u32) -> Option<T> {
    items.get(usize::try_from(index).ok()?).copied().flatten()
}
