//! What is on disk of a chain, and how it follows what becomes of the chain. The blocks come after the
//! oldest one, which is in the base; that is written anew only now and then, since it has the hashes of
//! all blocks before it that a transaction may name. Of the states those of the latest blocks are
//! there. A node or value is held as often as a state has it that the state below it has not at the
//! same place; so a state that joins at the top holds what it adds, and one that leaves at the bottom
//! lets go of what the next one has no more.

use std::collections::VecDeque;
use std::sync::Arc;

use near_primitives::types::{BlockHeight, BlockId};
use sandbox_state::{Difference, Snapshot, StateRoot, Storage};

use super::StoreError;
use super::database::{Batch, Column, Database};
use super::nodes::Nodes;
use super::records::{self, Extent, Identity};
use crate::chain::{Block, Chain};

/// The base is written anew when so many blocks have left the chain.
const STALE_BLOCKS: BlockHeight = 1_024;

/// What a batch of a chain that is not there yet may take in memory.
const FIRST_BATCHES: usize = 4 << 20;

/// The database of a chain, and what it has.
#[derive(Debug)]
pub(super) struct Disk {
    database: Arc<Database>,
    storage: Storage,
    /// The height of the block in the base, and the root of its state.
    base: (BlockHeight, StateRoot),
    /// The states, the lowest first.
    states: VecDeque<(BlockHeight, StateRoot)>,
    /// States that have left the top, and are held as long as there are snapshots that may need them:
    /// each with the one below it.
    owed: Vec<(StateRoot, StateRoot)>,
}

impl Disk {
    /// Writes `chain` into a database without one.
    pub(super) fn begin(
        database: &Arc<Database>,
        chain: &Chain,
        identity: &Identity,
    ) -> Result<Self, StoreError> {
        let mut disk = Self::over(Arc::clone(database));
        let mut batch = database.batch();
        // A program that ended while it began a chain left part of one.
        for column in [Column::Blocks, Column::Nodes, Column::Values] {
            batch.delete_all(column);
        }
        disk.put_all(&mut batch, chain, Some(FIRST_BATCHES))?;
        records::put_identity(&mut batch, identity);
        batch.write()?;
        disk.sync()?;
        Ok(disk)
    }

    /// A disk with a chain, whose `blocks` after the base were read from there.
    pub(super) fn resume(
        database: Arc<Database>,
        blocks: impl IntoIterator<Item = (BlockHeight, StateRoot)>,
    ) -> Result<Self, StoreError> {
        let Extent { base, lowest, older, owed } = records::extent(&database)?;
        let states = std::iter::once(base).chain(blocks);
        let states = states.filter(|(height, _)| *height >= lowest);
        let states = older.into_iter().chain(states).collect();
        Ok(Self { base, states, owed, ..Self::over(database) })
    }

    /// A disk of which nothing is known yet.
    pub(super) fn over(database: Arc<Database>) -> Self {
        let storage = Storage::new(Arc::new(Nodes(Arc::clone(&database))));
        Self {
            database,
            storage,
            base: (0, StateRoot::EMPTY),
            states: VecDeque::new(),
            owed: Vec::new(),
        }
    }

