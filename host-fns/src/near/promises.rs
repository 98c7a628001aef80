//! Promises: receipts that the execution makes, what they wait for, and the results it got
//! itself. Actions are in `actions`.

use super::config::Receiver;
use super::host::{NearHost, NearResult, Promise};
use super::{External, NearError, PromiseResult, ReceiptIndex, YieldRef, actions, cost};
use crate::abi::Memory;
use crate::common::len_u64;

/// Bytes of a promise index in guest memory.
const INDEX_BYTES: u64 = 8;

impl<X: External> NearHost<X> {
    /// The promise with a number that the guest passed.
    fn promise(&self, promise_idx: u64) -> NearResult<&Promise> {
        let promise = usize::try_from(promise_idx).ok().and_then(|at| self.promises.get(at));
        Ok(promise.ok_or(NearError::InvalidPromiseIndex { promise_idx })?)
    }

    /// The receipt that actions for a promise go to, and who receives it.
    pub(super) fn appendable(&self, promise_idx: u64) -> NearResult<(ReceiptIndex, Receiver)> {
        match self.promise(promise_idx)? {
            Promise::Receipt(receipt) => {
                let receiver = self.external.receiver(*receipt);
                Ok((*receipt, Receiver::of(&self.context.current_account_id, receiver)))
            }
            Promise::Joint(_) => Err(NearError::CannotAppendActionToJointPromise.into()),
        }
    }

    /// Numbers a promise. It counts even when it is one too many.
    fn push_promise(&mut self, promise: Promise) -> NearResult<u64> {
        let index = count(&self.promises);
        self.promises.push(promise);
        let (number_of_promises, limit) = (count(&self.promises), self.config.limits.max_promises);
        if number_of_promises > limit {
            return Err(NearError::NumberPromisesExceeded { number_of_promises, limit }.into());
        }
        Ok(index)
    }

    /// Pays for a receipt and the data receipts that will bring it results.
    fn pay_new_receipt(&mut self, to: Receiver, data_from: &[Receiver]) -> NearResult {
        let receipt = self.config.fees.get(cost::NEW_ACTION_RECEIPT);
        let data = self.config.fees.get(cost::NEW_DATA_RECEIPT_BASE);
        let mut burn = receipt.send(to);
        for from in data_from {
            burn = burn
                .checked_add(data.send(*from))
                .and_then(|burn| burn.checked_add(data.exec))
                .ok_or(NearError::IntegerOverflow)?;
        }
        self.pay_split(cost::NEW_ACTION_RECEIPT, burn, receipt.exec.gas)
    }
}

fn count<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// Makes a promise of a function call.
pub(super) fn promise_create<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    account_id_len: u64,
    account_id_ptr: u64,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    amount_ptr: u64,
    gas: u64,
) -> NearResult<u64> {
    let promise_idx = promise_batch_create(host, memory, account_id_len, account_id_ptr)?;
    actions::promise_batch_action_function_call(
        host,
        memory,
        promise_idx,
        method_name_len,
        method_name_ptr,
        arguments_len,
        arguments_ptr,
        amount_ptr,
        gas,
    )?;
    Ok(promise_idx)
}

/// Makes a promise of a function call that waits for another promise.
pub(super) fn promise_then<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    account_id_len: u64,
    account_id_ptr: u64,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    amount_ptr: u64,
    gas: u64,
) -> NearResult<u64> {
    let promise_idx =
        promise_batch_then(host, memory, promise_index, account_id_len, account_id_ptr)?;
    actions::promise_batch_action_function_call(
        host,
        memory,
        promise_idx,
        method_name_len,
        method_name_ptr,
        arguments_len,
        arguments_ptr,
        amount_ptr,
        gas,
    )?;
    Ok(promise_idx)
}

