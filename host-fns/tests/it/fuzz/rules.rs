//! What holds after every call.

use std::collections::BTreeSet;

use host_fns::abi::HostFnDecl;
use host_fns::near::{Action, NearError, NearHost, Parts};

use crate::guest::{MEMORY_BYTES, config};
use crate::survey;
use crate::world::World;

/// Bytes that a call may hold for each byte of the guest's memory: a list of names of one letter
/// becomes a text for each.
const ALLOCATED_PER_BYTE: usize = 16;

/// Bytes that a call may hold in any case: tables of curves, and what it puts to the world.
const ALLOCATED: usize = 64 * 1024;

/// What there was before a call.
pub(super) struct Before {
    memory: Vec<u8>,
    burnt: u64,
    used: u64,
}

impl Before {
    pub(super) fn new(host: &NearHost<World>, memory: &[u8]) -> Self {
        let gas = &host.core.gas;
        let [burnt, used] = [gas.burnt(), gas.used()].map(gas_meter::Gas::units);
        Before { memory: memory.to_vec(), burnt, used }
    }
}

/// The call wrote what it may, if anything.
pub(super) fn check_memory(
    decl: &HostFnDecl,
    args: &[u64],
    result: &Result<u64, NearError>,
    before: &Before,
    host: &NearHost<World>,
    after: &[u8],
) {
    const NUMBER: usize = 16;
    let (at, len) = match decl.name {
        _ if result.is_err() => (0, 0),
        "read_register" => (args[1], host.core.registers.peek(args[0]).map_or(0, <[u8]>::len)),
        "account_balance"
        | "account_locked_balance"
        | "attached_deposit"
        | "validator_total_stake" => (args[0], NUMBER),
        "validator_stake" => (args[2], NUMBER),
        _ => (0, 0),
    };
    let (start, end) = (at as usize, at as usize + len);
    assert!(before.memory[..start] == after[..start], "{} writes more", decl.name);
    assert!(before.memory[end..] == after[end..], "{} writes more", decl.name);
}

/// Gas is only ever spent, and never more than there is.
pub(super) fn check_gas(decl: &HostFnDecl, before: &Before, host: &NearHost<World>) {
    let gas = &host.core.gas;
    assert!(gas.burnt() <= gas.used(), "{}", decl.name);
    assert!(gas.used() <= gas.prepaid(), "{}", decl.name);
    assert!(gas.burnt() <= config().limits.max_gas_burnt, "{}", decl.name);
    assert!(before.burnt <= gas.burnt().units(), "{}", decl.name);
    assert!(before.used <= gas.used().units(), "{}", decl.name);
    let profile = gas.profile();
    let booked: u64 = profile.iter().map(|(_, gas)| gas.units()).sum();
    assert_eq!(booked + profile.wasm().units(), gas.burnt().units(), "{}", decl.name);
}

/// Registers, logs, output, promises and storage are within their limits.
pub(super) fn check_limits(decl: &HostFnDecl, registers: &BTreeSet<u64>, host: &NearHost<World>) {
    let (core, name) = (&host.core, decl.name);
    let limits = core.limits;
    let held = registers.iter().filter_map(|id| core.registers.peek(*id));
    let held: Vec<u64> = held.map(|bytes| bytes.len() as u64).collect();
    assert!(held.len() as u64 <= limits.max_registers, "{name}");
    assert!(held.iter().all(|len| *len <= limits.max_register_bytes), "{name}");
    let together: u64 = held.iter().map(|len| len + 8).sum();
    assert!(together <= limits.registers_memory_bytes, "{name}");

    assert!(core.logs.len() as u64 <= limits.max_logs, "{name}");
    let logged: usize = core.logs.iter().map(String::len).sum();
    assert!(logged as u64 <= limits.max_total_log_bytes, "{name}");
    let output = core.output.as_ref().map_or(0, Vec::len);
    assert!(output as u64 <= limits.max_output_bytes, "{name}");

    let (limits, world) = (config().limits, host.external());
    // The one that is too many is made before it is refused.
    assert!(world.receipts.len() as u64 <= limits.max_promises + 1, "{name}");
    for receipt in &world.receipts {
        assert!(receipt.after.len() as u64 <= limits.max_input_data_dependencies, "{name}");
    }
    for value in world.storage.values() {
        assert!(value.len() as u64 <= limits.max_storage_value_bytes, "{name}");
    }
}

/// The error is one that the page of functions names.
pub(super) fn check_error(decl: &HostFnDecl, result: &Result<u64, NearError>) {
    if let Err(error) = result {
        let error = survey::name(error);
        let known = &survey::errors()[decl.name];
        let known = known.contains(&error) || error == "GasLimitExceeded" || error == "GasExceeded";
        assert!(known, "{} ends with {error}, which the page does not say", decl.name);
    }
}

/// The call held little memory.
pub(super) fn check_allocation(decl: &HostFnDecl, most: usize) {
    let bound = ALLOCATED + ALLOCATED_PER_BYTE * MEMORY_BYTES;
    assert!(most <= bound, "{} allocates {most} bytes", decl.name);
}

/// What promises got is what the account no longer has, and the gas that they got is used.
pub(super) fn check_money(money: u128, parts: &Parts<World>) {
    let (mut deposits, mut gifts) = (0, 0);
    for action in parts.external.receipts.iter().flat_map(|receipt| &receipt.actions) {
        match action {
            Action::FunctionCall { deposit, gas, .. } => {
                deposits += deposit;
                gifts += gas.units();
            }
            Action::Transfer { deposit }
            | Action::DeterministicStateInit { deposit, .. }
            | Action::UniversalStateInit { deposit, .. }
            | Action::TransferToGasKey { deposit, .. } => deposits += deposit,
            _ => {}
        }
    }
    assert_eq!(parts.balance + deposits, money + parts.subsidized);
    let attached = parts.gas.used().units() - parts.gas.burnt().units();
    assert!(gifts <= attached, "promises got {gifts} gas of {attached}");
}
