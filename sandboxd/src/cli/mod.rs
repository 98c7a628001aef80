//! The command line: `sandboxd` on its own starts a chain in memory; `init`, `run` and `view-state`
//! are those of neard, as far as the tools that start a `near-sandbox` use them. It only says what
//! was asked for; what happens then is in `main.rs` and [`crate::home`].
//!
//! This definition is the only list of options: help, completions, man pages, `docs/cli.md`, the
//! environment's variables and the keys of `sandboxd.toml` follow from it.

pub mod docs;
mod keep;
mod layers;
mod remote;
mod state;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use near_primitives::types::{AccountId, BlockHeight, BlockHeightDelta};
use near_primitives::version::PROTOCOL_VERSION;
use sandbox_runtime::VmKind;

pub use keep::KeepArgs;
pub use layers::parse;
pub use remote::{ExportArgs, ForkArgs, ForkPoint};
pub use state::{NodeArgs, StateArgs, StateCommand, StateFileArgs, StateFormat};

/// Over the options that tools give to neard and that change nothing here.
const NO_EFFECT: &str = "Accepted as neard has them, without effect";

/// Over the options that every command has.
const GLOBAL: &str = "With every command";

/// What `sandboxd` was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "sandboxd",
    about = "A local NEAR chain of one node, for development and tests",
    long_about = "A local NEAR chain of one node, for development and tests.\n\nWithout a command \
                  it starts a chain in memory with ten funded accounts, prints their keys and \
                  answers NEAR's JSON-RPC. `init`, `run` and `view-state` work as those of neard \
                  and near-sandbox do.",
    after_help = "\
Examples:
  sandboxd                                        a chain on http://127.0.0.1:3030
  sandboxd --rpc-addr 127.0.0.1:0 --json          any free port; one JSON line for scripts
  sandboxd --genesis genesis.json                 a chain of your own
  sandboxd --fork https://rpc.mainnet.near.org    a fork of mainnet's latest final block
  sandboxd --home DIR init --fast && sandboxd --home DIR run

Each option can also be given in the environment, and in the file sandboxd.toml of the working
directory: options of a command in a table of its name. What is given on the command line comes
first, then the environment, then the file."
)]
pub struct Cli {
    /// The folder that `init` writes and `run` reads [default: ~/.near].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Read settings from this file [default: sandboxd.toml in the working directory, if there].
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more. As in neard, a module may be named: --verbose=rpc.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "TARGET", num_args = 0..=1, require_equals = true,
          default_missing_value = "debug")]
    pub verbose: Option<String>,
    /// The wasm of the wallet contract that accounts with an Ethereum address (0x…) run. Without it
    /// they hold tokens, and calls of them fail.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub wallet_contract: Option<PathBuf>,
    /// Skip checks of the genesis. Starting is always fast.
    #[arg(long, global = true, help_heading = NO_EFFECT)]
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
    /// How it makes blocks and answers.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Start from this genesis, in neard's format. It may name another file that its records are in.
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Of which chain it is a fork.
    #[command(flatten)]
    pub fork: ForkArgs,
    /// Keep the chain in this folder, and go on with the one that is kept there. Needs a sandboxd that
    /// was built with the feature rocksdb.
    #[arg(long, value_name = "DIR", conflicts_with = "fork")]
    pub data_dir: Option<PathBuf>,
    /// Print the accounts and the address as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// How a chain makes blocks and answers.
