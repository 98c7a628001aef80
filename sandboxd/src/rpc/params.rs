//! Parameters by name or by position.
//!
//! Every NEAR method takes an object; some also take the arrays that older clients send. A method
//! describes its arrays with [`Params::singleton`] and [`Params::pair`]; whatever these leave
//! over is read as the object. The texts of the errors are neard's, because clients show them.

use near_jsonrpc_primitives::errors::RpcParseError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Parameters that are being read into a `T`.
#[derive(Debug)]
pub(crate) enum Params<T> {
    /// An array matched: this is what came of it.
    Read(Result<T, RpcParseError>),
    /// Nothing has matched yet.
    Unread(Value),
}

impl<T: DeserializeOwned> Params<T> {
    /// Parameters of which nothing has been read.
    pub(crate) fn new(value: Value) -> Self {
        Self::Unread(value)
    }

    /// Reads an array of one element with `read`.
    pub(crate) fn singleton<A: DeserializeOwned>(
        self,
        read: impl FnOnce(A) -> Result<T, RpcParseError>,
    ) -> Self {
        match self {
            Self::Unread(Value::Array(array)) if array.len() == 1 => {
                Self::Read(parse::<(A,)>(Value::Array(array)).and_then(|(first,)| read(first)))
            }
            other => other,
        }
    }

    /// Reads an array of two elements with `read`.
    pub(crate) fn pair<A: DeserializeOwned, B: DeserializeOwned>(
        self,
        read: impl FnOnce(A, B) -> Result<T, RpcParseError>,
    ) -> Self {
        match self {
            Self::Unread(Value::Array(array)) if array.len() == 2 => Self::Read(
                parse(Value::Array(array)).and_then(|(first, second)| read(first, second)),
            ),
            other => other,
        }
    }

    /// Reads what is left as the object.
    pub(crate) fn named(self) -> Result<T, RpcParseError> {
        match self {
            Self::Read(result) => result,
            Self::Unread(value) => parse(value),
        }
    }
}

/// Reads JSON into parameters, with neard's error text.
pub(crate) fn parse<T: DeserializeOwned>(value: Value) -> Result<T, RpcParseError> {
    serde_json::from_value(value)
        .map_err(|error| RpcParseError(format!("Failed parsing args: {error}")))
}
