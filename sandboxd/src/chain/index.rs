//! Which block holds a transaction, a receipt or an outcome, and how far the execution of a
//! transaction has come. It reads blocks and never changes one.

use std::ops::Bound;
use std::sync::Arc;

use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::sharding::ChunkHash;
use near_primitives::transaction::{ExecutionOutcomeWithId, ExecutionStatus, SignedTransaction};
use near_primitives::types::BlockHeight;
use near_primitives::views::{
    ExecutionOutcomeWithIdView, FinalExecutionOutcomeView, FinalExecutionStatus,
};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

use super::block::Block;

/// The blocks of a chain and the ways to find things in them. A clone shares everything.
#[derive(Clone, Debug)]
pub(super) struct Index {
    by_height: RedBlackTreeMapSync<BlockHeight, Arc<Block>>,
    by_hash: HashTrieMapSync<CryptoHash, Arc<Block>>,
    by_chunk: HashTrieMapSync<ChunkHash, Arc<Block>>,
    transactions: HashTrieMapSync<CryptoHash, Place>,
    receipts: HashTrieMapSync<CryptoHash, Place>,
    outcomes: HashTrieMapSync<CryptoHash, Place>,
}

/// How many children a node of a map has at most. Each insertion copies a node on every level,
/// and copying a wide one costs more than a level.
const DEGREE: u8 = 8;

/// A position in a list of a block.
#[derive(Clone, Debug)]
struct Place {
    block: Arc<Block>,
    index: usize,
}

/// An outcome and where it is.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeAt<'a> {
    /// The outcome.
    pub outcome: &'a ExecutionOutcomeWithId,
    /// The block whose application gave it.
    pub block: &'a Arc<Block>,
    /// Its position among the block's outcomes.
    pub index: usize,
}

impl Index {
    pub(super) fn new(genesis: Arc<Block>) -> Self {
        let mut index = Self {
            by_height: RedBlackTreeMapSync::new_sync(),
            by_hash: HashTrieMapSync::new_sync_with_degree(DEGREE),
            by_chunk: HashTrieMapSync::new_sync_with_degree(DEGREE),
            transactions: HashTrieMapSync::new_sync_with_degree(DEGREE),
            receipts: HashTrieMapSync::new_sync_with_degree(DEGREE),
            outcomes: HashTrieMapSync::new_sync_with_degree(DEGREE),
        };
        index.insert(genesis);
        index
    }

    pub(super) fn insert(&mut self, block: Arc<Block>) {
        for (index, transaction) in block.transactions().iter().enumerate() {
            let place = Place { block: Arc::clone(&block), index };
            self.transactions.insert_mut(transaction.get_hash(), place);
        }
        let made = block.outgoing_receipts().iter().chain(block.local_receipts());
        for (index, receipt) in made.enumerate() {
            let place = Place { block: Arc::clone(&block), index };
            self.receipts.insert_mut(*receipt.receipt_id(), place);
        }
        for (index, outcome) in block.outcomes().iter().enumerate() {
            let place = Place { block: Arc::clone(&block), index };
            self.outcomes.insert_mut(outcome.id, place);
        }
        self.by_chunk.insert_mut(block.chunk_hash().clone(), Arc::clone(&block));
        self.by_hash.insert_mut(*block.hash(), Arc::clone(&block));
        self.by_height.insert_mut(block.height(), block);
    }

    /// Forgets the blocks above `height` and what is in them.
    pub(super) fn forget_after(&mut self, height: BlockHeight) {
        while let Some((_, block)) = self.by_height.last() {
            if block.height() <= height {
                return;
            }
            let block = Arc::clone(block);
            self.forget(&block);
        }
    }

    /// Forgets the blocks below `height` but the highest of them, and what is in them.
    pub(super) fn forget_before(&mut self, height: BlockHeight) {
        loop {
            let mut blocks = self.by_height.values();
            let (Some(first), Some(second)) = (blocks.next(), blocks.next()) else { return };
            if second.height() >= height {
                return;
            }
            let first = Arc::clone(first);
            self.forget(&first);
        }
    }

