//! wasmi's traps as ours, without a wildcard: a new trap of the engine does not compile.

use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{Error, TrapCode};

use super::link::Stopped;
use crate::{VmFault, WasmTrap};

/// What an error of the engine means: a trap, or `None` when a host function stopped the guest.
/// While an instance is made, a segment that does not fit is a trap.
pub(super) fn classify(error: &Error) -> Result<Option<WasmTrap>, VmFault> {
    if error.downcast_ref::<Stopped>().is_some() {
        return Ok(None);
    }
    if let ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) =
        error.kind()
    {
        return Ok(Some(WasmTrap::TableOutOfBounds));
    }
    match error.as_trap_code() {
        Some(code) => trap(code).map(Some),
        None => Err(VmFault::Engine(error.to_string())),
    }
}

fn trap(code: TrapCode) -> Result<WasmTrap, VmFault> {
    Ok(match code {
        TrapCode::UnreachableCodeReached => WasmTrap::Unreachable,
        TrapCode::MemoryOutOfBounds => WasmTrap::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => WasmTrap::TableOutOfBounds,
        TrapCode::IndirectCallToNull => WasmTrap::IndirectCallToNull,
        TrapCode::BadSignature => WasmTrap::IncorrectCallIndirectSignature,
        TrapCode::IntegerDivisionByZero
        | TrapCode::IntegerOverflow
        | TrapCode::BadConversionToInteger => WasmTrap::IllegalArithmetic,
        TrapCode::StackOverflow => WasmTrap::StackOverflow,
        // No fuel is counted, no growth is limited but by the module, and memory that the system
        // does not give is no failure of the guest.
        TrapCode::OutOfFuel | TrapCode::GrowthOperationLimited | TrapCode::OutOfSystemMemory => {
            return Err(VmFault::Engine(code.trap_message().to_owned()));
        }
    })
}
