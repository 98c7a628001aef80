//! What each method answers when it cannot do what it is asked.

use near_jsonrpc_client::errors::{
    JsonRpcError, JsonRpcServerError, JsonRpcServerResponseStatusError,
};
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::chunks::{ChunkReference, RpcChunkError};
use near_jsonrpc_primitives::types::light_client::RpcLightClientProofError;
use near_jsonrpc_primitives::types::query::RpcQueryError;
use near_jsonrpc_primitives::types::receipts::ReceiptReference;
use near_jsonrpc_primitives::types::transactions::{RpcTransactionError, TransactionInfo};
use near_primitives::errors::InvalidTxError;
use near_primitives::types::{
    AccountId, BlockId, BlockReference, EpochId, EpochReference, ShardId, SpiceChunkId,
    TransactionOrReceiptId,
};
use near_primitives::views::{
    QueryRequest, StateChangesRequestView, StateProofTarget, TxExecutionStatus,
};
use rust_clients::fixture;
use serde_json::json;

use super::rig::{Rig, deploy, latest, other_key, transfer, unknown_hash};

pub async fn all(rig: &mut Rig) {
    blocks(rig).await;
    transactions(rig).await;
    queries(rig).await;
    light_client(rig).await;
    validators(rig).await;
    requests(rig).await;
}

fn unknown_block() -> BlockReference {
    BlockReference::BlockId(BlockId::Hash(unknown_hash()))
}

async fn blocks(rig: &mut Rig) {
    rig.refused(methods::block::RpcBlockRequest { block_reference: unknown_block() }).await;
    let head = rig.head().await.header;
    let block_reference = BlockReference::BlockId(BlockId::Height(head.height + 1_000));
    rig.refused(methods::block::RpcBlockRequest { block_reference }).await;

    let in_chunk =
        |block_id, shard| ChunkReference::BlockShardId { block_id, shard_id: ShardId::new(shard) };
    let chunk_reference = in_chunk(BlockId::Hash(unknown_hash()), 0);
    let error = rig.refused(methods::chunk::RpcChunkRequest { chunk_reference }).await;
    assert!(matches!(error, RpcChunkError::UnknownBlock { .. }));
    let chunk_reference = in_chunk(BlockId::Hash(head.hash), 7);
    let error = rig.refused(methods::chunk::RpcChunkRequest { chunk_reference }).await;
    assert!(
        matches!(error, RpcChunkError::InvalidShardId { shard_id } if shard_id == ShardId::new(7))
    );
    let chunk_reference = ChunkReference::ChunkHash { chunk_id: unknown_hash() };
    let error = rig.refused(methods::chunk::RpcChunkRequest { chunk_reference }).await;
    let RpcChunkError::UnknownChunk { chunk_hash } = error else { panic!("{error:?}") };
    assert_eq!(chunk_hash.0, unknown_hash());

    let block_id = Some(BlockId::Hash(unknown_hash()));
    rig.refused(methods::gas_price::RpcGasPriceRequest { block_id }).await;
    let block_reference = unknown_block();
    rig.refused(methods::EXPERIMENTAL_protocol_config::RpcProtocolConfigRequest {
        block_reference: block_reference.clone(),
    })
    .await;
    rig.refused(methods::EXPERIMENTAL_changes_in_block::RpcStateChangesInBlockRequest {
        block_reference: block_reference.clone(),
    })
    .await;
    let account_ids = vec![rig.account.clone()];
    rig.refused(methods::EXPERIMENTAL_changes::RpcStateChangesInBlockByTypeRequest {
        block_reference,
        state_changes_request: StateChangesRequestView::AccountChanges { account_ids },
    })
    .await;
}