    fn forget(&mut self, block: &Block) {
        for transaction in block.transactions() {
            self.transactions.remove_mut(&transaction.get_hash());
        }
        for receipt in block.outgoing_receipts().iter().chain(block.local_receipts()) {
            self.receipts.remove_mut(receipt.receipt_id());
        }
        for outcome in block.outcomes() {
            self.outcomes.remove_mut(&outcome.id);
        }
        self.by_chunk.remove_mut(block.chunk_hash());
        self.by_hash.remove_mut(block.hash());
        self.by_height.remove_mut(&block.height());
    }

    pub(super) fn oldest(&self) -> Option<&Arc<Block>> {
        self.by_height.first().map(|(_, block)| block)
    }

    pub(super) fn block_at(&self, height: BlockHeight) -> Option<&Arc<Block>> {
        self.by_height.get(&height)
    }

    pub(super) fn blocks_after(&self, height: BlockHeight) -> impl Iterator<Item = &Arc<Block>> {
        self.by_height.range((Bound::Excluded(height), Bound::Unbounded)).map(|(_, block)| block)
    }

    /// The blocks up to `height`, the highest first.
    pub(super) fn blocks_down_from(
        &self,
        height: BlockHeight,
    ) -> impl Iterator<Item = &Arc<Block>> {
        self.by_height.range(..=height).rev().map(|(_, block)| block)
    }

    pub(super) fn block(&self, hash: &CryptoHash) -> Option<&Arc<Block>> {
        self.by_hash.get(hash)
    }

    pub(super) fn block_of_chunk(&self, chunk: &ChunkHash) -> Option<&Arc<Block>> {
        self.by_chunk.get(chunk)
    }

    pub(super) fn transaction(
        &self,
        hash: &CryptoHash,
    ) -> Option<(&SignedTransaction, &Arc<Block>)> {
        let place = self.transactions.get(hash)?;
        Some((place.block.transactions().get(place.index)?, &place.block))
    }

    pub(super) fn receipt(&self, id: &CryptoHash) -> Option<(&Receipt, &Arc<Block>)> {
        let place = self.receipts.get(id)?;
        let outgoing = place.block.outgoing_receipts();
        let receipt = match place.index.checked_sub(outgoing.len()) {
            None => outgoing.get(place.index)?,
            Some(index) => place.block.local_receipts().get(index)?,
        };
        Some((receipt, &place.block))
    }

    pub(super) fn outcome(&self, id: &CryptoHash) -> Option<OutcomeAt<'_>> {
        let place = self.outcomes.get(id)?;
        let outcome = place.block.outcomes().get(place.index)?;
        Some(OutcomeAt { outcome, block: &place.block, index: place.index })
    }

    pub(super) fn execution(&self, hash: &CryptoHash) -> Option<Execution<'_>> {
        let (transaction, block) = self.transaction(hash)?;
        let walk = self.walk(hash);
        // A transaction gets into a block together with its outcome.
        walk.outcomes.first()?;
        Some(Execution { transaction, block, outcomes: walk.outcomes, waits: walk.waits })
    }

    /// What has been executed for the transaction or receipt with this id: its own outcome, and then
    /// those of its receipts, each followed by those of the receipts that it made.
    pub(super) fn outcomes_from(&self, id: &CryptoHash) -> Vec<OutcomeAt<'_>> {
        self.walk(id).outcomes
    }

    fn walk(&self, id: &CryptoHash) -> Walk<'_> {
        let mut walk = Walk { index: self, outcomes: Vec::new(), waits: Vec::new() };
        walk.visit(id);
        walk
    }
}

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It is in a block.
    Included,
    /// All its receipts have been executed but, perhaps, the refund that ends each.
    Executed,
    /// All its receipts have been executed, refunds too.
    Complete,
}

