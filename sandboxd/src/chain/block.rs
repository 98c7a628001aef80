//! One block of the chain: the header and chunk in NEAR's own types and hashes, and what came of
//! applying it. As in NEAR a header speaks of the chunk applied *before* it: its state root, gas,
//! burnt balance and outcomes are those of the previous block. The block knows neither the state
//! nor where it stands in a chain.

use std::sync::Arc;

use near_primitives::bandwidth_scheduler::BandwidthRequests;
use near_primitives::block::{Block as NearBlock, BlockHeader, BlockV4, Chunks};
use near_primitives::block_body::BlockBody;
use near_primitives::congestion_info::CongestionInfo;
use near_primitives::hash::CryptoHash;
use near_primitives::merkle::{MerklePath, merklize};
use near_primitives::receipt::Receipt;
use near_primitives::sharding::{
    ChunkHash, EncodedShardChunkBody, ReceiptList, ShardChunkHeader, ShardChunkHeaderV3,
};
use near_primitives::stateless_validation::chunk_endorsements_bitmap::ChunkEndorsementsBitmap;
use near_primitives::transaction::{
    ExecutionOutcomeWithId, ExecutionOutcomeWithIdAndProof, SignedTransaction,
};
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, Balance, BlockHeight, Gas, ShardId, StateRoot};
use near_primitives::validator_signer::{EmptyValidatorSigner, ValidatorSigner};
use near_primitives::views::{BlockHeaderView, BlockView, ChunkHeaderView};

use super::epoch::Epoch;
use super::holds::Queue;
use super::validators::Staking;

/// A block, its one chunk, and what applying it gave.
#[derive(Debug)]
pub struct Block {
    pub(super) near: NearBlock,
    pub(super) author: AccountId,
    pub(super) epoch: Epoch,
    pub(super) staking: Staking,
    /// The height of the block that the header names as the last final one, of genesis before that.
    pub(super) last_final_height: BlockHeight,
    pub(super) transactions: Vec<SignedTransaction>,
    pub(super) incoming: Arc<[Receipt]>,
    pub(super) applied: Applied,
    /// The receipts that wait after the block.
    pub(super) queue: Queue,
}

/// What applying a block gave. The next block's header and chunk repeat most of it.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) state_root: StateRoot,
    pub(super) outcomes: Vec<ExecutionOutcomeWithId>,
    pub(super) outcome_root: CryptoHash,
    pub(super) outcome_proofs: Vec<MerklePath>,
    pub(super) outgoing: Arc<[Receipt]>,
    pub(super) local: Vec<Receipt>,
    /// Stakes that were asked for. The next block's header lists them.
    pub(super) proposals: Vec<ValidatorStake>,
    pub(super) gas_used: Gas,
    pub(super) balance_burnt: Balance,
    pub(super) total_supply: Balance,
}

impl Applied {
    /// What is "applied" by a genesis block: its state, and nothing else.
    fn genesis(state_root: StateRoot, total_supply: Balance) -> Self {
        Self {
            state_root,
            outcomes: Vec::new(),
            outcome_root: CryptoHash::default(),
            outcome_proofs: Vec::new(),
            outgoing: Arc::new([]),
            local: Vec::new(),
            proposals: Vec::new(),
            gas_used: Gas::ZERO,
            balance_burnt: Balance::ZERO,
            total_supply,
        }
    }
}

impl Block {
    /// The block's height.
    pub fn height(&self) -> BlockHeight {
        self.header().height()
    }

    /// The block's hash.
    pub fn hash(&self) -> &CryptoHash {
        self.header().hash()
    }

    /// The header in NEAR's form. It carries no signature: see [`Block::header_view`].
    pub fn header(&self) -> &BlockHeader {
        self.near.header()
    }

    /// The header of the block's only chunk. It carries no signature: see
    /// [`Block::chunk_header_view`].
    ///
    /// # Panics
    /// Never: every block is made with one chunk.
    pub fn chunk_header(&self) -> &ShardChunkHeader {
        let NearBlock::BlockV4(block) = &self.near else { unreachable!("blocks are made as V4") };
        block.body.chunks().first().expect("every block is made with one chunk")
    }

    /// The hash that names the block's chunk.
    pub fn chunk_hash(&self) -> &ChunkHash {
        self.chunk_header().chunk_hash()
    }

    /// The transactions in the block's chunk.
    pub fn transactions(&self) -> &[SignedTransaction] {
        &self.transactions
    }

    /// The receipts in the block's chunk: those that the block before sent, without those that are
    /// held, and then those that were released.
    pub fn incoming_receipts(&self) -> &[Receipt] {
        &self.incoming
    }

    /// The receipts that applying the block sent to the next one.
    pub fn outgoing_receipts(&self) -> &[Receipt] {
        &self.applied.outgoing
    }

    /// The receipts that were made and executed within the block.
    pub fn local_receipts(&self) -> &[Receipt] {
        &self.applied.local
    }

    /// The outcomes of the block's transactions and receipts in the order of their execution.
    pub fn outcomes(&self) -> &[ExecutionOutcomeWithId] {
        &self.applied.outcomes
    }

