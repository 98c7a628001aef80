//! What Linux does with pages.

use std::sync::LazyLock;
#[cfg(feature = "wasmtime")]
use std::{
    ops::Range,
    ptr::{self, NonNull},
};

static PAGE_BYTES: LazyLock<usize> = LazyLock::new(|| {
    // SAFETY: this reads a constant of the system.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or_default().max(1)
});

/// The size of a page.
pub(crate) fn page_bytes() -> usize {
    *PAGE_BYTES
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

/// Address space that cannot be accessed, of so many bytes.
#[cfg(feature = "wasmtime")]
pub(crate) fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping where there is none.
    let base = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
    let base = NonNull::new(base.cast::<u8>()).filter(|_| base != libc::MAP_FAILED)?;
    // Large pages take long to clear, and a call touches few bytes of them.
    // SAFETY: the range is that of the mapping, and the advice changes no content. It fails where
    // the system has no large pages, which is as well.
    unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
    Some(base)
}

/// Makes a range of what was reserved at `base` accessible or not. False when that did not work.
///
/// # Safety
/// The range must be one of the reservation, and nothing may refer to what becomes inaccessible.
#[cfg(feature = "wasmtime")]
pub(crate) unsafe fn protect(base: *mut u8, range: Range<usize>, accessible: bool) -> bool {
    let protection = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    // SAFETY: the caller's promise.
    range.is_empty()
        || unsafe { libc::mprotect(base.add(range.start).cast(), range.len(), protection) } == 0
}

/// Gives back what was reserved.
///
/// # Safety
/// Nothing may refer to it.
#[cfg(feature = "wasmtime")]
pub(crate) unsafe fn release(base: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(base.cast(), bytes) };
}
