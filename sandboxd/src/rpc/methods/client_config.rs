//! `client_config`: the settings of the node, in neard's form. Most of them steer what only a node
//! among others does; those are told as neard's `init` leaves them (nearcore `nearcore/src/config.rs`,
//! where no function of `near-chain-configs` has the value).

use near_chain_configs::{
    ClientConfig, EpochSyncConfig, GCConfig, LogSummaryStyle, MutableConfigValue,
    ProtocolVersionCheckConfig, ReshardingConfig, StateSyncConfig, TrackedShardsConfig,
    default_block_request_timeout, default_chunk_validation_threads, default_chunk_wait_mult,
    default_chunks_cache_height_horizon, default_enable_early_prepare_transactions,
    default_header_sync_expected_height_per_second, default_header_sync_initial_timeout,
    default_header_sync_progress_timeout, default_header_sync_stall_ban_timeout,
    default_log_summary_period, default_orphan_state_witness_max_size,
    default_orphan_state_witness_pool_size, default_produce_chunk_add_transactions_time_limit,
    default_state_request_server_threads, default_state_request_throttle_period,
    default_state_requests_per_throttle_period, default_state_sync_p2p_timeout,
    default_state_sync_retry_backoff, default_sync_check_period, default_sync_height_threshold,
    default_sync_max_block_requests, default_sync_step_period, default_transaction_pool_size_limit,
    default_transaction_pool_strict_nonce_ttl_blocks, default_tx_routing_height_horizon,
    default_view_access_keys_limit, default_view_client_threads,
};
use near_jsonrpc_primitives::types::client_config::RpcClientConfigResponse;
use near_primitives::types::Gas;
use near_time::Duration;
use serde_json::Value;

use super::{Answer, Api, Handler, Method, Takes, status, written};

pub(super) const CLIENT_CONFIG: Method = Method {
    names: &["client_config"],
    summary: "The settings of the node, in neard's form. Block delays and the like are those of \
              `config.json`; those of a node among others are neard's defaults and mean nothing here.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(client_config),
};

fn client_config(api: &Api, _params: Value) -> Answer {
    written(&RpcClientConfigResponse { client_config: config(api) })
}

fn config(api: &Api) -> ClientConfig {
    let chain = api.chain();
    let genesis = chain.genesis_config();
    let milliseconds = Duration::milliseconds;
    let node = &api.settings;
    ClientConfig {
        version: status::version(),
        chain_id: chain.chain_id().to_owned(),
        rpc_addr: Some(api.address.to_string()),
        expected_shutdown: setting("expected_shutdown", None),
        block_production_tracking_delay: setting(
            "block_production_tracking_delay",
            milliseconds(10),
        ),
        min_block_production_delay: delay(
            "min_block_production_delay",
            node.min_block_production_delay,
        ),
        max_block_production_delay: delay(
            "max_block_production_delay",
            node.max_block_production_delay,
        ),
        max_block_wait_delay: setting("max_block_wait_delay", milliseconds(6000)),
        chunk_wait_mult: setting("chunk_wait_mult", default_chunk_wait_mult()),
        skip_sync_wait: true,
        sync_check_period: default_sync_check_period(),
        sync_step_period: default_sync_step_period(),
        sync_height_threshold: default_sync_height_threshold(),
        sync_max_block_requests: default_sync_max_block_requests(),
        header_sync_initial_timeout: default_header_sync_initial_timeout(),
        header_sync_progress_timeout: default_header_sync_progress_timeout(),
        header_sync_stall_ban_timeout: default_header_sync_stall_ban_timeout(),
        header_sync_expected_height_per_second: default_header_sync_expected_height_per_second(),
        block_request_timeout: default_block_request_timeout(),
        state_sync_p2p_timeout: default_state_sync_p2p_timeout(),
        state_sync_retry_backoff: default_state_sync_retry_backoff(),
        min_num_peers: 3,
        log_summary_period: default_log_summary_period(),
        log_summary_style: LogSummaryStyle::Colored,
        produce_empty_blocks: node.produce_empty_blocks,
        epoch_length: genesis.epoch_length,
        num_block_producer_seats: genesis.num_block_producer_seats,
        ttl_account_id_router: Duration::seconds(3600),
        catchup_step_period: milliseconds(100),
        chunk_request_retry_period: milliseconds(400),
        doomslug_step_period: setting("doomslug_step_period", milliseconds(100)),
        block_header_fetch_horizon: 50,
        gc: GCConfig::default(),
        tracked_shards_config: TrackedShardsConfig::AllShards,
        archive: node.archive,
        cloud_archival_writer: None,
        save_trie_changes: !node.archive,
        save_tx_outcomes: true,
        save_receipt_to_tx: true,
        receipt_to_tx_max_hint_window: 20,
        receipt_to_tx_max_hop_distance: 20,
        receipt_to_tx_max_outcomes_per_request: 20_000,
        save_state_changes: true,
        save_untracked_partial_chunks_parts: true,
        view_client_threads: default_view_client_threads(),
        chunk_validation_threads: default_chunk_validation_threads(),
        state_request_throttle_period: default_state_request_throttle_period(),
        state_requests_per_throttle_period: default_state_requests_per_throttle_period(),
        state_request_server_threads: default_state_request_server_threads(),
        trie_viewer_state_size_limit: node.trie_viewer_state_size_limit,
        view_access_keys_limit: default_view_access_keys_limit(),
        max_gas_burnt_view: node.max_gas_burnt_view.map(Gas::from_gas),
        enable_statistics_export: true,
        client_background_migration_threads: 8,
        state_sync: StateSyncConfig::default(),
        epoch_sync: EpochSyncConfig::default(),
        transaction_pool_size_limit: default_transaction_pool_size_limit(),
        transaction_pool_strict_nonce_ttl_blocks: default_transaction_pool_strict_nonce_ttl_blocks(
        ),
        enable_multiline_logging: true,
        resharding_config: setting("resharding_config", ReshardingConfig::default()),
        tx_routing_height_horizon: default_tx_routing_height_horizon(),
        disable_tx_routing: false,
        produce_chunk_add_transactions_time_limit: setting(
            "produce_chunk_add_transactions_time_limit",
            default_produce_chunk_add_transactions_time_limit(),
        ),
        chunk_distribution_network: None,
        orphan_state_witness_pool_size: default_orphan_state_witness_pool_size(),
        orphan_state_witness_max_size: default_orphan_state_witness_max_size(),
        save_latest_witnesses: false,
        save_invalid_witnesses: false,
        transaction_request_handler_threads: 4,
        protocol_version_check: ProtocolVersionCheckConfig::default(),
        enable_early_prepare_transactions: default_enable_early_prepare_transactions(),
        chunks_cache_height_horizon: default_chunks_cache_height_horizon(),
    }
}

fn delay(name: &str, delay: std::time::Duration) -> MutableConfigValue<Duration> {
    setting(name, delay.try_into().unwrap_or(Duration::MAX))
}

fn setting<T: Clone + PartialEq + std::fmt::Debug>(name: &str, value: T) -> MutableConfigValue<T> {
    MutableConfigValue::new(value, name)
}
