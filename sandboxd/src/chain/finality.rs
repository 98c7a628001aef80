//! Which blocks are final, and what that makes of a transaction.
//!
//! neard calls a block final when two more follow it at the next heights, and nearly final when one
//! does (nearcore `core/primitives/src/block_header.rs`, `last_final_block_for_height`). Here the
//! number is the chain's [`Chain::finality_lag`]: none, where a block is final at once; with two the
//! distances are neard's.

use std::sync::Arc;

use near_primitives::types::{BlockHeight, BlockHeightDelta, Finality};
use near_primitives::views::TxExecutionStatus;

use super::block::Block;
use super::index::Index;
use super::{Chain, Execution, Progress};

/// The latest final block and the latest nearly final one.
#[derive(Clone, Debug)]
pub(super) struct FinalBlocks {
    lag: BlockHeightDelta,
    /// The first of the blocks up to the head between which no height was skipped.
    run_start: BlockHeight,
    nearly: Arc<Block>,
    last: Arc<Block>,
}

impl FinalBlocks {
    pub(super) fn new(genesis: &Arc<Block>, lag: BlockHeightDelta) -> Self {
        Self {
            lag,
            run_start: genesis.height(),
            nearly: Arc::clone(genesis),
            last: Arc::clone(genesis),
        }
    }

    /// Those of a chain whose last block is `head`, the last one in `index`.
    pub(super) fn of(head: &Arc<Block>, lag: BlockHeightDelta, index: &Index) -> Self {
        let behind = |lag: BlockHeightDelta| {
            let (mut top, mut above) = (head.height(), head.height());
            let mut oldest = head;
            for block in index.blocks_down_from(head.height()) {
                oldest = block;
                if block.height().saturating_add(1) != above {
                    top = block.height();
                }
                above = block.height();
                // The first block, which nothing has to follow, is final from the start.
                if top.saturating_sub(above) >= lag || block.header().is_genesis() {
                    return Arc::clone(block);
                }
            }
            Arc::clone(oldest)
        };
        // Blocks further down do not become final any more.
        let reach = head.height().saturating_sub(lag);
        let mut run_start = head.height();
        for block in index.blocks_down_from(head.height()).skip(1) {
            if run_start <= reach || block.height().saturating_add(1) != run_start {
                break;
            }
            run_start = block.height();
        }
        Self { lag, run_start, nearly: behind(lag / 2), last: behind(lag) }
    }

    /// Takes into account that `head` follows the block at the height `previous`.
    pub(super) fn advance(&mut self, head: &Arc<Block>, previous: BlockHeight, index: &Index) {
        if previous.checked_add(1) != Some(head.height()) {
            self.run_start = head.height();
        }
        let behind = |lag: BlockHeightDelta| {
            if lag == 0 {
                return Some(Arc::clone(head));
            }
            let height = head.height().checked_sub(lag).filter(|at| *at >= self.run_start)?;
            index.block_at(height).map(Arc::clone)
        };
        let (last, nearly) = (behind(self.lag), behind(self.lag / 2));
        self.last = last.unwrap_or_else(|| Arc::clone(&self.last));
        self.nearly = nearly.unwrap_or_else(|| Arc::clone(&self.nearly));
    }
}

impl Chain {
    /// How many blocks have to follow a block at the next heights to make it final; half as many
    /// make it nearly final.
    pub fn finality_lag(&self) -> BlockHeightDelta {
        self.final_blocks.lag
    }

    /// The latest block that is as final as `finality` says: the head, if nothing has to be.
    pub fn last_block(&self, finality: &Finality) -> &Arc<Block> {
        match finality {
            Finality::None => &self.head,
            Finality::DoomSlug => &self.final_blocks.nearly,
            Finality::Final => &self.final_blocks.last,
        }
    }

    /// How far the execution of a transaction has come, in the words of NEAR (nearcore
    /// `chain/client/src/view_client_actor.rs`, `get_tx_execution_status`).
    pub fn execution_status(&self, execution: &Execution<'_>) -> TxExecutionStatus {
        status(execution, self.final_blocks.last.height())
    }
}

/// The status once nothing but finality was to come.
pub(super) fn status_to_come(execution: &Execution<'_>) -> TxExecutionStatus {
    status(execution, BlockHeight::MAX)
}

fn status(execution: &Execution<'_>, final_height: BlockHeight) -> TxExecutionStatus {
    let progress = execution.progress();
    if execution.block.height() > final_height {
        return match progress {
            Progress::Included => TxExecutionStatus::Included,
            Progress::Executed | Progress::Complete => TxExecutionStatus::ExecutedOptimistic,
        };
    }
    match progress {
        Progress::Included => TxExecutionStatus::IncludedFinal,
        Progress::Complete
            if execution.outcomes.iter().all(|at| at.block.height() <= final_height) =>
        {
            TxExecutionStatus::Final
        }
        Progress::Executed | Progress::Complete => TxExecutionStatus::Executed,
    }
}

/// Whether a transaction of this status is as far as `wait_until` asks for. Being executed and
/// being final are asked for apart (nearcore `chain/jsonrpc/src/lib.rs`,
/// `tx_execution_status_meets_expectations`).
pub(super) fn meets(status: &TxExecutionStatus, wait_until: &TxExecutionStatus) -> bool {
    use TxExecutionStatus::{Executed, ExecutedOptimistic, Final, Included, IncludedFinal, None};
    match wait_until {
        None => true,
        Included => *status != None,
        ExecutedOptimistic => matches!(status, ExecutedOptimistic | Executed | Final),
        IncludedFinal => matches!(status, IncludedFinal | Executed | Final),
        Executed => matches!(status, Executed | Final),
        Final => *status == Final,
    }
}
