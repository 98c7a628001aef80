//! What each method answers.

use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::chunks::ChunkReference;
use near_jsonrpc_primitives::types::query::QueryResponseKind;
use near_jsonrpc_primitives::types::receipts::ReceiptReference;
use near_jsonrpc_primitives::types::transactions::{RpcTransactionResponse, TransactionInfo};
use near_primitives::account::{AccessKeyPermission, GasKeyInfo};
use near_primitives::action::{DeployGlobalContractAction, GlobalContractDeployMode};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::Action;
use near_primitives::types::{
    AccountWithPublicKey, Balance, BlockId, BlockReference, EpochReference, Finality,
    SyncCheckpoint, TransactionOrReceiptId,
};
use near_primitives::views::{
    FinalExecutionOutcomeViewEnum, FinalExecutionStatus, QueryRequest, StateChangesRequestView,
    TxExecutionStatus,
};
use rust_clients::fixture;

use super::rig::{Rig, add_key, call, deploy, other_key, transfer};

pub async fn all(rig: &mut Rig) {
    blocks(rig).await;
    transactions(rig).await;
    changes(rig).await;
    queries(rig).await;
    light_client(rig).await;
    the_node(rig).await;
    time(rig).await;
}

async fn blocks(rig: &mut Rig) {
    rig.send(vec![transfer()]).await;
    let head = rig.head().await;
    let height = head.header.height;
    for block_reference in [
        BlockReference::BlockId(BlockId::Height(height)),
        BlockReference::BlockId(BlockId::Hash(head.header.hash)),
        BlockReference::Finality(Finality::DoomSlug),
        BlockReference::Finality(Finality::Final),
    ] {
        let found = rig.ok(methods::block::RpcBlockRequest { block_reference }).await;
        assert_eq!(found.header.hash, head.header.hash);
    }
    for checkpoint in [SyncCheckpoint::Genesis, SyncCheckpoint::EarliestAvailable] {
        let block_reference = BlockReference::SyncCheckpoint(checkpoint);
        let found = rig.ok(methods::block::RpcBlockRequest { block_reference }).await;
        assert_eq!(found.header.height, 0);
    }
    let chunk = &head.chunks[0];
    for chunk_reference in [
        ChunkReference::ChunkHash { chunk_id: chunk.chunk_hash },
        ChunkReference::BlockShardId {
            block_id: BlockId::Height(height),
            shard_id: chunk.shard_id,
        },
    ] {
        let found = rig.ok(methods::chunk::RpcChunkRequest { chunk_reference }).await;
        assert_eq!(found.header.chunk_hash, chunk.chunk_hash);
    }
    for block_id in [None, Some(BlockId::Height(height)), Some(BlockId::Hash(head.header.hash))] {
        let price = rig.ok(methods::gas_price::RpcGasPriceRequest { block_id }).await;
        assert_eq!(price.gas_price, head.header.gas_price);
    }
}

