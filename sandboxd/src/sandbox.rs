//! The way in for programs that bring their own chain: build one from a genesis, use it in
//! process as the value that it is, or hand it to a thread.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use near_chain_configs::{Genesis, GenesisContents};
use near_crypto::{KeyType, SecretKey};
use near_primitives::types::BlockHeightDelta;
use near_primitives::validator_signer::ValidatorSigner;

use sandbox_runtime::{Engines, FeeTable};

use crate::chain::{
    Chain, ChainOptions, Chains, Clock, InvalidChain, Keeper, Node, NodeOptions, Source,
};
use crate::genesis;
use crate::home::Config;
#[cfg(feature = "rocksdb")]
use crate::store::{self, Store, StoreError, StoreOptions};

/// How many of the latest blocks are kept, if nothing else is said.
pub const KEPT_BLOCKS: usize = 10_000;

/// A chain that is ready to be used.
#[derive(Clone, Debug)]
pub struct Sandbox {
    chains: Chains,
    keeper: Option<Arc<dyn Keeper>>,
}

/// How to make a [`Sandbox`].
#[derive(Debug)]
pub struct SandboxBuilder {
    genesis: Genesis,
    /// The caller has brought no genesis.
    #[cfg_attr(not(feature = "rocksdb"), expect(dead_code, reason = "only a store asks"))]
    is_localnet: bool,
    signer: Option<ValidatorSigner>,
    clock: Clock,
    block_delay: Duration,
    kept_blocks: usize,
    finality_lag: BlockHeightDelta,
    max_gas_burnt_view: Option<u64>,
    fees: FeeTable,
    wallet_contract: Option<Vec<u8>>,
    auto_impersonate: bool,
    engines: Engines,
    source: Option<Arc<dyn Source>>,
}

impl Sandbox {
    /// The chain that `sandboxd` starts without a genesis: see [`genesis::dev_accounts`].
    ///
    /// # Panics
    /// Never: that genesis is valid.
    pub fn localnet(clock: Clock) -> Self {
        Self::localnet_builder(clock).build().expect("the genesis of localnet is valid")
    }

    /// The same, to be changed before it is made.
    pub fn localnet_builder(clock: Clock) -> SandboxBuilder {
        let own = Self::builder(genesis::localnet(clock.now_ns()));
        SandboxBuilder { is_localnet: true, ..own.signer(genesis::dev_signer()).clock(clock) }
    }

    /// A chain that goes on from the pinned block of `source`, to be changed before it is made. It has
    /// the accounts of [`genesis::dev_accounts`], whatever the source has under their names.
    pub fn fork_builder(source: Arc<dyn Source>) -> SandboxBuilder {
        let own = Self::builder(genesis::of_fork()).signer(genesis::dev_signer());
        SandboxBuilder { source: Some(source), ..own }
    }

    /// A chain that starts from `genesis`. Records that it has in a file, as [`genesis::open`] leaves them, are
    /// read when the chain is made.
    pub fn builder(genesis: Genesis) -> SandboxBuilder {
        SandboxBuilder {
            genesis,
            is_localnet: false,
            signer: None,
            clock: Clock::system(),
            block_delay: Config::default_block_delay(),
            kept_blocks: KEPT_BLOCKS,
            finality_lag: 0,
            max_gas_burnt_view: None,
            fees: FeeTable::new(),
            wallet_contract: None,
            auto_impersonate: false,
            engines: Engines::default(),
            source: None,
        }
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chains.current
    }

    /// The chain and its snapshots.
    pub fn chains(&self) -> &Chains {
        &self.chains
    }

    /// The chain, to be used in process. What becomes of it is kept nowhere.
    pub fn into_chain(self) -> Chain {
        self.chains.current
    }

    /// Hands the chain and its snapshots to a thread of its own, which makes blocks as they are needed.
    ///
    /// # Errors
    /// What the operating system says if it has no thread to give.
    pub fn start(self, options: NodeOptions) -> io::Result<Node> {
        let keeper = self.keeper.or(options.keeper);
        Node::start(self.chains, NodeOptions { keeper, ..options })
    }
}

impl SandboxBuilder {
    /// Who makes the blocks. Without it that is the first validator of the genesis, with the key
    /// that `near-crypto` derives from its name.
    #[must_use]
    pub fn signer(mut self, signer: ValidatorSigner) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Where block times come from: the machine's clock, if nothing else is said.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The time that fast-forwarding passes for each block.
    #[must_use]
    pub fn block_delay(mut self, delay: Duration) -> Self {
        self.block_delay = delay;
        self
    }

    /// How many of the latest blocks are kept, with their states, transactions and outcomes: at least
    /// one, and as many as finality looks back. Of older ones only hash and height are known, as long
    /// as transactions may be signed for them.
    #[must_use]
    pub fn kept_blocks(mut self, blocks: usize) -> Self {
        self.kept_blocks = blocks;
        self
    }

