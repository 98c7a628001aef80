//! The engines beside each other, beside near-vm-runner 0.38 and beside cosmwasm-vm, in one process
//! and in turns; only cosmwasm-vm is a process of its own, which measures itself when it is asked.
//!
//! In each turn every side does its work once, or so often that the clock does not matter, and the
//! shortest turn counts: what others do on the machine only adds. Threads are not pinned. Before a
//! work is measured, all sides that count NEAR's gas must burn the same. Hashing the code is in no
//! figure. Arguments choose rows and sides by their names.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "sizes as figures")]

mod measure;
mod memory;
mod peer;
mod sides;
mod threads;
mod work;

use anyhow::{Context, Result};
use measure::{Figures, Table, Turn, shortest, time};
use peer::Peer;
use sandbox_runtime::RuntimeConfig;
use sides::{Keeps, Machine, Side, agree};
use tempfile::TempDir;
use threads::on_threads;
use work::Work;

/// Turns of each row.
const TURNS: u32 = 30;

/// Calls in one turn of a warm module.
const CALLS: u32 = 100;
/// The same where threads are measured, which need time to get in each other's way: on each of them.
const MANY_CALLS: u32 = 2_000;
/// Where a call takes a few hundredths of a second.
const FEW_CALLS: u32 = 10;

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = RuntimeConfig::new(oracle::PROTOCOL_VERSION)?;
    if arguments.first().is_some_and(|argument| argument == memory::ARGUMENT) {
        return memory::child(&config, &arguments[1..]);
    }
    // `cargo test --all-targets` runs benchmarks too, as tests.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    arguments.retain(|argument| argument != "--bench");
    Bench::new(config, &arguments)?.run()
}

struct Bench {
    config: RuntimeConfig,
    sides: Vec<Side>,
    cosmwasm: Option<Peer>,
    /// Which rows; all of them where there is none.
    rows: Vec<String>,
}

impl Bench {
    fn new(config: RuntimeConfig, arguments: &[String]) -> Result<Self> {
        let (sides, rows): (Vec<_>, Vec<_>) =
            arguments.iter().cloned().partition(|argument| Side::named(argument).is_some());
        let peer = std::env::var_os(peer::VARIABLE);
        let cosmwasm = peer.map(|program| Peer::start(&program)).transpose()?;
        let mut chosen = Side::all();
        chosen.retain(|side| match side {
            Side::Near => true,
            Side::CosmWasm if cosmwasm.is_none() => false,
            _ => sides.is_empty() || sides.contains(&side.to_string()),
        });
        Ok(Bench { config, sides: chosen, cosmwasm, rows })
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| row.contains(part.as_str()))
    }

    fn run(&self) -> Result<()> {
        let (small, sdk, kernels) = (work::small()?, work::sdk()?, work::kernels()?);
        for work in [&small, &sdk].into_iter().chain(&kernels) {
            agree(&self.sides, &self.config, work)?;
            if let (Some(peer), Some(wasm)) = (&self.cosmwasm, &work.cosmwasm) {
                peer.add(&work.key(), wasm)?;
            }
        }
        let table = Table::start("µs", &self.sides);
        for work in [&small, &sdk] {
            self.row(&table, work, "warm", |side| self.warm(side, work, CALLS))?;
            self.row(&table, work, "cold", |side| self.cold(side, work, 1))?;
            let many = "cold, and 19 calls more";
            self.row(&table, work, many, |side| self.cold(side, work, 20))?;
            self.row(&table, work, "from files", |side| self.files(side, work))?;
        }
        for work in &kernels {
            self.row(&table, work, "computing", |side| self.warm(side, work, 1))?;
        }
        self.rates(&small, &sdk, &kernels)?;
        let table = Table::start("KiB of memory", &self.sides);
        for (work, which) in [(&small, "small"), (&sdk, "sdk")] {
            let name = format!("{}, one of 100 modules that are kept", work.name);
            if self.wants(&name) {
                let sides = self.sides.iter().filter(|side| side.can(work));
                let figures = sides.map(|s| Ok((*s, memory::per_module(*s, work, which)?)));
                table.row(&name, &Figures(figures.collect::<Result<_>>()?));
            }
        }
        Ok(())
    }

    fn rates(&self, small: &Work, sdk: &Work, kernels: &[Work]) -> Result<()> {
        let table = Table::start("per second", &self.sides);
        for work in [sdk].into_iter().chain(kernels.first()) {
            let name = format!("MB of wasm compiled, {}", work.name);
            if self.wants(&name) {
                let megabytes = work.size() as f64 / 1e6;
                let figures = self.figures(work, |side| self.compiles(side, work))?;
                table.row(&name, &figures.map(|seconds| megabytes / seconds));
            }
        }
        for work in [small, sdk] {
            for threads in [1, 2] {
                let plural = if threads == 1 { "" } else { "s" };
                let name = format!("calls of {}, {threads} thread{plural}", work.name);
                if self.wants(&name) {
                    let figures = self.figures(work, |side| self.rate(side, work, threads))?;
                    table.row(&name, &figures.map(|seconds| f64::from(threads) / seconds));
                }
            }
        }
        Ok(())
    }
}

