//! Registers: content, charges, limits.

use expect_test::expect;
use host_fns::near::NearError;

use crate::guest::{Guest, charges_in_order, with_gas};
use crate::world::World;

#[test]
fn a_register_keeps_what_was_written() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(100, b"hello");
    assert_eq!(guest.call("register_len", &[3]), Ok(u64::MAX));
    guest.call("write_register", &[3, len, ptr]).unwrap();
    assert_eq!(guest.call("register_len", &[3]), Ok(5));
    guest.call("read_register", &[3, 200]).unwrap();
    assert_eq!(&guest.memory[200..205], b"hello");
}

#[test]
fn a_register_holds_nothing_of_what_was_there_before() {
    let mut guest = Guest::new();
    guest.put(0, &[b'a'; 64]);
    guest.call("write_register", &[1, 64, 0]).unwrap();
    guest.put(0, b"bcd");
    guest.call("write_register", &[1, 3, 0]).unwrap();
    assert_eq!(guest.register(1), Some(&b"bcd"[..]));
    guest.call("input", &[1]).unwrap();
    guest.call("write_register", &[1, 2, 0]).unwrap();
    assert_eq!(guest.register(1), Some(&b"bc"[..]));
    guest.call("write_register", &[1, 0, 0]).unwrap();
    assert_eq!(guest.register(1), Some(&[][..]));
}

#[test]
fn reading_and_writing_are_charged_by_the_byte() {
    let charges = charges_in_order(|gas| {
        let mut guest = Guest::with(World::default(), with_gas(gas));
        guest.put(0, b"abc");
        let written = guest.call("write_register", &[1, 3, 0]);
        let _ = written.and_then(|_| guest.call("read_register", &[1, 0]));
        guest
    });
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 3
        BASE 1
        READ_REGISTER_BASE 1
        READ_REGISTER_BYTE 3
        WRITE_MEMORY_BASE 1
        WRITE_MEMORY_BYTE 3
    "]]
    .assert_eq(&charges);
}

#[test]
fn an_unset_register_cannot_be_read() {
    let error = Guest::new().call("read_register", &[9, 0]).unwrap_err();
    assert_eq!(error, NearError::InvalidRegisterId { register_id: 9 });
    assert_eq!(error.to_string(), "Accessed invalid register id: 9");
}

#[test]
fn a_full_set_of_registers_refuses_even_to_overwrite() {
    let mut guest = Guest::new();
    for register in 0..8 {
        guest.call("write_register", &[register, 1, 0]).unwrap();
    }
    assert_eq!(guest.call("write_register", &[0, 1, 0]), Err(NearError::MemoryAccessViolation));
    assert_eq!(guest.register(0), Some(&[0][..]));
}

#[test]
fn a_register_holds_only_so_much() {
    let mut guest = Guest::new();
    guest.call("write_register", &[0, 1_024, 0]).unwrap();
    assert_eq!(guest.call("write_register", &[1, 1_025, 0]), Err(NearError::MemoryAccessViolation));
    // 1,024 and 1,008 bytes with eight more for each are all that registers may take.
    assert_eq!(guest.call("write_register", &[1, 1_009, 0]), Err(NearError::MemoryAccessViolation));
    guest.call("write_register", &[1, 1_008, 0]).unwrap();
    // A register that is replaced makes room for itself.
    guest.call("write_register", &[1, 1_000, 0]).unwrap();
}

#[test]
fn functions_take_registers_in_place_of_memory() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, b"key");
    guest.call("write_register", &[5, len, ptr]).unwrap();
    guest.call("storage_write", &[u64::MAX, 5, u64::MAX, 5, 0]).unwrap();
    assert_eq!(guest.world().storage[&b"key"[..]], b"key");
}
