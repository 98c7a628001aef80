//! NEAR's error object and the HTTP status that goes with it.
//!
//! The object itself is `near-jsonrpc-primitives`' [`RpcError`]: `name` and `cause` beside the
//! `code`, `message` and `data` of JSON-RPC. This module only knows which HTTP status neard
//! answers with; which error a method answers is the method's business.

use http::StatusCode;
use near_jsonrpc_primitives::errors::{RpcError, RpcErrorKind};
use serde_json::Value;

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct RpcFailure {
    /// What goes into the `error` member.
    pub(crate) error: RpcError,
    /// The block asked for is missing, though the chain has passed its height.
    pub(crate) below_head: bool,
}

impl<E: Into<RpcError>> From<E> for RpcFailure {
    fn from(error: E) -> Self {
        Self { error: error.into(), below_head: false }
    }
}

impl RpcFailure {
    /// The HTTP status of neard (nearcore 2.4 and later): handlers' errors are ordinary answers,
    /// except for a timeout and for a block that can never come.
    pub(crate) fn status(&self) -> StatusCode {
        match &self.error.error_struct {
            Some(RpcErrorKind::RequestValidationError(_)) => StatusCode::BAD_REQUEST,
            Some(RpcErrorKind::InternalError(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Some(RpcErrorKind::HandlerError(cause)) => match cause_name(cause) {
                Some("TIMEOUT_ERROR") => StatusCode::REQUEST_TIMEOUT,
                Some("UNKNOWN_BLOCK") if self.below_head => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::OK,
            },
            None => StatusCode::OK,
        }
    }

    /// The name under which `/metrics` counts this error.
    pub(crate) fn name(&self) -> &str {
        match &self.error.error_struct {
            Some(RpcErrorKind::RequestValidationError(_)) => "REQUEST_VALIDATION_ERROR",
            Some(RpcErrorKind::InternalError(_)) => "INTERNAL_ERROR",
            Some(RpcErrorKind::HandlerError(cause)) => cause_name(cause).unwrap_or("HANDLER_ERROR"),
            None => "ERROR",
        }
    }
}

fn cause_name(cause: &Value) -> Option<&str> {
    cause.get("name").and_then(Value::as_str)
}
