//! What a contract learns about its call, balances, and what it returns.

use expect_test::expect;
use gas_meter::Gas;
use host_fns::near::{AccountContract, Context, NearError, ReturnData};

use crate::guest::{Guest, PLENTY, context, view};
use crate::world::World;

#[test]
fn names_go_to_registers() {
    let mut guest = Guest::new();
    for (name, content) in [
        ("current_account_id", &b"alice.near"[..]),
        ("predecessor_account_id", b"bob.near"),
        ("signer_account_id", b"carol.near"),
        ("refund_to_account_id", b"dave.near"),
        ("signer_account_pk", &[0; 33]),
        ("random_seed", &[3; 32]),
        ("chain_id", b"localnet"),
        ("input", b"{}"),
    ] {
        guest.call(name, &[1]).unwrap();
        assert_eq!(guest.register(1), Some(content), "{name}");
    }
}

#[test]
fn numbers_are_returned() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("block_index", &[]), Ok(12));
    assert_eq!(guest.call("block_timestamp", &[]), Ok(34));
    assert_eq!(guest.call("epoch_height", &[]), Ok(56));
    assert_eq!(guest.call("storage_usage", &[]), Ok(300));
    assert_eq!(guest.call("prepaid_gas", &[]), Ok(PLENTY));
    // Five calls before this one and this one, at a price of one.
    assert_eq!(guest.call("used_gas", &[]), Ok(6));
}

#[test]
fn amounts_go_to_memory() {
    let mut guest = Guest::new();
    let mut amount = |name: &str| {
        guest.call(name, &[64]).unwrap();
        u128::from_le_bytes(guest.memory[64..80].try_into().unwrap())
    };
    assert_eq!(amount("account_balance"), 1_010);
    assert_eq!(amount("account_locked_balance"), 50);
    assert_eq!(amount("attached_deposit"), 10);
    assert_eq!(amount("validator_total_stake"), 1_500);
}

#[test]
fn stakes_of_validators_and_of_others() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, b"validator.near");
    guest.call("validator_stake", &[len, ptr, 64]).unwrap();
    assert_eq!(guest.memory[64..66], [0xf4, 0x01]);
    let [len, ptr] = guest.put(0, b"bob.near");
    guest.call("validator_stake", &[len, ptr, 64]).unwrap();
    assert_eq!(guest.memory[64..66], [0, 0]);
}

#[test]
fn the_input_is_charged_without_its_bytes() {
    let mut guest = Guest::new();
    guest.call("input", &[0]).unwrap();
    expect![[r"
        BASE 1
        WRITE_REGISTER_BASE 1
    "]]
    .assert_eq(&guest.charges());
}

#[test]
fn the_kind_of_code_is_told() {
    for (contract, kind, name) in [
        (AccountContract::None, 0, None),
        (AccountContract::Local([1; 32]), 1, Some(&[1; 32][..])),
        (AccountContract::Global([2; 32]), 2, Some(&[2; 32])),
        (AccountContract::GlobalByAccount("a.near".to_owned()), 3, Some(b"a.near")),
    ] {
        let context = Context { account_contract: contract, ..context() };
        let mut guest = Guest::with(World::default(), context);
        assert_eq!(guest.call("current_contract_code", &[0]), Ok(kind));
        assert_eq!(guest.register(0), name);
    }
}

#[test]
fn the_last_returned_value_counts() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, b"42");
    guest.call("value_return", &[1, 0]).unwrap();
    guest.call("value_return", &[len, ptr]).unwrap();
    assert_eq!(guest.end().return_data, ReturnData::Value(b"42".to_vec()));
    assert_eq!(Guest::new().end().return_data, ReturnData::None);
}

#[test]
fn a_returned_value_is_paid_for_each_account_that_waits_for_it() {
    let output_data_receivers = vec!["alice.near".to_owned(), "bob.near".to_owned()];
    let mut guest = Guest::with(World::default(), Context { output_data_receivers, ..context() });
    guest.call("value_return", &[10, 0]).unwrap();
    // A byte costs 1 + 3 to oneself and 2 + 3 to others.
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 10
        NEW_DATA_RECEIPT_BYTE 90
    "]]
    .assert_eq(&guest.charges());
    assert_eq!(
        guest.call("value_return", &[101, 0]),
        Err(NearError::ReturnedValueLengthExceeded { length: 101, limit: 100 })
    );
}

#[test]
fn a_view_has_its_own_gas_and_no_signer() {
    let mut guest = Guest::with(World::default(), Context { prepaid_gas: Gas::ZERO, ..view() });
    guest.call("current_account_id", &[0]).unwrap();
    assert_eq!(guest.host.core.gas.prepaid(), Gas::new(PLENTY));
    let error = guest.call("signer_account_id", &[0]).unwrap_err();
    assert_eq!(error.to_string(), "signer_account_id is not allowed in view calls");
}

#[test]
fn contracts_can_count_their_own_instructions() {
    let mut guest = Guest::new();
    guest.call("gas", &[7]).unwrap();
    assert_eq!(guest.host.core.gas.burnt(), Gas::new(35));
    assert_eq!(guest.host.core.gas.profile().wasm(), Gas::new(35));
}
