//! What light clients are shown: blocks with the signatures of their validators, and proofs that an
//! outcome and its block are in the chain. The rules are nearcore's (`chain/chain/src/lightclient.rs`
//! and `view_client_actor.rs`). Approvals are signed when somebody asks: headers carry none.

use near_crypto::Signature;
use near_primitives::block::{Approval, BlockHeader};
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::merkle::{MerklePath, merklize};
use near_primitives::transaction::ExecutionOutcomeWithIdAndProof;
use near_primitives::types::BlockId;
use near_primitives::views::LightClientBlockView;

use super::{Block, Chain, UnknownBlock};

/// An outcome with the ways to the roots that a header carries.
#[derive(Clone, Debug)]
pub struct OutcomeProof {
    /// The outcome, the way to its chunk's root, and the block whose header has the roots.
    pub outcome: ExecutionOutcomeWithIdAndProof,
    /// The way from the chunk's root to that of the header.
    pub root_proof: MerklePath,
}

impl Chain {
    /// The next block for a light client whose last one has the hash `last`: the latest that is
    /// final and has not left the epoch after that of `last`. `None` if there is none yet.
    pub fn next_light_client_block(
        &self,
        last: &CryptoHash,
    ) -> Result<Option<LightClientBlockView>, UnknownBlock> {
        let last = self.block_by_id(&BlockId::Hash(*last))?;
        let (current, next) = (last.epoch().id, last.epoch().next_id);
        let running = self.head().epoch().id;
        if running == current || running == next {
            let block = self.light_client_block(self.head())?;
            return Ok(Some(block).filter(|block| block.inner_lite.height > last.height()));
        }
        let ends_next = |block: &&Block| block.epoch().id == next;
        match self.finished_epochs().find(ends_next) {
            Some(end) => self.light_client_block(end).map(Some),
            None => Ok(None),
        }
    }

    /// The last blocks of all finished epochs, newest first.
    pub fn finished_epochs(&self) -> impl Iterator<Item = &Block> {
        let previous = |block: &Block| -> Option<&Block> {
            let first = self.block_by_id(&BlockId::Height(block.epoch().start_height)).ok()?;
            let last = self.block_by_id(&BlockId::Hash(*first.header().prev_hash())).ok()?;
            // Genesis and the block after it are in one epoch.
            (last.epoch().id != block.epoch().id).then_some(last)
        };
        std::iter::successors(previous(self.head()), move |last| previous(last))
    }

    /// The outcome of the transaction or receipt `id`, proved by the header of the block after its
    /// own. `None` if there is no such outcome; the inner one if that block is not there yet.
    pub fn outcome_proof(&self, id: &CryptoHash) -> Option<Option<OutcomeProof>> {
        let at = self.outcome(id)?;
        let Some(next) = self.block_after(at.block) else { return Some(None) };
        let outcome = ExecutionOutcomeWithIdAndProof {
            block_hash: *next.hash(),
            ..at.block.outcome_with_proof(at.index)?
        };
        let (_root, paths) = merklize(&[*next.chunk_header().prev_outcome_root()]);
        Some(Some(OutcomeProof { outcome, root_proof: paths.into_iter().next()? }))
    }

    /// The way from the hash of `block` to the root over all blocks before `head`, which is empty
    /// if the two are the same. `None` if `block` comes after `head`.
    pub fn block_proof(&self, block: &Block, head: &Block) -> Option<MerklePath> {
        if block.hash() == head.hash() {
            return Some(Vec::new());
        }
        self.passed.path(block, head)
    }

    /// The block that follows `block`, past the heights without one.
    pub fn block_after(&self, block: &Block) -> Option<&Block> {
        self.index.blocks_after(block.height()).next().map(AsRef::as_ref)
    }

    /// The last final block as `head` sees it, or the last one of its epoch before that: a light
    /// client needs three blocks in a row of one epoch.
    fn light_client_block(&self, head: &Block) -> Result<LightClientBlockView, UnknownBlock> {
        let by_hash = |hash: &CryptoHash| self.block_by_id(&BlockId::Hash(*hash));
        let follower = |block: &Block| {
            let missing = || UnknownBlock::NoSuchBlock(BlockId::Hash(*block.hash()));
            self.block_after(block).ok_or_else(missing)
        };
        let seen = by_hash(head.header().last_final_block())?;
        let one_ahead = follower(seen)?;
        let two_ahead = follower(one_ahead)?;
        let block = if two_ahead.epoch().id == seen.epoch().id {
            seen
        } else if one_ahead.epoch().id == seen.epoch().id {
            by_hash(one_ahead.header().last_final_block())?
        } else {
            by_hash(seen.header().last_final_block())?
        };
        let next = follower(block)?;
        let after_next = follower(next)?;
        let header = block.header();
        let producers = block.staking().next().block_producers(self.epoch_config());
        Ok(LightClientBlockView {
            prev_block_hash: *header.prev_hash(),
            next_block_inner_hash: inner_hash(next.header()),
            inner_lite: header.clone().into(),
            inner_rest_hash: hash(&header.inner_rest_bytes()),
            next_bps: Some(producers.iter().cloned().map(Into::into).collect()),
            approvals_after_next: self.approvals(block, next, after_next),
        })
    }

    /// The signatures of those who may make blocks under `next`, for the block after it. Only one
    /// of them is here to sign.
    fn approvals(&self, of: &Block, next: &Block, after: &Block) -> Vec<Option<Box<Signature>>> {
        let producers = of.staking().current().block_producers(self.epoch_config());
        let signer = self.signer();
        let signs = |producer: &near_primitives::types::validator_stake::ValidatorStake| {
            producer.account_id() == signer.validator_id()
                && *producer.public_key() == signer.public_key()
        };
        let approve = || {
            let approval = Approval::new(*next.hash(), next.height(), after.height(), signer);
            Box::new(approval.signature)
        };
        producers.iter().map(|producer| signs(producer).then(approve)).collect()
    }
}

fn inner_hash(header: &BlockHeader) -> CryptoHash {
    BlockHeader::compute_inner_hash(&header.inner_lite_bytes(), &header.inner_rest_bytes())
}
