//! How a contract's failure is told: in outcomes, and to the callers of views.
//!
//! NEAR shows most failures as one text. The texts are part of what clients test for, so they are
//! spelled here as nearcore does (`near-vm-runner/src/logic/errors.rs`,
//! `runtime/runtime/src/conversions.rs`).

use host_fns::near::NearError;
use vm_runner::{EntryError, Failure, LinkError, PrepareError as VmPrepareError, WasmTrap};

use crate::near::{
    AccountId, CompilationError, FunctionCallError, MethodResolveError, PrepareError,
};

/// Why a call of a contract failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallFailure {
    /// The account has no contract.
    NoCode(AccountId),
    /// The contract did not run to its end.
    Vm(Failure<NearError>),
}

impl From<Failure<NearError>> for CallFailure {
    fn from(failure: Failure<NearError>) -> Self {
        CallFailure::Vm(failure)
    }
}

/// What NEAR says when its engine refuses a contract; ours gives no reason, engines differ in that.
const NOT_COMPILED: &str = "the engine refuses the module";

impl CallFailure {
    /// The failure as outcomes carry it.
    pub(crate) fn error(&self) -> FunctionCallError {
        let failure = match self {
            CallFailure::NoCode(account_id) => {
                let account_id = account_id.clone();
                return FunctionCallError::CompilationError(CompilationError::CodeDoesNotExist {
                    account_id,
                });
            }
            CallFailure::Vm(failure) => failure,
        };
        match failure {
            Failure::Prepare(error) => {
                FunctionCallError::CompilationError(CompilationError::PrepareError(prepare(*error)))
            }
            Failure::Compile => {
                FunctionCallError::CompilationError(CompilationError::WasmerCompileError {
                    msg: NOT_COMPILED.into(),
                })
            }
            Failure::Link(error) => {
                FunctionCallError::ExecutionError(format!("Link Error: {}", link(error)))
            }
            Failure::Entry(error) => FunctionCallError::MethodResolveError(entry(*error)),
            Failure::Trap(trap) => {
                FunctionCallError::ExecutionError(format!("WebAssembly trap: {}", trap_text(*trap)))
            }
            Failure::Host(error) => FunctionCallError::ExecutionError(error.to_string()),
        }
    }

    /// The failure as a view tells it.
    pub(crate) fn view_message(&self) -> String {
        let error = match self {
            CallFailure::NoCode(id) => {
                format!("CompilationError(CodeDoesNotExist {{ account_id: {:?} }})", id.as_str())
            }
            CallFailure::Vm(Failure::Prepare(error)) => {
                format!("CompilationError(PrepareError({error:?}))")
            }
            CallFailure::Vm(Failure::Compile) => {
                format!("CompilationError(WasmtimeCompileError {{ msg: {NOT_COMPILED:?} }})")
            }
            CallFailure::Vm(Failure::Link(error)) => {
                format!("LinkError {{ msg: {:?} }}", link(error))
            }
            CallFailure::Vm(Failure::Entry(error)) => {
                format!("MethodResolveError({:?})", entry(*error))
            }
            CallFailure::Vm(Failure::Trap(trap)) => format!("WasmTrap({})", trap_name(*trap)),
            CallFailure::Vm(Failure::Host(error)) => format!("HostError({error:?})"),
        };
        format!("wasm execution failed with error: {error}")
    }
}

fn link(error: &LinkError) -> String {
    error.to_string()
}

fn entry(error: EntryError) -> MethodResolveError {
    match error {
        EntryError::EmptyName => MethodResolveError::MethodEmptyName,
        EntryError::NotFound => MethodResolveError::MethodNotFound,
        EntryError::InvalidSignature => MethodResolveError::MethodInvalidSignature,
    }
}

fn trap_text(trap: WasmTrap) -> &'static str {
    match trap {
        WasmTrap::Unreachable => "An `unreachable` opcode was executed.",
        WasmTrap::IncorrectCallIndirectSignature => "Call indirect incorrect signature trap.",
        WasmTrap::MemoryOutOfBounds | WasmTrap::TableOutOfBounds => "Memory out of bounds trap.",
        WasmTrap::IllegalArithmetic => "An arithmetic exception, e.g. divided by zero.",
        WasmTrap::IndirectCallToNull => "Indirect call to null.",
        WasmTrap::StackOverflow => "Stack overflow.",
    }
}

fn trap_name(trap: WasmTrap) -> &'static str {
    match trap {
        WasmTrap::Unreachable => "Unreachable",
        WasmTrap::IncorrectCallIndirectSignature => "IncorrectCallIndirectSignature",
        WasmTrap::MemoryOutOfBounds | WasmTrap::TableOutOfBounds => "MemoryOutOfBounds",
        WasmTrap::IllegalArithmetic => "IllegalArithmetic",
        WasmTrap::IndirectCallToNull => "IndirectCallToNull",
        WasmTrap::StackOverflow => "StackOverflow",
    }
}

fn prepare(error: VmPrepareError) -> PrepareError {
    match error {
        VmPrepareError::Serialization => PrepareError::Serialization,
        VmPrepareError::Deserialization => PrepareError::Deserialization,
        VmPrepareError::Instantiate => PrepareError::Instantiate,
        VmPrepareError::Memory => PrepareError::Memory,
        VmPrepareError::TooManyFunctions => PrepareError::TooManyFunctions,
        VmPrepareError::TooManyLocals => PrepareError::TooManyLocals,
        VmPrepareError::TooManyTables => PrepareError::TooManyTables,
        VmPrepareError::TooManyTableElements => PrepareError::TooManyTableElements,
        VmPrepareError::FunctionBodyTooLarge => PrepareError::FunctionBodyTooLarge,
        VmPrepareError::InstrumentedCodeTooLarge => PrepareError::InstrumentedCodeTooLarge,
        VmPrepareError::TooManyBlocksPerFunction => PrepareError::TooManyBlocksPerFunction,
        VmPrepareError::TooManyBlocksPerContract => PrepareError::TooManyBlocksPerContract,
        VmPrepareError::TooManyTypes => PrepareError::TooManyTypes,
        VmPrepareError::TooManyParamsPerContract => PrepareError::TooManyParamsPerContract,
        VmPrepareError::TooManyParamsPerFunction => PrepareError::TooManyParamsPerFunction,
        VmPrepareError::OperandStackTooLarge => PrepareError::OperandStackTooLarge,
        VmPrepareError::TooManyGlobals => PrepareError::TooManyGlobals,
    }
}
