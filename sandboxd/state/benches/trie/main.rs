//! The trie beside a sorted map, in small and in large: reads and writes, snapshots, memory, loads, and
//! states that are in a store. `scripts/bench` runs it.
//!
//! A store on disk is not measured here, as this crate knows none: see the benches of `sandboxd`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts of a bench")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::unwrap_used, reason = "a bench ends on what it does not expect")]

mod rows;
mod store;

use rows::Row;

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let megabytes = std::env::var("TRIE_MB").ok().map_or(100, |text| text.parse().unwrap());
    let (large, rounds, megabytes) =
        if measured { (1_000_000, 9, megabytes) } else { (2_000, 1, 1) };
    let [small, large] = [1_000, large].map(|keys| (keys, rows::all(keys, rounds)));
    println!(
        "| keys of 18 bytes, values of 16 | {} keys | beside `BTreeMap` | {} keys | beside `BTreeMap` |",
        small.0, large.0
    );
    println!("|---|--:|--:|--:|--:|");
    for (small, large) in small.1.iter().zip(&large.1) {
        let Row { name, .. } = small;
        let cells = [small, large].map(|row| format!("{} | {}", row.figure(), row.ratio()));
        println!("| {name} | {} | {} |", cells[0], cells[1]);
    }
    println!("\n| loaded at once | MB/s | SHA-256 of the values alone, MB/s |\n|---|--:|--:|");
    for length in [100, 1_000, 100_000] {
        let [own, hashes] = rows::load(megabytes, length);
        println!("| {megabytes} MB in values of {length} bytes | {own:.0} | {hashes:.0} |");
    }
}
