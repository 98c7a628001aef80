//! Actions of promises that initialize accounts named after what they start with: deterministic
//! ones (NEP-616) from a global contract and data, universal ones from bytes that only the
//! [`External`] port can decode. The order of charges and checks is nearcore's (near-vm-runner
//! `logic/host.rs`).

use sha3::{Digest, Sha3_256};

use super::host::{NearHost, NearResult};
use super::{
    Action, ContractId, External, InvalidEntry, InvalidStateInit, NearError, account_id, actions,
    cost,
};
use crate::abi::Memory;
use crate::common::{len_u64, read_argument};

/// Adds the initialization of a deterministic account with a global contract, named by its hash,
/// to a promise. Returns the action's number in the promise.
pub(super) fn promise_batch_action_state_init<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    code_hash_len: u64,
    code_hash_ptr: u64,
    amount_ptr: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_batch_action_state_init")?;
    let hash = actions::read_code_hash(host, memory, code_hash_len, code_hash_ptr)?;
    deterministic(host, memory, promise_index, ContractId::CodeHash(hash), amount_ptr)
}

/// Adds the initialization of a deterministic account with a global contract, named by its
/// deployer, to a promise. Returns the action's number in the promise.
pub(super) fn promise_batch_action_state_init_by_account_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    account_id_len: u64,
    account_id_ptr: u64,
    amount_ptr: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_batch_action_state_init_by_account_id")?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    deterministic(host, memory, promise_index, ContractId::AccountId(account), amount_ptr)
}

fn deterministic<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    promise_index: u64,
    contract: ContractId,
    amount_ptr: u64,
) -> NearResult<u64> {
    let deposit = host.core.read_u128(memory, amount_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::DETERMINISTIC_STATE_INIT_BASE, 1, to)?;
    host.take_balance(deposit)?;
    Ok(host.external.append(receipt, Action::DeterministicStateInit { contract, deposit }))
}

/// Adds an entry to the data that a deterministic account starts with.
pub(super) fn set_state_init_data_entry<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    action_index: u64,
    key_len: u64,
    key_ptr: u64,
    value_len: u64,
    value_ptr: u64,
) -> NearResult {
    host.enter_call_only("set_state_init_data_entry")?;
    let (receipt, to) = host.appendable(promise_index)?;
    let key = host.core.read_vec(memory, key_ptr, key_len)?;
    let value = host.core.read_vec(memory, value_ptr, value_len)?;
    host.pay_action(cost::DETERMINISTIC_STATE_INIT_ENTRY, 1, to)?;
    let bytes = len_u64(&key).checked_add(len_u64(&value)).ok_or(NearError::IntegerOverflow)?;
    host.pay_action(cost::DETERMINISTIC_STATE_INIT_BYTE, bytes, to)?;
    let set = host.external.set_state_init_entry(receipt, action_index, key, value);
    set.map_err(|why| {
        let error = match why {
            InvalidEntry::NoSuchAction => {
                NearError::InvalidActionIndex { receipt_index: receipt.0, action_index }
            }
            InvalidEntry::AlreadySet => NearError::DataEntryAlreadyExists,
        };
        error.into()
    })
}

/// Derives the id of the universal account that starts with the given state. Views may do so too.
pub(super) fn universal_state_init_to_account_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    state_init_len: u64,
    state_init_ptr: u64,
    register_id: u64,
) -> NearResult<u64> {
    let core = &mut host.core;
    core.gas.pay(cost::UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BASE)?;
    let state_init =
        read_argument(&mut core.gas, &core.registers, memory, state_init_ptr, state_init_len)?;
    // Checking is what the bytes are charged for.
    core.gas.pay_per(cost::UNIVERSAL_STATE_INIT_TO_ACCOUNT_ID_BYTE, len_u64(state_init))?;
    match host.external.check_universal_state(state_init) {
        Err(InvalidStateInit::Malformed) => return Ok(1),
        Err(InvalidStateInit::NonCanonical) => return Ok(2),
        Ok(()) => {}
    }
    let id = account_id::universal(&Sha3_256::digest(state_init).into());
    host.core.set_register(register_id, id.as_bytes())?;
    Ok(0)
}

/// Adds the initialization of a universal account to a promise. Whether the bytes are valid and
/// the receiver is named after them is for the receipt's validation to say.
pub(super) fn promise_batch_action_universal_state_init<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    state_init_len: u64,
    state_init_ptr: u64,
    amount_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_universal_state_init")?;
    let state_init = host.core.read_vec(memory, state_init_ptr, state_init_len)?;
    let deposit = host.core.read_u128(memory, amount_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::UNIVERSAL_STATE_INIT_BASE, 1, to)?;
    host.pay_action(cost::UNIVERSAL_STATE_INIT_BYTE, len_u64(&state_init), to)?;
    // Decoding is work too: it is paid for by the byte before it is done.
    let counts = host.external.universal_state_counts(&state_init);
    host.pay_action(cost::UNIVERSAL_STATE_INIT_ENTRY, counts.entries, to)?;
    host.pay_action(cost::ADD_FULL_ACCESS_KEY, counts.keys, to)?;
    host.take_balance(deposit)?;
    host.external.append(receipt, Action::UniversalStateInit { state_init, deposit });
    Ok(())
}
