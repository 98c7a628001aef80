//! What indexers ask for: where a receipt comes from, and a block with all that it did.

use near_indexer_primitives::{
    IndexerChunkView, IndexerExecutionOutcomeWithOptionalReceipt,
    IndexerExecutionOutcomeWithReceipt, IndexerShard, IndexerTransactionWithOutcome,
    StreamerMessage,
};
use near_jsonrpc_primitives::types::indexer::{
    RpcIndexerBlockError, RpcIndexerBlockRequest, RpcIndexerBlockResponse,
};
use near_jsonrpc_primitives::types::receipts::{
    RpcReceiptToTxError, RpcReceiptToTxRequest, RpcReceiptToTxResponse,
};
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::types::{BlockHeightDelta, BlockId};
use near_primitives::views::ReceiptView;
use serde_json::Value;

use super::super::params;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, changes, written};
use crate::chain::{Block, Chain, OutcomeAt};

pub(super) const RECEIPT_TO_TX: Method = Method {
    names: &["EXPERIMENTAL_receipt_to_tx"],
    summary: "The transaction that a receipt goes back to. The hints are checked and not needed.",
    takes: Takes::Params {
        forms: &[&[
            Member::required("receipt_id", Kind::Hash),
            Member::optional("block_height", Kind::Number).about("where the receipt was made"),
            Member::optional("shard_id", Kind::Number),
            Member::optional("window", Kind::Number).about("heights around it, at most 20"),
        ]],
        others: &[],
    },
    errors: &["UNKNOWN_RECEIPT", "WINDOW_TOO_LARGE", "MALFORMED_HINT"],
    handler: Handler::Look(receipt_to_tx),
};

pub(super) const INDEXER_BLOCK: Method = Method {
    names: &["EXPERIMENTAL_indexer_block"],
    summary: "A block as NEAR's indexer framework streams it: its chunk with the outcomes of its \
              transactions, the receipts that ran, and what the block changed in the state.",
    takes: Takes::Params {
        forms: &[&[Member::required("block_hash", Kind::Hash)]],
        others: &["[block_hash]"],
    },
    errors: &["DATA_UNAVAILABLE"],
    handler: Handler::Look(indexer_block),
};

/// The widest window that neard takes by default (`receipt_to_tx_max_hint_window`).
const WIDEST_WINDOW: BlockHeightDelta = 20;

fn receipt_to_tx(api: &Api, params: Value) -> Answer {
    let request: RpcReceiptToTxRequest = params::parse(params)?;
    check_hint(&request)?;
    let chain = api.chain();
    let receipt_id = request.receipt_reference.receipt_id;
    let mut id = receipt_id;
    loop {
        let maker = chain.receipt(&id).and_then(|(_receipt, block)| maker(block, &id));
        id = maker.ok_or(RpcReceiptToTxError::UnknownReceipt { receipt_id })?;
        if let Some(execution) = chain.execution(&id) {
            return written(&RpcReceiptToTxResponse {
                transaction_hash: id,
                sender_account_id: execution.transaction.transaction.signer_id().clone(),
            });
        }
    }
}

fn check_hint(request: &RpcReceiptToTxRequest) -> Result<(), RpcReceiptToTxError> {
    let malformed = |what: &str| {
        let error_message = format!("{what} requires block_height");
        Err(RpcReceiptToTxError::MalformedHint { error_message })
    };
    match (request.block_height, request.shard_id, request.window) {
        (None, Some(_), _) => malformed("shard_id"),
        (None, None, Some(_)) => malformed("window"),
        (Some(_), _, Some(requested)) if requested > WIDEST_WINDOW => {
            Err(RpcReceiptToTxError::WindowTooLarge { requested, maximum: WIDEST_WINDOW })
        }
        _ => Ok(()),
    }
}

