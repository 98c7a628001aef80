//! Actions on keys: stake, access keys, gas keys.

use host_fns::near::{Action, NearError, Permission, cost};

use crate::guest::Guest;

/// Where the tests keep a key, an allowance and a receiver.
const KEY: u64 = 0;
const ALLOWANCE: u64 = 64;
const RECEIVER: [u64; 2] = [8, 128];

/// A guest with a promise to `bob.near` and a valid Ed25519 key.
fn guest() -> Guest {
    let mut guest = Guest::new();
    guest.put(0, &[0; 33]);
    guest.put(64, &250u128.to_le_bytes());
    let [len, ptr] = guest.put(128, b"bob.near");
    guest.call("promise_batch_create", &[len, ptr]).unwrap();
    guest
}

fn last_action(guest: &Guest) -> &Action {
    guest.world().receipts[0].actions.last().unwrap()
}

#[test]
fn full_access_stake_and_removal() {
    let mut guest = guest();
    guest.call("promise_batch_action_add_key_with_full_access", &[0, 33, KEY, 5]).unwrap();
    let Action::AddKey { public_key, nonce: 5, permission: Permission::FullAccess } =
        last_action(&guest)
    else {
        panic!("{:?}", last_action(&guest));
    };
    assert_eq!(public_key.as_bytes(), [0; 33]);
    let public_key = public_key.clone();
    guest.call("promise_batch_action_delete_key", &[0, 33, KEY]).unwrap();
    assert_eq!(*last_action(&guest), Action::DeleteKey { public_key: public_key.clone() });
    guest.call("promise_batch_action_stake", &[0, ALLOWANCE, 33, KEY]).unwrap();
    assert_eq!(*last_action(&guest), Action::Stake { stake: 250, public_key });
}

#[test]
fn keys_for_function_calls() {
    let mut guest = guest();
    let [len, ptr] = guest.put(256, b"get,set");
    let mut add = |names_len| {
        guest
            .call(
                "promise_batch_action_add_key_with_function_call",
                &[0, 33, KEY, 5, ALLOWANCE, RECEIVER[0], RECEIVER[1], names_len, ptr],
            )
            .map(|_| last_action(&guest).clone())
    };
    let Ok(Action::AddKey { permission, .. }) = add(len) else { panic!() };
    assert_eq!(
        permission,
        Permission::FunctionCall {
            allowance: Some(250),
            receiver_id: "bob.near".to_owned(),
            method_names: vec!["get".to_owned(), "set".to_owned()],
        }
    );
    // A comma at the end leaves an empty name.
    assert_eq!(add(4), Err(NearError::EmptyMethodName));
    let Ok(Action::AddKey { permission, .. }) = add(0) else { panic!() };
    assert!(
        matches!(permission, Permission::FunctionCall { method_names, .. } if method_names.is_empty())
    );
    // Each name is charged with a terminator: 4 + 4 bytes once, at two a byte.
    let charged = guest.host.core.gas.profile().get(cost::ADD_FUNCTION_CALL_KEY_BYTE);
    assert_eq!(charged.units(), 16);
}

#[test]
fn an_allowance_of_zero_is_no_bound() {
    let mut guest = guest();
    guest.put(64, &[0; 16]);
    let args = [0, 33, KEY, 5, ALLOWANCE, RECEIVER[0], RECEIVER[1], 0, 0];
    guest.call("promise_batch_action_add_key_with_function_call", &args).unwrap();
    let Action::AddKey { permission: Permission::FunctionCall { allowance, .. }, .. } =
        last_action(&guest)
    else {
        panic!()
    };
    assert_eq!(*allowance, None);
}

#[test]
fn keys_are_checked_by_tag_and_length_after_the_action_is_paid() {
    for (tag, len, valid) in [
        (0, 33, true),
        (0, 32, false),
        (0, 34, false),
        (1, 65, true),
        (1, 33, false),
        (3, 33, false),
    ] {
        let mut guest = guest();
        guest.put(256, &[tag]);
        let result = guest.call("promise_batch_action_add_key_with_full_access", &[0, len, 256, 0]);
        assert_eq!(result.is_ok(), valid, "tag {tag}, {len} bytes");
        if let Err(error) = result {
            assert_eq!(error, NearError::InvalidPublicKey);
        }
        assert_eq!(guest.host.core.gas.profile().get(cost::ADD_FULL_ACCESS_KEY).units(), 2);
    }
    let mut guest = guest();
    guest.put(256, &[2]);
    guest.call("promise_batch_action_delete_key", &[0, 1_953, 256]).unwrap();
}

#[test]
fn gas_keys_are_paid_by_the_nonce() {
    let mut guest = guest();
    let used = guest.host.core.gas.used().units();
    guest.call("promise_batch_action_add_gas_key_with_full_access", &[0, 33, KEY, 3]).unwrap();
    let Action::AddGasKey { num_nonces: 3, permission: Permission::FullAccess, .. } =
        last_action(&guest)
    else {
        panic!("{:?}", last_action(&guest));
    };
    let gas = &guest.host.core.gas;
    // Sending: 18 bytes at 2. Executing: three nonces and their records of 8 + 2 + 33 + 2 + 8
    // bytes, at 3 each.
    assert_eq!(gas.profile().get(cost::GAS_KEY_BYTE).units(), 36);
    assert_eq!(gas.profile().get(cost::GAS_KEY_NONCE_WRITE_BASE).units(), 0);
    let key = 2 + 3;
    let read = 1 + 1 + 33;
    assert_eq!(gas.used().units() - used, read + key + 3 * 3 + 36 + 3 * 53 * 3);
    assert_eq!(
        guest.call("promise_batch_action_add_gas_key_with_full_access", &[0, 33, KEY, 65_536]),
        Err(NearError::IntegerOverflow)
    );
}

#[test]
fn transfers_to_gas_keys() {
    let mut guest = guest();
    let (burnt, used) = (guest.host.core.gas.burnt().units(), guest.host.core.gas.used().units());
    guest.call("promise_batch_action_transfer_to_gas_key", &[0, 33, KEY, ALLOWANCE]).unwrap();
    assert!(matches!(last_action(&guest), Action::TransferToGasKey { deposit: 250, .. }));
    let gas = &guest.host.core.gas;
    // Entering, the key, the amount; then sending and executing the transfer, by byte.
    let read = 1 + 34 + 17;
    assert_eq!(gas.burnt().units() - burnt, read + 2 + 33 * 2);
    assert_eq!(gas.used().units() - used, read + 2 + 3 + 33 * 2 + (8 + 2 + 33 + 27) * 3);
    assert_eq!(guest.end().balance, 1_010 - 250);
}

#[test]
fn gas_keys_for_function_calls() {
    let mut guest = guest();
    let args = [0, 33, KEY, 2, ALLOWANCE, RECEIVER[0], RECEIVER[1], 0, 0];
    guest.call("promise_batch_action_add_gas_key_with_function_call", &args).unwrap();
    let Action::AddGasKey { num_nonces: 2, permission: Permission::FunctionCall { .. }, .. } =
        last_action(&guest)
    else {
        panic!("{:?}", last_action(&guest));
    };
    assert_eq!(guest.host.core.gas.profile().get(cost::ADD_FUNCTION_CALL_KEY_BASE).units(), 2);
}
