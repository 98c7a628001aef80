//! `network_info` and `EXPERIMENTAL_split_storage_info`: a node without neighbours, and with one
//! store.

use near_jsonrpc_primitives::types::network_info::RpcNetworkInfoResponse;
use near_jsonrpc_primitives::types::split_storage::{
    RpcSplitStorageInfoRequest, RpcSplitStorageInfoResponse,
};
use near_primitives::types::Finality;
use near_primitives::views::SplitStorageInfoView;
use serde_json::Value;

use super::super::params;
use super::{Answer, Api, Handler, Method, Takes, written};

pub(super) const NETWORK_INFO: Method = Method {
    names: &["network_info"],
    summary: "The node's peers: it has none.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(network_info),
};

pub(super) const SPLIT_STORAGE_INFO: Method = Method {
    names: &["EXPERIMENTAL_split_storage_info"],
    summary: "The heights that the node's stores have come to. This node has one store.",
    takes: Takes::Params { forms: &[&[]], others: &["[]"] },
    errors: &[],
    handler: Handler::Look(split_storage_info),
};

/// How many peers neard accepts by default (`network.max_num_peers`).
const PEER_MAX_COUNT: u32 = 40;

fn network_info(_api: &Api, _params: Value) -> Answer {
    written(&RpcNetworkInfoResponse {
        active_peers: Vec::new(),
        num_active_peers: 0,
        peer_max_count: PEER_MAX_COUNT,
        sent_bytes_per_sec: 0,
        received_bytes_per_sec: 0,
        known_producers: Vec::new(),
    })
}

fn split_storage_info(api: &Api, params: Value) -> Answer {
    let RpcSplitStorageInfoRequest {} = params::parse(params)?;
    let chain = api.chain();
    let height = |finality| Some(chain.last_block(&finality).height());
    let result = SplitStorageInfoView {
        head_height: height(Finality::None),
        final_head_height: height(Finality::Final),
        cold_head_height: None,
        hot_db_kind: Some("RPC".to_owned()),
    };
    written(&RpcSplitStorageInfoResponse { result })
}
