//! Prices and limits of NEAR's host functions: plain data that the runtime fills from the
//! protocol's parameters once.

use std::sync::Arc;

use gas_meter::{Cost, CostId, CostTable, Gas};

use super::cost;
use crate::common;

/// What an execution on NEAR costs and may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Prices of host functions, made with [`cost::table`].
    pub costs: Arc<CostTable>,
    /// Fees of actions.
    pub fees: Fees,
    /// Limits that any chain has.
    pub common_limits: common::Limits,
    /// Limits that only NEAR has.
    pub limits: Limits,
    /// Gas of one wasm instruction, for contracts that count their own.
    pub regular_op_gas: u64,
    /// Bytes of storage that a record takes in addition to its key and value.
    pub extra_bytes_per_record: u64,
    /// Whether an account without any balance may attach one yoctoNEAR to a call.
    pub one_yocto_on_promise: bool,
}

/// Limits of an execution that only NEAR has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Gas that one execution may burn, unless it is a view.
    pub max_gas_burnt: Gas,
    /// Bytes of a deployed contract.
    pub max_contract_bytes: u64,
    /// Bytes of a storage key.
    pub max_storage_key_bytes: u64,
    /// Bytes of a storage value.
    pub max_storage_value_bytes: u64,
    /// Bytes of a value up to which reading it has no overhead.
    pub inline_value_bytes: u64,
    /// Promises that one execution may make.
    pub max_promises: u64,
    /// Promises that one promise may wait for.
    pub max_input_data_dependencies: u64,
    /// Bytes of the payload that resumes a yielded promise.
    pub max_yield_payload_bytes: u64,
    /// Bytes of state that a receipt may touch.
    pub max_storage_proof_bytes: u64,
}

/// The fee of an action: what sending burns at once, and what executing burns later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fee {
    /// Sending when the sender is the receiver.
    pub send_sir: Cost,
    /// Sending to another account.
    pub send_not_sir: Cost,
    /// Executing.
    pub exec: Cost,
}

/// Who receives a receipt, which decides the fee of sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    /// The account that sends it.
    Sender,
    /// Another account.
    Other,
}

impl Receiver {
    /// How `sender` sees `receiver`.
    pub(super) fn of(sender: &str, receiver: &str) -> Self {
        if sender == receiver { Receiver::Sender } else { Receiver::Other }
    }
}

impl Fee {
    /// The fee of sending.
    pub(super) fn send(&self, to: Receiver) -> Cost {
        match to {
            Receiver::Sender => self.send_sir,
            Receiver::Other => self.send_not_sir,
        }
    }
}

/// The fees of all actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fees(Vec<Fee>);

impl Fees {
    /// The fees that `fee` gives by the names of [`cost::ACTIONS`].
    pub fn new(mut fee: impl FnMut(&'static str) -> Fee) -> Self {
        Fees(cost::ACTIONS.iter().map(|(_, name)| fee(name)).collect())
    }

    /// The fee of the action `id`, one of [`cost::ACTIONS`].
    ///
    /// # Panics
    /// When `id` is not an action: callers name constants.
    pub fn get(&self, id: CostId) -> Fee {
        let index = id.0.checked_sub(cost::FIRST_ACTION.0).map(usize::from);
        *index.and_then(|index| self.0.get(index)).expect("fees are asked for by action ids")
    }
}
