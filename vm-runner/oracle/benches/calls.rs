//! How long a contract call takes here and in near-vm-runner, in one process and in turns.
//!
//! Cold is from wasm to result: prepare, compile, load, run. Warm is with the compiled module in
//! memory, where near-vm-runner gets the memory cache that neard gives it. Hashing the code is in
//! neither. `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fixtures::Case;
use near_vm_runner::{FilesystemContractRuntimeCache, NoContractRuntimeCache};
use oracle::{Contract, NearRunner, Oracle, OurRunner};
use sandbox_runtime::RuntimeConfig;

/// Modules and methods: a small call, a real contract's call, and two that compute.
const CALLS: [(&str, &str); 4] = [
    ("tiny", "increment"),
    ("status", "increment"),
    ("limits", "fib_20"),
    ("limits", "loop_million"),
];

const COLD_RUNS: usize = 11;
const WARM_RUNS: usize = 21;
/// Calls in one warm run.
const WARM_CALLS: u32 = 20;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let config = Oracle::new().config().clone();
    println!("| call, µs | here | near-vm-runner | better by |\n|---|--:|--:|--:|");
    for (name, method) in CALLS {
        let module = fixtures::module(name);
        let case = module.cases.iter().find(|case| case.method == method).context("a case")?;
        let contract = Contract::new(&module.code());
        row(&format!("`{name}.{method}`, cold"), cold(&config, &contract, case)?);
        row(&format!("`{name}.{method}`, warm"), warm(&config, &contract, case)?);
    }
    Ok(())
}

fn row(what: &str, times: [Duration; 2]) {
    let [ours, theirs] = times.map(|time| time.as_secs_f64() * 1e6);
    println!("| {what} | {ours:.1} | {theirs:.1} | {:.1} times |", theirs / ours);
}

fn cold(config: &RuntimeConfig, contract: &Contract, case: &Case) -> Result<[Duration; 2]> {
    in_turns(
        COLD_RUNS,
        1,
        || OurRunner::new(config).burn(contract, case),
        || NearRunner::new(config.clone(), Box::new(NoContractRuntimeCache)).burn(contract, case),
    )
}

fn warm(config: &RuntimeConfig, contract: &Contract, case: &Case) -> Result<[Duration; 2]> {
    let home = tempfile::tempdir()?;
    let cache = FilesystemContractRuntimeCache::with_memory_cache(
        home.path(),
        None::<&str>,
        "contracts",
        16,
        None,
        1 << 30,
        near_vm_runner::noop_background_spawner(),
    )?;
    let ours = OurRunner::new(config);
    let nears = NearRunner::new(config.clone(), Box::new(cache));
    in_turns(WARM_RUNS, WARM_CALLS, || ours.burn(contract, case), || nears.burn(contract, case))
}

/// The median time of a call on each side over `runs` runs of `calls` calls, taken in turns so
/// that both meet the same machine. The first run of each is not counted.
fn in_turns(
    runs: usize,
    calls: u32,
    mut ours: impl FnMut() -> Result<u64>,
    mut nears: impl FnMut() -> Result<u64>,
) -> Result<[Duration; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        let both = [time(calls, &mut ours)?, time(calls, &mut nears)?];
        if run > 0 {
            for (times, time) in times.iter_mut().zip(both) {
                times.push(time);
            }
        }
    }
    Ok(times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    }))
}

fn time(calls: u32, call: &mut impl FnMut() -> Result<u64>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..calls {
        std::hint::black_box(call()?);
    }
    Ok(start.elapsed() / calls)
}
