//! Epochs: where one ends, what its id is and how epochs are counted. The rules are nearcore's
//! (`chain/epoch-manager`): an epoch's id is the hash of the last block of the epoch before the
//! previous one.

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{BlockHeight, BlockHeightDelta, EpochHeight, EpochId};

use super::fork::PinnedBlock;

/// The epoch that a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub struct Epoch {
    /// The epoch's id.
    pub id: EpochId,
    /// The id of the epoch after it.
    pub next_id: EpochId,
    /// How many epochs there have been, as contracts see it (`epoch_height`).
    pub height: EpochHeight,
    /// The height of the epoch's first block.
    pub start_height: BlockHeight,
}

impl Epoch {
    /// The epoch of the genesis block.
    pub(super) fn genesis(genesis_height: BlockHeight) -> Self {
        Self {
            id: EpochId::default(),
            next_id: EpochId::default(),
            height: 1,
            start_height: genesis_height,
        }
    }

    /// The epoch of the block that a fork goes on from. It is in the middle of a chain, so that it
    /// has a name of its own, and those after it are counted on.
    pub(super) fn pinned(block: &PinnedBlock) -> Self {
        let id = EpochId(block.hash);
        let start_height = block.epoch_start_height;
        Self { id, next_id: id, height: block.epoch_height, start_height }
    }

    /// The epoch of the first block after genesis, whose hash is `genesis`. It still has the
    /// genesis epoch's id and count, but already knows what its successor is called.
    fn after_genesis(self, genesis: CryptoHash, height: BlockHeight) -> Self {
        let is_first = self.id == EpochId::default();
        let start_height = if is_first { height } else { self.start_height };
        Self { next_id: EpochId(genesis), start_height, ..self }
    }

    /// The epoch that follows this one and starts at `height`, after the block `last`.
    fn next(self, last: CryptoHash, height: BlockHeight) -> Self {
        // The first two epochs share the genesis' validators and the count 1.
        let counted = if self.id == EpochId::default() { 1 } else { self.height.saturating_add(1) };
        Self { id: self.next_id, next_id: EpochId(last), height: counted, start_height: height }
    }

    /// The height at which the next epoch is due to start.
    pub(super) fn estimated_end(&self, length: BlockHeightDelta) -> BlockHeight {
        self.start_height.saturating_add(length)
    }
}

/// What the epoch rules need to know of a block's predecessor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predecessor {
    pub(super) epoch: Epoch,
    pub(super) hash: CryptoHash,
    pub(super) height: BlockHeight,
    pub(super) last_final_height: BlockHeight,
    pub(super) is_genesis: bool,
}

/// The epoch of a block at `height` that follows `previous`.
pub(super) fn epoch_of_next(
    previous: &Predecessor,
    height: BlockHeight,
    length: BlockHeightDelta,
) -> Epoch {
    if previous.is_genesis {
        previous.epoch.after_genesis(previous.hash, height)
    } else if ends_epoch(previous, length) {
        previous.epoch.next(previous.hash, height)
    } else {
        previous.epoch
    }
}

/// Whether the block after `previous` starts an epoch: three blocks before the due height have
/// to be final, so that every node knows the new validators in time.
fn ends_epoch(previous: &Predecessor, length: BlockHeightDelta) -> bool {
    let due = previous.epoch.estimated_end(length);
    if length <= 3 {
        return previous.height.saturating_add(1) >= due;
    }
    previous.last_final_height.saturating_add(3) >= due
}
