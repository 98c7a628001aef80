//! `validators`: the one validator, epoch by epoch.

use std::collections::HashMap;

use near_jsonrpc_primitives::types::validator::RpcValidatorError;
use near_primitives::types::{BlockId, EpochReference, NumBlocks};
use near_primitives::views::{
    CurrentEpochValidatorInfo, EpochValidatorInfo, NextEpochValidatorInfo,
};
use serde_json::Value;

use super::super::params::Params;
use super::{Answer, Api, Handler, Method, written};
use crate::chain::{Block, Chain};

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

/// How many blocks the epoch of `last` has, up to that one.
fn blocks_up_to(chain: &Chain, last: &Block) -> NumBlocks {
    let first = chain.block_by_id(&BlockId::Height(last.epoch().start_height));
    let first = first.map_or(0, |first| first.header().block_ordinal());
    last.header().block_ordinal().saturating_sub(first).saturating_add(1)
}

fn info(chain: &Chain, last: &Block) -> EpochValidatorInfo {
    let shard = chain.shard_id();
    let blocks = blocks_up_to(chain, last);
    let validators = &chain.genesis_config().validators;
    EpochValidatorInfo {
        current_validators: validators
            .iter()
            .map(|validator| CurrentEpochValidatorInfo {
                account_id: validator.account_id.clone(),
                public_key: validator.public_key.clone(),
                is_slashed: false,
                stake: validator.amount,
                shards_produced: vec![shard],
                num_produced_blocks: blocks,
                num_expected_blocks: blocks,
                num_produced_chunks: blocks,
                num_expected_chunks: blocks,
                num_produced_chunks_per_shard: vec![blocks],
                num_expected_chunks_per_shard: vec![blocks],
                num_produced_endorsements: blocks,
                num_expected_endorsements: blocks,
                num_produced_endorsements_per_shard: vec![blocks],
                num_expected_endorsements_per_shard: vec![blocks],
                shards_endorsed: vec![shard],
            })
            .collect(),
        next_validators: validators
            .iter()
            .map(|validator| NextEpochValidatorInfo {
                account_id: validator.account_id.clone(),
                public_key: validator.public_key.clone(),
                stake: validator.amount,
                shards: vec![shard],
            })
            .collect(),
        current_fishermen: Vec::new(),
        next_fishermen: Vec::new(),
        current_proposals: Vec::new(),
        prev_epoch_kickout: Vec::new(),
        epoch_start_height: last.epoch().start_height,
        epoch_height: last.epoch().height,
        validator_reward_paid_prev_epoch: HashMap::new(),
    }
}
