//! Modules that are cut off or changed: never a panic, and a valid module stays one.
//!
//! That the original is valid is for others to check: what an invalid one becomes is not said.

use fixtures::Rng;
use gas_meter::instrument::wasmparser::Validator;

use crate::{ADDED, FORMS, GROWTH, meter};

/// Changed modules of each original.
const CHANGED: usize = 400;

/// Bytes that mean something in many places.
const BYTES: [u8; 8] = *b"\x00\x05\x0b\x40\x70\x7f\x80\xff";

/// Meters the module, whatever it is; whether it can be.
fn try_meter(wasm: &[u8], what: &dyn Fn() -> String) -> bool {
    let forms = FORMS.map(|form| meter(wasm, form));
    // Both forms are made of the same analysis: they agree on what they refuse.
    let refusals = forms.each_ref().map(|metered| metered.as_ref().err());
    assert_eq!(refusals[0], refusals[1], "{}", what());
    let original_is_valid = Validator::new().validate_all(wasm).is_ok();
    for metered in forms {
        let Ok(metered) = metered else { return false };
        if original_is_valid {
            let valid = Validator::new().validate_all(&metered).map(drop);
            assert!(valid.is_ok(), "{}: {valid:?} of {wasm:02x?}", what());
        }
        assert!(metered.len() <= wasm.len() * GROWTH + ADDED, "{}: {}", what(), metered.len());
    }
    true
}

fn originals() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let modules = fixtures::ALL.iter().filter(|module| module.name != "status");
    modules.map(|module| (module.name, module.code()))
}

#[test]
fn cut_off_anywhere() {
    for (name, wasm) in originals() {
        for len in 0..wasm.len() {
            try_meter(&wasm[..len], &|| format!("{name} cut at {len}"));
        }
    }
    let status = fixtures::wasm("status");
    for len in (0..status.len()).step_by(7_919) {
        try_meter(&status[..len], &|| format!("status cut at {len}"));
    }
}

#[test]
fn changed_anywhere() {
    let (mut accepted, mut refused) = (0, 0);
    for (name, original) in originals() {
        let mut rng = Rng::new(11);
        for number in 0..CHANGED {
            let mut wasm = original.clone();
            for _ in 0..=rng.index(3) {
                let at = rng.index(wasm.len());
                match rng.index(4) {
                    _ if wasm.is_empty() => {}
                    0 => wasm[at] ^= 1 << rng.index(8),
                    1 => wasm[at] = BYTES[rng.index(BYTES.len())],
                    2 => wasm.insert(at, 0x7f),
                    _ => drop(wasm.remove(at)),
                }
            }
            let valid = try_meter(&wasm, &|| format!("{name} changed for the {number}th time"));
            *(if valid { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted > 200 && refused > 200, "{accepted} accepted, {refused} refused");
}
