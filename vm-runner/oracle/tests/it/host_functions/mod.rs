//! Every host function of our table against nearcore's function of the same name, through a
//! contract on both runtimes: the same calls in the same circumstances, with arguments that are
//! ordinary, at a boundary or hostile, and with gas that is enough, or one too little for each
//! charge. Results, registers, memory, messages, charges, profile, compute units, logs, receipts,
//! balances and storage must be the same.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "a test ends on what it does not expect"
)]

mod calls;
mod circumstances;
mod coverage;
mod drive;
mod gas;
mod interpreter;
mod memory;
mod operands;

use coverage::Coverage;
use drive::Pair;

/// Cases that are compared; `ORACLE_CASES` asks for more, `ORACLE_SEED` for a single one.
const CASES: u64 = 400;

#[test]
fn the_same_calls_have_the_same_outcome() {
    let number = |name| std::env::var(name).ok().and_then(|count| count.parse::<u64>().ok());
    let seeds = match number("ORACLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ORACLE_CASES").unwrap_or(CASES),
    };
    // Even seeds at NEAR's limits, odd ones at low limits.
    let [near, low] = [circumstances::parameters(), circumstances::low_limits()].map(Pair::new);
    let halves = [(0, &near), (1, &low)];
    let coverage = std::thread::scope(|scope| {
        let halves = halves.map(|(half, pair)| {
            let seeds = seeds.clone().filter(move |seed| seed % 2 == half);
            scope.spawn(move || compare(pair, seeds))
        });
        halves.map(|half| half.join().unwrap()).into_iter().reduce(Coverage::and).unwrap()
    });
    if seeds == (0..CASES) {
        let missing = coverage.missing(near.functions());
        assert!(missing.is_empty(), "{missing:#?} in {} runs", coverage.runs);
    } else {
        eprintln!("{coverage:#?}");
    }
}

fn compare(pair: &Pair, seeds: impl Iterator<Item = u64>) -> Coverage {
    let mut coverage = Coverage::default();
    pair.sweep(&mut coverage);
    for seed in seeds {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pair.drive(seed, &mut coverage);
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
    coverage
}
