//! Attacks a sandboxd for a minute beside an honest client, and shows what that did to the client and to the node's
//! memory. It ends with an error if the node panics, stops, or keeps what attackers left.
//! `cargo bench --bench hostile -- SECONDS` takes another time. Only 127.0.0.1 is attacked.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

mod attacks;
#[path = "../peers/http.rs"]
mod http;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fixtures::Rng;
use serde_json::{Value, json};

use crate::http::{Connection, post};

/// How long the honest client has the node to itself first.
const QUIET: Duration = Duration::from_secs(10);
/// How long the attack lasts, in seconds, if nothing else is said.
const ATTACK_S: u64 = 60;
/// Two attack at once; more would measure how the machine shares its cores.
const ATTACKERS: u64 = 2;
/// How long an attacker rests between attacks, and the honest client between requests.
const REST: Duration = Duration::from_millis(2);
/// Memory that the node may take more at the end than after the first half: what allocators keep.
const GROWTH_KIB: u64 = 16 << 10;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests; the tests have a short attack of their own.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(ATTACK_S);
    let mut node = Node::start()?;
    let quiet = honest(node.address, QUIET)?;
    let before = node.resident_kib()?;
    let (attacked, attacks, halfway) = attack(&node, Duration::from_secs(seconds))?;
    let after = node.resident_kib()?;

    println!("| honest client | requests | p50, µs | p99, µs |\n|---|--:|--:|--:|");
    for (name, times) in [("alone", &quiet), ("under attack", &attacked)] {
        let [p50, p99] = [50, 99].map(|percent| at(times, percent).as_micros());
        println!("| {name} | {} | {p50} | {p99} |", times.len());
    }
    let ratio = at(&attacked, 99).as_secs_f64() / at(&quiet, 99).as_secs_f64();
    println!(
        "\n{attacks} attacks in {seconds} s; the honest p99 is {ratio:.2} times that without."
    );
    println!("Resident memory: {before} KiB before, {halfway} KiB halfway, {after} KiB after.");
    let said = node.stop()?;
    ensure!(!said.contains("panicked"), "the node panicked:\n{said}");
    ensure!(after <= halfway.saturating_add(GROWTH_KIB), "the node's memory grows");
    Ok(())
}

/// The honest client's times under attack, how many attacks there were, and the memory halfway.
fn attack(node: &Node, time: Duration) -> Result<(Vec<Duration>, u64, u64)> {
    let (done, attacks) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for seed in 0..ATTACKERS {
            let (done, attacks) = (&done, &attacks);
            threads.spawn(move || {
                let mut rng = Rng::new(seed);
                while !done.load(Ordering::Relaxed) {
                    attacks::attack(node.address, &mut rng);
                    attacks.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(REST);
                }
            });
        }
        let half = time.checked_div(2).unwrap_or(time);
        let under_attack = || {
            let mut times = honest(node.address, half)?;
            let halfway = node.resident_kib()?;
            times.extend(honest(node.address, half)?);
            times.sort_unstable();
            Ok((times, halfway))
        };
        let outcome: Result<_> = under_attack();
        done.store(true, Ordering::Relaxed);
        let (times, halfway) = outcome?;
        Ok((times, attacks.load(Ordering::Relaxed), halfway))
    })
}

/// How long the node took for each of an honest client's requests, sorted.
fn honest(address: SocketAddr, time: Duration) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address)?;
    let requests = [
        post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "status", "params": [] }).to_string()),
        post(
            &json!({
                "jsonrpc": "2.0", "id": 1, "method": "query",
                "params": {
                    "request_type": "view_account", "finality": "final", "account_id": "test.near",
                },
            })
            .to_string(),
        ),
    ];
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        for request in &requests {
            let sent = Instant::now();
            let answer = connection.send(request)?;
            times.push(sent.elapsed());
            let answer: Value = serde_json::from_slice(answer)?;
            ensure!(answer.get("result").is_some(), "{answer}");
            std::thread::sleep(REST);
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn at(times: &[Duration], percent: usize) -> Duration {
    let place = times.len().saturating_mul(percent) / 100;
    times.get(place).copied().unwrap_or_default()
}

/// The node that is attacked.
struct Node {
    child: Child,
    address: SocketAddr,
}

impl Node {
    fn start() -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandboxd"));
        command.args(["--rpc-addr", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let announced: Value = serde_json::from_str(&line)?;
        let url = announced["rpc"].as_str().context("where it listens")?;
        let address = url.trim_start_matches("http://").parse()?;
        Ok(Self { child, address })
    }

    fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(line.context("the node has stopped")?.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends the node; what it had to say on its standard error.
    fn stop(&mut self) -> Result<String> {
        ensure!(self.child.try_wait()?.is_none(), "the node has stopped by itself");
        self.child.kill()?;
        let mut said = String::new();
        self.child.stderr.take().context("stderr is piped")?.read_to_string(&mut said)?;
        Ok(said)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The child may be gone already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
