//! How states come to the disk and leave it. A node or value is held as often as a state has it that the
//! state below it has not at the same place; so a state that joins at the top holds what it adds, and one
//! that leaves at the bottom lets go of what the next one has no more.

use near_primitives::types::{BlockHeight, BlockId};
use sandbox_state::{Difference, Snapshot, StateRoot, Storage};

use super::StoreError;
use super::database::{Batch, Column};
use crate::chain::Chain;

/// Where states are had: from chains in memory if they have them, otherwise from the disk.
pub(super) struct States<'a> {
    chains: Vec<&'a Chain>,
    storage: Storage,
}

impl<'a> States<'a> {
    pub(super) fn new(chains: Vec<&'a Chain>, storage: Storage) -> Self {
        Self { chains, storage }
    }

    /// The state with this root, which is that after a block at `height`.
    pub(super) fn at(&self, height: BlockHeight, root: StateRoot) -> Snapshot {
        let in_memory = |chain: &&Chain| {
            let block = chain.block_by_id(&BlockId::Height(height)).ok()?;
            chain.state_after(block).ok().filter(|state| state.root() == root).cloned()
        };
        let found = self.chains.iter().find_map(in_memory);
        found.unwrap_or_else(|| Snapshot::stored(root, &self.storage))
    }
}

/// Has what `state` adds to the one `below` held. What fills a batch beyond `limit` is written at once.
pub(super) fn hold(
    batch: &mut Batch<'_>,
    below: &Snapshot,
    state: &Snapshot,
    limit: Option<usize>,
) -> Result<(), StoreError> {
    let mut written = Ok(());
    let seen = state.difference(below, |difference| {
        match difference {
            Difference::NodeAdded { hash, encoded } => batch.hold(Column::Nodes, &hash, encoded),
            Difference::ValueAdded { hash, value } => batch.hold(Column::Values, &hash, value),
            Difference::NodeRemoved(_) | Difference::ValueRemoved(_) => {}
        }
        if limit.is_some_and(|limit| batch.size() >= limit) && written.is_ok() {
            written = batch.write_so_far();
        }
    });
    seen.map_err(|unavailable| batch.refused(&unavailable))?;
    written
}

/// Lets go of what `state`, which is no more, has that the one that is `left` has not.
pub(super) fn let_go(
    batch: &mut Batch<'_>,
    state: &Snapshot,
    left: &Snapshot,
) -> Result<(), StoreError> {
    let seen = left.difference(state, |difference| match difference {
        Difference::NodeRemoved(hash) => batch.let_go(Column::Nodes, &hash),
        Difference::ValueRemoved(hash) => batch.let_go(Column::Values, &hash),
        Difference::NodeAdded { .. } | Difference::ValueAdded { .. } => {}
    });
    seen.map_err(|unavailable| batch.refused(&unavailable))
}
