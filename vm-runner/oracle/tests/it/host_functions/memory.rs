//! What is in the guest's memory, for pointers to point to.

use super::operands;

/// Bytes with something in them, and after them what calls may write.
pub(crate) const IMAGE_BYTES: usize = 32_768;

/// Account ids, each in a slot of 64 bytes from 0.
pub(super) const ACCOUNTS: [&str; 8] = [
    "alice.near",
    "bob.near",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0x0123456789abcdef0123456789abcdef01234567",
    "0s0123456789abcdef0123456789abcdef01234567",
    "0u0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjg",
    "Not.An.Account",
    "a",
];

/// Where the rest is.
pub(super) const TEXT: u64 = 512;
pub(super) const BAD_TEXT: u64 = TEXT + 128;
pub(super) const UTF16: u64 = 768;
pub(super) const BAD_UTF16: u64 = UTF16 + 64;
pub(super) const KEYS: u64 = 1_024;
pub(super) const STATES: u64 = 3_328;
pub(super) const AMOUNTS: u64 = 4_096;
pub(super) const INDICES: u64 = 4_352;
pub(super) const ZEROS: u64 = 6_144;

/// Amounts, of 16 bytes each.
pub(super) const AMOUNT_VALUES: [u128; 6] = [0, 1, 7, 1_000, u64::MAX as u128, u128::MAX];

/// Universal states: empty; one entry; one key; an entry twice; cut off; one byte too many.
pub(super) const STATE_VALUES: [&[u8]; 7] = [
    b"\0\0\0\0\0\0\0\0\0\0",
    b"\0\0\x01\0\0\0\x01\0\0\0a\x01\0\0\0b\0\0\0\0",
    b"\0\0\0\0\0\0\x01\0\0\0\0aaaabbbbccccddddeeeeffffgggghhhh",
    b"\0\0\x02\0\0\0\x01\0\0\0a\0\0\0\0\x01\0\0\0a\0\0\0\0\0\0\0\0",
    b"\0\0\0",
    b"\0\0\0\0\0\0\0\0\0\0\0",
    b"",
];

/// Memory at the start.
pub(super) fn image() -> Vec<u8> {
    let mut image = vec![0; IMAGE_BYTES];
    let mut put = |at: u64, bytes: &[u8]| {
        image[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    };
    for (at, account) in (0..).step_by(64).zip(ACCOUNTS) {
        put(at, account.as_bytes());
    }
    put(TEXT, "method,other,grüße\0".as_bytes());
    put(BAD_TEXT, &[0xff, 0xfe, 0xc3, 0x28]);
    let utf16: Vec<u8> = "abort 𝄞\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    put(UTF16 - 4, &[16, 0, 0, 0]);
    put(UTF16, &utf16);
    // A surrogate alone.
    put(BAD_UTF16 - 4, &[4, 0, 0, 0]);
    put(BAD_UTF16, &[0x00, 0xd8, 0x41, 0x00]);
    put(KEYS, &[0; 33]);
    put(KEYS + 64, &[1; 65]);
    put(KEYS + 160, &[2; 1_953]);
    put(KEYS + 2_200, &[3; 33]);
    for (at, state) in (STATES..).step_by(64).zip(STATE_VALUES) {
        put(at, state);
    }
    for (at, amount) in (AMOUNTS..).step_by(16).zip(AMOUNT_VALUES) {
        put(at, &amount.to_le_bytes());
    }
    for (at, index) in (INDICES..).step_by(8).zip([0u64, 0, 0, 1, 9, u64::MAX]) {
        put(at, &index.to_le_bytes());
    }
    for (at, bytes) in operands::memory() {
        put(at, &bytes);
    }
    image
}
