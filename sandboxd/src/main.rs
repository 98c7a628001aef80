//! The `sandboxd` program: reads the command line, starts a chain and its RPC server, and ends
//! both on Ctrl-C or SIGTERM.

mod banner;
mod contracts;
mod differences;
mod keep;

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use near_primitives::version::PROTOCOL_VERSION;
use sandboxd::chain::{BlockMode, Clock, Node, NodeOptions};
use sandboxd::chain_file::{self, StateClient};
use sandboxd::cli::{
    self, BlockTime, Cli, Command, DumpStateArgs, ExportArgs, ForkArgs, Program, RunArgs,
    ServeArgs, StartArgs, StateCommand, StateFormat, ViewState, docs,
};
use sandboxd::home::{DumpRequest, Home, HomeContents, dump, read_genesis};
use sandboxd::remote::{Client, Remote, RemoteSource, export};
use sandboxd::rpc::{NodeSettings, RpcConfig, RpcServer};
use sandboxd::{KEPT_BLOCKS, Sandbox, SandboxBuilder, genesis};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use banner::Banner;

fn main() -> ExitCode {
    let program =
        std::env::args_os().next().map_or(Program::Sandboxd, |path| Program::named(&path));
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(answer) => answer.exit(),
    };
    log_to_stderr(cli.verbose.as_deref());
    match run(program, cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What failed first, and what made it fail behind it.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: Program, cli: Cli) -> anyhow::Result<()> {
    let wallet = cli.wallet_contract.as_deref().map(read).transpose()?;
    match cli.command {
        Some(Command::Init(args)) => Ok(Home::new(cli.home).init(&args)?),
        Some(Command::Run(args)) => run_home(&Home::new(cli.home), &args, wallet),
        Some(Command::ViewState(args)) => match args.command {
            ViewState::DumpState(args) => dump_state(&Home::new(cli.home), &args, wallet),
        },
        Some(Command::Export(args)) => export_accounts(&args),
        Some(Command::State(args)) => match args.command {
            StateCommand::Dump { file, format, data_dir: Some(folder), genesis, .. } => {
                let builder = match genesis {
                    Some(path) => Sandbox::builder(read_genesis(&path)?),
                    None => Sandbox::localnet_builder(Clock::system()),
                };
                dump_kept(&file, format, &keep::read(builder, &folder)?)
            }
            StateCommand::Dump { file, format, node, .. } => match (cli.home, &node.url) {
                (Some(home), None) => {
                    let home = Home::new(Some(home));
                    let sandbox = keep::read_home(builder(home.read()?, wallet), &home)?;
                    dump_kept(&file, format, &sandbox)
                }
                _ => dump_node(&file, format, node.url()),
            },
            StateCommand::Load { file, node } => load_node(&file, node.url()),
        },
        Some(Command::Completions { shell }) => print(&docs::completions(program, shell)),
        Some(Command::Man { of }) => print(&docs::man(program, &of)?),
        None => start(&cli.start, wallet),
    }
}

/// Starts a chain of its own, in memory or in a folder.
fn start(args: &StartArgs, wallet: Option<Vec<u8>>) -> anyhow::Result<()> {
    let end = End::listen()?;
    let source = if args.fork.fork.is_empty() { None } else { Some(open_source(&args.fork)?) };
    let source = source.map(Arc::new);
    let fork = source.as_deref().map(banner::Fork::of);
    let builder = match (source.clone(), &args.genesis) {
        (Some(source), _) => Sandbox::fork_builder(source),
        (None, None) => Sandbox::localnet_builder(Clock::system()),
        (None, Some(path)) => Sandbox::builder(read_genesis(path)?),
    };
    let builder = builder.wallet_contract(wallet).finality_lag(args.serve.finality_lag);
    let builder = builder.auto_impersonate(args.serve.auto_impersonate);
    let builder = builder.kept_blocks(kept_blocks(&args.serve, args.serve.archive));
    let engines = contracts::engines(&args.serve, args.data_dir.is_some())?;
    let builder = builder.engines(engines).fees(contracts::fees(&args.serve)?);
    let named = || args.genesis.as_ref().map(|path| path.display().to_string());
    let sandbox = match &args.data_dir {
        Some(folder) => keep::open(builder, folder, &args.serve, named)?,
        None => keep::build(builder, named)?,
    };
    let accounts = if args.genesis.is_none() { genesis::dev_accounts() } else { Vec::new() };
    let files = &args.serve.state_file;
    if fork.is_some() && (files.source().is_some() || files.target().is_some()) {
        anyhow::bail!(
            "a fork can neither be read from a file nor written to one yet: leave out --state, \
             --load-state and --dump-state"
        );
    }
    let node = start_node(sandbox, &args.serve, None)?;
    let chain_id = node.view().chain_id().to_owned();
    let address = args.serve.rpc_addr.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3030)));
    let neard = RpcConfig::neard();
    let settings = NodeSettings { archive: args.serve.archive, ..neard.node };
    let rpc = RpcConfig { origin: source, node: settings, ..neard };
    let server = serve(address, &node, rpc, &args.serve)?;
    let banner = Banner { address: server.address(), chain_id, accounts, fork };
    if args.json { banner.print_json() } else { banner.print_table() }
        .context("the accounts could not be printed")?;
    end.wait();
    drop(server);
    stop_node(&node, &args.serve)
}

