//! The JSON-RPC 2.0 envelope as neard reads and writes it.
//!
//! A request has exactly the members `jsonrpc`, `method`, `params` and `id`, where `id` is any
//! JSON value and comes back as it was. Notifications and batches are refused. The module does
//! not know which methods exist.

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
        let version = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if version == "2.0" {
            return Ok(Self);
        }
        Err(serde::de::Error::custom(format!("jsonrpc must be \"2.0\", not {version:?}")))
    }
}

/// A request whose envelope is in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    /// The name to look up in the method table.
    pub(crate) method: String,
    /// `null` if the member is missing.
    #[serde(default)]
    pub(crate) params: Value,
    /// Any JSON value; given back unchanged.
    pub(crate) id: Value,
}

impl Request {
    /// Reads one request; `Err` says why the body is none.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RpcError> {
        serde_json::from_slice(body).map_err(|_| refusal(body))
    }
}

/// Why a body never reaches a method: neard tells apart only what is JSON and what is not.
fn refusal(body: &[u8]) -> RpcError {
    RpcError::parse_error(match serde_json::from_slice::<Value>(body) {
        Ok(_json) => "JSON RPC Request format was expected".to_owned(),
        Err(error) => format!("request body is not valid JSON: {error}"),
    })
}

#[derive(Serialize)]
struct Response<'a> {
    jsonrpc: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
    id: &'a Value,
}

/// The body that answers `id` with a result already written as JSON.
pub(crate) fn result_body(result: &RawValue, id: &Value) -> Vec<u8> {
    written(&Response { jsonrpc: Version, result: Some(result), error: None, id })
}

/// The body that answers `id` with an error.
pub(crate) fn error_body(error: &RpcError, id: &Value) -> Vec<u8> {
    written(&Response { jsonrpc: Version, result: None, error: Some(error), id })
}

fn written(response: &Response<'_>) -> Vec<u8> {
    serde_json::to_vec(response).expect("an envelope holds strings and JSON values only")
}
