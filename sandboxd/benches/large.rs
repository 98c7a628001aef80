//! Large states: how fast a genesis and a file with a chain are read and written, and in how much memory, each in a
//! process of its own. `scripts/bench` runs it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "a benchmark ends on what it does not expect, and prints times and ratios"
)]

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Chains, Clock};
use sandboxd::chain_file;
use sandboxd::genesis::{self, GenesisWriter};
use sandboxd::home::{DumpRequest, dump};

/// What is measured, in the order of the columns.
const STEPS: [&str; 4] = ["genesis", "dump", "write", "read"];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, step, genesis, chain, ..] = args.as_slice()
        && STEPS.contains(&step.as_str())
    {
        return one(step, Path::new(genesis), Path::new(chain));
    }
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let share = if args.iter().any(|argument| argument == "--bench") { 1 } else { 10_000 };
    println!(
        "| | genesis | read | written | chain file | written | read | state | most when the genesis \
         is read | when the chain file is |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let accounts = |writer: &mut GenesisWriter<_>| accounts(writer, 500_000 / share);
    row("1,000,000 records: accounts, each with a key", accounts);
    for (count, size) in [(1_000_000, 1_000), (10_000, 100_000)] {
        let data = |writer: &mut GenesisWriter<_>| data(writer, count / share, size);
        row(&format!("1 GB: values of {size} bytes"), data);
    }
}

type Writer = GenesisWriter<BufWriter<File>>;

/// Measures a genesis that has the records of a localnet, and these.
fn row(name: &str, records: impl FnOnce(&mut Writer) -> Balance) {
    let folder = tempfile::tempdir().unwrap();
    let (genesis, chain) = (folder.path().join("genesis.json"), folder.path().join("chain.bin"));
    let localnet = genesis::localnet(1);
    // What the records hold is known after them, and the supply is told before: one account has what is left.
    let more = Balance::from_near(1_000);
    let mut config = localnet.config.clone();
    config.total_supply = config.total_supply.checked_add(more).unwrap();
    let out = BufWriter::new(File::create(&genesis).unwrap());
    let mut writer = GenesisWriter::genesis(out, &config).unwrap();
    for record in genesis::records(&localnet) {
        writer.push(record).unwrap();
    }
    let left = more.checked_sub(records(&mut writer)).unwrap();
    writer.push(&account("rest.near".parse().unwrap(), left)).unwrap();
    drop(writer.end().unwrap());
    let figures = STEPS.map(|step| {
        let child = Command::new(std::env::current_exe().unwrap())
            .arg(step)
            .args([&genesis, &chain])
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        let text = String::from_utf8(child.stdout).unwrap();
        let numbers: Vec<f64> = text.split_whitespace().map(|one| one.parse().unwrap()).collect();
        <[f64; 3]>::try_from(numbers).unwrap()
    });
    let [[opened, state, most], [dumped, ..], [written, ..], [read, _, most_read]] = figures;
    let size = |path| fs::metadata(path).unwrap().len() as f64 / 1e6;
    let (json, file) = (size(&genesis), size(&chain));
    let rate = |seconds: f64| format!("{:.0} MB/s", json / seconds);
    println!(
        "| {name} | {json:.0} MB | {} | {} | {file:.0} MB | {} | {} | {state:.0} MB | {most:.0} MB \
         | {most_read:.0} MB |",
        rate(opened),
        rate(dumped),
        rate(written),
        rate(read),
    );
}

fn account(account_id: AccountId, amount: Balance) -> StateRecord {
    let account = Account::new(amount, Balance::ZERO, AccountContract::None, 0);
    StateRecord::Account { account_id, account }
}

fn accounts(writer: &mut Writer, count: u32) -> Balance {
    let key = SecretKey::from_seed(KeyType::ED25519, "large").public_key();
    for number in 0..count {
        // In no order.
        let name = number.wrapping_mul(2_654_435_761);
        let id: AccountId = format!("user-{name:08x}.near").parse().unwrap();
        writer.push(&account(id.clone(), Balance::from_millinear(1))).unwrap();
        let record = StateRecord::access_key(id, key.clone(), AccessKey::full_access());
        writer.push(&record).unwrap();
    }
    Balance::from_millinear(u128::from(count))
}

fn data(writer: &mut Writer, count: u32, size: usize) -> Balance {
    let mut rng = fixtures::Rng::new(7);
    for _ in 0..count {
        let (key, value) = (rng.bytes(16), rng.bytes(size));
        let account_id = "test.near".parse().unwrap();
        let (data_key, value) = (key.into(), value.into());
        writer.push(&StateRecord::Data { account_id, data_key, value }).unwrap();
    }
    Balance::ZERO
}

/// Prints the seconds of a step, and megabytes of memory: those that are used at its end, and the most that were.
fn one(step: &str, genesis: &Path, file: &Path) {
    let start = Instant::now();
    let chain = if step == "read" {
        let sandbox = Sandbox::localnet(Clock::manual(1));
        chain_file::read(File::open(file).unwrap(), sandbox.chain().options()).unwrap().current
    } else {
        open(genesis)
    };
    let mut seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let beside = file.with_extension("json");
    match step {
        "dump" => {
            let out = BufWriter::new(File::create(&beside).unwrap());
            dump(&chain, &DumpRequest::default()).unwrap().write(out).unwrap();
            fs::remove_file(beside).unwrap();
            seconds = start.elapsed().as_secs_f64();
        }
        "write" => {
            let chains = Chains { current: chain.clone(), saved: Vec::new(), last_snapshot: 0 };
            chain_file::write(&chains, BufWriter::new(File::create(file).unwrap())).unwrap();
            seconds = start.elapsed().as_secs_f64();
        }
        _ => {}
    }
    println!("{seconds} {} {}", memory("VmRSS:"), memory("VmHWM:"));
    drop(chain);
}

fn open(path: &Path) -> Chain {
    let genesis = genesis::open(path, None).unwrap();
    let builder = Sandbox::builder(genesis).signer(genesis::dev_signer());
    builder.clock(Clock::manual(1)).build().unwrap().into_chain()
}

/// What Linux says of this process, in megabytes.
fn memory(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0 / 1e6
}
