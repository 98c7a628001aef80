//! The methods that send a transaction or ask how far one has come.
//!
//! `wait_until` is answered by the node, which says when a block has brought the transaction far
//! enough; nothing is polled.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use near_jsonrpc_primitives::errors::RpcParseError;
use near_jsonrpc_primitives::types::transactions::{
    RpcSendTransactionRequest, RpcTransactionError, RpcTransactionResponse,
    RpcTransactionStatusRequest, TimeoutErrorCause, TransactionInfo,
};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::SignedTransaction;
use near_primitives::views::{
    FinalExecutionOutcomeViewEnum, FinalExecutionOutcomeWithReceiptView, TxExecutionStatus,
};
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params::Params;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, stopped, written};
use crate::chain::{self, Chain, Execution, Refusal};

pub(super) const SIGNED: Member = Member::required("signed_tx_base64", Kind::Base64);

pub(super) const WAIT_UNTIL: Member = Member::optional(
    "wait_until",
    Kind::One(&["NONE", "INCLUDED", "EXECUTED_OPTIMISTIC", "INCLUDED_FINAL", "EXECUTED", "FINAL"]),
)
.about("by default `EXECUTED_OPTIMISTIC`");

const SEND: Takes =
    Takes::Params { forms: &[&[SIGNED, WAIT_UNTIL]], others: &["[signed_tx_base64]"] };

/// Sending without a choice what to wait for.
const BROADCAST: Takes = Takes::Params { forms: &[&[SIGNED]], others: &["[signed_tx_base64]"] };

pub(super) const SEND_TX: Method = Method {
    names: &["send_tx"],
    summary: "Sends a transaction and waits until it has come as far as `wait_until` says. A \
              transaction that is known already is not sent twice. With `NONE` it is not even \
              checked. `UNKNOWN_TRANSACTION` comes if the chain was taken back to before it.",
    takes: SEND,
    errors: &["INVALID_TRANSACTION", "UNKNOWN_TRANSACTION", "TIMEOUT_ERROR"],
    handler: Handler::Wait(|api, params| Box::pin(send_tx(api, params))),
};

pub(super) const BROADCAST_TX_ASYNC: Method = Method {
    names: &["broadcast_tx_async"],
    summary: "Sends a transaction without checking it, and answers its hash. Deprecated: see \
              `send_tx`.",
    takes: BROADCAST,
    errors: &[],
    handler: Handler::Look(broadcast_tx_async),
};

pub(super) const BROADCAST_TX_COMMIT: Method = Method {
    names: &["broadcast_tx_commit"],
    summary: "Sends a transaction and waits until it is executed. Deprecated: see `send_tx`.",
    takes: BROADCAST,
    errors: &["INVALID_TRANSACTION", "UNKNOWN_TRANSACTION", "TIMEOUT_ERROR"],
    handler: Handler::Wait(|api, params| Box::pin(broadcast_tx_commit(api, params))),
};

pub(super) const TX: Method = Method {
    names: &["tx"],
    summary: "Waits until a transaction has come as far as `wait_until` says, and tells its \
              outcomes. One that was never seen may still come, so that is waited for too, unless \
              `wait_until` is `NONE`.",
    takes: Takes::Params {
        forms: &[
            &[
                Member::required("tx_hash", Kind::Hash),
                Member::required("sender_account_id", Kind::AccountId),
                WAIT_UNTIL,
            ],
            &[SIGNED, WAIT_UNTIL],
        ],
        others: &["[tx_hash, sender_account_id]", "[signed_tx_base64]"],
    },
    errors: &["INVALID_TRANSACTION", "UNKNOWN_TRANSACTION", "TIMEOUT_ERROR"],
    handler: Handler::Wait(|api, params| Box::pin(status(api, params, Receipts::Left))),
};

pub(super) const TX_STATUS: Method = Method {
    names: &["tx_status", "EXPERIMENTAL_tx_status"],
    summary: "As `tx`, with the receipts.",
    handler: Handler::Wait(|api, params| Box::pin(status(api, params, Receipts::Shown))),
    ..TX
};

