//! The engines against each other, without an interpreter that counts: random modules with NEAR's
//! host functions. A difference is a fault, a panic of the host a bug.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arbitrary::Unstructured;
use fixtures::{Case, Rng};
use gas_meter::instrument::Form;
use host_fns::near::{Config, NearHost};
use vm_runner::{CodeBytes, Entries, Failure, Runner};
use wasm_smith::Module;

use super::{Chain, host, runner};
use crate::rules::Rules;

/// How many modules are tried: `FUZZ_MODULES` asks for more, `FUZZ_SEED` for others, the first of
/// which has this seed.
const MODULES: u64 = 200;

/// Bytes of randomness for one module.
const BYTES: usize = 8192;

/// Instructions for which the gas of a call is enough.
const INSTRUCTIONS: u64 = 100_000;

/// The functions that a module may call, which rarely accept what they get.
const IMPORTS: &str = r#"(module
    (import "env" "value_return" (func (param i64 i64)))
    (import "env" "input" (func (param i64)))
    (import "env" "read_register" (func (param i64 i64)))
    (import "env" "write_register" (func (param i64 i64 i64)))
    (import "env" "register_len" (func (param i64) (result i64)))
    (import "env" "prepaid_gas" (func (result i64)))
    (import "env" "used_gas" (func (result i64)))
    (import "env" "block_index" (func (result i64)))
    (import "env" "log_utf8" (func (param i64 i64)))
    (import "env" "storage_write" (func (param i64 i64 i64 i64 i64) (result i64)))
    (import "env" "storage_has_key" (func (param i64 i64) (result i64)))
    (import "env" "sha256" (func (param i64 i64 i64)))
    (import "env" "promise_results_count" (func (result i64)))
    (import "env" "abort" (func (param i32 i32 i32 i32))))"#;

const EXPORTS: &str = r#"(module (func (export "main")) (func (export "other")))"#;

/// A number from the environment.
pub(super) fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().expect("a number"))
}

#[test]
fn engines_agree_on_random_modules() {
    let engines = Engines::new();
    let first = asked("FUZZ_SEED").unwrap_or(0);
    let modules = asked("FUZZ_MODULES").unwrap_or(MODULES);
    let mut ends = Ends::default();
    for seed in first..first + modules {
        let mut random = Rng::new(seed);
        let wasm = random_module(&mut random);
        survive(&format!("FUZZ_SEED={seed}"), || {
            let Some(entries) = engines.entries(&wasm) else { return };
            let code = CodeBytes::new(&*wasm);
            for method in ["main", "other"].into_iter().filter(|name| entries.check(name).is_ok()) {
                let whole = engines.run(&code, &Case::call(method), engines.gas, &mut ends);
                for _ in 0..3 {
                    engines.run(&code, &Case::call(method), random.below(whole), &mut ends);
                }
            }
        });
    }
    // Nothing passes by not running; a few of them may.
    let least = [ends.returned, ends.trapped, ends.failed].into_iter().min();
    assert!(modules < MODULES || least > Some(modules / 20), "{ends:?}");
}

/// How often calls ended in which way.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) returned: u64,
    pub(super) trapped: u64,
    pub(super) failed: u64,
    pub(super) not_called: u64,
}

/// All engines under NEAR's rules.
pub(super) struct Engines {
    runner: Runner<NearHost<Chain>>,
    host: Arc<Config>,
    /// Gas for [`INSTRUCTIONS`].
    pub(super) gas: u64,
}

impl Engines {
    pub(super) fn new() -> Self {
        let Rules { vm, prices, host, .. } = Rules::near();
        Engines { runner: runner(vm), host, gas: INSTRUCTIONS * prices.op }
    }

    /// What a module has to call; `None` where it is refused.
    pub(super) fn entries(&self, wasm: &[u8]) -> Option<Entries> {
        Some(vm_runner::prepare(wasm, self.runner.config(), Form::Merged).ok()?.entries)
    }

    /// What the call burns on all engines.
    pub(super) fn run(&self, code: &CodeBytes, case: &Case, gas: u64, ends: &mut Ends) -> u64 {
        let finished = self.runner.run(code, case.method, host(case, gas, &self.host));
        let finished = finished.unwrap_or_else(|fault| panic!("{fault}"));
        let count = match finished.end {
            Ok(()) => &mut ends.returned,
            Err(Failure::Trap(_)) => &mut ends.trapped,
            Err(Failure::Host(_)) => &mut ends.failed,
            Err(_) => &mut ends.not_called,
        };
        *count += 1;
        finished.host.into_parts().gas.burnt().units()
    }
}

/// Runs `tried`, which must not panic.
pub(super) fn survive(what: &str, tried: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(tried)).is_ok(), "{what}");
}

fn random_module(random: &mut Rng) -> Vec<u8> {
    let config = wasm_smith::Config {
        available_imports: Some(wat::parse_str(IMPORTS).expect("valid text")),
        exports: Some(wat::parse_str(EXPORTS).expect("valid text")),
        max_memories: 1,
        min_memories: 1,
        max_memory32_bytes: 64 << 20,
        max_table_elements: 1_000,
        max_instructions: 100 + random.index(900),
        disallow_traps: random.chance(40),
        reference_types_enabled: random.chance(30),
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
        ..wasm_smith::Config::default()
    };
    let bytes = random.bytes(BYTES);
    let module = Module::new(config, &mut Unstructured::new(&bytes));
    module.expect("there are enough bytes").to_bytes()
}
