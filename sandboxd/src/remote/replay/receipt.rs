//! A receipt that runs again alone, and not the transaction that it goes back to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use near_primitives::hash::{CryptoHash, hash};
use near_primitives::receipt::{DataReceipt, Receipt, ReceiptEnum, ReceiptV0};
use near_primitives::types::AccountId;
use near_primitives::views::{
    BlockHeaderView, ExecutionOutcomeWithIdView, ExecutionStatusView,
    FinalExecutionOutcomeWithReceiptView, ReceiptEnumView, ReceiptView,
};
use serde_json::json;

use super::super::client::{Client, Unread};
use super::super::error::RemoteError;
use super::super::pinned::read;
use super::{Origin, ReplayFailed, chain_before, found, header, in_block};
use crate::chain::{Difference, DryReceiptFailed, DryReceiptRun, OutcomeAt, compare_receipts};

/// A receipt of a chain elsewhere, what it waited for, and what became of it there.
#[derive(Clone, Debug)]
pub struct RecordedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// The data that it waited for, in the order of its data ids. Nodes do not tell the ids of these
    /// receipts: here they follow from those of the data.
    pub input: Vec<Receipt>,
    /// Its outcome, and then those of the receipts that it made, each followed by those of the receipts
    /// that that one made.
    pub outcomes: Vec<ExecutionOutcomeWithIdView>,
    /// The header of the block that executed it.
    pub block: BlockHeaderView,
}

/// A recorded receipt that ran again.
#[derive(Debug)]
pub struct ReceiptReplay {
    /// What came of it here.
    pub run: DryReceiptRun,
    /// Its outcomes, in the order of [`RecordedReceipt::outcomes`].
    pub outcomes: Vec<ExecutionOutcomeWithIdView>,
    /// In what the recorded ones, the first, and these, the second, differ.
    pub differences: Vec<Difference>,
}

/// A recorded receipt was not run again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptReplayFailed {
    /// For what ends any replay.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
    /// Nothing is recorded to compare with.
    #[error(
        "the receipt {receipt_id} has no outcome there: it is not executed yet, or has no actions"
    )]
    NoOutcome {
        /// The receipt.
        receipt_id: CryptoHash,
    },
    /// The data that it waited for is not known.
    #[error(
        "the receipt {receipt_id} waited for the data {data_id}, and no receipt of its transaction \
         tells what that was: the data of a yield came from elsewhere"
    )]
    MissingData {
        /// The receipt.
        receipt_id: CryptoHash,
        /// The data.
        data_id: CryptoHash,
    },
    /// It cannot be run there.
    #[error(transparent)]
    Run(#[from] DryReceiptFailed),
}

impl From<RemoteError> for ReceiptReplayFailed {
    fn from(error: RemoteError) -> Self {
        Self::Replay(error.into())
    }
}

/// Without which receipts are not replayed.
const NEEDED_FOR: &str = "a receipt cannot be run alone; its transaction can be replayed";

impl RecordedReceipt {
    /// What the chain that `client` asks recorded; `None` if it knows no such receipt.
    pub fn fetch(
        client: &Client,
        receipt_id: &CryptoHash,
    ) -> Result<Option<Self>, ReceiptReplayFailed> {
        let receipt_id = *receipt_id;
        let Some(view) = receipt(client, receipt_id)? else { return Ok(None) };
        let origin = Origin::fetch(client, &receipt_id)
            .map_err(|error| error.of_method("EXPERIMENTAL_receipt_to_tx", NEEDED_FOR))?;
        let Some(origin) = origin else { return Ok(None) };
        let Some(transaction) = transaction(client, &origin)? else { return Ok(None) };
        let outcomes = Outcomes::of(&transaction);
        let own = outcomes.0.get(&receipt_id);
        let own = own.ok_or(ReceiptReplayFailed::NoOutcome { receipt_id })?;
        let mut input = Vec::new();
        if let ReceiptEnumView::Action { input_data_ids, .. } = &view.receipt {
            for data_id in input_data_ids {
                let (from, data) = outcomes
                    .data(&transaction.receipts, data_id)
                    .ok_or(ReceiptReplayFailed::MissingData { receipt_id, data_id: *data_id })?;
                input.push(data_receipt(from, &view.receiver_id, *data_id, data));
            }
        }
        let block = header(client, &own.block_hash)?;
        let outcomes = outcomes.from(receipt_id);
        let receipt = Receipt::try_from(view).map_err(|error| RemoteError::Unsupported {
            what: format!("the receipt {receipt_id} is not understood: {error}"),
        })?;
        Ok(Some(Self { receipt, input, outcomes, block }))
    }

