//! The clone that a dry run plays on: prepared once, and cloned again for each run.

use std::sync::Arc;

use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::types::BlockHeight;
use sandbox_runtime::overrides::StateOverrides;
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::{Itemized, RuntimeFault, StateChanges};

use super::super::produce::Circumstances;
use super::super::time::is_too_late;
use super::unsigned::{Completed, complete};
use super::{Chain, DryRunFailed, DryTransaction, InvalidOverrides, Overrides, Refusal};
use crate::chain::Progress;

/// More blocks than any transaction takes: one that waits for a yield has nothing left to do.
const MAX_BLOCKS: u64 = 10_000;

/// A clone of the chain with the overridden state.
pub(super) struct Stage {
    pub(super) chain: Chain,
    circumstances: Circumstances,
}

/// One transaction or receipt, run to its end on a clone of the stage.
pub(super) struct Run {
    pub(super) chain: Chain,
    pub(super) hash: CryptoHash,
    pub(super) itemized: Itemized,
    /// What each block changed.
    pub(super) changes: Vec<Arc<StateChanges>>,
}

impl Stage {
    pub(super) fn new(chain: &Chain, overrides: &Overrides) -> Result<Self, DryRunFailed> {
        let (height, timestamp_ns) = (overrides.height, overrides.timestamp_ns);
        check_block(chain, overrides)?;
        let mut chain = chain.clone();
        // All runs of a stage see the same time.
        chain.clock.freeze();
        if let Some(at) = timestamp_ns {
            chain.clock.set(at);
            chain.clock.set_next_block(None);
        }
        let circumstances = Circumstances {
            height,
            timestamp_ns,
            gas_price: overrides.gas_price,
            ..Circumstances::default()
        };
        let mut stage = Self { chain, circumstances };
        stage.write(&overrides.state)?;
        Ok(stage)
    }

    fn write(&mut self, overrides: &StateOverrides) -> Result<(), DryRunFailed> {
        if overrides.is_empty() {
            return Ok(());
        }
        let patch = overrides
            .over(self.chain.runtime.config(), &self.chain.state)?
            .map_err(InvalidOverrides::from)?;
        self.chain.state = self
            .chain
            .state
            .apply(&patch.changes)
            .map_err(RuntimeFault::from)
            .map_err(Refusal::from)?;
        let Circumstances { added, removed, .. } = &mut self.circumstances;
        *added = added.saturating_add(patch.added);
        *removed = removed.saturating_add(patch.removed);
        Ok(())
    }

    /// The transaction, checked as far as that needs no block.
    pub(super) fn prepare(&self, transaction: DryTransaction) -> Result<WellFormed, DryRunFailed> {
        let config = self.chain.runtime.config();
        let well_formed = match transaction {
            DryTransaction::Signed(transaction) => {
                self.chain.check_not_expired(&transaction).map_err(Refusal::from)?;
                if self.chain.is_impersonated(&transaction) {
                    WellFormed::impersonated(config, transaction)
                } else {
                    WellFormed::check(config, transaction)
                }
            }
            DryTransaction::Recorded(transaction) => WellFormed::unsigned(config, transaction),
            DryTransaction::Unsigned(unsigned) => {
                let Completed { transaction, has_key } = complete(&self.chain, unsigned)?;
                if has_key {
                    WellFormed::unsigned(config, transaction)
                } else {
                    WellFormed::impersonated(config, transaction)
                }
            }
        };
        Ok(well_formed.map_err(Refusal::from)?)
    }

    pub(super) fn run(&self, transaction: WellFormed) -> Result<Run, Refusal> {
        let mut chain = self.chain.clone();
        let mut circumstances = self.circumstances;
        let hash = transaction.transaction().get_hash();
        if !chain.pool.contains(&hash) {
            let gas = chain.check_in(&transaction, &circumstances)?;
            chain.pool.push(transaction, gas);
        }
        let mut run = Run { chain, hash, itemized: Itemized::new(), changes: Vec::new() };
        for _ in 0..MAX_BLOCKS {
            run.block(&circumstances)?;
            circumstances = circumstances.of_later_blocks();
            let progress = run.chain.execution(&hash).map(|execution| execution.progress());
            if progress == Some(Progress::Complete) || !run.chain.has_work() {
                break;
            }
        }
        Ok(run)
    }

    /// Runs the receipt with the id `hash`, which is one of `receipts`.
    pub(super) fn run_receipts(
        &self,
        hash: CryptoHash,
        receipts: Vec<Receipt>,
    ) -> Result<Run, Refusal> {
        let mut chain = self.chain.clone();
        chain.let_through(receipts);
        let mut circumstances = self.circumstances;
        let mut run = Run { chain, hash, itemized: Itemized::new(), changes: Vec::new() };
        for _ in 0..MAX_BLOCKS {
            run.block(&circumstances)?;
            circumstances = circumstances.of_later_blocks();
            if run.chain.waits_for_source()
                && let Some(fault) = run.chain.why_it_waits()
            {
                return Err(fault.into());
            }
            if !run.chain.has_work() {
                break;
            }
        }
        Ok(run)
    }
}

impl Circumstances {
    fn of_later_blocks(self) -> Self {
        Self { gas_price: self.gas_price, ..Self::default() }
    }
}

impl Run {
    fn block(&mut self, circumstances: &Circumstances) -> Result<(), Refusal> {
        let (produced, itemized) = self.chain.produce_dry(circumstances)?;
        if let Some(dropped) = produced.dropped.into_iter().find(|other| other.id == self.hash) {
            return Err(Refusal::Invalid(dropped.error));
        }
        if let Some(left_out) = produced.unexecuted.into_iter().find(|other| other.id == self.hash)
        {
            return Err(RuntimeFault::from(left_out.unavailable).into());
        }
        self.itemized.extend(itemized);
        self.changes.extend(self.chain.changes_of(&produced.block).cloned());
        Ok(())
    }
}

/// Whether there can be a block as `overrides` want the next one.
fn check_block(chain: &Chain, overrides: &Overrides) -> Result<(), InvalidOverrides> {
    let head = chain.head().height();
    if let Some(height) = overrides.height {
        if height <= head {
            return Err(InvalidOverrides::HeightNotAboveHead { height, head });
        }
        if height > BlockHeight::MAX.saturating_sub(MAX_BLOCKS) {
            return Err(InvalidOverrides::HeightTooLarge { height });
        }
    }
    if let Some(at) = overrides.timestamp_ns.filter(|at| is_too_late(*at)) {
        return Err(InvalidOverrides::TimeTooLate { at });
    }
    let max = chain.genesis_config().max_gas_price;
    match overrides.gas_price {
        Some(price) if price > max => Err(InvalidOverrides::GasPriceTooHigh { price, max }),
        _ => Ok(()),
    }
}