async fn transactions(rig: &mut Rig) {
    let head = rig.head().await.header.hash;
    let stale = rig.signed_on(head, 0, vec![transfer()]);
    let expired = rig.signed_on(unknown_hash(), 1 << 20, vec![transfer()]);
    for (signed_transaction, nonce) in [(stale, true), (expired, false)] {
        let wait_until = TxExecutionStatus::Final;
        let commit = methods::broadcast_tx_commit::RpcBroadcastTxCommitRequest {
            signed_transaction: signed_transaction.clone(),
        };
        let send = methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until };
        for error in [rig.refused(commit).await, rig.refused(send).await] {
            let RpcTransactionError::InvalidTransaction { context } = error else {
                panic!("{error:?}")
            };
            assert_eq!(matches!(context, InvalidTxError::InvalidNonce { .. }), nonce);
            assert_eq!(matches!(context, InvalidTxError::Expired), !nonce);
        }
    }

    let transaction_info = TransactionInfo::TransactionId {
        tx_hash: unknown_hash(),
        sender_account_id: rig.account.clone(),
    };
    let wait_until = TxExecutionStatus::None;
    let tx = methods::tx::RpcTransactionStatusRequest {
        transaction_info: transaction_info.clone(),
        wait_until: wait_until.clone(),
    };
    rig.refused(tx).await;
    let tx_status = methods::tx_status::RpcTransactionStatusRequest {
        transaction_info: transaction_info.clone(),
        wait_until,
    };
    rig.refused(tx_status).await;
    // A status other than 200 hides the error's body from this client.
    let waiting = methods::tx::RpcTransactionStatusRequest {
        transaction_info,
        wait_until: TxExecutionStatus::Executed,
    };
    let timeout = rig.client.call(waiting).await.expect_err("nobody sends it");
    let JsonRpcError::ServerError(JsonRpcServerError::ResponseStatusError(status)) = timeout else {
        panic!("{timeout:?}")
    };
    assert!(matches!(status, JsonRpcServerResponseStatusError::TimeoutError), "{status:?}");

    let receipt_reference = ReceiptReference { receipt_id: unknown_hash() };
    rig.refused(methods::EXPERIMENTAL_receipt::RpcReceiptRequest { receipt_reference }).await;
}

async fn queries(rig: &mut Rig) {
    rig.send(vec![deploy(fixture("status"))]).await;
    let account_id = rig.account.clone();
    let nobody: AccountId = "nobody.near".parse().expect("a name");
    let plain: AccountId = "clone".parse().expect("the account that near-sandbox copies");
    let large: AccountId = "large.near".parse().expect("a name");
    large_account(rig, &large).await;
    let at_unknown_block = methods::query::RpcQueryRequest {
        block_reference: unknown_block(),
        request: QueryRequest::ViewAccount { account_id: account_id.clone() },
    };
    let error = rig.refused(at_unknown_block).await;
    assert!(matches!(error, RpcQueryError::UnknownBlock { .. }), "{error:?}");
    let key = other_key("nobody's");
    let view = |account_id: &AccountId| {
        let (account_id, prefix) = (account_id.clone(), Vec::new().into());
        let (after_key, limit, include_proof) = (None, None, false);
        QueryRequest::ViewState { account_id, prefix, after_key, limit, include_proof }
    };
    let list =
        QueryRequest::ViewAccessKeyList { account_id: large.clone(), after_key: None, limit: None };
    let call = |method: &str| QueryRequest::CallFunction {
        account_id: account_id.clone(),
        method_name: method.to_owned(),
        args: Vec::new().into(),
    };
    let access_key =
        QueryRequest::ViewAccessKey { account_id: account_id.clone(), public_key: key.clone() };
    let gas_key =
        QueryRequest::ViewGasKeyNonces { account_id: account_id.clone(), public_key: key };
    for (request, case) in [
        (QueryRequest::ViewAccount { account_id: nobody.clone() }, "UnknownAccount"),
        (QueryRequest::ViewCode { account_id: nobody }, "UnknownAccount"),
        (QueryRequest::ViewCode { account_id: plain.clone() }, "NoContractCode"),
        (view(&large), "TooLargeContractState"),
        (list, "TooManyAccessKeys"),
        (access_key, "UnknownAccessKey"),
        (gas_key, "UnknownGasKey"),
        (call("no_such_method"), "MethodResolveError(MethodNotFound)"),
        (call("set_status"), "ContractExecutionError"),
        (
            QueryRequest::ViewGlobalContractCode { code_hash: unknown_hash() },
            "NoGlobalContractCode",
        ),
        (
            QueryRequest::ViewGlobalContractCodeByAccountId { account_id: plain },
            "NoGlobalContractCode",
        ),
    ] {
        let error = format!("{:?}", rig.refused(latest(request)).await);
        assert!(error.contains(case), "{error}");
    }
}