    /// The root of the state after the block.
    pub fn state_root(&self) -> StateRoot {
        self.applied.state_root
    }

    /// The gas that applying the block took.
    pub fn gas_used(&self) -> Gas {
        self.applied.gas_used
    }

    /// Who made the block.
    pub fn author(&self) -> &AccountId {
        &self.author
    }

    /// The epoch that the block belongs to.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Who validates the block's epoch and the next one, and who wants to.
    pub fn staking(&self) -> &Staking {
        &self.staking
    }

    /// The height of the last block that was final when this one was made, as NEAR counts.
    pub(super) fn last_final_height(&self) -> BlockHeight {
        self.last_final_height
    }

    /// The shard of the block's only chunk.
    pub fn shard_id(&self) -> ShardId {
        self.chunk_header().shard_id()
    }

    /// The outcome at `index` with its Merkle path to the chunk's outcome root.
    pub fn outcome_with_proof(&self, index: usize) -> Option<ExecutionOutcomeWithIdAndProof> {
        let outcome = self.applied.outcomes.get(index)?;
        Some(ExecutionOutcomeWithIdAndProof {
            proof: self.applied.outcome_proofs.get(index)?.clone(),
            block_hash: *self.hash(),
            outcome_with_id: outcome.clone(),
        })
    }

    /// The Merkle paths of all outcomes to the chunk's outcome root.
    pub fn outcome_proofs(&self) -> &[MerklePath] {
        &self.applied.outcome_proofs
    }

    /// The block as the RPC shows it, signed.
    pub fn view(&self, signer: &ValidatorSigner) -> BlockView {
        BlockView {
            author: self.author.clone(),
            header: self.header_view(signer),
            chunks: vec![self.chunk_header_view(signer)],
        }
    }

    /// The header as the RPC shows it. Signatures are not part of a hash and cost more than the
    /// rest of an empty block, so they are made for those who look.
    pub fn header_view(&self, signer: &ValidatorSigner) -> BlockHeaderView {
        let mut view = BlockHeaderView::from(self.header());
        if !self.header().is_genesis() {
            view.signature = signer.sign_bytes(self.hash().as_ref());
        }
        view
    }

    /// The chunk header as the RPC shows it, signed as [`Block::header_view`] is.
    pub fn chunk_header_view(&self, signer: &ValidatorSigner) -> ChunkHeaderView {
        let mut view = ChunkHeaderView::from(self.chunk_header().clone());
        if !self.header().is_genesis() {
            view.signature = signer.sign_bytes(self.chunk_hash().as_ref());
        }
        view
    }
}

/// What the genesis block is made of.
pub(super) struct GenesisBlock<'a> {
    pub(super) protocol_version: u32,
    pub(super) height: BlockHeight,
    pub(super) timestamp: near_time::Utc,
    pub(super) shard_id: ShardId,
    pub(super) gas_limit: Gas,
    pub(super) gas_price: Balance,
    pub(super) epoch: Epoch,
    pub(super) total_supply: Balance,
    pub(super) state_root: StateRoot,
    pub(super) validators: &'a Vec<ValidatorStake>,
    pub(super) staking: Staking,
    pub(super) author: AccountId,
}

impl GenesisBlock<'_> {
    pub(super) fn build(self) -> Block {
        let encoded = EncodedChunk::of(&[], &[]);
        let mut chunk = ShardChunkHeader::V3(ShardChunkHeaderV3::new(
            CryptoHash::default(),
            self.state_root,
            CryptoHash::default(),
            encoded.merkle_root,
            encoded.length,
            self.height,
            self.shard_id,
            Gas::ZERO,
            self.gas_limit,
            Balance::ZERO,
            CryptoHash::default(),
            CryptoHash::default(),
            Vec::new(),
            CongestionInfo::default(),
            BandwidthRequests::empty(),
            None,
            &unsigned(),
            self.protocol_version,
        ));
        *chunk.height_included_mut() = self.height;
        let near = near_primitives::genesis::genesis_block(
            self.protocol_version,
            vec![chunk],
            self.timestamp,
            self.height,
            self.gas_price,
            self.total_supply,
            self.validators,
        );
        Block {
            near,
            author: self.author,
            epoch: self.epoch,
            staking: self.staking,
            last_final_height: self.height,
            transactions: Vec::new(),
            incoming: Arc::new([]),
            applied: Applied::genesis(self.state_root, self.total_supply),
            queue: Queue::default(),
        }
    }
}

/// What a block after genesis is made of.
pub(super) struct NewBlock<'a> {
    pub(super) previous: &'a Block,
    pub(super) protocol_version: u32,
    pub(super) height: BlockHeight,
    pub(super) timestamp_ns: u64,
    pub(super) random_value: CryptoHash,
    pub(super) epoch: Epoch,
    pub(super) staking: Staking,
    pub(super) gas_limit: Gas,
    pub(super) next_gas_price: Balance,
    pub(super) block_merkle_root: CryptoHash,
    pub(super) transactions: Vec<SignedTransaction>,
    pub(super) incoming: Arc<[Receipt]>,
    pub(super) applied: Applied,
}

