//! Balances, gas and stakes. Amounts are 128-bit numbers in guest memory.

use super::host::{NearHost, NearResult};
use super::{External, cost};
use crate::abi::Memory;

/// The account's balance.
pub(super) fn account_balance<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    balance_ptr: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.write_u128(memory, balance_ptr, host.balance)?)
}

/// The account's staked balance.
pub(super) fn account_locked_balance<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    balance_ptr: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.write_u128(memory, balance_ptr, host.context.account_locked_balance)?)
}

/// What came with the call.
pub(super) fn attached_deposit<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    balance_ptr: u64,
) -> NearResult {
    host.enter()?;
    Ok(host.core.write_u128(memory, balance_ptr, host.context.attached_deposit)?)
}

/// The gas that came with the call.
pub(super) fn prepaid_gas<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter_call_only("prepaid_gas")?;
    Ok(host.context.prepaid_gas.units())
}

/// Gas burnt or attached so far.
pub(super) fn used_gas<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter_call_only("used_gas")?;
    Ok(host.core.gas.used().units())
}

/// The stake of a validator, zero when the account is not one.
pub(super) fn validator_stake<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    account_id_len: u64,
    account_id_ptr: u64,
    stake_ptr: u64,
) -> NearResult {
    host.enter()?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    host.core.gas.pay(cost::VALIDATOR_STAKE_BASE)?;
    let stake = host.external.validator_stake(&account)?.unwrap_or_default();
    Ok(host.core.write_u128(memory, stake_ptr, stake)?)
}

/// The stake of all validators.
pub(super) fn validator_total_stake<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    stake_ptr: u64,
) -> NearResult {
    host.enter()?;
    host.core.gas.pay(cost::VALIDATOR_TOTAL_STAKE_BASE)?;
    let stake = host.external.validator_total_stake()?;
    Ok(host.core.write_u128(memory, stake_ptr, stake)?)
}
