//! The counters behind `GET /metrics`, written in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What the server has counted since it started.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// One counter for each method of the table, in its order, and a last one for unknown names.
    requests: Vec<(&'static str, AtomicU64)>,
    /// By method and by the name of the error.
    errors: Mutex<BTreeMap<(&'static str, String), u64>>,
}

/// The label of every method name that is not in the table, so that labels stay bounded.
const UNKNOWN_METHOD: &str = "UNSUPPORTED_METHOD";

impl Metrics {
    /// Counters at zero for these methods.
    pub(crate) fn new(methods: impl Iterator<Item = &'static str>) -> Self {
        let requests = methods.chain([UNKNOWN_METHOD]).map(|name| (name, AtomicU64::new(0)));
        Self { requests: requests.collect(), errors: Mutex::default() }
    }

    /// Counts one request to the method at this place of the table; `None` for an unknown name.
    /// Returns the label to count its error under.
    pub(crate) fn request(&self, method: Option<usize>) -> &'static str {
        let last = self.requests.len().saturating_sub(1);
        let (name, count) = &self.requests[method.unwrap_or(last).min(last)];
        count.fetch_add(1, Ordering::Relaxed);
        name
    }

    /// Counts one error.
    pub(crate) fn error(&self, method: &'static str, error: &str) {
        let mut errors = self.errors.lock();
        let count = errors.entry((method, error.to_owned())).or_default();
        *count = count.saturating_add(1);
    }

    /// The text that Prometheus reads; `height` is that of the newest block.
    pub(crate) fn text(&self, height: u64) -> String {
        let mut text = String::new();
        self.write(&mut text, height).expect("writing into a string cannot fail");
        text
    }

    fn write(&self, text: &mut String, height: u64) -> std::fmt::Result {
        writeln!(text, "# HELP near_block_height_head Height of the newest block")?;
        writeln!(text, "# TYPE near_block_height_head gauge")?;
        writeln!(text, "near_block_height_head {height}")?;
        writeln!(text, "# HELP near_rpc_total_count Number of JSON-RPC requests")?;
        writeln!(text, "# TYPE near_rpc_total_count counter")?;
        for (name, count) in &self.requests {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                writeln!(text, "near_rpc_total_count{{method=\"{name}\"}} {count}")?;
            }
        }
        writeln!(text, "# HELP near_rpc_error_count Number of JSON-RPC requests with an error")?;
        writeln!(text, "# TYPE near_rpc_error_count counter")?;
        for ((method, error), count) in self.errors.lock().iter() {
            let labels = format!("method=\"{method}\",err_code=\"{error}\"");
            writeln!(text, "near_rpc_error_count{{{labels}}} {count}")?;
        }
        Ok(())
    }
}
