//! Compares sandboxd with anvil in one run on one machine: spawn to first answer, memory when idle, and transfers one
//! after the other over one connection; then reads and transfers over many, beside a server that only echoes. It speaks
//! HTTP/1.1 by hand, so that the generator costs little. `scripts/bench` runs it; it knows neither chain beyond its
//! requests. Named, `reads`, `sends` or `mixed` runs only that part.
//! `returns` runs another one: snapshots and reverts.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

mod echo;
mod http;
mod load;
mod node;
mod report;
mod returns;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::echo::Echo;
use crate::http::Connection;
use crate::node::{Anvil, Node, Sandboxd};
use crate::report::{Comparison, Report};

/// Starts of each node, taken in turns; the median counts.
const STARTS: usize = 11;
/// Runs of each node's transfers, taken in turns on new chains; the best counts.
const ROUNDS: usize = 3;
/// Transfers of a run; the rate over the first of them is reported too, since anvil slows down as its chain grows.
const TRANSFERS: usize = 2_000;
const FIRST: usize = 200;

/// How many connections there are at the same time.
const CONNECTIONS: [usize; 3] = [1, 16, 256];
/// How long each read is repeated in a round. The rounds take turns, since the machine is not always as fast, and of each
/// the best counts.
const READING: Duration = Duration::from_millis(500);
const READS: usize = 5;
/// How many transfers each load has, over all of its connections.
const SENDS: usize = 5_120;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    if named(echo::SERVE) {
        return echo::serve();
    }
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured in a debug build.
    if !named("--bench") {
        return Ok(());
    }
    let anvil =
        std::env::var("ANVIL_BIN").context("ANVIL_BIN must name anvil: run scripts/bench")?;
    let sandboxd = Sandboxd::new(env!("CARGO_BIN_EXE_sandboxd"));
    let anvil = Anvil::new(anvil);
    let nodes: [&dyn Node; 2] = [&sandboxd, &anvil];
    if named("returns") {
        print!("{}", returns::table(nodes)?.table());
        return Ok(());
    }
    let part = ["one", "reads", "sends", "mixed"].into_iter().find(|part| named(part));
    let wanted = |name: &str| part.is_none_or(|part| part == name);

    if wanted("one") {
        print!("{}", one_after_the_other(nodes)?.table());
    }
    let mut comparison = Comparison::default();
    if wanted("reads") {
        reads(nodes, &mut comparison)?;
    }
    if wanted("sends") {
        sends(nodes, &mut comparison)?;
    }
    if part != Some("one") {
        println!("\n{}", comparison.table());
    }
    if wanted("mixed") {
        for node in nodes {
            let outcome = reads_beside_transfers(node)?;
            println!(
                "{} while 16 connections send transfers: p50 {} µs and p99 {} µs of a read of the chain.",
                node.name(),
                outcome.p50.as_micros(),
                outcome.p99.as_micros()
            );
        }
    }
    Ok(())
}

/// Starts, memory and transfers over one connection.
fn one_after_the_other(nodes: [&dyn Node; 2]) -> Result<Report> {
    let mut report = Report::default();
    let (mut starts, mut memory) = ([vec![], vec![]], [0; 2]);
    for _ in 0..STARTS {
        for (index, node) in nodes.iter().enumerate() {
            let running = node::start(*node, 1)?;
            starts[index].push(running.first_answer);
            memory[index] = running.resident_kib()?;
        }
    }
    report.time("spawn to first answer, ms", starts.map(median));
    report.memory("resident when idle, MiB", memory);

    let (mut first, mut all) = ([0.0_f64; 2], [0.0_f64; 2]);
    for _ in 0..ROUNDS {
        for (index, node) in nodes.iter().enumerate() {
            let [at_first, at_last] = transfers(*node)?;
            first[index] = first[index].max(at_first);
            all[index] = all[index].max(at_last);
        }
    }
    report.rate(&format!("transfers per second, first {FIRST}"), first);
    report.rate(&format!("transfers per second, all {TRANSFERS}"), all);
    Ok(report)
}