impl NewBlock<'_> {
    pub(super) fn build(self) -> Block {
        let chunk = self.chunk_header(&self.incoming);
        let vrf_value = near_crypto::vrf::Value(self.random_value.0);
        // Nobody asks the only validator of a local chain to prove its randomness.
        let vrf_proof = near_crypto::vrf::Proof([0; 64]);
        let body = BlockBody::new(vec![chunk], vrf_value, vrf_proof, vec![Vec::new()]);
        let header = self.header(&body);
        let previous = self.previous.header();
        // The header names either the block before the previous one, or the same as the previous one.
        let last_final_height = previous
            .prev_height()
            .filter(|_| !previous.is_genesis() && header.last_final_block() == previous.prev_hash())
            .unwrap_or(self.previous.last_final_height);
        Block {
            near: NearBlock::BlockV4(BlockV4 { header, body }),
            author: self.previous.author.clone(),
            epoch: self.epoch,
            staking: self.staking,
            last_final_height,
            transactions: self.transactions,
            incoming: self.incoming,
            applied: self.applied,
            queue: Queue::default(),
        }
    }

    fn chunk_header(&self, incoming: &[Receipt]) -> ShardChunkHeader {
        let previous = &self.previous.applied;
        let shard_id = self.previous.shard_id();
        let encoded = EncodedChunk::of(&self.transactions, incoming);
        let receipts = CryptoHash::hash_borsh(ReceiptList(shard_id, incoming));
        let mut chunk = ShardChunkHeader::V3(ShardChunkHeaderV3::new(
            *self.previous.hash(),
            previous.state_root,
            previous.outcome_root,
            encoded.merkle_root,
            encoded.length,
            self.height,
            shard_id,
            previous.gas_used,
            self.gas_limit,
            previous.balance_burnt,
            merklize(&[receipts]).0,
            merklize(&self.transactions).0,
            previous.proposals.clone(),
            CongestionInfo::default(),
            BandwidthRequests::empty(),
            None,
            &unsigned(),
            self.protocol_version,
        ));
        *chunk.height_included_mut() = self.height;
        chunk
    }

    fn header(&self, body: &BlockBody) -> BlockHeader {
        let previous = self.previous.header();
        let chunks = Chunks::from_chunk_headers(body.chunks(), self.height);
        let follows_directly = previous.height().checked_add(1) == Some(self.height);
        let last_ds_final =
            if follows_directly { *previous.hash() } else { *previous.last_ds_final_block() };
        BlockHeader::new(
            self.protocol_version,
            self.protocol_version,
            self.height,
            *previous.hash(),
            body.compute_hash(),
            chunks.compute_state_root(),
            chunks.compute_chunk_prev_outgoing_receipts_root(),
            chunks.compute_chunk_headers_root().0,
            chunks.compute_chunk_tx_root(),
            chunks.compute_outcome_root(),
            self.timestamp_ns,
            self.random_value,
            self.previous.applied.proposals.clone(),
            vec![true],
            previous.block_ordinal().saturating_add(1),
            self.epoch.id,
            self.epoch.next_id,
            self.next_gas_price,
            self.previous.applied.total_supply,
            &unsigned(),
            *previous.last_final_block_for_height(self.height),
            last_ds_final,
            None,
            Vec::new(),
            self.staking.next().hash(),
            self.block_merkle_root,
            previous.height(),
            Some(ChunkEndorsementsBitmap::from_endorsements(vec![Vec::new()])),
            None,
            None,
            None,
            None,
        )
    }
}

/// The Merkle root of a chunk's outcomes and the path of each.
pub(super) fn merklize_outcomes(
    outcomes: &[ExecutionOutcomeWithId],
) -> (CryptoHash, Vec<MerklePath>) {
    let leaves: Vec<_> = outcomes.iter().map(ExecutionOutcomeWithId::to_hashes).collect();
    merklize(&leaves)
}

/// A chunk as it would be sent to other nodes: one data part and, with one data part, two parity
/// parts that are equal to it.
struct EncodedChunk {
    merkle_root: CryptoHash,
    length: u64,
}

impl EncodedChunk {
    /// The same bytes as those of a `TransactionReceipt`, without copying its parts into one.
    fn of(transactions: &[SignedTransaction], receipts: &[Receipt]) -> Self {
        let part =
            borsh::to_vec(&(transactions, receipts)).expect("writing to a vector cannot fail");
        let length = u64::try_from(part.len()).expect("a chunk is far smaller than 2^64 bytes");
        let part = Some(part.into_boxed_slice());
        let body = EncodedShardChunkBody { parts: vec![part.clone(), part.clone(), part] };
        Self { merkle_root: body.get_merkle_hash_and_paths().0, length }
    }
}

/// Headers are built unsigned; see [`Block::header_view`].
fn unsigned() -> ValidatorSigner {
    EmptyValidatorSigner::default().into()
}
