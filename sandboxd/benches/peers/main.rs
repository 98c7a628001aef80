//! Compares sandboxd with anvil in one run on one machine: spawn to first answer, memory when idle, and transfers one
//! after the other over one connection. It speaks HTTP/1.1 by hand, so that the generator costs little, and shows its
//! own ceiling against a server that does nothing. `scripts/bench` runs it; it knows neither chain beyond its requests.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

mod http;
mod node;
mod report;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::http::Connection;
use crate::node::{Anvil, Node, Sandboxd};
use crate::report::Report;

/// Starts of each node, taken in turns; the median counts.
const STARTS: usize = 11;
/// Runs of each node's transfers, taken in turns on new chains; the best counts.
const ROUNDS: usize = 3;
/// Transfers of a run; the rate over the first of them is reported too, since anvil slows down as its chain grows.
const TRANSFERS: usize = 2_000;
const FIRST: usize = 200;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured in a debug build.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let anvil =
        std::env::var("ANVIL_BIN").context("ANVIL_BIN must name anvil: run scripts/bench")?;
    let sandboxd = Sandboxd::new(env!("CARGO_BIN_EXE_sandboxd"));
    let anvil = Anvil::new(anvil);
    let nodes: [&dyn Node; 2] = [&sandboxd, &anvil];

    let mut report = Report::default();
    let (mut starts, mut memory) = ([vec![], vec![]], [0; 2]);
    for _ in 0..STARTS {
        for (index, node) in nodes.iter().enumerate() {
            let running = node::start(*node)?;
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
    report.note(&format!(
        "The generator's ceiling against a server that does nothing: {:.0} requests per second.",
        ceiling()?
    ));

    print!("{}", report.table());
    Ok(())
}

/// The rates over the first and over all transfers on a new chain: request, execution and outcome in one call each.
fn transfers(node: &dyn Node) -> Result<[f64; 2]> {
    let running = node::start(node)?;
    let mut connection = Connection::open(running.address)?;
    let requests = node.transfers(&running, &mut connection, TRANSFERS)?;
    let started = Instant::now();
    let mut at_first = Duration::ZERO;
    for (index, request) in requests.iter().enumerate() {
        let answer = connection.send(request)?;
        ensure!(node.succeeded(answer), "{}: {}", node.name(), String::from_utf8_lossy(answer));
        if index.checked_add(1) == Some(FIRST) {
            at_first = started.elapsed();
        }
    }
    Ok([per_second(FIRST, at_first), per_second(TRANSFERS, started.elapsed())])
}

/// Requests per second against a thread that answers each at once.
fn ceiling() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = std::thread::spawn(move || http::answer_nothing(&listener));
    let mut connection = Connection::open(address)?;
    let request = http::post(&"x".repeat(400));
    let started = Instant::now();
    for _ in 0..TRANSFERS {
        connection.send(&request)?;
    }
    let rate = per_second(TRANSFERS, started.elapsed());
    drop(connection);
    server.join().map_err(|_| anyhow::anyhow!("the echo server panicked"))??;
    Ok(rate)
}

fn per_second(count: usize, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from) / time.as_secs_f64()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
