//! Records written over the state from outside.

use near_primitives::account::{Account, AccountContract};
use near_primitives::state_record::StateRecord;
use near_primitives::transaction::SignedTransaction;
use near_primitives::types::{Balance, BlockId};
use sandbox_runtime::patch::{Deletion, PatchRecord};
use sandboxd::chain::PatchFailed;

use crate::support::{account, chain, id, near, transfer};

fn rich(name: &str, amount: Balance) -> StateRecord {
    let account = Account::new(amount, Balance::ZERO, AccountContract::None, 182);
    StateRecord::Account { account_id: id(name), account }
}

#[test]
fn a_patch_is_visible_when_the_call_returns() {
    let mut chain = chain();
    chain.patch([rich("new.test.near", near(7))]).unwrap();
    let patched = account(&chain, "new.test.near");
    assert_eq!((patched.amount(), patched.storage_usage()), (near(7), 182));
    assert_eq!(chain.head().height(), 1);
    // The next chunk starts from the patched state.
    chain.produce().unwrap();
    let root = chain.block_by_id(&BlockId::Height(1)).unwrap().state_root();
    assert_eq!(chain.head().chunk_header().prev_state_root(), root);
    assert_eq!(root, chain.head().state_root());
}

#[test]
fn the_same_patch_twice_is_the_same_state() {
    let mut chain = chain();
    chain.patch([rich("new.test.near", near(7))]).unwrap();
    let root = chain.head().state_root();
    chain.patch([rich("new.test.near", near(7))]).unwrap();
    assert_eq!(chain.head().state_root(), root);
}

#[test]
fn a_patch_is_written_whole_or_not_at_all() {
    let mut chain = chain();
    let code = StateRecord::Contract { account_id: id("nobody.test.near"), code: vec![1] };
    let failed = chain.patch([rich("new.test.near", near(7)), code]);
    assert!(matches!(failed, Err(PatchFailed::Records(_))));
    assert_eq!(chain.head().height(), 0);
    assert!(chain.account(&id("new.test.near")).is_err());
}

#[test]
fn patched_tokens_count_as_supply() {
    let mut chain = chain();
    let before = chain.head().header().total_supply();
    chain.patch([rich("new.test.near", near(7))]).unwrap();
    chain.submit(transfer(&chain, "alice.test.near", "new.test.near", 1, near(1))).unwrap();
    chain.settle().unwrap();
    chain.produce().unwrap();
    let after = chain.head().header().total_supply();
    assert!(after > before && after < before.checked_add(near(7)).unwrap());
    assert_eq!(account(&chain, "new.test.near").amount(), near(8));
}

#[test]
fn what_waits_for_a_block_goes_on_waiting_through_a_patch() {
    let mut chain = chain();
    let send = |chain: &mut sandboxd::chain::Chain, nonce| {
        let tx = transfer(chain, "alice.test.near", "bob.test.near", nonce, near(1));
        chain.submit(tx).unwrap()
    };
    let first = send(&mut chain, 1);
    chain.produce().unwrap();
    let second = send(&mut chain, 2);
    let bob = account(&chain, "bob.test.near");
    let made = chain.patch([rich("new.test.near", near(7))]).unwrap().block;
    assert!(made.transactions().is_empty() && made.incoming_receipts().is_empty());
    assert_eq!(account(&chain, "new.test.near").amount(), near(7));
    assert_eq!(account(&chain, "bob.test.near"), bob);
    assert_eq!(chain.waiting().map(SignedTransaction::get_hash).collect::<Vec<_>>(), [second]);
    assert!(chain.has_receipts());
    let next = chain.produce().unwrap().block;
    assert_eq!((next.transactions().len(), next.incoming_receipts().len()), (1, 1));
    chain.settle().unwrap();
    for hash in [first, second] {
        assert_eq!(chain.execution(&hash).unwrap().progress(), sandboxd::chain::Progress::Complete);
    }
}

#[test]
fn a_patch_leaves_a_validator_its_stake() {
    let mut chain = chain();
    let validator = chain.signer().validator_id().clone();
    let mut staked = account(&chain, validator.as_str());
    let stake = staked.locked();
    let record = |account: &Account| StateRecord::Account {
        account_id: validator.clone(),
        account: account.clone(),
    };
    staked.set_locked(stake.checked_sub(near(1)).unwrap()).unwrap();
    chain.patch([record(&staked)]).unwrap();
    assert_eq!(account(&chain, validator.as_str()).locked(), stake);
    let gone = PatchRecord::Delete(Deletion::Account { account_id: validator.clone() });
    let failed = chain.patch([gone]).unwrap_err();
    assert!(matches!(failed, PatchFailed::AtStake { .. }), "{failed}");
    assert_eq!(chain.head().height(), 1);
    chain.fast_forward(2_000).unwrap();
    assert_eq!(account(&chain, validator.as_str()).locked(), stake);
    // More than the stake is given back when an epoch begins, as in neard.
    staked.set_locked(stake.checked_add(near(1)).unwrap()).unwrap();
    chain.patch([record(&staked)]).unwrap();
    chain.fast_forward(2_000).unwrap();
    assert_eq!(account(&chain, validator.as_str()).locked(), stake);
    // An account that stakes nothing keeps what it has locked: it may come from another chain.
    let locked = Account::new(near(1), near(9), AccountContract::None, 182);
    chain.patch([StateRecord::Account { account_id: id("pool.near"), account: locked }]).unwrap();
    chain.fast_forward(2_000).unwrap();
    assert_eq!(account(&chain, "pool.near").locked(), near(9));
}
