//! Chains that a node has put aside to return to. They are clones, so that one costs next to nothing
//! until the chain goes on; then it holds on to what the chain has changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// A chain that was put aside.
#[derive(Clone, Debug)]
pub struct SavedChain {
    /// Its number.
    pub id: SnapshotId,
    /// The chain.
    pub chain: Chain,
    /// What its clock showed then, in nanoseconds since 1970.
    pub time_ns: TimestampNs,
}

/// All chains of a node.
#[derive(Clone, Debug)]
pub struct Chains {
    /// The one that goes on.
    pub current: Chain,
    /// Those that were put aside, the oldest first.
    pub saved: Vec<SavedChain>,
    /// The last number that was given to one.
    pub last_snapshot: SnapshotId,
}

/// The snapshots of a node. A clone costs next to nothing.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    chains: Arc<BTreeMap<SnapshotId, Arc<SavedChain>>>,
    last_id: SnapshotId,
}

impl Snapshots {
    /// Those that were `saved`, where `last_id` is the last number that was given.
    pub fn new(saved: Vec<SavedChain>, last_id: SnapshotId) -> Self {
        let chains = saved.into_iter().map(|saved| (saved.id, Arc::new(saved))).collect();
        Self { chains: Arc::new(chains), last_id }
    }

    /// The oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SavedChain>> {
        self.chains.values()
    }

    /// The one with this number.
    pub fn get(&self, id: SnapshotId) -> Option<&Arc<SavedChain>> {
        self.chains.get(&id)
    }

    /// The last number that was given to one.
    pub fn last_id(&self) -> SnapshotId {
        self.last_id
    }

    /// Whether nothing was done to them since `earlier`, of which they are a clone.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        self.last_id == earlier.last_id && Arc::ptr_eq(&self.chains, &earlier.chains)
    }

    pub(super) fn save(&mut self, chain: &Chain) -> SnapshotId {
        self.last_id = self.last_id.saturating_add(1);
        let (id, time_ns) = (self.last_id, chain.clock().now_ns());
        let saved = SavedChain { id, chain: chain.clone(), time_ns };
        Arc::make_mut(&mut self.chains).insert(id, Arc::new(saved));
        id
    }

    /// The chain as it was saved, its clock too.
    pub(super) fn restore(
        &mut self,
        id: SnapshotId,
        after: AfterRevert,
    ) -> Result<(SnapshotInfo, Chain), UnknownSnapshot> {
        let saved = self.chains.get(&id).ok_or(UnknownSnapshot(id))?;
        let info = saved.info();
        let mut chain = saved.chain.clone();
        chain.clock.set(saved.time_ns);
        if after == AfterRevert::Drop {
            Arc::make_mut(&mut self.chains).split_off(&id);
        }
        Ok((info, chain))
    }

    pub(super) fn forget(&mut self, id: SnapshotId) -> Result<(), UnknownSnapshot> {
        if !self.chains.contains_key(&id) {
            return Err(UnknownSnapshot(id));
        }
        Arc::make_mut(&mut self.chains).remove(&id);
        Ok(())
    }

    /// All of them, with the chain that goes on.
    pub(super) fn with(&self, current: &Chain) -> Chains {
        let saved = self.iter().map(|saved| SavedChain::clone(saved)).collect();
        Chains { current: current.clone(), saved, last_snapshot: self.last_id }
    }

    pub(super) fn list(&self) -> Vec<SnapshotInfo> {
        self.iter().map(|saved| saved.info()).collect()
    }
}

impl From<Chain> for Chains {
    /// A chain without snapshots.
    fn from(current: Chain) -> Self {
        Self { current, saved: Vec::new(), last_snapshot: 0 }
    }
}

impl SavedChain {
    fn info(&self) -> SnapshotInfo {
        SnapshotInfo { id: self.id, height: self.chain.head().height(), time_ns: self.time_ns }
    }
}
