//! A node whose chain is kept elsewhere than in memory: what it publishes is handed on, and what it
//! answers may have to wait until that cannot be lost any more.

use std::sync::Arc;

use super::super::Refusal;
use super::super::answer::Promise;
use super::super::keeper::KeeperFailed;
use super::{Landed, Owner};

impl Owner {
    /// Shows the chain to all, and has it kept.
    pub(super) fn publish(&self) {
        let chain = Arc::new(self.chain.clone());
        if let Some(keeper) = &self.keeper {
            keeper.keep(&chain, &self.saved);
        }
        let published = Arc::clone(&self.published);
        self.when_kept(move |kept| {
            if kept.is_ok() {
                published.replace(&chain);
            }
        });
    }

    /// Has the snapshots kept, where the chain stayed what it was.
    pub(super) fn keep_snapshots(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(&Arc::new(self.chain.clone()), &self.saved);
        }
    }

    /// Gives an answer that holds when what was published last cannot be lost any more. If it is, so is
    /// the promise.
    pub(super) fn give<T: Send + 'static>(&self, promise: Promise<T>, value: T) {
        self.when_kept(move |kept| {
            if kept.is_ok() {
                promise.give(value);
            }
        });
    }

    pub(super) fn land(&self, landed: Promise<Landed>) {
        let published = Arc::clone(&self.published);
        self.when_kept(move |kept| {
            landed.give(kept.map(|()| published.view()).map_err(Refusal::from));
        });
    }

    fn when_kept(&self, then: impl FnOnce(Result<(), KeeperFailed>) + Send + 'static) {
        match &self.keeper {
            Some(keeper) if keeper.is_strict() => keeper.when_kept(Box::new(then)),
            _ => then(Ok(())),
        }
    }

    /// Why the chain does not go on, if it does not.
    pub(super) fn failure(&self) -> Option<KeeperFailed> {
        self.keeper.as_ref().and_then(|keeper| keeper.failure())
    }

    pub(super) fn refuse_all(&mut self, failed: &KeeperFailed) {
        for (_, landed) in std::mem::take(&mut self.waiting).into_values().flatten() {
            landed.give(Err(failed.clone().into()));
        }
    }

    /// Gives memory back if states take too much of it.
    pub(super) fn relieve(&mut self) {
        let storage = self.keeper.as_ref().and_then(|keeper| keeper.relief());
        if let Some(storage) = storage {
            self.chain.fetch_states_from(&storage);
            self.publish();
        }
    }
}

#[cfg(test)]
mod tests;
