//! The state before and after a scenario: what it says of accounts, and all else unchanged.

use std::collections::BTreeMap;

use near_parameters::RuntimeConfig;
use near_primitives::views::{AccessKeyView, AccountView};
use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, CryptoHash, PublicKeyHandle, StateRecord,
    TransactionNonce, TrieKey, trie_key_parsers,
};
use sandbox_runtime::patch::patch;
use sandbox_runtime::view;
use sandbox_state::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fill::Filler;
use super::format::{AccountAfter, AccountBefore};
use crate::world::{id, yocto};

/// Accounts that every scenario has, with 1000 NEAR and a full-access key.
const EVERYWHERE: [&str; 4] = ["alice.near", "bob.near", "near", "registrar"];

/// Everything that the state holds of accounts.
#[derive(Debug, Default)]
pub(super) struct State {
    accounts: BTreeMap<AccountId, Value>,
    keys: BTreeMap<(AccountId, PublicKeyHandle), AccessKey>,
    /// The nonces of gas keys.
    nonces: BTreeMap<(AccountId, PublicKeyHandle, u16), u64>,
    data: BTreeMap<(AccountId, Vec<u8>), Vec<u8>>,
    /// Records of accounts that are not in the lists above.
    strays: usize,
}

/// The state at the start.
pub(super) fn genesis(
    filler: &Filler<'_>,
    config: &RuntimeConfig,
    accounts: &BTreeMap<String, AccountBefore>,
) -> Result<Snapshot, String> {
    let default = AccountBefore { amount: Some("1000N".into()), ..AccountBefore::default() };
    let (mut records, mut patched) = (Vec::new(), Vec::new());
    let everywhere = EVERYWHERE.iter().map(|name| (*name).to_owned());
    let names = everywhere.filter(|name| !accounts.contains_key(name));
    let all: Vec<(String, &AccountBefore)> = names
        .map(|name| (name, &default))
        .chain(accounts.iter().map(|(name, account)| (name.clone(), account)))
        .collect();
    for (name, before) in all {
        let name = filler.text(&name)?;
        let records_of = records_of(filler, &name, before)?;
        if let Some(usage) = &before.storage_usage {
            let StateRecord::Account { account_id, mut account } = records_of[0].clone() else {
                return Err("the account comes first".into());
            };
            let usage = filler.formula(usage)?;
            account.set_storage_usage(u64::try_from(usage).map_err(|error| error.to_string())?);
            patched.push(StateRecord::Account { account_id, account });
        }
        records.extend(records_of);
    }
    let genesis = genesis_state(config, &records, &[])
        .map_err(|fault| fault.to_string())?
        .map_err(|error| error.to_string())?;
    let patch = patch(config, &genesis.snapshot, &patched)
        .map_err(|fault| fault.to_string())?
        .map_err(|error| error.to_string())?;
    Ok(genesis.snapshot.apply(&patch.changes).expect("a state in memory"))
}

fn records_of(
    filler: &Filler<'_>,
    name: &str,
    before: &AccountBefore,
) -> Result<Vec<StateRecord>, String> {
    let amount = |formula: &Option<String>| {
        formula.as_ref().map_or(Ok(0), |formula| filler.formula(formula)).map(yocto)
    };
    let account_id: AccountId = name.parse().map_err(|error| format!("{name}: {error}"))?;
    let code = before.contract.as_ref().map(|name| filler.code(name)).transpose()?;
    let contract = code
        .as_ref()
        .map_or(AccountContract::None, |code| AccountContract::Local(CryptoHash::hash_bytes(code)));
    let account = Account::new(amount(&before.amount)?, amount(&before.locked)?, contract, 0);
    let mut records = vec![StateRecord::Account { account_id: account_id.clone(), account }];
    if let Some(code) = code {
        records.push(StateRecord::Contract { account_id: account_id.clone(), code });
    }
    let mut keys = before.keys.clone();
    keys.entry(name.to_owned()).or_insert_with(|| "FullAccess".into());
    for (seed, key) in keys {
        if !key.is_null() {
            let public_key = filler.key(&seed)?.public_key();
            let access_key = access_key(filler, &key)?;
            let nonces = access_key.gas_key_info().map_or(0, |info| info.num_nonces);
            for index in 0..nonces {
                let (account_id, nonce) = (account_id.clone(), 0);
                let public_key = (&public_key).into();
                records.push(StateRecord::GasKeyNonce { account_id, public_key, index, nonce });
            }
            records.push(StateRecord::access_key(account_id.clone(), public_key, access_key));
        }
    }
    for (key, value) in &before.data {
        let (key, value) = (filler.text(key)?.into_bytes(), filler.text(value)?.into_bytes());
        records.push(StateRecord::Data {
            account_id: account_id.clone(),
            data_key: key.into(),
            value: value.into(),
        });
    }
    Ok(records)
}

