//! A receipt that runs without the transaction that it goes back to.

use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;

use super::stage::Stage;
use super::{AccountChanges, Chain, DryRunFailed, Overrides};
use crate::chain::OutcomeAt;

/// What came of a receipt in a dry run.
#[derive(Clone, Debug)]
pub struct DryReceiptRun {
    /// The chain as it would be then.
    pub after: Chain,
    /// The receipt.
    pub receipt_id: CryptoHash,
    /// What the receipt and those that it made changed in the state, in the order of the accounts.
    pub changes: Vec<AccountChanges>,
}

/// Why there was no dry run of a receipt.
#[derive(Debug, thiserror::Error)]
pub enum DryReceiptFailed {
    /// For what ends any dry run.
    #[error(transparent)]
    Run(#[from] DryRunFailed),
    /// The receipt would wait, or there is nothing in it that runs.
    #[error(
        "the receipt {receipt_id} would not be executed: it has no actions, or not all of its input \
         data is given"
    )]
    NotExecuted {
        /// The receipt.
        receipt_id: CryptoHash,
    },
}

impl DryReceiptRun {
    /// The outcome of the receipt, and then those of the receipts that it made, each followed by those
    /// of the receipts that that one made.
    pub fn outcomes(&self) -> Vec<OutcomeAt<'_>> {
        self.after.index.outcomes_from(&self.receipt_id)
    }
}

impl Chain {
    /// What would come of `receipt` if it was due in the next block, behind what is due there, and
    /// `overrides` held. `input` are the data receipts that it waits for.
    ///
    /// Nothing changes. The blocks of the run go on until no receipt is left, also of others.
    ///
    /// # Errors
    /// [`DryReceiptFailed::Run`] if the overrides do not fit the chain, or a block of the run cannot be
    /// made; [`DryReceiptFailed::NotExecuted`] if the receipt would wait or has nothing to execute.
    pub fn dry_run_receipt(
        &self,
        receipt: Receipt,
        input: Vec<Receipt>,
        overrides: &Overrides,
    ) -> Result<DryReceiptRun, DryReceiptFailed> {
        let stage = Stage::new(self, overrides)?;
        let receipt_id = *receipt.receipt_id();
        let mut receipts = input;
        receipts.push(receipt);
        let run = stage.run_receipts(receipt_id, receipts).map_err(DryRunFailed::from)?;
        if run.chain.outcome(&receipt_id).is_none() {
            return Err(DryReceiptFailed::NotExecuted { receipt_id });
        }
        let changes = stage.changes(&run).map_err(DryRunFailed::from)?;
        Ok(DryReceiptRun { after: run.chain, receipt_id, changes })
    }
}
