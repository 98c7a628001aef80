//! Single changes of accounts from outside of any transaction.

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::account::{AccessKeyPermission, FunctionCallPermission};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::CryptoHash;
use near_primitives::types::Balance;
use sandbox_runtime::near::AccessKey;
use sandbox_runtime::patch::InvalidPatch;
use sandbox_runtime::tree;
use sandboxd::chain::{Chain, Code, EditFailed, NEW_ACCOUNT_BALANCE, NewAccount, PatchFailed};

use crate::support::{account, chain, id, near, transfer};

const BOB: &str = "bob.test.near";

fn new(name: &str) -> NewAccount {
    let (account_id, balance) = (id(name), NEW_ACCOUNT_BALANCE);
    NewAccount { account_id, balance, keys: Vec::new(), code: Code::Removed }
}

fn key(seed: &str) -> PublicKey {
    SecretKey::from_seed(KeyType::ED25519, seed).public_key()
}

fn access_key(chain: &Chain, name: &str, key: &PublicKey) -> Option<AccessKey> {
    tree::access_key(&mut chain.state(), &id(name), key).unwrap()
}

/// The state and the blocks of `chain` are those of `before`.
fn assert_unchanged(chain: &Chain, before: &Chain) {
    assert_eq!(chain.head().hash(), before.head().hash());
    assert_eq!(chain.state().root(), before.state().root());
}

#[test]
fn a_new_account_can_act_with_the_key_that_its_name_gives() {
    let mut chain = chain();
    let (derived, _) = chain.create_account(new("fresh.near")).unwrap();
    assert_eq!(derived, Some(SecretKey::from_seed(KeyType::ED25519, "fresh.near")));
    let fresh = account(&chain, "fresh.near");
    assert_eq!((fresh.amount(), fresh.storage_usage()), (near(100), 182));
    let nonce = access_key(&chain, "fresh.near", &key("fresh.near")).unwrap().nonce;
    let before = account(&chain, BOB).amount();
    chain.submit(transfer(&chain, "fresh.near", BOB, nonce + 1, near(1))).unwrap();
    chain.settle().unwrap();
    assert_eq!(account(&chain, BOB).amount(), before.checked_add(near(1)).unwrap());
}

#[test]
fn a_new_account_has_what_it_was_made_with_and_nothing_else() {
    let mut chain = chain();
    let supply = chain.patch(Vec::<sandbox_runtime::near::StateRecord>::new()).unwrap();
    let wasm = fixtures::wasm("status").to_vec();
    let keys = vec![key("one"), key("two")];
    let asked = NewAccount { keys, code: Code::Own(wasm.clone()), ..new("app.alice.test.near") };
    let (derived, made) = chain.create_account(asked).unwrap();
    assert_eq!(derived, None);
    let [before, after] = [&supply, &made].map(|made| made.block.header().total_supply());
    // Headers tell the supply before their own block.
    assert_eq!(before, after);
    let app = account(&chain, "app.alice.test.near");
    assert_eq!(app.local_contract_hash(), Some(CryptoHash::hash_bytes(&wasm)));
    assert_eq!(app.storage_usage(), 100 + 2 * 82 + u64::try_from(wasm.len()).unwrap());
    assert!(access_key(&chain, "app.alice.test.near", &key("app.alice.test.near")).is_none());
    assert_eq!(
        chain.call_view(&id("app.alice.test.near"), "get_count", b"{}").unwrap().value,
        b"0"
    );
    chain.produce().unwrap();
    let grown = before.checked_add(NEW_ACCOUNT_BALANCE).unwrap();
    assert_eq!(chain.head().header().total_supply(), grown);
}

#[test]
fn an_account_is_not_made_twice_and_not_changed_before_it_is_made() {
    let mut chain = chain();
    let before = chain.clone();
    let exists = chain.create_account(new(BOB)).unwrap_err();
    assert!(matches!(exists, EditFailed::AccountExists { .. }), "{exists}");
    let nobody = id("nobody.near");
    let unknown = [
        chain.set_balance(&nobody, near(1)).unwrap_err(),
        chain.set_code(&nobody, Code::Removed).unwrap_err(),
        chain.set_data(&nobody, vec![1], Some(vec![2])).unwrap_err(),
        chain
            .set_access_key(&nobody, &key("k"), AccessKeyPermission::FullAccess, None)
            .unwrap_err(),
        chain.delete_access_key(&nobody, &key("k")).unwrap_err(),
        chain.delete_account(&nobody).unwrap_err(),
        chain.fund(&nobody, near(1)).unwrap_err(),
    ];
    for error in unknown {
        assert!(matches!(error, EditFailed::UnknownAccount { .. }), "{error}");
        assert!(error.to_string().contains("sandbox_create_account"), "{error}");
    }
    assert_unchanged(&chain, &before);
}

