//! How long a contract's call takes here and in near-vm-runner, in one process on one machine: cold, with the module
//! compiled first, and warm, with the compiled module in memory. `scripts/bench` runs it.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fixtures::Case;
use oracle::Oracle;

/// Modules and methods: a small call, a real contract's call, and two that compute.
const CALLS: [(&str, &str); 4] = [
    ("tiny", "increment"),
    ("status", "increment"),
    ("limits", "fib_20"),
    ("limits", "loop_million"),
];
/// Runs in turns; the quickest of each side counts, since what slows one down is the machine.
const COLD: usize = 7;
const WARM: usize = 300;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured in a debug build.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    println!("| call, µs | here | near-vm-runner | better by |\n|---|--:|--:|--:|");
    for (name, method) in CALLS {
        let module = fixtures::module(name);
        let case = module.cases.iter().find(|case| case.method == method).context("a case")?;
        let code = module.code();
        row(&format!("`{name}.{method}`, cold"), cold(&code, case)?);
        row(&format!("`{name}.{method}`, warm"), warm(&code, case)?);
    }
    Ok(())
}

fn cold(code: &[u8], case: &Case) -> Result<[Duration; 2]> {
    let mut best = [Duration::MAX; 2];
    for _ in 0..COLD {
        let oracle = Oracle::new();
        measure(&oracle, code, case, &mut best)?;
    }
    Ok(best)
}

fn warm(code: &[u8], case: &Case) -> Result<[Duration; 2]> {
    let oracle = Oracle::new();
    measure(&oracle, code, case, &mut [Duration::MAX; 2])?;
    let mut best = [Duration::MAX; 2];
    for _ in 0..WARM {
        measure(&oracle, code, case, &mut best)?;
    }
    Ok(best)
}

/// One call on each side; keeps the shorter times.
fn measure(oracle: &Oracle, code: &[u8], case: &Case, best: &mut [Duration; 2]) -> Result<()> {
    let started = Instant::now();
    oracle.ours(code, case)?;
    best[0] = best[0].min(started.elapsed());
    let started = Instant::now();
    oracle.nears(code, case)?;
    best[1] = best[1].min(started.elapsed());
    Ok(())
}

fn row(what: &str, times: [Duration; 2]) {
    let [ours, theirs] = times.map(|time| time.as_secs_f64() * 1e6);
    println!("| {what} | {ours:.1} | {theirs:.1} | {:.1} times |", theirs / ours);
}
