//! Records written over a state from outside of any transaction, as `sandbox_patch_state` does.
//!
//! All of the records are written, or none. They are taken as they are: nothing that depends on them,
//! such as the storage that an account uses, is computed anew.

use near_parameters::RuntimeConfig as NearConfig;
use near_primitives::hash::hash;
use sandbox_state::{ChangeSet, Overlay, Snapshot};

use crate::balance;
use crate::fault::RuntimeFault;
use crate::near::{AccountId, Balance, CryptoHash, StateRecord, TrieKey};
use crate::tree;

/// Why records cannot be written over a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPatch {
    /// Only accounts, access keys, nonces of gas keys, code and data can be patched.
    #[error("a {kind} record cannot be patched")]
    UnsupportedRecord {
        /// The kind of record.
        kind: &'static str,
    },
    /// Code for an account that neither the state nor an earlier record of the patch has.
    #[error("code for account {account_id}, which does not exist")]
    CodeWithoutAccount {
        /// The account.
        account_id: AccountId,
    },
    /// A universal account owns nothing but tokens before its state init.
    #[error("a {kind} record for account {account_id}, which is not initialized")]
    Uninitialized {
        /// The account.
        account_id: AccountId,
        /// The kind of record.
        kind: &'static str,
    },
    /// The account's record names other code.
    #[error(
        "the code of account {account_id} has hash {found}, its account record says {expected}"
    )]
    CodeHashMismatch {
        /// The account.
        account_id: AccountId,
        /// The hash in the account's record.
        expected: CryptoHash,
        /// The hash of the code.
        found: CryptoHash,
    },
    /// All balances together do not fit 128 bits.
    #[error("the patched balances overflow")]
    BalanceOverflow,
}

/// What a patch writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The records.
    pub changes: ChangeSet,
    /// What the records that it replaces held, in yoctoNEAR.
    pub removed: Balance,
    /// What its records hold. The supply of the chain grows by this and shrinks by `removed`.
    pub added: Balance,
}

/// The changes that write `records` over `state`, in their order.
pub fn patch(
    config: &NearConfig,
    state: &Snapshot,
    records: &[StateRecord],
) -> Result<Result<Patch, InvalidPatch>, RuntimeFault> {
    let mut overlay = Overlay::new(state.clone());
    for record in records {
        if let Err(error) = write(&mut overlay, record)? {
            return Ok(Err(error));
        }
    }
    let changes = overlay.into_changes();
    let removed = balance::held_before(config, state, &changes)?;
    let Ok(added) = balance::held_after(config, &changes) else {
        return Ok(Err(InvalidPatch::BalanceOverflow));
    };
    Ok(Ok(Patch { changes, removed, added }))
}

/// Writes one record of the kinds that need no others.
pub(crate) fn write(
    state: &mut Overlay,
    record: &StateRecord,
) -> Result<Result<(), InvalidPatch>, RuntimeFault> {
    if let Some((account_id, kind)) = owned(record)
        && tree::account(state, account_id)?.is_some_and(|account| !account.is_initialized())
    {
        let account_id = account_id.clone();
        return Ok(Err(InvalidPatch::Uninitialized { account_id, kind }));
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
        StateRecord::PostponedReceipt(_) => return Ok(unsupported("PostponedReceipt")),
        StateRecord::ReceivedData { .. } => return Ok(unsupported("ReceivedData")),
        StateRecord::DelayedReceipt(_) => return Ok(unsupported("DelayedReceipt")),
        StateRecord::GasKeyNonce { account_id, public_key, index, nonce } => {
            let key = TrieKey::gas_key_nonce(account_id.clone(), public_key.clone(), *index);
            tree::write(state, &key, nonce);
        }
    }
    Ok(Ok(()))
}

/// The account that owns a record, and the record's kind.
fn owned(record: &StateRecord) -> Option<(&AccountId, &'static str)> {
    match record {
        StateRecord::Data { account_id, .. } => Some((account_id, "Data")),
        StateRecord::Contract { account_id, .. } => Some((account_id, "Contract")),
        StateRecord::AccessKey { account_id, .. } => Some((account_id, "AccessKey")),
        StateRecord::GasKeyNonce { account_id, .. } => Some((account_id, "GasKeyNonce")),
        StateRecord::Account { .. }
        | StateRecord::PostponedReceipt(_)
        | StateRecord::ReceivedData { .. }
        | StateRecord::DelayedReceipt(_) => None,
    }
}

fn unsupported(kind: &'static str) -> Result<(), InvalidPatch> {
    Err(InvalidPatch::UnsupportedRecord { kind })
}

/// Code must be that which the account's record names.
fn write_code(
    state: &mut Overlay,
    id: &AccountId,
    code: &[u8],
) -> Result<Result<(), InvalidPatch>, RuntimeFault> {
    let Some(account) = tree::account(state, id)? else {
        return Ok(Err(InvalidPatch::CodeWithoutAccount { account_id: id.clone() }));
    };
    let expected = account.contract().local_code().unwrap_or_default();
    let found = hash(code);
    if expected != found {
        let account_id = id.clone();
        return Ok(Err(InvalidPatch::CodeHashMismatch { account_id, expected, found }));
    }
    tree::set_code(state, id, code);
    Ok(Ok(()))
}
