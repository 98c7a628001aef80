//! Operands of signatures and curves: what is in the guest's memory for them, and arguments that
//! lead there.

use super::calls::{Dice, KEYS, ZEROS};

/// Where they are in the guest's memory.
const SIGNED: u64 = 4_608;
const P256: u64 = SIGNED + 256;
const ETHEREUM: u64 = SIGNED + 448;
const BN_SUM: u64 = SIGNED + 576;
const BN_MULTIEXP: u64 = SIGNED + 720;
const BN_PAIRING: u64 = SIGNED + 960;

/// What the guest's memory has at the start, and where.
pub(super) fn memory() -> impl Iterator<Item = (u64, Vec<u8>)> {
    signed().into_iter().chain(points())
}

/// A sensible argument of a function of signatures or curves.
pub(super) fn arg(function: &str, param: &str, dice: &mut Dice) -> Option<u64> {
    Some(match (function, param) {
        (_, "sig_len") => 64,
        ("ed25519_verify", "sig_ptr") => dice.pick(&[SIGNED, SIGNED, SIGNED + 1]),
        ("ed25519_verify", "msg_len") => 1,
        ("ed25519_verify", "msg_ptr") => SIGNED + 64,
        ("ed25519_verify", "pub_key_len") | ("ecrecover", "hash_len") => 32,
        ("ed25519_verify", "pub_key_ptr") => SIGNED + 128,
        ("p256_verify", "sig_ptr") => dice.pick(&[P256, P256, P256 + 1, ZEROS]),
        ("p256_verify", "msg_len") => dice.pick(&[32, 32, 5, 100]),
        ("p256_verify", "msg_ptr") => P256 + 64,
        ("p256_verify", "pub_key_len") => 33,
        ("p256_verify", "pub_key_ptr") => dice.pick(&[P256 + 96, P256 + 96, ZEROS]),
        ("ecrecover", "hash_ptr") => dice.pick(&[ETHEREUM + 64, ETHEREUM + 65, P256]),
        ("ecrecover", "sig_ptr") => {
            dice.pick(&[ETHEREUM, ETHEREUM, ETHEREUM + 1, P256, SIGNED, ZEROS])
        }
        ("ecrecover", "v") => dice.pick(&[0, 1, 0, 1, 2, 3, 4]),
        ("ecrecover", "malleability_flag") => dice.pick(&[0, 0, 0, 1, 2]),
        ("alt_bn128_g1_sum", "value_len") => dice.pick(&[0, 65, 130, 130, 66]),
        ("alt_bn128_g1_sum", "value_ptr") => dice.pick(&[BN_SUM, BN_SUM, BN_SUM + 1]),
        ("alt_bn128_g1_multiexp", "value_len") => dice.pick(&[0, 96, 192, 192, 97]),
        ("alt_bn128_g1_multiexp", "value_ptr") => {
            dice.pick(&[BN_MULTIEXP, BN_MULTIEXP, BN_MULTIEXP + 1, KEYS + 160])
        }
        ("alt_bn128_pairing_check", "value_len") => dice.pick(&[0, 192, 384, 384, 193]),
        ("alt_bn128_pairing_check", "value_ptr") => {
            dice.pick(&[BN_PAIRING, BN_PAIRING, ZEROS, BN_PAIRING + 32])
        }
        _ => return None,
    })
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Signatures, what they sign, and keys: RFC 8032, 7.1, test 2; RFC 6979, A.2.5, "sample" with
/// SHA-256; Ethereum's test of its precompile, which has no key.
fn signed() -> [(u64, Vec<u8>); 8] {
    let ed25519 = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                   085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let ed25519_key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let p256 = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    let p256_digest = "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf";
    let p256_key = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
    let ethereum = "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
                    eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";
    let ethereum_digest = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c";
    [
        (SIGNED, hex(ed25519)),
        (SIGNED + 64, vec![0x72]),
        (SIGNED + 128, hex(ed25519_key)),
        (P256, hex(p256)),
        (P256 + 64, hex(p256_digest)),
        (P256 + 96, hex(p256_key)),
        (ETHEREUM, hex(ethereum)),
        (ETHEREUM + 64, hex(ethereum_digest)),
    ]
}

/// Two elements for each function of `alt_bn128`, made of the generators.
fn points() -> [(u64, Vec<u8>); 3] {
    let number = |hexadecimal: &str| hex(hexadecimal).into_iter().rev().collect::<Vec<u8>>();
    let small = |value: u8| number(&format!("{value:064x}"));
    let g1 = [small(1), small(2)].concat();
    let g2 = [
        "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
        "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
        "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa",
        "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
    ];
    let g2 = g2.map(number).concat();
    [
        (BN_SUM, [&[0], &g1[..], &[1], &g1[..]].concat()),
        (BN_MULTIEXP, [&g1[..], &small(2), &g1, &small(9)].concat()),
        (BN_PAIRING, [&g1[..], &g2, &g1, &g2].concat()),
    ]
}