#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:3030, or what config.json says
    /// under rpc.addr].
    #[arg(long, value_name = "IP:PORT")]
    pub rpc_addr: Option<SocketAddr>,
    /// Make an empty block after this many milliseconds without work [default: never; 600 with
    /// --finality-lag; under `run` the shortest block delay of config.json].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub block_interval: Option<u64>,
    /// Let transactions wait for a block: one every so many milliseconds, or, with `manual`, those
    /// that `sandbox_mine` makes [default: blocks are made at once].
    #[arg(long, value_name = "MS|manual", conflicts_with = "block_interval")]
    pub block_time: Option<BlockTime>,
    /// How many blocks have to follow a block to make it final; half as many make it near-final.
    /// 2 gives the distances of a real node.
    #[arg(long, value_name = "BLOCKS", default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub finality_lag: BlockHeightDelta,
    /// How many of the latest blocks to keep, with states, transactions and outcomes [default: 10000,
    /// or all if config.json says `archive`].
    #[arg(long, value_name = "BLOCKS", value_parser = kept_blocks, conflicts_with = "archive")]
    pub prune_history: Option<usize>,
    /// Keep all blocks. Memory grows with every one.
    #[arg(long)]
    pub archive: bool,
    /// The files that the chain comes from and goes to.
    #[command(flatten)]
    pub state_file: StateFileArgs,
    /// Take transactions of any account without its key, as `sandbox_auto_impersonate` does.
    #[arg(long)]
    pub auto_impersonate: bool,
    /// What contracts run on: singlepass, cranelift, winch or wasmi. Gas, outcomes and state are the
    /// same on all. Several, with commas between them, run every call and are compared: where they
    /// differ the block is dropped, and the call is saved in sandboxd-differences for
    /// `vm-runner replay` [default: singlepass].
    #[arg(long, value_name = "ENGINES", value_delimiter = ',')]
    pub vm: Vec<VmKind>,
    /// How the chain is kept in a folder.
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Charge the prices of this file, which `cost-estimator run --out` writes, in place of the
    /// protocol's. Those that it does not name stay.
    #[arg(long, value_name = "FILE")]
    pub fees: Option<PathBuf>,
    /// Write every call of a contract to this folder, with its module and all that the account has
    /// stored: `vm-runner replay` runs it again, `cost-estimator check --workload` measures it.
    #[arg(long, value_name = "DIR")]
    pub record_calls: Option<PathBuf>,
    /// Keep compiled contracts in this folder, so that the next start finds them [default: the folder
    /// that the chain is kept in, otherwise sandboxd/compiled in the user's folder for caches].
    #[arg(long, value_name = "DIR")]
    pub compile_cache: Option<PathBuf>,
    /// Keep no compiled contracts.
    #[arg(long, conflicts_with = "compile_cache")]
    pub no_compile_cache: bool,
    /// A name that the server may be called by, beside those of the loopback and its address, or *
    /// for any. Other names are refused, so that no web page can reach the chain by one of its own.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<String>,
    /// An origin whose web pages may call, such as `http://localhost:5173` [default: any, or what
    /// config.json says under `rpc.cors_allowed_origins`].
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
}

fn kept_blocks(text: &str) -> Result<usize, &'static str> {
    let blocks = text.parse().ok().filter(|blocks| *blocks > 0);
    blocks.ok_or("give how many blocks to keep, from 1 on, or --archive for all")
}

/// When blocks are made that do not come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockTime {
    /// Every so many milliseconds.
    Millis(NonZeroU64),
    /// When somebody asks for them.
    Manual,
}

impl FromStr for BlockTime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "manual" {
            return Ok(Self::Manual);
        }
        text.parse().map(Self::Millis).map_err(|_| "give milliseconds from 1 on, or manual")
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a chain: write its configuration, genesis and keys into the home folder.
    #[command(after_help = "\
Examples:
  sandboxd --home DIR init --fast
  sandboxd --home DIR init --chain-id my-chain --account-id me.near --test-seed alice

What is there already stays as it is. The files are config.json, genesis.json, node_key.json and
validator_key.json, in neard's format.")]
    Init(InitArgs),
    /// Start the chain that `init` wrote.
    #[command(after_help = "\
Examples:
  sandboxd --home DIR run
  sandboxd --home DIR run --rpc-addr 127.0.0.1:0 --finality-lag 2

