//! What is counted while a case runs. The clock is the only one so far: it works everywhere and
//! repeats badly, which is why a case is measured many times and the fastest run counts.

use std::time::Instant;

/// Runs `work` once and says what it took, in nanoseconds of wall time.
#[allow(clippy::disallowed_methods, reason = "measuring time is what this crate is for")]
pub fn nanoseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9
}
