//! `genesis_config` and `EXPERIMENTAL_protocol_config`: the rules that the chain follows.

use near_chain_configs::{ProtocolConfig, ProtocolConfigView};
use near_jsonrpc_primitives::types::config::RpcProtocolConfigError;
use near_primitives::types::BlockReference;
use serde_json::Value;

use super::super::params;
use super::block::{missing, unknown_block};
use super::{Answer, Api, Handler, Method, written};

pub(super) const GENESIS_CONFIG: Method = Method {
    names: &["genesis_config", "EXPERIMENTAL_genesis_config"],
    summary: "The genesis configuration, without the records.",
    named: "ignored",
    positional: "ignored",
    errors: &[],
    handler: Handler::Look(genesis_config),
};

pub(super) const PROTOCOL_CONFIG: Method = Method {
    names: &["EXPERIMENTAL_protocol_config"],
    summary: "The genesis configuration together with the fees and limits of the runtime.",
    named: "a block reference",
    positional: "none",
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
        genesis_config: chain.genesis_config().clone(),
        runtime_config: chain.runtime().config().near().clone(),
    }))
}
