//! Calls on several threads at once.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// How long `calls` calls on each of `threads` threads take. Each thread makes one call before, so that
/// what it takes to start a thread is not measured.
pub(crate) fn on_threads(
    threads: u32,
    calls: u32,
    call: impl Fn() -> Result<()> + Sync,
) -> Result<Duration> {
    let ready = Barrier::new(usize::try_from(threads)?);
    let work = || {
        // Whoever fails must not keep the others waiting.
        let first = call();
        ready.wait();
        let start = Instant::now();
        first?;
        (0..calls).try_for_each(|_| call())?;
        Ok(start.elapsed())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut longest = work()?;
        for other in others {
            let took: Result<Duration> =
                other.join().map_err(|_| anyhow!("a thread panicked")).flatten();
            longest = longest.max(took?);
        }
        Ok(longest)
    })
}