/// Joins promises, to wait for all of them.
pub(super) fn promise_and<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_idx_ptr: u64,
    promise_idx_count: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_and")?;
    host.core.gas.pay(cost::PROMISE_AND_BASE)?;
    let list_len = promise_idx_count.checked_mul(INDEX_BYTES).ok_or(NearError::IntegerOverflow)?;
    host.core.gas.pay_per(cost::PROMISE_AND_PER_PROMISE, list_len)?;
    let list = host.core.read_memory(memory, promise_idx_ptr, list_len)?;
    let mut receipts = Vec::new();
    for index in list.as_chunks::<8>().0 {
        match host.promise(u64::from_le_bytes(*index))? {
            Promise::Receipt(receipt) => receipts.push(*receipt),
            Promise::Joint(joined) => receipts.extend_from_slice(joined),
        }
        let limit = host.config.limits.max_input_data_dependencies;
        if count(&receipts) > limit {
            return Err(NearError::NumberInputDataDependenciesExceeded {
                number_of_input_data_dependencies: count(&receipts),
                limit,
            }
            .into());
        }
    }
    host.push_promise(Promise::Joint(receipts))
}

/// Makes an empty promise, to be filled with actions.
pub(super) fn promise_batch_create<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    account_id_len: u64,
    account_id_ptr: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_batch_create")?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    let to = Receiver::of(&host.context.current_account_id, &account);
    host.pay_new_receipt(to, &[])?;
    let receipt = host.external.create_receipt(&account, &[])?;
    host.push_promise(Promise::Receipt(receipt))
}

/// Makes an empty promise that waits for another promise.
pub(super) fn promise_batch_then<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    account_id_len: u64,
    account_id_ptr: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_batch_then")?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    let after = match host.promise(promise_index)? {
        Promise::Receipt(receipt) => vec![*receipt],
        Promise::Joint(receipts) => receipts.clone(),
    };
    let to = Receiver::of(&host.context.current_account_id, &account);
    let data_from: Vec<_> = after
        .iter()
        .map(|receipt| Receiver::of(&account, host.external.receiver(*receipt)))
        .collect();
    host.pay_new_receipt(to, &data_from)?;
    let receipt = host.external.create_receipt(&account, &after)?;
    host.push_promise(Promise::Receipt(receipt))
}

/// Sends a promise's refunds of balance to another account.
pub(super) fn promise_set_refund_to<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    account_id_len: u64,
    account_id_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_set_refund_to")?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    match *host.promise(promise_index)? {
        Promise::Receipt(receipt) => host.external.set_refund_to(receipt, &account),
        Promise::Joint(_) => return Err(NearError::CannotSetRefundToOnJointPromise.into()),
    }
    Ok(())
}

/// How many results the call got.
pub(super) fn promise_results_count<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
) -> NearResult<u64> {
    host.enter_call_only("promise_results_count")?;
    Ok(count(&host.context.promise_results))
}

/// The status of a result, its value to a register; the value's bytes are free.
pub(super) fn promise_result<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    result_idx: u64,
    register_id: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_result")?;
    let result =
        usize::try_from(result_idx).ok().and_then(|at| host.context.promise_results.get(at));
    match result.ok_or(NearError::InvalidPromiseResultIndex { result_idx })? {
        PromiseResult::NotReady => Ok(0),
        PromiseResult::Successful(value) => {
            let value = value.clone();
            host.core.set_register_given(register_id, value)?;
            Ok(1)
        }
        PromiseResult::Failed => Ok(2),
    }
}

/// Lets a promise stand for the result of the call.
pub(super) fn promise_return<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    promise_idx: u64,
) -> NearResult {
    host.enter()?;
    host.core.gas.pay(cost::PROMISE_RETURN)?;
    host.refuse_in_view("promise_return")?;
    match host.promise(promise_idx)? {
        Promise::Receipt(receipt) => host.returned_receipt = Some(*receipt),
        Promise::Joint(_) => return Err(NearError::CannotReturnJointPromise.into()),
    }
    Ok(())
}

/// Makes a promise of a function call on the current account that waits to be resumed; its data
/// id goes to a register.
pub(super) fn promise_yield_create<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    gas: u64,
    gas_weight: u64,
    register_id: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_yield_create")?;
    host.core.gas.pay(cost::YIELD_CREATE_BASE)?;
    let call = actions::read_call(
        host,
        memory,
        [method_name_len, method_name_ptr],
        [arguments_len, arguments_ptr],
    )?;
    host.core.gas.pay_per(cost::YIELD_CREATE_BYTE, call.bytes())?;
    host.core.gas.reserve(gas_meter::Gas::new(gas))?;
    host.pay_new_receipt(Receiver::Sender, &[Receiver::Sender])?;
    let (receipt, data_id) = host
        .external
        .yield_create(None)?
        .ok_or_else(|| crate::abi::Fault::new("a yield without a chosen id was refused"))?;
    let promise_idx = host.push_promise(Promise::Receipt(receipt))?;
    call.pay(host, Receiver::Sender)?;
    call.append(host, receipt, 0, gas, gas_weight)?;
    host.core.set_register(register_id, data_id)?;
    Ok(promise_idx)
}

