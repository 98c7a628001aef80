//! `sandbox_patch_state`: records written over the state.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxPatchStateError, RpcSandboxPatchStateRequest, RpcSandboxPatchStateResponse,
};
use serde_json::Value;

use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, stopped, written};

pub(in super::super) const PATCH_STATE: Method = Method {
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

async fn patch_state(api: &Api, params: Value) -> Answer {
    let request: RpcSandboxPatchStateRequest = params::parse(params)?;
    match api.node.patch(request.records).await {
        Some(Ok(())) => written(&RpcSandboxPatchStateResponse {}),
        Some(Err(error)) => {
            let error_message = error.to_string();
            Err(RpcSandboxPatchStateError::InternalError { error_message }.into())
        }
        None => Err(stopped()),
    }
}
