//! Stakes from epoch to epoch: who validates, what contracts and headers say of it, and when a
//! stake comes back.

use near_primitives::action::{Action, DeployContractAction, FunctionCallAction, StakeAction};
use near_primitives::errors::{ActionErrorKind, TxExecutionError};
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{Balance, Gas, ValidatorKickoutReason};
use near_primitives::views::FinalExecutionStatus;
use sandbox_runtime::view;
use sandboxd::chain::{Chain, Clock};
use sandboxd::{Sandbox, genesis};

use crate::support::{GENESIS_NS, account, id, near, sign, signer};

const ROOT: &str = "test.near";
const ALICE: &str = "alice.test.near";
const BOB: &str = "bob.test.near";

/// Blocks of an epoch.
const LENGTH: u64 = 10;

/// What the root stakes at genesis, in NEAR.
const ROOT_STAKE: u32 = 50_000_000;

/// A chain with short epochs.
fn chain() -> Chain {
    let mut genesis = genesis::localnet(GENESIS_NS);
    genesis.config.epoch_length = LENGTH;
    Sandbox::builder(genesis)
        .signer(genesis::dev_signer())
        .clock(Clock::manual(GENESIS_NS))
        .build()
        .unwrap()
        .into_chain()
}

/// Goes to the first block of the epoch with this number, counted from 1.
fn enter(chain: &mut Chain, epoch: u64) {
    to_height(chain, 1 + (epoch - 1) * LENGTH);
    assert_eq!(chain.head().epoch().start_height, chain.head().height());
}

fn to_height(chain: &mut Chain, height: u64) {
    chain.fast_forward(height - chain.head().height()).unwrap();
}

/// Lets an account stake. The account's receipt to itself runs in the next block.
fn stake(chain: &mut Chain, name: &str, stake: Balance) -> FinalExecutionStatus {
    let public_key = signer(name).public_key();
    let action = Action::Stake(Box::new(StakeAction { stake, public_key }));
    run(chain, name, name, action)
}

fn run(chain: &mut Chain, from: &str, to: &str, action: Action) -> FinalExecutionStatus {
    let hash = chain.submit(sign(chain, from, to, nonce(chain, from), vec![action])).unwrap();
    chain.settle().unwrap();
    chain.execution(&hash).unwrap().status()
}

/// The next nonce of an account's key.
fn nonce(chain: &Chain, name: &str) -> u64 {
    let key = view::access_key(chain.state(), &id(name), &signer(name).public_key());
    key.unwrap().unwrap().nonce + 1
}

fn locked(chain: &Chain, name: &str) -> Balance {
    account(chain, name).locked()
}

fn stakes(validators: &[ValidatorStake]) -> Vec<(String, Balance)> {
    validators.iter().map(|v| (v.account_id().to_string(), v.stake())).collect()
}

/// Who validates in the epoch of the head, and in the one after it.
fn validators(chain: &Chain) -> [Vec<(String, Balance)>; 2] {
    let staking = chain.head().staking();
    [stakes(staking.current().chosen()), stakes(staking.next().chosen())]
}

fn list(expected: &[(&str, Balance)]) -> Vec<(String, Balance)> {
    expected.iter().map(|(name, stake)| ((*name).to_owned(), *stake)).collect()
}

#[test]
fn a_stake_validates_two_epochs_later_and_comes_back_three_after_it_is_withdrawn() {
    let mut chain = chain();
    enter(&mut chain, 1);
    let before = account(&chain, ALICE).amount();
    let (root, alice) = ((ROOT, near(ROOT_STAKE)), (ALICE, near(100_000)));
    stake(&mut chain, ALICE, alice.1);
    assert_eq!(locked(&chain, ALICE), alice.1);
    assert_eq!(validators(&chain), [list(&[root]), list(&[root])]);
    enter(&mut chain, 2);
    assert_eq!(validators(&chain), [list(&[root]), list(&[root, alice])]);
    enter(&mut chain, 3);
    assert_eq!(validators(&chain), [list(&[root, alice]), list(&[root, alice])]);

    stake(&mut chain, ALICE, Balance::ZERO);
    assert_eq!(locked(&chain, ALICE), alice.1, "nothing is unlocked at once");
    enter(&mut chain, 4);
    assert_eq!(validators(&chain), [list(&[root, alice]), list(&[root])]);
    let dropped = chain.head().staking().next().dropped();
    assert_eq!(dropped.get(&id(ALICE)), Some(&ValidatorKickoutReason::Unstaked));
    enter(&mut chain, 5);
    assert_eq!(validators(&chain), [list(&[root]), list(&[root])]);
    to_height(&mut chain, 5 * LENGTH);
    assert_eq!(locked(&chain, ALICE), alice.1, "kept until three epochs have done without it");
    enter(&mut chain, 6);
    assert_eq!(locked(&chain, ALICE), Balance::ZERO);
    let fees = before.checked_sub(account(&chain, ALICE).amount()).unwrap();
    assert!(fees < Balance::from_millinear(1), "all of the stake is back: {fees}");
}