#[test]
fn balances_are_set_and_given_and_do_not_overflow() {
    let mut chain = chain();
    chain.set_balance(&id(BOB), near(3)).unwrap();
    let (held, _) = chain.fund(&id(BOB), near(4)).unwrap();
    assert_eq!((held, account(&chain, BOB).amount()), (near(7), near(7)));
    let before = chain.clone();
    for failed in [
        chain.fund(&id(BOB), Balance::MAX).map(|_| ()).unwrap_err(),
        // It fits into the account, but not into the supply.
        chain
            .set_balance(&id(BOB), Balance::from_yoctonear(u128::MAX - 1))
            .map(|_| ())
            .unwrap_err(),
    ] {
        let EditFailed::Patch(PatchFailed::Records(error)) = failed else { panic!("{failed}") };
        assert_eq!(error, InvalidPatch::BalanceOverflow);
    }
    assert_unchanged(&chain, &before);
}

#[test]
fn a_validator_keeps_its_stake() {
    let mut chain = chain();
    let before = chain.clone();
    let validator = chain.signer().validator_id().clone();
    let staked = account(&chain, validator.as_str()).locked();
    let error = chain.delete_account(&validator).unwrap_err();
    let EditFailed::Patch(PatchFailed::AtStake { staked: told, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(told, staked);
    assert_unchanged(&chain, &before);
    // What it has beside its stake is free.
    chain.set_balance(&validator, near(1)).unwrap();
    let after = account(&chain, validator.as_str());
    assert_eq!((after.amount(), after.locked()), (near(1), staked));
}

#[test]
fn code_is_replaced_and_taken_away() {
    let mut chain = chain();
    let usage = account(&chain, BOB).storage_usage();
    let wasm = fixtures::wasm("status").to_vec();
    chain.set_code(&id(BOB), Code::Own(wasm.clone())).unwrap();
    assert_eq!(chain.call_view(&id(BOB), "get_count", b"{}").unwrap().value, b"0");
    assert_eq!(account(&chain, BOB).storage_usage(), usage + u64::try_from(wasm.len()).unwrap());
    chain.set_code(&id(BOB), Code::Removed).unwrap();
    assert!(chain.call_view(&id(BOB), "get_count", b"{}").is_err());
    assert_eq!(account(&chain, BOB).storage_usage(), usage);
    let identifier = GlobalContractIdentifier::AccountId(id(BOB));
    let error = chain.set_code(&id(BOB), Code::Global(identifier)).unwrap_err();
    assert!(matches!(error, EditFailed::UnknownGlobalContract { .. }), "{error}");
}

#[test]
fn keys_keep_their_nonce_unless_one_is_given() {
    let mut chain = chain();
    let limited = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: Some(near(1)),
        receiver_id: BOB.into(),
        method_names: Vec::new(),
    });
    let own = key(BOB);
    chain.set_access_key(&id(BOB), &own, AccessKeyPermission::FullAccess, Some(41)).unwrap();
    chain.set_access_key(&id(BOB), &own, limited.clone(), None).unwrap();
    let changed = access_key(&chain, BOB, &own).unwrap();
    assert_eq!((changed.nonce, changed.permission), (41, limited));
    // As a transaction in the block of this height would add it.
    chain.set_access_key(&id(BOB), &key("new"), AccessKeyPermission::FullAccess, None).unwrap();
    let nonce = (chain.head().height() - 1) * 1_000_000;
    assert_eq!(access_key(&chain, BOB, &key("new")).unwrap().nonce, nonce);
    assert_eq!(account(&chain, BOB).storage_usage(), 182 + 82 + (1 + 16 + 4 + 13 + 4));
    chain.delete_access_key(&id(BOB), &key("new")).unwrap();
    assert!(access_key(&chain, BOB, &key("new")).is_none());
}

#[test]
fn a_gas_key_comes_with_its_nonces_and_leaves_none() {
    let mut chain = chain();
    let usage = account(&chain, BOB).storage_usage();
    let gas_key = AccessKey::gas_key_full_access(3).permission;
    chain.set_access_key(&id(BOB), &key("gas"), gas_key, Some(9)).unwrap();
    let nonces = sandbox_runtime::view::gas_key_nonces(chain.state(), &id(BOB), &key("gas"));
    assert_eq!(nonces.unwrap(), Ok(vec![9; 3]));
    chain.set_access_key(&id(BOB), &key("gas"), AccessKeyPermission::FullAccess, None).unwrap();
    assert_eq!(account(&chain, BOB).storage_usage(), usage + 82);
    chain.delete_access_key(&id(BOB), &key("gas")).unwrap();
    assert_eq!(account(&chain, BOB).storage_usage(), usage);
}

#[test]
fn a_deleted_account_can_be_made_again() {
    let mut chain = chain();
    chain.set_data(&id(BOB), b"k".to_vec(), Some(b"v".to_vec())).unwrap();
    assert_eq!(account(&chain, BOB).storage_usage(), 182 + 40 + 2);
    chain.delete_account(&id(BOB)).unwrap();
    assert!(chain.account(&id(BOB)).is_err());
    chain.create_account(new(BOB)).unwrap();
    assert_eq!(account(&chain, BOB).storage_usage(), 182);
}
