//! The figures behind `GET /metrics`, written in Prometheus' text format. Those that neard has too
//! go by its names, and the process' by those of Prometheus' own libraries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use near_primitives::transaction::ExecutionStatus;
use parking_lot::Mutex;

use super::histogram::Histogram;
use super::places::Places;
use crate::chain::{Chain, Cursor};

/// What the server has counted since it started.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// One for each method of the table, in its order, and a last one for unknown names.
    methods: Vec<MethodMetrics>,
    /// By method and by the name of the error.
    errors: Mutex<BTreeMap<(&'static str, String), u64>>,
    blocks: Mutex<BlockTotals>,
}

#[derive(Debug)]
struct MethodMetrics {
    name: &'static str,
    requests: AtomicU64,
    latency: Histogram,
}

/// What the blocks that have been read add up to, also those that are gone since. They are counted
/// when somebody asks.
#[derive(Clone, Debug, Default)]
struct BlockTotals {
    read: Cursor,
    blocks: u64,
    transactions: u64,
    receipts: u64,
    failures: u64,
    gas_burnt: u128,
}

/// What is taken of the server now.
#[derive(Debug)]
pub(super) struct Usage<'a> {
    pub(super) connections: &'a Places,
    pub(super) waiting: &'a Places,
    pub(super) bytes: &'a Places,
    pub(super) subscriptions: &'a Places,
    pub(super) transfers: &'a Places,
}

/// The label of every method name that is not in the table, so that labels stay bounded.
const UNKNOWN_METHOD: &str = "UNSUPPORTED_METHOD";

impl Metrics {
    /// Counters at zero for these methods.
    pub(crate) fn new(methods: impl Iterator<Item = &'static str>) -> Self {
        let methods = methods.chain([UNKNOWN_METHOD]).map(|name| MethodMetrics {
            name,
            requests: AtomicU64::new(0),
            latency: Histogram::default(),
        });
        Self { methods: methods.collect(), errors: Mutex::default(), blocks: Mutex::default() }
    }