#[test]
fn contracts_see_the_stakes_of_their_epoch() {
    let mut chain = chain();
    enter(&mut chain, 1);
    let code = wat::parse_str(
        r#"(module
        (import "env" "validator_stake" (func $stake (param i64 i64 i64)))
        (import "env" "validator_total_stake" (func $total (param i64)))
        (import "env" "value_return" (func $return (param i64 i64)))
        (memory 1)
        (data (i32.const 0) "alice.test.near")
        (func (export "stakes")
            (call $stake (i64.const 15) (i64.const 0) (i64.const 32))
            (call $total (i64.const 48))
            (call $return (i64.const 32) (i64.const 32))))"#,
    )
    .unwrap();
    run(&mut chain, BOB, BOB, Action::DeployContract(DeployContractAction { code }));
    let seen = |chain: &mut Chain| {
        let call = Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: "stakes".into(),
            args: Vec::new(),
            gas: Gas::from_teragas(10),
            deposit: Balance::ZERO,
        }));
        let FinalExecutionStatus::SuccessValue(value) = run(chain, BOB, BOB, call) else {
            panic!("the call failed");
        };
        let viewed = chain.call_view(&id(BOB), "stakes", b"").unwrap().value;
        assert_eq!(viewed, value, "a view sees the same");
        let amounts = value.chunks(16).map(|bytes| u128::from_le_bytes(bytes.try_into().unwrap()));
        amounts.map(Balance::from_yoctonear).collect::<Vec<_>>()
    };
    let of_root = near(ROOT_STAKE);
    stake(&mut chain, ALICE, near(100_000));
    assert_eq!(seen(&mut chain), [Balance::ZERO, of_root]);
    enter(&mut chain, 2);
    assert_eq!(seen(&mut chain), [Balance::ZERO, of_root]);
    enter(&mut chain, 3);
    assert_eq!(seen(&mut chain), [near(100_000), near(ROOT_STAKE + 100_000)]);
}

#[test]
fn a_stake_has_to_reach_the_minimum_and_to_be_chosen_the_price_of_a_seat() {
    let mut chain = chain();
    enter(&mut chain, 1);
    // A validator needs more than 160 millionths of all stakes; a proposal a tenth of that.
    let all = near(ROOT_STAKE).as_yoctonear();
    let seat = Balance::from_yoctonear((all * 160).div_ceil(1_000_000 - 160));
    let minimum_stake = Balance::from_yoctonear(seat.as_yoctonear() / 10);
    let one = Balance::from_yoctonear(1);

    let less = minimum_stake.checked_sub(one).unwrap();
    let FinalExecutionStatus::Failure(TxExecutionError::ActionError(error)) =
        stake(&mut chain, ALICE, less)
    else {
        panic!("less than the minimum was staked");
    };
    let expected =
        ActionErrorKind::InsufficientStake { account_id: id(ALICE), stake: less, minimum_stake };
    assert_eq!(error.kind, expected);

    // Enough to propose, and too little to be chosen: back with the next epoch.
    stake(&mut chain, ALICE, minimum_stake);
    stake(&mut chain, BOB, seat);
    assert_eq!(locked(&chain, ALICE), minimum_stake);
    enter(&mut chain, 2);
    assert_eq!(locked(&chain, ALICE), Balance::ZERO);
    let [_, next] = validators(&chain);
    assert_eq!(next, list(&[(ROOT, near(ROOT_STAKE)), (BOB, seat)]));
}

#[test]
fn who_falls_behind_loses_the_seat() {
    let mut chain = chain();
    enter(&mut chain, 1);
    stake(&mut chain, ALICE, near(8_100));
    enter(&mut chain, 3);
    let [current, _] = validators(&chain);
    assert_eq!(current, list(&[(ROOT, near(ROOT_STAKE)), (ALICE, near(8_100))]));
    // With the root's new stake, 160 millionths are more than Alice has.
    stake(&mut chain, ROOT, near(60_000_000));
    enter(&mut chain, 4);
    let [_, next] = validators(&chain);
    assert_eq!(next, list(&[(ROOT, near(60_000_000))]));
    let dropped = chain.head().staking().next().dropped().get(&id(ALICE)).cloned();
    let all = near(60_000_000).as_yoctonear();
    let threshold = Balance::from_yoctonear((all * 160).div_ceil(1_000_000 - 160));
    let reason = ValidatorKickoutReason::NotEnoughStake { stake: near(8_100), threshold };
    assert_eq!(dropped, Some(reason));
    enter(&mut chain, 5);
    assert_eq!(locked(&chain, ALICE), near(8_100));
    enter(&mut chain, 6);
    assert_eq!(locked(&chain, ALICE), Balance::ZERO);
}

#[test]
fn the_last_validator_cannot_leave() {
    let mut chain = chain();
    enter(&mut chain, 1);
    stake(&mut chain, ROOT, Balance::ZERO);
    for epoch in 2..8 {
        enter(&mut chain, epoch);
        let root = list(&[(ROOT, near(ROOT_STAKE))]);
        assert_eq!(validators(&chain), [root.clone(), root]);
        assert_eq!(locked(&chain, ROOT), near(ROOT_STAKE));
    }
}