/// Starts the chain of a home folder.
fn run_home(home: &Home, args: &RunArgs, wallet: Option<Vec<u8>>) -> anyhow::Result<()> {
    let end = End::listen()?;
    let contents = home.read()?;
    let config = contents.config.clone();
    let archive = args.serve.archive || config.archive && args.serve.prune_history.is_none();
    let empty_blocks = args.produce_empty_blocks.unwrap_or(config.empty_blocks);
    let max_gas_burnt_view = args.max_gas_burnt_view.or(config.max_gas_burnt_view);
    let rpc = RpcConfig {
        node: NodeSettings {
            min_block_production_delay: config.empty_block_delay,
            max_block_production_delay: config.max_block_delay,
            produce_empty_blocks: empty_blocks,
            archive,
            max_gas_burnt_view,
            trie_viewer_state_size_limit: config.trie_viewer_state_size_limit,
        },
        max_body_bytes: config.max_body_bytes,
        allowed_origins: config.allowed_origins,
        wait_timeout: config.wait_timeout,
        node_key: Some(contents.node_key.clone()),
        metrics_address: args.rpc_prometheus_addr.or(config.prometheus_addr),
        ..RpcConfig::neard()
    };
    let builder = builder(contents, wallet)
        .kept_blocks(kept_blocks(&args.serve, archive))
        .finality_lag(args.serve.finality_lag)
        .auto_impersonate(args.serve.auto_impersonate)
        .engines(contracts::engines(&args.serve, cfg!(feature = "rocksdb"))?)
        .fees(contracts::fees(&args.serve)?)
        .max_gas_burnt_view(max_gas_burnt_view);
    let sandbox = keep::open_home(builder, home, &args.serve)?;
    let heartbeat = empty_blocks.then_some(config.empty_block_delay);
    let node = start_node(sandbox, &args.serve, heartbeat)?;
    let running = home.announce(node.clone())?;
    let address = args.serve.rpc_addr.or(config.rpc_addr).filter(|_| !args.disable_rpc);
    let server = address.map(|address| serve(address, &node, rpc, &args.serve)).transpose()?;
    end.wait();
    drop(server);
    drop(running);
    stop_node(&node, &args.serve)
}

/// Ends the chain, and writes it where it was asked for.
fn stop_node(node: &Node, args: &ServeArgs) -> anyhow::Result<()> {
    let chains = args.state_file.target().map(|path| (path, node.chains().wait()));
    node.stop();
    let Some((path, chains)) = chains else { return Ok(()) };
    let chains = chains.context("the chain has ended before it could be written")?;
    write_whole(path, |out| Ok(chain_file::write(&chains, out)?))
}

/// Asks a running node for all that it has.
fn dump_node(path: &Path, format: StateFormat, url: &str) -> anyhow::Result<()> {
    write_whole(path, |out| Ok(StateClient::new(url).dump(format, out)?))?;
    print(format!("Wrote {}\n", path.display()).as_bytes())
}

/// Writes a chain that does not run.
fn dump_kept(path: &Path, format: StateFormat, sandbox: &Sandbox) -> anyhow::Result<()> {
    let chains = sandbox.chains();
    write_whole(path, |out| {
        match format {
            StateFormat::Chain => chain_file::write(chains, out)?,
            StateFormat::Genesis => {
                dump(&chains.current, &DumpRequest::default())?.write(out)?;
            }
        }
        Ok(())
    })?;
    print(format!("Wrote {}\n", path.display()).as_bytes())
}

/// Gives a running node what is in a file.
fn load_node(path: &Path, url: &str) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let height = StateClient::new(url).load(file)?;
    print(format!("The node goes on from block {height}\n").as_bytes())
}

/// Writes a file that has its name only when it is whole.
fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let beside = path.with_added_extension("part");
    let named = || path.display().to_string();
    let mut out = BufWriter::new(File::create(&beside).with_context(named)?);
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    let written = written.and_then(|()| Ok(std::fs::rename(&beside, path)?));
    if written.is_err() {
        drop(std::fs::remove_file(&beside));
    }
    written.with_context(named)
}

/// How many of the latest blocks are kept.
fn kept_blocks(args: &ServeArgs, archive: bool) -> usize {
    args.prune_history.unwrap_or(if archive { usize::MAX } else { KEPT_BLOCKS })
}

/// Writes the state of the chain that runs from a home folder, or of the one that would.
fn dump_state(home: &Home, args: &DumpStateArgs, wallet: Option<Vec<u8>>) -> anyhow::Result<()> {
    let request = args.into();
    let (height, path) = if let Some(mut running) = home.ask_running(&request)? {
        let config = running.config().clone();
        (config.genesis_height, home.write_dump(&config, running.records(), args)?)
    } else {
        let sandbox = keep::read_home(builder(home.read()?, wallet), home)?;
        let dump = dump(sandbox.chain(), &request)?;
        (dump.config().genesis_height, home.write_dump(dump.config(), dump.records(), args)?)
    };
    print(format!("Saved the state before block {height} at {}\n", path.display()).as_bytes())
}

