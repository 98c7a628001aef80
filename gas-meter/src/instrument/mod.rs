//! Makes a module count its own gas and stack.
//!
//! Where a charge is due and how large a function's stack is follows NEAR's analysis, so that the
//! totals equal NEAR's to the unit. How a charge is made is ours: two injected globals ([`abi`])
//! hold the gas and the stack that are left, and the module's own code counts them down. Nothing
//! here knows an engine or who runs the module.
//!
//! `docs/gas.md` has the rules and the argument why charges may be moved.

pub mod abi;
mod analysis;
mod body;
mod calls;
mod charges;
mod counted;
mod emit;
mod function;
mod module;
mod operator;
mod output;
mod reader;
mod reference;
mod row;
mod schedule;
mod stack;
mod types;

pub use charges::Charge;
pub use operator::{Class, Operator};
pub use schedule::{
    ClassSchedule, FlatSchedule, FrameSizes, InvalidSchedule, Limits, Price, Prices, Schedule,
};

/// The parser that decides where sections and functions are.
pub use wasmparser;

use module::{Describe, ModuleReader};
use output::ModuleWriter;

/// Why a module cannot be metered, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}, at offset {offset}")]
pub struct InstrumentError {
    /// What it broke.
    pub rule: Rule,
    /// Where, in bytes from the module's start: the operator, or the start of the function or
    /// section that is at fault.
    pub offset: u32,
}

impl InstrumentError {
    fn at(rule: Rule, offset: usize) -> Self {
        InstrumentError { rule, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}

/// What a module must keep to be metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rule {
    /// It is not WebAssembly, or ends early.
    #[error("the module is malformed")]
    Malformed,
    /// Operators without a price are refused.
    #[error("an operator has no price")]
    UnsupportedOperator,
    /// Vectors, typed references and 64-bit memories and tables are refused.
    #[error("a type is not supported")]
    UnsupportedType,
    /// Tags and unknown sections are refused.
    #[error("a section is not supported")]
    UnsupportedSection,
    /// It refers to a type, function, global, local or label that does not exist.
    #[error("an index is out of range")]
    UnknownIndex,
    /// A function has more than 2³² locals.
    #[error("a function has too many locals")]
    TooManyLocals,
    /// The module exports a name of [`abi`].
    #[error("the module exports a name that metering needs")]
    ReservedExport,
    /// One function has more `block`, `loop` and `if` than [`Limits::blocks_per_function`].
    #[error("a function has too many blocks")]
    TooManyBlocksPerFunction,
    /// All functions together have more blocks than [`Limits::blocks_per_module`].
    #[error("the module has too many blocks")]
    TooManyBlocksPerModule,
    /// One function has more parameters than [`Limits::params_per_function`].
    #[error("a function has too many parameters")]
    TooManyParamsPerFunction,
    /// All functions together have more parameters than [`Limits::params_per_module`].
    #[error("the module has too many function parameters")]
    TooManyParamsPerModule,
    /// One function needs more operand stack than [`Limits::operand_stack_bytes_per_function`].
    #[error("a function needs too much operand stack")]
    OperandStackTooLarge,
}

/// How charges are written down. Both forms charge the same; they differ in when an exhaustion is
/// found, and in what the gas global says after a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Each charge is made where it is due, and tested at once. At every trap the gas global is
    /// exact, and where gas runs out it is less than zero by what was missing.
    Stepwise,
    /// Charges are summed up, moved to where they run least often, and tested in loops and at
    /// function entries only. The gas global is exact at each call of an imported function and at
    /// the end; at an `unreachable` it is, unless [`abi::INEXACT`] says that it is not. After
    /// another trap it is not. Where it is less than zero the gas has run out, but more may be
    /// missing than when the first charge did not fit. To know what was burnt then, run the module
    /// again in the other form.
    Merged,
}

/// What the analysis finds in a module: data, without a rewriting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The module's own functions, in order.
    pub functions: Vec<FunctionAnalysis>,
}

/// What a function costs and needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionAnalysis {
    /// The charges, in the order of their places.
    pub charges: Vec<Charge>,
    /// Gas of entering it.
    pub entry_gas: u64,
    /// Bytes that an activation takes from the metered stack for its parameters and locals.
    pub frame_bytes: u64,
    /// Bytes that its operands take at most.
    pub operand_bytes: u64,
    /// Its `block`, `loop` and `if`.
    pub blocks: u64,
    /// Its parameters.
    pub params: u64,
}

/// A module that meters itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// The module.
    pub wasm: Vec<u8>,
    /// The size in bytes that the module has with near-vm-runner's own metering, which decides
    /// what NEAR accepts: its code section to the byte, the small other sections almost.
    pub reference_bytes: u64,
    /// The largest single charge but for bulk operations: so much more than is left can be due at
    /// once where the gas runs out.
    pub largest_charge: u64,
}

/// Finds where and how much `wasm`, a valid module, is charged, and what stack it needs.
///
/// Time and memory are linear in the size of the module. A module that is not valid gets an error
/// or figures without a meaning.
pub fn analyze(wasm: &[u8], prices: &Prices, limits: &Limits) -> Result<Analysis, InstrumentError> {
    let mut describe = Describe { prices, functions: Vec::new() };
    ModuleReader::new(wasm, prices, limits).read(&mut describe)?;
    Ok(Analysis { functions: describe.functions })
}

/// Makes a module meter itself: `wasm`, a valid module, with the charges of its [`Analysis`].
///
/// The result exports the globals of [`abi`] beside what `wasm` exports, has no start section
/// (the start function is exported under [`abi::START`], to be called once the gas is set) and no
/// custom sections. Conversions between `f32` and `f64` return the canonical NaN on engines whose
/// arithmetic does. Indices of functions, types, tables and the module's own globals stay.
///
/// Time and memory are linear in the size of the module, nesting takes no stack, and the result
/// is valid if `wasm` is: what is not valid gets an error or another module that is not valid.
pub fn instrument(
    wasm: &[u8],
    prices: &Prices,
    limits: &Limits,
    form: Form,
) -> Result<Metered, InstrumentError> {
    let mut writer = ModuleWriter::new(wasm, prices, limits, form);
    let types = ModuleReader::new(wasm, prices, limits).read(&mut writer)?;
    Ok(writer.finish(&types))
}

#[cfg(test)]
mod tests;
