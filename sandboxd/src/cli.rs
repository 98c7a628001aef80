//! The command line: `sandboxd` on its own starts a chain in memory; `init` and `run` are those of
//! neard, as far as the tools that start a `near-sandbox` use them. It only says what was asked
//! for; what happens then is in `main.rs` and [`crate::home`].

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use near_primitives::types::AccountId;

/// What `sandboxd` was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "sandboxd",
    version,
    about = "A local NEAR chain of one node, for development and tests",
    long_about = "A local NEAR chain of one node, for development and tests.\n\nWithout a command \
                  it starts a chain in memory with ten funded accounts, prints their keys and \
                  answers NEAR's JSON-RPC. `init` and `run` work as those of neard and \
                  near-sandbox do.",
    args_conflicts_with_subcommands = false
)]
pub struct Cli {
    /// The folder that `init` writes and `run` reads [default: ~/.near].
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Log more. As in neard, a module may be named: --verbose=rpc.
    #[arg(long, global = true, value_name = "TARGET", num_args = 0..=1, require_equals = true,
          default_missing_value = "debug")]
    pub verbose: Option<String>,
    /// The wasm of the wallet contract that accounts with an Ethereum address (0x…) run. Without it
    /// they hold tokens, and calls of them fail.
    #[arg(long, global = true, value_name = "FILE")]
    pub wallet_contract: Option<PathBuf>,
    /// Accepted, as neard has it; starting is always fast.
    #[arg(long, global = true, hide = true)]
    pub unsafe_fast_startup: bool,
    /// How the chain in memory is started.
    #[command(flatten)]
    pub start: StartArgs,
    /// What to do instead of starting a chain in memory.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The options of a chain in memory.
#[derive(Args, Debug)]
pub struct StartArgs {
    /// Where to listen. With port 0 a free one is picked and printed.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3030")]
    pub rpc_addr: SocketAddr,
    /// Start from this genesis, in neard's format with inline records.
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Print the accounts and the address as one line of JSON.
    #[arg(long)]
    pub json: bool,
    /// Make an empty block after this many milliseconds without work. By default a block is made
    /// for each transaction at once, and none without.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub block_interval: Option<u64>,
}

/// The commands that neard has too.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a chain: write its configuration, genesis and keys into the home folder.
    Init(InitArgs),
    /// Start the chain that `init` wrote.
    Run(RunArgs),
}

/// The options of `init`. Those that concern a network are accepted and do nothing.
#[derive(Args, Debug, Default)]
pub struct InitArgs {
    /// Short epochs (60 blocks instead of 500), and less time for each block when fast-forwarding.
    #[arg(long)]
    pub fast: bool,
    /// The name of the chain [default: test-chain- and five random letters].
    #[arg(long, value_name = "ID")]
    pub chain_id: Option<String>,
    /// The account that makes the blocks [default: test.near].
    #[arg(long, value_name = "ACCOUNT")]
    pub account_id: Option<AccountId>,
    /// Derive the account's key from this text instead of making a random one.
    #[arg(long, value_name = "SEED")]
    pub test_seed: Option<String>,
    /// Take this genesis instead of making one.
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// How many shards the chain has: one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1))]
    pub num_shards: Option<u64>,
    #[command(flatten)]
    ignored: IgnoredInitArgs,
}

#[derive(Args, Debug, Default)]
struct IgnoredInitArgs {
    #[arg(long, hide = true)]
    boot_nodes: Option<String>,
    #[arg(long, hide = true)]
    download_genesis: bool,
    #[arg(long, hide = true)]
    download_genesis_url: Option<String>,
    #[arg(long, hide = true)]
    download_records_url: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    download_config: Option<String>,
    #[arg(long, hide = true)]
    download_config_url: Option<String>,
    #[arg(long, hide = true)]
    max_gas_burnt_view: Option<u64>,
}

/// The options of `run`. Those that concern a network are accepted and do nothing.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// Where to listen [default: rpc.addr of config.json].
    #[arg(id = "run_rpc_addr", long = "rpc-addr", value_name = "IP:PORT")]
    pub rpc_addr: Option<SocketAddr>,
    /// Make an empty block after this many milliseconds without work [default: the longest block
    /// delay of config.json].
    #[arg(id = "run_block_interval", long = "block-interval", value_name = "MS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub block_interval: Option<u64>,
    /// Do not answer JSON-RPC.
    #[arg(long)]
    pub disable_rpc: bool,
    #[command(flatten)]
    ignored: IgnoredRunArgs,
}

#[derive(Args, Debug, Default)]
struct IgnoredRunArgs {
    /// A chain of one node talks to no others.
    #[arg(long, value_name = "IP:PORT", hide = true)]
    network_addr: Option<String>,
    #[arg(long, hide = true)]
    archive: bool,
    #[arg(long, hide = true)]
    boot_nodes: Option<String>,
    #[arg(long, hide = true)]
    connect_to_reliable_peers_on_startup: Option<bool>,
    #[arg(long, hide = true)]
    max_gas_burnt_view: Option<u64>,
    #[arg(long, hide = true)]
    min_peers: Option<usize>,
    #[arg(long, hide = true)]
    produce_empty_blocks: Option<bool>,
    #[arg(long, hide = true)]
    rpc_prometheus_addr: Option<String>,
    #[arg(long, hide = true)]
    telemetry_url: Option<String>,
}
