//! What blocks changed, write by write and with the cause of each, as NEAR's indexers read it.
//!
//! The causes are nearcore's for the records that it shows: accounts, their keys, code and data.
//! A record that one cause writes more than once changes once. Follows nearcore's `TrieUpdate`
//! (`core/store/src/trie/update.rs`) and `Runtime::apply`.

use std::collections::BTreeMap;

use near_primitives::trie_key::col;
use near_primitives::types::{RawStateChange, RawStateChangesWithTrieKey};
use sandbox_state::{ChangeSet, Checkpoint, Journal, Key};

use crate::near::{StateChangeCause, TrieKey, trie_key_parsers};

/// The order and the causes of a block's writes.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    journal: Journal,
    ends: Vec<(Checkpoint, StateChangeCause)>,
}

impl Causes {
    pub(crate) fn new(journal: Journal, ends: Vec<(Checkpoint, StateChangeCause)>) -> Self {
        Self { journal, ends }
    }
}

/// What a block changed and why. It is cheap to keep and not so cheap to look at.
#[derive(Clone, Debug, Default)]
pub struct StateChanges {
    changes: ChangeSet,
    causes: Causes,
    /// What was written over the state by hand, after the block.
    patch: ChangeSet,
}

impl StateChanges {
    /// The `changes` of a block with their `causes`, and of the `patch` that was put over it.
    pub fn new(changes: ChangeSet, causes: Causes, patch: ChangeSet) -> Self {
        Self { changes, causes, patch }
    }

    /// The changes of the records that clients see and whose raw key `is_wanted`, in the order of
    /// the keys, those of a key in the order of time.
    pub fn of(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<RawStateChangesWithTrieKey> {
        let (ends, mut causes): (Vec<_>, Vec<_>) = self.causes.ends.iter().cloned().unzip();
        let mut steps = self.causes.journal.steps(&self.changes, &ends);
        steps.push(self.patch.clone());
        causes.push(StateChangeCause::Migration);
        let mut records: BTreeMap<Key, RawStateChangesWithTrieKey> = BTreeMap::new();
        for (step, cause) in steps.into_iter().zip(causes) {
            for (key, value) in step {
                if !is_wanted(&key) {
                    continue;
                }
                let Some(trie_key) = shown(&key) else { continue };
                let change = RawStateChange {
                    cause: cause.clone(),
                    data: value.map(|value| value.to_vec()),
                };
                let record = records.entry(key);
                let empty = || RawStateChangesWithTrieKey { trie_key, changes: Vec::new() };
                record.or_insert_with(empty).changes.push(change);
            }
        }
        records.into_values().collect()
    }
}

/// What a raw key names, if it is one of the records that clients see.
fn shown(raw: &[u8]) -> Option<TrieKey> {
    use trie_key_parsers as parse;
    match *raw.first()? {
        col::ACCOUNT => {
            let account_id = parse::parse_account_id_from_account_key(raw).ok()?;
            Some(TrieKey::Account { account_id })
        }
        col::CONTRACT_CODE => {
            let account_id = parse::parse_account_id_from_contract_code_key(raw).ok()?;
            Some(TrieKey::ContractCode { account_id })
        }
        col::ACCESS_KEY => {
            let account_id = parse::parse_account_id_from_access_key_key(raw).ok()?;
            let key_handle = parse::parse_key_handle_from_access_key_key(raw, &account_id).ok()?;
            let nonce = parse::parse_nonce_index_from_gas_key_key(raw, &account_id, &key_handle);
            Some(match nonce.ok()? {
                None => TrieKey::AccessKey { account_id, key_handle },
                Some(index) => TrieKey::GasKeyNonce { account_id, key_handle, index },
            })
        }
        col::CONTRACT_DATA => {
            let account_id = parse::parse_account_id_from_contract_data_key(raw).ok()?;
            let key = parse::parse_data_key_from_contract_data_key(raw, &account_id).ok()?;
            Some(TrieKey::ContractData { key: key.to_vec(), account_id })
        }
        _ => None,
    }
}