/// Each read at each number of connections: on both nodes and the echo server in turns.
fn reads(nodes: [&dyn Node; 2], comparison: &mut Comparison) -> Result<()> {
    const NAMES: [&str; 4] = [
        "`status`, `eth_blockNumber`",
        "`query` of an account, `eth_getBalance`",
        "`query` that calls a contract, `eth_call`",
        "the same, with other arguments each time",
    ];
    let [ours, theirs] = nodes.map(|node| node::start(node, 1));
    let running = [ours?, theirs?];
    let echo = Echo::start()?;
    let mut requests = Vec::new();
    for (node, running) in nodes.iter().zip(&running) {
        requests.push(node.reads(&mut Connection::open(running.address)?)?);
    }
    for (read, name) in NAMES.iter().enumerate() {
        for connections in CONNECTIONS {
            let asked = [
                (echo.address, &requests[0][read]),
                (running[0].address, &requests[0][read]),
                (running[1].address, &requests[1][read]),
            ];
            let [ceiling, ours, theirs] = best_of(asked, connections)?;
            comparison.row(name, connections, [ours, theirs], Some(ceiling));
        }
    }
    Ok(())
}

/// The best round of each.
fn best_of(
    asked: [(SocketAddr, &Vec<Vec<u8>>); 3],
    connections: usize,
) -> Result<[load::Outcome; 3]> {
    let round = || -> Result<Vec<load::Outcome>> {
        let ask = |(address, requests)| load::repeat(address, connections, requests, READING);
        asked.into_iter().map(|(address, requests)| ask((address, requests.as_slice()))).collect()
    };
    let mut best = round()?;
    for _ in 1..READS {
        for (best, again) in best.iter_mut().zip(round()?) {
            if again.per_second > best.per_second {
                *best = again;
            }
        }
    }
    best.try_into().map_err(|_| anyhow::anyhow!("three were asked"))
}

/// Transfers at each number of connections, on new chains.
fn sends(nodes: [&dyn Node; 2], comparison: &mut Comparison) -> Result<()> {
    for connections in CONNECTIONS {
        let send = |node: &dyn Node| {
            let running = node::start(node, connections)?;
            let mut connection = Connection::open(running.address)?;
            let each = SENDS.checked_div(connections).unwrap_or(SENDS);
            let lists = node.transfers(&mut connection, connections, each)?;
            load::each(running.address, &lists, |answer| node.succeeded(answer))
        };
        let name = "`send_tx`, `eth_sendTransactionSync`";
        comparison.row(name, connections, [send(nodes[0])?, send(nodes[1])?], None);
    }
    Ok(())
}

/// Reads over one connection while others make blocks.
fn reads_beside_transfers(node: &dyn Node) -> Result<load::Outcome> {
    let running = node::start(node, 16)?;
    let mut connection = Connection::open(running.address)?;
    let [read, ..] = node.reads(&mut connection)?;
    let lists = node.transfers(&mut connection, 16, 1_000)?;
    let address = running.address;
    let sending = std::thread::spawn(move || load::each(address, &lists, |_| true));
    let outcome = load::repeat(address, 1, &read, Duration::from_secs(1))?;
    drop(running);
    // Its connections broke off with the node.
    drop(sending.join());
    Ok(outcome)
}

/// The rates over the first and over all transfers on a new chain: request, execution and outcome in one call each.
fn transfers(node: &dyn Node) -> Result<[f64; 2]> {
    let running = node::start(node, 1)?;
    let mut connection = Connection::open(running.address)?;
    let lists = node.transfers(&mut connection, 1, TRANSFERS)?;
    let requests = lists.concat();
    let started = Instant::now();
    let mut at_first = Duration::ZERO;
    for (index, request) in requests.iter().enumerate() {
        let answer = connection.send(request)?;
        ensure!(node.succeeded(answer), "{}: {}", node.name(), String::from_utf8_lossy(answer));
        if index.checked_add(1) == Some(FIRST) {
            at_first = started.elapsed();
        }
    }
    Ok([load::per_second(FIRST, at_first), load::per_second(TRANSFERS, started.elapsed())])
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
