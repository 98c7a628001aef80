//! How a chain grows: transactions come in, and blocks are made. Each step builds the
//! successor aside and replaces the chain by it at the end, so that a fault leaves the old one.

use std::sync::Arc;

use near_primitives::errors::InvalidTxError;
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{Balance, BlockHeight, Gas};
use sandbox_runtime::verify::{WellFormed, verify_with_state};
use sandbox_runtime::{
    BlockEffects, BlockEnv, BlockInput, DroppedTransaction, Itemized, RuntimeFault, StateChanges,
};
use sandbox_state::{ChangeSet, Snapshot};

use super::block::{Applied, Block, merklize_outcomes};
use super::epoch::Epoch;
use super::fork::Unexecuted;
use super::next::Next;
use super::pool::{ChunkLimits, Pool};
use super::validators::Staking;
use super::{Chain, Refusal, TimestampNs};

/// A block that was just made, and the transactions that turned out to be invalid at their turn.
#[derive(Clone, Debug)]
pub struct Produced {
    /// The block.
    pub block: Arc<Block>,
    /// Transactions that had been accepted, but not for this state: they are not in the block.
    pub dropped: Vec<DroppedTransaction>,
    /// Transactions of a fork that could not be executed: they are not in the block either.
    pub unexecuted: Vec<Unexecuted>,
}

impl Chain {
    /// Takes a transaction for the next block, if it is valid on the state after the head. One
    /// that is known already is not taken twice, and is no error.
    pub fn submit(&mut self, transaction: SignedTransaction) -> Result<CryptoHash, Refusal> {
        let well_formed = self.admit(transaction)?;
        self.enqueue(well_formed)
    }

    /// Whether `transaction` has not expired and is well formed, its signature included unless
    /// the signer is impersonated: the part of [`Chain::submit`] that needs no exclusive chain.
    pub fn admit(&self, transaction: SignedTransaction) -> Result<WellFormed, Refusal> {
        if !self.knows(transaction.hash()) {
            self.check_not_expired(&transaction)?;
        }
        let config = self.runtime.config();
        if self.is_impersonated(&transaction) {
            return Ok(WellFormed::impersonated(config, transaction)?);
        }
        Ok(WellFormed::check(config, transaction)?)
    }

    /// The rest of [`Chain::submit`]: checks what depends on the state, and takes the transaction.
    pub(super) fn enqueue(&mut self, well_formed: WellFormed) -> Result<CryptoHash, Refusal> {
        self.check_authority(&well_formed)?;
        self.take(well_formed)
    }

    pub(super) fn take(&mut self, well_formed: WellFormed) -> Result<CryptoHash, Refusal> {
        let transaction = well_formed.transaction();
        let hash = transaction.get_hash();
        if self.knows(&hash) {
            return Ok(hash);
        }
        self.check_not_expired(transaction)?;
        let gas = self.check_on_state(&well_formed)?;
        self.pool.push(well_formed, gas);
        Ok(hash)
    }

    /// Whether `transaction` would be valid in the next block.
    pub fn verify(&self, transaction: &SignedTransaction) -> Result<(), Refusal> {
        self.check_not_expired(transaction)?;
        let well_formed = self.admit(transaction.clone())?;
        self.check_on_state(&well_formed)?;
        Ok(())
    }

    /// Makes the next block from the waiting transactions and receipts, also if there are none.
    pub fn produce(&mut self) -> Result<Produced, RuntimeFault> {
        let step = self.step(self.next_height(), self.next_time())?;
        Ok(self.commit(step))
    }

    /// The same in other circumstances, with the gas of each action.
    pub(super) fn produce_dry(
        &mut self,
        circumstances: &Circumstances,
    ) -> Result<(Produced, Itemized), RuntimeFault> {
        let height = circumstances.height.unwrap_or_else(|| self.next_height());
        let timestamp_ns = circumstances.timestamp_ns.unwrap_or_else(|| self.next_time());
        let mut step = self.step_in(height, timestamp_ns, Some(circumstances), self.work())?;
        let itemized = std::mem::take(&mut step.effects.itemized);
        Ok((self.commit(step), itemized))
    }

    /// Makes blocks until no transaction and no receipt is left to execute.
    pub fn settle(&mut self) -> Result<Vec<Produced>, RuntimeFault> {
        let mut produced = Vec::new();
        while self.has_work() {
            produced.push(self.produce()?);
        }
        Ok(produced)
    }