async fn transactions(rig: &mut Rig) {
    let sent = rig.signed(vec![transfer()]).await;
    let tx_hash = sent.get_hash();
    let request = methods::broadcast_tx_async::RpcBroadcastTxAsyncRequest {
        signed_transaction: sent.clone(),
    };
    assert_eq!(rig.ok(request).await, tx_hash);
    let id = TransactionInfo::TransactionId { tx_hash, sender_account_id: rig.account.clone() };
    for transaction_info in [id.clone(), TransactionInfo::Transaction { signed_tx: sent }] {
        let wait_until = TxExecutionStatus::Final;
        let request = methods::tx::RpcTransactionStatusRequest {
            transaction_info: transaction_info.clone(),
            wait_until: wait_until.clone(),
        };
        let answer = rig.ok(request).await;
        assert_eq!(answer.final_execution_status, TxExecutionStatus::Final);
        assert_eq!(outcome_of(answer), tx_hash);
        let request = methods::tx_status::RpcTransactionStatusRequest {
            transaction_info: transaction_info.clone(),
            wait_until: wait_until.clone(),
        };
        assert_eq!(with_receipts(rig.ok(request).await), 1);
        #[allow(deprecated, reason = "projects call it by the name that it had before")]
        let request = methods::EXPERIMENTAL_tx_status::RpcTransactionStatusRequest {
            transaction_info,
            wait_until,
        };
        assert_eq!(with_receipts(rig.ok(request).await), 1);
    }

    let signed_transaction = rig.signed(vec![transfer()]).await;
    let commit = methods::broadcast_tx_commit::RpcBroadcastTxCommitRequest { signed_transaction };
    let outcome = rig.ok(commit).await;
    assert_eq!(outcome.status, FinalExecutionStatus::SuccessValue(Vec::new()));
    let receipt_id = outcome.transaction_outcome.outcome.receipt_ids[0];
    let receipt_reference = ReceiptReference { receipt_id };
    let request = methods::EXPERIMENTAL_receipt::RpcReceiptRequest { receipt_reference };
    assert_eq!(rig.ok(request).await.receipt_id, receipt_id);

    for wait_until in [
        TxExecutionStatus::None,
        TxExecutionStatus::Included,
        TxExecutionStatus::ExecutedOptimistic,
        TxExecutionStatus::IncludedFinal,
        TxExecutionStatus::Executed,
        TxExecutionStatus::Final,
    ] {
        let signed_transaction = rig.signed(vec![transfer()]).await;
        let request = methods::send_tx::RpcSendTransactionRequest {
            signed_transaction,
            wait_until: wait_until.clone(),
        };
        let answer = rig.ok(request).await;
        let waits = wait_until != TxExecutionStatus::None;
        assert_eq!(answer.final_execution_outcome.is_some(), waits, "{wait_until:?}");
        let told = answer.final_execution_status != TxExecutionStatus::None;
        assert_eq!(told, waits, "{wait_until:?}");
    }
}

fn outcome_of(answer: RpcTransactionResponse) -> CryptoHash {
    let outcome = answer.final_execution_outcome.expect("an outcome").into_outcome();
    outcome.transaction.hash
}

fn with_receipts(answer: RpcTransactionResponse) -> usize {
    match answer.final_execution_outcome {
        Some(FinalExecutionOutcomeViewEnum::FinalExecutionOutcomeWithReceipt(outcome)) => {
            outcome.receipts.len()
        }
        other => panic!("no receipts: {other:?}"),
    }
}

