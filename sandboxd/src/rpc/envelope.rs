//! The JSON-RPC 2.0 envelope as neard reads and writes it.
//!
//! A request has exactly the members `jsonrpc`, `method`, `params` and `id`, where `id` is any
//! JSON value and comes back as it was. Notifications and batches are refused. The module does
//! not know which methods exist.

use std::borrow::Cow;

use near_jsonrpc_primitives::errors::RpcError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The only version of the protocol.
#[derive(Debug)]
struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("2.0")
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = <Cow<'de, str>>::deserialize(deserializer)?;
        if version == "2.0" {
            return Ok(Self);
        }
        Err(serde::de::Error::custom(format!("jsonrpc must be \"2.0\", not {version:?}")))
    }
}

/// A request whose envelope is in order. Its params are the text that they are, which may not even
/// be JSON that a method would take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request<'a> {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    /// The name to look up in the method table.
    #[serde(borrow)]
    pub(crate) method: Cow<'a, str>,
    /// `None` if the member is missing, or `null`.
    #[serde(borrow, default)]
    pub(crate) params: Option<&'a RawValue>,
    /// Any JSON value; given back unchanged.
    pub(crate) id: Value,
}

impl<'a> Request<'a> {
    /// Reads one request; `Err` says why the body is none.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, RpcError> {
        serde_json::from_slice(body).map_err(|_| refusal(body))
    }

    /// The params as they were written; nothing, if there are none.
    pub(crate) fn params_text(&self) -> &'a str {
        self.params.map_or("", RawValue::get)
    }

    /// The params; null, if there are none.
    pub(crate) fn params_value(&self) -> serde_json::Result<Value> {
        self.params.map_or(Ok(Value::Null), |params| serde_json::from_str(params.get()))
    }
}

/// Why a body never reaches a method: neard tells apart only what is JSON and what is not.
pub(crate) fn refusal(body: &[u8]) -> RpcError {
    RpcError::parse_error(match serde_json::from_slice::<Value>(body) {
        Ok(_json) => "JSON RPC Request format was expected".to_owned(),
        Err(error) => format!("request body is not valid JSON: {error}"),
    })
}

#[derive(Serialize)]
struct Response<'a, R> {
    jsonrpc: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
    id: &'a Value,
}

#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: Version,
    method: &'a str,
    params: P,
}

/// The body that answers `id` with a result, which is written as JSON already as a rule.
pub(crate) fn result_body(result: impl Serialize, id: &Value) -> Vec<u8> {
    written(&Response { jsonrpc: Version, result: Some(result), error: None, id })
}

/// The body that answers `id` with an error.
pub(crate) fn error_body(error: &RpcError, id: &Value) -> Vec<u8> {
    written(&Response { jsonrpc: Version, result: None::<()>, error: Some(error), id })
}

/// The text of a message that nobody asked for.
pub(crate) fn notification(method: &str, params: impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&Notification { jsonrpc: Version, method, params })
}

fn written(response: &Response<'_, impl Serialize>) -> Vec<u8> {
    // Most answers fit, so that the vector does not grow.
    let mut body = Vec::with_capacity(2048);
    let written = serde_json::to_writer(&mut body, response);
    written.expect("an envelope holds strings and JSON values only");
    body
}
