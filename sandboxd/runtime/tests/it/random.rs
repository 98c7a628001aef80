//! Blocks at random: whatever is in them, they conserve tokens, replay to the same bytes and never
//! fault, and what is refused leaves no trace.
//!
//! `RUNTIME_SEEDS=n` tries more of them, `RUNTIME_SEED=n` one.

mod corrupt;
mod numbers;
mod transactions;
mod weaver;

use sandbox_runtime::near::{Balance, ExecutionStatus, Gas, SignedTransaction};
use sandbox_runtime::{BlockEffects, BlockInput, apply_block};
use sandbox_state::Snapshot;

use crate::contracts::with_status;
use crate::world::{World, deploy, yocto};
use numbers::Numbers;

fn seeds(few: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    match number("RUNTIME_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RUNTIME_SEEDS").unwrap_or(few),
    }
}

/// `bob.near` has the fixture's contract, `near` and `alice.near` have the one that weaves promises.
/// Every fourth seed plays by the rules of an older protocol version.
fn world(seed: u64) -> World {
    let version = if seed % 4 == 3 { 84 + u32::try_from(seed / 4 % 4).expect("small") } else { 88 };
    let mut world = with_status(World::at(version, &[]));
    for name in ["near", "alice.near"] {
        world.run(name, name, vec![deploy(weaver::weaver())]);
    }
    world
}

/// What a block does to a state, without making it the world's next one.
fn preview(world: &World, transactions: &[SignedTransaction]) -> (Snapshot, BlockEffects) {
    let mut env = world.env.clone();
    env.height += 1;
    let (transactions, _) = world.well_formed(transactions.to_vec());
    let input =
        BlockInput { transactions, receipts: world.pending.clone(), ..BlockInput::default() };
    let effects = apply_block(&world.runtime, &world.state, &env, input).expect("no fault");
    (world.state.apply(&effects.changes).expect("a state in memory"), effects)
}

fn assert_same(left: &BlockEffects, right: &BlockEffects) {
    assert_eq!(left.changes, right.changes);
    assert_eq!(left.outcomes, right.outcomes);
    assert_eq!(left.outgoing, right.outgoing);
    assert_eq!(left.burnt, right.burnt);
}

#[test]
fn random_blocks_conserve_tokens_and_replay_to_the_same_bytes() {
    let (mut accepted, mut succeeded, mut failed) = (0, 0, 0);
    for seed in seeds(80) {
        let mut numbers = Numbers::new(seed);
        let mut world = world(seed);
        for _ in 0..25 {
            world.env.gas_price = yocto(numbers.of(&[100_000_000, 100_000_000, 3_000_000_000]));
            world.env.gas_limit = Gas::from_teragas(numbers.of(&[1_000, 1_000, 20]));
            let transactions: Vec<_> = (0..numbers.next(6))
                .map(|_| transactions::transaction(&mut numbers, &world))
                .collect();
            let (state, before) = preview(&world, &transactions);
            let after = world.block(transactions.clone());
            assert_same(&before, &after);
            assert_eq!(state.root(), world.state.root(), "seed {seed}");
            accepted += transactions.len() - after.dropped.len();
            for outcome in &after.outcomes {
                let failure = matches!(outcome.outcome.status, ExecutionStatus::Failure(_));
                *(if failure { &mut failed } else { &mut succeeded }) += 1;
            }
        }
        drain(&mut world);
        world.assert_supply();
    }
    // The generator is worth something only as long as it makes all kinds.
    assert!(accepted > 0 && succeeded > accepted && failed > 0, "{accepted} {succeeded} {failed}");
}

/// Makes blocks until nothing is on its way and no yield waits.
fn drain(world: &mut World) {
    let waits = |world: &World| {
        let queued = world
            .state
            .range_here(&[7])
            .map(|record| record.expect("a state in memory"))
            .any(|(key, _)| key.len() > 1);
        queued
            || world
                .state
                .range_here(&[12])
                .map(|record| record.expect("a state in memory"))
                .next()
                .is_some()
    };
    world.env.gas_limit = Gas::from_teragas(1_000);
    for _ in 0..1_000 {
        if world.pending.is_empty() && !waits(world) {
            return;
        }
        world.block(Vec::new());
    }
    panic!("receipts go on for a thousand blocks");
}

#[test]
fn refused_transactions_leave_the_root_as_it_was() {
    let mut refused = 0;
    for seed in seeds(60) {
        let mut numbers = Numbers::new(seed + 1_000_000);
        let mut world = world(seed);
        for _ in 0..12 {
            let transaction = transactions::transaction(&mut numbers, &world);
            let mangled = transactions::mangled(&mut numbers, &transaction);
            for transaction in std::iter::once(transaction).chain(mangled) {
                let told = world.check(&transaction);
                let (with, effects) = preview(&world, std::slice::from_ref(&transaction));
                let (without, _) = preview(&world, &[]);
                let booked = effects.outcomes.iter().any(|made| made.id == transaction.get_hash());
                if told.is_err() && !booked {
                    refused += 1;
                    assert_eq!(with.root(), without.root(), "seed {seed}: {told:?}");
                }
                if told.is_ok() {
                    assert!(booked, "seed {seed}: accepted on submission, but not in a block");
                }
                world.block(vec![transaction]);
            }
        }
        let burnt = world.burnt;
        assert!(burnt > Balance::ZERO, "seed {seed} did nothing");
    }
    assert!(refused > 0, "nothing was refused");
}
