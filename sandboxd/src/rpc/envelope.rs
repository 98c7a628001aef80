//! The JSON-RPC 2.0 envelope as neard reads and writes it.
//!
//! A request has exactly the members `jsonrpc`, `method`, `params` and `id`, where `id` is any
//! JSON value and comes back as it was. Notifications and batches are refused. The module does
//! not know which methods exist.

use http::StatusCode;
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

/// A body that never reaches a method.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// 400 for broken JSON, notifications and batches; 422 for other JSON, as neard.
    pub(crate) status: StatusCode,
    /// What is wrong with it, in NEAR's shape.
    pub(crate) error: RpcError,
}

/// The parts of an envelope that say what a refused body meant to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    #[serde(rename = "method")]
    _method: String,
    #[serde(default, rename = "params")]
    _params: Value,
}

impl Request {
    /// Reads one request; `Err` says how to refuse the body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| Refusal::of(body, &error))
    }
}

impl Refusal {
    fn of(body: &[u8], error: &serde_json::Error) -> Self {
        let json: Value = match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(error) => {
                let text = format!("request body is not valid JSON: {error}");
                return Self {
                    status: StatusCode::BAD_REQUEST,
                    error: RpcError::parse_error(text),
                };
            }
        };
        let is_batch = |json: &Value| json.as_array().is_some_and(|all| !all.is_empty());
        if is_batch(&json) || serde_json::from_value::<Notification>(json).is_ok() {
            let text = "JSON RPC Request format was expected".to_owned();
            return Self { status: StatusCode::BAD_REQUEST, error: RpcError::parse_error(text) };
        }
        let text = format!("request body is not a JSON-RPC 2.0 request: {error}");
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error: RpcError::parse_error(text) }
    }
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
