//! How readers keep up with a node whose chain can be taken back. A reader remembers how far it has
//! read and how often the chain had been taken back by then; a chain remembers how far back it went
//! each time. So nobody has to keep a chain that is gone.

use std::sync::Arc;

use near_primitives::types::BlockHeight;
use rpds::VectorSync;

use super::{Block, Chain};

/// How far a reader has read the blocks of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    height: BlockHeight,
    returns: u64,
}

/// How often a node's chain was taken back, and to which heights.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns {
    count: u64,
    /// The lowest heights, each with which return it was: those that a later return went below are
    /// left out, so that the heights ascend.
    lowest: VectorSync<(u64, BlockHeight)>,
}

impl Returns {
    fn push(&mut self, height: BlockHeight) {
        self.count = self.count.saturating_add(1);
        while self.lowest.last().is_some_and(|(_, earlier)| *earlier >= height) {
            self.lowest.drop_last_mut();
        }
        self.lowest.push_back_mut((self.count, height));
    }

    /// The lowest height of the returns after the first `seen`.
    fn lowest_after(&self, seen: u64) -> Option<BlockHeight> {
        if seen >= self.count {
            return None;
        }
        self.lowest.iter().find(|(number, _)| *number > seen).map(|(_, height)| *height)
    }
}

impl Cursor {
    /// The height up to which the blocks of `chain` have been read.
    pub fn height_in(&self, chain: &Chain) -> BlockHeight {
        let lowest = chain.returns.lowest_after(self.returns);
        lowest.map_or(self.height, |lowest| lowest.min(self.height))
    }

    /// Says that the blocks of `chain` have been read up to `height`.
    pub fn advance(&mut self, chain: &Chain, height: BlockHeight) {
        *self = Self { height, returns: chain.returns.count };
    }
}

impl Chain {
    /// A reader that has read everything up to the head.
    pub fn cursor(&self) -> Cursor {
        Cursor { height: self.head.height(), returns: self.returns.count }
    }

    /// The blocks that `cursor` has not read yet, the lowest first. If the node's chain was taken
    /// back, those are the blocks that took the place of the ones that are gone.
    pub fn blocks_since(&self, cursor: Cursor) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks_after(cursor.height_in(self))
    }

    /// Takes the place of `previous`, for readers that have read that one.
    pub(super) fn follow(&mut self, previous: &Self) {
        self.returns = previous.returns.clone();
        let common = self.common_block(previous);
        if common.is_some_and(|common| common.hash() == previous.head.hash()) {
            return;
        }
        // Where too much was forgotten to tell, readers read again all that there is.
        self.returns.push(common.map_or(0, |common| common.height()));
    }

    /// The highest block that this chain and `other` both have, as far as they keep them.
    pub fn common_block<'a>(&'a self, other: &'a Self) -> Option<&'a Arc<Block>> {
        if self.has(&other.head) {
            return Some(&other.head);
        }
        self.index.blocks_down_from(other.head.height()).find(|block| other.has(block))
    }

    /// Whether `block` is one of the chain's, as far as that is known of old ones.
    fn has(&self, block: &Block) -> bool {
        self.head.hash() == block.hash() || self.passed.has(block)
    }
}

#[cfg(test)]
mod tests {
    use super::Returns;

    #[test]
    fn the_lowest_return_that_was_not_seen_counts() {
        let mut returns = Returns::default();
        let heights = [5, 9, 3, 3, 8, 6];
        for height in heights {
            returns.push(height);
        }
        for seen in 0..=6_u8 {
            let lowest = heights[usize::from(seen)..].iter().min().copied();
            assert_eq!(returns.lowest_after(seen.into()), lowest, "{seen}");
        }
        assert_eq!(returns.lowest.len(), 2, "what nobody can ask for is forgotten");
    }
}
