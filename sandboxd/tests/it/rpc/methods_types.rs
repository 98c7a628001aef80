//! Every golden result is read by NEAR's own type for it, as the clients that are built on
//! `near-jsonrpc-primitives` read it.

use std::collections::BTreeMap;

use near_chain_configs::GenesisConfig;
use near_jsonrpc_primitives::types::{
    blocks, call_function, changes, chunks, config, congestion, gas_price, indexer, light_client,
    maintenance, network_info, query, receipts, sandbox, split_storage, status, transactions,
    validator, view_access_key, view_access_key_list, view_account, view_code, view_gas_key_nonces,
    view_state,
};
use near_primitives::hash::CryptoHash;
use near_primitives::views::LightClientBlockView;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::methods_golden::{goldens, outcome, table};
use super::stage::Stage;

type Reader = fn(Value) -> Result<(), String>;

fn read<T: DeserializeOwned>(value: Value) -> Result<(), String> {
    serde_json::from_value::<T>(value).map(drop).map_err(|error| error.to_string())
}

/// The next block for a light client may be none.
fn light_client_block(value: Value) -> Result<(), String> {
    let is_none = value.as_object().is_some_and(serde_json::Map::is_empty);
    if is_none { Ok(()) } else { read::<LightClientBlockView>(value) }
}

fn readers() -> BTreeMap<&'static str, Reader> {
    let readers: Vec<(&'static str, Reader)> = vec![
        ("block", read::<blocks::RpcBlockResponse>),
        ("chunk", read::<chunks::RpcChunkResponse>),
        ("EXPERIMENTAL_congestion_level", read::<congestion::RpcCongestionLevelResponse>),
        ("changes", read::<changes::RpcStateChangesInBlockResponse>),
        ("block_effects", read::<changes::RpcStateChangesInBlockByTypeResponse>),
        ("gas_price", read::<gas_price::RpcGasPriceResponse>),
        ("validators", read::<validator::RpcValidatorResponse>),
        ("EXPERIMENTAL_validators_ordered", read::<validator::RpcValidatorsOrderedResponse>),
        ("maintenance_windows", read::<maintenance::RpcMaintenanceWindowsResponse>),
        ("query", read::<query::RpcQueryResponse>),
        ("EXPERIMENTAL_view_account", read::<view_account::RpcViewAccountResponse>),
        ("EXPERIMENTAL_view_code", read::<view_code::RpcViewCodeResponse>),
        ("EXPERIMENTAL_view_state", read::<view_state::RpcViewStateResponse>),
        ("EXPERIMENTAL_view_access_key", read::<view_access_key::RpcViewAccessKeyResponse>),
        (
            "EXPERIMENTAL_view_access_key_list",
            read::<view_access_key_list::RpcViewAccessKeyListResponse>,
        ),
        (
            "EXPERIMENTAL_view_gas_key_nonces",
            read::<view_gas_key_nonces::RpcViewGasKeyNoncesResponse>,
        ),
        ("EXPERIMENTAL_call_function", read::<call_function::RpcCallFunctionResponse>),
        ("tx", read::<transactions::RpcTransactionResponse>),
        ("tx_status", read::<transactions::RpcTransactionResponse>),
        ("send_tx", read::<transactions::RpcTransactionResponse>),
        ("broadcast_tx_commit", read::<transactions::RpcTransactionResponse>),
        ("broadcast_tx_async", read::<CryptoHash>),
        ("status", read::<status::RpcStatusResponse>),
        ("health", read::<status::RpcHealthResponse>),
        ("network_info", read::<network_info::RpcNetworkInfoResponse>),
        ("EXPERIMENTAL_split_storage_info", read::<split_storage::RpcSplitStorageInfoResponse>),
        // NEAR's type for it is only ever written.
        ("client_config", read::<Value>),
        ("genesis_config", read::<GenesisConfig>),
        ("EXPERIMENTAL_protocol_config", read::<config::RpcProtocolConfigResponse>),
        ("EXPERIMENTAL_receipt", read::<receipts::RpcReceiptResponse>),
        ("EXPERIMENTAL_receipt_to_tx", read::<receipts::RpcReceiptToTxResponse>),
        ("EXPERIMENTAL_indexer_block", read::<indexer::RpcIndexerBlockResponse>),
        ("next_light_client_block", light_client_block),
        ("light_client_proof", read::<light_client::RpcLightClientExecutionProofResponse>),
        (
            "EXPERIMENTAL_light_client_block_proof",
            read::<light_client::RpcLightClientBlockProofResponse>,
        ),
        ("sandbox_patch_state", read::<sandbox::RpcSandboxPatchStateResponse>),
        ("dry_run", read::<transactions::RpcTransactionResponse>),
        ("dry_run_view", read::<call_function::RpcCallFunctionResponse>),
        ("sandbox_fast_forward", read::<sandbox::RpcSandboxFastForwardResponse>),
    ];
    readers.into_iter().collect()
}

#[test]
fn every_result_is_read_by_nears_type() {
    let stage = Stage::new();
    let readers = readers();
    // What neard does not have, no type of NEAR's is for.
    let nears =
        |method: &String| readers.contains_key(method.as_str()) || !method.starts_with("sandbox_");
    for method in table().into_keys().filter(nears) {
        for golden in goldens(&method).iter().filter(|golden| golden.case == "success") {
            let Some(reader) = readers.get(method.as_str()) else {
                // neard has but two of these.
                assert!(method.starts_with("sandbox_"), "{method} has no type");
                continue;
            };
            let result = outcome(&stage, &method, golden)["result"].clone();
            reader(result.clone()).unwrap_or_else(|error| panic!("{method}: {error}: {result}"));
        }
    }
}