/// Whether an answer includes the receipts of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receipts {
    Left,
    Shown,
}

async fn send_tx(api: &Api, params: Value) -> Answer {
    let request = send_request(params)?;
    send(api, request.signed_transaction, request.wait_until).await
}

async fn broadcast_tx_commit(api: &Api, params: Value) -> Answer {
    let request = send_request(params)?;
    send(api, request.signed_transaction, TxExecutionStatus::ExecutedOptimistic).await
}

fn broadcast_tx_async(api: &Api, params: Value) -> Answer {
    let transaction = send_request(params)?.signed_transaction;
    let hash = transaction.get_hash();
    // Nobody waits: what becomes of it is found out by its hash.
    drop(api.node.submit(transaction, TxExecutionStatus::None));
    written(&hash)
}

async fn send(api: &Api, transaction: SignedTransaction, wait_until: TxExecutionStatus) -> Answer {
    let hash = transaction.get_hash();
    if wait_until == TxExecutionStatus::None {
        drop(api.node.submit(transaction, TxExecutionStatus::None));
        return written(&RpcTransactionResponse {
            final_execution_outcome: None,
            final_execution_status: TxExecutionStatus::None,
        });
    }
    let answer = api.node.submit(transaction, wait_until);
    sent(api, &hash, answer).await
}

/// Waits until a transaction that was sent has come as far as it should, and tells its outcomes.
pub(super) async fn sent(
    api: &Api,
    hash: &CryptoHash,
    answer: chain::Answer<chain::Landed>,
) -> Answer {
    let landed = landed(api, hash, answer, Receipts::Left).await?;
    executed(&landed, hash, Receipts::Left)
}

async fn status(api: &Api, params: Value, receipts: Receipts) -> Answer {
    let request = Params::<RpcTransactionStatusRequest>::new(params)
        .singleton(|encoded: String| {
            let signed_tx = decode(&encoded)?;
            let transaction_info = TransactionInfo::Transaction { signed_tx };
            Ok(RpcTransactionStatusRequest {
                transaction_info,
                wait_until: TxExecutionStatus::default(),
            })
        })
        .pair(|tx_hash, sender_account_id| {
            let transaction_info = TransactionInfo::TransactionId { tx_hash, sender_account_id };
            Ok(RpcTransactionStatusRequest {
                transaction_info,
                wait_until: TxExecutionStatus::default(),
            })
        })
        .named()?;
    let (hash, _sender) = request.transaction_info.to_tx_hash_and_account();
    let chain = api.chain();
    if request.wait_until == TxExecutionStatus::None {
        if chain.execution(&hash).is_some() {
            return executed(&chain, &hash, receipts);
        }
        refuse_invalid(&chain, &request.transaction_info)?;
        let error = RpcTransactionError::UnknownTransaction { requested_transaction_hash: hash };
        return Err(error.into());
    }
    if !chain.knows(&hash) {
        refuse_invalid(&chain, &request.transaction_info)?;
    }
    let answer = api.node.watch(hash, request.wait_until);
    let landed = landed(api, &hash, answer, receipts).await?;
    executed(&landed, &hash, receipts)
}

/// Refuses a transaction that was given in full, is not known, and could not be sent either.
fn refuse_invalid(chain: &Chain, info: &TransactionInfo) -> Result<(), RpcFailure> {
    let Some(transaction) = info.to_signed_tx() else { return Ok(()) };
    chain.verify(transaction).map_err(|refusal| refused(refusal, transaction.hash()))
}

/// Tells why the node did not take a transaction, or lost it.
pub(super) fn refused(refusal: Refusal, hash: &CryptoHash) -> RpcFailure {
    match refusal {
        Refusal::Invalid(context) => RpcTransactionError::InvalidTransaction { context }.into(),
        Refusal::Fault(reason) => internal_error(&reason),
        Refusal::ReadOnly(failed) => internal_error(&failed.to_string()),
        Refusal::TakenBack => {
            let requested_transaction_hash = *hash;
            RpcTransactionError::UnknownTransaction { requested_transaction_hash }.into()
        }
    }
}

