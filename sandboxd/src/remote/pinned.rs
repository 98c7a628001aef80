//! The state after one block of a chain elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use near_primitives::account::{Account, AccountContract};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::{CryptoHash, hash};
use near_primitives::shard_layout::ShardLayout;
use near_primitives::types::{
    AccountId, Balance, BlockHeight, BlockHeightDelta, EpochHeight, Gas, NumBlocks, ProtocolVersion,
};
use near_primitives::views::{AccountView, BlockView, ContractCodeView};
use parking_lot::Mutex;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::client::{Client, Unread};
use super::endpoint::Answer;
use super::error::RemoteError;
use super::proof::StateRoots;
use crate::chain::PinnedBlock;

/// Which block to read a chain elsewhere at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockPin {
    /// The latest final block.
    #[default]
    Final,
    /// The block at this height.
    Height(BlockHeight),
    /// The block with this hash.
    Hash(CryptoHash),
}

/// A text that names no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no block: give a height, a hash, or `final`")]
pub struct InvalidBlockPin(pub String);

impl FromStr for BlockPin {
    type Err = InvalidBlockPin;

    fn from_str(text: &str) -> Result<Self, InvalidBlockPin> {
        if text == "final" {
            return Ok(Self::Final);
        }
        if let Ok(height) = text.parse() {
            return Ok(Self::Height(height));
        }
        text.parse().map(Self::Hash).map_err(|_| InvalidBlockPin(text.to_owned()))
    }
}

impl fmt::Display for BlockPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final => write!(f, "final"),
            Self::Height(height) => write!(f, "{height}"),
            Self::Hash(hash) => write!(f, "{hash}"),
        }
    }
}

impl<'de> Deserialize<'de> for BlockPin {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        match Value::deserialize(json)? {
            Value::String(text) => text.parse().map_err(D::Error::custom),
            Value::Number(number) => match number.as_u64() {
                Some(height) => Ok(Self::Height(height)),
                None => Err(D::Error::custom(InvalidBlockPin(number.to_string()))),
            },
            other => Err(D::Error::custom(InvalidBlockPin(other.to_string()))),
        }
    }
}

impl BlockPin {
    fn params(self) -> Value {
        match self {
            Self::Final => json!({ "finality": "final" }),
            Self::Height(height) => json!({ "block_id": height }),
            Self::Hash(hash) => json!({ "block_id": hash }),
        }
    }
}

/// The state of a chain elsewhere after one of its blocks. Each answer is about that block, and is
/// checked against its hash, against the hash of a code, and where the endpoint gives a proof against
/// the state's root.
///
/// Blocking, as [`Client`] is.
#[derive(Debug)]
pub struct Remote {
    pub(super) client: Arc<Client>,
    block: BlockView,
    accounts: Mutex<BTreeMap<AccountId, Option<Account>>>,
    /// Accounts whose state is too large to be shown at once.
    pub(super) large: Mutex<BTreeSet<AccountId>>,
    config: OnceLock<ChainConfig>,
    roots: OnceLock<Option<StateRoots>>,
}

/// What a chain's protocol configuration says that a fork goes on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ChainConfig {
    chain_id: String,
    protocol_version: ProtocolVersion,
    epoch_length: BlockHeightDelta,
    gas_limit: Gas,
    min_gas_price: Balance,
    max_gas_price: Balance,
    transaction_validity_period: NumBlocks,
    shard_layout: ShardLayout,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct EpochPlace {
    epoch_start_height: BlockHeight,
    epoch_height: EpochHeight,
}

/// All that is asked about a block before its state is: enough to start from again when no endpoint
/// answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    block: BlockView,
    config: ChainConfig,
    epoch: EpochPlace,
}

#[derive(Deserialize)]
struct AtBlock {
    block_hash: CryptoHash,
}

