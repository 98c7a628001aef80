//! A chain from its pieces.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_crypto::PublicKey;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, BlockHeight};
use rpds::RedBlackTreeMapSync;
use sandbox_runtime::{Impersonated, StateChanges, delayed_receipts};
use sandbox_state::Snapshot;

use super::super::block_tree::BlockTree;
use super::super::cursor::Returns;
use super::super::finality::FinalBlocks;
use super::super::holds::Queue;
use super::super::index::Index;
use super::super::next::Next;
use super::super::passed::Passed;
use super::super::pool::Pool;
use super::super::spec::{Spec, runtime};
use super::super::tail::Tail;
use super::super::{Block, Chain, ChainOptions, Rollback};
use super::InvalidImage;
use super::block::{Content, Following, Whole, queue_after};
use super::pieces::{Piece, close, open, read};
use super::tip::{Tip, body, with_format};
use crate::genesis;

/// What blocks are built from: the genesis, the oldest block that is there, and what the next one
/// needs of those before it.
#[derive(BorshDeserialize, BorshSerialize)]
struct Base<'a> {
    genesis_json: Vec<u8>,
    signer: (AccountId, PublicKey),
    genesis_block: Whole<'a>,
    /// Unless that is genesis.
    oldest: Option<Whole<'a>>,
    /// The levels of the tree over all hashes before that, each with the number of its first node.
    hashes: Vec<(u64, Vec<CryptoHash>)>,
    heights: (u64, Vec<BlockHeight>),
}

impl Chain {
    /// The piece from which the chain's blocks after [`Chain::oldest`] are built.
    ///
    /// # Errors
    /// If the chain is a fork.
    pub fn base_image(&self) -> Result<Vec<u8>, InvalidImage> {
        if self.spec.origin.is_some() {
            return Err(InvalidImage::Fork);
        }
        let (genesis_block, oldest) = (self.genesis(), self.oldest());
        let mut passed = self.passed.clone();
        passed.return_to(oldest);
        passed.forget(oldest, oldest.height(), self.spec.genesis.transaction_validity_period);
        let base = Base {
            genesis_json: genesis::config_to_json(&self.spec.genesis),
            signer: (self.spec.signer.validator_id().clone(), self.spec.signer.public_key()),
            genesis_block: Whole::of(genesis_block),
            oldest: (oldest.hash() != genesis_block.hash()).then(|| Whole::of(oldest)),
            hashes: passed.hashes().levels().iter().map(numbered).collect(),
            heights: numbered(passed.heights()),
        };
        Ok(with_format(&base))
    }

    /// `block` of this chain as bytes, with what it changed in the state. `None` if the block before it
    /// is not kept any more: then the base has it.
    ///
    /// # Panics
    /// Never: writing to a vector cannot fail.
    pub fn block_image(&self, block: &Block) -> Option<Vec<u8>> {
        let previous = self.index.block(block.header().prev_hash())?;
        let changes = self.changes_of(block).map(AsRef::as_ref);
        let following = Following::of(block, previous, changes);
        let body = borsh::to_vec(&following).expect("writing to a vector cannot fail");
        Some(close(previous.hash(), body))
    }

    /// The oldest block that is kept. Of those before it only hashes and heights are known.
    pub fn oldest(&self) -> &Arc<Block> {
        self.index.oldest().unwrap_or(&self.head)
    }

    /// The chain whose base, tip and blocks these are; the blocks are all those after the oldest one, in
    /// their order. `state` brings the state after a block whose changes it is shown, for each block of
    /// which it is kept.
    ///
    /// Of the `options` these are the image's own: the clock, the wallet contract, and who is
    /// impersonated.
    pub fn resume<B: AsRef<[u8]>>(
        base: &[u8],
        tip: &[u8],
        blocks: impl IntoIterator<Item = B>,
        mut state: impl FnMut(&Block, &StateChanges) -> Option<Snapshot>,
        options: ChainOptions,
    ) -> Result<Self, InvalidImage> {
        let lowest = Tip::read(tip)?.lowest;
        let mut resuming = Resuming::new(base, lowest, options, &mut state)?;
        for block in blocks {
            resuming.push(block.as_ref(), &mut state)?;
        }
        resuming.finish(tip)
    }

