//! `changes` and `block_effects`: what a block changed in the state.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use near_jsonrpc_primitives::types::changes::{
    RpcStateChangesError, RpcStateChangesInBlockByTypeRequest,
    RpcStateChangesInBlockByTypeResponse, RpcStateChangesInBlockRequest,
    RpcStateChangesInBlockResponse,
};
use near_primitives::trie_key::{TrieKey, trie_key_parsers};
use near_primitives::types::{
    AccountWithPublicKey, BlockReference, StateChanges as Changes, StateChangesExt as _,
    StateChangesKinds, StateChangesKindsExt as _, StateChangesRequest,
};
use sandbox_runtime::StateChanges;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params;
use super::block::{missing, unknown_block};
use super::row::BLOCK;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};
use crate::chain::{Block, Chain};

const ACCOUNT_IDS: Member = Member::required("account_ids", Kind::AccountIds);

/// The member that says what to tell of.
const fn changes_of(changes_type: &'static str) -> Member {
    Member::required("changes_type", Kind::Only(changes_type))
}

pub(super) const CHANGES: Method = Method {
    names: &["changes", "EXPERIMENTAL_changes"],
    summary: "What a block changed in the state of some accounts, in the order of the records, with \
              the transaction or receipt that each change is due to.",
    takes: Takes::Params {
        forms: &[
            &[BLOCK, changes_of("account_changes"), ACCOUNT_IDS],
            &[
                BLOCK,
                changes_of("single_access_key_changes"),
                Member::required("keys", Kind::AccountKeys),
            ],
            &[BLOCK, changes_of("all_access_key_changes"), ACCOUNT_IDS],
            &[BLOCK, changes_of("contract_code_changes"), ACCOUNT_IDS],
            &[
                BLOCK,
                changes_of("data_changes"),
                ACCOUNT_IDS,
                Member::required("key_prefix_base64", Kind::Base64),
            ],
        ],
        others: &[],
    },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(changes),
};

pub(super) const BLOCK_EFFECTS: Method = Method {
    names: &["block_effects", "EXPERIMENTAL_changes_in_block"],
    summary: "Which accounts a block touched, and which of their records, one for each record.",
    takes: Takes::Params { forms: &[&[BLOCK]], others: &[] },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(block_effects),
};

fn changes(api: &Api, params: Value) -> Answer {
    let RpcStateChangesInBlockByTypeRequest { block_reference, state_changes_request } =
        params::parse(params)?;
    let chain = api.chain();
    let (block, changed) = changed(&chain, &block_reference)?;
    let asked = matching(changed, state_changes_request.into());
    written(&RpcStateChangesInBlockResponse {
        block_hash: *block.hash(),
        changes: asked.into_iter().map(Into::into).collect(),
    })
}

fn block_effects(api: &Api, params: Value) -> Answer {
    let RpcStateChangesInBlockRequest { block_reference } = params::parse(params)?;
    let chain = api.chain();
    let (block, changed) = changed(&chain, &block_reference)?;
    let kinds = StateChangesKinds::from_changes(&mut changed.of(|_key| true).into_iter());
    written(&RpcStateChangesInBlockByTypeResponse {
        block_hash: *block.hash(),
        changes: kinds.into_iter().map(Into::into).collect(),
    })
}

fn changed<'a>(
    chain: &'a Chain,
    reference: &BlockReference,
) -> Result<(&'a Block, &'a StateChanges), RpcFailure> {
    let block = chain.block(reference).ok();
    let changed = block.and_then(|block| Some((block.as_ref(), chain.changes_of(block)?.as_ref())));
    changed.ok_or_else(|| {
        let error_message = missing(reference, "BLOCK");
        unknown_block(RpcStateChangesError::UnknownBlock { error_message }, chain, reference)
    })
}

/// All changes of a block with their causes.
pub(super) fn all(changed: &StateChanges) -> Changes {
    Changes::from_changes(changed.of(|_key| true).into_iter())
}

/// What is asked for, in the order in which it is asked for.
fn matching(changed: &StateChanges, request: StateChangesRequest) -> Changes {
    let (asked, exactly) = raw_keys(request);
    let is_of = |raw: &[u8], key: &[u8]| if exactly { raw == key } else { raw.starts_with(key) };
    let wanted: BTreeSet<&[u8]> = asked.iter().map(Vec::as_slice).collect();
    // No key begins with another one, so that only the last one before can be that of a record.
    let found = changed.of(|raw| {
        let up_to_it = (Bound::Unbounded, Bound::Included(raw));
        wanted.range::<[u8], _>(up_to_it).next_back().is_some_and(|key| is_of(raw, key))
    });
    let found: BTreeMap<Vec<u8>, _> =
        found.into_iter().map(|record| (record.trie_key.to_vec(), record)).collect();
    Changes::from_changes(asked.iter().flat_map(|key| {
        let from_it = found.range::<[u8], _>((Bound::Included(key.as_slice()), Bound::Unbounded));
        from_it.take_while(|(raw, _)| is_of(raw, key)).map(|(_, record)| record.clone())
    }))
}

/// The raw keys of the records that are asked for, or what they begin with; `true` for the keys
/// themselves.
fn raw_keys(request: StateChangesRequest) -> (Vec<Vec<u8>>, bool) {
    match request {
        StateChangesRequest::AccountChanges { account_ids } => {
            let key = |account_id| TrieKey::Account { account_id }.to_vec();
            (account_ids.into_iter().map(key).collect(), true)
        }
        StateChangesRequest::ContractCodeChanges { account_ids } => {
            let key = |account_id| TrieKey::ContractCode { account_id }.to_vec();
            (account_ids.into_iter().map(key).collect(), true)
        }
        StateChangesRequest::SingleAccessKeyChanges { keys } => {
            // The nonces of a gas key begin with the key.
            let key = |key: AccountWithPublicKey| {
                TrieKey::access_key(key.account_id, &key.public_key).to_vec()
            };
            (keys.into_iter().map(key).collect(), false)
        }
        StateChangesRequest::AllAccessKeyChanges { account_ids } => {
            let prefix = trie_key_parsers::get_raw_prefix_for_access_keys;
            (account_ids.iter().map(prefix).collect(), false)
        }
        StateChangesRequest::DataChanges { account_ids, key_prefix } => {
            let prefix = |id| trie_key_parsers::get_raw_prefix_for_contract_data(id, &key_prefix);
            (account_ids.iter().map(prefix).collect(), false)
        }
    }
}
