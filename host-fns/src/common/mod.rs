//! Host functions that any chain can offer, on a concrete state without generics: registers,
//! text, logs, output. They know neither accounts nor promises; a chain puts a [`Core`] into its
//! own host state and names these functions in its table.

pub mod cost;
mod error;
pub mod logs;
pub mod output;
pub mod registers;
pub mod strings;

pub use error::{HostError, Primitive};
pub use registers::Registers;

use std::sync::Arc;

use gas_meter::{CostId, GasCounter, OutOfGas};

use crate::abi::Memory;

/// What a host function of this crate gives back.
pub type HostResult<T = ()> = Result<T, HostError>;

/// The part of an execution's state that does not depend on the chain.
#[derive(Clone, Debug)]
pub struct Core {
    /// What was burnt and attached.
    pub gas: GasCounter,
    /// The registers, numbered by the guest.
    pub registers: Registers,
    /// What the guest may use.
    pub limits: Limits,
    /// The logs so far.
    pub logs: Vec<String>,
    /// The value that the guest returned last.
    pub output: Option<Vec<u8>>,
    /// Bytes of `logs`, and of a log that was refused for its length.
    total_log_bytes: u64,
}

/// Limits of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one register may hold.
    pub max_register_bytes: u64,
    /// Registers that may exist.
    pub max_registers: u64,
    /// Bytes that all registers together may hold, eight more counted for each.
    pub registers_memory_bytes: u64,
    /// Logs that may be written.
    pub max_logs: u64,
    /// Bytes that all logs together may have.
    pub max_total_log_bytes: u64,
    /// Bytes that a returned value may have.
    pub max_output_bytes: u64,
}

impl Core {
    /// The state at the start of an execution.
    pub fn new(gas: GasCounter, limits: Limits) -> Self {
        Core {
            gas,
            registers: Registers::default(),
            limits,
            logs: Vec::new(),
            output: None,
            total_log_bytes: 0,
        }
    }

    /// Burns the price of one unit of `id`.
    pub fn pay(&mut self, id: CostId) -> Result<(), OutOfGas> {
        self.gas.pay(id)
    }

    /// Burns the price of `units` units of `id`.
    pub fn pay_per(&mut self, id: CostId, units: u64) -> Result<(), OutOfGas> {
        self.gas.pay_per(id, units)
    }

    /// Reads guest memory and charges for it, by length before anything is looked at.
    pub fn read_memory<'m>(
        &mut self,
        memory: &'m Memory<'_>,
        ptr: u64,
        len: u64,
    ) -> HostResult<&'m [u8]> {
        self.gas.pay(cost::READ_MEMORY_BASE)?;
        self.gas.pay_per(cost::READ_MEMORY_BYTE, len)?;
        Ok(memory.read(ptr, len)?)
    }

    /// Writes guest memory and charges for it.
    pub fn write_memory(&mut self, memory: &mut Memory<'_>, ptr: u64, bytes: &[u8]) -> HostResult {
        write_memory(&mut self.gas, memory, ptr, bytes)
    }

    /// Like [`read_argument`], copied.
    pub fn read_vec(&mut self, memory: &Memory<'_>, ptr: u64, len: u64) -> HostResult<Vec<u8>> {
        read_argument(&mut self.gas, &self.registers, memory, ptr, len).map(<[u8]>::to_vec)
    }

    /// Reads a little-endian 128-bit number from guest memory.
    pub fn read_u128(&mut self, memory: &Memory<'_>, ptr: u64) -> HostResult<u128> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(self.read_memory(memory, ptr, 16)?);
        Ok(u128::from_le_bytes(bytes))
    }

    /// Writes a little-endian 128-bit number to guest memory.
    pub fn write_u128(&mut self, memory: &mut Memory<'_>, ptr: u64, value: u128) -> HostResult {
        self.write_memory(memory, ptr, &value.to_le_bytes())
    }

    /// Writes a register and charges for it.
    pub fn set_register(&mut self, register_id: u64, bytes: impl AsRef<[u8]>) -> HostResult {
        self.registers.set(&mut self.gas, &self.limits, register_id, bytes.as_ref())
    }

    /// The same for bytes that need not be copied.
    pub fn set_register_shared(&mut self, register_id: u64, bytes: Arc<[u8]>) -> HostResult {
        self.registers.set_shared(&mut self.gas, &self.limits, register_id, bytes)
    }

    /// Writes a register without a charge for its bytes: NEAR's rule for what a call was given.
    pub fn set_register_given(&mut self, register_id: u64, bytes: Arc<[u8]>) -> HostResult {
        self.registers.set_given(&mut self.gas, &self.limits, register_id, bytes)
    }
}

/// Reads what the guest passed by pointer and length, and charges for it: guest memory, or the
/// register number `ptr` when `len` is `u64::MAX`. It borrows only parts of a [`Core`], so that
/// the rest can be used while the bytes are.
pub fn read_argument<'a>(
    gas: &mut GasCounter,
    registers: &'a Registers,
    memory: &'a Memory<'_>,
    ptr: u64,
    len: u64,
) -> HostResult<&'a [u8]> {
    if len == u64::MAX {
        return registers.get(gas, ptr);
    }
    gas.pay(cost::READ_MEMORY_BASE)?;
    gas.pay_per(cost::READ_MEMORY_BYTE, len)?;
    Ok(memory.read(ptr, len)?)
}

/// A length as a 64-bit number; memory is never longer.
pub(crate) fn len_u64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Like [`Core::write_memory`], while a register is borrowed.
fn write_memory(
    gas: &mut GasCounter,
    memory: &mut Memory<'_>,
    ptr: u64,
    bytes: &[u8],
) -> HostResult {
    gas.pay(cost::WRITE_MEMORY_BASE)?;
    gas.pay_per(cost::WRITE_MEMORY_BYTE, len_u64(bytes))?;
    Ok(memory.write(ptr, bytes)?)
}
