//! A NEAR chain as a value. A clone costs a handful of reference counts and lives on its own:
//! a snapshot is a clone, a dry run runs on a clone, and a block that fails leaves nothing
//! behind, since the chain is only replaced by a finished successor. The chain knows no thread,
//! no socket and no JSON.

mod answer;
mod block;
mod block_mode;
mod block_tree;
mod clock;
mod compare;
mod cursor;
mod deal;
mod dry_run;
mod edit;
mod epoch;
mod error;
mod finality;
mod fork;
mod gaps;
mod holds;
mod image;
mod impersonation;
mod index;
mod keeper;
mod light_client;
mod next;
mod node;
mod passed;
mod pool;
mod produce;
mod publication;
mod query;
mod rollback;
mod saved;
mod spec;
mod tail;
mod time;
mod validators;

use std::sync::Arc;

use near_chain_configs::GenesisConfig;
use near_primitives::epoch_manager::EpochConfig;
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::sharding::ChunkHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{
    Balance, BlockHeight, BlockId, BlockReference, ProtocolVersion, ShardId, SyncCheckpoint,
};
use near_primitives::validator_signer::ValidatorSigner;
use rpds::RedBlackTreeMapSync;
use sandbox_runtime::{BlockEnv, Impersonated, Runtime, StateChanges};
use sandbox_state::{History, Snapshot};

use cursor::Returns;
use finality::FinalBlocks;
use holds::Queue;
use index::Index;
use passed::Passed;
use pool::Pool;
use spec::Spec;

pub use answer::{Answer, Promise, answer};
pub use block::Block;
pub use block_mode::BlockMode;
pub use clock::{Clock, TimestampNs};
pub use compare::{Difference, Differs, Two, compare, compare_receipts};
pub use cursor::Cursor;
pub use deal::{DealFailed, Dealt};
pub use dry_run::{
    AccountChanges, ActionGas, CallGas, Change, CodeView, DataChange, DryReceiptFailed,
    DryReceiptRun, DryRun, DryRunFailed, DryTransaction, DryView, DryViewFailed, GasBreakdown,
    InvalidOverrides, KeyChange, Least, NonceChange, Overrides, ReceiptGas, UnsignedTransaction,
};
pub use edit::{Code, NEW_ACCOUNT_BALANCE, NewAccount};
pub use epoch::Epoch;
pub use error::{
    EditFailed, FastForwardError, InvalidMining, InvalidTime, PatchFailed, Refusal, UnknownBlock,
};
pub use fork::{Fetched, PinnedBlock, Source, SourceFailure, Stretch, Unexecuted};
pub use holds::{HeldReceipt, HoldId, InvalidRelease, ReceiptFilter};
#[cfg(feature = "rocksdb")]
pub(crate) use image::Resuming;
pub use image::{IMAGE_FORMAT, InvalidImage, Piece};
pub use index::{Execution, OutcomeAt, Progress};
pub use keeper::{Keeper, KeeperFailed, WhenKept};
pub use light_client::OutcomeProof;
#[cfg(feature = "rocksdb")]
pub(crate) use node::join;
pub use node::{Landed, Node, NodeOptions};
pub use produce::Produced;
pub use query::QueryFailed;
pub use rollback::{Rollback, RollbackError};
pub use saved::{
    AfterRevert, Chains, SavedChain, SnapshotId, SnapshotInfo, Snapshots, UnknownSnapshot,
};
pub use spec::{ChainOptions, InvalidChain};
pub use time::MOST_MINED_BLOCKS;
pub use validators::{Staking, Validators};

/// A chain of blocks, the state after each of the latest, and the transactions that wait.
#[derive(Clone, Debug)]
pub struct Chain {
    spec: Arc<Spec>,
    runtime: Runtime,
    head: Arc<Block>,
    state: Snapshot,
    history: History,
    /// What the blocks changed whose states are kept.
    changes: RedBlackTreeMapSync<BlockHeight, Arc<StateChanges>>,
    index: Index,
    final_blocks: FinalBlocks,
    passed: Passed,
    pool: Pool,
    queue: Queue,
    delayed_receipts: u64,
    /// How many of them wait for what could not be fetched.
    held_back: u64,
    clock: Clock,
    impersonated: Impersonated,
    /// For those who read the blocks of a node.
    returns: Returns,
}

