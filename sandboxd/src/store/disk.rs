//! What is on disk of the chains of a node, and how it follows what becomes of them. Their blocks are in
//! [`Lines`], each behind the base of a line; that is written anew only now and then, since it has the
//! hashes of all blocks before it that a transaction may name. Of the states those are there that some
//! chain keeps, and those between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use near_primitives::types::BlockHeight;
use sandbox_state::{Snapshot, StateRoot, Storage};

use super::StoreError;
use super::database::{Batch, Column, Database};
use super::lines::{Line, LineId, Lines, Place};
use super::nodes::Nodes;
use super::records::{self, ChainRecord, Identity, LineRecord};
use super::states::{States, hold, let_go};
use crate::chain::{Block, Chain, SavedChain, SnapshotId, Snapshots};

/// A base is written anew when so many blocks have left the chain.
const STALE_BLOCKS: BlockHeight = 1_024;

/// What a batch of a chain that is not there yet may take in memory.
const FIRST_BATCHES: usize = 4 << 20;

/// The number of the chain that is no snapshot; those count from one.
pub(super) const CURRENT: SnapshotId = 0;

/// The database of a node's chains, and what it has.
#[derive(Debug)]
pub(super) struct Disk {
    database: Arc<Database>,
    storage: Storage,
    lines: Lines,
    /// The lines as they are in the database.
    written: BTreeMap<LineId, LineRecord>,
    chains: BTreeMap<SnapshotId, Kept>,
    snapshots: Snapshots,
}

/// A chain that is there.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) chain: Chain,
    /// Its latest block.
    pub(super) place: Place,
}

/// What chains need that all have one line below them.
struct Need<'a> {
    /// The one whose blocks reach down the furthest,
    deepest: &'a Chain,
    /// and the height of its lowest.
    oldest: BlockHeight,
    /// The height of the lowest state of all of them.
    earliest: BlockHeight,
}

impl Disk {
    /// Writes `chain` into a database without one. Of the chain that it returns the states are there.
    pub(super) fn begin(
        database: &Arc<Database>,
        mut chain: Chain,
        identity: &Identity,
    ) -> Result<(Self, Chain), StoreError> {
        let mut disk = Self::over(Arc::clone(database));
        let mut batch = database.batch();
        // A program that ended while it began a chain left part of one.
        batch.delete_all(Column::Meta);
        // Nobody reads it before it is whole.
        disk.put(&mut batch, &chain, &Snapshots::default(), Some(FIRST_BATCHES))?;
        records::put_identity(&mut batch, identity);
        batch.write()?;
        disk.sync()?;
        chain.fetch_states_from(disk.storage());
        for kept in disk.chains.values_mut() {
            kept.chain = chain.clone();
        }
        Ok((disk, chain))
    }

    /// A disk of which nothing is known yet.
    pub(super) fn over(database: Arc<Database>) -> Self {
        let storage = Storage::new(Arc::new(Nodes(Arc::clone(&database))));
        Self {
            database,
            storage,
            lines: Lines::default(),
            written: BTreeMap::new(),
            chains: BTreeMap::new(),
            snapshots: Snapshots::default(),
        }
    }

    /// Knows from now on what was read of it.
    pub(super) fn knows(
        &mut self,
        lines: Lines,
        chains: BTreeMap<SnapshotId, Kept>,
        snapshots: Snapshots,
    ) {
        let record = |(id, line): (&LineId, &Line)| (*id, LineRecord::of(line));
        self.written = lines.0.iter().map(record).collect();
        (self.lines, self.chains, self.snapshots) = (lines, chains, snapshots);
    }

