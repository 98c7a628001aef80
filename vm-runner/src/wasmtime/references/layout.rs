//! Where the references of a module go.

use super::super::startup::Unknown;
use super::{Found, Kind, Reference};

/// So many functions wasmtime writes to a table from data.
const MOST_REFERENCES: usize = 1 << 20;

/// The table that is added, and what else is.
#[derive(Debug)]
pub(super) struct Layout {
    /// What the table holds first.
    pub(super) references: Vec<Reference>,
    /// Its index.
    pub(super) table: u32,
    /// For each global, its place in the table if it is a reference.
    pub(super) globals: Vec<Option<u32>>,
    /// For each segment, which part of the table it is if it is passive.
    pub(super) parts: Vec<Option<Part>>,
    /// Active segments of functions: the table, the place, the functions.
    pub(super) active: Vec<(u32, u32, Vec<u32>)>,
    /// Whether an active segment does not fit.
    pub(super) out_of_bounds: bool,
}

/// A passive segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: u32,
    pub(super) len: u32,
    /// The global that holds its length, which is zero once it is dropped.
    pub(super) global: u32,
}

impl Layout {
    pub(super) fn of(found: &Found) -> Result<Self, Unknown> {
        let table = number(found.tables.len())?;
        let mut references: Vec<Reference> = Vec::new();
        // Functions first: a range without gaps is one segment.
        for is_function in [true, false] {
            let globals = found.globals.iter().flatten().copied();
            references.extend(globals.filter(|global: &Reference| global.is_some() == is_function));
        }
        let functions = references.iter().flatten().count();
        let (mut some, mut none) = (0.., functions..);
        let globals = found.globals.iter().map(|global| {
            let places = if (*global)?.is_some() { &mut some } else { &mut none };
            places.next()
        });
        let globals: Vec<Option<usize>> = globals.collect();
        let globals = globals.into_iter().map(|at| at.map(number).transpose());
        let globals = globals.collect::<Result<Vec<_>, _>>()?;
        let (mut parts, mut global) = (Vec::new(), number(globals.len())?);
        for segment in &found.segments {
            if !matches!(segment.kind, Kind::Passive) {
                parts.push(None);
                continue;
            }
            let (start, len) = (number(references.len())?, number(segment.items.len())?);
            parts.push(Some(Part { start, len, global }));
            references.extend_from_slice(&segment.items);
            global = global.saturating_add(1);
        }
        if references.len() > MOST_REFERENCES {
            return Err(Unknown::TooLarge);
        }
        let contents = found.contents();
        let out_of_bounds = contents.is_none();
        let contents = contents.unwrap_or_default().into_iter();
        let own = (0..).zip(&references).filter_map(|(at, item)| Some(((table, at), (*item)?)));
        let active = ranges(contents.chain(own));
        Ok(Layout { references, table, globals, parts, active, out_of_bounds })
    }
}

/// References in ascending order, those that are neighbours together.
fn ranges(references: impl Iterator<Item = ((u32, u32), u32)>) -> Vec<(u32, u32, Vec<u32>)> {
    let mut ranges: Vec<(u32, u32, Vec<u32>)> = Vec::new();
    let mut next = None;
    for ((table, at), function) in references {
        match ranges.last_mut() {
            Some((_, _, functions)) if next == Some((table, at)) => functions.push(function),
            _ => ranges.push((table, at, vec![function])),
        }
        next = Some((table, at.saturating_add(1)));
    }
    ranges
}

pub(super) fn number(count: usize) -> Result<u32, Unknown> {
    u32::try_from(count).map_err(|_| Unknown::TooLarge)
}
