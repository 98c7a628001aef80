//! What a key of the state names, as a question to a [`Source`], and what the answer says about the
//! state.

use std::fmt;
use std::sync::Arc;

use borsh::BorshSerialize;
use near_crypto::PublicKeyHandle;
use near_primitives::account::AccessKey;
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::trie_key::{GlobalContractCodeIdentifier, TrieKey, col, trie_key_parsers};
use near_primitives::types::{AccountId, NonceIndex};
use sandbox_state::Stored;

use super::port::{Fetched, Source, Stretch, behind_prefix};

/// A question to a source.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Account(AccountId),
    Code(AccountId),
    AccessKey(AccountId, PublicKeyHandle),
    AccessKeys(AccountId),
    GasKeyNonces(AccountId, PublicKeyHandle),
    GlobalCode(GlobalContractIdentifier),
    DataAt(AccountId, Vec<u8>),
    DataFrom { account_id: AccountId, prefix: Vec<u8>, from: Vec<u8> },
}

/// From one key of the state on and before another there are these records and no others.
#[derive(Debug)]
pub(super) struct Lesson {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) records: Vec<(Vec<u8>, Stored)>,
}

/// Whether records under this key can be elsewhere. What waits in queues, and what belongs to the
/// chain itself, is always here.
pub(super) fn may_be_elsewhere(key: &[u8]) -> bool {
    matches!(
        key.first(),
        Some(
            &(col::ACCOUNT
                | col::CONTRACT_CODE
                | col::ACCESS_KEY
                | col::CONTRACT_DATA
                | col::GLOBAL_CONTRACT_CODE)
        )
    )
}

impl Wanted {
    /// What to ask for the record under `key`; `None` if there can be none.
    pub(super) fn at(key: &[u8]) -> Option<Self> {
        use trie_key_parsers as parse;
        let (column, rest) = key.split_first()?;
        Some(match *column {
            col::ACCOUNT => Self::Account(parse::parse_account_id_from_account_key(key).ok()?),
            col::CONTRACT_CODE => {
                Self::Code(parse::parse_account_id_from_contract_code_key(key).ok()?)
            }
            col::ACCESS_KEY => {
                let id = parse::parse_account_id_from_access_key_key(key).ok()?;
                let handle = parse::parse_key_handle_from_access_key_key(key, &id).ok()?;
                match parse::parse_nonce_index_from_gas_key_key(key, &id, &handle).ok()? {
                    None => Self::AccessKey(id, handle),
                    Some(_) => Self::GasKeyNonces(id, handle),
                }
            }
            col::CONTRACT_DATA => {
                let id = parse::parse_account_id_from_contract_data_key(key).ok()?;
                let own = parse::parse_data_key_from_contract_data_key(key, &id).ok()?.to_vec();
                Self::DataAt(id, own)
            }
            col::GLOBAL_CONTRACT_CODE => Self::GlobalCode(match borsh::from_slice(rest).ok()? {
                GlobalContractCodeIdentifier::CodeHash(hash) => {
                    GlobalContractIdentifier::CodeHash(hash)
                }
                GlobalContractCodeIdentifier::AccountId(id) => {
                    GlobalContractIdentifier::AccountId(id)
                }
            }),
            _ => return None,
        })
    }

    /// What to ask for the records under keys that begin with `prefix`, from `from` on. `None` if the
    /// prefix names no account, so that a source cannot list them.
    pub(super) fn listing(prefix: &[u8], from: &[u8]) -> Option<Self> {
        use trie_key_parsers as parse;
        match *prefix.first()? {
            col::ACCESS_KEY => {
                Some(Self::AccessKeys(parse::parse_account_id_from_access_key_key(prefix).ok()?))
            }
            col::CONTRACT_DATA => {
                let id = parse::parse_account_id_from_contract_data_key(prefix).ok()?;
                let own = |key| parse::parse_data_key_from_contract_data_key(key, &id).ok();
                let (prefix, from) = (own(prefix)?.to_vec(), own(from)?.to_vec());
                Some(Self::DataFrom { account_id: id, prefix, from })
            }
            _ => None,
        }
    }

    /// Asks `source`, and says what follows from the answer.
    pub(super) fn ask(&self, source: &dyn Source) -> Fetched<Vec<Lesson>> {
        Ok(match self {
            Self::Account(id) => match source.account(id)? {
                None => nothing_of(id),
                Some(account) => {
                    let mut lessons = vec![single(&account_key(id), Some(&account))];
                    if !account.contract().is_local() {
                        lessons.push(nothing_at(&code_key(id)));
                    }
                    lessons
                }
            },
            Self::Code(id) => vec![bytes(&code_key(id), source.code(id)?)],
            Self::AccessKey(id, handle) => {
                let access_key = source.access_key(id, handle)?;
                let key = access_key_key(id, handle);
                if access_key.as_ref().and_then(AccessKey::gas_key_info).is_some() {
                    vec![single(&key, access_key.as_ref())]
                } else {
                    let records = access_key.iter().map(|access_key| record(&key, access_key));
                    vec![below(key.to_vec(), records.collect())]
                }
            }
            Self::GasKeyNonces(id, handle) => {
                let records = nonces(source, id, handle)?;
                let key = access_key_key(id, handle).to_vec();
                let to = behind_prefix(&key).unwrap_or_default();
                vec![Lesson { from: [key.as_slice(), &[0]].concat(), to, records }]
            }
            Self::AccessKeys(id) => {
                let mut records = Vec::new();
                for (handle, access_key) in source.access_keys(id)? {
                    records.push(record(&access_key_key(id, &handle), &access_key));
                    if access_key.gas_key_info().is_some() {
                        records.extend(nonces(source, id, &handle)?);
                    }
                }
                vec![below(trie_key_parsers::get_raw_prefix_for_access_keys(id), records)]
            }
            Self::GlobalCode(identifier) => {
                let key = TrieKey::GlobalContractCode { identifier: identifier.clone().into() };
                vec![bytes(&key, source.global_code(identifier)?)]
            }
            Self::DataAt(id, key) => vec![data(id, source.data_at(id, key)?)],
            Self::DataFrom { account_id, prefix, from } => {
                vec![data(account_id, source.data_from(account_id, prefix, from)?)]
            }
        })
    }
}

