//! The places of an instance's parts: each host call needs gas and memory, and wasmer's own way to
//! them takes longer than most host functions; a table that is not exported cannot be reached.

use std::cell::RefCell;
use std::ops::Range;
use std::ptr::NonNull;

use wasmer::vm::{VMMemoryDefinition, VMTableDefinition};
use wasmer::{AsStoreMut, Module, Type};
use wasmer_types::{ExportIndex, Mutability};

use super::memory::Image;

/// A mutable 64-bit global of an instance.
#[derive(Clone, Copy)]
pub(super) struct RawGlobal(NonNull<i64>);

/// The memory of an instance.
#[derive(Clone, Copy)]
pub(super) struct RawMemory(NonNull<VMMemoryDefinition>);

/// A table of an instance, with what it held when it was new.
pub(super) struct RawTable {
    place: NonNull<VMTableDefinition>,
    base: NonNull<Element>,
    elements: Box<[Element]>,
}

/// A reference in a table: null or the place of a function.
type Element = Option<NonNull<u8>>;

// SAFETY: the global belongs to the store that is kept with this (or holds it, in its `Env`); both
// move together, and it is used only while the store is borrowed mutably.
unsafe impl Send for RawGlobal {}

// SAFETY: as for the global.
unsafe impl Send for RawMemory {}

// SAFETY: as for the global; its functions belong to the store too.
unsafe impl Send for RawTable {}

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

impl RawMemory {
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

impl RawTable {
    /// The table at `place` of a new instance in `store`.
    fn new(place: NonNull<VMTableDefinition>, _store: &mut impl AsStoreMut) -> Option<Self> {
        // SAFETY: the store owns the instance that the description is a part of, so it lives.
        let VMTableDefinition { base, current_elements } = unsafe { place.read() };
        let base = NonNull::new(base)?.cast::<Element>();
        let length = usize::try_from(current_elements).ok()?;
        // SAFETY: the description is that of an allocated table, whose elements are of the size of
        // a pointer and null or not; the store is borrowed and the copy made at once.
        let elements = unsafe { std::slice::from_raw_parts(base.as_ptr(), length) }.into();
        Some(RawTable { place, base, elements })
    }

    /// Makes it as new. False when it is another table by now, which is larger.
    pub(super) fn wipe(&self, _store: &mut impl AsStoreMut) -> bool {
        // SAFETY: the store owns the instance that the description is a part of, so it lives.
        let VMTableDefinition { base, current_elements } = unsafe { self.place.read() };
        let length = usize::try_from(current_elements).unwrap_or(usize::MAX);
        if base.cast() != self.base.as_ptr() || length != self.elements.len() {
            return false;
        }
        let elements = NonNull::from(&*self.elements).cast();
        // SAFETY: the table is where it was and as long; the store is borrowed, so no guest runs.
        unsafe { self.base.copy_from_nonoverlapping(elements, length) };
        true
    }
}

/// What wasmer tells nobody but tunables and memories while it makes an instance.
#[derive(Default)]
pub(super) struct Places {
    memory: Option<NonNull<VMMemoryDefinition>>,
    tables: Vec<NonNull<VMTableDefinition>>,
    /// What data segments fill of the memory.
    data: Vec<Range<usize>>,
}

thread_local! {
    /// Those of the instance that this thread makes now.
    static MAKING: RefCell<Option<Places>> = const { RefCell::new(None) };
}

impl Places {
    /// Makes an instance, and notes its places. No guest runs while an instance is made, so no
    /// other one comes between.
    pub(super) fn of<T>(make_instance: impl FnOnce() -> T) -> (T, Places) {
        MAKING.set(Some(Places::default()));
        let instance = make_instance();
        (instance, MAKING.take().unwrap_or_default())
    }

    /// Notes something, if an instance is being made.
    fn note(note: impl FnOnce(&mut Places)) {
        MAKING.with_borrow_mut(|places| places.as_mut().map(note));
    }

    /// To be called with the place where a memory is described.
    pub(super) fn note_memory(place: NonNull<VMMemoryDefinition>) {
        Places::note(|places| places.memory = Some(place));
    }

    /// To be called with the place where a table is described.
    pub(super) fn note_table(place: NonNull<VMTableDefinition>) {
        Places::note(|places| places.tables.push(place));
    }

    /// To be called with the range of a memory that a data segment fills.
    pub(super) fn note_data(range: Range<usize>) {
        Places::note(|places| places.data.push(range));
    }

    /// The memory of the instance.
    pub(super) fn memory(&self) -> Option<RawMemory> {
        self.memory.map(RawMemory)
    }

    /// The image of the memory, whose content is `bytes`.
    pub(super) fn image(&self, bytes: &[u8]) -> Option<Image> {
        Image::of(bytes, self.data.clone())
    }

    /// The tables of the instance in `store`, which is new.
    pub(super) fn tables(&self, store: &mut impl AsStoreMut) -> Option<Vec<RawTable>> {
        self.tables.iter().map(|place| RawTable::new(*place, store)).collect()
    }
}
