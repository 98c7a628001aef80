//! `validators`: who validates and who wants to, epoch by epoch.

use std::collections::HashMap;

use near_jsonrpc_primitives::types::validator::RpcValidatorError;
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, BlockId, EpochReference, NumBlocks, ShardId};
use near_primitives::views::{
    CurrentEpochValidatorInfo, EpochValidatorInfo, NextEpochValidatorInfo, ValidatorKickoutView,
};
use serde_json::Value;

use super::super::params::Params;
use super::{Answer, Api, Handler, Method, written};
use crate::chain::{Block, Chain, Validators};

pub(super) const VALIDATORS: Method = Method {
    names: &["validators"],
    summary: "The validators of an epoch: of the running one, or of one named by its id or, once it \
              is finished, by its last block.",
    named: "`\"latest\"`, `epoch_id`, or `block_id` (height or hash)",
    positional: "`[height, hash or null]`, null for the running epoch",
    errors: &["UNKNOWN_EPOCH", "VALIDATOR_INFO_UNAVAILABLE"],
    handler: Handler::Look(validators),
};

fn validators(api: &Api, params: Value) -> Answer {
    let reference = Params::<EpochReference>::new(params)
        .singleton(|id: Option<BlockId>| {
            Ok(id.map_or(EpochReference::Latest, EpochReference::BlockId))
        })
        .named()?;
    let chain = api.chain();
    let last = last_block(&chain, &reference)?;
    written(&info(&chain, last))
}

/// The last block so far of the epoch to tell of. An epoch that runs is told of by its id or as
/// the latest, but not by its blocks, as neard does it.
fn last_block<'a>(
    chain: &'a Chain,
    reference: &EpochReference,
) -> Result<&'a Block, RpcValidatorError> {
    match reference {
        EpochReference::Latest => Ok(chain.head()),
        EpochReference::EpochId(id) if chain.head().epoch().id == *id => Ok(chain.head()),
        EpochReference::EpochId(id) => finished_epochs(chain)
            .find(|last| last.epoch().id == *id)
            .ok_or(RpcValidatorError::UnknownEpoch),
        EpochReference::BlockId(id) => {
            let block = chain.block_by_id(id).map_err(|_| RpcValidatorError::UnknownEpoch)?;
            if finished_epochs(chain).any(|last| last.hash() == block.hash()) {
                Ok(block)
            } else if block.hash() == chain.head().hash() {
                Err(RpcValidatorError::UnknownEpoch)
            } else {
                Err(RpcValidatorError::ValidatorInfoUnavailable)
            }
        }
    }
}

/// The last blocks of all finished epochs, newest first.
fn finished_epochs(chain: &Chain) -> impl Iterator<Item = &Block> {
    let previous = |block: &Block| -> Option<&Block> {
        let first = chain.block_by_id(&BlockId::Height(block.epoch().start_height)).ok()?;
        let last = chain.block_by_id(&BlockId::Hash(*first.header().prev_hash())).ok()?;
        // Genesis and the block after it are in one epoch.
        (last.epoch().id != block.epoch().id).then_some(last)
    };
    std::iter::successors(previous(chain.head()), move |last| previous(last))
}

fn info(chain: &Chain, last: &Block) -> EpochValidatorInfo {
    let config = chain.epoch_config();
    let (current, next) = (last.staking().current(), last.staking().next());
    let shards = |validator: &ValidatorStake, of: &Validators| {
        let makes_chunks = of.chunk_producers(config).contains(validator);
        if makes_chunks { vec![chain.shard_id()] } else { Vec::new() }
    };
    let work = Work::up_to(chain, last);
    EpochValidatorInfo {
        current_validators: current
            .chosen()
            .iter()
            .map(|validator| work.of(validator, shards(validator, current)))
            .collect(),
        next_validators: next
            .chosen()
            .iter()
            .map(|validator| {
                let shards = shards(validator, next);
                let (account_id, public_key, stake) = validator.clone().destructure();
                NextEpochValidatorInfo { account_id, public_key, stake, shards }
            })
            .collect(),
        current_fishermen: Vec::new(),
        next_fishermen: Vec::new(),
        current_proposals: last.staking().proposals().cloned().map(Into::into).collect(),
        prev_epoch_kickout: next
            .dropped()
            .iter()
            .map(|(account_id, reason)| ValidatorKickoutView {
                account_id: account_id.clone(),
                reason: reason.clone(),
            })
            .collect(),
        epoch_start_height: last.epoch().start_height,
        epoch_height: last.epoch().height,
        validator_reward_paid_prev_epoch: HashMap::new(),
    }
}

/// What was made in an epoch. The node itself makes all of it.
struct Work<'a> {
    signer: &'a AccountId,
    shard: ShardId,
    blocks: NumBlocks,
    /// Heights up to the last block, also those without a block.
    heights: NumBlocks,
    /// neard keeps less of an epoch that is over.
    finished: bool,
}

impl<'a> Work<'a> {
    fn up_to(chain: &'a Chain, last: &Block) -> Self {
        let first = chain.block_by_id(&BlockId::Height(last.epoch().start_height));
        let before =
            first.and_then(|first| chain.block_by_id(&BlockId::Hash(*first.header().prev_hash())));
        // Genesis is in its epoch's place, but nobody made it.
        let before = before.map_or(last, |before| before);
        Self {
            signer: chain.signer().validator_id(),
            shard: chain.shard_id(),
            blocks: last.header().block_ordinal().saturating_sub(before.header().block_ordinal()),
            heights: last.height().saturating_sub(before.height()),
            finished: last.hash() != chain.head().hash(),
        }
    }

    /// What `validator`, who may make chunks of `shards`, has done.
    fn of(&self, validator: &ValidatorStake, shards: Vec<ShardId>) -> CurrentEpochValidatorInfo {
        let (account_id, public_key, stake) = validator.clone().destructure();
        let works = account_id == *self.signer;
        let (blocks, heights) = if works { (self.blocks, self.heights) } else { (0, 0) };
        let worked_on = if works { vec![self.shard] } else { Vec::new() };
        let (shards_produced, shards_endorsed, in_shard) = if self.finished {
            (shards, Vec::new(), 0)
        } else {
            (worked_on.clone(), worked_on, blocks)
        };
        CurrentEpochValidatorInfo {
            account_id,
            public_key,
            is_slashed: false,
            stake,
            num_produced_blocks: blocks,
            num_expected_blocks: heights,
            num_produced_chunks: blocks,
            num_expected_chunks: blocks,
            num_produced_chunks_per_shard: vec![in_shard; shards_produced.len()],
            num_expected_chunks_per_shard: vec![in_shard; shards_produced.len()],
            num_produced_endorsements: blocks,
            num_expected_endorsements: blocks,
            num_produced_endorsements_per_shard: vec![in_shard; shards_endorsed.len()],
            num_expected_endorsements_per_shard: vec![in_shard; shards_endorsed.len()],
            shards_produced,
            shards_endorsed,
        }
    }
}
