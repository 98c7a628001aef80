//! What a dry run finds in place of what the state holds: a patch that names accounts for what it
//! changes of them.

use std::collections::BTreeMap;

use near_primitives::hash::hash;
use sandbox_state::Snapshot;

use crate::config::RuntimeConfig;
use crate::fault::RuntimeFault;
use crate::fees::length;
use crate::near::{
    AccessKey, Account, AccountContract, AccountId, Balance, PublicKey, StateRecord,
};
use crate::patch::{Deletion, Edits, InvalidPatch, Patch, PatchRecord};

/// What takes the place of records of a state. The `records` come first, so that the others may name
/// accounts that are among them. What storage accounts use is computed as for a patch.
#[derive(Clone, Debug, Default)]
pub struct StateOverrides {
    /// Records, as those of a patch.
    pub records: Vec<PatchRecord>,
    /// The balances of accounts, in yoctoNEAR, without what is locked.
    pub balances: BTreeMap<AccountId, Balance>,
    /// The wasm of accounts, which becomes their own also if they used a global contract.
    pub code: BTreeMap<AccountId, Vec<u8>>,
    /// The keys of accounts; `None` takes one away. All nonces of a gas key begin at its `nonce`.
    pub access_keys: BTreeMap<AccountId, BTreeMap<PublicKey, Option<AccessKey>>>,
}

/// Why a state cannot be overridden. Each names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverride {
    /// The state has no such account.
    #[error(
        "{field}[\"{account_id}\"]: there is no such account; give its `Account` record in \
         `records`, or leave it out"
    )]
    UnknownAccount {
        /// `balances`, `code` or `access_keys`.
        field: &'static str,
        /// The account.
        account_id: AccountId,
    },
    /// A universal account owns nothing but tokens before its state init.
    #[error("{field}[\"{account_id}\"]: the account is not initialized, and can only hold tokens")]
    Uninitialized {
        /// `code` or `access_keys`.
        field: &'static str,
        /// The account.
        account_id: AccountId,
    },
    /// No account could have such code.
    #[error("code[\"{account_id}\"]: {size} bytes are too many, {limit} can be deployed")]
    CodeTooLarge {
        /// The account.
        account_id: AccountId,
        /// How many bytes the code has.
        size: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The records cannot be written.
    #[error(transparent)]
    Records(#[from] InvalidPatch),
}

/// A result that a fault of ours comes before.
type Outcome<T> = Result<Result<T, InvalidOverride>, RuntimeFault>;

impl StateOverrides {
    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        let Self { records, balances, code, access_keys } = self;
        records.is_empty() && balances.is_empty() && code.is_empty() && access_keys.is_empty()
    }

    /// What has to be written over `state`.
    ///
    /// # Errors
    /// A fault when the state does not decode; the inner error when it cannot be overridden so.
    pub fn over(
        &self,
        config: &RuntimeConfig,
        state: &Snapshot,
    ) -> Result<Result<Patch, InvalidOverride>, RuntimeFault> {
        let mut edits = Edits::new(config.near(), state);
        for record in &self.records {
            if let Err(error) = edits.write(record.clone())? {
                return Ok(Err(error.into()));
            }
        }
        if let Err(error) = self.write_members(config, &mut edits)? {
            return Ok(Err(error));
        }
        Ok(edits.finish()?.map_err(InvalidOverride::from))
    }

    fn write_members(&self, config: &RuntimeConfig, edits: &mut Edits<'_>) -> Outcome<()> {
        for (id, balance) in &self.balances {
            let mut account = match account(edits, "balances", id)? {
                Ok(account) => account,
                Err(error) => return Ok(Err(error)),
            };
            account.set_amount(*balance);
            edits.set_account(id, account)?;
        }
        for (id, code) in &self.code {
            if let Err(error) = write_code(config, edits, id, code)? {
                return Ok(Err(error));
            }
        }
        for (id, keys) in &self.access_keys {
            if let Err(error) = initialized(edits, "access_keys", id)? {
                return Ok(Err(error));
            }
            for (public_key, access_key) in keys {
                for record in key_records(id, public_key, access_key.as_ref()) {
                    if let Err(error) = edits.write(record)? {
                        return Ok(Err(error.into()));
                    }
                }
            }
        }
        Ok(Ok(()))
    }
}

fn account(edits: &mut Edits<'_>, field: &'static str, id: &AccountId) -> Outcome<Account> {
    let account = edits.account(id)?.cloned();
    Ok(account.ok_or_else(|| InvalidOverride::UnknownAccount { field, account_id: id.clone() }))
}

fn initialized(edits: &mut Edits<'_>, field: &'static str, id: &AccountId) -> Outcome<Account> {
    Ok(account(edits, field, id)?.and_then(|account| {
        let uninitialized = || InvalidOverride::Uninitialized { field, account_id: id.clone() };
        if account.is_initialized() { Ok(account) } else { Err(uninitialized()) }
    }))
}

fn write_code(
    config: &RuntimeConfig,
    edits: &mut Edits<'_>,
    id: &AccountId,
    code: &[u8],
) -> Outcome<()> {
    let (size, limit) = (length(code), config.near().wasm_config.limit_config.max_contract_size);
    let account_id = id.clone();
    if size > limit {
        return Ok(Err(InvalidOverride::CodeTooLarge { account_id, size, limit }));
    }
    let mut account = match initialized(edits, "code", id)? {
        Ok(account) => account,
        Err(error) => return Ok(Err(error)),
    };
    // An account whose record is among the records does not follow its code by itself.
    account
        .set_contract(AccountContract::Local(hash(code)))
        .map_err(|error| RuntimeFault::CorruptState(format!("{id}: {error}")))?;
    edits.set_account(id, account)?;
    let record = StateRecord::Contract { account_id, code: code.to_vec() };
    Ok(edits.write(record.into())?.map_err(InvalidOverride::from))
}

/// A key in place of the one that is there, with the nonces that it has as a gas key.
fn key_records(
    id: &AccountId,
    public_key: &PublicKey,
    access_key: Option<&AccessKey>,
) -> Vec<PatchRecord> {
    let (account_id, handle) = (id.clone(), public_key.clone().into());
    let mut records = vec![Deletion::AccessKey { account_id, public_key: handle }.into()];
    let Some(access_key) = access_key else { return records };
    let mut access_key = access_key.clone();
    let nonces = access_key.gas_key_info().map_or(0, |info| info.num_nonces);
    for index in 0..nonces {
        let (account_id, public_key) = (id.clone(), public_key.clone().into());
        let nonce = access_key.nonce;
        records.push(StateRecord::GasKeyNonce { account_id, public_key, index, nonce }.into());
    }
    if nonces > 0 {
        access_key.nonce = 0;
    }
    let (account_id, public_key) = (id.clone(), public_key.clone().into());
    records.push(StateRecord::AccessKey { account_id, public_key, access_key }.into());
    records
}