    /// Forgets the waiting transactions and returns them.
    pub(super) fn drain_pool(&mut self) -> Pool {
        std::mem::take(&mut self.pool)
    }

    /// The gas that the transaction burns at once, if it is valid.
    fn check_on_state(&self, transaction: &WellFormed) -> Result<Gas, Refusal> {
        self.check_in(transaction, &Circumstances::default())
    }

    pub(super) fn check_in(
        &self,
        transaction: &WellFormed,
        circumstances: &Circumstances,
    ) -> Result<Gas, Refusal> {
        let config = self.runtime.config();
        let height = Some(circumstances.height.unwrap_or_else(|| self.next_height()));
        let gas_price = circumstances.gas_price.unwrap_or_else(|| self.gas_price());
        let verdict = verify_with_state(config, &mut &self.state, gas_price, height, transaction)??;
        Ok(verdict.admission()?.cost.gas_burnt)
    }

    /// What the next block has to do.
    fn work(&self) -> Work {
        Work {
            transactions: self.pool.next_chunk(self.chunk_limits()),
            receipts: Arc::clone(self.queue.due()),
        }
    }

    /// What fits into the next chunk. A node that checks it has to hold the transactions of two
    /// chunks in a row, so that a large chunk makes the next one small.
    fn chunk_limits(&self) -> ChunkLimits {
        let near = self.runtime.config().near();
        let most = near.witness_config.combined_transactions_size_limit;
        let before: u64 = self.head.transactions().iter().map(SignedTransaction::get_size).sum();
        ChunkLimits {
            gas: near.congestion_control_config.max_tx_gas,
            bytes: u64::try_from(most).unwrap_or(u64::MAX).saturating_sub(before),
        }
    }

    /// A transaction is signed for a block that was seen; it is valid for a while from there.
    pub(super) fn check_not_expired(
        &self,
        transaction: &SignedTransaction,
    ) -> Result<(), InvalidTxError> {
        let base = transaction.transaction.block_hash();
        let kept = self.index.block(base).map(|block| block.height());
        let base = kept.or_else(|| self.passed.height_of(base)).ok_or(InvalidTxError::Expired)?;
        let last = base.saturating_add(self.spec.genesis.transaction_validity_period);
        if self.head.height() <= last { Ok(()) } else { Err(InvalidTxError::Expired) }
    }

    /// Applies the next block, which is at `height` and has the time `timestamp_ns`.
    pub(super) fn step(
        &self,
        height: BlockHeight,
        timestamp_ns: TimestampNs,
    ) -> Result<Step, RuntimeFault> {
        self.step_in(height, timestamp_ns, None, self.work())
    }

    /// Applies the next block without the transactions and receipts that wait for it.
    pub(super) fn step_without_work(&self) -> Result<Step, RuntimeFault> {
        self.step_in(self.next_height(), self.next_time(), None, Work::default())
    }

    fn step_in(
        &self,
        height: BlockHeight,
        timestamp_ns: TimestampNs,
        circumstances: Option<&Circumstances>,
        work: Work,
    ) -> Result<Step, RuntimeFault> {
        let epoch = self.epoch_of_next(height);
        let (staking, kept_stakes) = self.staking_of_next(&epoch);
        let mut env = self.env_of_next(height, timestamp_ns, &epoch, &staking);
        let mut supply = self.head.applied.total_supply;
        if let Some(other) = circumstances {
            env.gas_price = other.gas_price.unwrap_or(env.gas_price);
            supply = supply_after(supply, other.added, other.removed)?;
        }
        let taken = work.transactions.len();
        let mut transactions: Vec<_> =
            work.transactions.iter().map(|taken| taken.transaction().clone()).collect();
        let itemize = circumstances.is_some();
        let input = BlockInput {
            transactions: work.transactions,
            receipts: work.receipts.to_vec(),
            kept_stakes,
            impersonated: self.impersonated.clone(),
            itemize,
            ..BlockInput::default()
        };
        let (effects, unexecuted) = self.apply(&env, input)?;
        transactions.retain(|tx| effects.dropped.iter().all(|dropped| dropped.id != tx.get_hash()));
        transactions.retain(|tx| unexecuted.iter().all(|left_out| left_out.id != tx.get_hash()));
        let state = self.state.apply(&effects.changes).map_err(RuntimeFault::from)?;
        let total_supply = supply_after(supply, effects.burnt.subsidized, effects.burnt.tokens)?;
        Ok(Step {
            env,
            epoch,
            staking,
            transactions,
            taken,
            incoming: work.receipts,
            effects,
            unexecuted,
            state,
            patch: ChangeSet::new(),
            total_supply,
        })
    }

