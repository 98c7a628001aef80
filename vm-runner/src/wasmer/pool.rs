//! The memory of a module, to be used again: mapping a new one and giving it back takes a third of
//! a small call.

use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmer::vm::{LinearMemory, MemoryError, MemoryStyle, VMMemory, VMMemoryDefinition};
use wasmer::{MemoryType, Pages};

/// So many are kept, for calls from as many threads. Small ones take memory, others address space.
const MOST_IDLE: usize = 2;

/// Memories of one type.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// As if they were new.
    idle: Mutex<Vec<VMMemory>>,
}

impl Pool {
    /// A memory for an instance that describes it at `definition`; `make` maps a new one.
    ///
    /// # Safety
    /// `definition` must be valid for as long as the memory lives, until it is dropped.
    pub(super) unsafe fn lend(
        self: &Arc<Self>,
        definition: NonNull<VMMemoryDefinition>,
        make: impl FnOnce() -> Result<VMMemory, MemoryError>,
    ) -> Result<VMMemory, MemoryError> {
        let idle = self.idle.lock().pop();
        let memory = idle.map_or_else(make, Ok)?;
        let lent = Lent {
            smallest: memory.size(),
            memory: Some(memory),
            definition,
            pool: Arc::clone(self),
        };
        lent.describe();
        Ok(VMMemory(Box::new(lent)))
    }
}

/// A memory that goes back to its pool.
#[derive(Debug)]
struct Lent {
    /// Taken out when it is dropped.
    memory: Option<VMMemory>,
    smallest: Pages,
    definition: NonNull<VMMemoryDefinition>,
    pool: Arc<Pool>,
}

// SAFETY: the definition belongs to the instance, which lives in the same store as this memory
// and moves with it.
unsafe impl Send for Lent {}

impl Lent {
    fn memory(&self) -> &VMMemory {
        self.memory.as_ref().expect("it is there until it is dropped")
    }

    fn memory_mut(&mut self) -> &mut VMMemory {
        self.memory.as_mut().expect("it is there until it is dropped")
    }

    /// Tells the instance where the memory is and how long.
    fn describe(&self) {
        // SAFETY: the memory's own definition lives as long as the memory.
        let own = unsafe { self.memory().vmmemory().read() };
        // SAFETY: that the place is valid was promised to `lend`; nobody holds a reference to it
        // while the memory is made or grows.
        unsafe { self.definition.write(own) };
    }
}

impl LinearMemory for Lent {
    fn ty(&self) -> MemoryType {
        self.memory().ty()
    }

    fn size(&self) -> Pages {
        self.memory().size()
    }

    fn style(&self) -> MemoryStyle {
        self.memory().style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        let before = self.memory_mut().grow(delta)?;
        self.describe();
        Ok(before)
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&mut self) -> Result<Box<dyn LinearMemory>, MemoryError> {
        LinearMemory::copy(self.memory_mut())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut memory) = self.memory.take() else { return };
        if renew(&mut memory, self.smallest) {
            let mut idle = self.pool.idle.lock();
            if idle.len() < MOST_IDLE {
                idle.push(memory);
            }
        }
    }
}

/// Memories of so many bytes are faster written over: giving pages back stops every thread of the
/// process for a moment, and taking them again is a fault for each.
#[cfg(target_os = "linux")]
const WRITTEN_OVER: usize = 1 << 18;

/// Makes a memory as if it were new, of `smallest` pages and all zero. False when that did not
/// work: it must not be used.
#[cfg(target_os = "linux")]
fn renew(memory: &mut VMMemory, smallest: Pages) -> bool {
    // SAFETY: the memory's own definition lives as long as the memory.
    let VMMemoryDefinition { base, current_length } = unsafe { memory.vmmemory().read() };
    let cleared = if current_length <= WRITTEN_OVER {
        // SAFETY: the range is readable and writable, belongs to the memory, and no instance uses
        // it any more.
        unsafe { base.write_bytes(0, current_length) };
        true
    } else {
        // SAFETY: the range is that of a private and anonymous mapping that belongs to the memory,
        // and no instance uses it any more. Linux gives such a mapping zeros after this call.
        unsafe { libc::madvise(base.cast(), current_length, libc::MADV_DONTNEED) == 0 }
    };
    if !cleared || memory.size() == smallest {
        return cleared;
    }
    // wasmer only makes memories larger. One that is never moved (and whose guest finds its end
    // by the protection of what is behind) can be cut off and grow to its smallest size again.
    let kept = smallest.bytes().0;
    let Some(cut) = current_length.checked_sub(kept) else { return false };
    if kept == 0 || !matches!(memory.style(), MemoryStyle::Static { .. }) {
        return false;
    }
    // SAFETY: as above; `kept` is within the range.
    let protected = unsafe { libc::mprotect(base.add(kept).cast(), cut, libc::PROT_NONE) } == 0;
    protected && memory.reset().is_ok() && memory.grow(smallest).is_ok()
}

/// Other systems promise no zeros.
#[cfg(not(target_os = "linux"))]
fn renew(_memory: &mut VMMemory, _smallest: Pages) -> bool {
    false
}
