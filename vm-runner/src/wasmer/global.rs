//! The gas global, at its place in memory: each host call reads and writes it, and wasmer's own
//! way checks types and handles each time.

use std::ptr::NonNull;

use wasmer::{AsStoreMut, Module, Type};
use wasmer_types::{ExportIndex, Mutability};

/// A mutable 64-bit global of an instance.
#[derive(Clone, Copy)]
pub(super) struct RawGlobal(NonNull<i64>);

// SAFETY: the global belongs to the store that holds this (in its `Env`); both move together, and
// it is used only while the store is borrowed mutably.
unsafe impl Send for RawGlobal {}

impl RawGlobal {
    /// The place of the exported global `name` among those of the module, which imports none.
    pub(super) fn index(module: &Module, name: &str) -> Option<usize> {
        let info = module.info();
        match info.exports.get(name)? {
            ExportIndex::Global(index) if info.num_imported_globals == 0 => {
                usize::try_from(index.as_u32()).ok()
            }
            _ => None,
        }
    }

    /// The global at `index` of the first instance in `store`.
    pub(super) fn find(store: &mut impl AsStoreMut, index: usize) -> Option<Self> {
        let global = store.objects_mut().iter_globals().nth(index)?;
        let ty = global.ty();
        if ty.ty != Type::I64 || ty.mutability != Mutability::Var {
            return None;
        }
        // SAFETY: the definition is allocated for as long as the store lives; taking the address
        // of a field reads nothing, and all fields of the union of values start at that address.
        let value = unsafe { &raw mut (*global.vmglobal().as_ptr()).val.i64 };
        NonNull::new(value).map(RawGlobal)
    }

    /// Its value.
    pub(super) fn get(self, _store: &mut impl AsStoreMut) -> i64 {
        // SAFETY: the store owns the global and is borrowed, so it lives and no guest runs; the
        // type was checked.
        unsafe { self.0.read() }
    }

    /// Sets its value.
    pub(super) fn set(self, _store: &mut impl AsStoreMut, value: i64) {
        // SAFETY: as for reading; the global is mutable.
        unsafe { self.0.write(value) }
    }
}
