//! The `sandboxd` program: reads the command line, starts a chain and its RPC server, and ends
//! both on Ctrl-C or SIGTERM.

mod banner;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use sandboxd::chain::{Clock, NodeOptions};
use sandboxd::cli::{Cli, Command, RunArgs, StartArgs};
use sandboxd::home::{Home, read_genesis};
use sandboxd::rpc::{RpcConfig, RpcServer};
use sandboxd::{Sandbox, genesis};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use banner::Banner;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.verbose.as_deref());
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What failed first, and what made it fail behind it.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let wallet = cli.wallet_contract.as_deref().map(read).transpose()?;
    match cli.command {
        Some(Command::Init(args)) => Ok(Home::new(cli.home).init(&args)?),
        Some(Command::Run(args)) => run_home(&Home::new(cli.home), &args, wallet),
        None if cli.home.is_some() => {
            anyhow::bail!("--home needs a command: init to make a chain there, run to start it")
        }
        None => start(&cli.start, wallet),
    }
}

/// Starts a chain in memory.
fn start(args: &StartArgs, wallet: Option<Vec<u8>>) -> anyhow::Result<()> {
    let end = End::listen()?;
    let sandbox = match &args.genesis {
        None => Sandbox::localnet_builder(Clock::system()).wallet_contract(wallet).build()?,
        Some(path) => Sandbox::builder(read_genesis(path)?)
            .wallet_contract(wallet)
            .build()
            .with_context(|| path.display().to_string())?,
    };
    let accounts = if args.genesis.is_none() { genesis::dev_accounts() } else { Vec::new() };
    let chain_id = sandbox.chain().chain_id().to_owned();
    let node = sandbox.start(NodeOptions { heartbeat: interval(args.block_interval) })?;
    let server = RpcServer::start(args.rpc_addr, node.clone(), RpcConfig::neard())
        .with_context(|| cannot_listen(args.rpc_addr))?;
    let banner = Banner { address: server.address(), chain_id, accounts };
    if args.json { banner.print_json() } else { banner.print_table() }
        .context("the accounts could not be printed")?;
    end.wait();
    drop(server);
    node.stop();
    Ok(())
}

/// Starts the chain of a home folder.
fn run_home(home: &Home, args: &RunArgs, wallet: Option<Vec<u8>>) -> anyhow::Result<()> {
    let end = End::listen()?;
    let contents = home.read()?;
    let config = contents.config;
    let sandbox = Sandbox::builder(contents.genesis)
        .signer(contents.signer)
        .block_delay(config.block_delay)
        .wallet_contract(wallet)
        .build()
        .with_context(|| home.path().display().to_string())?;
    let heartbeat = interval(args.block_interval).or(config.heartbeat);
    let node = sandbox.start(NodeOptions { heartbeat })?;
    let address = args.rpc_addr.unwrap_or(config.rpc_addr);
    let rpc = RpcConfig {
        max_body_bytes: config.max_body_bytes,
        allowed_origins: config.allowed_origins,
        wait_timeout: config.wait_timeout,
        node_key: Some(contents.node_key),
        ..RpcConfig::neard()
    };
    let server = if args.disable_rpc {
        None
    } else {
        let server = RpcServer::start(address, node.clone(), rpc);
        Some(server.with_context(|| cannot_listen(address))?)
    };
    if let Some(server) = &server {
        tracing::info!(target: "rpc", address = %server.address(), "listening");
    }
    end.wait();
    drop(server);
    node.stop();
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn cannot_listen(address: std::net::SocketAddr) -> String {
    format!(
        "cannot listen on {address}; --rpc-addr chooses another address, and port 0 a free port"
    )
}

fn interval(milliseconds: Option<u64>) -> Option<Duration> {
    milliseconds.map(Duration::from_millis)
}

/// Ctrl-C and SIGTERM, which end the program cleanly from before it says that it is there.
struct End {
    runtime: tokio::runtime::Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn listen() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate) = runtime.block_on(async {
            std::io::Result::Ok((
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ))
        })?;
        Ok(Self { runtime, interrupt, terminate })
    }

    fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        });
    }
}

/// Standard output belongs to the banner. Tools that start a near-sandbox set `RUST_LOG` for it.
fn log_to_stderr(verbose: Option<&str>) {
    let filter = std::env::var("NEAR_SANDBOX_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let mut filter = EnvFilter::new(filter.unwrap_or_else(|_| "warn".to_owned()));
    if let Some(target) = verbose {
        let directive =
            if target == "debug" { target.to_owned() } else { format!("{target}=debug") };
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