impl Remote {
    /// The state after the block that `pin` names.
    pub fn at(client: Arc<Client>, pin: BlockPin) -> Result<Self, RemoteError> {
        let block = client.ask("block", &pin.params(), |result| {
            let block: BlockView = read(&result)?;
            let named = match pin {
                BlockPin::Final => true,
                BlockPin::Height(height) => block.header.height == height,
                BlockPin::Hash(hash) => block.header.hash == hash,
            };
            if named { Ok(block) } else { Err(Unread::Wrong("it is about another block".into())) }
        })?;
        Ok(Self::with_block(client, block))
    }

    fn with_block(client: Arc<Client>, block: BlockView) -> Self {
        Self {
            client,
            block,
            accounts: Mutex::default(),
            large: Mutex::default(),
            config: OnceLock::new(),
            roots: OnceLock::new(),
        }
    }

    /// Who is asked.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The block.
    pub fn block(&self) -> &BlockView {
        &self.block
    }

    /// The hash of the block.
    pub fn hash(&self) -> CryptoHash {
        self.block.header.hash
    }

    /// What a fork that starts from the block has to know of it.
    pub(super) fn origin(&self) -> Result<Origin, RemoteError> {
        let config = self.config()?.clone();
        let epoch = json!({ "epoch_id": self.block.header.epoch_id });
        let epoch = self.client.ask("validators", &epoch, |result| read(&result))?;
        Ok(Origin { block: self.block.clone(), config, epoch })
    }

    /// The state after a block that was seen before.
    pub(super) fn from_origin(client: Arc<Client>, origin: &Origin) -> Self {
        let remote = Self::with_block(client, origin.block.clone());
        remote.config.get_or_init(|| origin.config.clone());
        remote
    }

    /// The account `id`, if there is one.
    pub fn account(&self, id: &AccountId) -> Result<Option<Account>, RemoteError> {
        if let Some(known) = self.accounts.lock().get(id) {
            return Ok(known.clone());
        }
        let params = json!({ "request_type": "view_account", "account_id": id });
        let view: Option<AccountView> = self.query(params, "UNKNOWN_ACCOUNT", read)?;
        let account = view.map(account_of);
        self.accounts.lock().insert(id.clone(), account.clone());
        Ok(account)
    }

    /// The wasm that `id` deployed for itself, if it did.
    pub fn code(&self, id: &AccountId) -> Result<Option<Vec<u8>>, RemoteError> {
        let account = self.account(id)?;
        let Some(expected) = account.and_then(|account| account.local_contract_hash()) else {
            return Ok(None);
        };
        let params = json!({ "request_type": "view_code", "account_id": id });
        let code = self.query(params, "", |result| checked_code(result, Some(expected)))?;
        Ok(code.map(|view| view.code))
    }

    /// The wasm of a global contract, if there is one.
    pub fn global_code(
        &self,
        identifier: &GlobalContractIdentifier,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        let (params, expected) = match identifier {
            GlobalContractIdentifier::CodeHash(hash) => {
                let request = "view_global_contract_code";
                (json!({ "request_type": request, "code_hash": hash }), Some(*hash))
            }
            GlobalContractIdentifier::AccountId(id) => {
                let request = "view_global_contract_code_by_account_id";
                (json!({ "request_type": request, "account_id": id }), None)
            }
        };
        let read = |result: &RawValue| checked_code(result, expected);
        Ok(self.query(params, "NO_GLOBAL_CONTRACT_CODE", read)?.map(|view| view.code))
    }

    /// Asks about the state after the block; `None` if the answer is the error `absent`.
    pub(super) fn query<T>(
        &self,
        mut params: Value,
        absent: &str,
        read: impl Fn(&RawValue) -> Result<T, Unread>,
    ) -> Result<Option<T>, RemoteError> {
        if let Some(params) = params.as_object_mut() {
            params.insert("block_id".to_owned(), json!(self.hash()));
        }
        self.client.ask_any("query", &params, |answer| match answer {
            Answer::Declined(error) if error.cause.name == absent => Ok(None),
            Answer::Declined(error) => Err(Unread::Declined(error)),
            Answer::Result(result) => {
                let at: AtBlock = serde_json::from_str(result.get())?;
                if at.block_hash != self.hash() {
                    return Err(Unread::Wrong("it is about another block".into()));
                }
                read(&result).map(Some)
            }
        })
    }

