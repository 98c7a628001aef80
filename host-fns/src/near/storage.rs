//! The contract's key-value storage. The order of charges is nearcore's (near-vm-runner
//! `logic/host.rs`, and `runtime/src/ext.rs` for those inside an access), so that an execution
//! that runs out of gas does so at the same point.

use super::host::{NearHost, NearResult};
use super::{Config, External, NearError, cost};
use crate::abi::Memory;
use crate::common::{len_u64, read_argument};

/// Writes a value under a key; the value that was there goes to a register. 1 if there was one.
pub(super) fn storage_write<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    key_len: u64,
    key_ptr: u64,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
) -> NearResult<u64> {
    host.enter_call_only("storage_write")?;
    let NearHost { core, external, config, .. } = host;
    core.gas.pay(cost::STORAGE_WRITE_BASE)?;
    let key = read_argument(&mut core.gas, &core.registers, memory, key_ptr, key_len)?;
    let key_bytes = check_key(config, key)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let value_bytes = len_u64(value);
    let limit = config.limits.max_storage_value_bytes;
    if value_bytes > limit {
        return Err(NearError::ValueLengthExceeded { length: value_bytes, limit }.into());
    }
    core.gas.pay_per(cost::STORAGE_WRITE_KEY_BYTE, key_bytes)?;
    core.gas.pay_per(cost::STORAGE_WRITE_VALUE_BYTE, value_bytes)?;
    let displaced = external.write(key, value)?;
    if let Some(evicted) = &displaced.value {
        core.gas.pay_per(cost::STORAGE_WRITE_EVICTED_BYTE, len_u64(evicted))?;
    }
    host.pay_nodes(displaced.nodes)?;
    host.check_storage_proof()?;
    let Some(evicted) = displaced.value else {
        let record = record_bytes(&host.config, key_bytes, value_bytes);
        host.storage_usage = host.storage_usage.saturating_add(record);
        return Ok(0);
    };
    host.storage_usage =
        host.storage_usage.saturating_sub(len_u64(&evicted)).saturating_add(value_bytes);
    host.core.set_register_shared(register_id, evicted)?;
    Ok(1)
}

/// Copies the value under a key to a register. 1 if there is one.
pub(super) fn storage_read<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    key_len: u64,
    key_ptr: u64,
    register_id: u64,
) -> NearResult<u64> {
    host.enter()?;
    let NearHost { core, external, config, .. } = host;
    core.gas.pay(cost::STORAGE_READ_BASE)?;
    let key = read_argument(&mut core.gas, &core.registers, memory, key_ptr, key_len)?;
    let key_bytes = check_key(config, key)?;
    core.gas.pay_per(cost::STORAGE_READ_KEY_BYTE, key_bytes)?;
    let found = external.read(key)?;
    host.pay_nodes(found.nodes)?;
    if let Some(value) = &found.value {
        let value_bytes = len_u64(value);
        let gas = &mut host.core.gas;
        gas.pay_per(cost::STORAGE_READ_VALUE_BYTE, value_bytes)?;
        if value_bytes > host.config.limits.inline_value_bytes {
            gas.pay(cost::STORAGE_LARGE_READ_OVERHEAD_BASE)?;
            gas.pay_per(cost::STORAGE_LARGE_READ_OVERHEAD_BYTE, value_bytes)?;
        }
    }
    host.check_storage_proof()?;
    let Some(value) = found.value else {
        return Ok(0);
    };
    host.core.set_register_shared(register_id, value)?;
    Ok(1)
}

/// Removes what is under a key and puts it to a register. 1 if there was something.
pub(super) fn storage_remove<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    key_len: u64,
    key_ptr: u64,
    register_id: u64,
) -> NearResult<u64> {
    host.enter_call_only("storage_remove")?;
    let NearHost { core, external, config, .. } = host;
    core.gas.pay(cost::STORAGE_REMOVE_BASE)?;
    let key = read_argument(&mut core.gas, &core.registers, memory, key_ptr, key_len)?;
    let key_bytes = check_key(config, key)?;
    core.gas.pay_per(cost::STORAGE_REMOVE_KEY_BYTE, key_bytes)?;
    let displaced = external.remove(key)?;
    if let Some(removed) = &displaced.value {
        core.gas.pay_per(cost::STORAGE_REMOVE_RET_VALUE_BYTE, len_u64(removed))?;
    }
    host.pay_nodes(displaced.nodes)?;
    host.check_storage_proof()?;
    let Some(removed) = displaced.value else {
        return Ok(0);
    };
    let record = record_bytes(&host.config, key_bytes, len_u64(&removed));
    host.storage_usage = host.storage_usage.saturating_sub(record);
    host.core.set_register_shared(register_id, removed)?;
    Ok(1)
}

/// Whether there is a value under a key: 1 or 0.
pub(super) fn storage_has_key<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    key_len: u64,
    key_ptr: u64,
) -> NearResult<u64> {
    host.enter()?;
    let NearHost { core, external, config, .. } = host;
    core.gas.pay(cost::STORAGE_HAS_KEY_BASE)?;
    let key = read_argument(&mut core.gas, &core.registers, memory, key_ptr, key_len)?;
    let key_bytes = check_key(config, key)?;
    core.gas.pay_per(cost::STORAGE_HAS_KEY_BYTE, key_bytes)?;
    let (present, nodes) = external.contains(key)?;
    let paid = host.pay_nodes(nodes);
    // Here, and only here, too much state is reported before nodes that could not be paid.
    host.check_storage_proof()?;
    paid?;
    Ok(u64::from(present))
}

/// The length of a key that is not too long.
fn check_key(config: &Config, key: &[u8]) -> NearResult<u64> {
    let (length, limit) = (len_u64(key), config.limits.max_storage_key_bytes);
    if length > limit {
        return Err(NearError::KeyLengthExceeded { length, limit }.into());
    }
    Ok(length)
}

/// What a record adds to the account's use of storage. The usage that an account starts with need
/// not count what is there, as it can be written from outside: it then ends at zero, where nearcore
/// ends the block.
fn record_bytes(config: &Config, key_bytes: u64, value_bytes: u64) -> u64 {
    key_bytes.saturating_add(value_bytes).saturating_add(config.extra_bytes_per_record)
}
