//! How much memory states may take, and when something is done about it.

use std::sync::atomic::{AtomicUsize, Ordering};

use sandbox_state::Storage;

/// A budget of memory for states.
#[derive(Debug)]
pub(super) struct Budget {
    storage: Storage,
    bytes: usize,
    /// What the states took when memory was given back the last time, until they fit in again.
    at_last: AtomicUsize,
}

impl Budget {
    pub(super) fn new(storage: Storage, bytes: usize) -> Self {
        Self { storage, bytes, at_last: AtomicUsize::new(0) }
    }

    /// The storage, if its states are beyond the budget and giving memory back is of use: what is still
    /// in use by others stays, and is not to be given back with every block.
    pub(super) fn exceeded(&self) -> Option<&Storage> {
        let resident = self.storage.resident_bytes();
        if resident <= self.bytes {
            self.at_last.store(0, Ordering::Relaxed);
            return None;
        }
        let at_last = self.at_last.load(Ordering::Relaxed);
        if at_last > 0 && resident < at_last.saturating_add(self.bytes / 2) {
            return None;
        }
        self.at_last.store(resident, Ordering::Relaxed);
        Some(&self.storage)
    }
}
