//! Text in guest memory: UTF-8 and UTF-16, by length or up to a NUL. A text that no longer fits
//! into the logs is refused before it is decoded, which bounds the work. Follows NEAR's rules
//! (near-vm-runner `logic/host.rs`) to the unit.

use super::{Core, HostError, HostResult, cost, len_u64};
use crate::abi::Memory;

/// Reads UTF-8 text: `len` bytes at `ptr`, or up to a NUL when `len` is `u64::MAX`.
pub fn read_utf8(core: &mut Core, memory: &Memory<'_>, len: u64, ptr: u64) -> HostResult<String> {
    core.gas.pay(cost::UTF8_DECODING_BASE)?;
    let max_len = core.remaining_log_bytes();
    let bytes = if len == u64::MAX {
        read_until_nul(core, memory, ptr, max_len)?
    } else if len > max_len {
        return Err(core.log_too_long(len));
    } else {
        core.read_memory(memory, ptr, len)?.to_vec()
    };
    core.gas.pay_per(cost::UTF8_DECODING_BYTE, len_u64(&bytes))?;
    String::from_utf8(bytes).map_err(|_| HostError::BadUtf8)
}

/// Reads UTF-16 text: `len` bytes at `ptr`, or up to a NUL when `len` is `u64::MAX`.
pub fn read_utf16(core: &mut Core, memory: &Memory<'_>, len: u64, ptr: u64) -> HostResult<String> {
    core.gas.pay(cost::UTF16_DECODING_BASE)?;
    let max_len = core.remaining_log_bytes();
    // Finding the NUL has paid for reading the bytes already.
    let bytes = if len == u64::MAX {
        let len = utf16_len_until_nul(core, memory, ptr, max_len)?;
        memory.read(ptr, len)?
    } else {
        core.read_memory(memory, ptr, len)?
    };
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HostError::BadUtf16);
    }
    if len_u64(bytes) > max_len {
        return Err(core.log_too_long(len_u64(bytes)));
    }
    core.gas.pay_per(cost::UTF16_DECODING_BYTE, len_u64(bytes))?;
    char::decode_utf16(units.iter().copied().map(u16::from_le_bytes))
        .collect::<Result<String, _>>()
        .map_err(|_| HostError::BadUtf16)
}

fn read_until_nul(
    core: &mut Core,
    memory: &Memory<'_>,
    ptr: u64,
    max_len: u64,
) -> HostResult<Vec<u8>> {
    let mut bytes = Vec::new();
    for offset in 0..=max_len {
        let at = ptr.checked_add(offset).ok_or(HostError::MemoryAccessViolation)?;
        match core.read_memory(memory, at, 1)? {
            [0] => return Ok(bytes),
            byte => bytes.extend_from_slice(byte),
        }
    }
    Err(core.log_too_long(max_len.saturating_add(1)))
}

fn utf16_len_until_nul(
    core: &mut Core,
    memory: &Memory<'_>,
    ptr: u64,
    max_len: u64,
) -> HostResult<u64> {
    let mut len = 0u64;
    loop {
        let at = ptr.checked_add(len).ok_or(HostError::MemoryAccessViolation)?;
        if core.read_memory(memory, at, 2)? == [0, 0] {
            return Ok(len);
        }
        len = len.saturating_add(2);
        if len > max_len {
            return Err(core.log_too_long(len));
        }
    }
}
