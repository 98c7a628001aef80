//! Snapshot, transaction, revert, again and again on a chain of some length: how often in a second, whether that stays
//! so, and what it takes in memory.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::http::Connection;
use crate::load::per_second;
use crate::node::{self, Node};
use crate::report::Report;

/// The blocks that there are before the first snapshot.
const BLOCKS: usize = 5_000;
/// How often it is done at most, and how many of the first and of the last are counted.
const CYCLES: usize = 10_000;
const COUNTED: usize = 1_000;
/// A node that slows down does not get to the end.
const PATIENCE: Duration = Duration::from_secs(100);

/// One after the other over one connection.
pub(crate) fn table(nodes: [&dyn Node; 2]) -> Result<Report> {
    let [ours, theirs] = nodes.map(cycles);
    let [ours, theirs] = [ours?, theirs?];
    let mut report = Report::default();
    report.rate(
        &format!("snapshot + transaction + revert per second, first {COUNTED}"),
        [ours.first, theirs.first],
    );
    let last = format!("the same, last {COUNTED} of {} and of {}", ours.count, theirs.count);
    report.rate(&last, [ours.last, theirs.last]);
    report.memory("resident before, MiB", [ours.before, theirs.before]);
    report.memory("resident after, MiB", [ours.after, theirs.after]);
    Ok(report)
}

struct Cycles {
    /// How many there were.
    count: usize,
    first: f64,
    last: f64,
    before: u32,
    after: u32,
}

fn cycles(node: &dyn Node) -> Result<Cycles> {
    let running = node::start(node, 1)?;
    let mut connection = Connection::open(running.address)?;
    let transfer = node.grow(&mut connection, BLOCKS)?;
    // What is allocated once is there after a few.
    for _ in 0..COUNTED {
        cycle(node, &mut connection, &transfer)?;
    }
    let before = running.resident_kib()?;
    let mut parts = Vec::new();
    let begun = Instant::now();
    for _ in (0..CYCLES).step_by(COUNTED) {
        if begun.elapsed() > PATIENCE {
            break;
        }
        let started = Instant::now();
        for _ in 0..COUNTED {
            cycle(node, &mut connection, &transfer)?;
        }
        parts.push(per_second(COUNTED, started.elapsed()));
    }
    let after = running.resident_kib()?;
    let (first, last) = (parts.first().copied(), parts.last().copied());
    let [first, last] = [first, last].map(Option::unwrap_or_default);
    // A long run shows where it is.
    eprintln!("{}: {parts:.0?} per second", node.name());
    Ok(Cycles { count: parts.len().saturating_mul(COUNTED), first, last, before, after })
}

fn cycle(node: &dyn Node, connection: &mut Connection, transfer: &[Vec<u8>]) -> Result<()> {
    let taken = result(connection, &node.snapshot())?;
    for request in transfer {
        result(connection, request)?;
    }
    result(connection, &node.revert(&taken)).map(drop)
}

fn result(connection: &mut Connection, request: &[u8]) -> Result<Value> {
    let mut answer: Value = serde_json::from_slice(connection.send(request)?)?;
    ensure!(answer["error"].is_null() && answer["result"] != false, "{answer}");
    Ok(answer["result"].take())
}