The chain is kept in the folder data there and goes on where it was, as neard's does, if this sandboxd
was built with the feature rocksdb. Otherwise it lives in memory, and each start begins at the genesis.")]
    Run(Box<RunArgs>),
    /// Look at a chain's state.
    #[command(subcommand_required = true, arg_required_else_help = true, alias = "view_state")]
    ViewState(ViewStateArgs),
    /// Write accounts of a chain elsewhere as a genesis that a chain here can start from.
    #[command(after_help = "\
Examples:
  sandboxd export --account wrap.near --url https://rpc.mainnet.near.org -o genesis.json
  sandboxd --genesis genesis.json

The genesis has the ten funded accounts too. It starts at the height and the time of the block.")]
    Export(ExportArgs),
    /// Write all that a running node has to a file, or give it what is in one.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    State(StateArgs),
    /// Print completions for a shell.
    #[command(after_help = "\
Examples:
  sandboxd completions bash > ~/.local/share/bash-completion/completions/sandboxd
  sandboxd completions zsh > ~/.zfunc/_sandboxd
  sandboxd completions fish > ~/.config/fish/completions/sandboxd.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a man page.
    #[command(after_help = "\
Examples:
  sandboxd man > sandboxd.1
  sandboxd man view-state dump-state | man -l -")]
    Man {
        /// Of this command, instead of all.
        #[arg(value_name = "COMMAND")]
        of: Vec<String>,
    },
}

/// The options of `init`.
#[derive(Args, Debug, Default)]
pub struct InitArgs {
    /// Short epochs (60 blocks instead of 500), and less time for each block when fast-forwarding.
    #[arg(long)]
    pub fast: bool,
    /// The name of the chain [default: test-chain- and five random letters].
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
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
    /// The most gas that a view may burn [default: that of the protocol].
    #[arg(long, value_name = "GAS")]
    pub max_gas_burnt_view: Option<u64>,
    #[command(flatten)]
    no_effect: InitWithoutEffect,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = NO_EFFECT)]
struct InitWithoutEffect {
    /// Nodes to connect to. A chain of one node talks to no others.
    #[arg(long, value_name = "NODES", hide_short_help = true)]
    boot_nodes: Option<String>,
    /// Download a public network's genesis.
    #[arg(long, hide_short_help = true)]
    download_genesis: bool,
    /// From where.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    download_genesis_url: Option<String>,
    /// From where to download its records.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    download_records_url: Option<String>,
    /// Download a public network's configuration.
    #[arg(long, value_name = "ROLE", hide_short_help = true, num_args = 0..=1,
          default_missing_value = "validator")]
    download_config: Option<String>,
    /// From where.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    download_config_url: Option<String>,
}

/// The options of `run`.
#[derive(Args, Debug, Default)]
pub struct RunArgs {
    /// How the chain makes blocks and answers.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Whether blocks are made without work too [default: `consensus.produce_empty_blocks`
    /// of config.json].
    #[arg(long, value_name = "BOOL")]
    pub produce_empty_blocks: Option<bool>,
    /// Do not answer JSON-RPC.
    #[arg(long)]
    pub disable_rpc: bool,
    /// The most gas that a view may burn [default: `max_gas_burnt_view` of config.json, else that of
    /// the protocol].
    #[arg(long, value_name = "GAS")]
    pub max_gas_burnt_view: Option<u64>,
    /// A second address, for Prometheus [default: `rpc.prometheus_addr` of config.json].
    #[arg(long, value_name = "IP:PORT")]
    pub rpc_prometheus_addr: Option<SocketAddr>,
    #[command(flatten)]
    no_effect: RunWithoutEffect,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = NO_EFFECT)]
struct RunWithoutEffect {
    /// Where to listen for other nodes. A chain of one node talks to no others.
    #[arg(long, value_name = "IP:PORT", hide_short_help = true)]
    network_addr: Option<String>,
    /// Nodes to connect to.
    #[arg(long, value_name = "NODES", hide_short_help = true)]
    boot_nodes: Option<String>,
    /// Connect again to the nodes of before.
    #[arg(long, value_name = "BOOL", hide_short_help = true)]
    connect_to_reliable_peers_on_startup: Option<bool>,
    /// How many nodes to wait for.
    #[arg(long, value_name = "N", hide_short_help = true)]
    min_peers: Option<usize>,
    /// Where to send telemetry. None is sent.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    telemetry_url: Option<String>,
}

