//! `query`: the state of accounts and contracts, and view calls.
//!
//! Two errors are told as results with a member `error`, because clients have long been looking
//! for them there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use near_chain_configs::default_view_access_keys_limit;
use near_jsonrpc_primitives::errors::RpcError;
use near_jsonrpc_primitives::types::query::{
    QueryResponseKind, RpcQueryError, RpcQueryRequest, RpcQueryResponse,
};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::types::{AccountId, BlockId, BlockReference};
use near_primitives::views::{
    AccessKeyInfoView, AccessKeyList, AccountView, CallResult, ContractCodeView, GasKeyNoncesView,
    QueryRequest, StateItem, ViewStateResult,
};
use sandbox_runtime::view::{self, InvalidQuery, StateQuery};
use sandbox_state::Snapshot;
use serde::Serialize;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params::Params;
use super::block::unknown_block;
use super::legacy::legacy;
use super::row::{ACCOUNT_ID, BLOCK, PUBLIC_KEY};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};
use crate::chain::{Block, Chain, UnknownBlock};
use crate::rpc::NodeSettings;

/// The members of the requests, here and in the methods that make one of them each.
pub(super) const AFTER_KEY: Member =
    Member::optional("after_key", Kind::PublicKey).about("the `last_key` of the page before");
pub(super) const LIMIT: Member =
    Member::optional("limit", Kind::Number).about("from 1 on, how many a page may have");
pub(super) const PREFIX: Member = Member::required("prefix_base64", Kind::Base64);
pub(super) const INCLUDE_PROOF: Member = Member::optional("include_proof", Kind::Flag);
pub(super) const AFTER_STATE_KEY: Member =
    Member::optional("after_key_base64", Kind::Base64).about("the `last_key` of the page before");
pub(super) const METHOD_NAME: Member = Member::required("method_name", Kind::Text);
pub(super) const ARGS: Member = Member::required("args_base64", Kind::Base64);
const CODE_HASH: Member = Member::required("code_hash", Kind::Hash);

/// The member that says what is asked for.
const fn asks(request_type: &'static str) -> Member {
    Member::required("request_type", Kind::Only(request_type))
}

pub(super) const QUERY: Method = Method {
    names: &["query"],
    summary: "An account, its keys, code or state, or a view call, at a block. \
              `CONTRACT_EXECUTION_ERROR` and `UNKNOWN_ACCESS_KEY` come as results with a member \
              `error`.",
    takes: Takes::Params {
        forms: &[
            &[BLOCK, asks("view_account"), ACCOUNT_ID],
            &[BLOCK, asks("view_access_key"), ACCOUNT_ID, PUBLIC_KEY],
            &[BLOCK, asks("view_access_key_list"), ACCOUNT_ID, AFTER_KEY, LIMIT],
            &[BLOCK, asks("view_gas_key_nonces"), ACCOUNT_ID, PUBLIC_KEY],
            &[BLOCK, asks("view_code"), ACCOUNT_ID],
            &[BLOCK, asks("view_state"), ACCOUNT_ID, PREFIX, INCLUDE_PROOF, AFTER_STATE_KEY, LIMIT],
            &[BLOCK, asks("call_function"), ACCOUNT_ID, METHOD_NAME, ARGS],
            &[BLOCK, asks("view_global_contract_code"), CODE_HASH],
            &[BLOCK, asks("view_global_contract_code_by_account_id"), ACCOUNT_ID],
        ],
        others: &[
            "[\"account/ID\", \"\"]",
            "[\"access_key/ID\", \"\"]",
            "[\"access_key/ID/KEY\", \"\"]",
            "[\"code/ID\", \"\"]",
            "[\"contract/ID\", base58 prefix]",
            "[\"call/ID/METHOD\", base58 arguments]",
        ],
    },
    errors: &[
        "UNKNOWN_BLOCK",
        "GARBAGE_COLLECTED_BLOCK",
        "UNKNOWN_ACCOUNT",
        "NO_CONTRACT_CODE",
        "TOO_LARGE_CONTRACT_STATE",
        "UNKNOWN_GAS_KEY",
        "TOO_MANY_ACCESS_KEYS",
        "NO_GLOBAL_CONTRACT_CODE",
    ],
    handler: Handler::Look(query),
};

fn query(api: &Api, params: Value) -> Answer {
    let request = Params::<RpcQueryRequest>::new(params)
        .pair(|path: String, data: String| legacy(&path, &data))
        .named()?;
    let chain = api.chain();
    match ask(api, &chain, request) {
        Ok(response) => written(&response),
        Err(error) => refusal(&chain, error),
    }
}

