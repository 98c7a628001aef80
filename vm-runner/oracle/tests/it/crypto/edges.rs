//! Signatures of numbers at the edges of what is allowed, in all combinations: orders, halves of
//! orders, primes, points of small order, digests that are too short or too long.

use super::both::{Both, Call, REGISTER};
use super::pool::hex;
use super::random::sign;

/// The orders of the groups.
const SECP256K1: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const ED25519: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/// The primes of the base fields.
const SECP256K1_PRIME: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const P256_PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const ED25519_PRIME: &str = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";

/// Numbers around zero, half of the number, and the number; and the greatest. Big-endian.
fn around(number: &str) -> Vec<Vec<u8>> {
    let number = hex(number);
    let mut half = number.clone();
    for at in (0..32).rev() {
        let above = if at == 0 { 0 } else { number[at - 1] << 7 };
        half[at] = number[at] >> 1 | above;
    }
    let last = |number: &[u8], by: i8| {
        let mut number = number.to_vec();
        number[31] = number[31].wrapping_add_signed(by);
        number
    };
    let zero = [0; 32];
    let mut edges = vec![zero.to_vec(), last(&zero, 1), half.clone(), last(&half, 1)];
    edges.extend([last(&number, -1), number.clone(), last(&number, 1), vec![0xff; 32]]);
    edges
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

#[test]
fn recoveries_at_the_edges() {
    let both = Both::new();
    let [signature, _] = sign("ecrecover", &[5; 32]);
    let mut scalars = around(SECP256K1);
    let mut coordinates = [around(SECP256K1), around(SECP256K1_PRIME)].concat();
    coordinates.push(signature[..32].to_vec());
    scalars.push(signature[32..64].to_vec());
    let mut recovered = 0;
    for r in &coordinates {
        for s in &scalars {
            for hash in [[0; 32], [5; 32], [0xff; 32]] {
                for v in 0..4 {
                    let both_flags = [0, 1].map(|low_s_only| {
                        let memory = [&hash[..], r, s].concat();
                        let args = vec![32, 0, 64, 32, v, low_s_only, REGISTER];
                        both.agree(&Call { name: "ecrecover", memory, args }).result
                    });
                    recovered += u64::from(both_flags == [Ok(1), Ok(0)]);
                }
            }
        }
    }
    assert!(recovered > 0, "no recovery that a great `s` forbids");
}

#[test]
fn p256_at_the_edges() {
    let both = Both::new();
    let message: Vec<u8> = (0..80).collect();
    let [signature, key] = sign("p256_verify", &message[..32]);
    let (r, s) = signature.split_at(32);
    let agree = |r: &[u8], s: &[u8], digest: &[u8], key: &[u8]| {
        let signature = [r, s].concat();
        both.agree(&Call::of_signature("p256_verify", [&signature, digest, key])).result
    };
    assert_eq!(agree(r, s, &message[..32], &key), Ok(1));
    for r in around(P256).iter().chain([&r.to_vec()]) {
        for s in around(P256).iter().chain([&s.to_vec()]) {
            for digest in [&[0; 32][..], &message[..32]] {
                agree(r, s, digest, &key).unwrap();
            }
        }
    }
    // A digest that is longer than the order is cut to the same.
    for len in 0..message.len() {
        let verified = agree(r, s, &message[..len], &key);
        assert_eq!(verified, Ok(u64::from(len >= 32)), "a digest of {len} bytes");
    }
    for tag in 0..=7 {
        for x in around(P256_PRIME).iter().chain([&key[1..].to_vec()]) {
            agree(r, s, &message[..32], &[&[tag], &x[..]].concat()).unwrap();
        }
    }
}

#[test]
fn ed25519_at_the_edges() {
    let both = Both::new();
    let message = [5; 32];
    let [signature, key] = sign("ed25519_verify", &message);
    // Of order eight; with their negatives and multiples all of small order.
    let small = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let mut points: Vec<Vec<u8>> = small.map(hex).to_vec();
    points.extend(around(ED25519_PRIME).iter().map(|y| reversed(y)));
    for at in 0..points.len() {
        let mut negative = points[at].clone();
        negative[31] ^= 0x80;
        points.push(negative);
    }
    points.extend([signature[..32].to_vec(), key.clone()]);
    let mut scalars: Vec<_> = around(ED25519).iter().map(|scalar| reversed(scalar)).collect();
    scalars.push(signature[32..].to_vec());
    let mut verified = 0;
    for key in &points {
        for nonce in &points {
            for scalar in &scalars {
                let signature = [&nonce[..], scalar].concat();
                let call = Call::of_signature("ed25519_verify", [&signature, &message, key]);
                verified += both.agree(&call).result.unwrap();
            }
        }
    }
    assert!(verified > 1, "no key of small order verified anything");
}
