//! Stakes that an epoch gives back.

use std::collections::BTreeMap;

use sandbox_runtime::near::{Action, Balance, StakeAction};
use sandbox_runtime::{BlockInput, apply_block};

use crate::world::{World, id, key, near, signer, transfer};

fn stake(amount: Balance) -> Action {
    Action::Stake(Box::new(StakeAction { stake: amount, public_key: key("validator") }))
}

/// Makes the first block of an epoch, in which these stakes have to be kept.
fn epoch(world: &mut World, kept: &[(&str, Balance)]) {
    world.env.height += 1;
    let kept_stakes: BTreeMap<_, _> = kept.iter().map(|(name, kept)| (id(name), *kept)).collect();
    let input = BlockInput { kept_stakes, ..BlockInput::default() };
    let effects = apply_block(&world.runtime, &world.state, &world.env, input).expect("no fault");
    world.state = world.state.apply(&effects.changes).expect("a state in memory");
    world.assert_supply();
}

#[test]
fn what_is_locked_beyond_the_kept_stake_goes_back() {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![stake(near(300))]);
    world.run("bob.near", "bob.near", vec![stake(near(200))]);
    let (alice, bob) = (world.account("alice.near"), world.account("bob.near"));
    assert_eq!((alice.locked(), bob.locked()), (near(300), near(200)));

    epoch(&mut world, &[("alice.near", near(100)), ("bob.near", near(200))]);
    let after = world.account("alice.near");
    assert_eq!(after.locked(), near(100));
    assert_eq!(Some(after.amount()), alice.amount().checked_add(near(200)));
    assert_eq!(world.account("bob.near"), bob);

    epoch(&mut world, &[("alice.near", near(0))]);
    assert_eq!(world.account("alice.near").locked(), near(0));
    assert_eq!(world.account("bob.near"), bob, "who is not named keeps what is locked");
}

#[test]
fn stakes_go_back_before_the_transactions_of_the_block() {
    let mut world = World::new();
    world.run("alice.near", "alice.near", vec![stake(near(990))]);
    let sent = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(500))]);
    assert!(world.check(&sent).is_err(), "the stake cannot be spent");
    let (transactions, _) = world.well_formed(vec![sent]);
    world.env.height += 1;
    let kept_stakes = BTreeMap::from([(id("alice.near"), near(0))]);
    let input = BlockInput { transactions, kept_stakes, ..BlockInput::default() };
    let effects = apply_block(&world.runtime, &world.state, &world.env, input).expect("no fault");
    assert_eq!(effects.dropped, []);
}

#[test]
fn an_account_that_was_patched_below_its_stake_keeps_what_it_has() {
    let mut world = World::new();
    let alice = world.account("alice.near");
    epoch(&mut world, &[("alice.near", near(5)), ("nobody.near", near(5))]);
    assert_eq!(world.account("alice.near"), alice);
}
