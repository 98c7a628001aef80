//! Logs, and the panics whose message counts like a log. Follows NEAR's rules (near-vm-runner
//! `logic/host.rs`) to the unit.

use super::{Core, HostError, HostResult, cost, len_u64, strings};
use crate::abi::Memory;

/// Bytes in front of an `AssemblyScript` string that hold its length.
const STRING_HEADER_BYTES: u32 = 4;

impl Core {
    /// Bytes that logs may still have together.
    pub(super) fn remaining_log_bytes(&self) -> u64 {
        self.limits.max_total_log_bytes.saturating_sub(self.total_log_bytes)
    }

    /// The refusal of a text of `len` bytes.
    pub(super) fn log_too_long(&self, len: u64) -> HostError {
        HostError::TotalLogLengthExceeded {
            length: self.total_log_bytes.saturating_add(len),
            limit: self.limits.max_total_log_bytes,
        }
    }

    fn check_log_count(&self) -> HostResult {
        let limit = self.limits.max_logs;
        if u64::try_from(self.logs.len()).unwrap_or(u64::MAX) >= limit {
            return Err(HostError::NumberOfLogsExceeded { limit });
        }
        Ok(())
    }

    fn charge_log(&mut self, message: &str) -> HostResult {
        self.gas.pay(cost::LOG_BASE)?;
        self.gas.pay_per(cost::LOG_BYTE, len_u64(message.as_bytes()))?;
        Ok(())
    }

    fn push_log(&mut self, message: String) -> HostResult {
        let len = len_u64(message.as_bytes());
        let Some(total) = self.total_log_bytes.checked_add(len) else {
            return Err(self.log_too_long(len));
        };
        self.total_log_bytes = total;
        if total > self.limits.max_total_log_bytes {
            // The refused log counts twice in the message: NEAR adds it before it looks.
            return Err(self.log_too_long(len));
        }
        self.logs.push(message);
        Ok(())
    }
}

/// Writes a UTF-8 log.
pub fn log_utf8(core: &mut Core, memory: &mut Memory<'_>, len: u64, ptr: u64) -> HostResult {
    core.gas.pay(cost::BASE)?;
    core.check_log_count()?;
    let message = strings::read_utf8(core, memory, len, ptr)?;
    core.charge_log(&message)?;
    core.push_log(message)
}

/// Writes a UTF-16 log.
pub fn log_utf16(core: &mut Core, memory: &mut Memory<'_>, len: u64, ptr: u64) -> HostResult {
    core.gas.pay(cost::BASE)?;
    core.check_log_count()?;
    let message = strings::read_utf16(core, memory, len, ptr)?;
    core.charge_log(&message)?;
    core.push_log(message)
}

/// Ends the execution without a message.
pub fn panic(core: &mut Core, _memory: &mut Memory<'_>) -> HostResult {
    core.gas.pay(cost::BASE)?;
    Err(HostError::GuestPanic { panic_msg: "explicit guest panic".to_owned() })
}

/// Ends the execution with a UTF-8 message.
pub fn panic_utf8(core: &mut Core, memory: &mut Memory<'_>, len: u64, ptr: u64) -> HostResult {
    core.gas.pay(cost::BASE)?;
    let panic_msg = strings::read_utf8(core, memory, len, ptr)?;
    Err(HostError::GuestPanic { panic_msg })
}

/// Ends the execution as `AssemblyScript` does: message and file name are UTF-16 with their length
/// in bytes in front, and the whole is also logged.
pub fn abort(
    core: &mut Core,
    memory: &mut Memory<'_>,
    msg_ptr: u32,
    filename_ptr: u32,
    line: u32,
    col: u32,
) -> HostResult {
    core.gas.pay(cost::BASE)?;
    let header = |ptr: u32| ptr.checked_sub(STRING_HEADER_BYTES).ok_or(HostError::BadUtf16);
    let (msg_header, filename_header) = (header(msg_ptr)?, header(filename_ptr)?);
    core.check_log_count()?;
    let msg_len = read_u32(core, memory, msg_header)?;
    let filename_len = read_u32(core, memory, filename_header)?;
    let msg = strings::read_utf16(core, memory, msg_len.into(), msg_ptr.into())?;
    let filename = strings::read_utf16(core, memory, filename_len.into(), filename_ptr.into())?;
    let panic_msg = format!("{msg}, filename: \"{filename}\" line: {line} col: {col}");
    core.charge_log(&panic_msg)?;
    core.push_log(format!("ABORT: {panic_msg}"))?;
    Err(HostError::GuestPanic { panic_msg })
}

fn read_u32(core: &mut Core, memory: &Memory<'_>, ptr: u32) -> HostResult<u32> {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(core.read_memory(memory, ptr.into(), 4)?);
    Ok(u32::from_le_bytes(bytes))
}
