//! The gas global and the memory of an instance at their places: each host call needs both, and
//! wasmer's own way to them takes longer than most host functions.

use std::cell::Cell;
use std::ptr::NonNull;

use wasmer::vm::VMMemoryDefinition;
use wasmer::{AsStoreMut, Module, Type};
use wasmer_types::{ExportIndex, Mutability};

/// A mutable 64-bit global of an instance.
#[derive(Clone, Copy)]
pub(super) struct RawGlobal(NonNull<i64>);

/// The memory of an instance.
#[derive(Clone, Copy)]
pub(super) struct RawMemory(NonNull<VMMemoryDefinition>);

// SAFETY: the global belongs to the store that holds this (in its `Env`); both move together, and
// it is used only while the store is borrowed mutably.
unsafe impl Send for RawGlobal {}

// SAFETY: as for the global.
unsafe impl Send for RawMemory {}

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

thread_local! {
    /// Where the memory that was made last on this thread is described.
    static LAST_MADE: Cell<Option<NonNull<VMMemoryDefinition>>> = const { Cell::new(None) };
}

impl RawMemory {
    /// To be called by the tunables, the only ones whom wasmer tells where a memory is described.
    pub(super) fn made(definition: NonNull<VMMemoryDefinition>) {
        LAST_MADE.set(Some(definition));
    }

    /// Makes an instance, and finds its memory. No guest runs while an instance is made, so no
    /// other one comes between.
    pub(super) fn of<T>(make_instance: impl FnOnce() -> T) -> (T, Option<Self>) {
        LAST_MADE.set(None);
        let instance = make_instance();
        (instance, LAST_MADE.take().map(RawMemory))
    }

    /// Its content.
    pub(super) fn bytes(self, _store: &mut impl AsStoreMut) -> &mut [u8] {
        // SAFETY: the store owns the instance that the description is a part of, so it lives, and
        // wasmer keeps it up to date when the memory grows. The store is borrowed for as long as
        // the slice lives, so the memory neither moves nor grows, and its guest does not run; the
        // memory is not shared. The description is copied, and no reference to it is kept.
        let definition = unsafe { self.0.read() };
        // SAFETY: as above; the description is that of allocated memory.
        unsafe { std::slice::from_raw_parts_mut(definition.base, definition.current_length) }
    }
}
