//! Modules that are cut off or changed at random: both implementations accept the same ones,
//! refuse the others with the same error, and run those that are still modules the same.

use std::collections::BTreeMap;

use fixtures::{Case, TGAS};
use oracle::Oracle;

use crate::programs::{self, Rng};
use crate::{agree, same_refusal};

/// Modules of up to this size are cut off everywhere.
const SMALL: usize = 3_000;

/// And larger ones than these take too long to be changed often.
const MODERATE: usize = 100_000;

/// Changed modules of each original; `ORACLE_MODULES` asks for more.
const CHANGED: u64 = 250;

/// What of a changed module is run, of those that are accepted.
const RUN_ONE_IN: u64 = 12;

const PROGRAM: programs::Flavour = programs::Flavour {
    name: "changed",
    hosts: 10,
    wild: 10,
    counted: 30,
    deep: false,
    gas: TGAS / 4,
};

/// The fixtures that are valid modules of moderate size, and some programs.
fn originals() -> Vec<(String, Vec<u8>)> {
    let mut originals: Vec<_> = fixtures::ALL
        .iter()
        .map(|module| (module.name.to_owned(), module.code()))
        .filter(|(_, code)| code.len() <= MODERATE)
        .collect();
    originals
        .extend((0..6).map(|seed| (format!("program {seed}"), programs::program(PROGRAM, seed))));
    originals
}

#[test]
fn modules_that_are_cut_off() {
    let oracle = Oracle::new();
    for (name, wasm) in originals() {
        if wasm.len() > SMALL {
            continue;
        }
        for len in 0..wasm.len() {
            let _ = same_refusal(&oracle, &wasm[..len], &|| format!("{name} cut at {len}"));
        }
    }
}

#[test]
fn a_contract_on_near_sdk_that_is_cut_off() {
    let oracle = Oracle::new();
    let wasm = fixtures::wasm("status");
    let mut rng = Rng::new(3);
    for _ in 0..40 {
        let len = rng.index(wasm.len());
        let _ = same_refusal(&oracle, &wasm[..len], &|| format!("status cut at {len}"));
    }
}

#[test]
fn modules_with_other_bytes() {
    let oracle = Oracle::new();
    let count = std::env::var("ORACLE_MODULES").ok().and_then(|count| count.parse().ok());
    let mut said = BTreeMap::<String, u64>::new();
    for (name, original) in originals() {
        let mut rng = Rng::new(7);
        let methods = fixtures::ALL.iter().find(|module| module.name == name);
        let method = methods.map_or("main", |module| module.cases[0].method);
        for number in 0..count.unwrap_or(CHANGED) {
            let mut wasm = original.clone();
            for _ in 0..=rng.small(2) {
                change(&mut wasm, &mut rng);
            }
            let what = || format!("{name} changed for the {number}th time");
            let refusal = same_refusal(&oracle, &wasm, &what);
            let accepted = refusal.is_ok();
            *said.entry(refusal.err().unwrap_or("accepted".to_owned())).or_default() += 1;
            if accepted && rng.below(RUN_ONE_IN) == 0 {
                agree(&oracle, &wasm, &Case::call(method).gas(TGAS / 4));
            }
        }
    }
    // Changes that end in one way only would prove little.
    for answer in ["accepted", "Deserialization", "Instantiate"] {
        assert!(said.get(answer).is_some_and(|count| *count > 20), "{answer}: {said:?}");
    }
}

/// One change of a few bytes, anywhere but mostly behind the magic number.
fn change(wasm: &mut Vec<u8>, rng: &mut Rng) {
    let skip = if rng.chance(2) { 0 } else { 8.min(wasm.len()) };
    let at = skip + rng.index(wasm.len() - skip);
    let end = (at + 1 + rng.index(12)).min(wasm.len());
    let byte = *rng.pick(&[0x00, 0x01, 0x05, 0x0b, 0x40, 0x41, 0x60, 0x6f, 0x70, 0x7f, 0x80, 0xff]);
    if at >= wasm.len() {
        return wasm.push(byte);
    }
    match rng.small(7) {
        0 | 1 => wasm[at] ^= 1 << rng.small(8),
        2 => wasm[at] = byte,
        3 => wasm.insert(at, byte),
        4 => drop(wasm.remove(at)),
        5 => {
            let copied = wasm[at..end].to_vec();
            let to = skip + rng.index(wasm.len() - skip);
            wasm.splice(to..to, copied);
        }
        _ => wasm[at] = wasm[at].wrapping_add(1),
    }
}

/// A module with its sections as they are, to be put in another order.
fn sections(wasm: &[u8]) -> Vec<&[u8]> {
    let mut sections = Vec::new();
    let mut rest = &wasm[8..];
    while rest.len() > 1 {
        let (mut len, mut shift, mut at) = (0usize, 0u32, 1);
        loop {
            len |= usize::from(rest[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
            if rest[at - 1] & 0x80 == 0 {
                break;
            }
        }
        let (section, behind) = rest.split_at((at + len).min(rest.len()));
        sections.push(section);
        rest = behind;
    }
    sections
}

/// Sections that are missing, twice there or in another order.
#[test]
fn modules_with_other_sections() {
    let oracle = Oracle::new();
    let mut rng = Rng::new(11);
    for (name, wasm) in originals() {
        let original = sections(&wasm);
        for number in 0..60 {
            let mut changed = original.clone();
            for _ in 0..=rng.small(2) {
                if changed.is_empty() {
                    break;
                }
                let (at, other) = (rng.index(changed.len()), rng.index(changed.len()));
                match rng.small(3) {
                    0 => changed.swap(at, other),
                    1 => drop(changed.remove(at)),
                    _ => changed.insert(other, changed[at]),
                }
            }
            let changed = [&[&wasm[..8]], &*changed].concat().concat();
            let what = || format!("{name} with other sections, number {number}");
            let _ = same_refusal(&oracle, &changed, &what);
        }
    }
}
