//! `sandbox_patch_state` and `sandbox_fast_forward`: what only a test chain can do.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxFastForwardError, RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse,
    RpcSandboxPatchStateError, RpcSandboxPatchStateRequest, RpcSandboxPatchStateResponse,
};
use serde_json::Value;

use super::super::params;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, written};

pub(super) const PATCH_STATE: Method = Method {
    names: &["sandbox_patch_state"],
    summary: "Writes records (`Account`, `AccessKey`, `Contract`, `Data`) into the state, all or \
              none. They are visible, at every finality, when the call returns.",
    takes: Takes::Params {
        forms: &[&[Member::required("records", Kind::Records)]],
        others: &["[records]"],
    },
    errors: &[],
    handler: Handler::Wait(|api, params| Box::pin(patch_state(api, params))),
};

pub(super) const FAST_FORWARD: Method = Method {
    names: &["sandbox_fast_forward"],
    summary: "Skips heights, and moves time and epochs as if their blocks had been made. Done when \
              the call returns.",
    takes: Takes::Params {
        forms: &[&[Member::required("delta_height", Kind::Number)]],
        others: &["[delta_height]"],
    },
    errors: &[],
    handler: Handler::Wait(|api, params| Box::pin(fast_forward(api, params))),
};

async fn patch_state(api: &Api, params: Value) -> Answer {
    let request: RpcSandboxPatchStateRequest = params::parse(params)?;
    match api.node.patch(request.records).await {
        Some(Ok(())) => written(&RpcSandboxPatchStateResponse {}),
        Some(Err(error)) => {
            let error_message = error.to_string();
            Err(RpcSandboxPatchStateError::InternalError { error_message }.into())
        }
        None => Err(internal_error("the node has stopped")),
    }
}

async fn fast_forward(api: &Api, params: Value) -> Answer {
    let request: RpcSandboxFastForwardRequest = params::parse(params)?;
    match api.node.fast_forward(request.delta_height).await {
        Some(Ok(())) => written(&RpcSandboxFastForwardResponse {}),
        Some(Err(error)) => {
            let error_message = format!("sandbox failed to fast forward due to: {error}");
            Err(RpcSandboxFastForwardError::InternalError { error_message }.into())
        }
        None => Err(internal_error("the node has stopped")),
    }
}
