//! Snapshots of a running chain, returns to them, and rollbacks.

use near_primitives::types::BlockHeight;

use super::super::rollback::{Rollback, RollbackError};
use super::super::saved::{
    AfterRevert, Chains, SnapshotId, SnapshotInfo, Snapshots, UnknownSnapshot,
};
use super::super::{Answer, Chain, Refusal};
use super::{Node, Owner};

impl Node {
    /// Puts the chain aside as it is now: state, transactions and receipts that wait, blocks and
    /// time. Without a node a clone of the [`Chain`] does the same.
    pub fn snapshot(&self) -> Answer<SnapshotId> {
        self.act(|owner| {
            let id = owner.saved.save(&owner.chain);
            owner.keep_snapshots();
            id
        })
    }

    /// Returns to a snapshot. The clock shows what it showed then, and goes on from there. The list
    /// of snapshots does not return: what becomes of it is what `after` says.
    ///
    /// Whoever waits for a transaction that the snapshot does not know is refused with
    /// [`Refusal::TakenBack`].
    pub fn revert(
        &self,
        id: SnapshotId,
        after: AfterRevert,
    ) -> Answer<Result<SnapshotInfo, UnknownSnapshot>> {
        self.act(move |owner| {
            let (info, chain) = owner.saved.restore(id, after)?;
            owner.return_to(chain);
            Ok(info)
        })
    }

    /// Takes the chain back as [`Chain::roll_back`] does. Whoever waits for a transaction that is gone
    /// is refused with [`Refusal::TakenBack`]. Snapshots stay.
    pub fn roll_back(&self, to: Rollback) -> Answer<Result<BlockHeight, RollbackError>> {
        self.act(move |owner| {
            let mut chain = owner.chain.clone();
            let height = chain.roll_back(to)?;
            owner.return_to(chain);
            Ok(height)
        })
    }

    /// All chains of the node: the one that goes on, and the snapshots.
    pub fn chains(&self) -> Answer<Chains> {
        self.look(|owner| owner.saved.with(&owner.chain))
    }

    /// Puts `chains` in the place of all that the node has. Whoever waits for a transaction that is not
    /// known there is refused with [`Refusal::TakenBack`].
    pub fn put_chains(&self, chains: Chains) -> Answer<()> {
        self.act(move |owner| {
            owner.saved = Snapshots::new(chains.saved, chains.last_snapshot);
            owner.return_to(chains.current);
        })
    }

    /// The snapshots that can be returned to, the oldest first.
    pub fn snapshots(&self) -> Answer<Vec<SnapshotInfo>> {
        self.look(|owner| owner.saved.list())
    }

    /// Forgets a snapshot.
    pub fn drop_snapshot(&self, id: SnapshotId) -> Answer<Result<(), UnknownSnapshot>> {
        self.act(move |owner| {
            owner.saved.forget(id)?;
            owner.keep_snapshots();
            Ok(())
        })
    }
}

impl Owner {
    /// Puts a chain of earlier in the chain's place, and answers those who wait for what is gone.
    pub(super) fn return_to(&mut self, earlier: Chain) {
        let previous = self.replace(earlier);
        self.gaps.forget();
        let chain = &self.chain;
        let gone =
            self.waiting.extract_if(.., |hash, _| previous.knows(hash) && !chain.knows(hash));
        for (_, landed) in gone.flat_map(|(_, waiting)| waiting) {
            landed.give(Err(Refusal::TakenBack));
        }
    }
}
