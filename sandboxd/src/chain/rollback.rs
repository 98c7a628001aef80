//! Taking a chain back to the end of an earlier block, as if nothing had come after it.

use near_primitives::types::{BlockHeight, BlockHeightDelta};
use sandbox_runtime::{RuntimeFault, delayed_receipts};

use super::Chain;
use super::finality::FinalBlocks;
use super::pool::Pool;

/// How far a chain is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// To the end of the block at this height.
    ToHeight(BlockHeight),
    /// By so many blocks.
    ByBlocks(BlockHeightDelta),
}

/// The chain was not taken back, and nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The chain is not that high.
    #[error("height: {height} is above the latest block, which is at {head}")]
    AboveHead {
        /// What was asked for.
        height: BlockHeight,
        /// The height of the latest block.
        head: BlockHeight,
    },
    /// There is no block at this height: it was skipped, or is below the first.
    #[error(
        "height: there is no block at {height}, {}",
        .below.map_or_else(
            || "the chain begins above it".to_owned(),
            |below| format!("the one below it is at {below}"),
        )
    )]
    NoSuchBlock {
        /// What was asked for.
        height: BlockHeight,
        /// The next lower height with a block.
        below: Option<BlockHeight>,
    },
    /// There are not as many blocks.
    #[error("depth: {depth} blocks are too many, the chain can be taken back by {blocks}")]
    TooDeep {
        /// What was asked for.
        depth: BlockHeightDelta,
        /// By how many it can be taken back.
        blocks: BlockHeightDelta,
    },
    /// The state after the block is not kept any more.
    #[error(
        "the state after block {height} is not kept any more: the lowest height to go back to is \
         {lowest}"
    )]
    Forgotten {
        /// The block's height.
        height: BlockHeight,
        /// The lowest height whose state is kept.
        lowest: BlockHeight,
    },
    /// The state is not in order.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}

impl Chain {
    /// Takes the chain back to the end of an earlier block, with the time of that block. What came
    /// after it is gone, as are the transactions that wait; receipts are held or due as they were then,
    /// and those that are due are executed again. Returns the height of the block.
    ///
    /// States that were forgotten meanwhile stay forgotten.
    ///
    /// # Errors
    /// If there is no such block, or its state is not kept any more. The chain is as it was then.
    pub fn roll_back(&mut self, to: Rollback) -> Result<BlockHeight, RollbackError> {
        let height = self.height_of(to)?;
        let head = self.index.block_at(height).cloned().ok_or_else(|| self.no_block_at(height))?;
        let Some(state) = self.history.at(height).cloned() else {
            return Err(self.forgotten(height));
        };
        let delayed = delayed_receipts(&mut &state)?;
        self.index.forget_after(height);
        self.history.forget_above(height);
        while let Some(last) = self.changes.last().map(|(last, _)| *last).filter(|at| *at > height)
        {
            self.changes.remove_mut(&last);
        }
        self.final_blocks = FinalBlocks::of(&head, self.finality_lag(), &self.index);
        self.passed.return_to(&head);
        self.clock.return_to(head.header().raw_timestamp());
        self.queue.return_to(&head.queue);
        self.pool = Pool::default();
        self.delayed_receipts = delayed;
        self.held_back = 0;
        self.state = state;
        self.head = head;
        Ok(height)
    }

    fn height_of(&self, to: Rollback) -> Result<BlockHeight, RollbackError> {
        let head = self.head.height();
        match to {
            Rollback::ToHeight(height) if height > head => {
                Err(RollbackError::AboveHead { height, head })
            }
            Rollback::ToHeight(height) => Ok(height),
            Rollback::ByBlocks(0) => Ok(head),
            Rollback::ByBlocks(depth) => {
                let blocks = self.history.len().saturating_sub(1);
                let blocks = u64::try_from(blocks).unwrap_or(u64::MAX);
                let too_deep = RollbackError::TooDeep { depth, blocks };
                self.passed.height_before(&self.head, depth).ok_or(too_deep)
            }
        }
    }

    fn forgotten(&self, height: BlockHeight) -> RollbackError {
        let lowest = self.history.lowest().unwrap_or_else(|| self.head.height());
        RollbackError::Forgotten { height, lowest }
    }

    fn no_block_at(&self, height: BlockHeight) -> RollbackError {
        if self.passed.hash_at(height).is_some() {
            return self.forgotten(height);
        }
        let below = self.index.blocks_down_from(height).next().map(|block| block.height());
        RollbackError::NoSuchBlock { height, below }
    }
}
