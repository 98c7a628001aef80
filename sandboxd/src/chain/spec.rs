//! What never changes in a chain: its genesis, its validator and what follows from them.

use std::sync::Arc;

use near_chain_configs::{Genesis, GenesisConfig};
use near_primitives::epoch_manager::EpochConfig;
use near_primitives::hash::CryptoHash;
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{BlockHeightDelta, ShardId};
use near_primitives::validator_signer::ValidatorSigner;
use near_primitives::version::{MIN_SUPPORTED_PROTOCOL_VERSION, PROTOCOL_VERSION};
use near_time::Utc;
use rpds::RedBlackTreeMapSync;
use sandbox_runtime::{
    Engines, FeeTable, Impersonated, InvalidFees, Runtime, RuntimeConfig,
    UnsupportedProtocolVersion, wallet,
};
use sandbox_state::{History, Snapshot, Unavailable};

use super::Chain;
use super::block::{Block, GenesisBlock};
use super::clock::Clock;
use super::cursor::Returns;
use super::epoch::Epoch;
use super::finality::FinalBlocks;
use super::fork::Origin;
use super::holds::Queue;
use super::index::Index;
use super::passed::Passed;
use super::pool::Pool;
use super::validators::Staking;
use crate::genesis;

/// How to run a chain, beside its genesis.
#[derive(Clone, Debug)]
pub struct ChainOptions {
    /// Who signs the blocks.
    pub signer: ValidatorSigner,
    /// Where block times come from.
    pub clock: Clock,
    /// The time that one block stands for when the chain is moved forward, in nanoseconds.
    pub block_delay_ns: u64,
    /// How many of the latest blocks are kept, with their states: at least as many as finality looks
    /// back.
    pub kept_blocks: usize,
    /// How much gas a view may burn, if that is not the protocol's.
    pub max_gas_burnt_view: Option<u64>,
    /// Prices in gas that are not the protocol's, by NEAR's names for them.
    pub fees: FeeTable,
    /// How many blocks have to follow a block to make it final: none in the sandbox, two in neard.
    pub finality_lag: BlockHeightDelta,
    /// The wasm of the contract that accounts with an Ethereum address run, if there is to be one.
    pub wallet_contract: Option<Vec<u8>>,
    /// Whether every account is impersonated from the start.
    pub auto_impersonate: bool,
    /// What contracts run on.
    pub engines: Engines,
}

impl ChainOptions {
    /// An empty history of as many states as are to be kept.
    pub(super) fn history(&self) -> History {
        let least = usize::try_from(self.finality_lag).unwrap_or(usize::MAX).saturating_add(1);
        History::new(self.kept_blocks.max(least))
    }
}

