//! The state that a chain starts from.
//!
//! Unlike a patch, a genesis is checked: the storage that accounts use is computed from their records,
//! and validators lock what they stake. Follows nearcore's `runtime/runtime/src/genesis.rs`.

use std::collections::BTreeMap;

use borsh::BorshDeserialize as _;
use near_parameters::{RuntimeConfig as NearConfig, StorageUsageConfig};
use near_primitives::hash::hash;
use sandbox_state::{Snapshot, SnapshotBuilder};

use crate::actions::record_storage;
use crate::balance;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::length;
use crate::near::{AccessKey, Account, AccountId, Balance, NonceIndex, StateRecord, TrieKey};
use crate::patch::{InvalidRecord, kind_of};
use crate::tree;

/// Why a chain cannot start from these records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGenesis {
    /// A record that cannot be written.
    #[error("records[{index}]: {source}")]
    Record {
        /// Its place among the records, from 0.
        index: usize,
        /// What is wrong with it.
        source: InvalidRecord,
    },
    /// Two records of the same account.
    #[error("records[{index}]: there is a second record of the account {account_id}")]
    DuplicateAccount {
        /// Its place among the records, from 0.
        index: usize,
        /// The account.
        account_id: AccountId,
    },
    /// Two contracts of the same account.
    #[error("records[{index}]: there is a second contract of the account {account_id}")]
    DuplicateContract {
        /// Its place among the records, from 0.
        index: usize,
        /// The account.
        account_id: AccountId,
    },
    /// A key or data without an account record.
    #[error("records[{index}]: there is no record of the account {account_id}")]
    UnknownAccount {
        /// The place of the first such record, from 0.
        index: usize,
        /// The account.
        account_id: AccountId,
    },
    /// A validator without an account record.
    #[error("validators: there is no record of the account {account_id}")]
    UnknownValidator {
        /// The account.
        account_id: AccountId,
    },
    /// All balances together do not fit 128 bits.
    #[error("records: the balances overflow")]
    BalanceOverflow,
}

/// The state that a chain starts from.
#[derive(Clone, Debug)]
pub struct GenesisState {
    /// The records.
    pub snapshot: Snapshot,
    /// Tokens of all accounts, free and locked.
    pub total_supply: Balance,
}

/// The state of `records`, where each of `validators` has locked its stake.
///
/// # Errors
/// A fault only when a storage usage overflows; the inner error names what is wrong with the records.
pub fn genesis_state(
    config: &NearConfig,
    records: &[StateRecord],
    validators: &[(AccountId, Balance)],
) -> Result<Result<GenesisState, InvalidGenesis>, RuntimeFault> {
    let mut builder = GenesisBuilder::new(config);
    for record in records {
        if let Err(invalid) = builder.add(record)? {
            return Ok(Err(invalid));
        }
    }
    builder.finish(validators)
}

/// Makes the state that a chain starts from, of records that need not be there at once: it takes the
/// memory of the state.
#[derive(Debug)]
pub struct GenesisBuilder<'c> {
    config: &'c NearConfig,
    state: SnapshotBuilder,
    /// How many records there were.
    count: usize,
    /// The account of the latest record: records of one account mostly follow each other.
    open: Option<Open>,
    /// What records came before that of their account.
    early: BTreeMap<AccountId, Early>,
}

/// An account whose record is written when the next one comes.
#[derive(Debug)]
struct Open {
    id: AccountId,
    /// Its record so far, if there was one.
    account: Option<Account>,
}

/// Records of an account that were there before its own.
#[derive(Debug)]
struct Early {
    first: usize,
    bytes: u64,
}

impl<'c> GenesisBuilder<'c> {
    /// No records.
    pub fn new(config: &'c NearConfig) -> Self {
        Self { config, state: SnapshotBuilder::new(), count: 0, open: None, early: BTreeMap::new() }
    }

    /// Writes the next record.
    ///
    /// # Errors
    /// As [`genesis_state`].
    pub fn add(
        &mut self,
        record: &StateRecord,
    ) -> Result<Result<(), InvalidGenesis>, RuntimeFault> {
        let index = self.count;
        self.count = index.saturating_add(1);
        let kind = kind_of(record);
        let Some((id, bytes)) = storage(&self.config.fees.storage_usage_config, record) else {
            let source = InvalidRecord::UnsupportedRecord { kind };
            return Ok(Err(InvalidGenesis::Record { index, source }));
        };
        let mut open = self.open(id)?;
        let written = self.write(record, &mut open, index);
        if written.is_ok() {
            let used = open.account.as_ref().map_or_else(
                || self.early.get(id).map_or(0, |early| early.bytes),
                Account::storage_usage,
            );
            let used = used.checked_add(bytes).or_overflow("a storage usage")?;
            if let Some(account) = &mut open.account {
                account.set_storage_usage(used);
            } else {
                let early = Early { first: index, bytes: 0 };
                self.early.entry(id.clone()).or_insert(early).bytes = used;
            }
        }
        self.open = Some(open);
        Ok(written)
    }

