//! wasmer's traps as ours, without a wildcard: a new trap of the engine does not compile.

use wasmer::{InstantiationError, RuntimeError};
use wasmer_types::TrapCode;

use super::link::Stopped;
use crate::{VmFault, WasmTrap};

/// What an error of the engine means: a trap, or `None` when a host function stopped the guest.
pub(super) fn classify(error: RuntimeError) -> Result<Option<WasmTrap>, VmFault> {
    if error.is::<Stopped>() {
        return Ok(None);
    }
    let message = error.message();
    match error.to_trap() {
        Some(code) => trap(code).map(Some),
        None => Err(VmFault::Engine(message)),
    }
}

/// What an error while an instance is made means: a segment that does not fit is a trap.
pub(super) fn classify_instantiation(
    error: InstantiationError,
) -> Result<Option<WasmTrap>, VmFault> {
    match error {
        InstantiationError::Start(error)
        | InstantiationError::Link(wasmer::LinkError::Trap(error)) => classify(error),
        other => Err(VmFault::Engine(other.to_string())),
    }
}

fn trap(code: TrapCode) -> Result<WasmTrap, VmFault> {
    Ok(match code {
        TrapCode::StackOverflow => WasmTrap::StackOverflow,
        TrapCode::HeapAccessOutOfBounds => WasmTrap::MemoryOutOfBounds,
        TrapCode::TableAccessOutOfBounds => WasmTrap::TableOutOfBounds,
        TrapCode::IndirectCallToNull => WasmTrap::IndirectCallToNull,
        TrapCode::BadSignature => WasmTrap::IncorrectCallIndirectSignature,
        TrapCode::IntegerOverflow
        | TrapCode::IntegerDivisionByZero
        | TrapCode::BadConversionToInteger => WasmTrap::IllegalArithmetic,
        TrapCode::UnreachableCodeReached => WasmTrap::Unreachable,
        // Only atomic instructions check alignment, and no module with them is prepared.
        TrapCode::HeapMisaligned | TrapCode::UnalignedAtomic => {
            return Err(VmFault::Engine(code.message().to_owned()));
        }
    })
}
