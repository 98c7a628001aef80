//! `config.json`: the settings that `init` writes and the few that `run` reads. Tools merge their
//! own settings into the file, most of which concern a network of nodes; those are kept out of
//! the way, and a name that neard does not know either is warned of.

use std::net::SocketAddr;
use std::time::Duration;

use near_chain_configs::default_trie_viewer_state_size_limit;
use serde::Deserialize;
use serde_json::{Value, json};

/// The settings of a node.
#[derive(Clone, Debug)]
pub struct Config {
    /// The genesis' file name in the home folder.
    pub genesis_file: String,
    /// The file name of the genesis' records, if they are not in the genesis itself.
    pub genesis_records_file: Option<String>,
    /// The validator key's file name in the home folder.
    pub validator_key_file: String,
    /// The node key's file name in the home folder.
    pub node_key_file: String,
    /// Where JSON-RPC listens; nowhere, where the settings turn it off.
    pub rpc_addr: Option<SocketAddr>,
    /// A second address, for those who collect figures.
    pub prometheus_addr: Option<SocketAddr>,
    /// The longest request, in bytes.
    pub max_body_bytes: usize,
    /// Web pages from where may ask.
    pub allowed_origins: Vec<String>,
    /// How long a request waits for its transaction.
    pub wait_timeout: Duration,
    /// The time that a block takes on average, which fast-forwarding passes for each.
    pub block_delay: Duration,
    /// Whether blocks are made without work too, as clients expect who wait for the next block.
    pub empty_blocks: bool,
    /// After how long: the shortest delay, which is what a neard takes that is alone, since its own
    /// approval is all that its blocks need.
    pub empty_block_delay: Duration,
    /// How long neard waits for approvals at most. Nothing waits here; clients may ask for it.
    pub max_block_delay: Duration,
    /// How much gas a view may burn, if that is not the protocol's.
    pub max_gas_burnt_view: Option<u64>,
    /// How many bytes of state `view_state` shows at once; `None` for all.
    pub trie_viewer_state_size_limit: Option<u64>,
    /// Whether the states of all blocks are kept.
    pub archive: bool,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "genesis_file")]
    genesis_file: String,
    #[serde(default)]
    genesis_records_file: Option<String>,
    #[serde(default = "validator_key_file")]
    validator_key_file: String,
    #[serde(default = "node_key_file")]
    node_key_file: String,
    // With `null`, unlike without a word, there is no server.
    #[serde(default = "default_rpc")]
    rpc: Option<Rpc>,
    #[serde(default)]
    archive: bool,
    #[serde(default)]
    max_gas_burnt_view: Option<u64>,
    // With `null`, unlike without a word, there is no limit.
    #[serde(default = "default_trie_viewer_state_size_limit")]
    trie_viewer_state_size_limit: Option<u64>,
    #[serde(default)]
    consensus: Consensus,
}

#[derive(Deserialize)]
#[serde(default)]
struct Rpc {
    addr: SocketAddr,
    prometheus_addr: Option<SocketAddr>,
    cors_allowed_origins: Vec<String>,
    polling_config: Polling,
    limits_config: Limits,
}

#[derive(Deserialize)]
#[serde(default)]
struct Polling {
    polling_timeout: Duration,
}

#[derive(Deserialize)]
#[serde(default)]
struct Limits {
    json_payload_max_size: usize,
}

#[derive(Deserialize)]
#[serde(default)]
struct Consensus {
    produce_empty_blocks: bool,
    min_block_production_delay: Duration,
    max_block_production_delay: Duration,
}

impl Default for Rpc {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([0, 0, 0, 0], 3030)),
            prometheus_addr: None,
            cors_allowed_origins: vec!["*".to_owned()],
            polling_config: Polling::default(),
            limits_config: Limits::default(),
        }
    }
}

impl Default for Polling {
    fn default() -> Self {
        Self { polling_timeout: Duration::from_secs(10) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { json_payload_max_size: 10 << 20 }
    }
}

impl Default for Consensus {
    fn default() -> Self {
        Self::normal()
    }
}

impl Consensus {
    fn normal() -> Self {
        Self::between(Config::MIN_BLOCK_DELAY, Config::MAX_BLOCK_DELAY)
    }

    fn fast() -> Self {
        Self::between(Duration::from_millis(120), Duration::from_millis(500))
    }

    fn between(shortest: Duration, longest: Duration) -> Self {
        Self {
            produce_empty_blocks: true,
            min_block_production_delay: shortest,
            max_block_production_delay: longest,
        }
    }

    fn mean(&self) -> Duration {
        let both = self.min_block_production_delay.saturating_add(self.max_block_production_delay);
        both.checked_div(2).unwrap_or(both)
    }
}

impl Config {
    /// neard's shortest block delay, where nothing else is said (`near-chain-configs`,
    /// `MIN_BLOCK_PRODUCTION_DELAY`).
    pub const MIN_BLOCK_DELAY: Duration = Duration::from_millis(600);
    /// neard's longest (nearcore `nearcore/src/config.rs`, `MAX_BLOCK_PRODUCTION_DELAY`).
    pub const MAX_BLOCK_DELAY: Duration = Duration::from_secs(2);

    /// The time that a block takes on average with the settings that `init` writes.
    pub fn default_block_delay() -> Duration {
        Consensus::normal().mean()
    }

