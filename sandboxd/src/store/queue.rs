//! What a chain's thread hands to the thread that writes, in order and not without bound.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::chain::{Chain, Snapshots, WhenKept};

/// So many chains may wait to be written; then the chain's thread waits too.
const MOST_CHAINS: usize = 64;

/// One of what waits.
pub(super) enum Item {
    /// A chain to be written.
    Chain {
        /// The chain,
        chain: Arc<Chain>,
        /// and its snapshots.
        snapshots: Snapshots,
    },
    /// Somebody who waits for all before him.
    Then(WhenKept),
}

/// What waits to be written.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    taken: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: Vec<Item>,
    chains: usize,
    is_closed: bool,
}

/// What [`Queue::take`] found.
pub(super) enum Taken {
    /// All that waited.
    Items(Vec<Item>),
    /// Nothing, until the time was over.
    Late,
    /// Nothing, and nothing will come.
    Closed,
}

impl Queue {
    /// Hands `item` in, and gives it back if nothing is taken any more.
    pub(super) fn put(&self, item: Item) -> Result<(), Item> {
        let mut waiting = self.waiting.lock();
        if matches!(item, Item::Chain { .. }) {
            while waiting.chains >= MOST_CHAINS && !waiting.is_closed {
                self.taken.wait(&mut waiting);
            }
            waiting.chains = waiting.chains.saturating_add(1);
        }
        if waiting.is_closed {
            return Err(item);
        }
        waiting.items.push(item);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes all that waits, or waits for something until `until`.
    pub(super) fn take(&self, until: Option<Instant>) -> Taken {
        let mut waiting = self.waiting.lock();
        while waiting.items.is_empty() {
            if waiting.is_closed {
                return Taken::Closed;
            }
            let is_late = match until {
                None => {
                    self.arrived.wait(&mut waiting);
                    false
                }
                Some(until) => self.arrived.wait_until(&mut waiting, until).timed_out(),
            };
            if is_late && waiting.items.is_empty() {
                return Taken::Late;
            }
        }
        waiting.chains = 0;
        let items = std::mem::take(&mut waiting.items);
        drop(waiting);
        self.taken.notify_all();
        Taken::Items(items)
    }

    /// Takes nothing any more. What waits is still given out.
    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.arrived.notify_all();
        self.taken.notify_all();
    }
}
