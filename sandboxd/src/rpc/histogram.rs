//! How long something took, counted in buckets of doubling width.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::metrics::Text;

/// The bound of the first bucket, in nanoseconds. The seventh is neard's first, a millisecond.
const FIRST_NS: u64 = 15_625;
/// The last bucket with a bound ends at 32.8 s, as neard's does.
const BUCKETS: usize = 22;

/// A histogram that many threads add to.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// How often it took no longer than each bound but longer than the one before, and more.
    counts: [AtomicU64; BUCKETS + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub(super) fn record(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bounds_ns().take_while(|bound| took_ns > *bound).count();
        self.counts[bucket.min(BUCKETS)].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(took_ns, Ordering::Relaxed);
    }

    /// Writes the buckets, each with those below it, in seconds.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: &str) {
        let bounds = bounds_ns().map(seconds).chain(["+Inf".to_owned()]);
        let mut so_far = 0_u64;
        for (bound, count) in bounds.zip(&self.counts) {
            so_far = so_far.saturating_add(count.load(Ordering::Relaxed));
            text.line(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), so_far);
        }
        let sum = seconds(self.sum_ns.load(Ordering::Relaxed));
        text.line(&format!("{name}_sum"), labels, sum);
        text.line(&format!("{name}_count"), labels, so_far);
    }
}

fn bounds_ns() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(FIRST_NS), |bound| bound.checked_mul(2)).take(BUCKETS)
}

/// Nanoseconds as a decimal number of seconds.
fn seconds(ns: u64) -> String {
    let decimal = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, bounds_ns, seconds};

    #[test]
    fn the_bounds_include_those_of_neard() {
        let bounds: Vec<_> = bounds_ns().map(seconds).collect();
        assert_eq!(bounds.len(), BUCKETS);
        assert_eq!(bounds.first().map(String::as_str), Some("0.000015625"));
        // neard's are sixteen from a millisecond on, each twice the one before.
        let mut bound_ms = 1_u64;
        for bound in bounds.iter().skip(6) {
            assert_eq!(*bound, seconds(bound_ms * 1_000_000));
            bound_ms *= 2;
        }
        assert_eq!(bound_ms, 1 << 16);
        assert_eq!(bounds.last().map(String::as_str), Some("32.768"));
    }
}
