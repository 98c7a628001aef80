//! Questions about a state that change nothing.
//!
//! Answers are NEAR's own types, so that the RPC can show them as a node does. Follows nearcore's
//! `runtime/runtime/src/state_viewer`.

use std::num::NonZeroU32;

use gas_meter::Profile;
use sandbox_state::{Proof, Snapshot, Unavailable, Value};

use crate::apply::Runtime;
use crate::block::BlockEnv;
use crate::fault::RuntimeFault;
use crate::fees::length;
use crate::near::{
    AccessKey, Account, AccountId, CryptoHash, FunctionCallError, Gas, GlobalContractIdentifier,
    Nonce, PublicKey, PublicKeyHandle, trie_key_parsers,
};
use crate::tree::{self, KeyRecord};

/// An answer, a refusal that the client sees, or a fault of ours.
pub type ViewResult<T> = Result<Result<T, InvalidQuery>, RuntimeFault>;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// There is no such account.
    #[error("account {account_id} does not exist")]
    UnknownAccount {
        /// The account.
        account_id: AccountId,
    },
    /// The account has no contract.
    #[error("account {account_id} has no contract")]
    NoContractCode {
        /// The account.
        account_id: AccountId,
    },
    /// The account has no such key.
    #[error("access key {public_key} does not exist")]
    UnknownAccessKey {
        /// The key.
        public_key: Box<PublicKey>,
    },
    /// The account has no such key, or it is no gas key.
    #[error("gas key {public_key} does not exist")]
    UnknownGasKey {
        /// The key.
        public_key: Box<PublicKey>,
    },
    /// The account's state is more than a node shows at once.
    #[error("the state of {account_id} is too large")]
    TooLargeContractState {
        /// The account.
        account_id: AccountId,
    },
    /// Pages have no proof.
    #[error("a proof cannot be combined with pages")]
    ProofOfPage,
    /// Part of the state is elsewhere, and the root does not speak of it.
    #[error("a fork has no proofs of its state: leave include_proof out")]
    ProofOfFork,
    /// The page would start outside of what was asked for.
    #[error("the page starts outside of the prefix")]
    PageOutsidePrefix,
    /// The contract failed.
    #[error("{message}")]
    Call {
        /// How, as an outcome would show it.
        error: FunctionCallError,
        /// How, as a node tells it to the caller of a view.
        message: String,
        /// What the contract logged before.
        logs: Vec<String>,
    },
}

/// The account `id`.
pub fn account(mut state: &Snapshot, id: &AccountId) -> ViewResult<Account> {
    Ok(tree::account(&mut state, id)?
        .ok_or_else(|| InvalidQuery::UnknownAccount { account_id: id.clone() }))
}

/// The access key of `id` with this public key. An account that does not exist has none.
pub fn access_key(
    mut state: &Snapshot,
    id: &AccountId,
    public_key: &PublicKey,
) -> ViewResult<AccessKey> {
    Ok(tree::access_key(&mut state, id, public_key)?
        .ok_or_else(|| InvalidQuery::UnknownAccessKey { public_key: Box::new(public_key.clone()) }))
}

/// The nonces of the gas key of `id` with this public key, by their index. An account that does not
/// exist has none.
pub fn gas_key_nonces(
    mut state: &Snapshot,
    id: &AccountId,
    public_key: &PublicKey,
) -> ViewResult<Vec<Nonce>> {
    let key = tree::access_key(&mut state, id, public_key)?;
    let Some(info) = key.as_ref().and_then(AccessKey::gas_key_info) else {
        return Ok(Err(InvalidQuery::UnknownGasKey { public_key: Box::new(public_key.clone()) }));
    };
    let missing = |index| RuntimeFault::CorruptState(format!("{id}: no nonce {index}"));
    let nonces = (0..info.num_nonces).map(|index| {
        tree::gas_key_nonce(&mut state, id, public_key, index)?.ok_or_else(|| missing(index))
    });
    nonces.collect::<Result<_, _>>().map(Ok)
}

/// The access keys of `id` in the order of their keys: all, or those behind `after`, which need not
/// be there any more. An account that does not exist has none.
pub fn access_keys(
    state: &Snapshot,
    id: &AccountId,
    after: Option<&PublicKeyHandle>,
) -> Result<Vec<(PublicKeyHandle, AccessKey)>, RuntimeFault> {
    let prefix = trie_key_parsers::get_raw_prefix_for_access_keys(id);
    let after = after.map(|handle| tree::access_key_key(id, handle.clone()).to_vec());
    let mut keys = Vec::new();
    for record in state.list(&prefix, after.as_deref()) {
        let (key, value) = record?;
        let KeyRecord { handle, access_key, .. } = KeyRecord::parse(id, key, &value)?;
        keys.extend(access_key.map(|access_key| (handle, access_key)));
    }
    Ok(keys)
}

/// The wasm of the contract of `id`, and its hash.
pub fn code(mut state: &Snapshot, id: &AccountId) -> ViewResult<(CryptoHash, Value)> {
    let account = match account(state, id)? {
        Ok(account) => account,
        Err(error) => return Ok(Err(error)),
    };
    Ok(tree::code(&mut state, id, &account)?
        .ok_or_else(|| InvalidQuery::NoContractCode { account_id: id.clone() }))
}

/// The wasm of a global contract, and its hash; `None` if nobody deployed one of this name.
pub fn global_code(
    mut state: &Snapshot,
    identifier: &GlobalContractIdentifier,
) -> Result<Option<(CryptoHash, Value)>, RuntimeFault> {
    Ok(tree::global_code(&mut state, identifier)?)
}

