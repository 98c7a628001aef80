//! Host functions that need neither an engine nor a chain: memory, registers, text, hashes, promises.

use std::panic::Location;
use std::sync::Arc;

use super::Bed;
use super::scene::{Call, prepared};
use crate::case::{Case, grid, often, repeated, sized};

/// Bytes whose hashes have whole blocks: 136, 104 and 72 (SHA-3) and 64 are in all of them but the
/// smallest.
const HASHED: &[u64] = &[0, 14_144, 63_648];
/// As many bytes as the allocator keeps at hand: what it takes to find more depends on what was there
/// before, and is another thing in every run. The price fits more bytes as well.
const COPIED: &[u64] = &[64, 256, 512, 1_000];
const TEXT: &[u64] = &[64, 1_024, 4_096, 15_360];
/// From some promises on, a list does not grow with every few of them. A chain takes 128.
const JOINED: &[u64] = &[32, 64, 128];

/// A case of the function `name`, called as `make` says for a size.
#[track_caller]
pub(super) fn direct(
    bed: &Bed,
    name: &'static str,
    prices: &[&str],
    each: &[u64],
    make: impl Fn(u64) -> anyhow::Result<Call> + Send + Sync + 'static,
) -> Case {
    let (config, names) = (Arc::clone(&bed.host), Arc::clone(&bed.names));
    let sizes = if each.is_empty() { repeated() } else { sized(each) };
    Case::new(name, prices, sizes, move |size| {
        prepared(&config, &names, name, size, &make(size.each)?)
    })
    .written_at(Location::caller())
}

/// The same for a function that takes so little that it is called more often.
#[track_caller]
fn light(
    bed: &Bed,
    name: &'static str,
    prices: &[&str],
    each: &[u64],
    make: impl Fn(u64) -> anyhow::Result<Call> + Send + Sync + 'static,
) -> Case {
    let mut case = direct(bed, name, prices, each, make);
    case.sizes = if each.is_empty() { grid(&[32, 96, 256], &[0]) } else { often(each) };
    case
}

/// The bytes of something that is `length` long and repeats late.
pub(super) fn noise(length: u64) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let mut cases = vec![
        named(
            "memory to value_return",
            light(
                bed,
                "value_return",
                &["wasm_read_memory_base", "wasm_read_memory_byte"],
                COPIED,
                |n| Ok(Call::new().bytes(&noise(n))),
            ),
        ),
        named(
            "register to value_return",
            light(
                bed,
                "value_return",
                &["wasm_read_register_base", "wasm_read_register_byte"],
                COPIED,
                |n| Ok(Call::new().register(1, noise(n)).number(u64::MAX).number(1)),
            ),
        ),
        light(
            bed,
            "read_register",
            &["wasm_write_memory_base", "wasm_write_memory_byte"],
            COPIED,
            |n| Ok(Call::new().register(1, noise(n)).number(1).pointer(&noise(n))),
        ),
        light(
            bed,
            "write_register",
            &["wasm_write_register_base", "wasm_write_register_byte"],
            COPIED,
            |n| Ok(Call::new().number(1).bytes(&noise(n))),
        ),
        light(
            bed,
            "panic_utf8",
            &["wasm_utf8_decoding_base", "wasm_utf8_decoding_byte"],
            TEXT,
            |n| Ok(Call::new().bytes(&letters(n))),
        ),
        // With the log that it becomes, which is little beside the decoding.
        light(
            bed,
            "log_utf16",
            &["wasm_utf16_decoding_base", "wasm_utf16_decoding_byte"],
            TEXT,
            |n| {
                let text: Vec<u8> =
                    letters(n / 2).into_iter().flat_map(|byte| [byte, 0x04]).collect();
                Ok(Call::new().bytes(&text))
            },
        ),
    ];
    cases.extend(hashes(bed));
    cases.extend(promises(bed));
    cases
}

/// The same under a name of its own, where a function has two cases.
fn named(name: &str, mut case: Case) -> Case {
    name.clone_into(&mut case.name);
    case
}

/// Valid text whose letters take one, two and three bytes, which is longer to decode than ASCII.
pub(super) fn letters(bytes: u64) -> Vec<u8> {
    /// Eight bytes, so that every size is whole letters.
    const LETTERS: &[u8] = "aß€zz".as_bytes();
    LETTERS.iter().copied().cycle().take(usize::try_from(bytes).unwrap_or(0)).collect()
}

fn hashes(bed: &Bed) -> Vec<Case> {
    const HASHES: &[(&str, [&str; 2])] = &[
        ("sha256", ["wasm_sha256_base", "wasm_sha256_byte"]),
        ("keccak256", ["wasm_keccak256_base", "wasm_keccak256_byte"]),
        ("keccak512", ["wasm_keccak512_base", "wasm_keccak512_byte"]),
        ("sha3_256", ["wasm_sha3_256_base", "wasm_sha3_256_byte"]),
        ("sha3_384", ["wasm_sha3_384_base", "wasm_sha3_384_byte"]),
        ("sha3_512", ["wasm_sha3_512_base", "wasm_sha3_512_byte"]),
        ("ripemd160", ["wasm_ripemd160_base", "wasm_ripemd160_block"]),
    ];
    let case = |(name, prices): &(&'static str, [&str; 2])| {
        direct(bed, name, prices, HASHED, |n| Ok(Call::new().bytes(&noise(n)).number(0)))
    };
    HASHES.iter().map(case).collect()
}

fn promises(bed: &Bed) -> Vec<Case> {
    vec![
        light(
            bed,
            "promise_and",
            &["wasm_promise_and_base", "wasm_promise_and_per_promise"],
            JOINED,
            |n| {
                let mut call = Call::new();
                let account = call.place(b"bob.near");
                for _ in 0..n {
                    call = call.after("promise_batch_create", vec![8, account]);
                }
                let promises: Vec<u8> = (0..n).flat_map(u64::to_le_bytes).collect();
                Ok(call.pointer(&promises).number(n))
            },
        ),
        light(bed, "promise_return", &["wasm_promise_return"], &[], |_| {
            let mut call = Call::new();
            let account = call.place(b"bob.near");
            Ok(call.after("promise_batch_create", vec![8, account]).number(0))
        }),
        light(bed, "validator_stake", &["wasm_validator_stake_base"], &[], |_| {
            Ok(Call::new().bytes(b"validator-50.near").pointer(&[0; 16]))
        }),
        light(bed, "validator_total_stake", &["wasm_validator_total_stake_base"], &[], |_| {
            Ok(Call::new().pointer(&[0; 16]))
        }),
    ]
}
