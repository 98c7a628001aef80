//! Registers: numbered byte strings on the host's side, through which functions hand results of
//! unknown length to the guest and on to other functions. Follows NEAR's rules (near-vm-runner
//! `logic/vmstate.rs`) to the unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::GasCounter;

use super::{Core, HostError, HostResult, Limits, cost, len_u64, write_memory};
use crate::abi::Memory;

/// Bytes that a register counts for in addition to its content.
const REGISTER_OVERHEAD_BYTES: u64 = 8;

/// The largest buffer that a register keeps for what is written next.
const KEPT_BUFFER_BYTES: usize = 64 * 1024;

/// The registers of one execution.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    by_id: BTreeMap<u64, Content>,
    used_bytes: u64,
}

/// What a register holds.
#[derive(Clone, Debug)]
enum Content {
    /// Bytes that were copied, in a buffer that is used again: most registers are written often.
    Copied(Vec<u8>),
    /// Bytes that somebody else has too.
    Shared(Arc<[u8]>),
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Content::Copied(bytes) => bytes,
            Content::Shared(bytes) => bytes,
        }
    }

    fn copy_from(&mut self, bytes: &[u8]) {
        match self {
            Content::Copied(buffer) if buffer.capacity() <= KEPT_BUFFER_BYTES => {
                buffer.clear();
                buffer.extend_from_slice(bytes);
            }
            content => *content = Content::Copied(bytes.to_vec()),
        }
    }
}

impl Registers {
    /// The content of a register; charges for reading it.
    pub fn get(&self, gas: &mut GasCounter, register_id: u64) -> HostResult<&[u8]> {
        let bytes = self.peek(register_id).ok_or(HostError::InvalidRegisterId { register_id })?;
        gas.pay(cost::READ_REGISTER_BASE)?;
        gas.pay_per(cost::READ_REGISTER_BYTE, len_u64(bytes))?;
        Ok(bytes)
    }

    /// The content of a register, free of charge: for the runtime and for tests.
    pub fn peek(&self, register_id: u64) -> Option<&[u8]> {
        self.by_id.get(&register_id).map(Content::bytes)
    }

    /// Writes a register and charges for the write and each byte, before the limits are checked.
    pub fn set(
        &mut self,
        gas: &mut GasCounter,
        limits: &Limits,
        register_id: u64,
        bytes: &[u8],
    ) -> HostResult {
        pay_write(gas, bytes)?;
        self.reserve(limits, register_id, bytes)?;
        self.by_id.entry(register_id).or_insert(Content::Copied(Vec::new())).copy_from(bytes);
        Ok(())
    }

    /// The same for bytes that need not be copied.
    pub fn set_shared(
        &mut self,
        gas: &mut GasCounter,
        limits: &Limits,
        register_id: u64,
        bytes: Arc<[u8]>,
    ) -> HostResult {
        pay_write(gas, &bytes)?;
        self.share(limits, register_id, bytes)
    }

    /// Writes a register without a charge for its bytes: NEAR's rule for what a call was given.
    pub fn set_given(
        &mut self,
        gas: &mut GasCounter,
        limits: &Limits,
        register_id: u64,
        bytes: Arc<[u8]>,
    ) -> HostResult {
        gas.pay(cost::WRITE_REGISTER_BASE)?;
        self.share(limits, register_id, bytes)
    }

    fn share(&mut self, limits: &Limits, register_id: u64, bytes: Arc<[u8]>) -> HostResult {
        self.reserve(limits, register_id, &bytes)?;
        self.by_id.insert(register_id, Content::Shared(bytes));
        Ok(())
    }

    /// Checks the limits for a write and books its bytes.
    fn reserve(&mut self, limits: &Limits, register_id: u64, bytes: &[u8]) -> HostResult {
        // A full set of registers refuses even to overwrite one: NEAR's rule, kept for its age.
        let count = u64::try_from(self.by_id.len()).unwrap_or(u64::MAX);
        if len_u64(bytes) > limits.max_register_bytes || count >= limits.max_registers {
            return Err(HostError::MemoryAccessViolation);
        }
        let replaced = self.peek(register_id).map_or(0, footprint);
        let used_bytes = self.used_bytes.saturating_sub(replaced).saturating_add(footprint(bytes));
        if used_bytes > limits.registers_memory_bytes {
            return Err(HostError::MemoryAccessViolation);
        }
        self.used_bytes = used_bytes;
        Ok(())
    }
}

/// Pays for writing `bytes` to a register.
fn pay_write(gas: &mut GasCounter, bytes: &[u8]) -> HostResult {
    gas.pay(cost::WRITE_REGISTER_BASE)?;
    Ok(gas.pay_per(cost::WRITE_REGISTER_BYTE, len_u64(bytes))?)
}

/// What a register counts for.
fn footprint(bytes: &[u8]) -> u64 {
    len_u64(bytes).saturating_add(REGISTER_OVERHEAD_BYTES)
}

/// Copies a register to guest memory.
pub fn read_register(
    core: &mut Core,
    memory: &mut Memory<'_>,
    register_id: u64,
    ptr: u64,
) -> HostResult {
    core.gas.pay(cost::BASE)?;
    let bytes = core.registers.get(&mut core.gas, register_id)?;
    write_memory(&mut core.gas, memory, ptr, bytes)
}

/// The length of a register, `u64::MAX` when it was never written.
pub fn register_len(
    core: &mut Core,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::BASE)?;
    Ok(core.registers.peek(register_id).map_or(u64::MAX, len_u64))
}

/// Copies guest memory to a register.
pub fn write_register(
    core: &mut Core,
    memory: &mut Memory<'_>,
    register_id: u64,
    data_len: u64,
    data_ptr: u64,
) -> HostResult {
    core.gas.pay(cost::BASE)?;
    let bytes = core.read_memory(memory, data_ptr, data_len)?;
    core.set_register(register_id, bytes)
}
