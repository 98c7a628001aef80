//! Attacks a sandboxd for a minute beside an honest client, and shows what that did to the client and to the node's
//! memory. It ends with an error if the node panics, stops, or keeps what attackers left.
//! `cargo bench --bench hostile -- SECONDS` takes another time. Only 127.0.0.1 is attacked.

#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark divides times and prints what came of it"
)]

mod attacks;
#[path = "../peers/echo.rs"]
mod echo;
#[path = "../peers/http.rs"]
mod http;
#[allow(dead_code, reason = "the peers are compared in more ways")]
#[path = "../peers/load.rs"]
mod load;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fixtures::Rng;
use serde_json::{Value, json};

use crate::echo::Echo;
use crate::http::{Connection, post};
use crate::load::Outcome;

/// How long the honest client has the node to itself first.
const QUIET: Duration = Duration::from_secs(10);
/// How long the attack lasts, in seconds, if nothing else is said.
const ATTACK_S: u64 = 60;
/// Two attack at once; more would measure how the machine shares its cores.
const ATTACKERS: u64 = 2;
/// Honest clients that do not rest.
const CLIENTS: usize = 16;
/// How long an attacker rests between attacks, and the honest client between requests.
const REST: Duration = Duration::from_millis(2);
/// Memory that the node may take more at the end than after the first half: what allocators keep.
const GROWTH_KIB: u64 = 16 << 10;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests; the tests have a short attack of their own.
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == echo::SERVE) {
        return echo::serve();
    }
    if let [_, mode, target] = &arguments[..]
        && mode == ATTACK
    {
        return attackers(target.parse()?);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(ATTACK_S);
    let time = Duration::from_secs(seconds);
    let mut node = Node::start()?;
    let (alone, before) = honest(&node, QUIET)?;
    let echo = Echo::start()?;
    let ((elsewhere, _), _) = under_attack(echo.address, || honest(&node, time))?;
    drop(echo);
    let ((attacked, halfway), attacks) = under_attack(node.address, || honest(&node, time))?;
    let after = node.resident_kib()?;

    println!(
        "| honest clients | p50, µs | p99, µs | beside attacks on another server | under attack |\n|---|--:|--:|--:|--:|"
    );
    for (place, name) in
        ["one that rests between requests", "16 without rest"].into_iter().enumerate()
    {
        let [alone, elsewhere, attacked] = [alone, elsewhere, attacked].map(|times| times[place]);
        println!(
            "| {name} | {} | {} | {} | {} ({:.2} times alone, {:.2} times beside) |",
            alone.p50.as_micros(),
            alone.p99.as_micros(),
            elsewhere.p99.as_micros(),
            attacked.p99.as_micros(),
            ratio(attacked, alone),
            ratio(attacked, elsewhere)
        );
    }
    println!("\n{attacks} attacks in {seconds} s.");
    println!("Resident memory: {before} KiB before, {halfway} KiB halfway, {after} KiB after.");
    let said = node.stop()?;
    ensure!(!said.contains("panicked"), "the node panicked:\n{said}");
    ensure!(after <= halfway.saturating_add(GROWTH_KIB), "the node's memory grows");
    Ok(())
}

/// What came of `work` while `target` was attacked, and how many attacks there were.
fn under_attack<T>(target: SocketAddr, work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    // Attackers have machines of their own; here they take what the node and its clients leave.
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(std::env::current_exe()?).arg(ATTACK).arg(target.to_string());
    let mut attackers = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let outcome = work();
    // They go on until there is nobody at the other end.
    drop(attackers.stdin.take());
    let mut attacks = String::new();
    attackers.stdout.take().context("stdout is piped")?.read_to_string(&mut attacks)?;
    attackers.wait()?;
    Ok((outcome?, attacks.trim().parse()?))
}

/// How much longer the slowest in a hundred took.
fn ratio(times: Outcome, than: Outcome) -> f64 {
    times.p99.as_secs_f64() / than.p99.as_secs_f64()
}

/// The argument that makes this program the attackers.
const ATTACK: &str = "--attack";

/// Attacks until standard input ends, and prints how often.
fn attackers(target: SocketAddr) -> Result<()> {
    let (done, attacks) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for seed in 0..ATTACKERS {
            let (done, attacks) = (&done, &attacks);
            threads.spawn(move || {
                let mut rng = Rng::new(seed);
                while !done.load(Ordering::Relaxed) {
                    attacks::attack(target, &mut rng);
                    attacks.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(REST);
                }
            });
        }
        let ended = std::io::stdin().read_to_end(&mut Vec::new());
        done.store(true, Ordering::Relaxed);
        ended
    })?;
    println!("{}", attacks.load(Ordering::Relaxed));
    Ok(())
}

/// How long the node takes for honest clients, first a single one that rests and then many that do not, for half of
/// the time each; and the node's memory in between.
fn honest(node: &Node, time: Duration) -> Result<([Outcome; 2], u64)> {
    let half = time.checked_div(2).unwrap_or(time);
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
    let one = now_and_then(node.address, &requests, half)?;
    let halfway = node.resident_kib()?;
    Ok(([one, load::repeat(node.address, CLIENTS, &requests, half)?], halfway))
}

fn now_and_then(address: SocketAddr, requests: &[Vec<u8>], time: Duration) -> Result<Outcome> {
    let mut connection = Connection::open(address)?;
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        for request in requests {
            let sent = Instant::now();
            let answer = connection.send(request)?;
            times.push(sent.elapsed());
            let answer: Value = serde_json::from_slice(answer)?;
            ensure!(answer.get("result").is_some(), "{answer}");
            std::thread::sleep(REST);
        }
    }
    Ok(load::outcome(&[times], started.elapsed()))
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