async fn queries(rig: &mut Rig) {
    let code = fixture("status");
    let global = |deploy_mode| {
        let code = code.clone().into();
        Action::DeployGlobalContract(DeployGlobalContractAction { code, deploy_mode })
    };
    let gas_key = other_key("gas");
    let info = GasKeyInfo { balance: Balance::ZERO, num_nonces: 3 };
    rig.send(vec![
        deploy(code.clone()),
        call("increment"),
        global(GlobalContractDeployMode::CodeHash),
        global(GlobalContractDeployMode::AccountId),
        add_key(gas_key.clone(), AccessKeyPermission::GasKeyFullAccess(info)),
    ])
    .await;
    let account_id = rig.account.clone();

    let answer = rig.query(QueryRequest::ViewAccount { account_id: account_id.clone() }).await;
    let QueryResponseKind::ViewAccount(account) = answer else { panic!("{answer:?}") };
    assert_eq!(account.code_hash, CryptoHash::hash_bytes(&code));
    for request in [
        QueryRequest::ViewCode { account_id: account_id.clone() },
        QueryRequest::ViewGlobalContractCode { code_hash: CryptoHash::hash_bytes(&code) },
        QueryRequest::ViewGlobalContractCodeByAccountId { account_id: account_id.clone() },
    ] {
        let answer = rig.query(request).await;
        let QueryResponseKind::ViewCode(view) = answer else { panic!("{answer:?}") };
        assert_eq!(view.code, code);
    }
    for include_proof in [false, true] {
        let prefix = Vec::new().into();
        let (after_key, limit) = (None, None);
        let account_id = account_id.clone();
        let request =
            QueryRequest::ViewState { account_id, prefix, after_key, limit, include_proof };
        let answer = rig.query(request).await;
        let QueryResponseKind::ViewState(state) = answer else { panic!("{answer:?}") };
        assert_eq!(state.values.len(), 1);
        assert_eq!(state.proof.is_empty(), !include_proof);
    }
    let public_key = rig.key.clone();
    let request = QueryRequest::ViewAccessKey { account_id: account_id.clone(), public_key };
    let answer = rig.query(request).await;
    let QueryResponseKind::AccessKey(key) = answer else { panic!("{answer:?}") };
    assert!(key.nonce > 0);
    let request = QueryRequest::ViewAccessKeyList {
        account_id: account_id.clone(),
        after_key: None,
        limit: std::num::NonZeroU32::new(1),
    };
    let answer = rig.query(request).await;
    let QueryResponseKind::AccessKeyList(first) = answer else { panic!("{answer:?}") };
    assert_eq!(first.keys.len(), 1);
    let (after_key, limit) = (first.last_key, None);
    assert!(after_key.is_some(), "there is a second page");
    let request =
        QueryRequest::ViewAccessKeyList { account_id: account_id.clone(), after_key, limit };
    let answer = rig.query(request).await;
    let QueryResponseKind::AccessKeyList(rest) = answer else { panic!("{answer:?}") };
    assert_eq!((rest.keys.len(), rest.last_key), (2, None), "the gas key and that of `changes`");
    let request =
        QueryRequest::ViewGasKeyNonces { account_id: account_id.clone(), public_key: gas_key };
    let answer = rig.query(request).await;
    let QueryResponseKind::GasKeyNonces(view) = answer else { panic!("{answer:?}") };
    assert_eq!(view.nonces.len(), 3);
    let request = QueryRequest::CallFunction {
        account_id,
        method_name: "get_count".to_owned(),
        args: Vec::new().into(),
    };
    let answer = rig.query(request).await;
    let QueryResponseKind::CallResult(result) = answer else { panic!("{answer:?}") };
    assert_eq!(result.result, b"2", "counted here and for `changes`");
}

async fn changes(rig: &mut Rig) {
    let key = other_key("changes");
    let outcome = rig
        .send(vec![
            deploy(fixture("status")),
            call("increment"),
            add_key(key.clone(), AccessKeyPermission::FullAccess),
        ])
        .await;
    let block = outcome.receipts_outcome[0].block_hash;
    let block_reference = BlockReference::BlockId(BlockId::Hash(block));
    let account_ids = vec![rig.account.clone()];
    let single = AccountWithPublicKey { account_id: rig.account.clone(), public_key: key };
    for state_changes_request in [
        StateChangesRequestView::AccountChanges { account_ids: account_ids.clone() },
        StateChangesRequestView::SingleAccessKeyChanges { keys: vec![single] },
        StateChangesRequestView::AllAccessKeyChanges { account_ids: account_ids.clone() },
        StateChangesRequestView::ContractCodeChanges { account_ids: account_ids.clone() },
        StateChangesRequestView::DataChanges { account_ids, key_prefix: Vec::new().into() },
    ] {
        let wanted = format!("{state_changes_request:?}");
        let block_reference = block_reference.clone();
        let request = methods::EXPERIMENTAL_changes::RpcStateChangesInBlockByTypeRequest {
            block_reference,
            state_changes_request,
        };
        let answer = rig.ok(request).await;
        assert_eq!(answer.block_hash, block);
        assert!(!answer.changes.is_empty(), "{wanted}");
    }
    let request =
        methods::EXPERIMENTAL_changes_in_block::RpcStateChangesInBlockRequest { block_reference };
    // The account, its key, the new one, its code and its data.
    assert_eq!(rig.ok(request).await.changes.len(), 5);
}

