//! How the server behaves. The command line and neard's `config.json` decide; nothing here reads
//! either.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use near_chain_configs::default_trie_viewer_state_size_limit;
use near_crypto::PublicKey;

use crate::home::Config;
use crate::remote::RemoteSource;

/// How the server behaves; neard's names and defaults are in its `config.json` under `rpc`.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// The longest request body, in bytes (`limits_config.json_payload_max_size`, 10 MiB).
    pub max_body_bytes: usize,
    /// Names by which the server may be called beside `localhost` and addresses; `*` stands for
    /// all. A port may follow the name, and then it has to fit.
    pub allowed_hosts: Vec<String>,
    /// Origins that browsers may call from (`cors_allowed_origins`); `*` stands for all.
    pub allowed_origins: Vec<String>,
    /// How long a request may wait for its transaction (`polling_config.polling_timeout`, 10 s).
    pub wait_timeout: Duration,
    /// The key that `status` shows as the node's own (`node_key.json`); else the validator's.
    pub node_key: Option<PublicKey>,
    /// What `client_config` tells of the node itself.
    pub node: NodeSettings,
    /// A second address to listen on (`prometheus_addr`). `/metrics` is on the first one too.
    pub metrics_address: Option<SocketAddr>,
    /// What the chain is a fork of: where recorded transactions are looked for.
    pub origin: Option<Arc<RemoteSource>>,
    /// How much clients may take at once.
    pub limits: RpcLimits,
}

/// What `client_config` tells of the node. neard's names and defaults.
#[derive(Clone, Copy, Debug)]
pub struct NodeSettings {
    /// `consensus.min_block_production_delay`.
    pub min_block_production_delay: Duration,
    /// `consensus.max_block_production_delay`.
    pub max_block_production_delay: Duration,
    /// `consensus.produce_empty_blocks`.
    pub produce_empty_blocks: bool,
    /// Whether the states of all blocks are kept.
    pub archive: bool,
    /// How much gas a view may burn, if that is not the protocol's.
    pub max_gas_burnt_view: Option<u64>,
    /// How many bytes of state `view_state` shows at once, beside the code; `None` for all.
    pub trie_viewer_state_size_limit: Option<u64>,
}

/// How much of the server clients may take at once, and for how long.
#[derive(Clone, Debug)]
pub struct RpcLimits {
    /// Open connections, those of a WebSocket too. Further ones are answered 503 and closed.
    pub max_connections: usize,
    /// Requests that are being answered at the same time, which are those that wait for a block
    /// above all. Further ones are answered 503.
    pub max_waiting: usize,
    /// Bytes of request bodies that are here at the same time, but for short ones. Further ones are
    /// answered 503. One body of the longest that is allowed always fits.
    pub max_bytes: usize,
    /// Subscriptions of one WebSocket.
    pub max_subscriptions: usize,
    /// States that come or go at `/sandbox/state` at the same time. Further ones are answered 503.
    pub max_transfers: usize,
    /// How long the head of a request may take. A kept connection is idle for as long at most.
    pub head_timeout: Duration,
    /// How long the body of a request may take, or a megabyte of one that may be as long as it is.
    pub body_timeout: Duration,
    /// How long a WebSocket may take nothing, or say nothing, before it is closed. One that says
    /// nothing is asked with a ping after half of it.
    pub socket_timeout: Duration,
}

impl RpcConfig {
    /// The values that neard writes into a new `config.json`.
    pub fn neard() -> Self {
        Self {
            max_body_bytes: 10 * 1024 * 1024,
            allowed_hosts: Vec::new(),
            allowed_origins: vec!["*".to_owned()],
            wait_timeout: Duration::from_secs(10),
            node_key: None,
            node: NodeSettings::default(),
            metrics_address: None,
            origin: None,
            limits: RpcLimits::default(),
        }
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            min_block_production_delay: Config::MIN_BLOCK_DELAY,
            max_block_production_delay: Config::MAX_BLOCK_DELAY,
            produce_empty_blocks: true,
            archive: false,
            max_gas_burnt_view: None,
            trie_viewer_state_size_limit: default_trie_viewer_state_size_limit(),
        }
    }
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_waiting: 2048,
            max_bytes: 1 << 28,
            max_subscriptions: 100,
            max_transfers: 4,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_mins(1),
            socket_timeout: Duration::from_mins(1),
        }
    }
}
