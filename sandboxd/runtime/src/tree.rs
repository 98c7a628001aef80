//! Typed reads and writes of NEAR's records in a state of bytes.
//!
//! The keys are NEAR's trie keys, the values borsh. Knows no rule about the records: who may write
//! what is decided by the callers. What a block reads here goes into its storage proof, as in
//! nearcore's `TrieUpdate` (`core/store/src/trie/update.rs`).

use borsh::{BorshDeserialize, BorshSerialize};
use sandbox_state::{Overlay, Snapshot, Unavailable, Value};

use crate::fault::RuntimeFault;
use crate::fees::length;
use crate::near::{
    AccessKey, Account, AccountContract, AccountId, Balance, CryptoHash, GlobalContractIdentifier,
    Nonce, NonceIndex, PublicKey, PublicKeyHandle, TrieKey, trie_key_parsers,
};

/// A state that records can be read from: one that is fixed, or one that a block is changing, which
/// counts what is read.
pub trait Records {
    /// The bytes of the record under `key`.
    fn record(&mut self, key: &[u8]) -> Result<Option<Value>, Unavailable>;

    /// How many bytes the record under `key` has. Does not read them.
    fn record_length(&mut self, key: &[u8]) -> Result<Option<usize>, Unavailable>;

    /// The bytes of the record under `key`, not counted as read. This is for code: validators get it
    /// apart from the proof.
    fn code_record(&self, key: &[u8]) -> Result<Option<Value>, Unavailable>;

    /// Keys and bytes of the records whose keys begin with `prefix`, in the order of the keys.
    fn records_under(&mut self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Unavailable>;

    /// Whether there is a record under `key`. Does not read it.
    fn has_record(&mut self, key: &[u8]) -> Result<bool, Unavailable> {
        Ok(self.record_length(key)?.is_some())
    }
}

impl Records for &Snapshot {
    fn record(&mut self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.read(key)
    }

    fn record_length(&mut self, key: &[u8]) -> Result<Option<usize>, Unavailable> {
        self.length(key)
    }

    fn code_record(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.read(key)
    }

    fn records_under(&mut self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Unavailable> {
        self.list(prefix, None).collect()
    }
}

impl Records for Overlay {
    fn record(&mut self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.get(key)
    }

    fn record_length(&mut self, key: &[u8]) -> Result<Option<usize>, Unavailable> {
        Ok(self.find(key)?.map(|found| found.len()))
    }

    fn code_record(&self, key: &[u8]) -> Result<Option<Value>, Unavailable> {
        self.peek(key)
    }

