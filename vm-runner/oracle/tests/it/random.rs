//! Random modules: whatever they do, both implementations do it.

use arbitrary::Unstructured;
use fixtures::Case;
use oracle::Oracle;
use wasm_smith::{Config, Module};

use crate::agree;
use crate::programs::Rng;

/// How many modules are tried of each flavour; `ORACLE_MODULES` asks for more.
const MODULES: u64 = 40;

/// Bytes of randomness for one module.
const BYTES: usize = 4096;

/// What a random module is likely to run into.
#[derive(Clone, Copy)]
enum Flavour {
    /// Each access in bounds, each division by something: modules that run for long.
    Calm,
    /// Traps early and often.
    Wild,
    /// References and tables too, of which NEAR refuses some.
    References,
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

fn compare(flavour: Flavour) {
    let oracle = Oracle::new();
    let modules = std::env::var("ORACLE_MODULES").ok().and_then(|count| count.parse().ok());
    for seed in 0..modules.unwrap_or(MODULES) {
        let bytes = Rng::new(seed).bytes(BYTES);
        let Ok(module) = Module::new(config(flavour), &mut Unstructured::new(&bytes)) else {
            continue;
        };
        let code = module.to_bytes();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let burnt = agree(&oracle, &code, &Case::call("main").gas(fixtures::TGAS / 4));
            agree(&oracle, &code, &Case::call("main").gas(burnt / 2));
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
}

fn config(flavour: Flavour) -> Config {
    let imports = wat::parse_str(
        r#"(module
            (import "env" "value_return" (func (param i64 i64)))
            (import "env" "input" (func (param i64)))
            (import "env" "read_register" (func (param i64 i64)))
            (import "env" "register_len" (func (param i64) (result i64)))
            (import "env" "prepaid_gas" (func (result i64)))
            (import "env" "used_gas" (func (result i64)))
            (import "env" "storage_write" (func (param i64 i64 i64 i64 i64) (result i64)))
            (import "env" "sha256" (func (param i64 i64 i64)))
            (import "env" "abort" (func (param i32 i32 i32 i32))))"#,
    );
    let exports = wat::parse_str(r#"(module (func (export "main")))"#);
    Config {
        available_imports: Some(imports.expect("valid text")),
        exports: Some(exports.expect("valid text")),
        max_memories: 1,
        min_memories: 1,
        max_memory32_bytes: 64 * 1024 * 1024,
        max_table_elements: 100,
        max_instructions: 400,
        disallow_traps: matches!(flavour, Flavour::Calm),
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