    /// How many blocks have to follow a block to make it final. None, if nothing else is said; two
    /// in neard.
    #[must_use]
    pub fn finality_lag(mut self, blocks: BlockHeightDelta) -> Self {
        self.finality_lag = blocks;
        self
    }

    /// How much gas a view may burn. As much as the protocol allows, if nothing else is said.
    #[must_use]
    pub fn max_gas_burnt_view(mut self, gas: Option<u64>) -> Self {
        self.max_gas_burnt_view = gas;
        self
    }

    /// Prices in gas by NEAR's names, in place of the protocol's: `wasm_sha256_base`,
    /// `action_transfer.execution`. Those that are not named stay.
    #[must_use]
    pub fn fees(mut self, fees: FeeTable) -> Self {
        self.fees = fees;
        self
    }

    /// The wasm of the contract that accounts with an Ethereum address run. Without it they hold
    /// tokens, and calls of them fail.
    #[must_use]
    pub fn wallet_contract(mut self, code: Option<Vec<u8>>) -> Self {
        self.wallet_contract = code;
        self
    }

    /// Whether transactions of every account are taken without its key, as
    /// [`Chain::impersonate_everyone`] says.
    #[must_use]
    pub fn auto_impersonate(mut self, enabled: bool) -> Self {
        self.auto_impersonate = enabled;
        self
    }

    /// What contracts run on: singlepass, if nothing else is said. Gas, outcomes and state are the
    /// same on all engines.
    #[must_use]
    pub fn engines(mut self, engines: Engines) -> Self {
        self.engines = engines;
        self
    }

    /// The file that the records of the genesis are in, if they are not in memory.
    pub fn records_file(&self) -> Option<&Path> {
        match &self.genesis.contents {
            GenesisContents::RecordsFile { records_file } => Some(records_file),
            _ => None,
        }
    }

    /// Makes the chain.
    pub fn build(self) -> Result<Sandbox, InvalidChain> {
        let options = self.chain_options();
        let chain = match self.source {
            None => Chain::new(&self.genesis, options),
            Some(source) => Chain::fork(source, &self.genesis, options),
        };
        Ok(Sandbox { chains: chain?.into(), keeper: None })
    }

    /// The chain that is kept in a folder, and its snapshots; if there is none yet, it is made and kept
    /// there. The node that [`Sandbox::start`] makes of it goes on keeping them.
    ///
    /// A chain that was not made of a genesis that the caller brought is resumed whatever its genesis.
    #[cfg(feature = "rocksdb")]
    pub fn open(mut self, store: StoreOptions) -> Result<Sandbox, OpenFailed> {
        let folder = Store::open(store)?;
        self.engines = folder.keep_compiled(self.engines);
        let digest = (!self.is_localnet).then(|| store::genesis_digest(&self.genesis));
        let digest = digest.transpose().map_err(InvalidChain::from)?;
        let (chains, writer) = if folder.is_empty() {
            let (chain, writer) = folder.begin(self.build()?.into_chain(), digest)?;
            (chain.into(), writer)
        } else {
            if let Some(digest) = digest {
                folder.check_genesis(digest, &self.genesis.config.chain_id)?;
            }
            folder.resume(&self.chain_options())?
        };
        Ok(Sandbox { chains, keeper: Some(Arc::new(writer)) })
    }

    fn chain_options(&self) -> ChainOptions {
        ChainOptions {
            signer: self.signer.clone().unwrap_or_else(|| first_validator(&self.genesis)),
            clock: self.clock,
            block_delay_ns: u64::try_from(self.block_delay.as_nanos()).unwrap_or(u64::MAX),
            kept_blocks: self.kept_blocks,
            finality_lag: self.finality_lag,
            max_gas_burnt_view: self.max_gas_burnt_view,
            fees: self.fees.clone(),
            wallet_contract: self.wallet_contract.clone(),
            auto_impersonate: self.auto_impersonate,
            engines: self.engines.clone(),
        }
    }
}

/// A chain cannot be kept in a folder, or not be taken from there.
#[cfg(feature = "rocksdb")]
#[derive(Debug, thiserror::Error)]
pub enum OpenFailed {
    /// There is none yet, and the genesis is not one to start from.
    #[error(transparent)]
    Chain(#[from] InvalidChain),
    /// The folder is the reason.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn first_validator(genesis: &Genesis) -> ValidatorSigner {
    let first = genesis.config.validators.first().map(|validator| validator.account_id.clone());
    let name = first.unwrap_or_else(|| genesis.config.protocol_treasury_account.clone());
    let key = SecretKey::from_seed(KeyType::ED25519, name.as_str());
    genesis::signer(name, key)
}
