//! What metering costs at run time: the same work with and without it, on each engine, by this
//! workspace's `gas-meter` and by other libraries.
//!
//! All schemes of a kernel run in turns in one process, many short rounds each, and the fastest
//! round of each counts: what else the machine does can only make a round slower. `scripts/bench`
//! runs it. Words as arguments choose engines, workloads,
//! schemes and `rewriting` by parts of their names.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

mod engine;
mod host;
mod measure;
mod meter;
mod ours;
mod peers;
mod rewriting;
mod schemes;
mod singlepass;
mod table;
mod wasmtimes;
mod workloads;

use anyhow::Result;
use engine::Engine;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured then.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let words: Vec<String> =
        arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    // The time to compile must not depend on who else uses the cores.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let engines: [Box<dyn Engine>; 3] = [
        Box::new(singlepass::Singlepass),
        Box::new(wasmtimes::Wasmtime::winch()),
        Box::new(wasmtimes::Wasmtime::cranelift()),
    ];
    let engines = chosen(engines, &words, |engine| engine.name());
    let schemes = chosen(schemes::all(), &words, |scheme| scheme.name);
    let workloads = workloads::kernels()?.into_iter().chain(workloads::calls()?);
    let workloads = chosen(workloads, &words, |workload| workload.name);
    for engine in &engines {
        let overheads = measure::overheads(engine.as_ref(), &workloads, &schemes)?;
        table::engine(engine.name(), &workloads, &overheads);
    }
    if words.is_empty() || words.iter().any(|word| "rewriting".contains(word.as_str())) {
        let contracts = workloads::contracts()?;
        table::rewriting(&contracts, &rewriting::measure(&contracts, &schemes)?);
    }
    Ok(())
}

/// What the command line asks for of one kind: what a word names, or everything if no word names
/// any of the kind.
fn chosen<T>(
    all: impl IntoIterator<Item = T>,
    words: &[String],
    name: impl Fn(&T) -> &str,
) -> Vec<T> {
    let (named, others): (Vec<T>, Vec<T>) =
        all.into_iter().partition(|one| words.iter().any(|word| name(one).contains(word.as_str())));
    if named.is_empty() { others } else { named }
}