/// A genesis that no chain can start from. `near_chain_configs` has checked the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChain {
    /// The genesis is for a protocol version that is too old or too new.
    #[error(
        "protocol_version is {}, but this sandbox runs protocol versions \
         {MIN_SUPPORTED_PROTOCOL_VERSION} to {PROTOCOL_VERSION} only", .0.0
    )]
    ProtocolVersion(#[from] UnsupportedProtocolVersion),
    /// A price that was given is none of the protocol's.
    #[error("fees: {0}")]
    Fees(#[from] InvalidFees),
    /// The genesis has the name of a public network, and is no fork of it.
    #[error("chain_id: {}", genesis::poses(chain_id))]
    PublicNetwork {
        /// The name.
        chain_id: String,
    },
    /// The genesis divides the state into several shards.
    #[error("shard_layout has {shards} shards, but this sandbox runs chains of one shard only")]
    Shards {
        /// How many the genesis has.
        shards: usize,
    },
    /// The genesis is too late for a block's time.
    #[error("genesis_time is outside of what a block can say: 1970 to 2554")]
    Time,
    /// Its records cannot be read, or not be written.
    #[error(transparent)]
    Genesis(#[from] genesis::InvalidGenesis),
    /// The wallet contract that was given is another one.
    #[error(transparent)]
    Wallet(#[from] wallet::InvalidWallet),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] Unavailable),
    /// The chain that is forked and the accounts that are put over it hold too much together.
    #[error("the tokens of the forked chain and of the own accounts exceed 128 bits together")]
    Supply,
}

/// Where a chain starts.
pub(super) enum Start {
    Genesis,
    Fork(Arc<Origin>),
}

#[derive(Debug)]
pub(super) struct Spec {
    pub(super) genesis: GenesisConfig,
    pub(super) genesis_block: Arc<Block>,
    pub(super) chain_id: Arc<str>,
    pub(super) signer: ValidatorSigner,
    pub(super) shard_id: ShardId,
    pub(super) epoch_config: EpochConfig,
    pub(super) random_seed: Vec<u8>,
    pub(super) block_delay_ns: u64,
    pub(super) options: ChainOptions,
    /// Where a fork has the rest of its state.
    pub(super) origin: Option<Arc<Origin>>,
}

impl Spec {
    pub(super) fn new(
        genesis: GenesisConfig,
        genesis_block: Arc<Block>,
        options: ChainOptions,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        Self {
            chain_id: genesis.chain_id.as_str().into(),
            shard_id: genesis_block.shard_id(),
            epoch_config: epoch_config(&genesis),
            random_seed: options.signer.public_key().key_data().to_vec(),
            signer: options.signer.clone(),
            block_delay_ns: options.block_delay_ns,
            // The contract is in the state by now.
            options: ChainOptions { wallet_contract: None, ..options },
            origin,
            genesis,
            genesis_block,
        }
    }
}

/// The runtime for chains of this genesis.
pub(super) fn runtime<E: From<UnsupportedProtocolVersion> + From<InvalidFees>>(
    genesis: &GenesisConfig,
    options: &ChainOptions,
) -> Result<Runtime, E> {
    let config = RuntimeConfig::new(genesis.protocol_version)?;
    let config = if options.fees.is_empty() { config } else { config.with_fees(&options.fees)? };
    let config = match options.max_gas_burnt_view {
        Some(gas) => config.with_max_gas_burnt_view(gas),
        None => config,
    };
    Ok(Runtime::on(&options.engines, config))
}

impl Chain {
    /// A chain that consists of the block of `genesis`, and goes on by the rules of the protocol
    /// version that it names.
    pub fn new(genesis: &Genesis, options: ChainOptions) -> Result<Self, InvalidChain> {
        Self::start(genesis, options, Start::Genesis)
    }

    pub(super) fn start(
        genesis: &Genesis,
        options: ChainOptions,
        start: Start,
    ) -> Result<Self, InvalidChain> {
        let config = genesis.config.clone();
        if matches!(start, Start::Genesis) && genesis::is_public(&config.chain_id) {
            return Err(InvalidChain::PublicNetwork { chain_id: config.chain_id });
        }
        let runtime = runtime::<InvalidChain>(&config, &options)?;
        let shards: Vec<ShardId> = config.shard_layout.shard_ids().collect();
        let [shard_id] = shards[..] else {
            return Err(InvalidChain::Shards { shards: shards.len() });
        };
        let mut state = genesis::state(runtime.config(), genesis)?;
        if let Some(code) = &options.wallet_contract {
            state = wallet::deploy(&state, &config.chain_id, code)??;
        }
        let validators = validator_stakes(&config);
        let epoch_config = epoch_config(&config);
        let staking = Staking::genesis(&epoch_config, &validators);
        let genesis_block =
            genesis_block(&config, shard_id, &state, (&validators, staking), &start, &options)?;
        let origin = match start {
            Start::Genesis => None,
            Start::Fork(origin) => {
                state = state.over(Arc::<Origin>::clone(&origin));
                Some(origin)
            }
        };
        let mut impersonated = Impersonated::default();
        impersonated.set_everyone(options.auto_impersonate);
        let mut history = options.history();
        let (clock, finality_lag) = (options.clock, options.finality_lag);
        let spec = Spec::new(config, Arc::new(genesis_block), options, origin);
        let head = Arc::clone(&spec.genesis_block);
        history.push(head.height(), state.clone());
        let mut changes = RedBlackTreeMapSync::new_sync();
        changes.insert_mut(head.height(), Arc::default());
        Ok(Self {
            runtime,
            index: Index::new(Arc::clone(&head)),
            final_blocks: FinalBlocks::new(&head, finality_lag),
            head,
            state,
            history,
            changes,
            passed: Passed::default(),
            pool: Pool::default(),
            queue: Queue::default(),
            delayed_receipts: 0,
            held_back: 0,
            clock,
            impersonated,
            returns: Returns::default(),
            spec: Arc::new(spec),
        })
    }
}

fn genesis_block(
    config: &GenesisConfig,
    shard_id: ShardId,
    state: &Snapshot,
    (validators, staking): (&Vec<ValidatorStake>, Staking),
    start: &Start,
    options: &ChainOptions,
) -> Result<Block, InvalidChain> {
    let nanos = config.genesis_time.timestamp_nanos_opt().ok_or(InvalidChain::Time)?;
    if nanos < 0 {
        return Err(InvalidChain::Time);
    }
    let timestamp = Utc::from_unix_timestamp_nanos(nanos.into()).map_err(|_| InvalidChain::Time)?;
    let (gas_price, epoch) = match start {
        Start::Genesis => (config.min_gas_price, Epoch::genesis(config.genesis_height)),
        Start::Fork(origin) => (origin.pinned().gas_price, Epoch::pinned(origin.pinned())),
    };
    let genesis = GenesisBlock {
        protocol_version: config.protocol_version,
        height: config.genesis_height,
        timestamp,
        shard_id,
        gas_limit: config.gas_limit,
        gas_price,
        epoch,
        total_supply: config.total_supply,
        state_root: CryptoHash(state.root().0),
        validators,
        staking,
        author: options.signer.validator_id().clone(),
    };
    Ok(genesis.build())
}

fn validator_stakes(config: &GenesisConfig) -> Vec<ValidatorStake> {
    let stake = |info: &near_primitives::types::AccountInfo| {
        ValidatorStake::new(info.account_id.clone(), info.public_key.clone(), info.amount)
    };
    config.validators.iter().map(stake).collect()
}

/// How neard chooses validators on this chain. Only a chain whose name says that it is a test has
/// its own seats and shares; elsewhere neard takes what its tests take, whatever the genesis says
/// (nearcore `chain/epoch-manager/src/lib.rs`).
fn epoch_config(config: &GenesisConfig) -> EpochConfig {
    if config.chain_id.starts_with("test-chain-") {
        return EpochConfig::from(config);
    }
    let layout = config.shard_layout.clone();
    Genesis::test_epoch_config(config.num_block_producer_seats, layout, config.epoch_length)
}
