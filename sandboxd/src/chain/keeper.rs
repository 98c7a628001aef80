//! What a node hands its chains to, to have them kept elsewhere than in memory. Who keeps it, and where,
//! the chain does not know.

use std::fmt;
use std::sync::Arc;

use sandbox_state::{Snapshot, Storage};

use super::{Chain, Snapshots};

/// Keeps the chain of a node elsewhere than in memory, behind its back.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// Takes what the chain and its snapshots are from now on. It comes after all that were handed in
    /// before, and waits while too many of those are not kept yet.
    fn keep(&self, chain: &Arc<Chain>, snapshots: &Snapshots);

    /// Whether a node shows and answers nothing that could still be lost.
    fn is_strict(&self) -> bool;

    /// Has `then` called once all that was handed in before cannot be lost any more, or never will be
    /// kept.
    fn when_kept(&self, then: WhenKept);

    /// If states take too much memory: waits until all that was handed in is kept, and says where its
    /// states can be had again.
    fn relief(&self) -> Option<Storage>;

    /// Why nothing can be kept any more, from then on for good.
    fn failure(&self) -> Option<KeeperFailed>;

    /// Keeps what was handed in, and takes nothing more.
    fn close(&self);
}

/// What waits for a chain to be kept.
pub type WhenKept = Box<dyn FnOnce(Result<(), KeeperFailed>) + Send>;

/// The chain cannot be kept any more. It can still be read, but does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain is read-only, since it can no longer be written to disk: {0}")]
pub struct KeeperFailed(pub Arc<str>);

impl Chain {
    /// The same chain, whose states are fetched from `storage` again when they are needed. All of them
    /// have to be there.
    pub fn fetch_states_from(&mut self, storage: &Storage) {
        let lowest = self.history.lowest().unwrap_or_default();
        let heights: Vec<_> =
            self.blocks_after(lowest.saturating_sub(1)).map(|block| block.height()).collect();
        for height in heights {
            if let Some(state) = self.history.at(height) {
                let stored = Snapshot::stored(state.root(), storage);
                self.history.push(height, stored);
            }
        }
        self.state = Snapshot::stored(self.state.root(), storage);
    }
}
