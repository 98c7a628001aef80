//! Makes a module count its own gas and stack.
//!
//! Where a charge is due and how large a function's stack is decides [`finite_wasm`]'s analysis,
//! so that the totals equal NEAR's to the unit at every host call and at the end. How the charge
//! is made is ours: two injected globals ([`abi`]) hold the gas and the stack that are left; each
//! charge point subtracts, and an `unreachable` ends the execution as soon as a global is
//! negative. Nothing here knows an engine or who runs the module.

pub mod abi;
mod function;
mod reference;
mod rewrite;
mod schedule;

pub use schedule::{FrameSizes, Limits, Schedule};

/// The parser that decides what a valid module is: the one that the analysis uses.
pub use finite_wasm::wasmparser;

use finite_wasm::Analysis;
use schedule::{InstructionFees, StackSizes};

/// Why a module cannot be metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// The analysis refuses the module: it is malformed or uses an unsupported proposal.
    #[error("the module cannot be analysed")]
    Analysis,
    /// The module was analysed but cannot be written down again.
    #[error("the module cannot be rewritten")]
    Rewrite,
    /// A price of a bulk operation is so large that charging it could overflow 64 bits.
    #[error("a price of the schedule is too large")]
    Price,
    /// The module exports a name of [`abi`].
    #[error("the module exports a name that metering needs")]
    ReservedExport,
    /// One function has more `block`, `loop` and `if` than [`Limits::blocks_per_function`].
    #[error("too many blocks in a function")]
    TooManyBlocksPerFunction,
    /// All functions together have more blocks than [`Limits::blocks_per_module`].
    #[error("too many blocks in the module")]
    TooManyBlocksPerModule,
    /// One function has more parameters than [`Limits::params_per_function`].
    #[error("too many parameters of a function")]
    TooManyParamsPerFunction,
    /// All functions together have more parameters than [`Limits::params_per_module`].
    #[error("too many function parameters in the module")]
    TooManyParamsPerModule,
    /// One function needs more operand stack than [`Limits::operand_stack_bytes_per_function`].
    #[error("a function needs too much operand stack")]
    OperandStackTooLarge,
}

/// A module that meters itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// The module.
    pub wasm: Vec<u8>,
    /// The size in bytes that the module has with near-vm-runner's own metering, which decides
    /// what NEAR accepts: its code section to the byte, the small other sections almost.
    pub reference_bytes: u64,
}

/// Makes a module meter itself: `wasm`, a valid module without a memory of gas, with a charge at
/// every point where `schedule` says so.
///
/// The result exports the globals of [`abi`] beside what `wasm` exports, has no start section
/// (the start function is exported under [`abi::START`], to be called once the gas is set) and no
/// custom sections. Conversions between `f32` and `f64` return the canonical NaN on engines whose
/// arithmetic does. Indices of functions, types, tables and the module's own globals stay.
pub fn instrument(
    wasm: &[u8],
    schedule: &Schedule,
    limits: &Limits,
) -> Result<Metered, InstrumentError> {
    schedule.check()?;
    let analysis = Analysis::new()
        .with_stack(StackSizes(&schedule.frame))
        .with_gas(InstructionFees(schedule))
        .analyze(wasm)
        .map_err(|_| InstrumentError::Analysis)?;
    rewrite::rewrite(wasm, &analysis, schedule, limits)
}

#[cfg(test)]
mod tests;