    /// The configuration of the chain at the block.
    pub(super) fn config(&self) -> Result<&ChainConfig, RemoteError> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let params = json!({ "block_id": self.hash() });
        let config: ChainConfig =
            self.client.ask("EXPERIMENTAL_protocol_config", &params, |result| read(&result))?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The roots of the state after the block, by shard; `None` if no block follows that would say.
    pub(super) fn roots(&self) -> Result<Option<&StateRoots>, RemoteError> {
        if let Some(roots) = self.roots.get() {
            return Ok(roots.as_ref());
        }
        let roots = self.next_block()?.map(|next| StateRoots::announced_by(&next));
        Ok(self.roots.get_or_init(|| roots).as_ref())
    }

    /// The shard of `id`, where there are several.
    pub(super) fn shard_of(
        &self,
        id: &AccountId,
    ) -> Result<near_primitives::types::ShardId, RemoteError> {
        match &self.block.chunks[..] {
            [only] => Ok(only.shard_id),
            _ => Ok(self.config()?.shard_layout.account_id_to_shard_id(id)),
        }
    }

    /// The block that follows, if it is there.
    fn next_block(&self) -> Result<Option<BlockView>, RemoteError> {
        let own = self.hash();
        let after = self.block.header.height.saturating_add(1);
        for height in after..after.saturating_add(HEIGHTS_AHEAD) {
            let params = json!({ "block_id": height });
            let found = self.client.ask_any("block", &params, |answer| match answer {
                Answer::Result(result) => read::<BlockView>(&result).map(Some),
                Answer::Declined(error) if error.cause.name == "UNKNOWN_BLOCK" => Ok(None),
                Answer::Declined(error) => Err(Unread::Declined(error)),
            })?;
            if let Some(block) = found {
                return Ok(Some(block).filter(|block| block.header.prev_hash == own));
            }
        }
        Ok(None)
    }
}

impl Origin {
    pub(super) fn pinned(&self) -> PinnedBlock {
        let Self { block, config, epoch } = self;
        let header = &block.header;
        PinnedBlock {
            chain_id: config.chain_id.clone(),
            protocol_version: config.protocol_version,
            height: header.height,
            hash: header.hash,
            timestamp_ns: header.timestamp_nanosec,
            gas_price: header.gas_price,
            total_supply: header.total_supply,
            epoch_height: epoch.epoch_height,
            epoch_start_height: epoch.epoch_start_height,
            epoch_length: config.epoch_length,
            gas_limit: config.gas_limit,
            min_gas_price: config.min_gas_price,
            max_gas_price: config.max_gas_price,
            transaction_validity_period: config.transaction_validity_period,
        }
    }
}

/// So many heights may be skipped before the block is looked for no further whose header commits to
/// the state.
const HEIGHTS_AHEAD: u64 = 4;

/// Reads NEAR's types.
pub(super) fn read<T: DeserializeOwned>(result: &RawValue) -> Result<T, Unread> {
    Ok(serde_json::from_str(result.get())?)
}

fn account_of(view: AccountView) -> Account {
    if let Some(nonce) = view.bootstrap_nonce {
        return Account::new_uninitialized(view.amount, view.storage_usage, nonce);
    }
    let contract = match (view.global_contract_hash, view.global_contract_account_id) {
        (Some(hash), _) => AccountContract::Global(hash),
        (None, Some(id)) => AccountContract::GlobalByAccount(id),
        (None, None) => AccountContract::from_local_code_hash(view.code_hash),
    };
    Account::new(view.amount, view.locked, contract, view.storage_usage)
}

fn checked_code(
    result: &RawValue,
    expected: Option<CryptoHash>,
) -> Result<ContractCodeView, Unread> {
    let code: ContractCodeView = read(result)?;
    let found = hash(&code.code);
    if found == expected.unwrap_or(code.hash) {
        return Ok(code);
    }
    Err(Unread::Wrong(format!("the code has the hash {found}")))
}
