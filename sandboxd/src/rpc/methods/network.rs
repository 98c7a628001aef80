//! `network_info`: a node without neighbours.

use near_jsonrpc_primitives::types::network_info::RpcNetworkInfoResponse;
use serde_json::Value;

use super::{Answer, Api, Handler, Method, written};

pub(super) const NETWORK_INFO: Method = Method {
    names: &["network_info"],
    summary: "The node's peers: it has none.",
    named: "ignored",
    positional: "ignored",
    errors: &[],
    handler: Handler::Look(network_info),
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
