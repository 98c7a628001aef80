//! Who validates and who wants to, epoch by epoch, and when a validator has nothing to do.

use std::collections::HashMap;

use near_jsonrpc_primitives::types::maintenance::{
    RpcMaintenanceWindowsRequest, RpcMaintenanceWindowsResponse,
};
use near_jsonrpc_primitives::types::validator::{RpcValidatorError, RpcValidatorsOrderedRequest};
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, BlockId, EpochReference, NumBlocks, ShardId};
use near_primitives::views::validator_stake_view::ValidatorStakeView;
use near_primitives::views::{
    CurrentEpochValidatorInfo, EpochValidatorInfo, NextEpochValidatorInfo, ValidatorKickoutView,
};
use serde_json::Value;

use super::super::params::{self, Params};
use super::row::ACCOUNT_ID;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};
use crate::chain::{Block, Chain, Validators};

pub(super) const VALIDATORS: Method = Method {
    names: &["validators"],
    summary: "The validators of an epoch: of the running one, or of one named by its id or, once it \
              is finished, by its last block.",
    takes: Takes::Params {
        forms: &[
            &[Member::required("epoch_id", Kind::Hash)],
            &[Member::required("block_id", Kind::BlockId)],
        ],
        others: &["\"latest\"", "[null]", "[block_id]"],
    },
    errors: &["UNKNOWN_EPOCH", "VALIDATOR_INFO_UNAVAILABLE"],
    handler: Handler::Look(validators),
};

pub(super) const VALIDATORS_ORDERED: Method = Method {
    names: &["EXPERIMENTAL_validators_ordered"],
    summary: "Those who may make the blocks of a block's epoch, the largest stake first; null means \
              the newest block.",
    takes: Takes::Params {
        forms: &[&[Member::required("block_id", Kind::MaybeBlockId)]],
        others: &["[block_id]"],
    },
    errors: &["UNKNOWN_EPOCH"],
    handler: Handler::Look(validators_ordered),
};

pub(super) const MAINTENANCE_WINDOWS: Method = Method {
    names: &["maintenance_windows", "EXPERIMENTAL_maintenance_windows"],
    summary: "The heights, from the newest block to the end of the epoch, at which a validator makes \
              neither a block nor a chunk: from `start` on, and before `end`.",
    takes: Takes::Params { forms: &[&[ACCOUNT_ID]], others: &["[account_id]"] },
    errors: &[],
    handler: Handler::Look(maintenance_windows),
};

fn validators_ordered(api: &Api, params: Value) -> Answer {
    let RpcValidatorsOrderedRequest { block_id } =
        Params::<RpcValidatorsOrderedRequest>::new(params)
            .singleton(|block_id| Ok(RpcValidatorsOrderedRequest { block_id }))
            .named()?;
    let chain = api.chain();
    let block = match &block_id {
        None => chain.head(),
        Some(id) => chain.block_by_id(id).map_err(|_| RpcValidatorError::UnknownEpoch)?,
    };
    let producers = block.staking().current().block_producers(chain.epoch_config());
    let producers: Vec<ValidatorStakeView> = producers.iter().cloned().map(Into::into).collect();
    written(&producers)
}

fn maintenance_windows(api: &Api, params: Value) -> Answer {
    let RpcMaintenanceWindowsRequest { account_id } = params::parse(params)?;
    let chain = api.chain();
    let head = chain.head();
    let epoch_end = head.epoch().start_height.saturating_add(chain.genesis_config().epoch_length);
    // The node makes all blocks and chunks; whoever else validates makes none.
    let works = account_id == *chain.signer().validator_id();
    let idle = (!works && head.height() < epoch_end).then(|| head.height()..epoch_end);
    written(&RpcMaintenanceWindowsResponse::from_iter(idle))
}

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
        EpochReference::EpochId(id) => chain
            .finished_epochs()
            .find(|last| last.epoch().id == *id)
            .ok_or(RpcValidatorError::UnknownEpoch),
        EpochReference::BlockId(id) => {
            let block = chain.block_by_id(id).map_err(|_| RpcValidatorError::UnknownEpoch)?;
            if chain.finished_epochs().any(|last| last.hash() == block.hash()) {
                Ok(block)
            } else if block.hash() == chain.head().hash() {
                Err(RpcValidatorError::UnknownEpoch)
            } else {
                Err(RpcValidatorError::ValidatorInfoUnavailable)
            }
        }
    }
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