/// What a fork starts from.
fn open_source(args: &ForkArgs) -> anyhow::Result<RemoteSource> {
    let block = args.block().map_err(anyhow::Error::msg)?;
    let client = Client::new(args.fork.iter().map(|point| &point.url), args.client_options())
        .context("--fork")?;
    let cache = if args.no_fork_cache {
        None
    } else {
        args.fork_cache.clone().or_else(sandboxd::remote::default_cache)
    };
    RemoteSource::open(Arc::new(client), block, cache.as_deref()).context("--fork")
}

/// Writes accounts of a chain elsewhere as a genesis.
fn export_accounts(args: &ExportArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.url, args.client_options()).context("--url")?;
    let remote = Remote::at(Arc::new(client), args.block.unwrap_or_default())?;
    let ids = args.account.iter().cloned().collect();
    write_whole(&args.output, |out| Ok(export(&remote, &ids, out)?))?;
    let (header, path) = (&remote.block().header, args.output.display());
    let text = format!("Wrote {path} as of block {} ({})\n", header.height, header.hash);
    print(text.as_bytes())
}

fn builder(contents: HomeContents, wallet: Option<Vec<u8>>) -> SandboxBuilder {
    Sandbox::builder(contents.genesis)
        .signer(contents.signer)
        .block_delay(contents.config.block_delay)
        .wallet_contract(wallet)
}

/// How often blocks come without work where blocks are not final at once and nothing else is said:
/// neard's shortest delay. Without any, nobody who looks at final blocks would see the latest work.
const FINALITY_INTERVAL: Duration = Duration::from_millis(600);

fn start_node(
    sandbox: Sandbox,
    args: &ServeArgs,
    heartbeat: Option<Duration>,
) -> anyhow::Result<Node> {
    let chain = sandbox.chain();
    tracing::info!(
        target: "chain", version = env!("CARGO_PKG_VERSION"), chain_id = chain.chain_id(),
        protocol = chain.protocol_version(), latest_protocol = PROTOCOL_VERSION, "starting"
    );
    let finality = (args.finality_lag > 0).then_some(FINALITY_INTERVAL);
    let interval = args.block_interval.map(Duration::from_millis).or(heartbeat).or(finality);
    let mode = args.block_time.map_or_else(
        || interval.map_or(BlockMode::Instant, BlockMode::Mixed),
        |block_time| match block_time {
            BlockTime::Millis(millis) => BlockMode::Interval(Duration::from_millis(millis.get())),
            BlockTime::Manual => BlockMode::Manual,
        },
    );
    let options = sandbox.chain().options().clone();
    let node = sandbox.start(NodeOptions { mode, keeper: None })?;
    if let Some(path) = args.state_file.source() {
        let named = || path.display().to_string();
        let file = File::open(path).with_context(named)?;
        let chains = chain_file::read(file, &options).with_context(named)?;
        node.put_chains(chains).wait().context("the chain has ended at once")?;
    }
    Ok(node)
}

fn serve(
    address: SocketAddr,
    node: &Node,
    mut rpc: RpcConfig,
    args: &ServeArgs,
) -> anyhow::Result<RpcServer> {
    rpc.allowed_hosts.clone_from(&args.allow_host);
    if !args.allow_origin.is_empty() {
        rpc.allowed_origins.clone_from(&args.allow_origin);
    }
    let second = rpc.metrics_address.map(|address| format!(" and {address}")).unwrap_or_default();
    let server = RpcServer::start(address, node.clone(), rpc).with_context(|| {
        format!(
            "cannot listen on {address}{second}; --rpc-addr chooses another address, and port 0 a \
             free port"
        )
    })?;
    tracing::info!(target: "rpc", address = %server.address(), "listening");
    Ok(server)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(text).and_then(|()| out.flush())?)
}

/// Ctrl-C and SIGTERM, which end the program cleanly from before it says that it is there.
struct End {
    runtime: tokio::runtime::Runtime,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl End {
    fn listen() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate, hangup) = runtime.block_on(async {
            std::io::Result::Ok((
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ))
        })?;
        Ok(Self { runtime, interrupt, terminate, hangup })
    }

    fn wait(mut self) {
        self.runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = self.interrupt.recv() => break,
                    _ = self.terminate.recv() => break,
                    // A neard reads settings again that a chain in one process does not have.
                    _ = self.hangup.recv() => {
                        tracing::info!(target: "chain", "SIGHUP: there are no settings to reload");
                    }
                }
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
    let style =
        std::env::var("NEAR_SANDBOX_LOG_STYLE").or_else(|_| std::env::var("RUST_LOG_STYLE"));
    let colors = match style.as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colors)
        .with_writer(std::io::stderr)
        .init();
}
