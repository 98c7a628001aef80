//! Other libraries that make a module meter itself. Where they ask for a price, it is 1 for each
//! instruction; what they charge with a host call, they import from [`CHARGES`].

use anyhow::{Context, Result, anyhow};
use finite_wasm::wasmparser as wp;
use finite_wasm::{Analysis, Fee, max_stack, prefix_sum_vec};
use near_vm_runner::prepare::prepare_contract;
use wasm_instrument::gas_metering::{Backend, ConstantCostRules, host_function, mutable_global};
use wasm_instrument::parity_wasm::elements::{ExportEntry, Internal, Module};

use crate::engine::CHARGES;
use crate::ours;

/// The function that wasm-instrument's modules import.
pub(crate) const WASM_INSTRUMENT_GAS: &str = "charge";

/// The functions that finite-wasm's modules import for operations on many bytes or elements.
pub(crate) const FINITE_WASM_BULK: [&str; 6] = [
    "finite_wasm_memory_copy",
    "finite_wasm_memory_fill",
    "finite_wasm_memory_init",
    "finite_wasm_table_copy",
    "finite_wasm_table_fill",
    "finite_wasm_table_init",
];

/// The functions that near-vm-runner's modules call when something has run out.
pub(crate) const NEAR_EXHAUSTED: [&str; 2] =
    ["finite_wasm_gas_exhausted", "finite_wasm_stack_exhausted"];

/// nearcore's own preparation of a contract, its metering among it.
pub(crate) fn near_vm_runner(wasm: &[u8]) -> Result<Vec<u8>> {
    let near = &ours::NEAR.near().wasm_config;
    prepare_contract(wasm, near, near.vm_kind).map_err(|error| anyhow!("{error:?}"))
}

/// finite-wasm's analysis and its own rewriting, with the stack.
pub(crate) fn finite_wasm(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut analysis = Analysis::new().with_stack(EightBytes).with_gas(One);
    Ok(analysis.analyze(wasm)?.instrument(CHARGES, wasm)?)
}

/// wasm-instrument with a function of the module that counts in a global.
pub(crate) fn wasm_instrument_global(wasm: &[u8]) -> Result<Vec<u8>> {
    wasm_instrument(wasm, mutable_global::Injector::new(ours::REMAINING_GAS))
}

/// wasm-instrument with a host call.
pub(crate) fn wasm_instrument_host(wasm: &[u8]) -> Result<Vec<u8>> {
    wasm_instrument(wasm, host_function::Injector::new(CHARGES, WASM_INSTRUMENT_GAS))
}

fn wasm_instrument(wasm: &[u8], backend: impl Backend) -> Result<Vec<u8>> {
    let mut module: Module = wasm_instrument::parity_wasm::deserialize_buffer(wasm)?;
    // Its global has no gas before somebody sets it, so the start function has to wait for that.
    if let Some(start) = module.start_section() {
        module.clear_start_section();
        let exports = module.export_section_mut().context("nothing is exported")?;
        exports
            .entries_mut()
            .push(ExportEntry::new(ours::START.to_owned(), Internal::Function(start)));
    }
    let rules = ConstantCostRules::default();
    let module = wasm_instrument::gas_metering::inject(module, backend, &rules);
    let module = module.ok().context("wasm-instrument refuses the module")?;
    Ok(wasm_instrument::parity_wasm::serialize(module)?)
}

/// pwasm-utils with a host call.
pub(crate) fn pwasm_utils(wasm: &[u8]) -> Result<Vec<u8>> {
    let module = pwasm_utils::parity_wasm::deserialize_buffer(wasm)?;
    let rules = pwasm_utils::rules::Set::default();
    let module = pwasm_utils::inject_gas_counter(module, &rules, CHARGES);
    let module = module.ok().context("pwasm-utils refuses the module")?;
    Ok(pwasm_utils::parity_wasm::serialize(module)?)
}

/// Frames in which everything takes eight bytes.
struct EightBytes;

impl max_stack::SizeConfig for EightBytes {
    fn size_of_value(&self, _: wp::ValType) -> u8 {
        8
    }

    fn size_of_function_activation(
        &self,
        locals: &prefix_sum_vec::PrefixSumVec<wp::ValType, u32>,
    ) -> u64 {
        locals.max_index().map_or(64, |last| 64 + 8 * (u64::from(*last) + 1))
    }
}

/// A price of 1 for each instruction but those that only end a block: finite-wasm wants them free.
struct One;

macro_rules! one {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(fn $visit(&mut self $($(, _: $argty)*)?) -> Fee { one!(@price $visit) })*
    };
    (@price visit_else) => { Fee::ZERO };
    (@price visit_end) => { Fee::ZERO };
    (@price $visit:ident) => { Fee::constant(1) };
}

impl<'a> wp::VisitOperator<'a> for One {
    type Output = Fee;
    wp::for_each_visit_operator!(one);
}

impl wp::VisitSimdOperator<'_> for One {
    wp::for_each_visit_simd_operator!(one);
}
