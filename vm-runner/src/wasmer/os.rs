//! What Linux does with the pages of a memory.

use std::sync::LazyLock;

use wasmer::Pages;
use wasmer::vm::{LinearMemory, MemoryError, MemoryStyle, VMMemory, VMMemoryDefinition};

static PAGE_BYTES: LazyLock<usize> = LazyLock::new(|| {
    // SAFETY: this reads a constant of the system.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or_default().max(1)
});

/// The size of a page.
pub(super) fn page_bytes() -> usize {
    *PAGE_BYTES
}

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

/// Makes the pages of `range` zeros that take no memory. False when that did not work.
pub(super) fn give_back(range: &mut [u8]) -> bool {
    // SAFETY: the range is that of a private and anonymous mapping and borrowed mutably. Linux
    // gives such a mapping zeros after this call.
    range.is_empty()
        || unsafe { libc::madvise(range.as_mut_ptr().cast(), range.len(), libc::MADV_DONTNEED) }
            == 0
}

/// The indices of pages in `memory` that were touched, but for those that were swapped out.
pub(super) fn touched_pages(memory: &[u8]) -> impl Iterator<Item = usize> {
    let mut there = vec![0_u8; memory.len().div_ceil(page_bytes())];
    let base = memory.as_ptr().cast_mut();
    // SAFETY: the range is mapped, only read, and the vector has a byte for each of its pages.
    if unsafe { libc::mincore(base.cast(), memory.len(), there.as_mut_ptr().cast()) } != 0 {
        there.clear();
    }
    there.into_iter().enumerate().filter(|(_, there)| there & 1 == 1).map(|(index, _)| index)
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