/// Whose outcome in `block` names the receipt `id`.
fn maker(block: &Block, id: &CryptoHash) -> Option<CryptoHash> {
    let made = block.outcomes().iter().find(|made| made.outcome.receipt_ids.contains(id));
    made.map(|outcome| outcome.id)
}

fn indexer_block(api: &Api, params: Value) -> Answer {
    let RpcIndexerBlockRequest { block_hash } = params::parse(params)?;
    let chain = api.chain();
    let block = chain.block_by_id(&BlockId::Hash(block_hash)).map_err(|_unknown| {
        let error_message = format!("DB Not Found Error: BLOCK: {block_hash}");
        RpcIndexerBlockError::DataUnavailable { error_message }
    })?;
    let changed = chain.changes_of(block).ok_or_else(|| RpcIndexerBlockError::DataUnavailable {
        error_message: format!("the changes of block {block_hash} are not kept any more"),
    })?;
    let shard = IndexerShard {
        shard_id: block.shard_id(),
        chunk: Some(chunk(&chain, block)?),
        receipt_execution_outcomes: executed(&chain, block)?,
        state_changes: changes::all(changed).into_iter().map(Into::into).collect(),
    };
    let message = StreamerMessage { block: block.view(chain.signer()), shards: vec![shard] };
    written(&RpcIndexerBlockResponse { message, tracked_shards: vec![block.shard_id()] })
}

fn chunk(chain: &Chain, block: &Block) -> Result<IndexerChunkView, RpcIndexerBlockError> {
    let transactions = block.transactions().iter().map(|transaction| {
        let outcome = outcome(chain, &transaction.get_hash())?;
        let local = outcome.outcome.outcome.receipt_ids.first();
        let receipt = local.and_then(|id| chain.receipt(id)).map(|(receipt, _)| receipt);
        let outcome = IndexerExecutionOutcomeWithOptionalReceipt {
            execution_outcome: outcome.view(),
            receipt: receipt.filter(|receipt| is_to_itself(receipt)).cloned().map(Into::into),
        };
        Ok(IndexerTransactionWithOutcome { transaction: transaction.clone().into(), outcome })
    });
    let (own, instant): (Vec<&Receipt>, Vec<&Receipt>) =
        block.local_receipts().iter().partition(|receipt| !receipt.is_instant_receipt());
    let views = |receipts: Vec<&Receipt>| receipts.into_iter().cloned().map(Into::into).collect();
    Ok(IndexerChunkView {
        author: block.author().clone(),
        header: block.chunk_header_view(chain.signer()),
        transactions: transactions.collect::<Result<_, _>>()?,
        receipts: views(block.incoming_receipts().iter().collect()),
        local_receipts: views(own),
        instant_receipts: views(instant),
    })
}

fn is_to_itself(receipt: &Receipt) -> bool {
    receipt.predecessor_id() == receipt.receiver_id()
}

/// The receipts that ran in the block, with their outcomes.
fn executed(
    chain: &Chain,
    block: &Block,
) -> Result<Vec<IndexerExecutionOutcomeWithReceipt>, RpcIndexerBlockError> {
    let ran = block.outcomes().iter().skip(block.transactions().len());
    ran.map(|ran| {
        let execution_outcome = outcome(chain, &ran.id)?.view();
        let (receipt, _block) = chain.receipt(&ran.id).ok_or_else(|| incomplete(&ran.id))?;
        let receipt = ReceiptView::from(receipt.clone());
        Ok(IndexerExecutionOutcomeWithReceipt { execution_outcome, receipt })
    })
    .collect()
}

fn outcome<'a>(chain: &'a Chain, id: &CryptoHash) -> Result<OutcomeAt<'a>, RpcIndexerBlockError> {
    chain.outcome(id).ok_or_else(|| incomplete(id))
}

fn incomplete(id: &CryptoHash) -> RpcIndexerBlockError {
    RpcIndexerBlockError::IncompleteData {
        error_message: format!("missing outcome or receipt {id}"),
    }
}