    /// The chain that goes the way of this one up to `height`, and from there as `blocks` say; the rest
    /// as with [`Chain::resume`].
    pub fn resume_from<B: AsRef<[u8]>>(
        &self,
        height: BlockHeight,
        tip: &[u8],
        blocks: impl IntoIterator<Item = B>,
        mut state: impl FnMut(&Block, &StateChanges) -> Option<Snapshot>,
    ) -> Result<Self, InvalidImage> {
        let mut chain = self.clone();
        chain.roll_back(Rollback::ToHeight(height)).map_err(|error| InvalidImage::Damaged {
            piece: Piece::Block(height),
            what: error.to_string(),
        })?;
        let mut resuming = Resuming { chain, lowest: Tip::read(tip)?.lowest };
        for block in blocks {
            resuming.push(block.as_ref(), &mut state)?;
        }
        resuming.finish(tip)
    }
}

fn numbered<T: Copy + Default>(tail: &Tail<T>) -> (u64, Vec<T>) {
    let start = u64::try_from(tail.start()).unwrap_or(u64::MAX);
    (start, tail.iter().map(|(_, item)| *item).collect())
}

fn tail<T: Copy + Default>((start, items): (u64, Vec<T>)) -> Option<Tail<T>> {
    let start = usize::try_from(start).ok()?;
    start.checked_add(items.len())?;
    Some(Tail::new(start, items))
}

/// A chain that is being built from its pieces. Chains that go the same way up to some block are
/// finished from clones.
#[derive(Clone, Debug)]
pub(crate) struct Resuming {
    chain: Chain,
    /// The lowest height whose state is there.
    lowest: BlockHeight,
}

impl Resuming {
    /// Begins with the block in `base`. `state` brings the state after it, if that is there.
    pub(crate) fn new(
        base: &[u8],
        lowest: BlockHeight,
        options: ChainOptions,
        state: impl FnOnce(&Block, &StateChanges) -> Option<Snapshot>,
    ) -> Result<Self, InvalidImage> {
        let base: Base<'_> = read(body(base, Piece::Base)?, Piece::Base)?;
        let (by, key) = base.signer;
        if by != *options.signer.validator_id() || key != options.signer.public_key() {
            return Err(InvalidImage::Signer { by, key });
        }
        let config = genesis::config_from_json(&base.genesis_json)?;
        let runtime = runtime::<InvalidImage>(&config, &options)?;
        let genesis_block = Arc::new(base.genesis_block.into_block()?);
        let oldest = match base.oldest {
            Some(oldest) => Arc::new(oldest.into_block()?),
            None => Arc::clone(&genesis_block),
        };
        let hashes: Option<_> = base.hashes.into_iter().map(tail).collect();
        let passed = hashes
            .zip(tail(base.heights))
            .map(|(hashes, heights)| Passed::of(BlockTree::of(hashes), heights));
        let passed = passed.ok_or_else(|| InvalidImage::Damaged {
            piece: Piece::Base,
            what: "its blocks have no numbers".to_owned(),
        })?;
        let chain = Chain {
            runtime,
            index: Index::new(Arc::clone(&oldest)),
            final_blocks: FinalBlocks::new(&oldest, options.finality_lag),
            head: oldest,
            state: Snapshot::empty(),
            history: options.history(),
            changes: RedBlackTreeMapSync::new_sync(),
            passed,
            pool: Pool::default(),
            queue: Queue::default(),
            delayed_receipts: 0,
            held_back: 0,
            clock: options.clock,
            impersonated: Impersonated::default(),
            returns: Returns::default(),
            spec: Arc::new(Spec::new(config, genesis_block, options, None)),
        };
        let mut resuming = Self { chain, lowest };
        let oldest = Arc::clone(&resuming.chain.head);
        resuming.keep(&oldest, StateChanges::default(), state)?;
        Ok(resuming)
    }

