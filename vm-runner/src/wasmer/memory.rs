//! The memory of an instance, made as new after each call: mapping another one and giving it back
//! takes a third of a small call.

use std::ops::Range;
use std::ptr::NonNull;

use wasmer::vm::{LinearMemory, MemoryError, MemoryStyle, VMMemory, VMMemoryDefinition};
use wasmer::{MemoryType, Pages};
use wasmer_vm::Trap;

use super::os;
use super::raw::Places;
use crate::pages::{self, merged, page_bytes};

/// wasmer's memory, with what it lacks to be used again.
#[derive(Debug)]
pub(super) struct Memory {
    memory: VMMemory,
    smallest: Pages,
}

impl Memory {
    pub(super) fn new(memory: VMMemory) -> Self {
        os::keep_pages_small(&memory);
        let smallest = memory.size();
        Memory { memory, smallest }
    }
}

impl LinearMemory for Memory {
    fn ty(&self) -> MemoryType {
        self.memory.ty()
    }

    fn size(&self) -> Pages {
        self.memory.size()
    }

    fn style(&self) -> MemoryStyle {
        self.memory.style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        self.memory.grow(delta)
    }

    /// Back to the smallest size; wasmer's own memories go back to none.
    fn reset(&mut self) -> Result<(), MemoryError> {
        if self.memory.size() == self.smallest {
            return Ok(());
        }
        // wasmer only makes memories larger, but one that is not there grows to any size.
        os::protect_from(&mut self.memory, self.smallest)?;
        self.memory.reset()?;
        self.memory.grow(self.smallest).map(|_| ())
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.memory.vmmemory()
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    unsafe fn initialize_with_data(&self, start: usize, data: &[u8]) -> Result<(), Trap> {
        Places::note_data(start..start.saturating_add(data.len()));
        // SAFETY: the caller's promise is passed on.
        unsafe { self.memory.initialize_with_data(start, data) }
    }

    fn copy(&mut self) -> Result<Box<dyn LinearMemory>, MemoryError> {
        LinearMemory::copy(&mut self.memory)
    }
}

/// What a new memory holds: zeros but for the data segments.
#[derive(Debug)]
pub(super) struct Image {
    /// In ascending order and disjoint.
    data: Vec<(usize, Box<[u8]>)>,
}

impl Image {
    /// The image of a new `memory` in which data segments filled the ranges `filled`. `None` when
    /// they are so scattered that an idle memory would take far more than the module.
    pub(super) fn of(memory: &[u8], mut filled: Vec<Range<usize>>) -> Option<Self> {
        const MOST_WASTED: usize = 1 << 18;
        filled.sort_unstable_by_key(|range| range.start);
        let filled = merged(filled);
        let bytes = filled.iter().map(Range::len).fold(0, usize::saturating_add);
        let copy = |range: Range<usize>| Some((range.start, Box::from(memory.get(range)?)));
        let image = Image { data: filled.into_iter().map(copy).collect::<Option<_>>()? };
        let pages = image.pages().count().saturating_mul(page_bytes());
        (pages <= bytes.saturating_add(MOST_WASTED)).then_some(image)
    }

    /// The pages that hold data.
    fn pages(&self) -> impl Iterator<Item = usize> {
        let page = page_bytes();
        let pages = self.data.iter().flat_map(move |(start, bytes)| {
            let end = start.saturating_add(bytes.len());
            start.checked_div(page).unwrap_or_default()..end.div_ceil(page)
        });
        // Neighbours may share a page.
        let mut next = 0;
        pages.filter(move |page| std::mem::replace(&mut next, page.saturating_add(1)) <= *page)
    }
}

/// The pages of a memory that is made as an image says.
#[derive(Debug)]
pub(super) struct Hot(pages::Hot);

impl Hot {
    /// The pages with data are hot: they are written in any case.
    pub(super) fn new(image: &Image) -> Self {
        Hot(pages::Hot::new(image.pages()))
    }

    /// Makes `memory` as `image` says. False when that did not work: it must not be used.
    pub(super) fn wipe(&mut self, memory: &mut [u8], image: &Image) -> bool {
        self.0.wipe(memory)
            && image.data.iter().all(|(start, bytes)| {
                let place = memory.get_mut(*start..start.saturating_add(bytes.len()));
                place.map(|place| place.copy_from_slice(bytes)).is_some()
            })
    }
}
