//! The states of the last blocks, by height. Knows nothing of what else belongs to a block.

use rpds::RedBlackTreeMapSync;

use crate::Snapshot;

/// The states of a bounded number of heights. A clone costs O(1) and shares everything.
#[derive(Clone, Debug)]
pub struct History {
    states: RedBlackTreeMapSync<u64, Snapshot>,
    limit: usize,
}

impl History {
    /// An empty history that keeps the states of the `limit` highest heights. At least one is kept.
    pub fn new(limit: usize) -> Self {
        Self { states: RedBlackTreeMapSync::new_sync(), limit: limit.max(1) }
    }

    /// Keeps the state at `height`, and drops the lowest one if there are too many.
    ///
    /// Heights may leave gaps and come in any order; a state at the same height is replaced.
    pub fn push(&mut self, height: u64, state: Snapshot) {
        self.states.insert_mut(height, state);
        while self.states.size() > self.limit {
            let Some(lowest) = self.lowest() else { return };
            self.states.remove_mut(&lowest);
        }
    }

    /// Drops the states above `height`.
    pub fn forget_above(&mut self, height: u64) {
        while let Some(highest) = self.highest().filter(|highest| *highest > height) {
            self.states.remove_mut(&highest);
        }
    }

    /// Drops the states below `height`.
    pub fn forget_below(&mut self, height: u64) {
        while let Some(lowest) = self.lowest().filter(|lowest| *lowest < height) {
            self.states.remove_mut(&lowest);
        }
    }

    /// The state at exactly `height`.
    pub fn at(&self, height: u64) -> Option<&Snapshot> {
        self.states.get(&height)
    }

    /// The lowest height whose state is kept. What lies below is forgotten or never was.
    pub fn lowest(&self) -> Option<u64> {
        self.states.first().map(|(height, _)| *height)
    }

    /// The highest height whose state is kept.
    pub fn highest(&self) -> Option<u64> {
        self.states.last().map(|(height, _)| *height)
    }

    /// How many states are kept.
    pub fn len(&self) -> usize {
        self.states.size()
    }

    /// Whether no state is kept.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}
