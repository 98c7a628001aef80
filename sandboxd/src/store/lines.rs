//! The ways of chains that are on disk. A *line* is blocks one after another; chains that go the same way
//! share it, and where one goes another way a line of its own begins. This says what there is and what
//! somebody needs of it; [`super::disk`] does something about it.

use std::collections::{BTreeMap, VecDeque};

use near_primitives::types::BlockHeight;
use sandbox_state::StateRoot;

/// The number of a line. One that begins in another has a higher one.
pub(super) type LineId = u32;

/// A block in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: LineId,
    pub(super) height: BlockHeight,
}

/// Blocks one after another, and the states after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The block that it goes on from. Of the states that is the one below the first; one that goes on
    /// from nothing is there as a whole.
    pub(super) from: Option<Place>,
    /// The block that its blocks are built from, with its state root, if that is not the one that it
    /// goes on from.
    pub(super) base: Option<(BlockHeight, StateRoot)>,
    /// The states that are there, the lowest first.
    pub(super) states: VecDeque<(BlockHeight, StateRoot)>,
}

impl Line {
    /// The height of its lowest state.
    pub(super) fn lowest(&self) -> BlockHeight {
        self.states.front().map_or(BlockHeight::MAX, |(height, _)| *height)
    }

    /// The height of its last block.
    pub(super) fn end(&self) -> BlockHeight {
        self.states.back().map_or(0, |(height, _)| *height)
    }

    fn state_at(&self, height: BlockHeight) -> Option<StateRoot> {
        let place = self.states.binary_search_by_key(&height, |(height, _)| *height).ok()?;
        self.states.get(place).map(|(_, root)| *root)
    }
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(pub(super) BTreeMap<LineId, Line>);

impl Lines {
    /// Adds a line.
    pub(super) fn add(&mut self, line: Line) -> LineId {
        let id = self.0.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        self.0.insert(id, line);
        id
    }

    /// Whether the block at `place` is the last one of its line.
    pub(super) fn ends_at(&self, place: Place) -> bool {
        self.0.get(&place.line).is_some_and(|line| line.end() == place.height)
    }

    /// The root of the state after the block at `place`, if that is there.
    pub(super) fn state_at(&self, place: Place) -> Option<StateRoot> {
        self.0.get(&place.line)?.state_at(place.height)
    }

    /// The highest block of each line that a chain needs which has its latest block in one of `heads`; of
    /// some lines none. A line comes before the one that it goes on from.
    pub(super) fn tops(
        &self,
        heads: impl Iterator<Item = Place>,
    ) -> Vec<(LineId, Option<BlockHeight>)> {
        let mut needed: BTreeMap<LineId, BlockHeight> = BTreeMap::new();
        for head in heads {
            let top = needed.entry(head.line).or_default();
            *top = head.height.max(*top);
        }
        let mut tops = Vec::new();
        for (id, line) in self.0.iter().rev() {
            let top = needed.get(id).copied();
            tops.push((*id, top));
            if let Some(from) = line.from.filter(|_| top.is_some()) {
                let top = needed.entry(from.line).or_default();
                *top = from.height.max(*top);
            }
        }
        tops
    }

    /// The block at `height` on the way to `place`, with the root of its state. `None` if that is not
    /// there.
    pub(super) fn on_the_way(
        &self,
        place: Place,
        height: BlockHeight,
    ) -> Option<(Place, StateRoot)> {
        let mut line = place.line;
        loop {
            let found = self.0.get(&line)?;
            match found.from {
                Some(from) if height <= from.height => line = from.line,
                _ => return Some((Place { line, height }, found.state_at(height)?)),
            }
        }
    }

    /// The lowest block that a chain at `place` can be built from, and its lowest state.
    pub(super) fn reach(&self, place: Place) -> Option<(BlockHeight, BlockHeight)> {
        let mut line = self.0.get(&place.line)?;
        loop {
            match (line.base, line.from) {
                (Some((base, _)), _) => return Some((base, line.lowest())),
                (None, from) => line = self.0.get(&from?.line)?,
            }
        }
    }

    /// The line that goes on from nothing, for each.
    pub(super) fn roots(&self) -> BTreeMap<LineId, LineId> {
        let mut roots = BTreeMap::new();
        for (id, line) in &self.0 {
            let root = line.from.and_then(|from| roots.get(&from.line).copied());
            roots.insert(*id, root.unwrap_or(*id));
        }
        roots
    }

    /// The lines from `root` to the one that could go on from nothing in its place, where no chain needs
    /// a block below `oldest` or a state below `earliest`: those before the last are of no use any more.
    pub(super) fn to_new_root(
        &self,
        root: LineId,
        oldest: BlockHeight,
        earliest: BlockHeight,
    ) -> Vec<LineId> {
        let (mut way, mut useful) = (vec![root], 1);
        while let Some(last) = way.last()
            && let Some(line) = self.0.get(last)
        {
            if oldest <= self.fork(*last).min(line.end()) {
                useful = way.len();
            }
            let mut children = self.children(*last);
            let (Some((child, next)), None) = (children.next(), children.next()) else { break };
            if oldest < line.end() || earliest <= line.end() {
                break;
            }
            way.push(child);
            if next.base.is_some() {
                useful = way.len();
            }
        }
        way.truncate(useful);
        way
    }

    /// The lowest height from which a line goes on from this one.
    pub(super) fn fork(&self, line: LineId) -> BlockHeight {
        let froms = self.children(line).filter_map(|(_, child)| child.from);
        froms.map(|from| from.height).min().unwrap_or(BlockHeight::MAX)
    }

    fn children(&self, of: LineId) -> impl Iterator<Item = (LineId, &Line)> {
        let above = self.0.range(of.saturating_add(1)..).map(|(id, line)| (*id, line));
        above.filter(move |(_, line)| line.from.is_some_and(|from| from.line == of))
    }
}
