//! This workspace's metering, with NEAR's schedule: one or several variants of it.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use gas_meter::instrument::{FlatSchedule, Form, FrameSizes, Prices, abi, instrument};
use sandbox_runtime::RuntimeConfig;

/// A way of metering: its name in the tables, and the function from wasm to metered wasm. The
/// result exports its gas under [`REMAINING_GAS`], if it has any.
pub(crate) type Variant = (&'static str, fn(&[u8]) -> Result<Vec<u8>>);

/// What is measured. Experiments are put beside the first.
pub(crate) const VARIANTS: &[Variant] = &[("gas-meter", meter), ("stepwise", stepwise)];

/// The export with the gas that is left, set before and read after a run.
pub(crate) const REMAINING_GAS: &str = abi::REMAINING_GAS;

/// The export with the stack that is left, which a run gives back.
pub(crate) const REMAINING_STACK: &str = abi::REMAINING_STACK;

/// The export that is to be called once before all others, if it is there.
pub(crate) const START: &str = abi::START;

/// The parameters of NEAR's protocol.
pub(crate) static NEAR: LazyLock<RuntimeConfig> =
    LazyLock::new(|| RuntimeConfig::new(88).expect("the runtime's own version"));

fn meter(wasm: &[u8]) -> Result<Vec<u8>> {
    instrumented(wasm, Form::Merged)
}

fn stepwise(wasm: &[u8]) -> Result<Vec<u8>> {
    instrumented(wasm, Form::Stepwise)
}

/// Without a metered stack, as the metering of the engines is.
pub(crate) fn gas_only(wasm: &[u8]) -> Result<Vec<u8>> {
    let config = NEAR.near();
    let frame = FrameSizes { activation: 0, word32: 0, word64: 0, reference: 0 };
    let schedule = FlatSchedule {
        regular_op: config.wasm_config.regular_op_cost,
        linear_base: config.wasm_config.linear_op_base_cost,
        linear_unit: config.wasm_config.linear_op_unit_cost,
        frame,
    };
    let limits = &NEAR.vm().limits.metering;
    Ok(instrument(wasm, &Prices::new(&schedule)?, limits, Form::Merged)?.wasm)
}

/// The only place that knows how `gas-meter` is called.
fn instrumented(wasm: &[u8], form: Form) -> Result<Vec<u8>> {
    let config = NEAR.vm();
    let metered = instrument(wasm, &config.prices, &config.limits.metering, form);
    Ok(metered.context("gas-meter refuses the module")?.wasm)
}

/// What the product does with a contract before an engine sees it: `meter`, and all checks.
pub(crate) fn prepare(wasm: &[u8]) -> Result<Vec<u8>> {
    Ok(vm_runner::prepare(wasm, NEAR.vm(), Form::Merged)?.wasm)
}

/// The pages that a contract's memory has and may have.
pub(crate) fn memory_pages() -> (u64, u64) {
    let limits = &NEAR.vm().limits;
    (u64::from(limits.initial_memory_pages), u64::from(limits.max_memory_pages))
}
