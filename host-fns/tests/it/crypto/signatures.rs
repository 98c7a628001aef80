//! Project Wycheproof's vectors of signatures: what is valid verifies, what is invalid does not; and
//! those of ed25519-speccheck, on which verifiers differ.

use wycheproof::{TestResult, ecdsa, eddsa, mldsa_verify};

use super::hex;
use crate::guest::Guest;

/// Half of secp256k1's order, the greatest `s` that is not malleable.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Whether a signature verifies. Refusing its length, or the key's, is as good as a no.
fn verifies(function: &str, signature: &[u8], message: &[u8], key: &[u8]) -> bool {
    let mut guest = Guest::new();
    let mut args = Vec::new();
    guest.memory.clear();
    for part in [signature, message, key] {
        args.extend([part.len() as u64, guest.memory.len() as u64]);
        guest.memory.extend(part);
    }
    guest.call(function, &args) == Ok(1)
}

/// A guest with the SHA-256 of a message in register 0.
fn with_digest(message: &[u8]) -> Guest {
    let mut guest = Guest::new();
    guest.memory.clear();
    guest.memory.extend(message);
    guest.call("sha256", &[message.len() as u64, 0, 0]).unwrap();
    guest
}

/// Whether the vectors leave no choice, and what they want.
fn expected(result: TestResult) -> bool {
    assert_ne!(result, TestResult::Acceptable, "none of the sets used here has such tests");
    result == TestResult::Valid
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let verified = verifies("ed25519_verify", &test.sig, &test.msg, &group.key.pk);
            assert_eq!(verified, expected(test.result), "{}: {}", test.tc_id, test.comment);
        }
    }
}

/// Signatures that some verifiers take and others do not: what kind, the message, the key, and
/// the signature.
const EDGES: &str = include_str!("ed25519.txt");

#[test]
fn ed25519_is_verified_without_the_cofactor() {
    for line in EDGES.lines() {
        let [kind, message, key, signature] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let verified = verifies("ed25519_verify", &hex(signature), &hex(message), &hex(key));
        // The equation must hold without the cofactor, for a reduced scalar and the one way to
        // write the nonce's point. Keys and nonces of small order are no reason to refuse.
        assert_eq!(verified, kind == "cofactorless", "{line}");
    }
}

#[test]
fn p256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in set.test_groups {
        let key = compressed(&group.key.key);
        for test in group.tests {
            let mut guest = with_digest(&test.msg);
            guest.memory = [&test.sig[..], &key].concat();
            let signature_len = test.sig.len() as u64;
            let args = [signature_len, 0, u64::MAX, 0, 33, signature_len];
            let verified = guest.call("p256_verify", &args) == Ok(1);
            assert_eq!(verified, expected(test.result), "{}: {}", test.tc_id, test.comment);
        }
    }
}

/// The compressed form of a point.
fn compressed(uncompressed: &[u8]) -> Vec<u8> {
    let (x, y) = uncompressed[1..].split_at(32);
    [&[2 | (y[31] & 1)], x].concat()
}

#[test]
fn secp256k1() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256k1Sha256P1363).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let mut guest = with_digest(&test.msg);
            guest.memory = test.sig.to_vec();
            let mut recovers = |v, malleability_flag| {
                let length = test.sig.len() as u64;
                let args = [u64::MAX, 0, length, 0, v, malleability_flag, 1];
                guest.call("ecrecover", &args) == Ok(1)
                    && guest.register(1).unwrap() == &group.key.key[1..]
            };
            let what = format!("{}: {}", test.tc_id, test.comment);
            // A signature is one of the key when the key is one of those that it leads to.
            let ids: Vec<u64> = (0..4).filter(|v| recovers(*v, 0)).collect();
            assert_eq!(ids.len(), usize::from(expected(test.result)), "{what}");
            for v in ids {
                assert_eq!(recovers(v, 1), test.sig[32..] <= HALF_ORDER[..], "{what}");
            }
        }
    }
}

#[test]
fn ml_dsa_65() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let mut with_context = 0;
    for group in set.test_groups {
        for test in group.tests {
            // NEAR's signatures have no context: those of another one are not NEAR's.
            let no_context = test.ctx.is_none_or(|context| context.is_empty());
            with_context += u32::from(!no_context);
            let verified = verifies("ml_dsa_verify", &test.sig, &test.msg, &group.pubkey);
            let expected = expected(test.result) && no_context;
            assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
        }
    }
    assert!(with_context > 0, "the rule of the context was not needed");
}