/// Which part of a contract's state to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateQuery {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Only keys behind this one, which must begin with the prefix: the next page.
    pub after_key: Option<Vec<u8>>,
    /// How many records at most.
    pub limit: Option<NonZeroU32>,
    /// Whether to prove the answer; not for pages.
    pub include_proof: bool,
    /// Bytes of state up to which the whole of it is shown; `None` is no bound.
    pub size_limit: Option<u64>,
}

/// Part of a contract's state.
#[derive(Clone, Debug)]
pub struct StatePage {
    /// Keys and values in the order of the keys.
    pub values: Vec<(Vec<u8>, Value)>,
    /// The last key of a page that others follow.
    pub last_key: Option<Vec<u8>>,
    /// The proof, if one was asked for.
    pub proof: Option<Proof>,
}

/// Records of a page, unless fewer are asked for.
const PAGE_RECORDS: u32 = 10_000;
/// Bytes of a page; the last record may go beyond.
const PAGE_BYTES: u64 = 50_000;

/// The state of the contract of `id`. Without a limit or a start it is shown as a whole, if it is not
/// larger than the query allows.
pub fn state(state: &Snapshot, id: &AccountId, query: &StateQuery) -> ViewResult<StatePage> {
    let paged = query.limit.is_some() || query.after_key.is_some();
    if paged && query.include_proof {
        return Ok(Err(InvalidQuery::ProofOfPage));
    }
    if query.include_proof && state.is_partial() {
        return Ok(Err(InvalidQuery::ProofOfFork));
    }
    if query.after_key.as_ref().is_some_and(|after| !after.starts_with(&query.prefix)) {
        return Ok(Err(InvalidQuery::PageOutsidePrefix));
    }
    let account = match account(state, id)? {
        Ok(account) => account,
        Err(error) => return Ok(Err(error)),
    };
    if !paged && is_too_large(state, id, &account, query.size_limit)? {
        return Ok(Err(InvalidQuery::TooLargeContractState { account_id: id.clone() }));
    }
    let own = trie_key_parsers::get_raw_prefix_for_contract_data(id, &[]);
    let prefix = [own.as_slice(), query.prefix.as_slice()].concat();
    let after = query.after_key.as_ref().map(|after| [own.as_slice(), after.as_slice()].concat());
    let records = state.list(&prefix, after.as_deref());
    let mut page = collect(records, own.len(), paged, query.limit)?;
    if query.include_proof {
        page.proof = Some(state.prove_prefix(&prefix)?);
    }
    Ok(Ok(page))
}

/// The answer of a view call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallResult {
    /// What the contract returned.
    pub value: Vec<u8>,
    /// What it logged.
    pub logs: Vec<String>,
    /// The gas that it burnt,
    pub gas_burnt: Gas,
    /// and for what; [`RuntimeConfig::near_profile`] has NEAR's names for it.
    ///
    /// [`RuntimeConfig::near_profile`]: crate::RuntimeConfig::near_profile
    pub profile: Profile,
}

/// Calls `method_name` of the contract of `id` as a view at the block of `env`.
pub fn call_function(
    runtime: &Runtime,
    state: &Snapshot,
    env: &BlockEnv,
    id: &AccountId,
    method_name: &str,
    args: &[u8],
) -> ViewResult<CallResult> {
    call(runtime, (state, env), id, method_name, args, &mut None)
}

/// As [`call_function`], with the keys that the contract read, in their order.
pub fn call_function_and_list_reads(
    runtime: &Runtime,
    state: &Snapshot,
    env: &BlockEnv,
    id: &AccountId,
    method_name: &str,
    args: &[u8],
) -> ViewResult<(CallResult, Vec<Vec<u8>>)> {
    let mut reads = Some(Vec::new());
    let result = call(runtime, (state, env), id, method_name, args, &mut reads)?;
    Ok(result.map(|result| (result, reads.unwrap_or_default())))
}

fn call(
    runtime: &Runtime,
    (state, env): (&Snapshot, &BlockEnv),
    id: &AccountId,
    method_name: &str,
    args: &[u8],
    reads: &mut Option<Vec<Vec<u8>>>,
) -> ViewResult<CallResult> {
    match account(state, id)? {
        Ok(account) => crate::actions::view_call(
            (runtime, state, env),
            (id, &account),
            method_name,
            args,
            reads,
        ),
        Err(error) => Ok(Err(error)),
    }
}

fn is_too_large(
    state: &Snapshot,
    id: &AccountId,
    account: &Account,
    limit: Option<u64>,
) -> Result<bool, Unavailable> {
    let Some(limit) = limit else { return Ok(false) };
    let code = match account.local_contract_hash() {
        Some(_) => {
            let code = state.length(&tree::code_key(id).to_vec())?.unwrap_or_default();
            u64::try_from(code).unwrap_or(u64::MAX)
        }
        None => 0,
    };
    Ok(account.storage_usage().saturating_sub(code) > limit)
}

fn collect(
    records: impl Iterator<Item = Result<(Vec<u8>, Value), Unavailable>>,
    own: usize,
    paged: bool,
    limit: Option<NonZeroU32>,
) -> Result<StatePage, Unavailable> {
    let most = limit.map_or(PAGE_RECORDS, NonZeroU32::get).min(PAGE_RECORDS);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut page = StatePage { values: Vec::new(), last_key: None, proof: None };
    let mut bytes = 0u64;
    for record in records {
        let (key, value) = record?;
        if paged && (page.values.len() >= most || bytes >= PAGE_BYTES) {
            page.last_key = page.values.last().map(|(key, _)| key.clone());
            break;
        }
        bytes = bytes.saturating_add(length(&key)).saturating_add(length(&value));
        page.values.push((key.get(own..).unwrap_or_default().to_vec(), value));
    }
    Ok(page)
}
