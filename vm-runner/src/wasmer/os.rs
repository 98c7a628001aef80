//! What Linux does with the pages of a memory.

use wasmer::Pages;
use wasmer::vm::{LinearMemory, MemoryError, MemoryStyle, VMMemory, VMMemoryDefinition};

/// Large pages take long to clear, and a call touches few bytes of them.
pub(super) fn keep_pages_small(memory: &VMMemory) {
    let MemoryStyle::Static { bound, offset_guard_size } = memory.style() else { return };
    let Ok(guard) = usize::try_from(offset_guard_size) else { return };
    let reserved = bound.bytes().0.saturating_add(guard);
    // SAFETY: the memory's own definition lives as long as the memory.
    let VMMemoryDefinition { base, .. } = unsafe { memory.vmmemory().read() };
    // SAFETY: the range is what such a memory reserves, and the advice changes no content. It
    // fails where the system has no large pages, which is as well.
    unsafe { libc::madvise(base.cast(), reserved, libc::MADV_NOHUGEPAGE) };
}

/// Makes what is behind the first `kept` pages of wasm inaccessible.
pub(super) fn protect_from(memory: &mut VMMemory, kept: Pages) -> Result<(), MemoryError> {
    // SAFETY: the memory's own definition lives as long as the memory.
    let VMMemoryDefinition { base, current_length } = unsafe { memory.vmmemory().read() };
    let kept = kept.bytes().0;
    let is_static = matches!(memory.style(), MemoryStyle::Static { .. });
    let cut = current_length.checked_sub(kept).filter(|_| kept > 0 && is_static);
    let refused = || MemoryError::Region("a memory that moves is not cut".to_owned());
    let cut = cut.ok_or_else(refused)?;
    // SAFETY: the range is the end of the memory's mapping, and the guest does not run. A guest
    // finds the end of such a memory by the protection of what is behind.
    match unsafe { libc::mprotect(base.add(kept).cast(), cut, libc::PROT_NONE) } {
        0 => Ok(()),
        _ => Err(MemoryError::Region("the memory cannot be protected".to_owned())),
    }
}
