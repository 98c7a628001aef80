//! Accounts named after what they start with: what their initialization costs and refuses.

use expect_test::expect;
use host_fns::near::{Action, ContractId, NearError};

use crate::guest::{Guest, charges_in_order, context, with_gas};
use crate::world::World;

/// A universal account with nothing: version, no code, no entries, no keys.
const EMPTY: [u8; 10] = [0; 10];

/// Where the tests keep an amount.
const AMOUNT: u64 = 528;

/// A guest with a promise to another account.
fn guest(gas: u64) -> Guest {
    let mut guest = Guest::with(World::default(), with_gas(gas));
    guest.put(0, &EMPTY);
    guest.put(528, &7u128.to_le_bytes());
    guest.put(600, b"bob.near");
    let _ = guest.call("promise_batch_create", &[8, 600]);
    guest
}

fn rich_guest() -> Guest {
    guest(context().prepaid_gas.units())
}

#[test]
fn a_universal_account_is_initialized_with_the_bytes_as_they_are() {
    let mut guest = rich_guest();
    guest.put(0, &[0xff; 10]);
    guest.call("promise_batch_action_universal_state_init", &[0, 10, 0, AMOUNT]).unwrap();
    let init = Action::UniversalStateInit { state_init: vec![0xff; 10], deposit: 7 };
    assert_eq!(guest.world().receipts[0].actions, [init]);
    assert_eq!(guest.end().balance, 1_010 - 7);
}

#[test]
fn charges_of_a_universal_account() {
    let charges = charges_in_order(|gas| {
        let mut guest = guest(gas);
        let _ = guest.call("promise_batch_action_universal_state_init", &[0, 10, 0, AMOUNT]);
        guest
    });
    let own = charges.split_once("NEW_ACTION_RECEIPT 2\n").unwrap().1;
    // The world says that it has four entries and two keys; sending to others costs two.
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 10
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 16
        UNIVERSAL_STATE_INIT_BASE 2
        UNIVERSAL_STATE_INIT_BYTE 20
        UNIVERSAL_STATE_INIT_ENTRY 8
        ADD_FULL_ACCESS_KEY 4
    "]]
    .assert_eq(own);
}

#[test]
fn the_id_of_a_universal_account_is_derived_from_its_state() {
    let mut guest = rich_guest();
    assert_eq!(guest.call("universal_state_init_to_account_id", &[10, 0, 5]), Ok(0));
    // The id that near-vm-runner's tests give for this state.
    let id = b"0u1kajgpx8a97y8ap8y03pvt8kbm2p2cn9k5h17bgw1wa21j88865g";
    assert_eq!(guest.register(5), Some(&id[..]));
}

#[test]
fn state_that_is_refused_has_no_id() {
    for status in [1u8, 2] {
        let mut guest = rich_guest();
        guest.put(0, &[status]);
        let result = guest.call("universal_state_init_to_account_id", &[10, 0, 5]);
        assert_eq!(result, Ok(u64::from(status)));
        assert_eq!(guest.register(5), None);
    }
}

#[test]
fn charges_of_deriving_an_id() {
    let charges = charges_in_order(|gas| {
        let mut guest = Guest::with(World::default(), with_gas(gas));
        let _ = guest.call("universal_state_init_to_account_id", &[10, 0, 5]);
        guest
    });
    expect![[r"
        UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 10
        UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BYTE 10
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 54
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_deterministic_account_is_initialized_with_a_contract_and_data() {
    let mut guest = rich_guest();
    guest.call("promise_batch_action_create_account", &[0]).unwrap();
    let by_hash = guest.call("promise_batch_action_state_init", &[0, 32, 1_000, AMOUNT]);
    assert_eq!(by_hash, Ok(1));
    let by_account =
        guest.call("promise_batch_action_state_init_by_account_id", &[0, 8, 600, AMOUNT]);
    assert_eq!(by_account, Ok(2));
    guest.call("set_state_init_data_entry", &[0, 2, 3, 600, 4, 604]).unwrap();

    let receipt = &guest.world().receipts[0];
    let account = ContractId::AccountId("bob.near".to_owned());
    assert_eq!(
        receipt.actions[1..],
        [
            Action::DeterministicStateInit { contract: ContractId::CodeHash([0; 32]), deposit: 7 },
            Action::DeterministicStateInit { contract: account, deposit: 7 },
        ]
    );
    assert_eq!(receipt.entries, [(2, b"bob".to_vec(), b"near".to_vec())]);
    assert_eq!(guest.end().balance, 1_010 - 14);
}

#[test]
fn charges_of_a_deterministic_account() {
    let charges = charges_in_order(|gas| {
        let mut guest = guest(gas);
        let _ = guest
            .call("promise_batch_action_state_init", &[0, 32, 1_000, AMOUNT])
            .and_then(|_| guest.call("set_state_init_data_entry", &[0, 0, 3, 600, 4, 604]));
        guest
    });
    let own = charges.split_once("NEW_ACTION_RECEIPT 2\n").unwrap().1;
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 32
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 16
        DETERMINISTIC_STATE_INIT_BASE 2
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 4
        DETERMINISTIC_STATE_INIT_ENTRY 2
        DETERMINISTIC_STATE_INIT_BYTE 14
    "]]
    .assert_eq(own);
}

#[test]
fn data_goes_to_a_state_init_and_only_once() {
    let mut guest = rich_guest();
    guest.call("promise_batch_action_create_account", &[0]).unwrap();
    guest.call("promise_batch_action_state_init", &[0, 32, 1_000, AMOUNT]).unwrap();
    for action_index in [0, 2, u64::MAX] {
        let error = guest.call("set_state_init_data_entry", &[0, action_index, 3, 600, 4, 604]);
        assert_eq!(error, Err(NearError::InvalidActionIndex { receipt_index: 0, action_index }));
    }
    guest.call("set_state_init_data_entry", &[0, 1, 3, 600, 4, 604]).unwrap();
    assert_eq!(
        guest.call("set_state_init_data_entry", &[0, 1, 3, 600, 0, 604]),
        Err(NearError::DataEntryAlreadyExists)
    );
}

#[test]
fn initial_balances_come_from_the_account() {
    let mut guest = rich_guest();
    guest.put(528, &1_011u128.to_le_bytes());
    for name in ["promise_batch_action_state_init", "promise_batch_action_universal_state_init"] {
        assert_eq!(guest.call(name, &[0, 32, 1_000, AMOUNT]), Err(NearError::BalanceExceeded));
    }
    assert!(guest.world().receipts[0].actions.is_empty());
}
