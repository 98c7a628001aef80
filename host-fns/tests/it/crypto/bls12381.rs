//! What functions of BLS12-381 charge, and what they refuse. That their results are right is shown
//! by the oracle, with published vectors.

use expect_test::expect;
use host_fns::near::NearError;

use crate::guest::{Guest, charges_in_order, with_gas};
use crate::world::World;

/// A sum of two points at infinity.
const SUM: [u64; 3] = [194, 0, 7];

fn with_infinities(mut guest: Guest) -> Guest {
    for at in [1, 98] {
        guest.put(at, &[0x40]);
    }
    guest
}

#[test]
fn elements_are_charged_before_they_are_read() {
    let charges = charges_in_order(|gas| {
        let mut guest = with_infinities(Guest::with(World::default(), with_gas(gas)));
        let _ = guest.call("bls12381_p1_sum", &SUM);
        guest
    });
    expect![[r"
        BLS12381_P1_SUM_BASE 1
        BLS12381_P1_SUM_ELEMENT 2
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 194
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 96
    "]]
    .assert_eq(&charges);
}

#[test]
fn pairs_are_charged_after_they_are_read() {
    let charges = charges_in_order(|gas| {
        let mut guest = Guest::with(World::default(), with_gas(gas));
        let _ = guest.call("bls12381_pairing_check", &[576, 0]);
        guest
    });
    expect![[r"
        BLS12381_PAIRING_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 576
        BLS12381_PAIRING_ELEMENT 2
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_list_in_a_register_costs_more_than_there_is() {
    let mut guest = with_infinities(Guest::new());
    guest.call("write_register", &[5, 194, 0]).unwrap();
    // The length that stands for a register counts as elements.
    let sum = guest.call("bls12381_p1_sum", &[u64::MAX, 5, 7]);
    assert_eq!(sum, Err(NearError::GasLimitExceeded));

    let mut guest = Guest::new();
    guest.put(0, &[0x40]);
    guest.put(96, &[0x40]);
    guest.call("write_register", &[5, 288, 0]).unwrap();
    assert_eq!(guest.call("bls12381_pairing_check", &[u64::MAX, 5]), Ok(0));
}

#[test]
fn refused_elements_leave_the_register_alone() {
    let mut guest = with_infinities(Guest::new());
    guest.call("write_register", &[7, 2, 0]).unwrap();
    guest.put(97, &[2]);
    assert_eq!(guest.call("bls12381_p1_sum", &SUM), Ok(1));
    assert_eq!(guest.register(7), Some(&[0, 0x40][..]));
    guest.put(97, &[1]);
    assert_eq!(guest.call("bls12381_p1_sum", &SUM), Ok(0));
    assert_eq!(guest.register(7).unwrap()[..2], [0x40, 0]);
}

#[test]
fn parts_of_elements_are_refused() {
    for (function, size, name) in [
        ("bls12381_p1_sum", 97, "p1_sum"),
        ("bls12381_p2_sum", 193, "p2_sum"),
        ("bls12381_g1_multiexp", 128, "p1_multiexp"),
        ("bls12381_g2_multiexp", 224, "p2_multiexp"),
        ("bls12381_map_fp_to_g1", 48, "map_fp_to_g1"),
        ("bls12381_map_fp2_to_g2", 96, "map_fp2_to_g2"),
        ("bls12381_pairing_check", 288, "pairing_check"),
        ("bls12381_p1_decompress", 48, "p1_decompress"),
        ("bls12381_p2_decompress", 96, "p2_decompress"),
    ] {
        for len in [1, size - 1, size + 1] {
            let mut guest = Guest::new();
            let args = [len, 0, 0];
            let params = if name == "pairing_check" { 2 } else { 3 };
            let error = guest.call(function, &args[..params]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "BLS12-381 invalid input: Incorrect input length for bls12381_{name}: {len} \
                     is not divisible by {size}"
                )
            );
        }
    }
}
