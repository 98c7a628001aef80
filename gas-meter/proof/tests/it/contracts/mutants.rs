//! The fixtures with a few bytes changed or an end missing: refused, or run as what they have
//! become, the same on all engines.

use fixtures::Rng;
use vm_runner::CodeBytes;
use wasmparser::{Parser, Payload};

use super::fuzz::{Ends, Engines, asked, survive};
use crate::reference::changed;

/// How many changes of each fixture are tried; `FUZZ_MODULES` asks for more.
const CHANGES: u64 = 40;

/// What is added to a module's length to have its share: those that are large get fewer.
const SMALL: u64 = 10_000;

/// How many locals a function may have on wasmi: `docs/differences.md`.
const WASMI_LOCALS: u64 = 30_000;

#[test]
fn engines_agree_on_fixtures_with_bytes_changed() {
    let engines = Engines::new();
    let first = asked("FUZZ_SEED").unwrap_or(0);
    let mut ends = Ends::default();
    for module in fixtures::ALL {
        let original = module.code();
        let len = u64::try_from(original.len()).expect("a length");
        let changes = asked("FUZZ_MODULES").unwrap_or(CHANGES);
        let changes = (changes * SMALL).div_ceil(SMALL + len);
        // Behind the magic number there has to be something.
        if original.len() < 16 {
            continue;
        }
        for seed in first..first + changes {
            let mut random = Rng::new(seed);
            let wasm = changed(&original, &mut random);
            survive(&format!("{} FUZZ_SEED={seed}", module.name), || {
                let Some(entries) = engines.entries(&wasm) else { return };
                if most_locals(&wasm) > WASMI_LOCALS {
                    return;
                }
                let code = CodeBytes::new(&*wasm);
                let cases = module.cases.iter().filter(|case| entries.check(case.method).is_ok());
                for case in cases.take(5) {
                    let gas = case.gas.min(10 * engines.gas);
                    let whole = engines.run(&code, case, gas, &mut ends);
                    engines.run(&code, case, random.below(whole), &mut ends);
                }
            });
        }
    }
    let least = ends.returned.min(ends.trapped).min(ends.failed);
    assert!(asked("FUZZ_MODULES").is_some() || least > 50, "{ends:?}");
}

/// The locals of the function that has most.
fn most_locals(wasm: &[u8]) -> u64 {
    let bodies = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(Payload::CodeSectionEntry(body)) => body.get_locals_reader().ok(),
        _ => None,
    });
    let counts = bodies.map(|locals| locals.into_iter().flatten().map(|(n, _)| u64::from(n)).sum());
    counts.max().unwrap_or(0)
}