/// What a transaction that is known to the chain is doing.
#[derive(Clone, Debug)]
pub enum Known<'a> {
    /// It waits for a block.
    Waiting(&'a SignedTransaction),
    /// It is in a block.
    Executing(Box<Execution<'a>>),
}

impl Chain {
    /// The genesis as it was configured, without its records.
    pub fn genesis_config(&self) -> &GenesisConfig {
        &self.spec.genesis
    }

    /// The name of the chain.
    pub fn chain_id(&self) -> &str {
        &self.spec.chain_id
    }

    /// The protocol version that the chain runs at.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.spec.genesis.protocol_version
    }

    /// Who makes and signs the blocks.
    pub fn signer(&self) -> &ValidatorSigner {
        &self.spec.signer
    }

    /// How validators are chosen.
    pub fn epoch_config(&self) -> &EpochConfig {
        &self.spec.epoch_config
    }

    /// The runtime that applies the chain's blocks.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// How the chain is run, but for its clock and what else has changed since.
    pub fn options(&self) -> &ChainOptions {
        &self.spec.options
    }

    /// The same chain, whose next blocks are applied by `runtime`.
    #[must_use]
    pub fn with_runtime(&self, runtime: Runtime) -> Self {
        Self { runtime, ..self.clone() }
    }

    /// The latest block.
    pub fn head(&self) -> &Arc<Block> {
        &self.head
    }

    /// The state after the latest block.
    pub fn state(&self) -> &Snapshot {
        &self.state
    }

    /// The first block.
    pub fn genesis(&self) -> &Arc<Block> {
        &self.spec.genesis_block
    }

    /// The oldest block of which everything is kept.
    pub fn earliest(&self) -> &Arc<Block> {
        let height = self.history.lowest().unwrap_or_else(|| self.head.height());
        self.index.block_at(height).unwrap_or(&self.head)
    }

    /// The block that `reference` names.
    pub fn block(&self, reference: &BlockReference) -> Result<&Arc<Block>, UnknownBlock> {
        match reference {
            BlockReference::Finality(finality) => Ok(self.last_block(finality)),
            BlockReference::SyncCheckpoint(SyncCheckpoint::Genesis) => Ok(self.genesis()),
            BlockReference::SyncCheckpoint(SyncCheckpoint::EarliestAvailable) => {
                Ok(self.earliest())
            }
            BlockReference::BlockId(id) => self.block_by_id(id),
        }
    }

    /// The block with this height or hash.
    pub fn block_by_id(&self, id: &BlockId) -> Result<&Arc<Block>, UnknownBlock> {
        match id {
            BlockId::Height(height) => self.index.block_at(*height),
            BlockId::Hash(hash) => self.index.block(hash),
        }
        .or_else(|| Some(self.genesis()).filter(|genesis| is_named(genesis, id)))
        .ok_or_else(|| UnknownBlock::NoSuchBlock(id.clone()))
    }

    /// The block that `reference` names, the state after which is kept.
    ///
    /// # Errors
    /// `Forgotten` for each height from genesis on whose state is not kept any more, whether or not there
    /// was a block, and `NoSuchBlock` for the hashes of blocks there, but for genesis: so answers nearcore,
    /// whose headers leave with their states.
    pub fn block_with_state(
        &self,
        reference: &BlockReference,
    ) -> Result<(&Arc<Block>, &Snapshot), UnknownBlock> {
        let id = match reference {
            BlockReference::BlockId(id) => Some(id),
            _ => None,
        };
        let forgotten = self.genesis().height()..self.earliest().height();
        if let Some(BlockId::Height(height)) = id
            && forgotten.contains(height)
        {
            return Err(self.forgotten_at(*height));
        }
        let block = self.block(reference)?;
        let unknown = |forgotten| match id {
            Some(id) if block.hash() != self.genesis().hash() => {
                UnknownBlock::NoSuchBlock(id.clone())
            }
            _ => forgotten,
        };
        Ok((block, self.state_after(block).map_err(unknown)?))
    }

    fn forgotten_at(&self, height: BlockHeight) -> UnknownBlock {
        let is_there = self.block_by_id(&BlockId::Height(height)).ok().map(|block| *block.hash());
        let hash = is_there.or_else(|| self.passed.hash_at(height).copied()).unwrap_or_default();
        UnknownBlock::Forgotten { height, hash }
    }

    /// The blocks above `height`, the lowest first.
    pub fn blocks_after(&self, height: BlockHeight) -> impl Iterator<Item = &Arc<Block>> {
        self.index.blocks_after(height)
    }

    /// The block whose chunk is named `chunk`.
    pub fn block_of_chunk(&self, chunk: &ChunkHash) -> Option<&Arc<Block>> {
        self.index.block_of_chunk(chunk)
    }

    /// The chain's only shard.
    pub fn shard_id(&self) -> ShardId {
        self.spec.shard_id
    }

    /// The state after the block that `reference` names.
    pub fn state_at(&self, reference: &BlockReference) -> Result<&Snapshot, UnknownBlock> {
        self.block_with_state(reference).map(|(_, state)| state)
    }

    /// The state after `block`.
    pub fn state_after(&self, block: &Block) -> Result<&Snapshot, UnknownBlock> {
        self.history
            .at(block.height())
            .ok_or_else(|| UnknownBlock::Forgotten { height: block.height(), hash: *block.hash() })
    }

    /// What `block` changed in the state, and why. `None` if its state is not kept any more; genesis
    /// changed nothing.
    pub fn changes_of(&self, block: &Block) -> Option<&Arc<StateChanges>> {
        self.changes.get(&block.height())
    }

    /// What view calls on the state after `block` see of the chain.
    pub fn env_after(&self, block: &Block) -> BlockEnv {
        let previous = block.header().prev_hash();
        BlockEnv {
            height: block.height(),
            timestamp_ns: block.header().raw_timestamp(),
            gas_price: self.gas_price_of(block),
            gas_limit: self.spec.genesis.gas_limit,
            random_seed: *block.header().random_value(),
            epoch_id: block.epoch().id.0,
            epoch_height: block.epoch().height,
            chain_id: Arc::clone(&self.spec.chain_id),
            prev_block_hash: *previous,
            validators: Arc::clone(block.staking().current().stakes()),
            minimum_stake: block.staking().next().minimum_stake(&self.spec.epoch_config),
        }
    }

    /// The price of a unit of gas in the block after the head, in yoctoNEAR.
    pub fn gas_price(&self) -> Balance {
        self.head.header().next_gas_price()
    }

    /// The transaction with this hash, and how far it has come.
    pub fn transaction(&self, hash: &CryptoHash) -> Option<Known<'_>> {
        if let Some(execution) = self.index.execution(hash) {
            return Some(Known::Executing(Box::new(execution)));
        }
        self.pool.get(hash).map(Known::Waiting)
    }

    /// What has been executed for the transaction with this hash, if it is in a block.
    pub fn execution(&self, hash: &CryptoHash) -> Option<Execution<'_>> {
        self.index.execution(hash)
    }

    /// Whether the transaction with this hash is in a block or waits for one.
    pub fn knows(&self, hash: &CryptoHash) -> bool {
        self.index.transaction(hash).is_some() || self.pool.contains(hash)
    }

    /// The outcome of the transaction or receipt with this id.
    pub fn outcome(&self, id: &CryptoHash) -> Option<OutcomeAt<'_>> {
        self.index.outcome(id)
    }

    /// The receipt with this id, and the block that made it.
    pub fn receipt(&self, id: &CryptoHash) -> Option<(&Receipt, &Arc<Block>)> {
        self.index.receipt(id)
    }

    /// The transactions that wait for a block, in the order of their arrival.
    pub fn waiting(&self) -> impl Iterator<Item = &SignedTransaction> {
        self.pool.iter()
    }

    /// Whether there is something for a block to do: a transaction that waits, or a receipt.
    pub fn has_work(&self) -> bool {
        !self.pool.is_empty() || self.has_receipts()
    }

    /// Whether receipts wait for the next block. Those that wait for data, or are held, do not count, nor
    /// do those of a fork that could not be executed in the latest one.
    pub fn has_receipts(&self) -> bool {
        self.delayed_receipts > self.held_back || !self.queue.due().is_empty()
    }

    /// Height of the next block.
    pub fn next_height(&self) -> BlockHeight {
        self.head.height().saturating_add(1)
    }

    /// The gas price that `block` was applied with: the one that the block before announced.
    fn gas_price_of(&self, block: &Block) -> Balance {
        let previous = self.index.block(block.header().prev_hash());
        previous.map_or_else(|| block.header().next_gas_price(), |b| b.header().next_gas_price())
    }
}

fn is_named(block: &Block, id: &BlockId) -> bool {
    match id {
        BlockId::Height(height) => *height == block.height(),
        BlockId::Hash(hash) => hash == block.hash(),
    }
}