/// There is no account `id`, and so nothing of it.
pub(super) fn nothing_of(id: &AccountId) -> Vec<Lesson> {
    vec![
        nothing_at(&account_key(id)),
        nothing_at(&code_key(id)),
        below(trie_key_parsers::get_raw_prefix_for_access_keys(id), Vec::new()),
        below(trie_key_parsers::get_raw_prefix_for_contract_data(id, &[]), Vec::new()),
    ]
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Code(id) => write!(f, "the code of {id}"),
            Self::AccessKey(id, handle) => write!(f, "access key {handle} of {id}"),
            Self::AccessKeys(id) => write!(f, "the access keys of {id}"),
            Self::GasKeyNonces(id, handle) => write!(f, "the nonces of gas key {handle} of {id}"),
            Self::GlobalCode(GlobalContractIdentifier::CodeHash(hash)) => {
                write!(f, "the global contract {hash}")
            }
            Self::GlobalCode(GlobalContractIdentifier::AccountId(id)) => {
                write!(f, "the global contract of {id}")
            }
            Self::DataAt(id, key) => write!(f, "the data of {id} at key {}", key.escape_ascii()),
            Self::DataFrom { account_id, prefix, from } => write!(
                f,
                "the data of {account_id} with prefix {} from key {} on",
                prefix.escape_ascii(),
                from.escape_ascii()
            ),
        }
    }
}

fn account_key(id: &AccountId) -> TrieKey {
    TrieKey::Account { account_id: id.clone() }
}

fn code_key(id: &AccountId) -> TrieKey {
    TrieKey::ContractCode { account_id: id.clone() }
}

fn access_key_key(id: &AccountId, handle: &PublicKeyHandle) -> TrieKey {
    TrieKey::AccessKey { account_id: id.clone(), key_handle: handle.clone() }
}

fn nonces(
    source: &dyn Source,
    id: &AccountId,
    handle: &PublicKeyHandle,
) -> Fetched<Vec<(Vec<u8>, Stored)>> {
    let nonces = source.gas_key_nonces(id, handle)?;
    let numbered = (NonceIndex::MIN..=NonceIndex::MAX).zip(nonces);
    Ok(numbered
        .map(|(index, nonce)| {
            record(&TrieKey::gas_key_nonce(id.clone(), handle.clone(), index), &nonce)
        })
        .collect())
}

/// What a stretch of the data of `id` says about the state.
fn data(id: &AccountId, stretch: Stretch) -> Lesson {
    let place = |key: &[u8]| trie_key_parsers::get_raw_prefix_for_contract_data(id, key);
    let to = stretch.to.map_or_else(|| behind_prefix(&place(&[])), |to| Some(place(&to)));
    let records = stretch
        .records
        .into_iter()
        .map(|(key, value)| (place(&key), Stored::new(Arc::from(value))))
        .collect();
    Lesson { from: place(&stretch.from), to: to.unwrap_or_default(), records }
}

fn single<T: BorshSerialize>(key: &TrieKey, value: Option<&T>) -> Lesson {
    at(key, value.map(|value| record(key, value).1))
}

fn bytes(key: &TrieKey, value: Option<Vec<u8>>) -> Lesson {
    at(key, value.map(|value| Stored::new(Arc::from(value))))
}

fn nothing_at(key: &TrieKey) -> Lesson {
    at(key, None)
}

fn at(key: &TrieKey, value: Option<Stored>) -> Lesson {
    let from = key.to_vec();
    let to = [from.as_slice(), &[0]].concat();
    let records = value.into_iter().map(|value| (from.clone(), value)).collect();
    Lesson { from, to, records }
}

fn below(prefix: Vec<u8>, records: Vec<(Vec<u8>, Stored)>) -> Lesson {
    let to = behind_prefix(&prefix).unwrap_or_default();
    Lesson { from: prefix, to, records }
}

fn record<T: BorshSerialize>(key: &TrieKey, value: &T) -> (Vec<u8>, Stored) {
    let bytes = borsh::to_vec(value).expect("writing into memory does not fail");
    (key.to_vec(), Stored::new(Arc::from(bytes)))
}