/// An account with more keys, and by its storage usage with more state, than a view shows at once.
async fn large_account(rig: &mut Rig, id: &AccountId) {
    let account = json!({"amount": "1", "locked": "0", "code_hash": "1".repeat(32),
        "storage_usage": 50_001});
    let mut records = vec![json!({"Account": {"account_id": id, "account": account}})];
    records.extend((0..=100).map(|key| {
        json!({"AccessKey": {"account_id": id, "public_key": other_key(&format!("{key}")),
            "access_key": {"nonce": 0, "permission": "FullAccess"}}})
    }));
    rig.patch(json!(records)).await;
}

async fn light_client(rig: &mut Rig) {
    let outcome = rig.send(vec![transfer()]).await;
    let head = rig.head().await.header.hash;
    let sender_id = rig.account.clone();
    let known = outcome.transaction.hash;
    let last = outcome.receipts_outcome.last().expect("a receipt");
    assert_eq!(last.block_hash, head, "no block confirms the head's outcomes");
    let of = |transaction_hash| TransactionOrReceiptId::Transaction {
        transaction_hash,
        sender_id: sender_id.clone(),
    };
    let receipt =
        TransactionOrReceiptId::Receipt { receipt_id: last.id, receiver_id: sender_id.clone() };
    let error = prove(rig, of(unknown_hash())).await;
    assert!(
        matches!(error, RpcLightClientProofError::UnknownTransactionOrReceipt { .. }),
        "{error:?}"
    );
    let error = prove(rig, receipt).await;
    assert!(matches!(error, RpcLightClientProofError::NotConfirmed { .. }), "{error:?}");

    let block_proof =
        methods::EXPERIMENTAL_light_client_block_proof::RpcLightClientBlockProofRequest {
            block_hash: unknown_hash(),
            light_client_head: head,
        };
    rig.refused(block_proof).await;
    let last_block_hash = unknown_hash();
    rig.refused(methods::next_light_client_block::RpcLightClientNextBlockRequest {
        last_block_hash,
    })
    .await;

    let chunk_id = SpiceChunkId { block_hash: head, shard_id: ShardId::new(0) };
    let light_client_head = head;
    let error = rig
        .refused(
            methods::EXPERIMENTAL_light_client_chunk_execution_proof::RpcLightClientChunkExecutionProofRequest {
                chunk_id: chunk_id.clone(),
                light_client_head,
            },
        )
        .await;
    assert!(matches!(error, RpcLightClientProofError::ChunkNotCertified { .. }), "{error:?}");
    rig.refused(
        methods::EXPERIMENTAL_light_client_execution_outcome_proof::RpcLightClientExecutionOutcomeProofRequest {
            id: of(known),
            light_client_head,
        },
    )
    .await;
    rig.refused(methods::EXPERIMENTAL_light_client_state_proof::RpcLightClientStateProofRequest {
        chunk_id,
        target: StateProofTarget::Account { account_id: sender_id.clone() },
        light_client_head,
    })
    .await;
}

async fn prove(rig: &mut Rig, id: TransactionOrReceiptId) -> RpcLightClientProofError {
    let light_client_head = rig.head().await.header.hash;
    let request =
        methods::light_client_proof::RpcLightClientExecutionProofRequest { id, light_client_head };
    rig.refused(request).await
}

async fn validators(rig: &mut Rig) {
    let inside = rig.head().await.header.prev_hash;
    for epoch_reference in [
        EpochReference::EpochId(EpochId(unknown_hash())),
        EpochReference::BlockId(BlockId::Hash(inside)),
    ] {
        rig.refused(methods::validators::RpcValidatorRequest { epoch_reference }).await;
    }
    let block_id = Some(BlockId::Hash(unknown_hash()));
    rig.refused(methods::EXPERIMENTAL_validators_ordered::RpcValidatorsOrderedRequest { block_id })
        .await;
}

/// What is wrong with a request itself has status 400, which hides the error's body.
async fn requests(rig: &mut Rig) {
    for (method, params) in [
        ("no_such_method", json!({})),
        ("block", json!({"finality": "sure"})),
        (
            "query",
            json!({"request_type": "view_account", "finality": "final",
            "account_id": "NOT VALID"}),
        ),
    ] {
        let request = methods::any::<Result<serde_json::Value, serde_json::Value>>(method, params);
        let error = rig.client.call(request).await.expect_err("no such request");
        let JsonRpcError::ServerError(JsonRpcServerError::ResponseStatusError(status)) = error
        else {
            panic!("{method}: {error:?}")
        };
        assert!(matches!(status, JsonRpcServerResponseStatusError::BadRequest), "{status:?}");
    }
}