    /// Where the states of the chain can be had.
    pub(super) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Forces what was written onto the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.database.sync()
    }

    /// Writes what `after` is, where `before` was written last. As long as the node `has_snapshots`
    /// no state is given up.
    pub(super) fn write(
        &mut self,
        before: &Chain,
        after: &Chain,
        has_snapshots: bool,
    ) -> Result<(), StoreError> {
        let database = Arc::clone(&self.database);
        let mut batch = database.batch();
        let lowest = self.states.front().map_or(0, |(height, _)| *height);
        let common = after.common_block(before).filter(|common| {
            common.height() >= lowest.max(self.base.0)
                && after.earliest().height() >= lowest
                && after.oldest().height() >= self.base.0
        });
        if let Some(common) = common {
            let step = Step { before, after, common, has_snapshots };
            self.put_step(&mut batch, &step)?;
        } else {
            // Nothing that is there is of use.
            for column in [Column::Blocks, Column::Nodes, Column::Values] {
                batch.delete_all(column);
            }
            self.put_all(&mut batch, after, None)?;
        }
        batch.write()
    }

    /// Puts a whole chain into `batch`, or, where nobody reads it before it is whole, into several of a
    /// limited size.
    fn put_all(
        &mut self,
        batch: &mut Batch<'_>,
        chain: &Chain,
        limit: Option<usize>,
    ) -> Result<(), StoreError> {
        self.states.clear();
        self.owed.clear();
        self.put_base(batch, chain)?;
        let oldest = Arc::clone(chain.oldest());
        let mut below = Snapshot::empty();
        if let Ok(state) = chain.state_after(&oldest) {
            hold(batch, &below, state, limit)?;
            below = state.clone();
            self.states.push_back((oldest.height(), state.root()));
        }
        for block in chain.blocks_after(oldest.height()) {
            put_block(batch, chain, block);
            if let Ok(state) = chain.state_after(block) {
                hold(batch, &below, state, limit)?;
                below = state.clone();
                self.states.push_back((block.height(), state.root()));
            }
        }
        self.put_rest(batch, chain);
        Ok(())
    }

    fn put_step(&mut self, batch: &mut Batch<'_>, step: &Step<'_>) -> Result<(), StoreError> {
        let &Step { before, after, common, has_snapshots } = step;
        for block in before.blocks_after(common.height()) {
            records::delete_block(batch, block.height());
        }
        while let Some((height, top)) = self.states.back().copied()
            && height > common.height()
        {
            self.states.pop_back();
            let Some((below_height, below)) = self.states.back().copied() else { break };
            if has_snapshots {
                self.owed.push((below, top));
            } else {
                let below = self.state(step, below_height, below);
                let_go(batch, &self.state(step, height, top), &below)?;
            }
        }
        let left = after.oldest().height().saturating_sub(self.base.0);
        if after.oldest().height() > common.height() || (left >= STALE_BLOCKS && !has_snapshots) {
            records::delete_blocks_up_to(batch, after.oldest().height());
            self.put_base(batch, after)?;
        }
        let mut below = self.state(step, common.height(), root(common));
        for block in after.blocks_after(common.height()) {
            put_block(batch, after, block);
            if let Ok(state) = after.state_after(block) {
                hold(batch, &below, state, None)?;
                below = state.clone();
                self.states.push_back((block.height(), state.root()));
            }
        }
        if !has_snapshots {
            self.put_departures(batch, step)?;
        }
        self.put_rest(batch, after);
        Ok(())
    }

    /// Lets go of the states below those that the chain keeps, and of those that snapshots needed.
    fn put_departures(&mut self, batch: &mut Batch<'_>, step: &Step<'_>) -> Result<(), StoreError> {
        for (below, top) in std::mem::take(&mut self.owed) {
            let [below, top] = [below, top].map(|root| Snapshot::stored(root, &self.storage));
            let_go(batch, &top, &below)?;
        }
        let lowest = step.after.earliest().height();
        while let Some((height, bottom)) = self.states.front().copied()
            && height < lowest
            && let Some((above_height, above)) = self.states.get(1).copied()
        {
            self.states.pop_front();
            let above = self.state(step, above_height, above);
            let_go(batch, &self.state(step, height, bottom), &above)?;
        }
        Ok(())
    }

    /// A state, from memory if it is there.
    fn state(&self, step: &Step<'_>, height: BlockHeight, root: StateRoot) -> Snapshot {
        let in_memory = |chain: &Chain| {
            let block = chain.block_by_id(&BlockId::Height(height)).ok()?;
            chain.state_after(block).ok().filter(|state| state.root() == root).cloned()
        };
        let found = in_memory(step.after).or_else(|| in_memory(step.before));
        found.unwrap_or_else(|| Snapshot::stored(root, &self.storage))
    }

    fn put_base(&mut self, batch: &mut Batch<'_>, chain: &Chain) -> Result<(), StoreError> {
        let base = chain.base_image();
        let base = base.map_err(|error| self.database.refused(&error))?;
        records::put_base(batch, &base);
        self.base = (chain.oldest().height(), root(chain.oldest()));
        Ok(())
    }

    fn put_rest(&self, batch: &mut Batch<'_>, chain: &Chain) {
        records::put_tip(batch, &chain.tip_image());
        let (base, owed) = (self.base, self.owed.clone());
        let is_older = |state: &&(BlockHeight, StateRoot)| state.0 < base.0;
        let older: Vec<_> = self.states.iter().take_while(is_older).copied().collect();
        let lowest = self.states.get(older.len()).map_or(base.0, |(height, _)| *height);
        records::put_extent(batch, &Extent { base, lowest, older, owed });
    }
}

/// One chain after another.
struct Step<'a> {
    before: &'a Chain,
    after: &'a Chain,
    /// The highest block that both have.
    common: &'a Block,
    has_snapshots: bool,
}

fn put_block(batch: &mut Batch<'_>, chain: &Chain, block: &Block) {
    // One whose predecessor is gone is in the base.
    if let Some(image) = chain.block_image(block) {
        records::put_block(batch, block.height(), root(block), &image);
    }
}

/// Has what `state` adds to the one `below` held. What fills a batch beyond `limit` is written at once.
fn hold(
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
fn let_go(batch: &mut Batch<'_>, state: &Snapshot, left: &Snapshot) -> Result<(), StoreError> {
    let seen = left.difference(state, |difference| match difference {
        Difference::NodeRemoved(hash) => batch.let_go(Column::Nodes, &hash),
        Difference::ValueRemoved(hash) => batch.let_go(Column::Values, &hash),
        Difference::NodeAdded { .. } | Difference::ValueAdded { .. } => {}
    });
    seen.map_err(|unavailable| batch.refused(&unavailable))
}

fn root(block: &Block) -> StateRoot {
    StateRoot(block.state_root().0)
}
