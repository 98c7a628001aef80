//! A number of places of which not more than a limit are taken at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Places for connections, or for requests.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    taken: AtomicUsize,
    refused: AtomicU64,
}

/// One place or several, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Places>,
    count: usize,
}

impl Place {
    /// How many places it is.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl Places {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicUsize::new(0), refused: AtomicU64::new(0) })
    }

    /// Takes a place, if there is one left.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        self.take_many(1)
    }

    /// Takes `count` places, if there are as many left.
    pub(super) fn take_many(self: &Arc<Self>, count: usize) -> Option<Place> {
        let more = |taken: usize| taken.checked_add(count).filter(|taken| *taken <= self.limit);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if taken.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken.ok().map(|_| Place { of: Arc::clone(self), count })
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// How many are taken now.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How often none was left.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.count, Ordering::Relaxed);
    }
}
