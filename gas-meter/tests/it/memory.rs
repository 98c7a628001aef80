//! How much memory a thread takes.

#![allow(unsafe_code, reason = "an allocator can be counted by being one only")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes that this thread holds, and the most that it held.
    static HELD: Cell<[usize; 2]> = const { Cell::new([0, 0]) };
}

fn count(taken: usize, given_back: usize) {
    // A thread that ends frees its locals in any order.
    let _ = HELD.try_with(|held| {
        let [now, most] = held.get();
        let now = now.saturating_add(taken).saturating_sub(given_back);
        held.set([now, most.max(now)]);
    });
}

// SAFETY: All requests are the system allocator's to fulfil.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: The caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: The caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: The caller keeps the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What `work` returns, and how many bytes it held at most beside what was held before.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get()[0];
    HELD.set([before, before]);
    let result = work();
    (result, HELD.get()[1].saturating_sub(before))
}