async fn light_client(rig: &mut Rig) {
    let outcome = rig.send(vec![transfer()]).await;
    for _ in 0..3 {
        rig.send(vec![transfer()]).await;
    }
    let light_client_head = rig.head().await.header.hash;
    let id = TransactionOrReceiptId::Transaction {
        transaction_hash: outcome.transaction.hash,
        sender_id: rig.account.clone(),
    };
    let request =
        methods::light_client_proof::RpcLightClientExecutionProofRequest { id, light_client_head };
    assert_eq!(rig.ok(request).await.outcome_proof.id, outcome.transaction.hash);
    let receipt = &outcome.receipts_outcome[0];
    let id = TransactionOrReceiptId::Receipt {
        receipt_id: receipt.id,
        receiver_id: rig.account.clone(),
    };
    let request =
        methods::light_client_proof::RpcLightClientExecutionProofRequest { id, light_client_head };
    assert_eq!(rig.ok(request).await.outcome_proof.id, receipt.id);
    let block_hash = receipt.block_hash;
    let request = methods::EXPERIMENTAL_light_client_block_proof::RpcLightClientBlockProofRequest {
        block_hash,
        light_client_head,
    };
    assert!(!rig.ok(request).await.block_proof.is_empty());
    let request = methods::next_light_client_block::RpcLightClientNextBlockRequest {
        last_block_hash: block_hash,
    };
    let next = rig.ok(request).await.expect("a block that is final");
    assert!(next.inner_lite.height > 0);
    let last_block_hash = light_client_head;
    let request =
        methods::next_light_client_block::RpcLightClientNextBlockRequest { last_block_hash };
    // neard answers an empty object when it has no newer block, which this client takes for one.
    let error = rig.client.call(request).await.expect_err("an empty object");
    assert!(format!("{error:?}").contains("missing field `prev_block_hash`"), "{error:?}");
}

async fn the_node(rig: &mut Rig) {
    let head = rig.head().await;
    let status = rig.ok(methods::status::RpcStatusRequest).await;
    assert_eq!(status.sync_info.latest_block_hash, head.header.hash);
    assert_eq!(status.latest_protocol_version, near_primitives::version::PROTOCOL_VERSION);
    rig.ok(methods::health::RpcHealthRequest).await;
    let network = rig.ok(methods::network_info::RpcNetworkInfoRequest).await;
    assert_eq!(network.num_active_peers, 0);

    let genesis = rig.ok(methods::EXPERIMENTAL_genesis_config::RpcGenesisConfigRequest).await;
    assert_eq!(genesis.chain_id, status.chain_id);
    let block_reference = BlockReference::latest();
    let request =
        methods::EXPERIMENTAL_protocol_config::RpcProtocolConfigRequest { block_reference };
    let config = rig.ok(request).await;
    assert_eq!(config.protocol_version, status.protocol_version);

    let epoch_reference = EpochReference::Latest;
    let info = rig.ok(methods::validators::RpcValidatorRequest { epoch_reference }).await;
    assert_eq!(info.current_validators[0].account_id, "test.near");
    for block_id in [None, Some(BlockId::Hash(head.header.hash))] {
        let request =
            methods::EXPERIMENTAL_validators_ordered::RpcValidatorsOrderedRequest { block_id };
        assert_eq!(rig.ok(request).await.len(), 1);
    }
}

async fn time(rig: &mut Rig) {
    let before = rig.head().await.header;
    let request = methods::sandbox_fast_forward::RpcSandboxFastForwardRequest { delta_height: 100 };
    rig.ok(request).await;
    let after = rig.head().await.header;
    assert!(after.height >= before.height + 100);
    assert_ne!(after.epoch_id, before.epoch_id);
}
