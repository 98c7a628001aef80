//! The types of what a module declares, as far as the analysis needs them.

use wasmparser as wp;

use super::Rule;

/// The bytes of the value types that are accepted.
const VALUE_TYPES: [u8; 6] = [0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f];

/// A function or block type: a range of [`ModuleTypes::values`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    start: u32,
    pub(super) params: u32,
    pub(super) results: u32,
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
    pub(super) functions: Vec<u32>,
    pub(super) imported_functions: u32,
    /// Bytes of value types, imported globals first.
    pub(super) globals: Vec<u8>,
}

impl ModuleTypes {
    pub(super) fn new() -> Self {
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

    pub(super) fn add_type(&mut self, ty: &wp::FuncType) -> Result<(), Rule> {
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

/// The byte of a value type.
pub(super) fn value_type(ty: wp::ValType) -> Result<u8, Rule> {
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
