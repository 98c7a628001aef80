//! An account elsewhere as records that a chain here can take.

use near_primitives::account::{Account, AccountContract};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::hash;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance, Nonce, NonceIndex};
use sandbox_runtime::Runtime;
use sandbox_runtime::genesis::storage;
use sandbox_runtime::patch::{Deletion, PatchRecord, initial_nonce};

use super::Remote;
use super::contract_data::SmallData;
use super::error::RemoteError;
use crate::chain::Chain;

/// As many records as nodes give in a page at most.
const PAGE: u32 = 10_000;

/// What of an account is taken besides its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What its contract stored.
    pub state: bool,
    /// The contract.
    pub code: bool,
    /// The access keys.
    pub keys: bool,
}

impl Default for Parts {
    /// All of them.
    fn default() -> Self {
        Self { state: true, code: true, keys: true }
    }
}

impl Remote {
    /// The records of the account `id`, all as they are after the same block, that of the account
    /// first; `None` if there is no such account.
    ///
    /// What it stakes is in its balance, since it validates elsewhere. A global contract that it uses
    /// becomes its own. The storage that it uses is that of the records.
    pub fn records(
        &self,
        id: &AccountId,
        parts: Parts,
        runtime: &Runtime,
    ) -> Result<Option<Vec<StateRecord>>, RemoteError> {
        let Some(mut records) = self.records_without_data(id, parts)? else { return Ok(None) };
        if parts.state {
            self.each_datum(id, |record| {
                records.push(record);
                Ok::<_, RemoteError>(())
            })?;
        }
        let config = &runtime.config().near().fees.storage_usage_config;
        let used = records.iter().filter_map(|record| storage(config, record));
        let used = used.fold(0u64, |sum, (_, bytes)| sum.saturating_add(bytes));
        if let Some(StateRecord::Account { account, .. }) = records.first_mut() {
            account.set_storage_usage(used);
        }
        Ok(Some(records))
    }

    /// What puts the account `id` in the place of the one of this name on `chain`, if there is such an
    /// account. Nonces of its keys that `chain` is not high enough for become those of new keys.
    pub fn import(
        &self,
        id: &AccountId,
        parts: Parts,
        chain: &Chain,
    ) -> Result<Option<Vec<PatchRecord>>, RemoteError> {
        let Some(records) = self.records(id, parts, chain.runtime())? else { return Ok(None) };
        let new = initial_nonce(chain.next_height());
        let within = |nonce: &mut Nonce| *nonce = (*nonce).min(new);
        let mut patch = vec![PatchRecord::from(Deletion::Account { account_id: id.clone() })];
        patch.extend(records.into_iter().map(|mut record| {
            match &mut record {
                StateRecord::AccessKey { access_key, .. } => within(&mut access_key.nonce),
                StateRecord::GasKeyNonce { nonce, .. } => within(nonce),
                StateRecord::Account { .. }
                | StateRecord::Contract { .. }
                | StateRecord::Data { .. }
                | StateRecord::PostponedReceipt(_)
                | StateRecord::ReceivedData { .. }
                | StateRecord::DelayedReceipt(_) => {}
            }
            PatchRecord::from(record)
        }));
        Ok(Some(patch))
    }

    /// The records without what its contract stored, and with the storage usage that it has elsewhere.
    pub(super) fn records_without_data(
        &self,
        id: &AccountId,
        parts: Parts,
    ) -> Result<Option<Vec<StateRecord>>, RemoteError> {
        let Some(account) = self.account(id)? else { return Ok(None) };
        if !account.is_initialized() {
            return Ok(Some(vec![StateRecord::Account { account_id: id.clone(), account }]));
        }
        let code = if parts.code { self.code_in_use(id, &account)? } else { None };
        let contract = code.as_ref().map_or(AccountContract::None, |code| {
            AccountContract::from_local_code_hash(hash(code))
        });
        let held = account.amount().checked_add(account.locked()).ok_or_else(|| {
            RemoteError::Unsupported { what: format!("{id} holds more than fits 128 bits") }
        })?;
        let account = Account::new(held, Balance::ZERO, contract, account.storage_usage());
        let mut records = vec![StateRecord::Account { account_id: id.clone(), account }];
        records.extend(code.map(|code| StateRecord::Contract { account_id: id.clone(), code }));
        let keys = if parts.keys { self.access_keys(id)? } else { Vec::new() };
        for (key, access_key) in keys {
            let nonces = match access_key.gas_key_info() {
                Some(_) => self.gas_key_nonces(id, &key)?,
                None => Vec::new(),
            };
            records.push(StateRecord::access_key(id.clone(), key.clone(), access_key));
            let nonces = (NonceIndex::MIN..).zip(nonces);
            records.extend(nonces.map(|(index, nonce)| {
                StateRecord::gas_key_nonce(id.clone(), key.clone(), index, nonce)
            }));
        }
        Ok(Some(records))
    }

    /// Shows what the contract of `id` stored to `take`, record by record.
    pub(super) fn each_datum<E: From<RemoteError>>(
        &self,
        id: &AccountId,
        mut take: impl FnMut(StateRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut show = |(key, value): (Vec<u8>, Vec<u8>)| {
            let account_id = id.clone();
            take(StateRecord::Data { account_id, data_key: key.into(), value: value.into() })
        };
        if let SmallData::All(records) = self.small_data(id)? {
            return records.into_iter().try_for_each(show);
        }
        let mut after = None;
        loop {
            let page = self.data_page(id, &[], after.as_deref(), PAGE)?;
            page.records.into_iter().try_for_each(&mut show)?;
            match page.last_key {
                None => return Ok(()),
                last => after = last,
            }
        }
    }

    /// The code that calls of `id` run.
    fn code_in_use(
        &self,
        id: &AccountId,
        account: &Account,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        let global = match account.contract().into_owned() {
            AccountContract::None => return Ok(None),
            AccountContract::Local(_) => return self.code(id),
            AccountContract::Global(hash) => GlobalContractIdentifier::CodeHash(hash),
            AccountContract::GlobalByAccount(id) => GlobalContractIdentifier::AccountId(id),
        };
        self.global_code(&global)
    }
}
