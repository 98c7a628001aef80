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

/// A call to be measured: what it burns.
pub(crate) type Call<'a> = &'a mut dyn FnMut() -> Result<u64>;

/// The times of each of `what` in `runs` turns, each the mean of `calls` calls. The first turn is
/// not counted.
pub(crate) fn in_turns<const N: usize>(
    runs: usize,
    calls: u32,
    mut what: [Call<'_>; N],
) -> Result<Vec<[Duration; N]>> {
    let mut turns = Vec::new();
    for _ in 0..=runs {
        let mut times = [Duration::ZERO; N];
        for (what, duration) in what.iter_mut().zip(&mut times) {
            *duration = time(calls, what)?;
        }
        turns.push(times);
    }
    turns.remove(0);
    Ok(turns)
}

/// The mean time of `calls` calls.
fn time(calls: u32, call: &mut dyn FnMut() -> Result<u64>) -> Result<Duration> {
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