/// The options of `view-state`.
#[derive(Args, Debug)]
pub struct ViewStateArgs {
    /// What to look at.
    #[command(subcommand)]
    pub command: ViewState,
    /// Open the database for writing. There is none.
    #[arg(long, short = 'w', help_heading = NO_EFFECT)]
    read_write: bool,
    /// Which database to open.
    #[arg(long, short = 't', value_name = "TEMPERATURE", help_heading = NO_EFFECT)]
    store_temperature: Option<String>,
}

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum ViewState {
    /// Write the state as a genesis that another chain can start from.
    #[command(
        alias = "dump_state",
        after_help = "\
Examples:
  sandboxd --home DIR view-state dump-state
  sandboxd --home DIR view-state dump-state --file state.json --account-ids alice.near,bob.near

It is the state of the chain that runs from the home folder, and of its genesis if none runs."
    )]
    DumpState(DumpStateArgs),
}

/// The options of `view-state dump-state`.
#[derive(Args, Debug, Default)]
pub struct DumpStateArgs {
    /// After the block at this height [default: the latest].
    #[arg(long, value_name = "HEIGHT")]
    pub height: Option<BlockHeight>,
    /// Write a home folder, with the records in a file of their own.
    #[arg(long)]
    pub stream: bool,
    /// Where to write: a file, or a folder with --stream [default: output.json or output in the home
    /// folder].
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Leave out all accounts but these, the validators and the treasury.
    #[arg(long, value_name = "ACCOUNTS", value_delimiter = ',', num_args = 1..)]
    pub account_ids: Vec<AccountId>,
    /// Let only these validators go on; others get their stake back.
    #[arg(long, value_name = "ACCOUNTS", value_delimiter = ',', num_args = 1..)]
    pub include_validators: Vec<AccountId>,
}

/// The name that the program was called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Its own.
    Sandboxd,
    /// That of the program whose place it takes. It starts nothing without a command.
    NearSandbox,
}

impl Program {
    /// The program that the first of a process's arguments names.
    pub fn named(path: &OsStr) -> Self {
        let name = Path::new(path).file_name().unwrap_or_default();
        let is_near_sandbox = name.to_string_lossy().starts_with(Self::NearSandbox.name());
        if is_near_sandbox { Self::NearSandbox } else { Self::Sandboxd }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sandboxd => "sandboxd",
            Self::NearSandbox => "near-sandbox",
        }
    }

    /// The whole definition, as this program shows it.
    pub fn command(self) -> clap::Command {
        let version = env!("CARGO_PKG_VERSION");
        let command = layers::with_environment(Cli::command());
        match self {
            Self::Sandboxd => command.version(format!("{version} (protocol {PROTOCOL_VERSION})")),
            Self::NearSandbox => command
                .name(self.name())
                .bin_name(self.name())
                // The words of neard's version, for those that read it.
                .version(format!(
                    "(release {version}) (build sandboxd) (protocol {PROTOCOL_VERSION})"
                ))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .after_help(
                    "Examples:\n  near-sandbox --home DIR init --fast\n  near-sandbox --home DIR run",
                )
                .mut_args(|arg| if arg.is_global_set() { arg } else { arg.hide(true) })
                .mut_subcommands(|sub| self.in_examples(sub)),
        }
    }

    /// The command, whose examples call the program by its name.
    fn in_examples(self, command: clap::Command) -> clap::Command {
        let own = format!("{} ", Self::Sandboxd.name());
        let help = command
            .get_after_help()
            .map(|help| help.to_string().replace(&own, &format!("{} ", self.name())));
        let command = command.mut_subcommands(|sub| self.in_examples(sub));
        match help {
            Some(help) => command.after_help(help),
            None => command,
        }
    }
}
