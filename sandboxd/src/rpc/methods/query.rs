//! `query`: the state of accounts and contracts, and view calls.
//!
//! Two errors are told as results with a member `error`, because clients have long been looking
//! for them there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use near_chain_configs::{default_trie_viewer_state_size_limit, default_view_access_keys_limit};
use near_jsonrpc_primitives::errors::{RpcError, RpcParseError};
use near_jsonrpc_primitives::types::query::{
    QueryResponseKind, RpcQueryError, RpcQueryRequest, RpcQueryResponse,
};
use near_primitives::types::{AccountId, BlockId, BlockReference};
use near_primitives::views::{
    AccessKeyInfoView, AccessKeyList, AccountView, CallResult, ContractCodeView, QueryRequest,
    StateItem, ViewStateResult,
};
use sandbox_runtime::view::{self, InvalidQuery, StateQuery};
use sandbox_state::Snapshot;
use serde::Serialize;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params::Params;
use super::block::unknown_block;
use super::{Answer, Api, Handler, Method, internal_error, written};
use crate::chain::{Block, Chain};

pub(super) const QUERY: Method = Method {
    names: &["query"],
    summary: "An account, its keys, code or state, or a view call, at a block. \
              `CONTRACT_EXECUTION_ERROR` and `UNKNOWN_ACCESS_KEY` come as results with a member \
              `error`.",
    named: "a block reference and `request_type` with its own members: `view_account` \
            (`account_id`), `view_access_key` (`account_id`, `public_key`), \
            `view_access_key_list` (`account_id`, `after_key`, `limit`), `view_code` \
            (`account_id`), `view_state` (`account_id`, `prefix_base64`, `include_proof`, \
            `after_key_base64`, `limit`), `call_function` (`account_id`, `method_name`, \
            `args_base64`)",
    positional: "`[path, base58 data]` with the path `account/ID`, `access_key/ID`, \
                 `access_key/ID/KEY`, `code/ID`, `contract/ID` or `call/ID/METHOD`",
    errors: &[
        "UNKNOWN_BLOCK",
        "GARBAGE_COLLECTED_BLOCK",
        "UNKNOWN_ACCOUNT",
        "NO_CONTRACT_CODE",
        "TOO_LARGE_CONTRACT_STATE",
        "TOO_MANY_ACCESS_KEYS",
    ],
    handler: Handler::Look(query),
};

/// The longest data of a positional query, in bytes, less the length of the path.
const LEGACY_DATA_LIMIT: usize = 10 * 1024;

fn query(api: &Api, params: Value) -> Answer {
    let request = Params::<RpcQueryRequest>::new(params)
        .pair(|path: String, data: String| legacy(&path, &data))
        .named()?;
    let chain = api.chain();
    if !matches!(request.request, QueryRequest::CallFunction { .. }) {
        return answer(&chain, request);
    }
    // A contract may run for long, and the thread serves other connections: they move to another.
    let called = || tokio::task::block_in_place(|| answer(&chain, request));
    match catch_unwind(AssertUnwindSafe(called)) {
        Ok(answer) => answer,
        Err(_panicked) => Err(internal_error("the view call failed inside the node")),
    }
}

fn answer(chain: &Chain, request: RpcQueryRequest) -> Answer {
    let Ok(block) = chain.block(&request.block_reference) else {
        return Err(missing(chain, &request.block_reference));
    };
    let at = At { chain, block };
    match at.answer(request.request) {
        Ok(kind) => written(&RpcQueryResponse {
            kind,
            block_height: block.height(),
            block_hash: *block.hash(),
        }),
        Err(error) => at.refusal(error),
    }
}

/// A block that queries are about.
struct At<'a> {
    chain: &'a Chain,
    block: &'a Block,
}

/// An error that clients expect as a result.
#[derive(Serialize)]
struct ErrorResult<'a> {
    error: String,
    logs: [&'a str; 0],
    block_height: u64,
    block_hash: near_primitives::hash::CryptoHash,
}

