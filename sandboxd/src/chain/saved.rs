//! Chains that a node has put aside to return to. They are clones, so that one costs next to nothing
//! until the chain goes on; then it holds on to what the chain has changed since.

use std::collections::BTreeMap;

use near_primitives::types::BlockHeight;

use super::{Chain, TimestampNs};

/// The number of a snapshot. They count up from one and are never given twice.
pub type SnapshotId = u64;

/// What is known of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its number.
    pub id: SnapshotId,
    /// The height of its latest block.
    pub height: BlockHeight,
    /// What the chain's clock showed, in nanoseconds since 1970.
    pub time_ns: TimestampNs,
}

/// What becomes of a snapshot that is returned to, and of those that were taken after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRevert {
    /// They are forgotten.
    Drop,
    /// They stay, to be returned to again.
    Keep,
}

/// There is no snapshot with this number: it never was, or was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "snapshot_id: there is no snapshot {0}. It never was, or was dropped, also by a revert to it or \
     to an earlier one; sandbox_snapshots lists those that there are"
)]
pub struct UnknownSnapshot(pub SnapshotId);

/// The snapshots of a node.
#[derive(Debug, Default)]
pub(super) struct Saved {
    chains: BTreeMap<SnapshotId, SavedChain>,
    last_id: SnapshotId,
}

#[derive(Debug)]
struct SavedChain {
    chain: Chain,
    time_ns: TimestampNs,
}

impl Saved {
    pub(super) fn save(&mut self, chain: &Chain) -> SnapshotId {
        self.last_id = self.last_id.saturating_add(1);
        let saved = SavedChain { chain: chain.clone(), time_ns: chain.clock().now_ns() };
        self.chains.insert(self.last_id, saved);
        self.last_id
    }

    /// The chain as it was saved, its clock too.
    pub(super) fn restore(
        &mut self,
        id: SnapshotId,
        after: AfterRevert,
    ) -> Result<(SnapshotInfo, Chain), UnknownSnapshot> {
        let saved = self.chains.get(&id).ok_or(UnknownSnapshot(id))?;
        let info = saved.info(id);
        let mut chain = saved.chain.clone();
        chain.clock.set(saved.time_ns);
        if after == AfterRevert::Drop {
            self.chains.split_off(&id);
        }
        Ok((info, chain))
    }

    pub(super) fn forget(&mut self, id: SnapshotId) -> Result<(), UnknownSnapshot> {
        self.chains.remove(&id).map(|_| ()).ok_or(UnknownSnapshot(id))
    }

    /// The oldest first.
    pub(super) fn list(&self) -> Vec<SnapshotInfo> {
        self.chains.iter().map(|(&id, saved)| saved.info(id)).collect()
    }
}

impl SavedChain {
    fn info(&self, id: SnapshotId) -> SnapshotInfo {
        SnapshotInfo { id, height: self.chain.head().height(), time_ns: self.time_ns }
    }
}
