//! Hashes against published digests, signatures and curves against published vectors.

use expect_test::expect;
use host_fns::near::NearError;

use crate::guest::{Guest, charges_in_order, with_gas};
use crate::world::World;

mod alt_bn128;
mod bls12381;
mod signatures;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn hashes_of_abc() {
    for (name, digest) in [
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("keccak256", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (
            "keccak512",
            "18587dc2ea106b9a1563e32b3312421ca164c7f1f07bc922a9c83d77cea3a1e5\
             d0c69910739025372dc14ac9642629379540c17e2a65b19d77aa511a9d00bb96",
        ),
        ("sha3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            "sha3_384",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2\
             98d88cea927ac7f539f1edf228376d25",
        ),
        (
            "sha3_512",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        ("ripemd160", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
    ] {
        let mut guest = Guest::new();
        let [len, ptr] = guest.put(0, b"abc");
        guest.call(name, &[len, ptr, 0]).unwrap();
        assert_eq!(guest.register(0), Some(&hex(digest)[..]), "{name}");
    }
}

#[test]
fn ripemd_is_charged_by_the_padded_block() {
    for (len, blocks) in [(0, 1), (55, 1), (56, 2), (119, 2), (120, 3)] {
        let mut guest = Guest::new();
        guest.call("ripemd160", &[len, 0, 0]).unwrap();
        assert!(guest.charges().contains(&format!("RIPEMD160_BLOCK {blocks}\n")), "{len}");
    }
}

/// RFC 8032, 7.1, test 2: key, signature of the byte 0x72.
const KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

#[test]
fn ed25519_signatures() {
    let mut guest = Guest::new();
    guest.put(0, &hex(SIGNATURE));
    guest.put(64, &hex(KEY));
    guest.put(96, &[0x72]);
    let args = [64, 0, 1, 96, 32, 64];
    assert_eq!(guest.call("ed25519_verify", &args), Ok(1));
    expect![[r"
        READ_MEMORY_BASE 3
        READ_MEMORY_BYTE 97
        ED25519_VERIFY_BASE 1
        ED25519_VERIFY_BYTE 1
    "]]
    .assert_eq(&guest.charges());
    guest.put(96, &[0x73]);
    assert_eq!(guest.call("ed25519_verify", &args), Ok(0));
    let invalid = |msg: &str| Err(NearError::Ed25519VerifyInvalidInput { msg: msg.to_owned() });
    assert_eq!(
        guest.call("ed25519_verify", &[63, 0, 1, 96, 32, 64]),
        invalid("invalid signature length")
    );
    assert_eq!(
        guest.call("ed25519_verify", &[64, 0, 1, 96, 31, 64]),
        invalid("invalid public key length")
    );
}

#[test]
fn a_signature_with_an_unreduced_scalar_is_refused_before_the_message_is_read() {
    let mut guest = Guest::new();
    guest.put(0, &[0xff; 64]);
    assert_eq!(guest.call("ed25519_verify", &[64, 0, 1, u64::MAX, 32, 64]), Ok(0));
}

/// RFC 6979, A.2.5, SHA-256 of "sample": compressed key, signature.
const P256_KEY: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const P256_SIGNATURE: &str = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                              f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
const P256_DIGEST: &str = "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf";

#[test]
fn p256_signatures() {
    let mut guest = Guest::new();
    guest.put(0, &hex(P256_SIGNATURE));
    guest.put(64, &hex(P256_DIGEST));
    guest.put(96, &hex(P256_KEY));
    let args = [64, 0, 32, 64, 33, 96];
    assert_eq!(guest.call("p256_verify", &args), Ok(1));
    expect![[r"
        READ_MEMORY_BASE 3
        READ_MEMORY_BYTE 129
        P256_VERIFY_BASE 1
        P256_VERIFY_BYTE 32
    "]]
    .assert_eq(&guest.charges());
    guest.put(64, &[0]);
    assert_eq!(guest.call("p256_verify", &args), Ok(0));
    guest.put(0, &[0; 32]);
    assert_eq!(guest.call("p256_verify", &args), Ok(0));
    let invalid = |msg: &str| Err(NearError::P256VerifyInvalidInput { msg: msg.to_owned() });
    assert_eq!(
        guest.call("p256_verify", &[63, 0, 32, 64, 33, 96]),
        invalid("invalid signature length")
    );
    guest.put(0, &hex(P256_SIGNATURE));
    assert_eq!(
        guest.call("p256_verify", &[64, 0, 32, 64, 32, 96]),
        invalid("invalid public key length")
    );
}

#[test]
fn ml_dsa_lengths_are_refused_in_turn() {
    let charges = charges_in_order(|gas| {
        let mut guest = Guest::with(World::default(), with_gas(gas));
        let _ = guest.call("ml_dsa_verify", &[3_309, 0, 5, 0, 1_952, 0]);
        guest
    });
    expect![[r"
        ML_DSA_VERIFY_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3309
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 5
        ML_DSA_VERIFY_BYTE 5
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 1952
    "]]
    .assert_eq(&charges);
    let message = |args: &[u64]| Guest::new().call("ml_dsa_verify", args).unwrap_err().to_string();
    // The message is not read when the signature is no signature.
    assert_eq!(
        message(&[3_308, 0, u64::MAX, 9, 1_952, 0]),
        "ML-DSA-65 signature verification error: invalid signature length: expected the input of \
         3309 bytes, but 3308 was given"
    );
    assert_eq!(
        message(&[3_309, 0, 5, 0, 1_953, 0]),
        "ML-DSA-65 signature verification error: invalid key length: expected the input of 1952 \
         bytes, but 1953 was given"
    );
}

/// Ethereum's test of its precompile: digest, signature with the higher `s`, address of the key.
const ETH_DIGEST: &str = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c";
const ETH_SIGNATURE: &str = "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
                             eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";
const ETH_ADDRESS: &str = "a94f5374fce5edbc8e2a8697c15331677e6ebf0b";

#[test]
fn secp256k1_keys_are_recovered() {
    let mut guest = Guest::new();
    guest.put(0, &hex(ETH_SIGNATURE));
    guest.put(64, &hex(ETH_DIGEST));
    let recover = |v, flag| [32, 64, 64, 0, v, flag, 1];
    assert_eq!(guest.call("ecrecover", &recover(1, 0)), Ok(1));
    guest.call("keccak256", &[u64::MAX, 1, 2]).unwrap();
    assert_eq!(guest.register(2).unwrap()[12..], hex(ETH_ADDRESS));
    // The flag refuses the higher `s`; another `v` is another key, or none.
    assert_eq!(guest.call("ecrecover", &recover(1, 1)), Ok(0));
    assert_eq!(guest.call("ecrecover", &recover(0, 0)), Ok(1));
    guest.call("keccak256", &[u64::MAX, 1, 2]).unwrap();
    assert_ne!(guest.register(2).unwrap()[12..], hex(ETH_ADDRESS));
    assert_eq!(guest.call("ecrecover", &recover(2, 0)), Ok(0));
    let invalid = |msg: &str| Err(NearError::ECRecoverError { msg: msg.to_owned() });
    assert_eq!(
        guest.call("ecrecover", &recover(4, 0)),
        invalid("V recovery byte 0 through 3 are valid but was provided 4")
    );
    assert_eq!(
        guest.call("ecrecover", &recover(0, 2)),
        invalid("Malleability flag needs to be 0 or 1, but is instead 2")
    );
    assert_eq!(
        guest.call("ecrecover", &[31, 64, 64, 0, 0, 0, 1]),
        invalid("The length of the hash: 31, exceeds the limit of 32 bytes")
    );
}

/// A number of `alt_bn128`, little-endian, from its usual notation.
fn number(hexadecimal: &str) -> Vec<u8> {
    hex(hexadecimal).into_iter().rev().collect()
}

/// The generators of G1 and G2.
fn generators() -> [Vec<u8>; 2] {
    let small = |value: u8| number(&format!("{value:064x}"));
    let g2 = [
        "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
        "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
        "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa",
        "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
    ];
    [[small(1), small(2)].concat(), g2.map(number).concat()]
}

#[test]
fn sums_and_pairings_of_alt_bn128() {
    let [g1, g2] = generators();
    let mut guest = Guest::new();
    let mut result = |name: &str, value: &[u8]| {
        let [len, ptr] = guest.put(0, value);
        guest.call(name, &[len, ptr, 0]).map(|_| guest.register(0).unwrap().to_vec())
    };
    let signed = |sign: u8| [&[sign][..], &g1].concat();
    let doubled = result("alt_bn128_g1_sum", &[signed(0), signed(0)].concat()).unwrap();
    let two = number(&format!("{:064x}", 2));
    assert_eq!(result("alt_bn128_g1_multiexp", &[&g1[..], &two].concat()).unwrap(), doubled);
    let nothing = result("alt_bn128_g1_sum", &[signed(0), signed(1)].concat()).unwrap();
    assert_eq!(nothing, [0; 64]);
    let negative = result("alt_bn128_g1_sum", &signed(1)).unwrap();

    let pairs = [&g1[..], &g2, &negative, &g2].concat();
    let [len, ptr] = guest.put(0, &pairs);
    assert_eq!(guest.call("alt_bn128_pairing_check", &[len, ptr]), Ok(1));
    assert_eq!(guest.call("alt_bn128_pairing_check", &[len / 2, ptr]), Ok(0));
    assert_eq!(guest.call("alt_bn128_pairing_check", &[0, ptr]), Ok(1));
}

#[test]
fn malformed_points_of_alt_bn128_are_refused() {
    let mut guest = Guest::new();
    let message = |error: NearError| error.to_string();
    guest.put(1, &[9]);
    let error = guest.call("alt_bn128_g1_sum", &[65, 0, 0]).unwrap_err();
    assert!(message(error).starts_with("AltBn128 invalid input: invalid g1: [9, 0, "));
    guest.put(0, &[2]);
    let error = guest.call("alt_bn128_g1_sum", &[65, 0, 0]).unwrap_err();
    assert_eq!(message(error), "AltBn128 invalid input: invalid bool: [2]");
    guest.put(0, &[0xff; 32]);
    let error = guest.call("alt_bn128_g1_multiexp", &[96, 0, 0]).unwrap_err();
    assert!(message(error).starts_with("AltBn128 invalid input: invalid fq: [FF, FF, "));
    let error = guest.call("alt_bn128_pairing_check", &[193, 0]).unwrap_err();
    assert_eq!(
        message(error),
        "AltBn128 invalid input: slice of size 193 cannot be precisely split into chunks of size 192"
    );
}
