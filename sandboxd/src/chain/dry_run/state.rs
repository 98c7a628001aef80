//! What a transaction changed in the state, account by account. What others changed in the same
//! blocks is left out: each change has its cause.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshDeserialize;
use near_crypto::PublicKeyHandle;
use near_primitives::account::{AccessKey, Account};
use near_primitives::hash::CryptoHash;
use near_primitives::trie_key::TrieKey;
use near_primitives::types::{
    AccountId, Nonce, NonceIndex, StateChangeCause, StoreKey, StoreValue,
};
use near_primitives::views::{AccessKeyView, AccountView};
use sandbox_runtime::RuntimeFault;
use serde::Serialize;

use super::stage::{Run, Stage};

/// What became of the records of an account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccountChanges {
    /// The account.
    pub account_id: AccountId,
    /// The account itself, with its balances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Change<AccountView>>,
    /// Its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Change<CodeView>>,
    /// Its keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_keys: Vec<KeyChange>,
    /// The nonces of its gas keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gas_key_nonces: Vec<NonceChange>,
    /// What its contract stores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataChange>,
}

/// A record before and after; `None` where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// Before.
    pub before: Option<T>,
    /// After.
    pub after: Option<T>,
}

/// Code, by its hash as NEAR's views of transactions show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeView {
    /// The hash.
    pub hash: CryptoHash,
    /// How many bytes it has.
    pub size: usize,
}

/// A key before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyChange {
    /// The key.
    pub public_key: PublicKeyHandle,
    /// Its nonce and its permission.
    #[serde(flatten)]
    pub access_key: Change<AccessKeyView>,
}

/// A nonce of a gas key before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NonceChange {
    /// The key.
    pub public_key: PublicKeyHandle,
    /// Which of its nonces.
    pub index: NonceIndex,
    /// The nonce.
    #[serde(flatten)]
    pub nonce: Change<Nonce>,
}

/// What is stored under a key before and after; base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataChange {
    /// The key.
    pub key: StoreKey,
    /// The value.
    #[serde(flatten)]
    pub value: Change<StoreValue>,
}

/// A record as bytes before and after.
type Bytes = Change<Vec<u8>>;

impl Stage {
    /// What the transaction or receipt of `run` and its receipts changed.
    pub(super) fn changes(&self, run: &Run) -> Result<Vec<AccountChanges>, RuntimeFault> {
        let mut accounts = Accounts::default();
        for (key, change) in self.changed_records(run)? {
            if change.before != change.after {
                accounts.add(key, change)?;
            }
        }
        Ok(accounts.0.into_values().collect())
    }

    /// Each record that it touched, before its first and after its last change.
    fn changed_records(&self, run: &Run) -> Result<Vec<(TrieKey, Bytes)>, RuntimeFault> {
        let outcomes = run.chain.index.outcomes_from(&run.hash);
        let own: BTreeSet<CryptoHash> = outcomes.iter().map(|at| at.outcome.id).collect();
        let mut touched: BTreeMap<Vec<u8>, (TrieKey, Bytes)> = BTreeMap::new();
        // What others wrote before the transaction did.
        let mut current: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for record in run.changes.iter().flat_map(|changes| changes.of(|_| true)) {
            let raw = record.trie_key.to_vec();
            for change in record.changes {
                if cause_id(&change.cause).is_some_and(|id| own.contains(id)) {
                    let touched = match touched.entry(raw.clone()) {
                        Entry::Occupied(touched) => touched.into_mut(),
                        Entry::Vacant(vacant) => {
                            let before = match current.get(&raw) {
                                Some(value) => value.clone(),
                                None => self.chain.state.read(&raw)?.map(|value| value.to_vec()),
                            };
                            vacant.insert((record.trie_key.clone(), Change { before, after: None }))
                        }
                    };
                    touched.1.after.clone_from(&change.data);
                }
                current.insert(raw.clone(), change.data);
            }
        }
        Ok(touched.into_values().collect())
    }
}

/// What changed so far, by account.
#[derive(Default)]
struct Accounts(BTreeMap<AccountId, AccountChanges>);

impl Accounts {
    fn add(&mut self, key: TrieKey, change: Bytes) -> Result<(), RuntimeFault> {
        match key {
            TrieKey::Account { account_id } => {
                self.of(account_id).account =
                    Some(change.decoded::<Account>()?.map(AccountView::from));
            }
            TrieKey::ContractCode { account_id } => {
                let shown = |code: Vec<u8>| CodeView {
                    hash: CryptoHash::hash_bytes(&code),
                    size: code.len(),
                };
                self.of(account_id).code = Some(change.map(shown));
            }
            TrieKey::AccessKey { account_id, key_handle } => {
                let access_key = change.decoded::<AccessKey>()?.map(AccessKeyView::from);
                self.of(account_id)
                    .access_keys
                    .push(KeyChange { public_key: key_handle, access_key });
            }
            TrieKey::GasKeyNonce { account_id, key_handle, index } => {
                let nonce = change.decoded()?;
                let change = NonceChange { public_key: key_handle, index, nonce };
                self.of(account_id).gas_key_nonces.push(change);
            }
            TrieKey::ContractData { account_id, key } => {
                let value = change.map(StoreValue::from);
                self.of(account_id).data.push(DataChange { key: StoreKey::from(key), value });
            }
            // Nobody is shown any other record.
            _ => {}
        }
        Ok(())
    }

    fn of(&mut self, account_id: AccountId) -> &mut AccountChanges {
        self.0.entry(account_id.clone()).or_insert(AccountChanges {
            account_id,
            account: None,
            code: None,
            access_keys: Vec::new(),
            gas_key_nonces: Vec::new(),
            data: Vec::new(),
        })
    }
}

impl<T> Change<T> {
    fn map<U>(self, map: impl Fn(T) -> U) -> Change<U> {
        Change { before: self.before.map(&map), after: self.after.map(&map) }
    }
}

impl Bytes {
    fn decoded<T: BorshDeserialize>(self) -> Result<Change<T>, RuntimeFault> {
        let decode = |bytes: Option<Vec<u8>>| {
            let record = bytes.map(|bytes| T::try_from_slice(&bytes)).transpose();
            record.map_err(|error| RuntimeFault::CorruptState(error.to_string()))
        };
        Ok(Change { before: decode(self.before)?, after: decode(self.after)? })
    }
}

/// The transaction or receipt that caused a change.
fn cause_id(cause: &StateChangeCause) -> Option<&CryptoHash> {
    match cause {
        StateChangeCause::TransactionProcessing { tx_hash } => Some(tx_hash),
        StateChangeCause::ActionReceiptProcessingStarted { receipt_hash }
        | StateChangeCause::ActionReceiptGasReward { receipt_hash }
        | StateChangeCause::ReceiptProcessing { receipt_hash }
        | StateChangeCause::PostponedReceipt { receipt_hash } => Some(receipt_hash),
        _ => None,
    }
}
