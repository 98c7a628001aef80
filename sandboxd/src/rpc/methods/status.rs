//! `status` and `health`: what the node is, and that it runs.

use near_primitives::version::{PROTOCOL_VERSION, Version};
use near_primitives::views::{StatusResponse, StatusSyncInfo, ValidatorInfo};
use serde_json::Value;

use super::{Answer, Api, Handler, Method, Takes, written};

pub(super) const STATUS: Method = Method {
    names: &["status"],
    summary: "What the node runs, and its newest and earliest block. Also at `GET /status`.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(status),
};

pub(super) const HEALTH: Method = Method {
    names: &["health"],
    summary: "`null` as long as the node runs. Also at `GET /health`.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(health),
};

fn status(api: &Api, _params: Value) -> Answer {
    let chain = api.chain();
    let (head, earliest, signer) = (chain.head(), chain.earliest(), chain.signer());
    let uptime = api.started.elapsed().as_secs();
    written(&StatusResponse {
        version: version(),
        chain_id: chain.chain_id().to_owned(),
        protocol_version: chain.protocol_version(),
        latest_protocol_version: PROTOCOL_VERSION,
        rpc_addr: Some(api.address.to_string()),
        validators: head
            .staking()
            .current()
            .block_producers(chain.epoch_config())
            .iter()
            .map(|validator| ValidatorInfo { account_id: validator.account_id().clone() })
            .collect(),
        sync_info: StatusSyncInfo {
            latest_block_hash: *head.hash(),
            latest_block_height: head.height(),
            latest_state_root: *head.header().prev_state_root(),
            latest_block_time: head.header().timestamp(),
            syncing: false,
            earliest_block_hash: Some(*earliest.hash()),
            earliest_block_height: Some(earliest.height()),
            earliest_block_time: Some(earliest.header().timestamp()),
            epoch_id: Some(head.epoch().id),
            epoch_start_height: Some(head.epoch().start_height),
        },
        validator_account_id: Some(signer.validator_id().clone()),
        validator_public_key: Some(signer.public_key()),
        node_public_key: api.node_key.clone().unwrap_or_else(|| signer.public_key()),
        node_key: Some(signer.public_key()),
        uptime_sec: i64::try_from(uptime).unwrap_or(i64::MAX),
        genesis_hash: *chain.genesis().hash(),
        detailed_debug_status: None,
    })
}

fn health(_api: &Api, _params: Value) -> Answer {
    written(&())
}

/// This program's version, where neard tells its own.
pub(super) fn version() -> Version {
    Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: env!("CARGO_PKG_NAME").to_owned(),
        commit: String::new(),
        rustc_version: String::new(),
    }
}