/// Like `promise_yield_create` under an id that the contract chooses; `u64::MAX` when the id is
/// in use.
pub(super) fn promise_yield_create_with_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    amount_ptr: u64,
    gas: u64,
    gas_weight: u64,
    yield_id_len: u64,
    yield_id_ptr: u64,
) -> NearResult<u64> {
    host.enter_call_only("promise_yield_create_with_id")?;
    host.core.gas.pay(cost::YIELD_CREATE_WITH_ID_BASE)?;
    let amount = host.core.read_u128(memory, amount_ptr)?;
    let call = actions::read_call(
        host,
        memory,
        [method_name_len, method_name_ptr],
        [arguments_len, arguments_ptr],
    )?;
    let yield_id = host.core.read_vec(memory, yield_id_ptr, yield_id_len)?;
    let yield_id = yield_id.try_into().map_err(|_| NearError::YieldIdMalformed)?;
    host.core.gas.pay_per(cost::YIELD_CREATE_BYTE, call.bytes())?;
    let Some((receipt, _data_id)) = host.external.yield_create(Some(yield_id))? else {
        return Ok(u64::MAX);
    };
    host.core.gas.reserve(gas_meter::Gas::new(gas))?;
    host.pay_new_receipt(Receiver::Sender, &[Receiver::Sender])?;
    let promise_idx = host.push_promise(Promise::Receipt(receipt))?;
    call.pay(host, Receiver::Sender)?;
    actions::take_deposit(host, amount)?;
    call.append(host, receipt, amount, gas, gas_weight)?;
    Ok(promise_idx)
}

/// Resumes a yielded promise by its data id: 1, or 0 when none waits.
pub(super) fn promise_yield_resume<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    data_id_len: u64,
    data_id_ptr: u64,
    payload_len: u64,
    payload_ptr: u64,
) -> NearResult<u32> {
    host.enter_call_only("promise_yield_resume")?;
    let (id, payload) =
        read_resumption(host, memory, [data_id_len, data_id_ptr], [payload_len, payload_ptr])?;
    let id = id.try_into().map_err(|_| NearError::DataIdMalformed)?;
    Ok(u32::from(host.external.yield_resume(YieldRef::DataId(id), payload)?))
}

/// Resumes a yielded promise by the id that the contract chose: 1, or 0 when none waits.
pub(super) fn promise_yield_resume_with_yield_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    yield_id_len: u64,
    yield_id_ptr: u64,
    payload_len: u64,
    payload_ptr: u64,
) -> NearResult<u32> {
    host.enter_call_only("promise_yield_resume_with_yield_id")?;
    let (id, payload) =
        read_resumption(host, memory, [yield_id_len, yield_id_ptr], [payload_len, payload_ptr])?;
    let id = id.try_into().map_err(|_| NearError::YieldIdMalformed)?;
    Ok(u32::from(host.external.yield_resume(YieldRef::ChosenId(id), payload)?))
}

/// Reads the id and the payload of a resumption. The payload is charged by the length that the
/// guest passed, even where that names a register.
fn read_resumption<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    [id_len, id_ptr]: [u64; 2],
    [payload_len, payload_ptr]: [u64; 2],
) -> NearResult<(Vec<u8>, Vec<u8>)> {
    host.core.gas.pay(cost::YIELD_RESUME_BASE)?;
    host.core.gas.pay_per(cost::YIELD_RESUME_BYTE, payload_len)?;
    let id = host.core.read_vec(memory, id_ptr, id_len)?;
    let payload = host.core.read_vec(memory, payload_ptr, payload_len)?;
    let (length, limit) = (len_u64(&payload), host.config.limits.max_yield_payload_bytes);
    if length > limit {
        return Err(NearError::YieldPayloadLength { length, limit }.into());
    }
    Ok((id, payload))
}
