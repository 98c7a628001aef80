//! The newest chain for all to read, and those who wait for one that is newer. It knows no runtime:
//! who waits gets an [`Answer`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use near_primitives::hash::CryptoHash;
use parking_lot::{Mutex, RwLock};

use super::Chain;
use super::answer::{Answer, Promise, answer};

/// What the node's thread publishes.
#[derive(Debug)]
pub(super) struct Publication {
    chain: RwLock<Arc<Chain>>,
    /// How often another chain was published.
    version: AtomicU64,
    /// Those who wait; `None` when nothing more will come.
    waiting: Mutex<Option<Vec<Promise<Arc<Chain>>>>>,
}

impl Publication {
    pub(super) fn new(chain: Chain) -> Self {
        Self {
            chain: RwLock::new(Arc::new(chain)),
            version: AtomicU64::new(0),
            waiting: Mutex::new(Some(Vec::new())),
        }
    }

    pub(super) fn view(&self) -> Arc<Chain> {
        Arc::clone(&self.chain.read())
    }

    /// How often another chain was published. A view that is taken afterwards is no older.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Publishes `chain`, and tells it to those who wait if its head is another.
    pub(super) fn replace(&self, chain: &Arc<Chain>) {
        let previous = std::mem::replace(&mut *self.chain.write(), Arc::clone(chain));
        self.version.fetch_add(1, Ordering::Release);
        if previous.head().hash() != chain.head().hash() {
            let waiting = self.waiting.lock().as_mut().map(std::mem::take);
            for promise in waiting.into_iter().flatten() {
                promise.give(Arc::clone(chain));
            }
        }
    }

    /// The first chain whose head is not the block `head`, at once if that is so already.
    pub(super) fn after(&self, head: &CryptoHash) -> Answer<Arc<Chain>> {
        let (promise, answer) = answer();
        // A chain is stored before those who wait are told, so that none is missed in between.
        let mut waiting = self.waiting.lock();
        let chain = self.view();
        if chain.head().hash() != head {
            promise.give(chain);
        } else if let Some(waiting) = waiting.as_mut() {
            // Only when the list would grow, so that a call costs the same however many wait.
            if waiting.len() == waiting.capacity() {
                waiting.retain(|promise| !promise.is_forgotten());
            }
            waiting.push(promise);
        }
        answer
    }

    /// Says to those who wait that nothing more will come.
    pub(super) fn end(&self) {
        drop(self.waiting.lock().take());
    }
}
