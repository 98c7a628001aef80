//! Memories of a module that are used again: mapping one and giving it back, or taking the pages
//! again that a call touched, takes longer than a small call.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use crate::pages::{self, Hot};

/// So many memories of a module are kept, for calls from as many threads.
const MOST_IDLE: usize = 2;

/// The memories of a module that no call uses: zeros, as wasmtime wants new ones.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<Mapping>>);

thread_local! {
    /// Of the module that is about to be instantiated on this thread.
    static NEXT: RefCell<Option<Arc<Idle>>> = const { RefCell::new(None) };
}

/// Has the memory of the instance that `make` makes come from `idle`.
pub(super) fn from<T>(idle: &Arc<Idle>, make: impl FnOnce() -> T) -> T {
    NEXT.set(Some(Arc::clone(idle)));
    let instance = make();
    NEXT.set(None);
    instance
}

/// Makes the memories of instances.
pub(super) struct Memories;

// SAFETY: a memory has the reservation and the guard that are asked for, is zeros, and is used by
// nobody else until it is dropped.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved = reserved.ok_or("a memory that moves")?;
        let whole = reserved.checked_add(guard).ok_or("a memory larger than all")?;
        let home = NEXT.take();
        let idle = home.as_ref().and_then(|home| home.0.lock().pop());
        let mapping = match idle.filter(|m| (m.whole, m.minimum) == (whole, minimum)) {
            Some(mapping) => mapping,
            None => Mapping::new(whole, minimum)?,
        };
        Ok(Box::new(Memory { size: minimum, reserved, home, mapping: Some(mapping) }))
    }
}

/// The memory of an instance.
struct Memory {
    size: usize,
    reserved: usize,
    home: Option<Arc<Idle>>,
    /// `None` only when it is dropped.
    mapping: Option<Mapping>,
}

// SAFETY: the mapping does not move, and what is beyond its size cannot be accessed.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.reserved
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        let mapping = self.mapping.as_ref().filter(|_| size <= self.reserved);
        let mapping = mapping.ok_or_else(|| wasmtime::Error::msg("beyond the reservation"))?;
        mapping.protect(self.size..size, true).map_err(wasmtime::Error::msg)?;
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.mapping.as_ref().map_or(std::ptr::null_mut(), |mapping| mapping.base.as_ptr())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let (Some(home), Some(mut mapping)) = (self.home.take(), self.mapping.take()) else {
            return;
        };
        if home.0.lock().len() < MOST_IDLE && mapping.wipe(self.size) {
            let mut idle = home.0.lock();
            if idle.len() < MOST_IDLE {
                idle.push(mapping);
            }
        }
    }
}

/// Address space of which the first bytes are memory.
struct Mapping {
    base: NonNull<u8>,
    whole: usize,
    minimum: usize,
    hot: Hot,
}

// SAFETY: it is the only one that knows of its address space.
unsafe impl Send for Mapping {}
// SAFETY: shared, it can only be asked.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(whole: usize, minimum: usize) -> Result<Self, String> {
        let base = pages::reserve(whole).ok_or("the system gives no address space")?;
        let mapping = Mapping { base, whole, minimum, hot: Hot::default() };
        mapping.protect(0..minimum, true)?;
        Ok(mapping)
    }

    fn protect(&self, range: std::ops::Range<usize>, accessible: bool) -> Result<(), String> {
        // SAFETY: the range is one of this mapping, which outlives the call; no reference into it
        // exists while wasmtime grows the memory or has dropped it.
        let done = range.end <= self.whole
            && unsafe { pages::protect(self.base.as_ptr(), range, accessible) };
        done.then_some(()).ok_or_else(|| "the memory cannot be protected".to_owned())
    }

    /// Makes the first `size` bytes zeros and what is behind the smallest size inaccessible. False
    /// when that did not work: it must not be used.
    fn wipe(&mut self, size: usize) -> bool {
        // SAFETY: so many bytes are accessible, and wasmtime has dropped the memory.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), size) };
        self.hot.wipe(bytes)
            && (size == self.minimum || self.protect(self.minimum..size, false).is_ok())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nobody else knows of it.
        unsafe { pages::release(self.base.as_ptr(), self.whole) };
    }
}
