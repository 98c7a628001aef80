//! The trie beside a sorted map, and what snapshots, memory and large loads cost.
//! `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts of a bench")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench ends on what it does not expect"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fixtures::Rng;
use sandbox_state::{ChangeSet, Key, Snapshot, Value};

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;

fn key(n: u64) -> Key {
    // As contract data: a column, an account, a separator and a hashed key.
    let mixed = Rng::new(n).next();
    [b"\x09app.near,".as_slice(), &mixed.to_be_bytes()].concat().into()
}

fn value(n: u64) -> Value {
    [n.to_le_bytes(), [7; 8]].concat().into()
}

fn records(range: std::ops::Range<u64>) -> ChangeSet {
    range.map(|n| (key(n), Some(value(n)))).collect()
}

fn least(rounds: usize, mut work: impl FnMut() -> Duration) -> Duration {
    (0..rounds).map(|_| work()).min().expect("a round")
}

fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[u64] = if measured { &[1_000, 1_000_000] } else { &[1_000] };
    let rounds = if measured { 5 } else { 1 };
    for &size in sizes {
        let all = records(0..size);
        let ((state, took), bytes) = fixtures::memory::peak(|| {
            let (state, took) = time(|| Snapshot::empty().apply(&all).unwrap());
            (state, took)
        });
        println!(
            "{size}: load {:.0} ns/key, {} bytes/key peak",
            took.as_nanos() as f64 / size as f64,
            bytes as u64 / size
        );
        let map: BTreeMap<Key, Value> =
            all.iter().map(|(k, v)| (k.clone(), v.unwrap().clone())).collect();
        let probes: Vec<Key> = (0..100_000).map(|n| key(Rng::new(n).below(size))).collect();
        let gets = least(rounds, || {
            time(|| {
                for k in &probes {
                    assert!(state.get_here(k).unwrap().is_some());
                }
            })
            .1
        });
        let peer = least(rounds, || {
            time(|| {
                for k in &probes {
                    assert!(map.contains_key(k));
                }
            })
            .1
        });
        println!(
            "{size}: get {:.0} ns, map {:.0} ns",
            gets.as_nanos() as f64 / 1e5,
            peer.as_nanos() as f64 / 1e5
        );
        let batch = |round: u64| -> ChangeSet {
            (0..1000)
                .map(|n| {
                    (key(Rng::new(round * 1000 + n).below(size)), Some(value(round * 1_000 + n)))
                })
                .collect()
        };
        let mut round = 0;
        let inserts = least(rounds * 4, || {
            round += 1;
            let b = batch(round);
            time(|| state.apply(&b).unwrap()).1
        });
        println!("{size}: insert in blocks of 1000 {:.0} ns", inserts.as_nanos() as f64 / 1e3);
        let one = least(rounds * 400, || {
            round += 1;
            let b: ChangeSet =
                [(key(Rng::new(round).below(size)), Some(value(round)))].into_iter().collect();
            time(|| state.apply(&b).unwrap()).1
        });
        println!("{size}: insert one {:.0} ns", one.as_nanos() as f64);
        let drop_time = time(|| drop(state)).1;
        println!("{size}: drop {:.0} ns/key", drop_time.as_nanos() as f64 / size as f64);
    }
}