/// Answers a question about the state after a block.
pub(super) fn ask(
    api: &Api,
    chain: &Chain,
    request: RpcQueryRequest,
) -> Result<RpcQueryResponse, RpcQueryError> {
    let QueryRequest::CallFunction { account_id, method_name, .. } = &request.request else {
        return answer(api, chain, request);
    };
    let (account_id, method_name) = (account_id.clone(), method_name.clone());
    let called = || api.quick_views.run(&account_id, &method_name, || answer(api, chain, request));
    catch_unwind(AssertUnwindSafe(called)).unwrap_or_else(|_panicked| {
        let error_message = "the view call failed inside the node".to_owned();
        Err(RpcQueryError::InternalError { error_message })
    })
}

fn answer(
    api: &Api,
    chain: &Chain,
    request: RpcQueryRequest,
) -> Result<RpcQueryResponse, RpcQueryError> {
    let RpcQueryRequest { block_reference, request } = request;
    let (block, state) =
        chain.block_with_state(&block_reference).map_err(|unknown| match unknown {
            UnknownBlock::NoSuchBlock(_) => RpcQueryError::UnknownBlock { block_reference },
            UnknownBlock::Forgotten { height, hash } => {
                RpcQueryError::GarbageCollectedBlock { block_height: height, block_hash: hash }
            }
        })?;
    let kind = At { chain, block, state, settings: &api.settings }.answer(request)?;
    Ok(RpcQueryResponse { kind, block_height: block.height(), block_hash: *block.hash() })
}

/// A block that queries are about.
struct At<'a> {
    chain: &'a Chain,
    block: &'a Block,
    state: &'a Snapshot,
    settings: &'a NodeSettings,
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
        let state = self.state;
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
                    size_limit: self.settings.trie_viewer_state_size_limit,
                };
                self.state(state, &account_id, &query)
            }
            QueryRequest::ViewAccessKey { account_id, public_key } => {
                let key = self.chain.access_key_after(self.block, state, &account_id, &public_key);
                let key = self.seen(key)?;
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
            QueryRequest::ViewGasKeyNonces { account_id, public_key } => {
                let nonces = self.seen(view::gas_key_nonces(state, &account_id, &public_key))?;
                Ok(QueryResponseKind::GasKeyNonces(GasKeyNoncesView { nonces }))
            }
            QueryRequest::ViewGlobalContractCode { code_hash } => {
                self.global_code(state, GlobalContractIdentifier::CodeHash(code_hash))
            }
            QueryRequest::ViewGlobalContractCodeByAccountId { account_id } => {
                self.global_code(state, GlobalContractIdentifier::AccountId(account_id))
            }
        }
    }

    fn global_code(
        &self,
        state: &Snapshot,
        identifier: GlobalContractIdentifier,
    ) -> Result<QueryResponseKind, RpcQueryError> {
        let (block_height, block_hash) = (self.block.height(), *self.block.hash());
        let (hash, code) = self
            .fault(view::global_code(state, &identifier))?
            .ok_or(RpcQueryError::NoGlobalContractCode { identifier, block_height, block_hash })?;
        Ok(QueryResponseKind::ViewCode(ContractCodeView { code: code.to_vec(), hash }))
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
            InvalidQuery::UnknownGasKey { public_key } => {
                let public_key = *public_key;
                RpcQueryError::UnknownGasKey { public_key, block_height, block_hash }
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
            refusal @ (InvalidQuery::ProofOfPage
            | InvalidQuery::ProofOfFork
            | InvalidQuery::PageOutsidePrefix) => {
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
}

/// Tells two errors as results, because clients have long been looking for them there.
fn refusal(chain: &Chain, error: RpcQueryError) -> Answer {
    let (error, block_height, block_hash) = match error {
        RpcQueryError::ContractExecutionError { vm_error, block_height, block_hash, .. } => {
            (vm_error, block_height, block_hash)
        }
        RpcQueryError::UnknownAccessKey { public_key, block_height, block_hash } => {
            let error = format!("access key {public_key} does not exist while viewing");
            (error, block_height, block_hash)
        }
        RpcQueryError::UnknownBlock { block_reference } => {
            return Err(missing(chain, &block_reference));
        }
        error => return Err(error.into()),
    };
    written(&ErrorResult { error, logs: [], block_height, block_hash })
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
