//! A chain on which accounts have points: its state, its errors and its table of host functions.

use std::collections::BTreeMap;

use gas_meter::{Gas, GasCounter, OutOfGas};
use host_fns::abi::{Abort, Feature, Host, HostFn, Memory};
use host_fns::common::{Core, HostError, cost, logs, output, read_argument, registers};
use host_fns::crypto::hash;
use host_fns::host_fn_table;

use crate::prices;

/// Points can be taken out of the world.
pub(crate) const EXPIRY: Feature = Feature(0);

/// One execution: what any chain has, and points.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    core: Core,
    pub(crate) caller: String,
    pub(crate) balances: BTreeMap<String, u64>,
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum PointsError {
    #[error("{0}")]
    Host(HostError),
    #[error("{account} has {has} points, not {wanted}")]
    TooFewPoints { account: String, has: u64, wanted: u64 },
    #[error("the stack is used up")]
    Stack,
}

impl From<HostError> for PointsError {
    fn from(error: HostError) -> Self {
        PointsError::Host(error)
    }
}

impl From<PointsError> for Abort<PointsError> {
    fn from(error: PointsError) -> Self {
        Abort::Guest(error)
    }
}

type PointsResult<T = ()> = Result<T, Abort<PointsError>>;

impl Host for Points {
    type Error = PointsError;
    type Checkpoint = Self;

    const FUNCTIONS: &'static [HostFn<Self>] = host_fn_table! {
        module "points";

        group "Points";

        /// Puts the account that calls to a register.
        host caller(register_id: u64) = caller;
        /// The points of an account.
        host balance(account_len: u64, account_ptr: u64) -> u64 = balance;
        /// Gives points of the caller to an account.
        host give(account_len: u64, account_ptr: u64, points: u64) = give;
        /// Takes points of the caller out of the world.
        #[feature(EXPIRY)]
        host expire(points: u64) = expire;

        group "What any chain has";

        /// Copies a register to memory.
        core read_register(register_id: u64, ptr: u64) = registers::read_register;
        /// SHA-256 of a value, to a register.
        core sha256(value_len: u64, value_ptr: u64, register_id: u64) = hash::sha256;
        /// Logs UTF-8 text.
        core log_utf8(len: u64, ptr: u64) = logs::log_utf8;
        /// Sets the value that the call returns.
        core value_return(value_len: u64, value_ptr: u64) = output::value_return;
    };

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.core.gas
    }

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn out_of_gas(why: OutOfGas) -> PointsError {
        HostError::from(why).into()
    }

    fn stack_exhausted() -> PointsError {
        PointsError::Stack
    }
}

impl Points {
    /// A call by `caller`, which has some points and pays with `gas`.
    pub(crate) fn new(caller: &str, points: u64, gas: u64) -> Self {
        let gas = GasCounter::new(prices::costs(), Gas::new(gas), prices::MOST_BURNT);
        Points {
            core: Core::new(gas, prices::limits()),
            caller: caller.to_owned(),
            balances: BTreeMap::from([(caller.to_owned(), points)]),
        }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    fn pay(&mut self, id: gas_meter::CostId) -> PointsResult {
        Ok(self.core.pay(id).map_err(|why| PointsError::Host(why.into()))?)
    }

    fn balance_of(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// Takes points from the caller.
    fn take(&mut self, wanted: u64) -> PointsResult {
        let (account, has) = (self.caller.clone(), self.balance_of(&self.caller));
        let Some(left) = has.checked_sub(wanted) else {
            return Err(PointsError::TooFewPoints { account, has, wanted }.into());
        };
        self.balances.insert(account, left);
        Ok(())
    }

    /// An account's name, from memory or a register.
    fn read_account(&mut self, memory: &Memory<'_>, ptr: u64, len: u64) -> PointsResult<String> {
        let Core { gas, registers, .. } = &mut self.core;
        let bytes = read_argument(gas, registers, memory, ptr, len).map_err(PointsError::Host)?;
        let name = std::str::from_utf8(bytes).map_err(|_| PointsError::Host(HostError::BadUtf8))?;
        Ok(name.to_owned())
    }
}

fn caller(host: &mut Points, _memory: &mut Memory<'_>, register_id: u64) -> PointsResult {
    host.pay(cost::BASE)?;
    Ok(host.core.set_register(register_id, host.caller.as_bytes()).map_err(PointsError::Host)?)
}

fn balance(
    host: &mut Points,
    memory: &mut Memory<'_>,
    account_len: u64,
    account_ptr: u64,
) -> PointsResult<u64> {
    host.pay(cost::BASE)?;
    let account = host.read_account(memory, account_ptr, account_len)?;
    host.pay(prices::LOOK_UP)?;
    Ok(host.balance_of(&account))
}

fn give(
    host: &mut Points,
    memory: &mut Memory<'_>,
    account_len: u64,
    account_ptr: u64,
    points: u64,
) -> PointsResult {
    host.pay(cost::BASE)?;
    let account = host.read_account(memory, account_ptr, account_len)?;
    host.pay(prices::MOVE)?;
    host.take(points)?;
    let has = host.balance_of(&account).saturating_add(points);
    host.balances.insert(account, has);
    Ok(())
}

fn expire(host: &mut Points, _memory: &mut Memory<'_>, points: u64) -> PointsResult {
    host.pay(cost::BASE)?;
    host.pay(prices::MOVE)?;
    host.take(points)
}