    /// The state of all records, where each of `validators` has locked its stake.
    ///
    /// # Errors
    /// As [`genesis_state`].
    pub fn finish(
        mut self,
        validators: &[(AccountId, Balance)],
    ) -> Result<Result<GenesisState, InvalidGenesis>, RuntimeFault> {
        if let Some((account_id, early)) = self.early.iter().min_by_key(|(_, early)| early.first) {
            let (index, account_id) = (early.first, account_id.clone());
            return Ok(Err(InvalidGenesis::UnknownAccount { index, account_id }));
        }
        for (id, stake) in validators {
            let mut open = self.open(id)?;
            let Some(account) = &mut open.account else {
                return Ok(Err(InvalidGenesis::UnknownValidator { account_id: id.clone() }));
            };
            account
                .set_locked(*stake)
                .map_err(|error| RuntimeFault::CorruptState(format!("{id}: {error}")))?;
            self.open = Some(open);
        }
        self.close();
        let snapshot = self.state.finish();
        let Ok(total_supply) = balance::held_by(self.config, &snapshot) else {
            return Ok(Err(InvalidGenesis::BalanceOverflow));
        };
        Ok(Ok(GenesisState { snapshot, total_supply }))
    }

    /// Takes the account `id` out, to be put back when it is changed.
    fn open(&mut self, id: &AccountId) -> Result<Open, RuntimeFault> {
        if let Some(open) = self.open.take_if(|open| open.id == *id) {
            return Ok(open);
        }
        self.close();
        let record = self.state.get(&tree::account_key(id).to_vec());
        let account = record.map(|record| Account::try_from_slice(&record)).transpose();
        let account = account.map_err(|error| RuntimeFault::CorruptState(error.to_string()))?;
        Ok(Open { id: id.clone(), account })
    }

    fn close(&mut self) {
        if let Some(Open { id, account: Some(account) }) = self.open.take() {
            self.set(&tree::account_key(&id), &account);
        }
    }

    fn set(&mut self, key: &TrieKey, value: &impl borsh::BorshSerialize) {
        let bytes = borsh::to_vec(value).expect("writing into memory does not fail");
        self.state.set(&key.to_vec(), bytes);
    }

    /// Writes a record of the account `open`, of which there is no more than what came before.
    fn write(
        &mut self,
        record: &StateRecord,
        open: &mut Open,
        index: usize,
    ) -> Result<(), InvalidGenesis> {
        let account_id = || open.id.clone();
        let refuse = |source| Err(InvalidGenesis::Record { index, source });
        if let StateRecord::Account { account, .. } = record {
            if open.account.is_some() {
                return Err(InvalidGenesis::DuplicateAccount { index, account_id: account_id() });
            }
            let mut account = account.clone();
            account.set_storage_usage(self.early.remove(&open.id).map_or(0, |early| early.bytes));
            open.account = Some(account);
            return Ok(());
        }
        if open.account.as_ref().is_some_and(|account| !account.is_initialized()) {
            let (account_id, kind) = (account_id(), kind_of(record));
            return refuse(InvalidRecord::Uninitialized { account_id, kind });
        }
        match record {
            StateRecord::Data { account_id, data_key, value } => {
                let account_id = account_id.clone();
                let key = TrieKey::ContractData { account_id, key: data_key.to_vec() };
                self.state.set(&key.to_vec(), value.to_vec());
            }
            StateRecord::Contract { code, .. } => {
                let key = tree::code_key(&open.id).to_vec();
                if self.state.get(&key).is_some() {
                    let account_id = account_id();
                    return Err(InvalidGenesis::DuplicateContract { index, account_id });
                }
                // It has to be that which the account's record names.
                let Some(account) = &open.account else {
                    return refuse(InvalidRecord::CodeWithoutAccount { account_id: account_id() });
                };
                let expected = account.contract().local_code().unwrap_or_default();
                let found = hash(code);
                if expected != found {
                    let account_id = account_id();
                    return refuse(InvalidRecord::CodeHashMismatch { account_id, expected, found });
                }
                self.state.set(&key, code.as_slice());
            }
            StateRecord::AccessKey { account_id, public_key, access_key } => {
                self.set(&tree::access_key_key(account_id, public_key.clone()), access_key);
            }
            StateRecord::GasKeyNonce { account_id, public_key, index, nonce } => {
                let key = TrieKey::gas_key_nonce(account_id.clone(), public_key.clone(), *index);
                self.set(&key, nonce);
            }
            StateRecord::Account { .. }
            | StateRecord::PostponedReceipt(_)
            | StateRecord::ReceivedData { .. }
            | StateRecord::DelayedReceipt(_) => {}
        }
        Ok(())
    }
}

/// The storage that a record takes of its account, in bytes.
pub fn storage<'r>(
    config: &StorageUsageConfig,
    record: &'r StateRecord,
) -> Option<(&'r AccountId, u64)> {
    match record {
        StateRecord::Account { account_id, .. } => Some((account_id, config.num_bytes_account)),
        StateRecord::Data { account_id, data_key, value } => {
            Some((account_id, record_storage(config, data_key.len(), value.len())))
        }
        StateRecord::Contract { account_id, code } => Some((account_id, length(code))),
        StateRecord::AccessKey { account_id, public_key, access_key } => {
            let value = borsh::object_length(access_key).unwrap_or(usize::MAX);
            Some((account_id, record_storage(config, public_key.trie_id_len(), value)))
        }
        StateRecord::GasKeyNonce { account_id, public_key, .. } => {
            let name = public_key.trie_id_len().saturating_add(size_of::<NonceIndex>());
            Some((account_id, record_storage(config, name, AccessKey::NONCE_VALUE_LEN)))
        }
        StateRecord::PostponedReceipt(_)
        | StateRecord::ReceivedData { .. }
        | StateRecord::DelayedReceipt(_) => None,
    }
}
