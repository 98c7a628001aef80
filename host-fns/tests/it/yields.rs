//! Promises that wait to be resumed.

use expect_test::expect;
use host_fns::near::{NearError, YieldRef};

use crate::guest::{Guest, charges_in_order, with_gas};
use crate::world::World;

/// A guest with a method name at 0, arguments at 8, an amount of zero at 16, an id at 64.
fn guest(gas: u64) -> Guest {
    let mut guest = Guest::with(World::default(), with_gas(gas));
    guest.put(0, b"done");
    guest.put(8, b"{}");
    guest.put(64, &[5; 32]);
    guest
}

const CREATE: [u64; 7] = [4, 0, 2, 8, 0, 1, 3];
const CREATE_WITH_ID: [u64; 9] = [4, 0, 2, 8, 16, 0, 1, 32, 64];

#[test]
fn a_yielded_promise_is_resumed_by_its_data_id() {
    let mut guest = guest(crate::guest::PLENTY);
    assert_eq!(guest.call("promise_yield_create", &CREATE), Ok(0));
    assert_eq!(guest.register(3), Some(&[7; 32][..]));
    assert_eq!(guest.world().receipts[0].actions.len(), 1);
    let [len, ptr] = guest.put(128, b"payload");
    assert_eq!(guest.call("promise_yield_resume", &[32, 64, len, ptr]), Ok(1));
    assert_eq!(guest.world().resumed, [(YieldRef::DataId([5; 32]), b"payload".to_vec())]);
    assert_eq!(
        guest.call("promise_yield_resume", &[31, 64, len, ptr]),
        Err(NearError::DataIdMalformed)
    );
    assert_eq!(
        guest.call("promise_yield_resume", &[32, 64, 11, ptr]),
        Err(NearError::YieldPayloadLength { length: 11, limit: 10 })
    );
}

#[test]
fn a_chosen_id_can_be_in_use_only_once() {
    let mut guest = guest(crate::guest::PLENTY);
    assert_eq!(guest.call("promise_yield_create_with_id", &CREATE_WITH_ID), Ok(0));
    let used = guest.host.core.gas.used().units() - guest.host.core.gas.burnt().units();
    assert_eq!(guest.call("promise_yield_create_with_id", &CREATE_WITH_ID), Ok(u64::MAX));
    // The refused one attached nothing.
    let gas = &guest.host.core.gas;
    assert_eq!(gas.used().units() - gas.burnt().units(), used);
    assert_eq!(guest.call("promise_yield_resume_with_yield_id", &[32, 64, 0, 0]), Ok(1));
    assert_eq!(guest.world().resumed, [(YieldRef::ChosenId([5; 32]), Vec::new())]);
    assert_eq!(
        guest.call("promise_yield_resume_with_yield_id", &[33, 64, 0, 0]),
        Err(NearError::YieldIdMalformed)
    );
}

#[test]
fn nothing_waits_at_first() {
    let mut guest = guest(crate::guest::PLENTY);
    assert_eq!(guest.call("promise_yield_resume", &[32, 64, 0, 0]), Ok(0));
}

#[test]
fn charges_of_a_yield() {
    let charges = charges_in_order(|gas| {
        let mut guest = guest(gas);
        let _ = guest.call("promise_yield_create", &CREATE);
        guest
    });
    // The receipt is sent to oneself, with one data receipt: 1 + 1 + 3.
    expect![[r"
        BASE 1
        YIELD_CREATE_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 4
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 2
        YIELD_CREATE_BYTE 6
        NEW_ACTION_RECEIPT 5
        FUNCTION_CALL_BASE 1
        FUNCTION_CALL_BYTE 6
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 32
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_payload_in_a_register_is_charged_as_if_it_were_huge() {
    // Its length is charged as the guest passed it, which for a register is no length.
    let mut guest = guest(crate::guest::PLENTY);
    guest.call("write_register", &[1, 3, 64]).unwrap();
    assert_eq!(
        guest.call("promise_yield_resume", &[32, 64, u64::MAX, 1]),
        Err(NearError::IntegerOverflow)
    );
}
