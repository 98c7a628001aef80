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

/// Modules of more bytes take too long to be metered at each of them.
const SMALL: usize = 1 << 14;

/// All modules: the small ones, and the others.
fn originals() -> [Vec<(&'static str, Vec<u8>)>; 2] {
    let all = fixtures::ALL.iter().map(|module| (module.name, module.code()));
    let (small, large) = all.partition(|(_, code)| code.len() <= SMALL);
    [small, large]
}

#[test]
fn cut_off_anywhere() {
    for (modules, step) in originals().into_iter().zip([1, 7_919]) {
        for (name, wasm) in modules {
            for len in (0..wasm.len()).step_by(step) {
                try_meter(&wasm[..len], &|| format!("{name} cut at {len}"));
            }
        }
    }
}

#[test]
fn changed_anywhere() {
    let (mut accepted, mut refused) = (0, 0);
    let [small, _large] = originals();
    for (name, original) in small {
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
