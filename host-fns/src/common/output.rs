//! The value that an execution returns. A chain that charges for delivering it builds on
//! [`read_value`].

use super::{Core, HostError, HostResult, cost, len_u64, read_argument};
use crate::abi::Memory;

/// Sets the returned value; a later one replaces it.
pub fn value_return(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> HostResult {
    core.output = Some(read_value(core, memory, value_len, value_ptr)?);
    Ok(())
}

/// Reads a value to be returned, from memory or a register, and checks its length.
pub fn read_value(
    core: &mut Core,
    memory: &Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> HostResult<Vec<u8>> {
    core.gas.pay(cost::BASE)?;
    let limit = core.limits.max_output_bytes;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let length = len_u64(value);
    if length > limit {
        return Err(HostError::ReturnedValueLengthExceeded { length, limit });
    }
    Ok(value.to_vec())
}
