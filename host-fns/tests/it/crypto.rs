//! Hashes against published digests, signatures against RFC 8032.

use expect_test::expect;
use host_fns::near::NearError;

use crate::guest::Guest;

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
