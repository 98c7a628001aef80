//! The first form of `query`, which old clients still send: a path and data in base58.

use near_jsonrpc_primitives::errors::RpcParseError;
use near_jsonrpc_primitives::types::query::RpcQueryRequest;
use near_primitives::types::{AccountId, BlockReference};
use near_primitives::views::QueryRequest;

/// The longest data, in bytes, less the length of the path.
const LEGACY_DATA_LIMIT: usize = 10 * 1024;

/// Reads the two strings of the first version of this method: a path, and data in base58.
pub(super) fn legacy(path: &str, data: &str) -> Result<RpcQueryRequest, RpcParseError> {
    let error = |text: &str| RpcParseError(text.to_owned());
    let data = || legacy_data(data, LEGACY_DATA_LIMIT.saturating_sub(path.len()));
    let mut parts = path.splitn(3, '/');
    let command = parts.next().unwrap_or_default();
    let account_id = parts.next().ok_or_else(|| error("Not enough query parameters provided"))?;
    let account_id: AccountId =
        account_id.parse().map_err(|invalid| RpcParseError(format!("{invalid}")))?;
    let request = match (command, parts.next()) {
        ("account", _) => QueryRequest::ViewAccount { account_id },
        ("access_key", None) => {
            QueryRequest::ViewAccessKeyList { account_id, after_key: None, limit: None }
        }
        ("access_key", Some(key)) => {
            let public_key = key.parse().map_err(|_| error("Invalid public key"))?;
            QueryRequest::ViewAccessKey { account_id, public_key }
        }
        ("code", _) => QueryRequest::ViewCode { account_id },
        ("contract", _) => QueryRequest::ViewState {
            account_id,
            prefix: data()?.into(),
            after_key: None,
            limit: None,
            include_proof: false,
        },
        ("call", None) => return Err(error("Method name is missing")),
        ("call", Some(method_name)) => QueryRequest::CallFunction {
            account_id,
            method_name: method_name.to_owned(),
            args: data()?.into(),
        },
        (command, _) => return Err(RpcParseError(format!("Unknown path {command}"))),
    };
    Ok(RpcQueryRequest { request, block_reference: BlockReference::latest() })
}

fn legacy_data(encoded: &str, limit: usize) -> Result<Vec<u8>, RpcParseError> {
    let mut data = vec![0; limit.min(encoded.len())];
    match bs58::decode(encoded).onto(data.as_mut_slice()) {
        Ok(length) => {
            data.truncate(length);
            Ok(data)
        }
        Err(bs58::decode::Error::BufferTooSmall) => {
            Err(RpcParseError("Query data size is too large".to_owned()))
        }
        Err(invalid) => Err(RpcParseError(invalid.to_string())),
    }
}
