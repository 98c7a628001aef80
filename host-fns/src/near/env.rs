//! What a contract can learn about the call it serves, and the value it returns.

use gas_meter::Cost;

use super::config::Receiver;
use super::host::{NearHost, NearResult};
use super::{AccountContract, External, NearError, cost};
use crate::abi::Memory;
use crate::common::{len_u64, output};

/// The account whose contract runs.
pub(super) fn current_account_id<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.set_register(register_id, host.context.current_account_id.as_bytes())?)
}

/// The chain's name.
pub(super) fn chain_id<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.set_register(register_id, host.external.chain_id().as_bytes())?)
}

/// The account that signed the transaction.
pub(super) fn signer_account_id<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter_call_only("signer_account_id")?;
    Ok(host.core.set_register(register_id, host.context.signer_account_id.as_bytes())?)
}

/// The key that signed the transaction.
pub(super) fn signer_account_pk<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter_call_only("signer_account_pk")?;
    Ok(host.core.set_register(register_id, host.context.signer_public_key.as_slice())?)
}

/// The account that sent the receipt.
pub(super) fn predecessor_account_id<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter_call_only("predecessor_account_id")?;
    Ok(host.core.set_register(register_id, host.context.predecessor_account_id.as_bytes())?)
}

/// The account that gets refunds.
pub(super) fn refund_to_account_id<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter_call_only("refund_to_account_id")?;
    Ok(host.core.set_register(register_id, host.context.refund_to_account_id.as_bytes())?)
}

/// Where the account's code comes from: a number for the kind, the name to a register.
pub(super) fn current_contract_code<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult<u64> {
    host.enter()?;
    let (kind, name) = match &host.context.account_contract {
        AccountContract::None => return Ok(0),
        AccountContract::Local(hash) => (1, hash.as_slice()),
        AccountContract::Global(hash) => (2, hash.as_slice()),
        AccountContract::GlobalByAccount(account) => (3, account.as_bytes()),
    };
    host.core.set_register(register_id, name)?;
    Ok(kind)
}

/// The arguments of the call; their bytes are free.
pub(super) fn input<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter()?;
    let input = host.context.input.clone();
    Ok(host.core.set_register_given(register_id, input)?)
}

/// The height of the block.
pub(super) fn block_index<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter()?;
    Ok(host.context.block_height)
}

/// The block's time.
pub(super) fn block_timestamp<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter()?;
    Ok(host.context.block_timestamp_ns)
}

/// The number of the epoch.
pub(super) fn epoch_height<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter()?;
    Ok(host.context.epoch_height)
}

/// The account's use of storage.
pub(super) fn storage_usage<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter()?;
    Ok(host.storage_usage)
}

/// The block's random seed.
pub(super) fn random_seed<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    register_id: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.set_register(register_id, host.context.random_seed.as_slice())?)
}

/// Sets the returned value. Each account that waits for it gets a data receipt, paid here by the
/// byte.
pub(super) fn value_return<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> NearResult {
    let value = output::read_value(&mut host.core, memory, value_len, value_ptr)?;
    let fee = host.config.fees.get(cost::NEW_DATA_RECEIPT_BYTE);
    let mut burn = Cost::default();
    for receiver in &host.context.output_data_receivers {
        let to = Receiver::of(&host.context.current_account_id, receiver);
        burn = fee
            .send(to)
            .checked_add(fee.exec)
            .and_then(|byte| byte.checked_mul(len_u64(&value)))
            .and_then(|bytes| burn.checked_add(bytes))
            .ok_or(NearError::IntegerOverflow)?;
    }
    host.core.gas.pay_action(cost::NEW_DATA_RECEIPT_BYTE, burn, burn.gas)?;
    host.core.output = Some(value);
    host.returned_receipt = None;
    Ok(())
}

/// What a contract calls that counts its own instructions.
pub(super) fn gas<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    opcodes: u32,
) -> NearResult {
    let gas = gas_meter::Gas::new(host.config.regular_op_gas)
        .checked_mul(u64::from(opcodes))
        .ok_or(NearError::IntegerOverflow)?;
    Ok(host.core.gas.burn(gas)?)
}

/// Writes to the sandbox's own log, free and without effect on the chain.
pub(super) fn sandbox_debug_log<X: External>(
    _host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    len: u64,
    ptr: u64,
) -> NearResult {
    let message = std::str::from_utf8(memory.read(ptr, len)?).map_err(|_| NearError::BadUTF8)?;
    tracing::debug!(target: "sandbox", message);
    Ok(())
}

/// Storage iterators are gone; calling one ends the execution.
macro_rules! deprecated {
    ($($name:ident($($param:ident),*);)*) => {$(
        pub(super) fn $name<X: External>(
            _host: &mut NearHost<X>,
            _memory: &mut Memory<'_>,
            $($param: u64,)*
        ) -> NearResult<u64> {
            Err(NearError::Deprecated { method_name: stringify!($name).to_owned() }.into())
        }
    )*};
}

deprecated! {
    storage_iter_prefix(_len, _ptr);
    storage_iter_range(_start_len, _start_ptr, _end_len, _end_ptr);
    storage_iter_next(_iterator_id, _key_register_id, _value_register_id);
}