/// A key as neard shows it; its permission alone when its nonce is 0.
fn access_key(filler: &Filler<'_>, key: &Value) -> Result<AccessKey, String> {
    let mut key = filler.value(key)?;
    if key.get("permission").is_none() {
        key = json!({"nonce": 0, "permission": key});
    }
    let view = AccessKeyView::deserialize(&key).map_err(|error| format!("key {key}: {error}"))?;
    Ok(view.into())
}

/// What the state holds.
pub(super) fn read(snapshot: &Snapshot) -> State {
    let mut state = State::default();
    let mut codes = 0;
    for (key, account) in snapshot.range_here(&[0]).map(|record| record.expect("a state in memory"))
    {
        let account: Account = borsh::from_slice(&account).expect("an account");
        let account_id = id(std::str::from_utf8(&key[1..]).expect("an account id"));
        for (handle, key) in view::access_keys(snapshot, &account_id, None).expect("no fault") {
            let nonces = key.gas_key_info().map_or(0, |info| info.num_nonces);
            for index in 0..nonces {
                let trie_key = TrieKey::gas_key_nonce(account_id.clone(), handle.clone(), index);
                let nonce = snapshot
                    .get_here(&trie_key.to_vec())
                    .expect("a state in memory")
                    .expect("a gas key has its nonces");
                let nonce = borsh::from_slice(&nonce).expect("a nonce");
                state.nonces.insert((account_id.clone(), handle.clone(), index), nonce);
            }
            state.keys.insert((account_id.clone(), handle), key);
        }
        let prefix = trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, &[]);
        for (key, value) in
            snapshot.range_here(&prefix).map(|record| record.expect("a state in memory"))
        {
            let key = (account_id.clone(), key[prefix.len()..].to_vec());
            state.data.insert(key, value.to_vec());
        }
        codes += usize::from(account.contract().is_local());
        state.accounts.insert(account_id, shown(&account));
    }
    let records = |column: u8| snapshot.range_here(&[column]).count();
    state.strays = records(1).abs_diff(codes)
        + records(2).abs_diff(state.keys.len() + state.nonces.len())
        + records(9).abs_diff(state.data.len());
    state
}

/// An account as clients see it, without the fields that depend on the block.
fn shown(account: &Account) -> Value {
    json!(AccountView::from(account))
}

/// Receipts, data and yields that wait for something.
pub(super) fn waiting(snapshot: &Snapshot) -> usize {
    let delayed = snapshot
        .range_here(&[7])
        .map(|record| record.expect("a state in memory"))
        .filter(|(key, _)| key.len() > 1)
        .count();
    [3, 4, 5, 6, 11, 12].iter().map(|column| snapshot.range_here(&[*column]).count()).sum::<usize>()
        + delayed
}

impl State {
    /// A transaction moves the nonce of its key.
    pub(super) fn use_nonce(
        &mut self,
        account: &AccountId,
        handle: &PublicKeyHandle,
        nonce: TransactionNonce,
    ) {
        let key = (account.clone(), handle.clone());
        if let Some(index) = nonce.nonce_index() {
            self.nonces.insert((key.0, key.1, index), nonce.nonce());
        } else if let Some(key) = self.keys.get_mut(&key) {
            key.nonce = nonce.nonce();
        }
    }