    /// Runs the receipt, and those that it makes, on the state from before its block, with `code` in the
    /// place of what these accounts had, and compares. What else happened in that block and in those
    /// after it is not here.
    pub fn replay(
        &self,
        client: Arc<Client>,
        cache: Option<&Path>,
        code: BTreeMap<AccountId, Vec<u8>>,
    ) -> Result<ReceiptReplay, ReceiptReplayFailed> {
        let chain = chain_before(&self.block, client, cache, self.receipt.receiver_id())?;
        let overrides = in_block(&self.block, code);
        let run = chain.dry_run_receipt(self.receipt.clone(), self.input.clone(), &overrides)?;
        let outcomes: Vec<_> = run.outcomes().iter().map(OutcomeAt::view).collect();
        let differences = compare_receipts(self.receipt.receipt_id(), &self.outcomes, &outcomes);
        Ok(ReceiptReplay { run, outcomes, differences })
    }
}

fn receipt(client: &Client, id: CryptoHash) -> Result<Option<ReceiptView>, RemoteError> {
    const METHOD: &str = "EXPERIMENTAL_receipt";
    let receipt = client.ask_any(METHOD, &json!({ "receipt_id": id }), |answer| {
        found(answer, "UNKNOWN_RECEIPT", |result| {
            let view: ReceiptView = read(result)?;
            if view.receipt_id == id {
                Ok(view)
            } else {
                Err(Unread::Wrong("it is another receipt".into()))
            }
        })
    });
    receipt.map_err(|error| error.of_method(METHOD, NEEDED_FOR))
}

fn transaction(
    client: &Client,
    Origin { transaction_hash, sender_account_id }: &Origin,
) -> Result<Option<FinalExecutionOutcomeWithReceiptView>, RemoteError> {
    const METHOD: &str = "EXPERIMENTAL_tx_status";
    let params = json!({
        "tx_hash": transaction_hash,
        "sender_account_id": sender_account_id,
        // A receipt that waits for a resume would hold the answer back.
        "wait_until": "INCLUDED",
    });
    let transaction = client.ask_any(METHOD, &params, |answer| {
        found(answer, "UNKNOWN_TRANSACTION", |result| {
            let view: FinalExecutionOutcomeWithReceiptView = read(result)?;
            if view.final_outcome.transaction.hash == *transaction_hash {
                Ok(view)
            } else {
                Err(Unread::Wrong("it is about another transaction".into()))
            }
        })
    });
    transaction.map_err(|error| error.of_method(METHOD, NEEDED_FOR))
}

/// The outcomes of a transaction's receipts by their ids.
struct Outcomes<'a>(BTreeMap<CryptoHash, &'a ExecutionOutcomeWithIdView>);

impl<'a> Outcomes<'a> {
    fn of(transaction: &'a FinalExecutionOutcomeWithReceiptView) -> Self {
        let outcomes = transaction.final_outcome.receipts_outcome.iter();
        Self(outcomes.map(|outcome| (outcome.id, outcome)).collect())
    }

    /// Those of a receipt and of what it made. Each is taken once, whatever a node says.
    fn from(mut self, root: CryptoHash) -> Vec<ExecutionOutcomeWithIdView> {
        let mut todo = vec![root];
        let mut outcomes = Vec::new();
        while let Some(id) = todo.pop() {
            if let Some(outcome) = self.0.remove(&id) {
                todo.extend(outcome.outcome.receipt_ids.iter().rev());
                outcomes.push(outcome.clone());
            }
        }
        outcomes
    }

    /// Who gave the data, and what it was: the result of the receipt that owes it, or of the one
    /// that this left its result to. A failed one gives none.
    fn data(
        &self,
        receipts: &[ReceiptView],
        data_id: &CryptoHash,
    ) -> Option<(&'a AccountId, Option<Vec<u8>>)> {
        let owes = |view: &&ReceiptView| match &view.receipt {
            ReceiptEnumView::Action { output_data_receivers, .. } => {
                output_data_receivers.iter().any(|receiver| receiver.data_id == *data_id)
            }
            _ => false,
        };
        let mut id = receipts.iter().find(owes)?.receipt_id;
        // What a node says may go round in a circle.
        for _ in 0..=self.0.len() {
            let outcome = &self.0.get(&id)?.outcome;
            match &outcome.status {
                ExecutionStatusView::SuccessReceiptId(next) => id = *next,
                ExecutionStatusView::SuccessValue(value) => {
                    return Some((&outcome.executor_id, Some(value.clone())));
                }
                ExecutionStatusView::Failure(_) => return Some((&outcome.executor_id, None)),
                ExecutionStatusView::Unknown => return None,
            }
        }
        None
    }
}

fn data_receipt(
    from: &AccountId,
    to: &AccountId,
    data_id: CryptoHash,
    data: Option<Vec<u8>>,
) -> Receipt {
    Receipt::V0(ReceiptV0 {
        predecessor_id: from.clone(),
        receiver_id: to.clone(),
        receipt_id: hash(data_id.as_ref()),
        receipt: ReceiptEnum::Data(DataReceipt { data_id, data }),
    })
}