/// Waits for the node's answer as long as a client may.
async fn landed(
    api: &Api,
    hash: &CryptoHash,
    answer: chain::Answer<chain::Landed>,
    receipts: Receipts,
) -> Result<std::sync::Arc<Chain>, RpcFailure> {
    match tokio::time::timeout(api.wait_timeout, answer).await {
        Ok(Some(Ok(chain))) => Ok(chain),
        Ok(Some(Err(refusal))) => Err(refused(refusal, hash)),
        Ok(None) => Err(stopped(api)),
        Err(_elapsed) => {
            let chain = api.chain();
            let cause = match chain.execution(hash) {
                None => TimeoutErrorCause::NotObserved,
                Some(execution) => {
                    let status = Box::new(response(&chain, &execution, receipts));
                    TimeoutErrorCause::Pending { status }
                }
            };
            Err(RpcTransactionError::TimeoutError(Some(cause)).into())
        }
    }
}

/// The answer about a transaction that is in a block.
fn executed(chain: &Chain, hash: &CryptoHash, receipts: Receipts) -> Answer {
    let execution = chain
        .execution(hash)
        .ok_or_else(|| internal_error("the transaction has left the chain"))?;
    written(&response(chain, &execution, receipts))
}

pub(super) fn response(
    chain: &Chain,
    execution: &Execution<'_>,
    receipts: Receipts,
) -> RpcTransactionResponse {
    let final_outcome = execution.view();
    let outcome = match receipts {
        Receipts::Left => FinalExecutionOutcomeViewEnum::FinalExecutionOutcome(final_outcome),
        Receipts::Shown => {
            let transaction = &final_outcome.transaction;
            // A receipt to oneself never travelled, and neard does not keep it.
            let own = transaction.signer_id == transaction.receiver_id;
            let local = final_outcome.transaction_outcome.outcome.receipt_ids.first();
            let local = local.filter(|_| own).copied();
            let ids = final_outcome.receipts_outcome.iter().map(|outcome| outcome.id);
            let receipts = ids.filter(|id| Some(*id) != local).filter_map(|id| {
                chain.receipt(&id).map(|(receipt, _block)| receipt.clone().into())
            });
            let receipts = receipts.collect();
            FinalExecutionOutcomeViewEnum::FinalExecutionOutcomeWithReceipt(
                FinalExecutionOutcomeWithReceiptView { final_outcome, receipts },
            )
        }
    };
    let final_execution_status = chain.execution_status(execution);
    RpcTransactionResponse { final_execution_outcome: Some(outcome), final_execution_status }
}

fn send_request(params: Value) -> Result<RpcSendTransactionRequest, RpcParseError> {
    Params::<RpcSendTransactionRequest>::new(params)
        .singleton(|encoded: String| {
            let signed_transaction = decode(&encoded)?;
            Ok(RpcSendTransactionRequest {
                signed_transaction,
                wait_until: TxExecutionStatus::default(),
            })
        })
        .pair(|_: String, _: String| {
            // The text that neard answers: `wait_until` has a name only.
            let text = "Unable to parse send request: too many params passed";
            Err(RpcParseError(text.to_owned()))
        })
        .named()
}

/// Reads a transaction from base64 and borsh, with neard's text for a failure.
pub(super) fn decode(encoded: &str) -> Result<SignedTransaction, RpcParseError> {
    let failed = |error: &dyn std::fmt::Display| {
        RpcParseError(format!("Failed to decode transaction: {error}"))
    };
    let bytes = BASE64.decode(encoded).map_err(|error| failed(&error))?;
    borsh::from_slice(&bytes).map_err(|error| failed(&error))
}