    /// What the scenario says that has changed.
    pub(super) fn change(
        &mut self,
        filler: &Filler<'_>,
        after: &BTreeMap<String, AccountAfter>,
    ) -> Result<(), String> {
        for (name, after) in after {
            let account_id = id(&filler.text(name)?);
            if after.deleted {
                self.accounts.remove(&account_id).ok_or("it never existed")?;
                self.keys.retain(|(id, _), _| *id != account_id);
                self.nonces.retain(|(id, ..), _| *id != account_id);
                self.data.retain(|(id, _), _| *id != account_id);
                continue;
            }
            let new = Account::new(yocto(0), yocto(0), AccountContract::None, 0);
            let account = self.accounts.entry(account_id.clone()).or_insert_with(|| shown(&new));
            for (field, formula) in [("amount", &after.amount), ("locked", &after.locked)] {
                if let Some(formula) = formula {
                    account[field] = filler.formula(formula)?.to_string().into();
                }
            }
            if let Some(formula) = &after.storage_usage {
                let usage = filler.formula(formula)?;
                account["storage_usage"] =
                    u64::try_from(usage).map_err(|error| error.to_string())?.into();
            }
            if let Some(nonce) = after.bootstrap_nonce {
                account["state"] = "uninitialized".into();
                account["bootstrap_nonce"] = nonce.into();
            }
            if let Some(contract) = &after.contract {
                set_contract(account, &filler.value(contract)?)?;
            }
            for (seed, key) in &after.keys {
                let handle = PublicKeyHandle::from(&filler.key(seed)?.public_key());
                if let Some(key) = key {
                    let key = access_key(filler, key)?;
                    self.keys.insert((account_id.clone(), handle), key);
                } else {
                    self.nonces.retain(|(id, key, _), _| (id, key) != (&account_id, &handle));
                    self.keys.remove(&(account_id.clone(), handle)).ok_or("no such key")?;
                }
            }
            for (seed, nonces) in &after.nonces {
                let handle = PublicKeyHandle::from(&filler.key(seed)?.public_key());
                for (index, nonce) in (0..).zip(nonces) {
                    self.nonces.insert((account_id.clone(), handle.clone(), index), *nonce);
                }
            }
            for (key, value) in &after.data {
                let key = (account_id.clone(), filler.text(key)?.into_bytes());
                match value {
                    Some(value) => {
                        self.data.insert(key, filler.text(value)?.into_bytes());
                    }
                    None => {
                        self.data.remove(&key).ok_or("no such data")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where `found` is different.
    pub(super) fn differences(&self, found: &State) -> Vec<String> {
        let mut problems = Vec::new();
        compare("account", &self.accounts, &found.accounts, &mut problems);
        compare("key", &self.keys, &found.keys, &mut problems);
        compare("nonce", &self.nonces, &found.nonces, &mut problems);
        compare("data", &self.data, &found.data, &mut problems);
        if found.strays > 0 {
            problems.push(format!("{} records belong to nobody", found.strays));
        }
        problems
    }
}

/// `{"local": hash}`, `{"global_contract_hash": hash}`, `{"global_contract_account_id": id}` or `{}`.
fn set_contract(account: &mut Value, contract: &Value) -> Result<(), String> {
    let account = account.as_object_mut().ok_or("no account")?;
    account.insert("code_hash".into(), CryptoHash::default().to_string().into());
    account.remove("global_contract_hash");
    account.remove("global_contract_account_id");
    for (field, value) in contract.as_object().ok_or("no contract")? {
        let field = if field == "local" { "code_hash" } else { field };
        account.insert(field.into(), value.clone());
    }
    Ok(())
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    problems: &mut Vec<String>,
) {
    for (key, value) in expected {
        if found.get(key) != Some(value) {
            let found = found.get(key).map_or("nothing".to_owned(), |found| format!("{found:?}"));
            problems.push(format!(
                "{what} {key:?} after:\n    expected {value:?}\n    found    {found}"
            ));
        }
    }
    for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(key)) {
        problems.push(format!("{what} {key:?} after: unexpected {value:?}"));
    }
}
