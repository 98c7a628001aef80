//! What a fork needs of the chain that it is a fork of: the records of one pinned block. Who
//! implements [`Source`] talks to the network; nothing else here does.

use std::fmt;
use std::sync::Arc;

use near_crypto::PublicKeyHandle;
use near_primitives::account::{AccessKey, Account};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{
    AccountId, Balance, BlockHeight, BlockHeightDelta, EpochHeight, Gas, Nonce, NumBlocks,
    ProtocolVersion,
};

use crate::chain::TimestampNs;

/// The chain that a fork is made of, as it was at one block.
///
/// Every answer is about the state after that block, so that it never changes. The fork remembers
/// each one, asks for nothing twice, and asks from any thread, for different things at the same time.
/// An implementation blocks the caller until it has the answer or its own time limit is over, and
/// tries all its endpoints before it fails. It checks what it was sent as far as it can.
///
/// An account that does not exist has no keys, no code and no data: these answers are empty then, and
/// no failures.
pub trait Source: fmt::Debug + Send + Sync {
    /// The block.
    fn pinned(&self) -> &PinnedBlock;

    /// The account `id`.
    fn account(&self, id: &AccountId) -> Fetched<Option<Account>>;

    /// The access key of `id` with this handle.
    fn access_key(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Option<AccessKey>>;

    /// All access keys of `id`, in any order.
    fn access_keys(&self, id: &AccountId) -> Fetched<Vec<(PublicKeyHandle, AccessKey)>>;

    /// The nonces of the gas key of `id` with this handle, by their index; none, if it is no gas key.
    fn gas_key_nonces(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Vec<Nonce>>;

    /// The wasm that `id` deployed for itself. Not that of a global contract which it uses.
    fn code(&self, id: &AccountId) -> Fetched<Option<Vec<u8>>>;

    /// The wasm of a global contract.
    fn global_code(&self, identifier: &GlobalContractIdentifier) -> Fetched<Option<Vec<u8>>>;

    /// A stretch of the data of `id` that has the place of `key` in it, whether or not there is a
    /// value. As much as one request gives: of a small contract everything, so that it is asked once.
    fn data_at(&self, id: &AccountId, key: &[u8]) -> Fetched<Stretch>;

    /// The stretch of the data of `id` that begins at `from`. It holds all keys that begin with
    /// `prefix`, or as many as one request gives; more are asked for with its end as the next `from`.
    fn data_from(&self, id: &AccountId, prefix: &[u8], from: &[u8]) -> Fetched<Stretch>;
}

/// An answer of a [`Source`].
pub type Fetched<T> = Result<T, SourceFailure>;

/// What is known of a contract's data: all of its keys from one to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The first key in it, whether or not there is a value. Empty is the very beginning.
    pub from: Vec<u8>,
    /// The first key behind it; `None` if it goes to the end of the contract's data.
    pub to: Option<Vec<u8>>,
    /// All that is stored between the two: keys, without the account, and values.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Stretch {
    /// All data of a contract.
    pub fn whole(records: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { from: Vec::new(), to: None, records }
    }

    /// The one place of `key`.
    pub fn single(key: &[u8], value: Option<Vec<u8>>) -> Self {
        let records = value.into_iter().map(|value| (key.to_vec(), value)).collect();
        Self { from: key.to_vec(), to: Some([key, &[0]].concat()), records }
    }

    /// All keys that begin with `prefix`, with these `records`.
    pub fn prefix(prefix: &[u8], records: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { from: prefix.to_vec(), to: behind_prefix(prefix), records }
    }
}

/// The first key behind all that begin with `prefix`; `None` if there is no such key.
pub(super) fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut behind = prefix.get(..=last)?.to_vec();
    if let Some(byte) = behind.last_mut() {
        *byte = byte.saturating_add(1);
    }
    Some(behind)
}

/// Something could not be fetched, from none of the endpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {why}")]
pub struct SourceFailure {
    /// Who was asked, the last one of several.
    pub endpoint: Arc<str>,
    /// What went wrong there.
    pub why: Arc<str>,
}

/// The block that a fork starts from, and what the fork goes on with.
#[derive(Clone, Debug)]
pub struct PinnedBlock {
    /// The name of the chain.
    pub chain_id: String,
    /// The version of the block.
    pub protocol_version: ProtocolVersion,
    /// The height of the block.
    pub height: BlockHeight,
    /// The hash of the block.
    pub hash: CryptoHash,
    /// The time of the block, in nanoseconds since 1970.
    pub timestamp_ns: TimestampNs,
    /// The price of gas that the block announces, in yoctoNEAR per unit.
    pub gas_price: Balance,
    /// All tokens there are, in yoctoNEAR.
    pub total_supply: Balance,
    /// How many epochs there have been, as contracts see it.
    pub epoch_height: EpochHeight,
    /// The height of the first block of the block's epoch.
    pub epoch_start_height: BlockHeight,
    /// How many blocks an epoch has.
    pub epoch_length: BlockHeightDelta,
    /// What a chunk may burn.
    pub gas_limit: Gas,
    /// The lowest price of gas that the genesis names, in yoctoNEAR per unit.
    pub min_gas_price: Balance,
    /// The highest price of gas that the genesis names, in yoctoNEAR per unit.
    pub max_gas_price: Balance,
    /// How many blocks after the one that it was signed for a transaction is valid.
    pub transaction_validity_period: NumBlocks,
}
