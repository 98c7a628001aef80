//! Random lists of elements, signatures of random messages, and damage to both.

use std::sync::LazyLock;

use near_crypto::{KeyType, SecretKey, Signature};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;

use super::both::{Both, Call, REGISTER};
use super::pool::ELEMENTS;
use crate::programs::Rng;

/// How many calls are tried of each function; `ORACLE_CALLS` asks for more.
const CALLS: u64 = 60;

fn calls() -> u64 {
    std::env::var("ORACLE_CALLS").map_or(CALLS, |calls| calls.parse().expect("a number"))
}

#[test]
fn random_lists() {
    let both = Both::new();
    for name in ELEMENTS.keys() {
        for seed in 0..calls() {
            let mut rng = Rng::new(seed);
            both.agree(&list(name, &mut rng));
        }
    }
}

/// Mostly good elements; one call in two is damaged in some way.
fn list(name: &'static str, rng: &mut Rng) -> Call {
    let elements = &ELEMENTS[name];
    let mut value = Vec::new();
    // More than a few now and then: pairings are computed in groups of sixteen.
    let count = if rng.chance(4) { 15 + rng.below(4) } else { rng.below(5) };
    for _ in 0..count {
        value.extend(rng.pick(&elements.good));
    }
    match rng.below(6) {
        0 if !elements.bad.is_empty() => value.extend(rng.pick(&elements.bad)),
        1 => damage(&mut value, rng),
        2 => value.truncate(rng.index(value.len())),
        _ => {}
    }
    let mut call = Call::of_value(name, value);
    if rng.chance(5) {
        // In a register that is not set; most lists are charged before they are read.
        call.args[0] = u64::MAX;
    }
    call
}

#[test]
fn random_signatures() {
    let both = Both::new();
    for name in ["ed25519_verify", "p256_verify", "ml_dsa_verify", "ecrecover"] {
        let mut good = 0;
        for seed in 0..calls() {
            let mut rng = Rng::new(seed);
            let message = rng.bytes(32);
            let [mut signature, mut key] = sign(name, &message);
            let mut message = message;
            let whole = !rng.chance(60);
            if !whole {
                match rng.below(8) {
                    0..3 => damage(&mut signature, &mut rng),
                    3 => damage(&mut message, &mut rng),
                    4..6 => damage(&mut key, &mut rng),
                    6 => signature.truncate(rng.index(signature.len())),
                    _ => key.truncate(rng.index(key.len())),
                }
            }
            let call = if name == "ecrecover" {
                recovery(&signature, &message, &mut rng)
            } else {
                Call::of_signature(name, [&signature, &message, &key])
            };
            let outcome = both.agree(&call);
            good += u64::from(outcome.result == Ok(1));
        }
        assert!(good > calls() / 5, "{name}: {good} good signatures");
    }
}

/// A signature of the message, and the key.
pub(super) fn sign(name: &str, message: &[u8]) -> [Vec<u8>; 2] {
    static KEYS: LazyLock<[SecretKey; 3]> = LazyLock::new(|| {
        [KeyType::ED25519, KeyType::SECP256K1, KeyType::MLDSA65]
            .map(|key_type| SecretKey::from_seed(key_type, "oracle"))
    });
    static P256_KEY: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::from_slice(&[7; 32]).unwrap());
    let key = match name {
        "ed25519_verify" => &KEYS[0],
        "ecrecover" => &KEYS[1],
        "ml_dsa_verify" => &KEYS[2],
        _ => {
            let signature: p256::ecdsa::Signature = P256_KEY.sign_prehash(message).unwrap();
            let key = P256_KEY.verifying_key().to_encoded_point(true);
            return [signature.to_vec(), key.as_bytes().to_vec()];
        }
    };
    let signature = match key.sign(message) {
        Signature::ED25519(signature) => signature.to_bytes().to_vec(),
        Signature::SECP256K1(signature) => <[u8; 65]>::from(signature).to_vec(),
        Signature::MLDSA65(signature) => signature.0.to_vec(),
    };
    // In borsh, the byte of a tag is in front.
    [signature, borsh::to_vec(&key.public_key()).unwrap()[1..].to_vec()]
}

/// A recovery from a signature whose last byte says which key.
fn recovery(signature: &[u8], hash: &[u8], rng: &mut Rng) -> Call {
    let (rs, v) = signature.split_at(signature.len().min(64));
    let v = match v {
        [v] if *v < 4 && rng.chance(80) => u64::from(*v),
        _ => rng.below(5),
    };
    let memory = [rs, hash].concat();
    let (rs_bytes, hash_bytes) = (rs.len() as u64, hash.len() as u64);
    let flag = *rng.pick(&[0, 0, 0, 1, 2]);
    let args = vec![hash_bytes, rs_bytes, rs_bytes, 0, v, flag, REGISTER];
    Call { name: "ecrecover", memory, args }
}

/// Flips bits and sets bytes.
fn damage(bytes: &mut [u8], rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..=rng.below(2) {
        let at = rng.index(bytes.len());
        match rng.below(3) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = 0,
            _ => bytes[at..].fill(0xff),
        }
    }
}
