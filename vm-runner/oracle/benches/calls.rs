//! How long a contract call takes here and in near-vm-runner, in one process and in turns.
//!
//! Cold is from wasm to result: prepare, compile, load, run. Warm is with the compiled module in
//! memory, where near-vm-runner gets the memory cache that neard gives it. Hashing the code is in
//! neither. `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

mod turns;

use std::time::Duration;

use anyhow::{Context, Result};
use fixtures::Case;
use near_vm_runner::NoContractRuntimeCache;
use oracle::{Contract, NearRunner, Oracle, OurRunner};
use sandbox_runtime::RuntimeConfig;

use turns::in_turns;

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
    if turns::only_a_test() {
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

fn row(what: &str, [ours, theirs]: [f64; 2]) {
    let [ours, theirs] = [ours, theirs].map(|seconds| seconds * 1e6);
    println!("| {what} | {ours:.1} | {theirs:.1} | {:.1} times |", theirs / ours);
}

fn cold(config: &RuntimeConfig, contract: &Contract, case: &Case) -> Result<[f64; 2]> {
    let mut ours = || OurRunner::new(config).burn(contract, case);
    let mut nears =
        || NearRunner::new(config.clone(), Box::new(NoContractRuntimeCache)).burn(contract, case);
    medians(COLD_RUNS, 1, [&mut ours, &mut nears])
}

fn warm(config: &RuntimeConfig, contract: &Contract, case: &Case) -> Result<[f64; 2]> {
    let home = tempfile::tempdir()?;
    let ours = OurRunner::new(config);
    let nears = turns::warm_near(config, &home)?;
    let (mut ours, mut nears) = (|| ours.burn(contract, case), || nears.burn(contract, case));
    medians(WARM_RUNS, WARM_CALLS, [&mut ours, &mut nears])
}

/// The median times of both sides in seconds.
fn medians(runs: usize, calls: u32, sides: [turns::Call<'_>; 2]) -> Result<[f64; 2]> {
    let turns = in_turns(runs, calls, sides)?;
    let median = |side: usize| {
        let mut times: Vec<Duration> = turns.iter().map(|times| times[side]).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    Ok([median(0), median(1)])
}
