//! [`Steady`]: an allocator whose work is the same whatever was allocated before.

#![allow(unsafe_code, reason = "an allocator hands out raw memory")]
#![allow(clippy::as_conversions, reason = "the number of bits of an address is small")]
#![allow(clippy::cast_ptr_alignment, reason = "a block is aligned to 64 bytes at least")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::{Mutex, PoisonError};

/// The allocator of a program that measures: blocks are powers of two, and each size has a list of those that
/// were given back. The usual allocators look for memory among what is free, and how long they look depends on
/// all that went before; so does where a block lies, and with it how many instructions copy it.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: cost_estimator::Steady = cost_estimator::Steady;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady;

/// The least block is a line of the processor's cache.
const LEAST: usize = 64;
/// Larger blocks lie like pages.
const PAGE: usize = 4_096;
/// Blocks up to this size are cut from pieces of it.
const PIECE: usize = 1 << 20;

static BLOCKS: Mutex<Blocks> =
    Mutex::new(Blocks { free: [ptr::null_mut(); SIZES], next: ptr::null_mut(), left: 0 });

/// One for each power of two.
const SIZES: usize = usize::BITS as usize;

struct Blocks {
    /// The blocks of a size that were given back: each begins with the address of the next one.
    free: [*mut u8; SIZES],
    /// What is left of a piece.
    next: *mut u8,
    left: usize,
}

// SAFETY: What the pointers point to is nobody else's.
unsafe impl Send for Blocks {}

/// The size of a block for `layout`, if there are such blocks.
fn block(layout: Layout) -> Option<usize> {
    layout.size().max(layout.align()).max(LEAST).checked_next_power_of_two()
}

impl Blocks {
    /// A block of `size` bytes, null where there is no memory.
    fn take(&mut self, size: usize) -> *mut u8 {
        let free = &mut self.free[size.ilog2() as usize];
        if free.is_null() {
            return self.cut(size);
        }
        let block = *free;
        // SAFETY: It was given back, and begins with the address of the next one.
        *free = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    fn give_back(&mut self, block: *mut u8, size: usize) {
        let free = &mut self.free[size.ilog2() as usize];
        // SAFETY: It is as large as an address at least, and nobody uses it any more.
        unsafe { block.cast::<*mut u8>().write(*free) };
        *free = block;
    }

    /// A new block of `size` bytes.
    fn cut(&mut self, size: usize) -> *mut u8 {
        if size >= PIECE {
            return new(size, size.min(PAGE));
        }
        // Where it has to begin: pieces begin a page.
        let skipped = self.next.align_offset(size.min(PAGE));
        if self.left < skipped + size {
            self.next = new(PIECE, PAGE);
            self.left = if self.next.is_null() { 0 } else { PIECE };
            return if self.left == 0 { ptr::null_mut() } else { self.cut(size) };
        }
        // SAFETY: As much is left.
        let block = unsafe { self.next.add(skipped) };
        // SAFETY: The same.
        self.next = unsafe { block.add(size) };
        self.left -= skipped + size;
        block
    }
}

/// Memory of the system.
fn new(size: usize, align: usize) -> *mut u8 {
    match Layout::from_size_align(size, align) {
        // SAFETY: It is not empty.
        Ok(layout) => unsafe { System.alloc(layout) },
        Err(_) => ptr::null_mut(),
    }
}

// SAFETY: Blocks are as large as what is asked for at least, and aligned to their size or to a page; what needs more
// than a page is the system's. A block is on a list or in use. Nothing here panics, nor allocates.
unsafe impl GlobalAlloc for Steady {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > PAGE {
            // SAFETY: What the caller says holds.
            return unsafe { System.alloc(layout) };
        }
        let Some(size) = block(layout) else { return ptr::null_mut() };
        BLOCKS.lock().unwrap_or_else(PoisonError::into_inner).take(size)
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        match block(layout) {
            Some(size) if layout.align() <= PAGE => {
                BLOCKS.lock().unwrap_or_else(PoisonError::into_inner).give_back(old, size);
            }
            // SAFETY: It was the system's.
            _ => unsafe { System.dealloc(old, layout) },
        }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        if layout.align() <= PAGE && block(wanted) == block(layout) {
            return old;
        }
        // SAFETY: Its size is not zero, says the caller.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: Both are as large, and are two blocks.
            unsafe { ptr::copy_nonoverlapping(old, new, layout.size().min(size)) };
            // SAFETY: It is not used any more.
            unsafe { self.dealloc(old, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, PIECE, Steady};
    use std::alloc::{GlobalAlloc, Layout};

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a layout")
    }

    /// A block of so many bytes, each of them `byte`.
    fn filled(layout: Layout, byte: u8) -> *mut u8 {
        // SAFETY: No layout here is empty.
        let block = unsafe { Steady.alloc(layout) };
        assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()), "{layout:?}");
        // SAFETY: It is as large.
        unsafe { block.write_bytes(byte, layout.size()) };
        block
    }

    fn has(block: *const u8, size: usize, byte: u8) -> bool {
        // SAFETY: All of it was written.
        let bytes = unsafe { std::slice::from_raw_parts(block, size) };
        bytes.iter().all(|each| *each == byte)
    }

    #[test]
    fn blocks_are_aligned_and_nobody_elses() {
        let layouts = [1, 63, 64, 65, 1_000, PAGE, PAGE + 1, PIECE - 1, PIECE + 1]
            .into_iter()
            .flat_map(|size| [1, 8, 256, PAGE, 16 * PAGE].map(|align| layout(size, align)));
        let blocks: Vec<(*mut u8, Layout, u8)> =
            layouts.zip(0..).map(|(layout, byte)| (filled(layout, byte), layout, byte)).collect();
        for (block, layout, byte) in blocks {
            assert!(has(block, layout.size(), byte), "{layout:?}");
            // SAFETY: It is of this layout, and not used any more.
            unsafe { Steady.dealloc(block, layout) };
        }
    }

    #[test]
    fn what_grows_or_shrinks_keeps_its_bytes() {
        for align in [8, 16 * PAGE] {
            let mut old = layout(10, align);
            let mut block = filled(old, 7);
            for size in [40, 64, 100_000, PIECE * 2, 300, 10] {
                let kept = old.size().min(size);
                // SAFETY: It is of this layout.
                block = unsafe { Steady.realloc(block, old, size) };
                assert!(has(block, kept, 7), "{old:?} to {size}");
                old = layout(size, align);
                // SAFETY: It is as large.
                unsafe { block.write_bytes(7, size) };
            }
            // SAFETY: It is of this layout, and not used any more.
            unsafe { Steady.dealloc(block, old) };
        }
    }

    #[test]
    fn what_was_given_back_last_is_next() {
        // No other test has blocks of this size.
        let [one, two] = [layout(3 * PIECE, 8), layout(4 * PIECE, 16)];
        let blocks = [filled(one, 1), filled(two, 2)];
        for (block, layout) in blocks.into_iter().zip([one, two]) {
            // SAFETY: It is of this layout, and not used any more.
            unsafe { Steady.dealloc(block, layout) };
        }
        assert_eq!([filled(two, 3), filled(one, 4)], [blocks[1], blocks[0]]);
    }

    #[test]
    fn what_no_machine_has_is_refused() {
        let most = usize::try_from(isize::MAX).expect("positive");
        // SAFETY: It is not empty.
        assert!(unsafe { Steady.alloc(layout(most, 1)) }.is_null());
    }
}