    /// Counts one request to the method at this place of the table; `None` for an unknown name.
    /// Returns the label to count its error under.
    pub(crate) fn request(&self, method: Option<usize>) -> &'static str {
        let method = self.method(method);
        method.requests.fetch_add(1, Ordering::Relaxed);
        method.name
    }

    /// Counts how long the answer took.
    pub(crate) fn answered(&self, method: Option<usize>, took: Duration) {
        self.method(method).latency.record(took);
    }

    /// Counts one error.
    pub(crate) fn error(&self, method: &'static str, error: &str) {
        let mut errors = self.errors.lock();
        let count = errors.entry((method, error.to_owned())).or_default();
        *count = count.saturating_add(1);
    }

    fn method(&self, method: Option<usize>) -> &MethodMetrics {
        let last = self.methods.len().saturating_sub(1);
        &self.methods[method.unwrap_or(last).min(last)]
    }

    /// The text that Prometheus reads. It counts the blocks since it was last asked for.
    pub(super) fn text(&self, chain: &Chain, usage: &Usage<'_>) -> String {
        let mut text = Text(String::with_capacity(1 << 14));
        self.chain(&mut text, chain);
        self.requests(&mut text);
        usage.write(&mut text);
        process(&mut text);
        text.0
    }

    fn chain(&self, text: &mut Text, chain: &Chain) {
        text.one(
            "near_block_height_head",
            "gauge",
            "Height of the newest block",
            chain.head().height(),
        );
        let totals = self.counted(chain);
        text.one(
            "near_block_processed_total",
            "counter",
            "Number of blocks, the genesis block aside",
            totals.blocks,
        );
        // What is in a block was valid, so that both are the same here.
        for name in
            ["near_transaction_processed_total", "near_transaction_processed_successfully_total"]
        {
            text.one(name, "counter", "Number of transactions in blocks", totals.transactions);
        }
        text.one(
            "sandboxd_receipts_executed_total",
            "counter",
            "Number of receipts that were executed",
            totals.receipts,
        );
        text.one(
            "sandboxd_failed_outcomes_total",
            "counter",
            "Number of transactions and receipts that failed",
            totals.failures,
        );
        text.one("sandboxd_gas_burnt_total", "counter", "Gas that was burnt", totals.gas_burnt);
        let waiting = chain.waiting().count();
        text.one(
            "sandboxd_transactions_waiting",
            "gauge",
            "Transactions that wait for a block",
            waiting,
        );
    }

    fn counted(&self, chain: &Chain) -> BlockTotals {
        let mut totals = self.blocks.lock();
        let genesis = chain.genesis().height();
        let blocks = chain.blocks_since(totals.read).filter(|block| block.height() > genesis);
        for block in blocks {
            totals.blocks = totals.blocks.saturating_add(1);
            let transactions = block.transactions().len();
            let outcomes = block.outcomes();
            let failed = |status: &ExecutionStatus| matches!(status, ExecutionStatus::Failure(_));
            let failures = outcomes.iter().filter(|outcome| failed(&outcome.outcome.status));
            totals.transactions = totals.transactions.saturating_add(long(transactions));
            let receipts = outcomes.len().saturating_sub(transactions);
            totals.receipts = totals.receipts.saturating_add(long(receipts));
            totals.failures = totals.failures.saturating_add(long(failures.count()));
            let burnt =
                outcomes.iter().map(|outcome| u128::from(outcome.outcome.gas_burnt.as_gas()));
            totals.gas_burnt = burnt.fold(totals.gas_burnt, u128::saturating_add);
        }
        totals.read = chain.cursor();
        totals.clone()
    }

    fn requests(&self, text: &mut Text) {
        text.head("near_rpc_total_count", "counter", "Number of JSON-RPC requests");
        let asked = || {
            let counted = self.methods.iter();
            counted
                .map(|method| (method, method.requests.load(Ordering::Relaxed)))
                .filter(|(_, requests)| *requests > 0)
        };
        for (method, requests) in asked() {
            text.line("near_rpc_total_count", &label("method", method.name), requests);
        }
        text.head("near_rpc_error_count", "counter", "Number of JSON-RPC requests with an error");
        for ((method, error), count) in self.errors.lock().iter() {
            let labels = format!("{},{}", label("method", method), label("err_code", error));
            text.line("near_rpc_error_count", &labels, count);
        }
        let name = "near_rpc_processing_time";
        text.head(name, "histogram", "Seconds that answers took");
        for (method, _requests) in asked() {
            method.latency.write(text, name, &label("method", method.name));
        }
    }
}

impl Usage<'_> {
    fn write(&self, text: &mut Text) {
        let all = [
            ("connections", "connections", self.connections),
            ("requests_waiting", "requests that are being answered", self.waiting),
            ("body_bytes", "bytes that long request bodies may grow to", self.bytes),
            ("subscriptions", "subscriptions over WebSockets", self.subscriptions),
            ("transfers", "states that come or go", self.transfers),
        ];
        for (name, what, places) in all {
            let name = format!("sandboxd_rpc_{name}");
            text.one(&name, "gauge", &format!("Number of {what} now"), places.taken());
        }
        let name = "sandboxd_rpc_refused_total";
        text.head(name, "counter", "How often a limit was reached");
        for (limit, _, places) in all {
            text.line(name, &label("limit", limit), places.refused());
        }
    }
}

/// What Linux tells of this process; other systems are asked by other means, and not here.
fn process(text: &mut Text) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    if let Some(kib) = kib {
        let bytes = kib.saturating_mul(1024);
        text.one("process_resident_memory_bytes", "gauge", "Resident memory in bytes", bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        text.one("process_open_fds", "gauge", "Number of open file descriptors", open.count());
    }
}

fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{value}\"")
}

fn long(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A text in Prometheus' format.
#[derive(Debug)]
pub(super) struct Text(String);

impl Text {
    /// A metric without labels.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.add(format_args!("{name} {value}"));
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.add(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    pub(super) fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        self.add(format_args!("{name}{{{labels}}} {value}"));
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing into a string cannot fail");
    }
}
