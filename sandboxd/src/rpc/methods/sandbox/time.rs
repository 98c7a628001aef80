//! `sandbox_fast_forward`: heights and time that pass at once.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxFastForwardError, RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse,
};
use serde_json::Value;

use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, stopped, written};

pub(in super::super) const FAST_FORWARD: Method = Method {
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

async fn fast_forward(api: &Api, params: Value) -> Answer {
    let request: RpcSandboxFastForwardRequest = params::parse(params)?;
    match api.node.fast_forward(request.delta_height).await {
        Some(Ok(())) => written(&RpcSandboxFastForwardResponse {}),
        Some(Err(error)) => {
            let error_message = format!("sandbox failed to fast forward due to: {error}");
            Err(RpcSandboxFastForwardError::InternalError { error_message }.into())
        }
        None => Err(stopped()),
    }
}