    /// Builds the next block. `state` brings the state after it, if that is there.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        state: impl FnOnce(&Block, &StateChanges) -> Option<Snapshot>,
    ) -> Result<(), InvalidImage> {
        let chain = &mut self.chain;
        let previous = Arc::clone(&chain.head);
        let not_next =
            || InvalidImage::NotNext { height: previous.height(), hash: *previous.hash() };
        let body = open(previous.hash(), bytes).ok_or_else(not_next)?;
        let following: Following<'_> = read(body, Piece::Block(previous.height()))?;
        let height = following.height;
        if height <= previous.height() {
            return Err(not_next());
        }
        let content = following.content.unwrap_or_else(|| Content::quiet_after(&previous));
        let incoming = match following.incoming {
            Some(receipts) => receipts.into_owned().into(),
            None => Arc::clone(previous.queue.due()),
        };
        let epoch = chain.epoch_of_next(height);
        let (staking, _) = chain.staking_of_next(&epoch);
        chain.passed.push(&previous);
        let (transactions, applied) = content.into_parts();
        let mut block = chain.next_block(Next {
            height,
            timestamp_ns: following.timestamp_ns,
            random_value: chain.next_random_value(),
            epoch,
            staking,
            transactions,
            incoming,
            applied,
        });
        let follows = || queue_after(&previous, &block.incoming, &block.applied.outgoing);
        block.queue = following.queue.unwrap_or_else(follows);
        let block = Arc::new(block);
        chain.index.insert(Arc::clone(&block));
        chain.head = Arc::clone(&block);
        let changes = following.changes.map(std::borrow::Cow::into_owned).unwrap_or_default();
        self.keep(&block, changes, state)
    }

    /// The latest block.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn head(&self) -> &Block {
        &self.chain.head
    }

    /// Keeps the state after `block`, if it was kept.
    fn keep(
        &mut self,
        block: &Block,
        changes: StateChanges,
        state: impl FnOnce(&Block, &StateChanges) -> Option<Snapshot>,
    ) -> Result<(), InvalidImage> {
        let (height, root) = (block.height(), block.state_root());
        if height < self.lowest {
            return Ok(());
        }
        let state = state(block, &changes).filter(|state| state.root().0 == root.0);
        let state = state.ok_or(InvalidImage::NoState { height, root })?;
        self.chain.state = state.clone();
        self.chain.keep(height, state, changes);
        Ok(())
    }

    /// The chain with this tip, which has to be the one of the latest block.
    pub(crate) fn finish(self, tip: &[u8]) -> Result<Chain, InvalidImage> {
        let (mut chain, mut tip) = (self.chain, Tip::read(tip)?);
        let height = chain.head.height();
        if *chain.head.hash() != tip.head || chain.history.is_empty() {
            return Err(InvalidImage::WrongHead { height, expected: tip.height });
        }
        chain.forget_before(tip.lowest);
        chain.final_blocks = FinalBlocks::of(&chain.head, chain.finality_lag(), &chain.index);
        chain.delayed_receipts = delayed_receipts(&mut &chain.state)?;
        chain.pool = tip.pool(chain.runtime.config())?;
        chain.clock = tip.clock;
        chain.impersonated = Impersonated::default();
        let everyone = tip.all_impersonated || chain.spec.options.auto_impersonate;
        chain.impersonated.set_everyone(everyone);
        for account in tip.impersonated {
            chain.impersonated.insert(account.into_owned());
        }
        chain.queue = tip.queue.take().unwrap_or_else(|| chain.head.queue.clone());
        Ok(chain)
    }
}
