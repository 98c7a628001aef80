//! What a node is told about its time, its blocks and its receipts.

use std::sync::Arc;
use std::time::Instant;

use near_primitives::hash::CryptoHash;
use near_primitives::types::BlockHeightDelta;

use super::super::{
    Block, BlockMode, Chain, FastForwardError, HoldId, InvalidMining, InvalidRelease, ReceiptFilter,
};
use super::{Answer, Node};

impl Node {
    /// Goes `delta` heights further. The chain is there when the answer is.
    pub fn fast_forward(&self, delta: BlockHeightDelta) -> Answer<Result<(), FastForwardError>> {
        self.change(move |chain| chain.fast_forward(delta).map(|made| ((), made)))
    }

    /// Makes `count` blocks, all or, if one fails, none: see [`Chain::mine`]. Nothing else happens on
    /// the chain meanwhile; who reads it sees the one from before. Answers the latest block.
    pub fn mine(
        &self,
        count: u64,
        interval: Option<u64>,
    ) -> Answer<Result<Arc<Block>, InvalidMining>> {
        self.change(move |chain| {
            let made = chain.mine(count, interval)?;
            Ok((Arc::clone(chain.head()), made))
        })
    }

    /// Changes what no block has to be made for: the clock with [`Chain::set_time`] and its like.
    pub fn adjust<T: Send + 'static>(
        &self,
        adjust: impl FnOnce(&mut Chain) -> T + Send + 'static,
    ) -> Answer<T> {
        self.act(move |owner| {
            let adjusted = adjust(&mut owner.chain);
            owner.publish();
            adjusted
        })
    }

    /// Keeps receipts out of blocks: see [`Chain::hold_receipts`].
    pub fn hold_receipts(&self, filter: ReceiptFilter) -> Answer<HoldId> {
        self.adjust(|chain| chain.hold_receipts(filter))
    }

    /// Ends a hold: see [`Chain::release_hold`].
    pub fn release_hold(&self, hold_id: HoldId) -> Answer<Result<Vec<CryptoHash>, InvalidRelease>> {
        self.adjust(move |chain| chain.release_hold(hold_id))
    }

    /// Lets held receipts into the next block: see [`Chain::release_receipts`].
    pub fn release_receipts(
        &self,
        receipt_ids: Vec<CryptoHash>,
    ) -> Answer<Result<Vec<CryptoHash>, InvalidRelease>> {
        self.adjust(move |chain| chain.release_receipts(&receipt_ids))
    }

    /// Makes blocks by `mode` from now on.
    pub fn set_block_mode(&self, mode: BlockMode) -> Answer<()> {
        self.act(move |owner| {
            owner.mode = mode;
            owner.last_block = Instant::now();
        })
    }

    /// How blocks are made now.
    pub fn block_mode(&self) -> Answer<BlockMode> {
        self.look(|owner| owner.mode)
    }
}
