//! Random modules: whatever they do, both implementations do it.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use fixtures::Case;
use gas_meter::instrument::wasmparser::{Validator, WasmFeatures};
use oracle::{Contract, Oracle, OurRunner};
use wasm_smith::{Config, Module};

use crate::differential::amounts;
use crate::programs::Rng;
use crate::{agree_on, hosted};

/// How many modules are tried of each flavour; `ORACLE_MODULES` asks for more.
const MODULES: u64 = 40;

/// Bytes of randomness for one module.
const BYTES: usize = 4096;

/// Gas for the first call.
const GAS: u64 = 10 * fixtures::TGAS;

/// Host functions that a module may call with any arguments, which they rarely accept.
const RAW: &str = r#"
    (import "env" "value_return" (func (param i64 i64)))
    (import "env" "input" (func (param i64)))
    (import "env" "read_register" (func (param i64 i64)))
    (import "env" "register_len" (func (param i64) (result i64)))
    (import "env" "prepaid_gas" (func (result i64)))
    (import "env" "used_gas" (func (result i64)))
    (import "env" "storage_write" (func (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "sha256" (func (param i64 i64 i64)))
    (import "env" "abort" (func (param i32 i32 i32 i32)))"#;

/// What a random module is likely to run into.
#[derive(Clone, Copy)]
enum Flavour {
    /// Each access in bounds, each division by something: modules that run for long.
    Calm,
    /// Traps early and often.
    Wild,
    /// References and tables too, of which NEAR refuses some.
    References,
    /// Calls of host functions that succeed, and traps.
    Hosted,
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
fn modules_that_call_the_host() {
    compare(Flavour::Hosted);
}

/// Calls of several modules in any order: what comes of one is what comes of it on a machine that
/// has run nothing.
#[test]
fn modules_in_any_order() {
    const CALLS: u64 = 30;
    let oracle = Oracle::new();
    for (seed, flavour) in
        [Flavour::Calm, Flavour::Wild, Flavour::References, Flavour::Hosted].into_iter().enumerate()
    {
        let mut rng = Rng::new(u64::try_from(seed).expect("a small number"));
        let fresh = || OurRunner::new(oracle.config());
        let modules: Vec<_> = (0..8)
            .filter_map(|seed| module(flavour, seed))
            .map(
                |code| {
                    if matches!(flavour, Flavour::Hosted) { hosted::wrap(&code, 0) } else { code }
                },
            )
            .map(|code| Contract::new(&code))
            .collect();
        let used = fresh();
        for _ in 0..CALLS {
            let at = usize::try_from(rng.below(8)).expect("a small number") % modules.len();
            let case = Case::call("main").gas(GAS >> rng.small(16));
            let (used, fresh) = (used.run(&modules[at], &case), fresh().run(&modules[at], &case));
            assert_eq!(used.expect("a result"), fresh.expect("a result"), "module {at}");
        }
    }
}

fn compare(flavour: Flavour) {
    let oracle = Oracle::new();
    let mut costs = BTreeSet::new();
    let modules = std::env::var("ORACLE_MODULES").ok().and_then(|count| count.parse().ok());
    for seed in 0..modules.unwrap_or(MODULES) {
        let Some(mut code) = module(flavour, seed) else { continue };
        if matches!(flavour, Flavour::Hosted) {
            code = hosted::wrap(&code, seed);
        }
        let contract = Contract::new(&code);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let case = Case::call("main").gas(GAS);
            let full = agree_on(&oracle, &contract, &case);
            let op = u64::from(oracle.near_config().wasm_config.regular_op_cost);
            costs.extend(full.profile.keys().cloned());
            for gas in amounts(&full, op, &mut Rng::new(seed)) {
                agree_on(&oracle, &contract, &case.gas(gas));
            }
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
    let expected = if matches!(flavour, Flavour::Hosted) { 20 } else { 2 };
    assert!(costs.len() > expected, "they cost nothing but {costs:?}");
}

/// A module of this flavour. Most with references have some to the outside, which NEAR refuses:
/// every second time, one that has none is looked for.
fn module(flavour: Flavour, seed: u64) -> Option<Vec<u8>> {
    let attempts = match flavour {
        Flavour::References if seed.is_multiple_of(2) => 200,
        _ => 1,
    };
    let mut rng = Rng::new(seed);
    let modules = (0..attempts).filter_map(|_| {
        let bytes = rng.bytes(BYTES);
        let module = Module::new(config(flavour, seed), &mut Unstructured::new(&bytes));
        Some(module.ok()?.to_bytes())
    });
    let inside = WasmFeatures::all().difference(WasmFeatures::GC_TYPES);
    let mut last = None;
    for code in modules {
        let valid = Validator::new_with_features(inside).validate_all(&code).is_ok();
        last = Some(code);
        if valid {
            break;
        }
    }
    last
}

fn config(flavour: Flavour, seed: u64) -> Config {
    let imports = match flavour {
        Flavour::Hosted => hosted::imports(),
        _ => RAW.to_owned(),
    };
    let imports = wat::parse_str(format!("(module {imports})"));
    let exports = wat::parse_str(r#"(module (func (export "main")))"#);
    Config {
        available_imports: Some(imports.expect("valid text")),
        exports: Some(exports.expect("valid text")),
        min_imports: if matches!(flavour, Flavour::Hosted) { 20 } else { 0 },
        max_memories: 1,
        min_memories: 1,
        max_memory32_bytes: 64 * 1024 * 1024,
        max_table_elements: 100,
        max_instructions: 400,
        disallow_traps: match flavour {
            Flavour::Calm => true,
            Flavour::Wild | Flavour::References => false,
            Flavour::Hosted => seed.is_multiple_of(2),
        },
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
