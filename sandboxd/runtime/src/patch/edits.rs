//! Records on their way into a state.

use std::collections::{BTreeMap, BTreeSet};

use near_parameters::RuntimeConfig as NearConfig;
use near_primitives::hash::hash;
use sandbox_state::{ChangeSet, Key, Snapshot, Unavailable, Value};

use super::{Deletion, InvalidPatch, InvalidRecord, Patch, PatchRecord, kind_of, owner};
use crate::actions::record_storage;
use crate::balance;
use crate::fault::RuntimeFault;
use crate::fees::length;
use crate::near::{
    Account, AccountContract, AccountId, CryptoHash, NonceIndex, PublicKeyHandle, StateRecord,
    TrieKey, trie_key_parsers,
};
use crate::tree;

/// Records to be written over a state. They are in no state before [`Edits::finish`] has checked them.
#[derive(Debug)]
pub struct Edits<'s> {
    config: &'s NearConfig,
    state: &'s Snapshot,
    /// The latest writes in their order: many are sorted faster at once than one by one.
    latest: Vec<(Key, Option<Value>)>,
    earlier: ChangeSet,
    accounts: BTreeMap<AccountId, Edited>,
    /// The gas keys among the records, by their trie keys.
    gas_keys: BTreeMap<Vec<u8>, GasKey>,
    /// How many records came.
    count: usize,
}

/// An account that the records are about.
#[derive(Debug, Default)]
struct Edited {
    before: Option<Account>,
    account: Option<Account>,
    /// Whether the records have it, and so say what it uses.
    given: bool,
    /// The code that was written last: the place of its record, and its hash.
    code: Option<(usize, CryptoHash)>,
}

#[derive(Debug)]
struct GasKey {
    place: usize,
    account_id: AccountId,
    public_key: PublicKeyHandle,
    nonces: NonceIndex,
}

impl<'s> Edits<'s> {
    /// Nothing to be written over `state` yet.
    pub fn new(config: &'s NearConfig, state: &'s Snapshot) -> Self {
        Self {
            config,
            state,
            latest: Vec::new(),
            earlier: ChangeSet::new(),
            accounts: BTreeMap::new(),
            gas_keys: BTreeMap::new(),
            count: 0,
        }
    }