/// What a side does in its turn.
impl Bench {
    fn row<'b>(
        &'b self,
        table: &Table<'_>,
        work: &'b Work,
        what: &str,
        turn: impl Fn(Side) -> Result<Turn<'b>>,
    ) -> Result<()> {
        let name = format!("{}, {what}", work.name);
        if self.wants(&name) {
            table.row(&name, &self.figures(work, turn)?.map(|seconds| seconds * 1e6));
        }
        Ok(())
    }

    fn figures<'b>(
        &'b self,
        work: &'b Work,
        turn: impl Fn(Side) -> Result<Turn<'b>>,
    ) -> Result<Figures> {
        let sides = self.sides.iter().filter(|side| side.can(work));
        let turns = sides.map(|side| Ok((*side, turn(*side)?)));
        shortest(TURNS, &mut turns.collect::<Result<Vec<_>>>()?)
    }

    /// `calls` calls of a module in memory, for one of them.
    fn warm<'b>(&'b self, side: Side, work: &'b Work, calls: u32) -> Result<Turn<'b>> {
        let mut all = self.calls(side, work, calls, 1)?;
        Ok(Box::new(move || Ok(all()? / calls)))
    }

    /// A call of a module in memory, on one of `threads` threads that all make some.
    fn rate<'b>(&'b self, side: Side, work: &'b Work, threads: u32) -> Result<Turn<'b>> {
        let calls = if side.is_interpreter() { FEW_CALLS } else { MANY_CALLS };
        let mut all = self.calls(side, work, calls, threads)?;
        Ok(Box::new(move || Ok(all()? / calls)))
    }

    /// `calls` calls on each of `threads` threads.
    fn calls<'b>(
        &'b self,
        side: Side,
        work: &'b Work,
        calls: u32,
        threads: u32,
    ) -> Result<Turn<'b>> {
        if side == Side::CosmWasm {
            return self.ask(format!("warm {} {calls} {threads}", work.key()));
        }
        let (home, machine) = self.kept(side)?;
        Ok(Box::new(move || {
            let _ = &home;
            on_threads(threads, calls, || machine.call(work).map(drop))
        }))
    }

    /// From wasm to the result of the last of `calls` calls.
    fn cold<'b>(&'b self, side: Side, work: &'b Work, calls: u32) -> Result<Turn<'b>> {
        if side == Side::CosmWasm {
            return self.ask(format!("cold {} {calls}", work.key()));
        }
        Ok(Box::new(move || {
            let home = tempfile::tempdir()?;
            let keeps = if calls == 1 { Keeps::Nothing } else { Keeps::Modules(home.path()) };
            let machine = side.machine(&self.config, keeps)?;
            time(|| (0..calls).try_for_each(|_| machine.call(work).map(drop)))
        }))
    }

    /// A call of a module that another process has compiled.
    fn files<'b>(&'b self, side: Side, work: &'b Work) -> Result<Turn<'b>> {
        if side == Side::CosmWasm {
            return self.ask(format!("files {}", work.key()));
        }
        let home = tempfile::tempdir()?;
        let first = side.machine(&self.config, Keeps::Files(home.path()))?;
        first.call(work)?;
        first.settle();
        Ok(Box::new(move || {
            let machine = side.machine(&self.config, Keeps::Files(home.path()))?;
            time(|| machine.call(work).map(drop))
        }))
    }

    fn compiles<'b>(&'b self, side: Side, work: &'b Work) -> Result<Turn<'b>> {
        if side == Side::CosmWasm {
            return self.ask(format!("compile {}", work.key()));
        }
        Ok(Box::new(move || {
            let home = tempfile::tempdir()?;
            let machine = side.machine(&self.config, Keeps::Modules(home.path()))?;
            time(|| machine.compile(work))
        }))
    }

    fn ask(&self, request: String) -> Result<Turn<'_>> {
        let peer = self.cosmwasm.as_ref().context("no process with CosmWasm")?;
        Ok(Box::new(move || peer.time(&request)))
    }

    /// A machine that keeps modules, in a directory of its own.
    fn kept(&self, side: Side) -> Result<(TempDir, Box<dyn Machine>)> {
        let home = tempfile::tempdir()?;
        let machine = side.machine(&self.config, Keeps::Modules(home.path()))?;
        Ok((home, machine))
    }
}