    /// Where the states of the chains can be had.
    pub(super) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Forces what was written onto the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.database.sync()
    }

    /// Writes what the chain and the snapshots of the node are now.
    pub(super) fn write(&mut self, chain: &Chain, snapshots: &Snapshots) -> Result<(), StoreError> {
        let database = Arc::clone(&self.database);
        let mut batch = database.batch();
        self.put(&mut batch, chain, snapshots, None)?;
        batch.write()
    }

    /// Puts all that changes into `batch`; what goes beyond a `limit` of bytes is written at once.
    fn put(
        &mut self,
        batch: &mut Batch<'_>,
        chain: &Chain,
        snapshots: &Snapshots,
        limit: Option<usize>,
    ) -> Result<(), StoreError> {
        let new = self.new_snapshots(snapshots);
        let stays = |id: SnapshotId| {
            id != CURRENT && snapshots.get(id).is_some() && new.iter().all(|new| new.id != id)
        };
        let mut arriving = vec![(CURRENT, chain.clock().now_ns(), chain)];
        arriving.extend(new.iter().map(|saved| (saved.id, saved.time_ns, &saved.chain)));
        // Each can go on from one before it, which reaches down as far.
        arriving.sort_by_key(|(id, _, chain)| (chain.earliest().height(), *id));

        let goes_on =
            |(_, _, chain): &(_, _, &Chain)| self.common(chain, &BTreeMap::new()).is_some();
        if !self.chains.keys().any(|id| stays(*id)) && !arriving.iter().any(goes_on) {
            self.delete_all(batch);
        }
        let mut joined = BTreeMap::new();
        for (id, time_ns, chain) in arriving {
            let place = self.join(batch, chain, &joined, limit)?;
            records::put_chain(batch, id, &ChainRecord::new(place, time_ns, chain.tip_image()));
            joined.insert(id, Kept { chain: chain.clone(), place });
        }
        let gone: BTreeMap<_, _> = self.chains.extract_if(.., |id, _| !stays(*id)).collect();
        for id in gone.keys().filter(|id| !joined.contains_key(id)) {
            records::delete_chain(batch, *id);
        }
        self.chains.append(&mut joined);

        let in_memory = std::iter::once(chain).chain(gone.values().map(|kept| &kept.chain));
        let states = States::new(in_memory.collect(), self.storage.clone());
        self.cut(batch, &states)?;
        self.settle(batch, &states)?;
        self.put_lines(batch);
        records::put_last_snapshot(batch, snapshots.last_id());
        self.snapshots = snapshots.clone();
        Ok(())
    }

    /// The snapshots that are not there.
    fn new_snapshots(&self, snapshots: &Snapshots) -> Vec<Arc<SavedChain>> {
        if snapshots.is_unchanged_since(&self.snapshots) {
            return Vec::new();
        }
        let is_there = |saved: &Arc<SavedChain>| {
            self.snapshots.get(saved.id).is_some_and(|there| Arc::ptr_eq(there, saved))
        };
        snapshots.iter().filter(|saved| !is_there(saved)).cloned().collect()
    }

    /// Deletes all that is there, of which nothing is of use.
    fn delete_all(&mut self, batch: &mut Batch<'_>) {
        for column in [Column::Blocks, Column::Nodes, Column::Values] {
            batch.delete_all(column);
        }
        for line in std::mem::take(&mut self.lines).0.into_keys() {
            records::delete_line(batch, line);
        }
    }

    /// Writes what `chain` adds to the chains that are there, and to those that `joined` them just now.
    fn join(
        &mut self,
        batch: &mut Batch<'_>,
        chain: &Chain,
        joined: &BTreeMap<SnapshotId, Kept>,
        limit: Option<usize>,
    ) -> Result<Place, StoreError> {
        let (from, mut below) = match self.common(chain, joined) {
            Some((place, state)) => (Some(place), state),
            None => (None, Snapshot::empty()),
        };
        let (oldest, head) = (chain.oldest(), chain.head().height());
        if let Some(place) = from.filter(|from| from.height == head) {
            return Ok(place);
        }
        // Where many blocks were made at once, those behind the common one may be forgotten again.
        let built_on = from.filter(|from| from.height >= oldest.height());
        let line = match built_on {
            Some(from) if self.lines.ends_at(from) => from.line,
            _ => self.lines.add(Line { from, ..Line::default() }),
        };
        let mut base = None;
        let mut states = VecDeque::new();
        let mut put_state = |batch: &mut Batch<'_>, block: &Block| {
            let Ok(state) = chain.state_after(block) else { return Ok(()) };
            hold(batch, &below, state, limit)?;
            below = state.clone();
            states.push_back((block.height(), state.root()));
            Ok::<_, StoreError>(())
        };
        if built_on.is_none() {
            base = Some(put_base(batch, line, chain)?);
            put_state(batch, oldest)?;
        }
        for block in chain.blocks_after(built_on.map_or(oldest.height(), |from| from.height)) {
            // Only the oldest has none, and that is in the base.
            if let Some(image) = chain.block_image(block) {
                let place = Place { line, height: block.height() };
                records::put_block(batch, place, root(block), &image);
            }
            put_state(batch, block)?;
        }
        if let Some(line) = self.lines.0.get_mut(&line) {
            line.base = line.base.or(base);
            line.states.append(&mut states);
        }
        Ok(Place { line, height: head })
    }

    /// The highest block of `chain` that is there with all that the chain has below it, and its state.
    fn common(
        &self,
        chain: &Chain,
        joined: &BTreeMap<SnapshotId, Kept>,
    ) -> Option<(Place, Snapshot)> {
        let common = |kept: &Kept| {
            let block = chain.common_block(&kept.chain)?;
            let (place, root) = self.lines.on_the_way(kept.place, block.height())?;
            let (base, lowest) = self.lines.reach(place)?;
            let reaches = base <= chain.oldest().height() && lowest <= chain.earliest().height();
            let states = States::new(vec![chain, &kept.chain], self.storage.clone());
            reaches.then(|| (place, states.at(block.height(), root)))
        };
        let all = || self.chains.values().chain(joined.values());
        // Most often it is one of them, or goes on from the current one.
        let is_it = |kept: &&Kept| kept.chain.head().hash() == chain.head().hash();
        if let Some(found) = all().find(is_it).and_then(common) {
            return Some(found);
        }
        if let Some(current) = self.chains.get(&CURRENT)
            && let Some(found) = common(current)
            && [current.chain.head().height(), chain.head().height()].contains(&found.0.height)
        {
            return Some(found);
        }
        all().filter_map(common).max_by_key(|(place, _)| place.height)
    }

    /// Deletes what is above all chains.
    fn cut(&mut self, batch: &mut Batch<'_>, states: &States<'_>) -> Result<(), StoreError> {
        for (id, top) in self.lines.tops(self.chains.values().map(|kept| kept.place)) {
            let Some(line) = self.lines.0.get_mut(&id) else { continue };
            let is_above = |height| top.is_none_or(|top| height > top);
            if !is_above(line.end()) {
                continue;
            }
            let mut leaving = Vec::new();
            while let Some(last) = line.states.pop_back_if(|(height, _)| is_above(*height)) {
                leaving.push(last);
            }
            let (from, below) = (line.from, line.states.back().copied());
            if let Some(height) = top {
                records::delete_blocks_above(batch, Place { line: id, height });
            } else {
                self.lines.0.remove(&id);
                records::delete_line(batch, id);
            }
            let before = || from.and_then(|from| Some((from.height, self.lines.state_at(from)?)));
            let left = leaving.iter().copied().skip(1).map(Some).chain([below.or_else(before)]);
            for ((height, root), left) in leaving.iter().zip(left) {
                let left = left.map(|(height, root)| states.at(height, root));
                let left = left.unwrap_or_else(Snapshot::empty);
                let_go(batch, &states.at(*height, *root), &left)?;
            }
        }
        Ok(())
    }

    /// Deletes what is below all chains.
    fn settle(&mut self, batch: &mut Batch<'_>, states: &States<'_>) -> Result<(), StoreError> {
        let roots = self.lines.roots();
        let mut needs: BTreeMap<LineId, Need<'_>> = BTreeMap::new();
        for Kept { chain, place } in self.chains.values() {
            let (oldest, earliest) = (chain.oldest().height(), chain.earliest().height());
            let Some(root) = roots.get(&place.line) else { continue };
            let need = Need { deepest: chain, oldest, earliest };
            let all = needs.entry(*root).or_insert(need);
            if oldest < all.oldest {
                (all.deepest, all.oldest) = (chain, oldest);
            }
            all.earliest = all.earliest.min(earliest);
        }
        for (root, need) in needs {
            let mut passed = self.lines.to_new_root(root, need.oldest, need.earliest);
            let Some(root) = passed.pop() else { continue };
            let mut leaving = Vec::new();
            for id in passed {
                let line = self.lines.0.remove(&id);
                leaving.extend(line.into_iter().flat_map(|line| line.states));
                records::delete_line(batch, id);
            }
            let lowest = need.earliest.min(self.lines.fork(root));
            let Some(line) = self.lines.0.get_mut(&root) else { continue };
            line.from = None;
            while line.states.len() > 1 && line.lowest() < lowest {
                leaving.extend(line.states.pop_front());
            }
            leaving.extend(line.states.front());
            for pair in leaving.array_windows() {
                let [bottom, left] = pair.map(|(height, root)| states.at(height, root));
                let_go(batch, &bottom, &left)?;
            }
            let is_stale = line.base.is_none_or(|(base, _)| {
                need.oldest.saturating_sub(base) >= STALE_BLOCKS && need.oldest <= line.lowest()
            });
            if is_stale {
                let height = need.oldest;
                records::delete_blocks_up_to(batch, Place { line: root, height });
                line.base = Some(put_base(batch, root, need.deepest)?);
            }
        }
        Ok(())
    }

    /// Writes what is new of the lines themselves.
    fn put_lines(&mut self, batch: &mut Batch<'_>) {
        self.written.retain(|id, _| self.lines.0.contains_key(id));
        for (id, line) in &self.lines.0 {
            let record = LineRecord::of(line);
            if self.written.insert(*id, record) != Some(record) {
                records::put_line(batch, *id, &record);
            }
        }
    }
}

/// Writes the base of `line`, the oldest block of `chain`. Returns its height and state root.
fn put_base(
    batch: &mut Batch<'_>,
    line: LineId,
    chain: &Chain,
) -> Result<(BlockHeight, StateRoot), StoreError> {
    let base = chain.base_image().map_err(|error| batch.refused(&error))?;
    records::put_base(batch, line, &base);
    Ok((chain.oldest().height(), root(chain.oldest())))
}

fn root(block: &Block) -> StateRoot {
    StateRoot(block.state_root().0)
}