#[test]
fn the_node_goes_on_when_its_validator_leaves() {
    let mut chain = chain();
    enter(&mut chain, 1);
    stake(&mut chain, ALICE, near(100_000));
    stake(&mut chain, ROOT, Balance::ZERO);
    enter(&mut chain, 3);
    let alice = list(&[(ALICE, near(100_000))]);
    assert_eq!(validators(&chain), [alice.clone(), alice]);
    enter(&mut chain, 4);
    assert_eq!(locked(&chain, ROOT), Balance::ZERO);
    assert_eq!(chain.head().author(), &id(ROOT));
}

#[test]
fn a_stake_of_the_last_block_of_an_epoch_counts_for_the_next_one() {
    let mut chain = chain();
    enter(&mut chain, 1);
    stake(&mut chain, ALICE, near(100_000));
    to_height(&mut chain, LENGTH - 1);
    let public_key = signer(ALICE).public_key();
    let more = Action::Stake(Box::new(StakeAction { stake: near(300_000), public_key }));
    chain.submit(sign(&chain, ALICE, ALICE, nonce(&chain, ALICE), vec![more])).unwrap();
    chain.produce().unwrap();
    assert_eq!(chain.head().height(), LENGTH, "the last block of the epoch");
    enter(&mut chain, 2);
    assert_eq!(locked(&chain, ALICE), near(300_000), "just locked, so not given back");
    let root = (ROOT, near(ROOT_STAKE));
    assert_eq!(validators(&chain)[1], list(&[root, (ALICE, near(100_000))]));
    enter(&mut chain, 3);
    assert_eq!(validators(&chain)[1], list(&[root, (ALICE, near(300_000))]));
}

#[test]
fn headers_list_what_the_block_before_proposed_and_who_comes_next() {
    let mut chain = chain();
    enter(&mut chain, 1);
    let first = *chain.head().header().next_bp_hash();
    stake(&mut chain, ALICE, near(100_000));
    let proposed: Vec<_> = (1..=chain.head().height())
        .filter_map(|height| {
            let height = near_primitives::types::BlockId::Height(height);
            let header = chain.block_by_id(&height).unwrap().header();
            let proposals: Vec<_> = header.prev_validator_proposals().collect();
            (!proposals.is_empty()).then(|| stakes(&proposals))
        })
        .collect();
    assert_eq!(proposed, [list(&[(ALICE, near(100_000))])]);
    enter(&mut chain, 2);
    assert_ne!(*chain.head().header().next_bp_hash(), first);
    let second = *chain.head().header().next_bp_hash();
    enter(&mut chain, 3);
    assert_eq!(*chain.head().header().next_bp_hash(), second, "the same validators stay");
}

/// Accounts stake what they like for as long as they like, and nothing is lost on the way.
#[test]
fn random_stakes_are_locked_while_they_are_needed_and_all_come_back() {
    const NAMES: [&str; 4] = [ALICE, BOB, "carol.test.near", "dave.test.near"];
    // A small generator of numbers that are the same in every run (xorshift).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut chain = chain();
    enter(&mut chain, 1);
    for _ in 0..120 {
        // Stakes above and below the price of a seat, and some that withdraw.
        let amount =
            [0, 1_000, 7_000, 9_000, 200_000, 600_000][usize::try_from(number(6)).unwrap()];
        let name = NAMES[usize::try_from(number(4)).unwrap()];
        stake(&mut chain, name, near(amount));
        let ahead = chain.head().height() + 1 + number(7);
        to_height(&mut chain, ahead);
        assert_consistent(&chain);
    }
    for name in NAMES {
        stake(&mut chain, name, Balance::ZERO);
    }
    let done = chain.head().height() + 5 * LENGTH;
    to_height(&mut chain, done);
    for name in NAMES {
        assert_eq!(locked(&chain, name), Balance::ZERO, "{name}");
    }
    assert_consistent(&chain);
}

/// Validators have their stakes locked, and all accounts together have the chain's supply.
fn assert_consistent(chain: &Chain) {
    let staking = chain.head().staking();
    for validator in staking.current().chosen().iter().chain(staking.next().chosen()) {
        let locked = locked(chain, validator.account_id().as_str());
        assert!(locked >= validator.stake(), "{validator:?} has {locked} locked");
    }
    let mut chain = chain.clone();
    // A header tells the supply after the block before.
    chain.settle().unwrap();
    chain.produce().unwrap();
    let accounts = chain.state().range_here(&[0]).map(|record| record.expect("a state in memory"));
    let held: u128 = accounts
        .map(|(_, account)| {
            borsh::from_slice::<near_primitives::account::Account>(&account).unwrap()
        })
        .map(|account| account.amount().as_yoctonear() + account.locked().as_yoctonear())
        .sum();
    assert_eq!(held, chain.head().header().total_supply().as_yoctonear());
}
