//! `genesis_config` and `EXPERIMENTAL_protocol_config`: the rules that the chain follows.

use near_chain_configs::{GenesisConfig, ProtocolConfig, ProtocolConfigView};
use near_jsonrpc_primitives::types::config::RpcProtocolConfigError;
use near_primitives::types::BlockReference;
use serde_json::Value;

use super::super::params;
use super::block::{missing, unknown_block};
use super::{Answer, Api, Handler, Method, Takes, row, written};
use crate::chain::Chain;

pub(super) const GENESIS_CONFIG: Method = Method {
    names: &["genesis_config", "EXPERIMENTAL_genesis_config"],
    summary: "The genesis configuration, without the records.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(genesis_config),
};

pub(super) const PROTOCOL_CONFIG: Method = Method {
    names: &["EXPERIMENTAL_protocol_config"],
    summary: "The genesis configuration together with the fees and limits of the runtime.",
    takes: Takes::Params { forms: &[&[row::BLOCK]], others: &[] },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(protocol_config),
};

fn genesis_config(api: &Api, _params: Value) -> Answer {
    written(api.chain().genesis_config())
}

fn protocol_config(api: &Api, params: Value) -> Answer {
    let reference: BlockReference = params::parse(params)?;
    let chain = api.chain();
    if chain.block(&reference).is_err() {
        let error_message = missing(&reference, "BLOCK HEADER");
        let error = RpcProtocolConfigError::UnknownBlock { error_message };
        return Err(unknown_block(error, &chain, &reference));
    }
    // One protocol version from genesis on: every block has the same configuration.
    written(&ProtocolConfigView::from(ProtocolConfig {
        genesis_config: in_force(&chain),
        runtime_config: chain.runtime().config().near().clone(),
    }))
}

/// The genesis configuration with the rules by which validators are really chosen.
fn in_force(chain: &Chain) -> GenesisConfig {
    let epochs = chain.epoch_config();
    GenesisConfig {
        num_block_producer_seats: epochs.num_block_producer_seats,
        num_chunk_producer_seats: epochs.num_chunk_producer_seats,
        num_chunk_validator_seats: epochs.num_chunk_validator_seats,
        block_producer_kickout_threshold: epochs.block_producer_kickout_threshold,
        chunk_producer_kickout_threshold: epochs.chunk_producer_kickout_threshold,
        chunk_validator_only_kickout_threshold: epochs.chunk_validator_only_kickout_threshold,
        target_validator_mandates_per_shard: epochs.target_validator_mandates_per_shard,
        max_kickout_stake_perc: epochs.validator_max_kickout_stake_perc,
        online_min_threshold: epochs.online_min_threshold,
        online_max_threshold: epochs.online_max_threshold,
        fishermen_threshold: epochs.fishermen_threshold,
        minimum_stake_divisor: epochs.minimum_stake_divisor,
        minimum_stake_ratio: epochs.minimum_stake_ratio,
        minimum_validators_per_shard: epochs.minimum_validators_per_shard,
        protocol_upgrade_stake_threshold: epochs.protocol_upgrade_stake_threshold,
        ..chain.genesis_config().clone()
    }
}