impl At<'_> {
    fn answer(&self, request: QueryRequest) -> Result<QueryResponseKind, RpcQueryError> {
        let state = self.chain.state_after(self.block).map_err(|_| {
            let (block_height, block_hash) = (self.block.height(), *self.block.hash());
            RpcQueryError::GarbageCollectedBlock { block_height, block_hash }
        })?;
        match request {
            QueryRequest::ViewAccount { account_id } => {
                let account = self.seen(view::account(state, &account_id))?;
                Ok(QueryResponseKind::ViewAccount(AccountView::from(account)))
            }
            QueryRequest::ViewCode { account_id } => {
                let (hash, code) = self.seen(view::code(state, &account_id))?;
                Ok(QueryResponseKind::ViewCode(ContractCodeView { code: code.to_vec(), hash }))
            }
            QueryRequest::ViewState { account_id, prefix, after_key, limit, include_proof } => {
                let query = StateQuery {
                    prefix: prefix.to_vec(),
                    after_key: after_key.map(|key| key.to_vec()),
                    limit,
                    include_proof,
                    size_limit: default_trie_viewer_state_size_limit(),
                };
                self.state(state, &account_id, &query)
            }
            QueryRequest::ViewAccessKey { account_id, public_key } => {
                let key = self.seen(view::access_key(state, &account_id, &public_key))?;
                Ok(QueryResponseKind::AccessKey(key.into()))
            }
            QueryRequest::ViewAccessKeyList { account_id, after_key, limit } => {
                self.access_keys(state, account_id, after_key.as_ref(), limit)
            }
            QueryRequest::CallFunction { account_id, method_name, args } => {
                let env = self.chain.env_after(self.block);
                let runtime = self.chain.runtime();
                let called =
                    view::call_function(runtime, state, &env, &account_id, &method_name, &args);
                let called = self.seen(called)?;
                Ok(QueryResponseKind::CallResult(CallResult {
                    result: called.value,
                    logs: called.logs,
                }))
            }
            other => Err(RpcQueryError::InternalError {
                error_message: format!("this sandbox does not answer {other:?} yet"),
            }),
        }
    }

    fn state(
        &self,
        state: &Snapshot,
        account_id: &AccountId,
        query: &StateQuery,
    ) -> Result<QueryResponseKind, RpcQueryError> {
        let page = self.seen(view::state(state, account_id, query))?;
        let values = page
            .values
            .into_iter()
            .map(|(key, value)| StateItem { key: key.into(), value: value.to_vec().into() });
        Ok(QueryResponseKind::ViewState(ViewStateResult {
            values: values.collect(),
            proof: page.proof.map(|proof| proof.nodes().to_vec()).unwrap_or_default(),
            last_key: page.last_key.map(Into::into),
        }))
    }

    /// Lists keys: all of them if they are not too many, or a page.
    fn access_keys(
        &self,
        state: &Snapshot,
        account_id: AccountId,
        after_key: Option<&near_crypto::PublicKeyHandle>,
        limit: Option<std::num::NonZeroU32>,
    ) -> Result<QueryResponseKind, RpcQueryError> {
        let mut keys = self.fault(view::access_keys(state, &account_id, after_key))?;
        let at_once = default_view_access_keys_limit();
        let most = limit.map_or(at_once, |limit| limit.get().min(at_once));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more = keys.len() > most;
        if more && after_key.is_none() && limit.is_none() {
            return Err(RpcQueryError::TooManyAccessKeys {
                requested_account_id: account_id,
                limit: at_once,
                block_height: self.block.height(),
                block_hash: *self.block.hash(),
            });
        }
        keys.truncate(most);
        let last_key = keys.last().filter(|_| more).map(|(key, _)| key.clone());
        let keys = keys.into_iter().map(|(key, value)| AccessKeyInfoView::new(key, value.into()));
        Ok(QueryResponseKind::AccessKeyList(AccessKeyList { keys: keys.collect(), last_key }))
    }

    /// Takes a view's answer, or tells its refusal as this block's.
    fn seen<T>(&self, result: view::ViewResult<T>) -> Result<T, RpcQueryError> {
        let (block_height, block_hash) = (self.block.height(), *self.block.hash());
        self.fault(result)?.map_err(|refusal| match refusal {
            InvalidQuery::UnknownAccount { account_id: requested_account_id } => {
                RpcQueryError::UnknownAccount { requested_account_id, block_height, block_hash }
            }
            InvalidQuery::NoContractCode { account_id: contract_account_id } => {
                RpcQueryError::NoContractCode { contract_account_id, block_height, block_hash }
            }
            InvalidQuery::UnknownAccessKey { public_key } => {
                let public_key = *public_key;
                RpcQueryError::UnknownAccessKey { public_key, block_height, block_hash }
            }
            InvalidQuery::TooLargeContractState { account_id: contract_account_id } => {
                RpcQueryError::TooLargeContractState {
                    contract_account_id,
                    block_height,
                    block_hash,
                }
            }
            InvalidQuery::Call { error, message: vm_error, logs: _ } => {
                RpcQueryError::ContractExecutionError { vm_error, error, block_height, block_hash }
            }
            refusal @ (InvalidQuery::ProofOfPage | InvalidQuery::PageOutsidePrefix) => {
                RpcQueryError::InternalError { error_message: refusal.to_string() }
            }
        })
    }

    /// Takes a result that only a fault of ours can spoil.
    fn fault<T>(
        &self,
        result: Result<T, sandbox_runtime::RuntimeFault>,
    ) -> Result<T, RpcQueryError> {
        result.map_err(|fault| {
            tracing::error!(target: "rpc", %fault, height = self.block.height(), "a view failed");
            RpcQueryError::InternalError { error_message: fault.to_string() }
        })
    }

    fn refusal(&self, error: RpcQueryError) -> Answer {
        let told = match error {
            RpcQueryError::ContractExecutionError { vm_error, .. } => vm_error,
            RpcQueryError::UnknownAccessKey { public_key, .. } => {
                format!("access key {public_key} does not exist while viewing")
            }
            error => return Err(error.into()),
        };
        written(&ErrorResult {
            error: told,
            logs: [],
            block_height: self.block.height(),
            block_hash: *self.block.hash(),
        })
    }
}

/// The error about a block that is not there; `data` has the old text that clients know.
fn missing(chain: &Chain, block_reference: &BlockReference) -> RpcFailure {
    let old = match block_reference {
        BlockReference::BlockId(BlockId::Height(height)) => {
            Some(format!("DB Not Found Error: BLOCK HEIGHT: {height} \n Cause: Unknown"))
        }
        BlockReference::BlockId(BlockId::Hash(hash)) => {
            Some(format!("DB Not Found Error: BLOCK HEADER: {hash}"))
        }
        _ => None,
    };
    let error = RpcQueryError::UnknownBlock { block_reference: block_reference.clone() };
    let mut error = RpcError::from(error);
    if let Some(old) = old {
        error.data = Some(Box::new(Value::String(old)));
    }
    unknown_block(error, chain, block_reference)
}

/// Reads the two strings of the first version of this method: a path, and data in base58.
fn legacy(path: &str, data: &str) -> Result<RpcQueryRequest, RpcParseError> {
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