    /// The state that they will be written over.
    pub fn state(&self) -> &'s Snapshot {
        self.state
    }

    /// The account `id` after the records so far.
    pub fn account(&mut self, id: &AccountId) -> Result<Option<&Account>, RuntimeFault> {
        Ok(self.edited(id)?.account.as_ref())
    }

    /// Writes an account. What storage it uses is computed, other than for a record of it.
    pub fn set_account(&mut self, id: &AccountId, account: Account) -> Result<(), RuntimeFault> {
        self.edited(id)?.account = Some(account);
        Ok(())
    }

    /// Takes the next record.
    pub fn write(&mut self, record: PatchRecord) -> Result<Result<(), InvalidPatch>, RuntimeFault> {
        let (index, kind) = (self.count, record.kind());
        self.count = index.saturating_add(1);
        let taken = match record {
            PatchRecord::Write(record) => self.put(index, record)?,
            PatchRecord::Delete(deletion) => {
                self.delete(&deletion)?;
                Ok(())
            }
        };
        Ok(taken.map_err(|source| InvalidPatch::Record { index, kind, source }))
    }

    fn put(
        &mut self,
        index: usize,
        record: StateRecord,
    ) -> Result<Result<(), InvalidRecord>, RuntimeFault> {
        let kind = kind_of(&record);
        if let Some(account_id) = owner(&record)
            && self.account(account_id)?.is_some_and(|account| !account.is_initialized())
        {
            let account_id = account_id.clone();
            return Ok(Err(InvalidRecord::Uninitialized { account_id, kind }));
        }
        match record {
            StateRecord::Account { account_id, account } => {
                let edited = self.edited(&account_id)?;
                edited.account = Some(account);
                edited.given = true;
            }
            StateRecord::Data { account_id, data_key, value } => {
                let key =
                    trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, &data_key);
                self.latest.push((key.into(), Some(Vec::from(value).into())));
            }
            StateRecord::Contract { account_id, code } => {
                self.put_code(index, &account_id, code)?;
            }
            StateRecord::AccessKey { account_id, public_key, access_key } => {
                let key = tree::access_key_key(&account_id, public_key.clone());
                self.push(&key, &access_key);
                if let Some(info) = access_key.gas_key_info() {
                    let (place, nonces) = (index, info.num_nonces);
                    let gas_key = GasKey { place, account_id, public_key, nonces };
                    self.gas_keys.insert(key.to_vec(), gas_key);
                } else {
                    self.gas_keys.remove(&key.to_vec());
                }
            }
            StateRecord::GasKeyNonce { account_id, public_key, index, nonce } => {
                self.push(&TrieKey::gas_key_nonce(account_id, public_key, index), &nonce);
            }
            StateRecord::PostponedReceipt(_)
            | StateRecord::ReceivedData { .. }
            | StateRecord::DelayedReceipt(_) => {
                return Ok(Err(InvalidRecord::UnsupportedRecord { kind }));
            }
        }
        Ok(Ok(()))
    }

    fn put_code(
        &mut self,
        index: usize,
        id: &AccountId,
        code: Vec<u8>,
    ) -> Result<(), RuntimeFault> {
        let found = hash(&code);
        let edited = self.edited(id)?;
        edited.code = Some((index, found));
        if !edited.given {
            set_contract(edited, id, AccountContract::Local(found))?;
        }
        self.latest.push((tree::code_key(id).to_vec().into(), Some(code.into())));
        Ok(())
    }

    fn delete(&mut self, deletion: &Deletion) -> Result<(), RuntimeFault> {
        match deletion {
            Deletion::Data { account_id, data_key } => {
                // What the data takes is taken from an account, which has to be known for that.
                self.edited(account_id)?;
                let key = trie_key_parsers::get_raw_prefix_for_contract_data(account_id, data_key);
                self.latest.push((key.into(), None));
            }
            Deletion::DataPrefix { account_id, prefix } => {
                self.edited(account_id)?;
                let all = trie_key_parsers::get_raw_prefix_for_contract_data(account_id, prefix);
                self.remove_under(&all)?;
            }
            Deletion::AccessKey { account_id, public_key } => {
                self.edited(account_id)?;
                let key = tree::access_key_key(account_id, public_key.clone()).to_vec();
                self.remove_under(&key)?;
                self.gas_keys.remove(&key);
            }
            Deletion::Contract { account_id } => {
                let edited = self.edited(account_id)?;
                edited.code = None;
                if edited.account.as_ref().is_some_and(Account::is_initialized) {
                    set_contract(edited, account_id, AccountContract::None)?;
                }
                self.latest.push((tree::code_key(account_id).to_vec().into(), None));
            }
            Deletion::Account { account_id } => {
                let edited = self.edited(account_id)?;
                *edited = Edited { before: edited.before.take(), ..Edited::default() };
                self.latest.push((tree::account_key(account_id).to_vec().into(), None));
                self.latest.push((tree::code_key(account_id).to_vec().into(), None));
                self.remove_under(&trie_key_parsers::get_raw_prefix_for_access_keys(account_id))?;
                let data = trie_key_parsers::get_raw_prefix_for_contract_data(account_id, &[]);
                self.remove_under(&data)?;
                self.gas_keys.retain(|_, key| key.account_id != *account_id);
            }
        }
        Ok(())
    }

    /// Checks the records as a whole, and says what they change.
    pub fn finish(mut self) -> Result<Result<Patch, InvalidPatch>, RuntimeFault> {
        let mut changes = self.take_changes()?;
        if let Some(error) = self.missing_nonce(&changes)? {
            return Ok(Err(error));
        }
        let mut accounts = Vec::new();
        for (id, mut edited) in std::mem::take(&mut self.accounts) {
            if let Err(error) = check_code(&id, &edited) {
                return Ok(Err(error));
            }
            if let Some(account) = &mut edited.account
                && !edited.given
            {
                let usage = self.usage(&changes, &id, edited.before.as_ref(), account)?;
                account.set_storage_usage(usage);
            }
            if edited.given || edited.account != edited.before {
                if let Some(account) = &edited.account {
                    let (key, value) = record(&tree::account_key(&id), account);
                    changes.set(key, value);
                }
                accounts.push((id, edited.account));
            }
        }
        let removed = balance::held_before(self.config, self.state, &changes)?;
        let Ok(added) = balance::held_after(self.config, &changes) else {
            return Ok(Err(InvalidPatch::BalanceOverflow));
        };
        Ok(Ok(Patch { changes, accounts, removed, added }))
    }

    fn edited(&mut self, id: &AccountId) -> Result<&mut Edited, RuntimeFault> {
        if !self.accounts.contains_key(id) {
            let before = tree::account(&mut self.state, id)?;
            let edited = Edited { account: before.clone(), before, ..Edited::default() };
            self.accounts.insert(id.clone(), edited);
        }
        Ok(self.accounts.get_mut(id).expect("it was just put in"))
    }

    fn push(&mut self, key: &TrieKey, value: &impl borsh::BorshSerialize) {
        let (key, value) = record(key, value);
        self.latest.push((key, Some(value)));
    }

    fn remove_under(&mut self, prefix: &[u8]) -> Result<(), Unavailable> {
        self.gather();
        let pending: Vec<Key> = self.earlier.under(prefix).map(|(key, _)| key.clone()).collect();
        let state = self.state;
        for record in state.list(prefix, None) {
            self.earlier.remove(record?.0);
        }
        for key in pending {
            self.earlier.remove(key);
        }
        Ok(())
    }

    fn gather(&mut self) {
        let latest = std::mem::take(&mut self.latest);
        if self.earlier.is_empty() {
            self.earlier = latest.into_iter().collect();
        } else {
            self.earlier.extend(latest);
        }
    }

    /// All writes, without removals of what is not there.
    fn take_changes(&mut self) -> Result<ChangeSet, Unavailable> {
        self.gather();
        let mut changes = std::mem::take(&mut self.earlier);
        let mut absent = BTreeSet::new();
        for (key, _) in changes.iter().filter(|(_, value)| value.is_none()) {
            if self.state.read(key)?.is_none() {
                absent.insert(key.clone());
            }
        }
        changes.retain(|key, value| value.is_some() || !absent.contains(key));
        Ok(changes)
    }

    fn missing_nonce(&self, changes: &ChangeSet) -> Result<Option<InvalidPatch>, Unavailable> {
        for GasKey { place, account_id, public_key, nonces } in self.gas_keys.values() {
            for index in 0..*nonces {
                let key = TrieKey::gas_key_nonce(account_id.clone(), public_key.clone(), index);
                if value_after(self.state, changes, &key.to_vec())?.is_none() {
                    let (account_id, public_key) = (account_id.clone(), public_key.clone());
                    let source = InvalidRecord::MissingNonce { account_id, public_key, index };
                    let (index, kind) = (*place, "AccessKey");
                    return Ok(Some(InvalidPatch::Record { index, kind, source }));
                }
            }
        }
        Ok(None)
    }

    /// What `account` uses after `changes`, moved by them from what it used.
    fn usage(
        &self,
        changes: &ChangeSet,
        id: &AccountId,
        before: Option<&Account>,
        account: &Account,
    ) -> Result<u64, Unavailable> {
        let config = &self.config.fees.storage_usage_config;
        let code = tree::code_key(id).to_vec();
        let (mut added, mut removed) = (0, 0);
        let contract_before = before.map(Account::contract);
        // What does not change need not be read, which may take long.
        if changes.contains(&code) || contract_before.as_deref() != Some(&*account.contract()) {
            removed = contract_storage(before, || self.state.read(&code))?;
            added = contract_storage(Some(account), || value_after(self.state, changes, &code))?;
        }
        for prefix in [
            trie_key_parsers::get_raw_prefix_for_access_keys(id),
            trie_key_parsers::get_raw_prefix_for_contract_data(id, &[]),
        ] {
            // Large patches mostly bring the first records of an account.
            let is_first = !self.state.is_partial() && !self.state.has_here(&prefix)?;
            for (key, value) in changes.under(&prefix) {
                let name = key.len().saturating_sub(prefix.len());
                let size = |value: Option<&Value>| {
                    value.map_or(0, |value| record_storage(config, name, value.len()))
                };
                let old = if is_first { None } else { self.state.read(key)? };
                added = added.saturating_add(size(value));
                removed = removed.saturating_add(size(old.as_ref()));
            }
        }
        let used = before.map_or(config.num_bytes_account, Account::storage_usage);
        Ok(used.saturating_add(added).saturating_sub(removed))
    }
}

