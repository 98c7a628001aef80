//! A block as bytes: whole, or what does not follow from the block before it.

use std::borrow::Cow;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::block::Block as NearBlock;
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::sharding::ShardChunkHeader;
use near_primitives::transaction::{ExecutionOutcomeWithId, SignedTransaction};
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, Balance, BlockHeight, Gas};
use sandbox_runtime::StateChanges;

use super::super::TimestampNs;
use super::super::block::{Applied, Block, merklize_outcomes};
use super::super::epoch::Epoch;
use super::super::holds::Queue;
use super::super::validators::Staking;
use super::InvalidImage;
use super::pieces::Piece;

/// A block with all that is known of it.
#[derive(BorshDeserialize, BorshSerialize)]
pub(super) struct Whole<'a> {
    near: Cow<'a, NearBlock>,
    author: Cow<'a, AccountId>,
    epoch: Epoch,
    staking: Staking,
    last_final_height: BlockHeight,
    incoming: Cow<'a, [Receipt]>,
    content: Content<'a>,
    queue: Queue,
}

/// A block without what follows from the one before it.
#[derive(BorshDeserialize, BorshSerialize)]
pub(super) struct Following<'a> {
    pub(super) height: BlockHeight,
    pub(super) timestamp_ns: TimestampNs,
    /// What is in it, unless that is nothing and changed nothing.
    pub(super) content: Option<Content<'a>>,
    /// The receipts in it, unless they are those that were due after the block before.
    pub(super) incoming: Option<Cow<'a, [Receipt]>>,
    /// What waits after it, unless that follows.
    pub(super) queue: Option<Queue>,
    /// What it changed in the state, unless that is nothing.
    pub(super) changes: Option<Cow<'a, StateChanges>>,
}

/// What is in a block, and what applying it gave.
#[derive(BorshDeserialize, BorshSerialize)]
pub(super) struct Content<'a> {
    transactions: Cow<'a, [SignedTransaction]>,
    outcomes: Cow<'a, [ExecutionOutcomeWithId]>,
    outgoing: Cow<'a, [Receipt]>,
    local: Cow<'a, [Receipt]>,
    proposals: Cow<'a, [ValidatorStake]>,
    state_root: CryptoHash,
    gas_used: Gas,
    balance_burnt: Balance,
    total_supply: Balance,
}

impl<'a> Content<'a> {
    fn of(block: &'a Block) -> Self {
        let applied = &block.applied;
        Self {
            transactions: Cow::Borrowed(&block.transactions),
            outcomes: Cow::Borrowed(&applied.outcomes),
            outgoing: Cow::Borrowed(&applied.outgoing),
            local: Cow::Borrowed(&applied.local),
            proposals: Cow::Borrowed(&applied.proposals),
            state_root: applied.state_root,
            gas_used: applied.gas_used,
            balance_burnt: applied.balance_burnt,
            total_supply: applied.total_supply,
        }
    }

    /// That of a block after `previous` in which nothing happens.
    pub(super) fn quiet_after(previous: &Block) -> Self {
        Self {
            transactions: Cow::default(),
            outcomes: Cow::default(),
            outgoing: Cow::default(),
            local: Cow::default(),
            proposals: Cow::default(),
            state_root: previous.applied.state_root,
            gas_used: Gas::ZERO,
            balance_burnt: Balance::ZERO,
            total_supply: previous.applied.total_supply,
        }
    }

    fn is_quiet_after(&self, previous: &Block) -> bool {
        self.transactions.is_empty()
            && self.outcomes.is_empty()
            && self.outgoing.is_empty()
            && self.local.is_empty()
            && self.proposals.is_empty()
            && self.state_root == previous.applied.state_root
            && self.gas_used == Gas::ZERO
            && self.balance_burnt == Balance::ZERO
            && self.total_supply == previous.applied.total_supply
    }

    pub(super) fn into_parts(self) -> (Vec<SignedTransaction>, Applied) {
        let outcomes = self.outcomes.into_owned();
        let (outcome_root, outcome_proofs) = merklize_outcomes(&outcomes);
        let applied = Applied {
            state_root: self.state_root,
            outcomes,
            outcome_root,
            outcome_proofs,
            outgoing: self.outgoing.into_owned().into(),
            local: self.local.into_owned(),
            proposals: self.proposals.into_owned(),
            gas_used: self.gas_used,
            balance_burnt: self.balance_burnt,
            total_supply: self.total_supply,
        };
        (self.transactions.into_owned(), applied)
    }
}

impl<'a> Whole<'a> {
    pub(super) fn of(block: &'a Block) -> Self {
        Self {
            near: Cow::Borrowed(&block.near),
            author: Cow::Borrowed(&block.author),
            epoch: block.epoch,
            staking: block.staking.clone(),
            last_final_height: block.last_final_height,
            incoming: Cow::Borrowed(&block.incoming),
            content: Content::of(block),
            queue: block.queue.clone(),
        }
    }

    pub(super) fn into_block(self) -> Result<Block, InvalidImage> {
        let NearBlock::BlockV4(near) = &*self.near else { return Err(damaged()) };
        let [ShardChunkHeader::V3(_)] = near.body.chunks() else { return Err(damaged()) };
        let (transactions, applied) = self.content.into_parts();
        Ok(Block {
            near: self.near.into_owned(),
            author: self.author.into_owned(),
            epoch: self.epoch,
            staking: self.staking,
            last_final_height: self.last_final_height,
            transactions,
            incoming: self.incoming.into_owned().into(),
            applied,
            queue: self.queue,
        })
    }
}

fn damaged() -> InvalidImage {
    InvalidImage::Damaged { piece: Piece::Base, what: "its block has not one chunk".to_owned() }
}

impl<'a> Following<'a> {
    pub(super) fn of(
        block: &'a Block,
        previous: &Block,
        changes: Option<&'a StateChanges>,
    ) -> Self {
        let content = Content::of(block);
        let due = previous.queue.due();
        let same_receipts = Arc::ptr_eq(due, &block.incoming) || *due == block.incoming;
        let follows = queue_after(previous, &block.incoming, &block.applied.outgoing);
        Self {
            height: block.height(),
            timestamp_ns: block.header().raw_timestamp(),
            content: (!content.is_quiet_after(previous)).then_some(content),
            incoming: (!same_receipts).then_some(Cow::Borrowed(&*block.incoming)),
            queue: (follows != block.queue).then(|| block.queue.clone()),
            changes: changes.filter(|changes| !changes.is_empty()).map(Cow::Borrowed),
        }
    }
}

/// What waits after a block that follows `previous`, if nobody held or released anything in between.
pub(super) fn queue_after(
    previous: &Block,
    incoming: &[Receipt],
    outgoing: &Arc<[Receipt]>,
) -> Queue {
    let mut queue = previous.queue.clone();
    queue.take(incoming.len(), outgoing);
    queue
}
