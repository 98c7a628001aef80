//! Options about files that all chains of a node are written to.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What is read when a chain starts, and written when it ends.
#[derive(Args, Debug, Default)]
pub struct StateFileArgs {
    /// Go on with the chain and the snapshots in this file, that `sandboxd state dump` or --dump-state
    /// wrote, instead of at the genesis.
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    pub load_state: Option<PathBuf>,
    /// Write the chain and the snapshots to this file at the end.
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    pub dump_state: Option<PathBuf>,
    /// Both with one file, which need not be there at first.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

impl StateFileArgs {
    /// Where to read from.
    pub fn source(&self) -> Option<&PathBuf> {
        self.load_state.as_ref().or_else(|| self.state.as_ref().filter(|state| state.exists()))
    }

    /// Where to write to.
    pub fn target(&self) -> Option<&PathBuf> {
        self.dump_state.as_ref().or(self.state.as_ref())
    }
}

/// The options of `state`.
#[derive(Args, Debug)]
pub struct StateArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: StateCommand,
}

/// What to do with the chains of a node.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Write all that a running node has to a file.
    #[command(after_help = "\
Examples:
  sandboxd state dump chain.bin
  sandboxd state dump genesis.json --format genesis
  sandboxd state dump chain.bin --data-dir my-chain
  sandboxd --load-state chain.bin")]
    Dump {
        /// Where to write.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What to write.
        #[arg(long, value_enum, default_value_t)]
        format: StateFormat,
        /// Write what a node has kept in this folder that does not run. With --home DIR, what one that runs
        /// from there has kept. Needs a sandboxd that was built with the feature rocksdb.
        #[arg(long, value_name = "DIR", conflicts_with = "url")]
        data_dir: Option<PathBuf>,
        /// The genesis that the chain in the folder began with, if it was given one.
        #[arg(long, value_name = "FILE", requires = "data_dir")]
        genesis: Option<PathBuf>,
        /// The RPC of the node.
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Put what is in a file in the place of all that a running node has.
    #[command(after_help = "\
Examples:
  sandboxd state load chain.bin")]
    Load {
        /// What to read.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The RPC of the node.
        #[command(flatten)]
        node: NodeArgs,
    },
}

/// Which node is asked.
#[derive(Args, Debug)]
pub struct NodeArgs {
    /// The RPC of the node [default: port 3030 of this machine].
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

impl NodeArgs {
    /// Where the node answers.
    pub fn url(&self) -> &str {
        self.url.as_deref().unwrap_or("http://127.0.0.1:3030")
    }
}

/// What a dump is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StateFormat {
    /// Chain, states, outcomes, time and snapshots.
    #[default]
    Chain,
    /// The state after the latest block, as a genesis that another chain can start from.
    Genesis,
}
