//! What `gas-meter` makes of modules that nobody would write: an error or a metered module, in
//! space that is linear in the module, and without a deep stack.

#![allow(clippy::arithmetic_side_effects, reason = "tests of small numbers")]

mod broken;
mod extreme;

use fixtures::memory;
use gas_meter::instrument::{
    FlatSchedule, Form, FrameSizes, InstrumentError, Limits, Prices, instrument,
};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// A module that is at most this many times as large as the original, whatever that is.
const GROWTH: usize = 20;
/// The same for what a compiler made, in each form.
const CONTRACT_GROWTH: [usize; 2] = [4, 2];
/// Bytes of globals and exports that are added to each module, at most.
const ADDED: usize = 256;

const FORMS: [Form; 2] = [Form::Stepwise, Form::Merged];

/// The module metered at NEAR's prices, but without limits.
fn meter(wasm: &[u8], form: Form) -> Result<Vec<u8>, InstrumentError> {
    let schedule = FlatSchedule {
        regular_op: 822_756,
        linear_base: 26_328_192,
        linear_unit: 822_756,
        frame: FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 },
    };
    let limits = Limits {
        stack_bytes: 262_144,
        blocks_per_function: None,
        blocks_per_module: None,
        params_per_function: None,
        params_per_module: None,
        operand_stack_bytes_per_function: None,
    };
    let prices = Prices::new(&schedule).expect("NEAR's prices are small");
    instrument(wasm, &prices, &limits, form).map(|metered| metered.wasm)
}
