//! Random modules, each with gas for all of it and with gas that runs out somewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arbitrary::Unstructured;
use fixtures::Rng;
use wasm_smith::{Config, Module};

use super::host::IMPORTS;
use super::{Ends, Pair};
use crate::rules::OP;

/// How many modules are tried of each flavour; `METERING_MODULES` asks for more. Of those with
/// references most are refused, so there are ten times as many.
const MODULES: u64 = 250;

/// Bytes of randomness for one module.
const BYTES: usize = 4096;

/// Gas for as much as a module may do.
const GAS: u64 = 4_000 * OP;

/// What a random module is likely to run into.
#[derive(Clone, Copy)]
pub(super) enum Flavour {
    /// Each access in bounds, each division by something: modules that run for long.
    Calm,
    /// Traps early and often.
    Wild,
    /// References and tables too.
    References,
    /// A stack that a few calls fill.
    Shallow,
}

#[test]
fn calm_modules() {
    compare(Flavour::Calm);
}

#[test]
fn wild_modules() {
    compare(Flavour::Wild);
}

#[test]
fn modules_with_references() {
    compare(Flavour::References);
}

#[test]
fn modules_with_little_stack() {
    compare(Flavour::Shallow);
}

/// How many modules `METERING_MODULES` asks for.
pub(super) fn asked_modules() -> Option<u64> {
    std::env::var("METERING_MODULES").ok().and_then(|count| count.parse().ok())
}

fn compare(flavour: Flavour) {
    let pair = Pair::new(if matches!(flavour, Flavour::Shallow) { 700 } else { 262_144 });
    let modules = asked_modules().unwrap_or(MODULES);
    let seeds = match flavour {
        Flavour::Calm | Flavour::Wild => 0..modules,
        Flavour::References => 0..modules * 10,
        // Others than the wild ones.
        Flavour::Shallow => 1 << 32..(1 << 32) + modules,
    };
    let (mut prepared, mut ends) = (0, Ends::default());
    for seed in seeds {
        let mut random = Rng::new(seed);
        let wasm = random_module(flavour, &mut random);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let Some(loaded) = pair.load(&wasm) else { return };
            prepared += 1;
            let whole = loaded.agree("main", GAS);
            ends.add(&whole.end);
            let burnt = whole.burnt.max(1);
            for gas in limits(&mut random, burnt) {
                ends.add(&loaded.agree("main", gas).end);
            }
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
    // Nothing passes by not running.
    let stack_is_met = ends.out_of_stack > 0 || !matches!(flavour, Flavour::Shallow);
    let seen = ends.returned > 0 && ends.trapped > 0 && ends.out_of_gas > 0 && stack_is_met;
    assert!(seen && prepared > modules / 4, "{prepared} modules of {modules}: {ends:?}");
}

pub(super) fn random_module(flavour: Flavour, random: &mut Rng) -> Vec<u8> {
    let bytes = random.bytes(BYTES);
    let module = Module::new(config(flavour), &mut Unstructured::new(&bytes));
    module.expect("there are enough bytes").to_bytes()
}

fn config(flavour: Flavour) -> Config {
    let imports = wat::parse_str(format!("(module {IMPORTS})"));
    let exports = wat::parse_str(r#"(module (func (export "main")))"#);
    Config {
        available_imports: Some(imports.expect("valid text")),
        exports: Some(exports.expect("valid text")),
        max_memories: 1,
        min_memories: 1,
        max_memory32_bytes: 8 * 64 * 1024,
        max_table_elements: 100,
        max_instructions: 400,
        disallow_traps: matches!(flavour, Flavour::Calm),
        canonicalize_nans: true,
        reference_types_enabled: matches!(flavour, Flavour::References),
        bulk_memory_enabled: true,
        allow_start_export: true,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        multi_value_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        extended_const_enabled: false,
        ..Config::default()
    }
}

/// Amounts of gas for what burns `burnt` if it may: at the edge, a few instructions before it, and
/// anywhere.
pub(super) fn limits(rng: &mut Rng, burnt: u64) -> [u64; 5] {
    let before = burnt.saturating_sub((1 + rng.below(8)) * OP);
    [burnt, burnt.saturating_sub(1), before, rng.below(burnt), rng.below(burnt)]
}