fn record(key: &TrieKey, value: &impl borsh::BorshSerialize) -> (Key, Value) {
    let value = borsh::to_vec(value).expect("writing into memory does not fail");
    (key.to_vec().into(), value.into())
}

fn set_contract(
    edited: &mut Edited,
    id: &AccountId,
    contract: AccountContract,
) -> Result<(), RuntimeFault> {
    match &mut edited.account {
        None => Ok(()),
        Some(account) => account
            .set_contract(contract)
            .map_err(|error| RuntimeFault::CorruptState(format!("{id}: {error}"))),
    }
}

/// Code must be that which the account's record names.
fn check_code(id: &AccountId, edited: &Edited) -> Result<(), InvalidPatch> {
    let Some((index, found)) = edited.code else { return Ok(()) };
    let account_id = id.clone();
    let source = match &edited.account {
        None => InvalidRecord::CodeWithoutAccount { account_id },
        Some(account) => {
            let expected = account.local_contract_hash().unwrap_or_default();
            if expected == found {
                return Ok(());
            }
            InvalidRecord::CodeHashMismatch { account_id, expected, found }
        }
    };
    Err(InvalidPatch::Record { index, kind: "Contract", source })
}

/// What `key` holds once `changes` are in `state`.
fn value_after(
    state: &Snapshot,
    changes: &ChangeSet,
    key: &[u8],
) -> Result<Option<Value>, Unavailable> {
    match changes.get(key) {
        Some(change) => Ok(change.cloned()),
        None => state.read(key),
    }
}

/// Bytes of an account's storage that its contract takes: the code of its own, or the name of a
/// global one.
fn contract_storage(
    account: Option<&Account>,
    code: impl FnOnce() -> Result<Option<Value>, Unavailable>,
) -> Result<u64, Unavailable> {
    Ok(match account.map(Account::contract).as_deref() {
        None | Some(AccountContract::None) => 0,
        Some(AccountContract::Local(_)) => code()?.map_or(0, |code| length(&code)),
        Some(contract) => contract.identifier_storage_usage(),
    })
}
