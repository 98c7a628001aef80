//! Text: logs, panics, and the limits on them.

use expect_test::expect;
use host_fns::near::NearError;

use crate::guest::{Guest, charges_in_order, with_gas};
use crate::world::World;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn logs_in_both_encodings_by_length_and_by_nul() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, "grüße\0".as_bytes());
    guest.call("log_utf8", &[len - 1, ptr]).unwrap();
    guest.call("log_utf8", &[u64::MAX, ptr]).unwrap();
    let [_, ptr] = guest.put(64, &utf16("𝄞 music\0"));
    guest.call("log_utf16", &[u64::MAX, ptr]).unwrap();
    assert_eq!(guest.host.core.logs, ["grüße", "grüße", "𝄞 music"]);
    assert_eq!(guest.call("log_utf8", &[1, 0]), Err(NearError::NumberOfLogsExceeded { limit: 3 }));
}

#[test]
fn charges_of_a_log_by_length() {
    let charges = charges_in_order(|gas| {
        let mut guest = Guest::with(World::default(), with_gas(gas));
        let [len, ptr] = guest.put(0, b"hello");
        let _ = guest.call("log_utf8", &[len, ptr]);
        guest
    });
    expect![[r"
        BASE 1
        UTF8_DECODING_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 5
        UTF8_DECODING_BYTE 5
        LOG_BASE 1
        LOG_BYTE 5
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_nul_terminated_text_is_read_character_by_character() {
    let mut guest = Guest::new();
    let [_, ptr] = guest.put(0, &utf16("ab\0"));
    guest.call("log_utf16", &[u64::MAX, ptr]).unwrap();
    expect![[r"
        BASE 1
        READ_MEMORY_BASE 3
        READ_MEMORY_BYTE 6
        UTF16_DECODING_BASE 1
        UTF16_DECODING_BYTE 4
        LOG_BASE 1
        LOG_BYTE 2
    "]]
    .assert_eq(&guest.charges());
}

#[test]
fn logs_are_limited_together() {
    let mut guest = Guest::new();
    guest.memory[..300].fill(b'x');
    guest.call("log_utf8", &[150, 0]).unwrap();
    assert_eq!(
        guest.call("log_utf8", &[51, 0]),
        Err(NearError::TotalLogLengthExceeded { length: 201, limit: 200 })
    );
    assert_eq!(
        guest.call("log_utf8", &[u64::MAX, 0]),
        Err(NearError::TotalLogLengthExceeded { length: 201, limit: 200 })
    );
    guest.call("log_utf8", &[50, 0]).unwrap();
}

#[test]
fn utf16_text_can_outgrow_its_bytes() {
    // 99 units of two bytes fit, but as UTF-8 they take three bytes each.
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, &utf16(&"€".repeat(99)));
    assert_eq!(
        guest.call("log_utf16", &[len, ptr]),
        Err(NearError::TotalLogLengthExceeded { length: 594, limit: 200 })
    );
    assert!(guest.host.core.logs.is_empty());
}

#[test]
fn broken_text_is_refused() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, &[b'a', 0xff]);
    assert_eq!(guest.call("log_utf8", &[len, ptr]), Err(NearError::BadUTF8));
    assert_eq!(guest.call("panic_utf8", &[len, ptr]), Err(NearError::BadUTF8));
    assert_eq!(guest.call("log_utf16", &[3, 0]), Err(NearError::BadUTF16));
    let [len, ptr] = guest.put(0, &0xd800u16.to_le_bytes());
    assert_eq!(guest.call("log_utf16", &[len, ptr]), Err(NearError::BadUTF16));
}

#[test]
fn panics_carry_their_message() {
    let mut guest = Guest::new();
    let [len, ptr] = guest.put(0, b"no");
    let panic = |message: &str| Err(NearError::GuestPanic { panic_msg: message.to_owned() });
    assert_eq!(guest.call("panic", &[]), panic("explicit guest panic"));
    assert_eq!(guest.call("panic_utf8", &[len, ptr]), panic("no"));
    assert_eq!(panic("no").unwrap_err().to_string(), "Smart contract panicked: no");
}

#[test]
fn an_assemblyscript_abort_is_logged_too() {
    let mut guest = Guest::new();
    guest.put(0, &4u32.to_le_bytes());
    guest.put(4, &utf16("oh"));
    guest.put(96, &8u32.to_le_bytes());
    guest.put(100, &utf16("m.ts"));
    let message = "oh, filename: \"m.ts\" line: 7 col: 9";
    assert_eq!(
        guest.call("abort", &[4, 100, 7, 9]),
        Err(NearError::GuestPanic { panic_msg: message.to_owned() })
    );
    assert_eq!(guest.host.core.logs, [format!("ABORT: {message}")]);
    assert_eq!(guest.call("abort", &[3, 100, 7, 9]), Err(NearError::BadUTF16));
}
