//! The questions of `query` as methods of their own. Their answers are those of `query`; their
//! errors are errors, each method with the names that it has in neard.

use near_jsonrpc_primitives::errors::RpcError;
use near_jsonrpc_primitives::types::call_function::{RpcCallFunctionError, RpcCallFunctionRequest};
use near_jsonrpc_primitives::types::query::{RpcQueryError, RpcQueryRequest};
use near_jsonrpc_primitives::types::view_access_key::{
    RpcViewAccessKeyError, RpcViewAccessKeyRequest,
};
use near_jsonrpc_primitives::types::view_access_key_list::{
    RpcViewAccessKeyListError, RpcViewAccessKeyListRequest,
};
use near_jsonrpc_primitives::types::view_account::{RpcViewAccountError, RpcViewAccountRequest};
use near_jsonrpc_primitives::types::view_code::{RpcViewCodeError, RpcViewCodeRequest};
use near_jsonrpc_primitives::types::view_gas_key_nonces::{
    RpcViewGasKeyNoncesError, RpcViewGasKeyNoncesRequest,
};
use near_jsonrpc_primitives::types::view_state::{RpcViewStateError, RpcViewStateRequest};
use near_primitives::types::BlockReference;
use near_primitives::views::QueryRequest;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params;
use super::block::unknown_block;
use super::query::{
    AFTER_KEY, AFTER_STATE_KEY, ARGS, INCLUDE_PROOF, LIMIT, METHOD_NAME, PREFIX, ask,
};
use super::row::{ACCOUNT_ID, BLOCK, PUBLIC_KEY};
use super::{Answer, Api, Handler, Method, Takes, written};

pub(super) const VIEW_ACCOUNT: Method = Method {
    names: &["EXPERIMENTAL_view_account"],
    summary: "An account, as `query` with `view_account`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_ACCOUNT"],
    handler: Handler::Look(view_account),
};

pub(super) const VIEW_CODE: Method = Method {
    names: &["EXPERIMENTAL_view_code"],
    summary: "The contract of an account, as `query` with `view_code`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_ACCOUNT", "NO_CONTRACT_CODE"],
    handler: Handler::Look(view_code),
};

pub(super) const VIEW_STATE: Method = Method {
    names: &["EXPERIMENTAL_view_state"],
    summary: "The state of a contract, as `query` with `view_state`.",
    takes: Takes::Params {
        forms: &[&[BLOCK, ACCOUNT_ID, PREFIX, INCLUDE_PROOF, AFTER_STATE_KEY, LIMIT]],
        others: &[],
    },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_ACCOUNT", "TOO_LARGE_CONTRACT_STATE"],
    handler: Handler::Look(view_state),
};

pub(super) const VIEW_ACCESS_KEY: Method = Method {
    names: &["EXPERIMENTAL_view_access_key"],
    summary: "A key of an account, as `query` with `view_access_key`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID, PUBLIC_KEY]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_ACCESS_KEY"],
    handler: Handler::Look(view_access_key),
};

pub(super) const VIEW_ACCESS_KEY_LIST: Method = Method {
    names: &["EXPERIMENTAL_view_access_key_list"],
    summary: "The keys of an account, as `query` with `view_access_key_list`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID, AFTER_KEY, LIMIT]], others: &[] },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(view_access_key_list),
};

pub(super) const VIEW_GAS_KEY_NONCES: Method = Method {
    names: &["EXPERIMENTAL_view_gas_key_nonces"],
    summary: "The nonces of a gas key, as `query` with `view_gas_key_nonces`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID, PUBLIC_KEY]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_GAS_KEY"],
    handler: Handler::Look(view_gas_key_nonces),
};

pub(super) const CALL_FUNCTION: Method = Method {
    names: &["EXPERIMENTAL_call_function"],
    summary: "A view call, as `query` with `call_function`.",
    takes: Takes::Params { forms: &[&[BLOCK, ACCOUNT_ID, METHOD_NAME, ARGS]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_ACCOUNT", "CONTRACT_EXECUTION_ERROR"],
    handler: Handler::Look(call_function),
};

fn view_account(api: &Api, params: Value) -> Answer {
    let RpcViewAccountRequest { block_reference, account_id } = params::parse(params)?;
    let request = QueryRequest::ViewAccount { account_id };
    view::<RpcViewAccountError>(api, block_reference, request)
}

fn view_code(api: &Api, params: Value) -> Answer {
    let RpcViewCodeRequest { block_reference, account_id } = params::parse(params)?;
    let request = QueryRequest::ViewCode { account_id };
    view::<RpcViewCodeError>(api, block_reference, request)
}

fn view_state(api: &Api, params: Value) -> Answer {
    let RpcViewStateRequest {
        block_reference,
        account_id,
        prefix,
        include_proof,
        after_key,
        limit,
    } = params::parse(params)?;
    let request = QueryRequest::ViewState { account_id, prefix, after_key, limit, include_proof };
    view::<RpcViewStateError>(api, block_reference, request)
}

fn view_access_key(api: &Api, params: Value) -> Answer {
    let RpcViewAccessKeyRequest { block_reference, account_id, public_key } =
        params::parse(params)?;
    let request = QueryRequest::ViewAccessKey { account_id, public_key };
    view::<RpcViewAccessKeyError>(api, block_reference, request)
}

fn view_access_key_list(api: &Api, params: Value) -> Answer {
    let RpcViewAccessKeyListRequest { block_reference, account_id, after_key, limit } =
        params::parse(params)?;
    let request = QueryRequest::ViewAccessKeyList { account_id, after_key, limit };
    view::<RpcViewAccessKeyListError>(api, block_reference, request)
}

fn view_gas_key_nonces(api: &Api, params: Value) -> Answer {
    let RpcViewGasKeyNoncesRequest { block_reference, account_id, public_key } =
        params::parse(params)?;
    let request = QueryRequest::ViewGasKeyNonces { account_id, public_key };
    view::<RpcViewGasKeyNoncesError>(api, block_reference, request)
}

fn call_function(api: &Api, params: Value) -> Answer {
    let RpcCallFunctionRequest { block_reference, account_id, method_name, args } =
        params::parse(params)?;
    let request = QueryRequest::CallFunction { account_id, method_name, args };
    view::<RpcCallFunctionError>(api, block_reference, request)
}

/// Asks, and tells an error as the method's own.
fn view<E: From<RpcQueryError> + Into<RpcError>>(
    api: &Api,
    block_reference: BlockReference,
    request: QueryRequest,
) -> Answer {
    let chain = api.chain();
    let reference = block_reference.clone();
    match ask(api, &chain, RpcQueryRequest { block_reference, request }) {
        Ok(response) => written(&response),
        Err(error @ RpcQueryError::UnknownBlock { .. }) => {
            Err(unknown_block(E::from(error), &chain, &reference))
        }
        Err(error) => Err(RpcFailure::from(E::from(error))),
    }
}
