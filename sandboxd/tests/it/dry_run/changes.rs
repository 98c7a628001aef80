//! What a transaction would change in the state.

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::AccessKey;
use near_primitives::action::{
    Action, AddKeyAction, DeleteAccountAction, DeployContractAction, TransferAction,
};
use near_primitives::hash::hash;
use near_primitives::types::AccountId;
use sandboxd::chain::{AccountChanges, Chain, DryRun};
use serde_json::{Value, json};

use super::{ALICE, BOB, call, call_with, dry, say, stage};
use crate::support::{account, id, near, signer};

fn of<'a>(run: &'a DryRun, name: &str) -> &'a AccountChanges {
    run.changes.iter().find(|changes| changes.account_id == name).expect("the account changed")
}

fn accounts(run: &DryRun) -> Vec<&AccountId> {
    run.changes.iter().map(|changes| &changes.account_id).collect()
}

/// What the run says of balances is what the chain after it holds, and what the chain before it held.
fn check_accounts(before: &Chain, run: &DryRun) {
    for changes in &run.changes {
        let Some(change) = &changes.account else { continue };
        let id = &changes.account_id;
        let [held, holds] =
            [before, &run.after].map(|chain| chain.account(id).ok().map(Into::into));
        assert_eq!((&change.before, &change.after), (&held, &holds));
        assert_ne!(change.before, change.after);
    }
}

#[test]
fn a_transfer_changes_two_accounts_and_a_nonce() {
    let chain = stage();
    let run = dry(&chain, BOB, vec![Action::Transfer(TransferAction { deposit: near(5) })]);
    assert_eq!(accounts(&run), [&id(ALICE), &id(BOB)]);
    check_accounts(&chain, &run);
    let (alice, bob) = (of(&run, ALICE), of(&run, BOB));
    let [before, after] = [&chain, &run.after].map(|chain| account(chain, BOB).amount());
    assert_eq!(after.checked_sub(before), Some(near(5)));
    assert!(bob.access_keys.is_empty() && bob.data.is_empty() && bob.code.is_none());
    let [key] = alice.access_keys.as_slice() else { panic!("{:?}", alice.access_keys) };
    assert_eq!(key.public_key, signer(ALICE).public_key().into());
    let nonces = [&key.access_key.before, &key.access_key.after]
        .map(|key| key.as_ref().map(|key| key.nonce));
    assert_eq!(nonces, [Some(1), Some(2)]);
    assert!(alice.data.is_empty() && alice.code.is_none());
}

#[test]
fn what_a_contract_stores_is_told_by_key_with_both_values() {
    let chain = stage();
    let run = dry(&chain, BOB, vec![say("hello"), call("increment", &Value::Null)]);
    check_accounts(&chain, &run);
    let [count, message] = of(&run, BOB).data.as_slice() else { panic!("{:?}", run.changes) };
    assert_eq!([&message.value.before, &count.value.before], [&None; 2]);
    // A second run finds what the first one left.
    let again = dry(&run.after, BOB, vec![say("again")]);
    let [changed] = of(&again, BOB).data.as_slice() else { panic!("{:?}", again.changes) };
    let text = |value: &Option<near_primitives::types::StoreValue>| {
        value.as_ref().map(|value| String::from_utf8_lossy(&value[4..]).into_owned())
    };
    assert_eq!(text(&changed.value.before).as_deref(), Some("hello"));
    assert_eq!(text(&changed.value.after).as_deref(), Some("again"));
    // What stays as it is, is not told.
    let same = dry(&run.after, BOB, vec![say("hello")]);
    assert_eq!(accounts(&same), [&id(ALICE)]);
    let removed = dry(&run.after, BOB, vec![call("remove_status", &Value::Null)]);
    let [gone] = of(&removed, BOB).data.as_slice() else { panic!("{:?}", removed.changes) };
    assert_eq!((text(&gone.value.before).as_deref(), &gone.value.after), (Some("hello"), &None));
}

#[test]
fn what_fails_changes_what_it_paid() {
    let chain = stage();
    let run = dry(&chain, BOB, vec![say("hello"), call("fail", &json!({ "message": "no" }))]);
    check_accounts(&chain, &run);
    assert_eq!(accounts(&run), [&id(ALICE)]);
    assert!(of(&run, ALICE).data.is_empty());
}

#[test]
fn accounts_come_and_go_with_their_code_and_keys() {
    let chain = stage();
    let key = SecretKey::from_seed(KeyType::ED25519, "new").public_key();
    let sub = json!({ "name": "sub", "public_key": key, "code": "AGFzbQEAAAA=" });
    let gas = near_primitives::types::Gas::from_teragas(100);
    let run = dry(&chain, BOB, vec![call_with("create_sub", &sub, gas, near(3))]);
    check_accounts(&chain, &run);
    let sub = of(&run, "sub.bob.test.near");
    let account = sub.account.as_ref().unwrap();
    assert_eq!(account.before, None);
    assert_eq!(account.after.as_ref().unwrap().amount, near(3));
    let code = sub.code.as_ref().unwrap();
    assert_eq!(code.before, None);
    let after = code.after.as_ref().unwrap();
    assert_eq!((after.hash, after.size), (hash(b"\0asm\x01\0\0\0"), 8));
    let [added] = sub.access_keys.as_slice() else { panic!("{:?}", sub.access_keys) };
    assert_eq!((&added.public_key, &added.access_key.before), (&key.into(), &None));

    let delete = Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id(BOB) });
    let run = dry(&chain, ALICE, vec![say("first"), delete]);
    check_accounts(&chain, &run);
    let alice = of(&run, ALICE);
    assert_eq!(alice.account.as_ref().unwrap().after, None);
    assert_eq!(alice.code.as_ref().unwrap().after, None);
    assert_eq!(alice.access_keys[0].access_key.after, None);
    assert!(alice.data.is_empty(), "it came and went: {:?}", alice.data);
}

#[test]
fn gas_keys_and_code_are_told() {
    let chain = stage();
    let key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key();
    let add =
        AddKeyAction { public_key: key.clone(), access_key: AccessKey::gas_key_full_access(2) };
    let code = fixtures::wasm("tiny").to_vec();
    let actions = vec![
        Action::AddKey(Box::new(add)),
        Action::DeployContract(DeployContractAction { code: code.clone() }),
    ];
    let run = dry(&chain, ALICE, actions);
    check_accounts(&chain, &run);
    let alice = of(&run, ALICE);
    let nonces: Vec<_> = alice.gas_key_nonces.iter().map(|change| change.index).collect();
    assert_eq!(nonces, [0, 1]);
    assert!(alice.gas_key_nonces.iter().all(|change| change.nonce.before.is_none()));
    let change = alice.code.as_ref().unwrap();
    assert_eq!(change.before.as_ref().unwrap().hash, hash(fixtures::wasm("status")));
    assert_eq!(change.after.as_ref().unwrap().size, code.len());
    assert_eq!(change.after.as_ref().unwrap().hash, hash(&code));
}
