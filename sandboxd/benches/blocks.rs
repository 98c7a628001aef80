//! Blocks without transactions: 1,000 that are mined over HTTP, beside anvil, and a million heights that are skipped.
//! `scripts/bench` runs it. Named, `process` measures the chain alone, `memory` what the program holds
//! after many empty blocks, and `image` what a chain takes as bytes, and to come back.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

#[path = "peers/http.rs"]
mod http;
#[allow(dead_code, reason = "the peers are compared in more ways")]
#[path = "peers/node.rs"]
mod node;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock};
use serde_json::{Value, json};

use crate::http::{Connection, post};
use crate::node::{Anvil, Node, Sandboxd};

/// New chains of each, taken in turns; the median counts.
const ROUNDS: usize = 5;
const MINED: u64 = 1_000;
const SKIPPED: u64 = 1_000_000;

fn main() -> Result<()> {
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured in a debug build.
    if !named("--bench") {
        return Ok(());
    }
    if named("memory") {
        return memory();
    }
    if named("image") {
        return image();
    }
    let (mined, skipped) = in_process()?;
    if named("process") {
        println!("in process: {MINED} blocks {mined:?}, {SKIPPED} heights {skipped:?}");
        return Ok(());
    }
    let anvil =
        std::env::var("ANVIL_BIN").context("ANVIL_BIN must name anvil: run scripts/bench")?;
    let sandboxd = Sandboxd::new(env!("CARGO_BIN_EXE_sandboxd"));
    let anvil = Anvil::new(anvil);
    let mine = json!({ "blocks": MINED });
    let hex = json!([format!("{MINED:#x}")]);
    let (mut ours, mut theirs, mut jumps) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(takes(&sandboxd, "sandbox_mine", &mine)?);
        theirs.push(takes(&anvil, "anvil_mine", &hex)?);
        let skip = json!({ "delta_height": SKIPPED });
        jumps.push(takes(&sandboxd, "sandbox_fast_forward", &skip)?);
    }
    let [ours, theirs, jump] = [ours, theirs, jumps].map(median);
    println!("| over HTTP, ms | sandboxd | anvil | better by |\n|---|--:|--:|--:|");
    println!(
        "| 1,000 mined blocks | {:.1} | {:.1} | {:.1} times |",
        millis(ours),
        millis(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
    println!("| a million skipped heights, with 8,000 blocks | {:.1} | – | – |", millis(jump));
    println!(
        "\nIn process: {:.1} ms and {:.1} ms, {:.1} µs for a block.",
        millis(mined),
        millis(skipped),
        millis(mined)
    );
    Ok(())
}

/// What mining and skipping take on the chain alone.
fn in_process() -> Result<(Duration, Duration)> {
    let (mut mined, mut skipped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut chain = Sandbox::localnet(Clock::system()).into_chain();
        let started = Instant::now();
        let made = chain.mine(MINED, None)?;
        mined.push(started.elapsed());
        drop(made);
        let mut chain = Sandbox::localnet(Clock::system()).into_chain();
        let started = Instant::now();
        let made = chain.fast_forward(SKIPPED)?;
        skipped.push(started.elapsed());
        drop(made);
    }
    Ok((median(mined), median(skipped)))
}

/// What the program holds after so many empty blocks, in MB.
fn memory() -> Result<()> {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    println!("| empty blocks | MB |\n|--:|--:|\n| 0 | {:.1} |", resident()?);
    for height in (1_000..=220_000).step_by(1_000) {
        drop(chain.mine(1_000, None)?);
        if [10_000, 20_000, 120_000, 220_000].contains(&height) {
            println!("| {height} | {:.1} |", resident()?);
        }
    }
    Ok(())
}

/// The program's memory, in MB.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim();
    Ok(kilobytes.parse::<f64>()? / 1e3)
}

/// How long 10,000 empty blocks take to become bytes and to come back, and how many they are.
fn image() -> Result<()> {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    drop(chain.mine(30_000, None)?);
    let started = Instant::now();
    let (base, tip) = (chain.base_image()?, chain.tip_image());
    let oldest = chain.oldest().height();
    let blocks: Option<Vec<_>> =
        chain.blocks_after(oldest).map(|block| chain.block_image(block)).collect();
    let blocks = blocks.context("a block cannot be written")?;
    let wrote = started.elapsed();
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    let state = chain.state().clone();
    let started = Instant::now();
    let again =
        Chain::resume(&base, &tip, &blocks, |_, _| Some(state.clone()), chain.options().clone())?;
    let resumed = started.elapsed();
    ensure!(again.head().hash() == chain.head().hash(), "another chain came back");
    println!(
        "{} blocks: {} bytes each, base {} and tip {} bytes; written in {:.1} ms, resumed in {:.1} ms",
        blocks.len(),
        bytes.checked_div(blocks.len()).unwrap_or_default(),
        base.len(),
        tip.len(),
        millis(wrote),
        millis(resumed)
    );
    Ok(())
}

/// How long the first answer to a request takes on a new chain.
fn takes(node: &dyn Node, method: &str, params: &Value) -> Result<Duration> {
    let running = node::start(node, 1)?;
    let mut connection = Connection::open(running.address)?;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = post(&request.to_string());
    let started = Instant::now();
    let answer = connection.send(&request)?;
    let took = started.elapsed();
    let answer: Value = serde_json::from_slice(answer)?;
    ensure!(answer.get("error").is_none(), "{method}: {answer}");
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
