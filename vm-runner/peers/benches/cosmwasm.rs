//! cosmwasm-vm with the caches that wasmd gives it and its own double of a chain. Each line of input
//! is a request, and the answer is a line with nanoseconds, or with bytes:
//!
//! - `add NAME FILE`: a contract, which exports `execute`. Nothing is measured.
//! - `warm NAME CALLS THREADS`: so many calls on each thread, of a module that is pinned.
//! - `cold NAME CALLS`: so many calls on a machine with an empty directory.
//! - `files NAME`: a call on a new machine with a directory that has the module.
//! - `compile NAME`: checks and compiles.
//! - `memory NAME MODULES`: what so many modules that are pinned add to the process.

#![allow(unsafe_code, reason = "cosmwasm-vm asks for a promise about its directory")]
#![allow(clippy::print_stdout, reason = "it answers so")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

// cosmwasm-vm's wasmer refers to a symbol that only vm-runner has.
#[path = "../../src/wasmer/probestack.rs"]
mod probestack;
// As the others are measured.
#[path = "../../oracle/benches/engines/threads.rs"]
mod threads;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cosmwasm_std::Checksum;
use cosmwasm_vm::testing::{MockApi, MockQuerier, MockStorage, mock_backend};
use cosmwasm_vm::{Cache, CacheOptions, InstanceOptions, Size, call_execute_raw};
use tempfile::TempDir;
use threads::on_threads;

/// What a contract is told, in the form that wasmd sends.
const ENV: &[u8] = br#"{"block":{"height":10,"time":"42","chain_id":"sandbox"},"transaction":{"index":0},"contract":{"address":"cosmwasm1jpev2csrppg792t22rn8z8uew8h3sjcpglcd0qv9g8gj8ky922tscp8avs"}}"#;
const INFO: &[u8] = br#"{"sender":"cosmwasm1jpev2csrppg792t22rn8z8uew8h3sjcpglcd0qv9g8gj8ky922tscp8avs","funds":[]}"#;
const MESSAGE: &[u8] = br#"{"increment":{}}"#;

const GAS_LIMIT: u64 = 1 << 60;

fn main() -> Result<()> {
    // Only who measures has something to ask.
    if std::env::var_os("COSMWASM_PEER").is_none() {
        return Ok(());
    }
    probestack::keep();
    let mut peer = Peer::new()?;
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        println!("{}", peer.answer(&words).with_context(|| line.clone())?);
    }
    Ok(())
}

struct Contract {
    wasm: Vec<u8>,
    checksum: Checksum,
}

impl Contract {
    fn new(wasm: Vec<u8>) -> Self {
        Contract { checksum: Checksum::generate(&wasm), wasm }
    }
}

struct Peer {
    contracts: BTreeMap<String, Contract>,
    /// With everything pinned that was called.
    machine: Machine,
    home: TempDir,
}

impl Peer {
    fn new() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let machine = Machine::new(home.path())?;
        Ok(Peer { contracts: BTreeMap::new(), machine, home })
    }

    fn answer(&mut self, words: &[&str]) -> Result<u128> {
        if let ["add", name, file] = words {
            self.contracts.insert((*name).to_owned(), Contract::new(std::fs::read(file)?));
            return Ok(0);
        }
        let name = words.get(1).context("a name")?;
        let contract = self.contracts.get(*name).context("an unknown contract")?;
        let took = match words {
            ["warm", _, calls, threads] => {
                let (calls, threads) = (calls.parse()?, threads.parse()?);
                self.machine.pin(contract)?;
                on_threads(threads, calls, || self.machine.calls(contract, 1))?
            }
            ["cold", _, calls] => {
                let home = tempfile::tempdir()?;
                let (machine, calls) = (Machine::new(home.path())?, calls.parse()?);
                time(|| {
                    machine.cache.store_code(&contract.wasm, true, true)?;
                    machine.calls(contract, calls)
                })?
            }
            ["files", _] => {
                self.machine.pin(contract)?;
                let machine = Machine::new(self.home.path())?;
                time(|| machine.calls(contract, 1))?
            }
            ["compile", _] => time(|| {
                Ok(self.machine.cache.store_code(&contract.wasm, true, false).map(drop)?)
            })?,
            ["memory", _, modules] => return self.memory(contract, modules.parse()?),
            _ => bail!("unknown"),
        };
        Ok(took.as_nanos())
    }

    fn memory(&self, contract: &Contract, modules: u8) -> Result<u128> {
        self.machine.pin(contract)?;
        self.machine.calls(contract, 1)?;
        // A custom section makes another contract of it.
        let distinct = |number| [&contract.wasm[..], &[0, 3, 1, b'n', number]].concat();
        let contracts: Vec<_> = (0..modules).map(|n| Contract::new(distinct(n))).collect();
        let before = resident()?;
        for contract in &contracts {
            self.machine.pin(contract)?;
            self.machine.calls(contract, 1)?;
        }
        Ok(resident()?.saturating_sub(before))
    }
}

/// cosmwasm-vm with a directory.
struct Machine {
    cache: Cache<MockApi, MockStorage, MockQuerier>,
}

impl Machine {
    fn new(home: &Path) -> Result<Self> {
        let options = CacheOptions::new(home, HashSet::new(), Size::mebi(256), Size::mebi(64));
        // SAFETY: nobody else writes to the directory.
        Ok(Machine { cache: unsafe { Cache::new(options) }? })
    }

    /// Stores and pins the contract, unless it is pinned.
    fn pin(&self, contract: &Contract) -> Result<()> {
        if self.cache.pin(&contract.checksum).is_err() {
            self.cache.store_code(&contract.wasm, true, true)?;
            self.cache.pin(&contract.checksum)?;
        }
        Ok(())
    }

    fn calls(&self, contract: &Contract, calls: u32) -> Result<()> {
        for _ in 0..calls {
            let options = InstanceOptions { gas_limit: GAS_LIMIT };
            let backend = mock_backend(&[]);
            let mut instance = self.cache.get_instance(&contract.checksum, backend, options)?;
            call_execute_raw(&mut instance, ENV, INFO, MESSAGE)?;
        }
        Ok(())
    }
}

fn time(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// Bytes of this process that are resident.
fn resident() -> Result<u128> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: u128 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib.saturating_mul(1024))
}