/// A transaction in a block, with the outcomes of all that has been executed for it so far.
#[derive(Clone, Debug)]
pub struct Execution<'a> {
    /// The transaction.
    pub transaction: &'a SignedTransaction,
    /// The block that it is in.
    pub block: &'a Arc<Block>,
    /// Its own outcome, and then those of its receipts, each followed by those of the receipts
    /// that it made.
    pub outcomes: Vec<OutcomeAt<'a>>,
    waits: Vec<Wait>,
}

/// A receipt that was made and is not executed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    receipt: CryptoHash,
    is_refund: bool,
}

impl Execution<'_> {
    /// How far the transaction has come.
    pub fn progress(&self) -> Progress {
        if self.waits.iter().any(|wait| !wait.is_refund) {
            Progress::Included
        } else if self.waits.is_empty() {
            Progress::Complete
        } else {
            Progress::Executed
        }
    }

    /// The receipts that were made and are not executed yet.
    pub fn open_receipts(&self) -> impl Iterator<Item = CryptoHash> {
        self.waits.iter().map(|wait| wait.receipt)
    }

    /// The result of the transaction: that of the first receipt, on the way that
    /// `SuccessReceiptId` points, which ends in a value or a failure.
    pub fn status(&self) -> FinalExecutionStatus {
        let Some(first) = self.outcomes.first() else { return FinalExecutionStatus::NotStarted };
        let mut current = first;
        loop {
            let next = match &current.outcome.outcome.status {
                ExecutionStatus::SuccessValue(value) => {
                    return FinalExecutionStatus::SuccessValue(value.clone());
                }
                ExecutionStatus::Failure(failure) => {
                    return FinalExecutionStatus::Failure(failure.clone());
                }
                ExecutionStatus::Unknown => return FinalExecutionStatus::Started,
                ExecutionStatus::SuccessReceiptId(id) => id,
            };
            let Some(found) = self.outcomes.iter().find(|at| at.outcome.id == *next) else {
                return FinalExecutionStatus::Started;
            };
            current = found;
        }
    }

    /// The execution as `send_tx` and `tx` show it.
    ///
    /// # Panics
    /// Never: the transaction's own outcome is there from the start.
    pub fn view(&self) -> FinalExecutionOutcomeView {
        let mut outcomes = self.outcomes.iter().map(OutcomeAt::view);
        FinalExecutionOutcomeView {
            status: self.status(),
            transaction: self.transaction.clone().into(),
            transaction_outcome: outcomes.next().expect("an execution has the first outcome"),
            receipts_outcome: outcomes.collect(),
        }
    }
}

impl OutcomeAt<'_> {
    /// The outcome as the RPC shows it, with its proof.
    pub fn view(&self) -> ExecutionOutcomeWithIdView {
        ExecutionOutcomeWithIdView {
            proof: self.block.outcome_proofs().get(self.index).cloned().unwrap_or_default(),
            block_hash: *self.block.hash(),
            id: self.outcome.id,
            outcome: self.outcome.outcome.clone().into(),
        }
    }
}

struct Walk<'a> {
    index: &'a Index,
    outcomes: Vec<OutcomeAt<'a>>,
    waits: Vec<Wait>,
}

impl Walk<'_> {
    /// Depth first with a stack of its own: a chain of promises may be longer than a thread's
    /// stack is deep.
    fn visit(&mut self, root: &CryptoHash) {
        let mut todo = vec![(*root, false)];
        while let Some((id, is_last)) = todo.pop() {
            let Some(at) = self.index.outcome(&id) else {
                self.waits.push(self.wait_for(&id, is_last));
                continue;
            };
            self.outcomes.push(at);
            let made = &at.outcome.outcome.receipt_ids;
            let last = made.last();
            todo.extend(made.iter().rev().map(|id| (*id, Some(id) == last)));
        }
    }

    /// Only the last receipt of an outcome can be the refund that nobody waits for.
    fn wait_for(&self, id: &CryptoHash, is_last: bool) -> Wait {
        let is_refund = self.index.receipt(id).is_some_and(|(r, _)| r.predecessor_id().is_system());
        Wait { receipt: *id, is_refund: is_last && is_refund }
    }
}