    /// Reads the text of a `config.json`. The error says what is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = near_config_utils::strip_comments_from_json_str(&text.to_owned())
            .map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        warn_of_unknown(&value);
        let file: Settings = serde_path_to_error::deserialize(value)
            .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
        let rpc_addr = file.rpc.as_ref().map(|rpc| rpc.addr);
        let prometheus_addr = file.rpc.as_ref().and_then(|rpc| rpc.prometheus_addr);
        let rpc = file.rpc.unwrap_or_default();
        Ok(Self {
            genesis_file: file.genesis_file,
            genesis_records_file: file.genesis_records_file,
            max_gas_burnt_view: file.max_gas_burnt_view,
            trie_viewer_state_size_limit: file.trie_viewer_state_size_limit,
            validator_key_file: file.validator_key_file,
            node_key_file: file.node_key_file,
            rpc_addr,
            prometheus_addr,
            max_body_bytes: rpc.limits_config.json_payload_max_size,
            allowed_origins: rpc.cors_allowed_origins,
            wait_timeout: rpc.polling_config.polling_timeout,
            block_delay: file.consensus.mean(),
            empty_blocks: file.consensus.produce_empty_blocks,
            empty_block_delay: file.consensus.min_block_production_delay,
            max_block_delay: file.consensus.max_block_production_delay,
            archive: file.archive,
        })
    }

    /// What `init` writes: the settings that `run` reads, and those that tools expect to find.
    pub fn written_by_init(fast: bool, max_gas_burnt_view: Option<u64>) -> Value {
        let consensus = if fast { Consensus::fast() } else { Consensus::normal() };
        json!({
            "genesis_file": genesis_file(),
            "genesis_records_file": null,
            "validator_key_file": validator_key_file(),
            "node_key_file": node_key_file(),
            "rpc": {
                "addr": "0.0.0.0:3030",
                "prometheus_addr": null,
                "cors_allowed_origins": ["*"],
                "polling_config": {
                    "polling_interval": { "secs": 0, "nanos": 200_000_000 },
                    "polling_timeout": Polling::default().polling_timeout,
                },
                "limits_config": {
                    "json_payload_max_size": Limits::default().json_payload_max_size,
                },
                "enable_debug_rpc": false,
            },
            "telemetry": { "endpoints": [], "reporting_interval": { "secs": 10, "nanos": 0 } },
            "network": {
                "addr": "0.0.0.0:24567",
                "boot_nodes": "",
                "whitelist_nodes": "",
                "skip_sync_wait": true,
            },
            "consensus": {
                "min_num_peers": 3,
                "produce_empty_blocks": consensus.produce_empty_blocks,
                "min_block_production_delay": consensus.min_block_production_delay,
                "max_block_production_delay": consensus.max_block_production_delay,
            },
            "tracked_shards_config": "AllShards",
            "archive": false,
            "max_gas_burnt_view": max_gas_burnt_view,
            "trie_viewer_state_size_limit": default_trie_viewer_state_size_limit(),
            "log_summary_style": "colored",
            "gc_blocks_limit": 2,
            "gc_num_epochs_to_keep": 5,
            "store": { "path": null, "enable_statistics": false, "max_open_files": 10_000 },
        })
    }
}

fn warn_of_unknown(config: &Value) {
    let names = config.as_object().into_iter().flat_map(|fields| fields.keys());
    for name in names.filter(|name| !NEARD_SETTINGS.contains(&name.as_str())) {
        tracing::warn!(target: "chain", "config.json: {name} is no setting of a node, and ignored");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional setting")]
fn default_rpc() -> Option<Rpc> {
    Some(Rpc::default())
}

fn genesis_file() -> String {
    "genesis.json".into()
}

fn validator_key_file() -> String {
    "validator_key.json".into()
}

fn node_key_file() -> String {
    "node_key.json".into()
}

/// The names that neard knows at the top of a `config.json`.
const NEARD_SETTINGS: [&str; 60] = [
    "archival_writer_polling_interval",
    "archive",
    "chunk_distribution_network",
    "chunk_request_retry_period",
    "chunk_validation_threads",
    "chunk_wait_mult",
    "client_background_migration_threads",
    "cloud_archival",
    "cloud_archival_reader",
    "cloud_archival_writer",
    "cold_store",
    "consensus",
    "contract_cache_path",
    "disable_tx_routing",
    "dynamic_resharding_dry_run",
    "enable_early_prepare_transactions",
    "enable_multiline_logging",
    "epoch_sync",
    "expected_shutdown",
    "gc_blocks_limit",
    "gc_fork_clean_step",
    "gc_num_epochs_to_keep",
    "gc_step_period",
    "genesis_file",
    "genesis_records_file",
    "header_sync_expected_height_per_second",
    "log_summary_period",
    "log_summary_style",
    "max_gas_burnt_view",
    "max_loaded_contracts",
    "network",
    "node_key_file",
    "orphan_state_witness_max_size",
    "orphan_state_witness_pool_size",
    "produce_chunk_add_transactions_time_limit",
    "protocol_version_check_config_override",
    "resharding_config",
    "rosetta_rpc",
    "rpc",
    "save_invalid_witnesses",
    "save_latest_witnesses",
    "save_state_changes",
    "save_trie_changes",
    "save_tx_outcomes",
    "save_untracked_partial_chunks_parts",
    "split_storage",
    "state_request_server_threads",
    "state_request_throttle_period",
    "state_requests_per_throttle_period",
    "state_sync",
    "state_sync_enabled",
    "store",
    "telemetry",
    "tracked_accounts",
    "tracked_shards_config",
    "transaction_pool_size_limit",
    "transaction_request_handler_threads",
    "trie_viewer_state_size_limit",
    "tx_routing_height_horizon",
    "validator_key_file",
];
