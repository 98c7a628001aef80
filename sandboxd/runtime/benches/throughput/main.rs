//! Transactions per second in process, on one core, and where their time goes.
//! `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::expect_used, reason = "a bench ends on what it does not expect")]

mod shares;
mod world;

use std::time::Duration;

use sandbox_runtime::near::Action;

use shares::Sampler;
use world::{PER_BLOCK, Parts, Receiver, World, call, transfer};

/// Each round has its own transactions, and the shortest time of each part counts.
const ROUNDS: usize = 5;
/// Rounds that are sampled, after those that are measured.
const SAMPLED_ROUNDS: usize = 10;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (blocks, rounds, looks) = if measured { (50, ROUNDS, SAMPLED_ROUNDS) } else { (1, 1, 1) };
    let loads = loads();
    let mut shares = Vec::new();
    println!(
        "| one core | per second | µs each | signature | transaction and receipts | state root |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for (name, mut world, receiver, action) in loads {
        let signed = world.sign(blocks, &receiver, &action);
        world.run(signed);
        let mut least = Parts::MOST;
        for _ in 0..rounds {
            let signed = world.sign(blocks, &receiver, &action);
            least = least.least(&world.run(signed));
        }
        print_row(name, &least, blocks * PER_BLOCK);
        let mut sampler = Sampler::default();
        for _ in 0..looks {
            let signed = world.sign(blocks, &receiver, &action);
            sampler.watch(|| world.run(signed));
        }
        shares.push((name, sampler));
    }
    println!("\n{}", shares::header());
    for (name, sampler) in shares {
        println!("{}", sampler.row(name));
    }
}

fn loads() -> [(&'static str, World, Receiver, Action); 4] {
    let message = br#"{"message":"measured"}"#;
    let token = br#"{"receiver_id":"account-0.near","amount":"1"}"#;
    [
        ("transfer", World::new(None), Receiver::NextAccount, transfer()),
        (
            "`tiny.increment`",
            World::new(Some("tiny")),
            Receiver::Contract,
            call("increment", b"", 0),
        ),
        (
            "`status.set_status`",
            World::new(Some("status")),
            Receiver::Contract,
            call("set_status", message, 0),
        ),
        (
            "`token.ft_transfer` (NEP-141)",
            World::with_tokens(),
            Receiver::Contract,
            call("ft_transfer", token, 1),
        ),
    ]
}

fn print_row(name: &str, parts: &Parts, transactions: usize) {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / transactions as f64;
    let total: Duration = parts.0.iter().sum();
    let share = |part: Duration| {
        format!("{:.1} ({:.0} %)", each(part), 100.0 * part.as_secs_f64() / total.as_secs_f64())
    };
    let [signature, execution, root] = parts.0.map(share);
    let rate = transactions as f64 / total.as_secs_f64();
    println!("| {name} | {rate:.0} | {:.1} | {signature} | {execution} | {root} |", each(total));
}
