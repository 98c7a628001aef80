//! What a chain knows of the blocks before its head, also of those that it does not keep any more:
//! their hashes and heights, as long as a transaction may be signed for them, and what of the Merkle
//! tree over all hashes is still needed.

use near_primitives::hash::CryptoHash;
use near_primitives::merkle::MerklePath;
use near_primitives::types::{BlockHeight, NumBlocks};

use super::block::Block;
use super::block_tree::BlockTree;
use super::tail::Tail;

/// The blocks before the head, by their order. A clone shares everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    hashes: BlockTree,
    heights: Tail<BlockHeight>,
}

impl Passed {
    pub(super) fn of(hashes: BlockTree, heights: Tail<BlockHeight>) -> Self {
        Self { hashes, heights }
    }

    pub(super) fn hashes(&self) -> &BlockTree {
        &self.hashes
    }

    pub(super) fn heights(&self) -> &Tail<BlockHeight> {
        &self.heights
    }

    /// Adds `block` behind the others.
    pub(super) fn push(&mut self, block: &Block) {
        self.hashes.insert(*block.hash());
        self.heights.push(block.height());
    }

    /// Forgets `block` and those behind it.
    pub(super) fn return_to(&mut self, block: &Block) {
        let size = place_of(block);
        self.hashes.truncate(size);
        self.heights.truncate(size);
    }

    /// Forgets what neither the block `first`, nor those behind it, nor a transaction needs that comes
    /// when the latest block is at `head` and may be signed for one up to `validity` heights before it.
    pub(super) fn forget(&mut self, first: &Block, head: BlockHeight, validity: NumBlocks) {
        let size = place_of(first);
        let lowest = head.saturating_sub(validity);
        let mut oldest = self.heights.start();
        while oldest < size && self.heights.get(oldest).is_some_and(|height| *height < lowest) {
            oldest = oldest.saturating_add(1);
        }
        self.hashes.forget_before(size, oldest);
        self.heights.forget_before(oldest);
    }

    /// The height of the block with this hash.
    pub(super) fn height_of(&self, hash: &CryptoHash) -> Option<BlockHeight> {
        // There is no map: nearly everybody asks for one of the latest blocks, which are kept.
        let (place, _) = self.hashes.leaves().rev().find(|(_, leaf)| *leaf == hash)?;
        self.heights.get(place).copied()
    }

    /// The hash of the block at this height.
    pub(super) fn hash_at(&self, height: BlockHeight) -> Option<&CryptoHash> {
        let (mut low, mut high) = (self.heights.start(), self.heights.end());
        while low < high {
            let middle = low.midpoint(high);
            if *self.heights.get(middle)? < height {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        self.heights.get(low).filter(|found| **found == height)?;
        self.hashes.leaf(low)
    }

    /// The height of the block that is so many blocks before `block`.
    pub(super) fn height_before(&self, block: &Block, depth: u64) -> Option<BlockHeight> {
        let place = place_of(block).checked_sub(usize::try_from(depth).ok()?)?;
        self.heights.get(place).copied()
    }

    /// Whether `block` is one of them.
    pub(super) fn has(&self, block: &Block) -> bool {
        self.hashes.leaf(place_of(block)) == Some(block.hash())
    }

    /// The root over their hashes.
    pub(super) fn root(&self) -> CryptoHash {
        self.hashes.root()
    }

    /// The way from the hash of `block` to the root over all blocks before `head`. `None` if `block`
    /// does not come before `head`, or is forgotten.
    pub(super) fn path(&self, block: &Block, head: &Block) -> Option<MerklePath> {
        self.hashes.path(place_of(block), place_of(head))
    }
}

/// How many blocks come before `block`.
pub(super) fn place_of(block: &Block) -> usize {
    let before = block.header().block_ordinal().saturating_sub(1);
    usize::try_from(before).unwrap_or(usize::MAX)
}
