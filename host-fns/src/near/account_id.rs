//! The rules for account ids: what is one, and which kinds need no registration.

/// Bytes that an account id has at least.
const MIN_BYTES: usize = 2;

/// Bytes that an account id has at most.
const MAX_BYTES: usize = 64;

/// Digits of the base-32 encoding in universal account ids.
const CROCKFORD: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What an account id says about how the account comes to be (NEP-518, NEP-616).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Created by its parent.
    Named,
    /// 64 hexadecimal digits: an Ed25519 key, created by the first transfer.
    NearImplicit,
    /// `0x` and 40 digits: an Ethereum address, created by the first transfer.
    EthImplicit,
    /// `0s` and 40 digits: derived from code and data, created by the first transfer.
    Deterministic,
    /// `0u` and 52 base-32 digits: derived from an initial state, created by the first transfer.
    Universal,
}

/// Whether `text` is a valid account id: 2 to 64 lower-case letters, digits and separators
/// (`-`, `_`, `.`), no separator at an end or next to another.
pub fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_separator = |byte: &u8| matches!(byte, b'-' | b'_' | b'.');
    (MIN_BYTES..=MAX_BYTES).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_separator(byte))
        && !bytes.first().is_some_and(is_separator)
        && !bytes.last().is_some_and(is_separator)
        && !bytes.windows(2).any(|pair| pair.iter().all(is_separator))
}

/// The kind of a valid account id.
pub fn kind(id: &str) -> AccountKind {
    if is_hex(id, 64) {
        AccountKind::NearImplicit
    } else if id.strip_prefix("0x").is_some_and(|digits| is_hex(digits, 40)) {
        AccountKind::EthImplicit
    } else if id.strip_prefix("0s").is_some_and(|digits| is_hex(digits, 40)) {
        AccountKind::Deterministic
    } else if id.strip_prefix("0u").is_some_and(is_universal) {
        AccountKind::Universal
    } else {
        AccountKind::Named
    }
}

/// The universal account id of `hash`: its bits from the highest on, five to a digit, the last
/// digit filled up with zeros.
pub(super) fn universal(hash: &[u8; 32]) -> String {
    let bits_of = |byte: &u8| [128, 64, 32, 16, 8, 4, 2, 1].map(|value| byte & value != 0);
    let bits: Vec<bool> = hash.iter().flat_map(bits_of).collect();
    let digits = bits.chunks(5).map(|bits| {
        let set = [16, 8, 4, 2, 1].into_iter().zip(bits).filter(|(_, set)| **set);
        char::from(CROCKFORD[set.map(|(value, _)| value).sum::<usize>()])
    });
    "0u".chars().chain(digits).collect()
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// 256 bits in 52 digits of five bits: the last digit has only one significant bit.
fn is_universal(digits: &str) -> bool {
    digits.len() == 52
        && digits.bytes().all(|byte| CROCKFORD.contains(&byte))
        && (digits.ends_with('0') || digits.ends_with('g'))
}

#[cfg(test)]
mod tests {
    use super::{AccountKind, is_valid, kind, universal};

    #[test]
    fn accepts_what_near_accepts() {
        for id in
            ["aa", "a-a", "100", "0o", "com", "near", "bo-wen.near", "b_o_w_e-n", "a.b.c", "o0ox"]
        {
            assert!(is_valid(id), "{id}");
        }
        assert!(is_valid(&"a".repeat(64)));
    }

    #[test]
    fn refuses_what_near_refuses() {
        for id in ["", "a", "A", "Abc", "-near", "near-", "a..b", "a._b", "a b", "a@b", "_a", "ü-a"]
        {
            assert!(!is_valid(id), "{id}");
        }
        assert!(!is_valid(&"a".repeat(65)));
    }

    #[test]
    fn tells_the_kinds_apart() {
        let forty = "0123456789abcdef0123456789abcdef01234567";
        let universal = format!("0u{}0", "z".repeat(51));
        assert_eq!(kind("alice.near"), AccountKind::Named);
        assert_eq!(kind(&"0f".repeat(32)), AccountKind::NearImplicit);
        assert_eq!(kind(&"0g".repeat(32)), AccountKind::Named);
        assert_eq!(kind(&format!("0x{forty}")), AccountKind::EthImplicit);
        assert_eq!(kind(&format!("0s{forty}")), AccountKind::Deterministic);
        assert_eq!(kind(&universal), AccountKind::Universal);
        assert_eq!(kind(&universal.replace("z0", "z1")), AccountKind::Named);
    }

    #[test]
    fn a_hash_names_a_universal_account() {
        assert_eq!(universal(&[0; 32]), format!("0u{}", "0".repeat(52)));
        assert_eq!(universal(&[0xff; 32]), format!("0u{}g", "z".repeat(51)));
        let mut counting = [0; 32];
        counting[..5].copy_from_slice(&[0x00, 0x44, 0x32, 0x14, 0xc7]);
        assert_eq!(universal(&counting), format!("0u01234567{}", "0".repeat(44)));
        assert_eq!(kind(&universal(&counting)), AccountKind::Universal);
    }
}
