//! wasmtime's errors as ours.

use wasmtime::{Error, Trap};

use super::link::Stopped;
use crate::{VmFault, WasmTrap};

/// What an error of the engine means: a trap, or `None` when a host function stopped the guest.
pub(super) fn classify(error: &Error) -> Result<Option<WasmTrap>, VmFault> {
    if error.is::<Stopped>() {
        return Ok(None);
    }
    match error.downcast_ref::<Trap>() {
        Some(code) => trap(*code).map(Some),
        None => Err(VmFault::Engine(error.to_string())),
    }
}

fn trap(code: Trap) -> Result<WasmTrap, VmFault> {
    Ok(match code {
        Trap::StackOverflow => WasmTrap::StackOverflow,
        Trap::MemoryOutOfBounds => WasmTrap::MemoryOutOfBounds,
        Trap::TableOutOfBounds => WasmTrap::TableOutOfBounds,
        Trap::IndirectCallToNull => WasmTrap::IndirectCallToNull,
        Trap::BadSignature => WasmTrap::IncorrectCallIndirectSignature,
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
            WasmTrap::IllegalArithmetic
        }
        Trap::UnreachableCodeReached => WasmTrap::Unreachable,
        // The enum is open. All others belong to proposals and settings that are off.
        other => return Err(VmFault::Engine(other.to_string())),
    })
}
