//! What a transaction's time is spent on, by samples of the stack.

use pprof::{Frames, ProfilerGuardBuilder};

/// Samples in a second of processor time; no divisor of anything that repeats.
const FREQUENCY: i32 = 1_999;

/// What time may be spent on, and the folders by whose source it is known. What checks a signature
/// is known by any function that is running, everything else by the innermost one.
const KINDS: [(&str, &[&str]); 5] = [
    ("signature", &["/ed25519-dalek-", "/curve25519-dalek-"]),
    ("hashing", &["/sha2-"]),
    ("trie", &["sandboxd/state/src/"]),
    ("host functions", &["host-fns/src/", "gas-meter/src/"]),
    ("into wasm and out", &["vm-runner/src/", "/wasmer-"]),
];
const SIGNATURE: usize = 0;
/// The columns behind the kinds: wasm, and what is left.
const WASM: usize = KINDS.len();
const REST: usize = KINDS.len() + 1;
const COLUMNS: usize = KINDS.len() + 2;

/// Counts of samples by column.
#[derive(Default)]
pub(crate) struct Sampler([isize; COLUMNS]);

/// The first two lines of the table.
pub(crate) fn header() -> String {
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let kinds = kinds.join(" | ");
    let line = "--:|".repeat(COLUMNS);
    format!("| share, % | {kinds} | wasm | rules, receipts, memory |\n|---|{line}")
}

impl Sampler {
    /// Runs `work` and counts what it spends its time on.
    pub(crate) fn watch<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let guard =
            ProfilerGuardBuilder::default().frequency(FREQUENCY).build().expect("a profiler");
        let done = work();
        let report = guard.report().build().expect("a report");
        #[allow(clippy::iter_over_hash_type, reason = "sums need no order")]
        for (frames, count) in &report.data {
            self.0[column(frames)] += count;
        }
        done
    }

    /// A line of the table.
    pub(crate) fn row(&self, name: &str) -> String {
        let all: isize = self.0.iter().sum();
        let shares = self.0.map(|count| format!("{:.0}", 100.0 * count as f64 / all as f64));
        format!("| {name} | {} |", shares.join(" | "))
    }
}

/// Compiled contracts have no source, and the stack cannot be followed through them.
fn column(frames: &Frames) -> usize {
    let kinds: Vec<_> = frames.frames.iter().flatten().filter_map(kind).collect();
    if frames.frames.iter().all(Vec::is_empty) {
        WASM
    } else if kinds.contains(&SIGNATURE) {
        SIGNATURE
    } else {
        kinds.first().copied().unwrap_or(REST)
    }
}

fn kind(symbol: &pprof::Symbol) -> Option<usize> {
    let file = symbol.filename.as_ref()?.to_string_lossy();
    KINDS.iter().position(|(_, folders)| folders.iter().any(|folder| file.contains(folder)))
}