    /// Replaces the chain by one that is longer by the block of `step`.
    pub(super) fn commit(&mut self, step: Step) -> Produced {
        let effects = step.effects;
        let (outcome_root, outcome_proofs) = merklize_outcomes(&effects.outcomes);
        let applied = Applied {
            state_root: CryptoHash(step.state.root().0),
            outcome_root,
            outcome_proofs,
            outcomes: effects.outcomes,
            outgoing: effects.outgoing.into(),
            local: effects.local,
            proposals: effects.proposals,
            gas_used: effects.burnt.gas,
            // What the protocol gave away offsets what was burnt.
            balance_burnt: effects.burnt.tokens.saturating_sub(effects.burnt.subsidized),
            total_supply: step.total_supply,
        };
        self.passed.push(&self.head);
        let mut block = self.next_block(Next {
            height: step.env.height,
            timestamp_ns: step.env.timestamp_ns,
            random_value: step.env.random_seed,
            epoch: step.epoch,
            staking: step.staking,
            transactions: step.transactions,
            incoming: step.incoming,
            applied,
        });
        self.queue.take(block.incoming_receipts().len(), &block.applied.outgoing);
        block.queue = self.queue.clone();
        let block = Arc::new(block);
        self.clock.block_made(step.env.timestamp_ns);
        self.index.insert(Arc::clone(&block));
        self.final_blocks.advance(&block, self.head.height(), &self.index);
        let changes = StateChanges::new(effects.changes, effects.causes, step.patch);
        self.keep(block.height(), step.state.clone(), changes);
        self.state = step.state;
        self.delayed_receipts = effects.delayed_receipts;
        self.held_back = effects.held_back;
        self.pool.forget_first(step.taken);
        self.head = Arc::clone(&block);
        Produced { block, dropped: effects.dropped, unexecuted: step.unexecuted }
    }

    /// Keeps the state after the block at `height`, which is in the index, and what that changed, and
    /// forgets what is too old.
    pub(super) fn keep(&mut self, height: BlockHeight, state: Snapshot, changes: StateChanges) {
        self.history.push(height, state);
        self.changes.insert_mut(height, Arc::new(changes));
        self.forget_before(self.history.lowest().unwrap_or_default());
        if let Some(oldest) = self.index.oldest() {
            let validity = self.spec.genesis.transaction_validity_period;
            self.passed.forget(oldest, height, validity);
        }
    }

    /// Forgets the states below `lowest`, but that of the head, and what belongs to them.
    pub(super) fn forget_before(&mut self, lowest: BlockHeight) {
        self.history.forget_below(lowest.min(self.head.height()));
        let lowest = self.history.lowest().unwrap_or_default();
        while let Some(first) = self.changes.first().map(|(height, _)| *height)
            && first < lowest
        {
            self.changes.remove_mut(&first);
        }
        // What a view sees of a block depends on the one before it, which is kept longer for that.
        self.index.forget_before(lowest);
    }
}

fn supply_after(
    supply: Balance,
    added: Balance,
    removed: Balance,
) -> Result<Balance, RuntimeFault> {
    let after = supply.checked_add(added).and_then(|supply| supply.checked_sub(removed));
    after.ok_or(RuntimeFault::Overflow("the total supply"))
}

/// What a block of a dry run finds otherwise than it would.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Circumstances {
    pub(super) height: Option<BlockHeight>,
    pub(super) timestamp_ns: Option<TimestampNs>,
    pub(super) gas_price: Option<Balance>,
    /// Tokens that were put into the state and taken from it by hand.
    pub(super) added: Balance,
    pub(super) removed: Balance,
}

/// What a block takes of what waits for one.
#[derive(Default)]
struct Work {
    transactions: Vec<WellFormed>,
    receipts: Arc<[Receipt]>,
}

/// A block that has been applied and is not yet part of the chain.
pub(super) struct Step {
    pub(super) env: BlockEnv,
    epoch: Epoch,
    pub(super) staking: Staking,
    transactions: Vec<SignedTransaction>,
    /// How many transactions were taken from the pool, dropped ones included.
    taken: usize,
    incoming: Arc<[Receipt]>,
    pub(super) effects: BlockEffects,
    unexecuted: Vec<Unexecuted>,
    pub(super) state: Snapshot,
    /// What a patch puts over the state, after the block.
    pub(super) patch: ChangeSet,
    pub(super) total_supply: Balance,
}
