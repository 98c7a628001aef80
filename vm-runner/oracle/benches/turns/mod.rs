//! Two sides measured in turns, so that both meet the same machine.

use std::time::{Duration, Instant};

use anyhow::Result;
use near_vm_runner::FilesystemContractRuntimeCache;
use oracle::NearRunner;
use sandbox_runtime::RuntimeConfig;
use tempfile::TempDir;

/// Whether nothing is to be measured: `cargo test --all-targets` runs benchmarks too, as tests.
pub(crate) fn only_a_test() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// The median time of a call on each side over `runs` runs of `calls` calls, taken in turns. The
/// first run of each is not counted.
pub(crate) fn in_turns(
    runs: usize,
    calls: u32,
    mut ours: impl FnMut() -> Result<u64>,
    mut nears: impl FnMut() -> Result<u64>,
) -> Result<[Duration; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        let both = [time(calls, &mut ours)?, time(calls, &mut nears)?];
        if run > 0 {
            for (times, time) in times.iter_mut().zip(both) {
                times.push(time);
            }
        }
    }
    Ok(times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    }))
}

/// The mean time of `calls` calls.
fn time(calls: u32, call: &mut impl FnMut() -> Result<u64>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..calls {
        std::hint::black_box(call()?);
    }
    Ok(start.elapsed() / calls)
}

/// nearcore's side with the memory cache that neard gives it, on files in `home`.
pub(crate) fn warm_near(config: &RuntimeConfig, home: &TempDir) -> Result<NearRunner> {
    let cache = FilesystemContractRuntimeCache::with_memory_cache(
        home.path(),
        None::<&str>,
        "contracts",
        16,
        None,
        1 << 30,
        near_vm_runner::noop_background_spawner(),
    )?;
    Ok(NearRunner::new(config.clone(), Box::new(cache)))
}
