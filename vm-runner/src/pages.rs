//! Pages of memories that are used again.

#![allow(unsafe_code, reason = "pages are asked of the system")]

use std::collections::BTreeSet;
use std::ops::Range;

#[cfg_attr(not(target_os = "linux"), path = "no_os.rs")]
mod os;

pub(crate) use os::page_bytes;
#[cfg(all(feature = "wasmtime", target_os = "linux"))]
pub(crate) use os::{protect, release, reserve};

/// Bytes of the pages that are learned.
const MOST_LEARNED: usize = 1 << 18;

/// The pages of a memory that calls write again and again. They are written over between calls and
/// all others given back, which takes no time where none was touched: taking a page again is a
/// fault.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    pages: BTreeSet<usize>,
    /// Those that were known from the start.
    known: usize,
    /// The bytes of the pages: in ascending order, no two touching each other.
    ranges: Vec<Range<usize>>,
    wipes: u64,
}

impl Hot {
    /// Pages that are written in any case are hot from the start.
    #[cfg(feature = "wasmer")]
    pub(crate) fn new(pages: impl IntoIterator<Item = usize>) -> Self {
        let pages: BTreeSet<usize> = pages.into_iter().collect();
        let mut hot = Hot { known: pages.len(), pages, ..Hot::default() };
        hot.find_ranges();
        hot
    }

    /// Makes `memory` zeros. False when that did not work: it must not be used.
    pub(crate) fn wipe(&mut self, memory: &mut [u8]) -> bool {
        self.wipes = self.wipes.saturating_add(1);
        // Not after the first call, which may be the last. Another method may touch other pages, so
        // learning does not end but becomes rare.
        if self.wipes > 1 && self.wipes.is_power_of_two() {
            self.learn(memory);
        }
        let mut cold = 0;
        for range in &self.ranges {
            let hot = range.start.min(memory.len())..range.end.min(memory.len());
            let Some(between) = memory.get_mut(cold..hot.start) else { return false };
            if !os::give_back(between) {
                return false;
            }
            cold = hot.end;
            let Some(hot) = memory.get_mut(hot) else { return false };
            hot.fill(0);
        }
        memory.get_mut(cold..).is_some_and(os::give_back)
    }

    /// Adds pages that were touched. Which ones decides only how long a wipe takes.
    fn learn(&mut self, memory: &[u8]) {
        let learned = MOST_LEARNED.checked_div(page_bytes()).unwrap_or_default();
        let most = self.known.saturating_add(learned);
        for page in os::touched_pages(memory) {
            if self.pages.len() >= most {
                break;
            }
            self.pages.insert(page);
        }
        self.find_ranges();
    }

    fn find_ranges(&mut self) {
        let page = page_bytes();
        let start = |index: usize| index.saturating_mul(page);
        let ranges = self.pages.iter().map(|&index| start(index)..start(index.saturating_add(1)));
        self.ranges = merged(ranges);
    }
}

/// Ranges in ascending order with those in one that overlap or touch.
pub(crate) fn merged(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
