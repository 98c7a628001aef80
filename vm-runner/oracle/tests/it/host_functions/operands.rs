//! Operands of signatures and curves: what is in the guest's memory for them, and arguments that
//! lead there.

use std::sync::LazyLock;

use super::calls::{Dice, ZEROS};
use crate::crypto::pool::{ELEMENTS, MESSAGE, ML_DSA, hex};

/// Where they are in the guest's memory.
const SIGNED: u64 = 4_608;
const P256: u64 = SIGNED + 256;
const ETHEREUM: u64 = SIGNED + 448;
const ML_DSA_SIGNATURE: u64 = 8_192;
const ML_DSA_KEY: u64 = ML_DSA_SIGNATURE + 3_312;
const ML_DSA_MESSAGE: u64 = ML_DSA_KEY + 1_952;
const LISTS: u64 = ML_DSA_MESSAGE + 64;

/// Good elements at the start of each list, and bad ones behind them.
const GOOD: usize = 3;
const BAD: usize = 5;

/// A list of elements for a function.
struct List {
    function: &'static str,
    at: u64,
    element_bytes: u64,
    bytes: Vec<u8>,
}

static IN_MEMORY: LazyLock<Vec<List>> = LazyLock::new(|| {
    let mut at = LISTS;
    let lists = ELEMENTS.iter().map(|(function, elements)| {
        // Bad elements of all kinds: from the whole length of their list.
        let step = elements.bad.len().div_ceil(BAD);
        let chosen = elements.good.iter().take(GOOD).chain(elements.bad.iter().step_by(step));
        let bytes: Vec<u8> = chosen.flatten().copied().collect();
        let element_bytes = elements.good[0].len() as u64;
        let list = List { function, at, element_bytes, bytes };
        at += list.bytes.len() as u64;
        list
    });
    lists.collect()
});

/// What the guest's memory has at the start, and where: below 32 KiB.
pub(super) fn memory() -> impl Iterator<Item = (u64, Vec<u8>)> {
    let [signature, key] = ML_DSA.clone();
    let ml_dsa =
        [(ML_DSA_SIGNATURE, signature), (ML_DSA_KEY, key), (ML_DSA_MESSAGE, MESSAGE.to_vec())];
    let lists = IN_MEMORY.iter().map(|list| (list.at, list.bytes.clone()));
    signed().into_iter().chain(ml_dsa).chain(lists)
}

/// A sensible argument of a function of signatures or curves.
pub(super) fn arg(function: &str, param: &str, dice: &mut Dice) -> Option<u64> {
    if let Some(list) = IN_MEMORY.iter().find(|list| list.function == function) {
        return list.arg(param, dice);
    }
    Some(match (function, param) {
        ("ml_dsa_verify", "sig_len") => 3_309,
        ("ml_dsa_verify", "sig_ptr") => {
            dice.pick(&[ML_DSA_SIGNATURE, ML_DSA_SIGNATURE, ML_DSA_SIGNATURE + 1, ZEROS])
        }
        ("ml_dsa_verify", "msg_len") => dice.pick(&[9, 9, 9, 8, 0]),
        ("ml_dsa_verify", "msg_ptr") => ML_DSA_MESSAGE,
        ("ml_dsa_verify", "pub_key_len") => 1_952,
        ("ml_dsa_verify", "pub_key_ptr") => dice.pick(&[ML_DSA_KEY, ML_DSA_KEY, ML_DSA_KEY + 1]),
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
        _ => return None,
    })
}

impl List {
    fn arg(&self, param: &str, dice: &mut Dice) -> Option<u64> {
        match param {
            "value_ptr" => {
                let element = dice.pick(&[0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
                Some(self.at + element * self.element_bytes)
            }
            "value_len" => {
                let elements = dice.pick(&[0, 1, 1, 2, 2, 3]);
                Some(elements * self.element_bytes + dice.pick(&[0, 0, 0, 0, 0, 1]))
            }
            _ => None,
        }
    }
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
