//! How an execution can end. [`Failure`] is the guest's: deterministic, priced, part of the
//! outcome, and without any text of an engine. [`VmFault`] is ours: the block is dropped.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use host_fns::abi::Fault;

use crate::Difference;

/// Why a guest's execution did not succeed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure<E> {
    /// The module is refused before it reaches an engine.
    #[error("the contract cannot be prepared: {0}")]
    Prepare(PrepareError),
    /// The engine refuses a module that was prepared.
    #[error("the contract cannot be compiled")]
    Compile,
    /// The module imports what does not exist.
    #[error("the contract cannot be linked: {0}")]
    Link(LinkError),
    /// The entry point cannot be called.
    #[error("{0}")]
    Entry(EntryError),
    /// An instruction trapped.
    #[error("{0}")]
    Trap(WasmTrap),
    /// A host function refused, or gas or stack ran out.
    #[error("{0}")]
    Host(E),
}

/// Why a module is refused. The variants are NEAR's (near-vm-runner `logic/errors.rs`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, BorshSerialize, BorshDeserialize,
)]
pub enum PrepareError {
    /// The metered module cannot be written.
    #[error("the module cannot be serialized")]
    Serialization,
    /// Not valid WebAssembly, or it uses a proposal that is off.
    #[error("the module is not valid")]
    Deserialization,
    /// It imports from another module than `env`, or a table or global.
    #[error("the module imports what cannot be instantiated")]
    Instantiate,
    /// It imports a memory.
    #[error("the module imports a memory")]
    Memory,
    /// More than [`ModuleLimits::functions`](crate::ModuleLimits::functions).
    #[error("too many functions")]
    TooManyFunctions,
    /// More than [`ModuleLimits::locals`](crate::ModuleLimits::locals), or too many for its size.
    #[error("too many locals")]
    TooManyLocals,
    /// More than [`ModuleLimits::tables`](crate::ModuleLimits::tables).
    #[error("too many tables")]
    TooManyTables,
    /// More than [`ModuleLimits::table_elements`](crate::ModuleLimits::table_elements).
    #[error("too many table elements")]
    TooManyTableElements,
    /// More than [`ModuleLimits::function_body_bytes`](crate::ModuleLimits::function_body_bytes).
    #[error("a function body is too large")]
    FunctionBodyTooLarge,
    /// More than [`ModuleLimits::instrumented_bytes`](crate::ModuleLimits::instrumented_bytes).
    #[error("the metered module is too large")]
    InstrumentedCodeTooLarge,
    /// One function has too many blocks.
    #[error("too many blocks in a function")]
    TooManyBlocksPerFunction,
    /// All functions together have too many blocks.
    #[error("too many blocks")]
    TooManyBlocksPerContract,
    /// More than [`ModuleLimits::types`](crate::ModuleLimits::types).
    #[error("too many types")]
    TooManyTypes,
    /// All functions together have too many parameters.
    #[error("too many function parameters")]
    TooManyParamsPerContract,
    /// One function has too many parameters.
    #[error("too many parameters of a function")]
    TooManyParamsPerFunction,
    /// One function needs too much operand stack.
    #[error("a function needs too much operand stack")]
    OperandStackTooLarge,
    /// More than [`ModuleLimits::globals`](crate::ModuleLimits::globals).
    #[error("too many globals")]
    TooManyGlobals,
}

/// Why a module cannot be linked: the first import, in the module's order, that fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no such host function.
    #[error("unknown or invalid import")]
    UnknownImport {
        /// The module it is imported from.
        module: String,
        /// Its name.
        name: String,
    },
    /// The host function has another type.
    #[error("types incompatible: expected type `{expected}`, found type `{found}`")]
    IncompatibleImport {
        /// The module it is imported from.
        module: String,
        /// Its name.
        name: String,
        /// The type that the module declares.
        expected: Box<Signature>,
        /// The type that the host function has.
        found: Box<Signature>,
    },
}

/// Why an entry point cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EntryError {
    /// The name is empty.
    #[error("the method name is empty")]
    EmptyName,
    /// The module exports no function of that name.
    #[error("the method does not exist")]
    NotFound,
    /// The function has parameters or results.
    #[error("the method has parameters or results")]
    InvalidSignature,
}

/// What an instruction trapped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WasmTrap {
    /// `unreachable` was executed.
    #[error("unreachable was executed")]
    Unreachable,
    /// `call_indirect` found a function of another type.
    #[error("indirect call of a function of another type")]
    IncorrectCallIndirectSignature,
    /// An access outside the memory, or a data segment that does not fit.
    #[error("memory access out of bounds")]
    MemoryOutOfBounds,
    /// An access outside a table, `call_indirect` included, or an element segment that does not
    /// fit. NEAR reports it as memory out of bounds.
    #[error("table access out of bounds")]
    TableOutOfBounds,
    /// Division by zero, overflow of a division, or a conversion of what is no integer.
    #[error("illegal arithmetic")]
    IllegalArithmetic,
    /// `call_indirect` found no function.
    #[error("indirect call of a null reference")]
    IndirectCallToNull,
    /// The machine's stack ran out. The metered stack runs out first, unless its limit is set far
    /// above NEAR's.
    #[error("stack overflow")]
    StackOverflow,
}

/// A failure of ours: the execution has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VmFault {
    /// The engine did what it must not do.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// A host function or the source of the code failed.
    #[error("the host failed: {0}")]
    Host(#[from] Fault),
    /// Engines that are checked against each other did not do the same.
    #[error("{0}")]
    Difference(#[from] Difference),
}

/// The type of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature {
    /// Types of the parameters.
    pub params: Vec<ValueType>,
    /// Types of the results.
    pub results: Vec<ValueType>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum ValueType {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `v128`
    V128,
    /// A reference to a function.
    FuncRef,
    /// A reference to something of the host.
    ExternRef,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::I32 => "i32",
            ValueType::I64 => "i64",
            ValueType::F32 => "f32",
            ValueType::F64 => "f64",
            ValueType::V128 => "v128",
            ValueType::FuncRef => "funcref",
            ValueType::ExternRef => "externref",
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        for (word, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({word}")?;
                for ty in types {
                    write!(f, " {ty}")?;
                }
                f.write_str(")")?;
            }
        }
        f.write_str(")")
    }
}