    fn records_under(&mut self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Unavailable> {
        self.range_prefix(prefix)
    }
}

/// The record under `key`, decoded.
pub(crate) fn read<T: BorshDeserialize>(
    state: &mut impl Records,
    key: &TrieKey,
) -> Result<Option<T>, RuntimeFault> {
    state.record(&key.to_vec())?.map(|bytes| decode(&bytes, key)).transpose()
}

/// The record under `key`, which another record says is there.
pub(crate) fn read_present<T: BorshDeserialize>(
    state: &mut impl Records,
    key: &TrieKey,
) -> Result<T, RuntimeFault> {
    read(state, key)?.ok_or_else(|| RuntimeFault::CorruptState(format!("no record {key:?}")))
}

/// Writes `value` under `key`.
pub(crate) fn write<T: BorshSerialize>(state: &mut Overlay, key: &TrieKey, value: &T) {
    let bytes = borsh::to_vec(value).expect("writing into memory does not fail");
    state.set(key.to_vec(), bytes);
}

/// Removes the record under `key`.
pub(crate) fn remove(state: &mut Overlay, key: &TrieKey) {
    state.remove(&key.to_vec());
}

/// The account `id`.
pub fn account(state: &mut impl Records, id: &AccountId) -> Result<Option<Account>, RuntimeFault> {
    read(state, &account_key(id))
}

pub(crate) fn set_account(state: &mut Overlay, id: &AccountId, account: &Account) {
    write(state, &account_key(id), account);
}

/// The access key of the account `id` with this public key.
pub fn access_key(
    state: &mut impl Records,
    id: &AccountId,
    public_key: &PublicKey,
) -> Result<Option<AccessKey>, RuntimeFault> {
    read(state, &access_key_key(id, public_key.into()))
}

pub(crate) fn set_access_key(
    state: &mut Overlay,
    id: &AccountId,
    public_key: &PublicKey,
    key: &AccessKey,
) {
    write(state, &access_key_key(id, public_key.into()), key);
}

pub(crate) fn remove_access_key(state: &mut Overlay, id: &AccountId, public_key: &PublicKey) {
    remove(state, &access_key_key(id, public_key.into()));
}

/// The nonce of number `index` of a gas key; `None` where the key has none of that number.
pub fn gas_key_nonce(
    state: &mut impl Records,
    id: &AccountId,
    public_key: &PublicKey,
    index: NonceIndex,
) -> Result<Option<Nonce>, RuntimeFault> {
    read(state, &TrieKey::gas_key_nonce(id.clone(), public_key, index))
}

pub(crate) fn set_gas_key_nonce(
    state: &mut Overlay,
    id: &AccountId,
    public_key: &PublicKey,
    index: NonceIndex,
    nonce: Nonce,
) {
    write(state, &TrieKey::gas_key_nonce(id.clone(), public_key, index), &nonce);
}

pub(crate) fn remove_gas_key_nonce(
    state: &mut Overlay,
    id: &AccountId,
    public_key: &PublicKey,
    index: NonceIndex,
) {
    remove(state, &TrieKey::gas_key_nonce(id.clone(), public_key, index));
}

/// What lies under the prefix of an account's access keys.
pub(crate) struct KeyRecord {
    /// The raw trie key.
    pub(crate) key: Vec<u8>,
    pub(crate) handle: PublicKeyHandle,
    /// The key itself; `None` for one of the nonces of a gas key.
    pub(crate) access_key: Option<AccessKey>,
}

impl KeyRecord {
    /// Reads a record of the account `id`.
    pub(crate) fn parse(id: &AccountId, key: Vec<u8>, value: &[u8]) -> Result<Self, RuntimeFault> {
        let corrupt = |error: std::io::Error| RuntimeFault::CorruptState(format!("{id}: {error}"));
        let handle =
            trie_key_parsers::parse_key_handle_from_access_key_key(&key, id).map_err(corrupt)?;
        let nonce = trie_key_parsers::parse_nonce_index_from_gas_key_key(&key, id, &handle)
            .map_err(corrupt)?;
        let access_key = match nonce {
            Some(_) => None,
            None => Some(borsh::from_slice(value).map_err(corrupt)?),
        };
        Ok(KeyRecord { key, handle, access_key })
    }
}

/// What an account's gas keys hold.
pub(crate) struct GasKeys {
    /// Tokens of all of them.
    pub(crate) balance: Balance,
    /// How many nonces they have.
    pub(crate) nonces: u64,
    /// Bytes of the trie keys of those nonces.
    pub(crate) nonce_key_bytes: u64,
}

/// Adds up the gas keys of `id`.
pub(crate) fn gas_keys(state: &mut impl Records, id: &AccountId) -> Result<GasKeys, RuntimeFault> {
    let overflow = || RuntimeFault::Overflow("the gas keys of an account");
    let mut sum = GasKeys { balance: Balance::ZERO, nonces: 0, nonce_key_bytes: 0 };
    for (key, value) in
        state.records_under(&trie_key_parsers::get_raw_prefix_for_access_keys(id))?
    {
        let KeyRecord { key, access_key, .. } = KeyRecord::parse(id, key, &value)?;
        if let Some(access_key) = access_key {
            let held = access_key.gas_key_info().map_or(Balance::ZERO, |info| info.balance);
            sum.balance = sum.balance.checked_add(held).ok_or_else(overflow)?;
        } else {
            sum.nonces = sum.nonces.checked_add(1).ok_or_else(overflow)?;
            sum.nonce_key_bytes =
                sum.nonce_key_bytes.checked_add(length(&key)).ok_or_else(overflow)?;
        }
    }
    Ok(sum)
}

/// The wasm that runs for `account`, if it has a contract: its hash and its bytes.
///
/// An account can name code that is not there, as a patch need not bring it: then it has none.
pub fn code(
    state: &mut impl Records,
    id: &AccountId,
    account: &Account,
) -> Result<Option<(CryptoHash, Value)>, Unavailable> {
    match account.contract().as_ref() {
        AccountContract::None => Ok(None),
        AccountContract::Local(hash) => {
            Ok(state.code_record(&code_key(id).to_vec())?.map(|bytes| (*hash, bytes)))
        }
        AccountContract::Global(hash) => {
            global_code(state, &GlobalContractIdentifier::CodeHash(*hash))
        }
        AccountContract::GlobalByAccount(owner) => {
            global_code(state, &GlobalContractIdentifier::AccountId(owner.clone()))
        }
    }
}

/// The wasm of a global contract, if there is one of this name: its hash and its bytes.
pub fn global_code(
    state: &mut impl Records,
    identifier: &GlobalContractIdentifier,
) -> Result<Option<(CryptoHash, Value)>, Unavailable> {
    let key = global_code_key(identifier).to_vec();
    let Some(bytes) = state.code_record(&key)? else { return Ok(None) };
    let hash = match identifier {
        GlobalContractIdentifier::CodeHash(hash) => *hash,
        GlobalContractIdentifier::AccountId(_) => {
            // Only the state tells which code that is, so the way to it is in the proof.
            state.record_length(&key)?;
            CryptoHash::hash_bytes(&bytes)
        }
    };
    Ok(Some((hash, bytes)))
}

pub(crate) fn global_code_key(identifier: &GlobalContractIdentifier) -> TrieKey {
    TrieKey::GlobalContractCode { identifier: identifier.clone().into() }
}

pub(crate) fn set_code(state: &mut Overlay, id: &AccountId, code: &[u8]) {
    state.set(code_key(id).to_vec(), code.to_vec());
}

pub(crate) fn account_key(id: &AccountId) -> TrieKey {
    TrieKey::Account { account_id: id.clone() }
}

pub(crate) fn code_key(id: &AccountId) -> TrieKey {
    TrieKey::ContractCode { account_id: id.clone() }
}

pub(crate) fn access_key_key(id: &AccountId, key_handle: PublicKeyHandle) -> TrieKey {
    TrieKey::AccessKey { account_id: id.clone(), key_handle }
}

/// Removes an account with its code, its keys and its data.
pub(crate) fn remove_account(state: &mut Overlay, id: &AccountId) -> Result<(), Unavailable> {
    remove(state, &account_key(id));
    remove(state, &code_key(id));
    for (key, _) in state.records_under(&trie_key_parsers::get_raw_prefix_for_access_keys(id))? {
        state.remove(&key);
    }
    let data = trie_key_parsers::get_raw_prefix_for_contract_data(id, &[]);
    for (key, _) in state.records_under(&data)? {
        remove_data(state, &key);
    }
    Ok(())
}

/// Removes what a contract stored under the raw trie key `key`, if there is something.
pub(crate) fn remove_data(state: &mut Overlay, key: &[u8]) {
    state.visits.add_removal();
    state.remove(key);
}

fn decode<T: BorshDeserialize>(bytes: &[u8], key: &TrieKey) -> Result<T, RuntimeFault> {
    T::try_from_slice(bytes)
        .map_err(|error| RuntimeFault::CorruptState(format!("record {key:?}: {error}")))
}
