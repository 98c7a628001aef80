//! The state that a chain starts from.
//!
//! Unlike a patch, a genesis is checked: the storage that accounts use is computed from their records,
//! and validators lock what they stake. Follows nearcore's `runtime/runtime/src/genesis.rs`.

use std::collections::BTreeMap;

use near_parameters::{RuntimeConfig as NearConfig, StorageUsageConfig};
use near_primitives::hash::hash;
use sandbox_state::{Overlay, Snapshot};

use crate::actions::record_storage;
use crate::balance;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::length;
use crate::near::{AccessKey, AccountId, Balance, NonceIndex, StateRecord, TrieKey};
use crate::patch::{InvalidRecord, kind_of, owner};
use crate::tree;

/// Why a chain cannot start from these records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGenesis {
    /// A record that cannot be written.
    #[error("record {index}: {source}")]
    Record {
        /// Its place among the records, from 0.
        index: usize,
        /// What is wrong with it.
        source: InvalidRecord,
    },
    /// Two records of the same account.
    #[error("record {index}: a second record of account {account_id}")]
    DuplicateAccount {
        /// Its place among the records, from 0.
        index: usize,
        /// The account.
        account_id: AccountId,
    },
    /// A key, code, data or a validator without an account record.
    #[error("account {account_id} has records or a stake but no account record")]
    UnknownAccount {
        /// The account.
        account_id: AccountId,
    },
    /// All balances together do not fit 128 bits.
    #[error("the balances overflow")]
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
    let mut overlay = Overlay::new(Snapshot::empty());
    let mut usage = BTreeMap::<&AccountId, u64>::new();
    for (index, record) in records.iter().enumerate() {
        if let StateRecord::Account { account_id, .. } = record
            && tree::account(&mut overlay, account_id)?.is_some()
        {
            let account_id = account_id.clone();
            return Ok(Err(InvalidGenesis::DuplicateAccount { index, account_id }));
        }
        if let Err(source) = write(&mut overlay, record)? {
            return Ok(Err(InvalidGenesis::Record { index, source }));
        }
        if let Some((id, bytes)) = storage(&config.fees.storage_usage_config, record) {
            let total = usage.entry(id).or_default();
            *total = total.checked_add(bytes).or_overflow("a storage usage")?;
        }
    }
    for (id, bytes) in usage {
        let Some(mut account) = tree::account(&mut overlay, id)? else {
            return Ok(Err(InvalidGenesis::UnknownAccount { account_id: id.clone() }));
        };
        account.set_storage_usage(bytes);
        tree::set_account(&mut overlay, id, &account);
    }
    for (id, stake) in validators {
        let Some(mut account) = tree::account(&mut overlay, id)? else {
            return Ok(Err(InvalidGenesis::UnknownAccount { account_id: id.clone() }));
        };
        account
            .set_locked(*stake)
            .map_err(|error| RuntimeFault::CorruptState(format!("{id}: {error}")))?;
        tree::set_account(&mut overlay, id, &account);
    }
    let changes = overlay.into_changes();
    let Ok(total_supply) = balance::held_after(config, &changes) else {
        return Ok(Err(InvalidGenesis::BalanceOverflow));
    };
    Ok(Ok(GenesisState { snapshot: Snapshot::empty().apply(&changes)?, total_supply }))
}

/// Writes one record of the kinds that need no others.
fn write(
    state: &mut Overlay,
    record: &StateRecord,
) -> Result<Result<(), InvalidRecord>, RuntimeFault> {
    let kind = kind_of(record);
    if let Some(account_id) = owner(record)
        && tree::account(state, account_id)?.is_some_and(|account| !account.is_initialized())
    {
        let account_id = account_id.clone();
        return Ok(Err(InvalidRecord::Uninitialized { account_id, kind }));
    }
    match record {
        StateRecord::Account { account_id, account } => {
            tree::set_account(state, account_id, account);
        }
        StateRecord::Data { account_id, data_key, value } => {
            let account_id = account_id.clone();
            let key = TrieKey::ContractData { account_id, key: data_key.to_vec() };
            state.set(key.to_vec(), value.to_vec());
        }
        StateRecord::Contract { account_id, code } => return write_code(state, account_id, code),
        StateRecord::AccessKey { account_id, public_key, access_key } => {
            let key = tree::access_key_key(account_id, public_key.clone());
            tree::write(state, &key, access_key);
        }
        StateRecord::GasKeyNonce { account_id, public_key, index, nonce } => {
            let key = TrieKey::gas_key_nonce(account_id.clone(), public_key.clone(), *index);
            tree::write(state, &key, nonce);
        }
        StateRecord::PostponedReceipt(_)
        | StateRecord::ReceivedData { .. }
        | StateRecord::DelayedReceipt(_) => {
            return Ok(Err(InvalidRecord::UnsupportedRecord { kind }));
        }
    }
    Ok(Ok(()))
}

/// Code must be that which the account's record names.
fn write_code(
    state: &mut Overlay,
    id: &AccountId,
    code: &[u8],
) -> Result<Result<(), InvalidRecord>, RuntimeFault> {
    let Some(account) = tree::account(state, id)? else {
        return Ok(Err(InvalidRecord::CodeWithoutAccount { account_id: id.clone() }));
    };
    let expected = account.contract().local_code().unwrap_or_default();
    let found = hash(code);
    if expected != found {
        let account_id = id.clone();
        return Ok(Err(InvalidRecord::CodeHashMismatch { account_id, expected, found }));
    }
    tree::set_code(state, id, code);
    Ok(Ok(()))
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
