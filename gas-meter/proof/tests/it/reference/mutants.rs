//! Modules with a few bytes changed or an end missing: refused, or run as what they have become.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fixtures::Rng;

use super::random::{Flavour, asked_modules, random_module};
use super::{Ends, Pair};
use crate::rules::OP;

/// How many modules are changed; `METERING_MODULES` asks for more.
const MODULES: u64 = 150;

/// In how many ways each of them is changed.
const CHANGES: u64 = 20;

/// Gas for as much as a module may do.
const GAS: u64 = 2_000 * OP;

#[test]
fn modules_with_bytes_changed() {
    let pair = Pair::new(262_144);
    let (mut run, mut ends) = (0, Ends::default());
    for seed in 0..asked_modules().unwrap_or(MODULES) {
        let mut random = Rng::new(!seed);
        let wasm = random_module(Flavour::Wild, &mut random);
        for change in 0..CHANGES {
            let changed = changed(&wasm, &mut random);
            let result = catch_unwind(AssertUnwindSafe(|| {
                let Some(loaded) = pair.load(&changed) else { return };
                if loaded.has("main") {
                    run += 1;
                    let whole = loaded.agree("main", GAS);
                    ends.add(&whole.end);
                    loaded.agree("main", random.below(whole.burnt));
                }
            }));
            assert!(result.is_ok(), "seed {seed}, change {change}");
        }
    }
    // Some changes leave a module that runs.
    assert!(run > 50 && ends.returned > 0 && ends.trapped > 0, "{run} run: {ends:?}");
}

pub(crate) fn changed(wasm: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut changed = wasm.to_vec();
    if random.below(8) == 0 {
        changed.truncate(random.index(wasm.len()));
        return changed;
    }
    for _ in 0..=random.below(2) {
        // Behind the magic number and the version, which would only be refused.
        let at = 8 + random.index(wasm.len() - 8);
        changed[at] = match random.below(3) {
            0 => changed[at] ^ (1 << random.below(8)),
            1 => changed[random.index(wasm.len())],
            _ => random.below(256).to_le_bytes()[0],
        };
    }
    changed
}
