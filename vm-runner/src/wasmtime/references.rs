//! References to functions that an instance begins with. wasmtime writes those of active segments
//! from data; for each one of a global, a passive segment or an expression it compiles code, which
//! takes gigabytes for as many as a contract has room for. In a module with many of them they go to
//! a table of their own, whose active segments are data, and the instructions that use them are
//! written anew.

mod layout;
mod write;

use std::collections::BTreeMap;

use wasmparser::{
    ConstExpr, ElementItems, ElementKind, Operator, Parser, Payload, RefType, TypeRef, ValType,
};

use super::startup::{Unknown, place};
use layout::Layout;

/// So many references may become code. Compilers of contracts write none.
const MOST_COMPILED: usize = 256;

/// The same module with its references in tables; `None` where they are few. Whether an active
/// segment does not fit is told beside it: then the module has none.
pub(super) fn in_tables(wasm: &[u8]) -> Result<Option<(Vec<u8>, bool)>, Unknown> {
    let found = Found::read(wasm)?;
    if found.compiled() <= MOST_COMPILED {
        return Ok(None);
    }
    let layout = Layout::of(&found)?;
    let written = write::module(wasm, &found, &layout)?;
    Ok(Some((written, layout.out_of_bounds)))
}

/// What of a module matters here.
#[derive(Debug, Default)]
struct Found {
    types: u32,
    /// Imported ones included.
    functions: u32,
    /// The smallest sizes of the tables.
    tables: Vec<u64>,
    /// For each global that is a reference, which one.
    globals: Vec<Option<Reference>>,
    segments: Vec<Segment>,
}

/// A function, or none.
type Reference = Option<u32>;

#[derive(Debug)]
struct Segment {
    kind: Kind,
    /// Whether they are written as indices.
    are_indices: bool,
    items: Vec<Reference>,
}

#[derive(Debug)]
enum Kind {
    Active { table: u32, at: u32 },
    Passive,
    Declared,
}

impl Found {
    fn read(wasm: &[u8]) -> Result<Self, Unknown> {
        let mut found = Found::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(types) => found.types = types.count(),
                Payload::ImportSection(imports) => {
                    for import in imports {
                        let is_function = matches!(import?.ty, TypeRef::Func(_));
                        found.functions = found.functions.saturating_add(u32::from(is_function));
                    }
                }
                Payload::FunctionSection(functions) => {
                    found.functions = found.functions.saturating_add(functions.count());
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        found.tables.push(table?.ty.initial);
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        let global = global?;
                        let is_reference = global.ty.content_type == ValType::Ref(RefType::FUNCREF);
                        let first = is_reference.then(|| reference(&global.init_expr));
                        found.globals.push(first.transpose()?);
                    }
                }
                Payload::ElementSection(segments) => {
                    for segment in segments {
                        found.segments.push(Segment::read(segment?)?);
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// For how many references wasmtime would compile code, about.
    fn compiled(&self) -> usize {
        let is_code = |segment: &Segment| match segment.kind {
            Kind::Active { .. } => !segment.are_indices || !segment.fits(&self.tables),
            Kind::Passive => true,
            Kind::Declared => false,
        };
        // Behind one that is code all are.
        let segments = self.segments.iter().skip_while(|segment| !is_code(segment));
        let items = segments.map(|segment| segment.items.len().saturating_add(1));
        items.fold(self.globals.iter().flatten().count(), usize::saturating_add)
    }

    /// What the tables of a new instance hold; `None` if a segment does not fit.
    fn contents(&self) -> Option<BTreeMap<(u32, u32), u32>> {
        let mut contents = BTreeMap::new();
        for segment in &self.segments {
            let Kind::Active { table, at } = segment.kind else { continue };
            if !segment.fits(&self.tables) {
                return None;
            }
            for (at, item) in (at..).zip(&segment.items) {
                match item {
                    Some(function) => contents.insert((table, at), *function),
                    None => contents.remove(&(table, at)),
                };
            }
        }
        Some(contents)
    }
}

impl Segment {
    fn read(segment: wasmparser::Element<'_>) -> Result<Self, Unknown> {
        let kind = match segment.kind {
            ElementKind::Active { table_index, offset_expr } => {
                Kind::Active { table: table_index.unwrap_or(0), at: place(&offset_expr)? }
            }
            ElementKind::Passive => Kind::Passive,
            ElementKind::Declared => Kind::Declared,
        };
        let (are_indices, items) = match segment.items {
            ElementItems::Functions(items) => (
                true,
                items.into_iter().map(|item| Ok(Some(item?))).collect::<Result<_, Unknown>>()?,
            ),
            ElementItems::Expressions(_, items) => {
                (false, items.into_iter().map(|item| reference(&item?)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Segment { kind, are_indices, items })
    }

    /// Whether an active one is within its table.
    fn fits(&self, tables: &[u64]) -> bool {
        let Kind::Active { table, at } = self.kind else { return true };
        let size = usize::try_from(table).ok().and_then(|table| tables.get(table));
        let len = u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        size.is_some_and(|size| u64::from(at).saturating_add(len) <= *size)
    }

    fn functions(&self) -> impl Iterator<Item = u32> {
        self.items.iter().copied().flatten()
    }
}

fn reference(expression: &ConstExpr<'_>) -> Result<Reference, Unknown> {
    match expression.get_operators_reader().read()? {
        Operator::RefFunc { function_index } => Ok(Some(function_index)),
        Operator::RefNull { .. } => Ok(None),
        _ => Err(Unknown::NotConstant),
    }
}
