//! Actions of promises on keys: stake, access keys, gas keys (NEP-611). A key that is malformed
//! is refused only after the action is paid for, as nearcore does.

use gas_meter::Cost;

use super::host::{NearHost, NearResult};
use super::{Action, External, NearError, Permission, PublicKey, ReceiptIndex, cost};
use crate::abi::Memory;
use crate::common::len_u64;

/// Bytes of a gas key's balance and number of nonces.
const GAS_KEY_INFO_BYTES: u64 = 18;

/// Bytes of the smallest record of a gas key: nonce, kind of permission, balance, number of
/// nonces.
const GAS_KEY_RECORD_BYTES: u64 = 27;

/// Bytes of a nonce's number in its record's key.
const NONCE_INDEX_BYTES: u64 = 2;

/// Bytes of a nonce.
const NONCE_BYTES: u64 = 8;

/// Bytes of an access key's place in the state besides account id and key.
const KEY_SEPARATOR_BYTES: u64 = 2;

/// Adds a stake to a promise.
pub(super) fn promise_batch_action_stake<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    amount_ptr: u64,
    public_key_len: u64,
    public_key_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_stake")?;
    let stake = host.core.read_u128(memory, amount_ptr)?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::STAKE, 1, to)?;
    let public_key = valid(key)?;
    host.external.append(receipt, Action::Stake { stake, public_key });
    Ok(())
}

/// Adds a key with full access to a promise.
pub(super) fn promise_batch_action_add_key_with_full_access<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
    nonce: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_add_key_with_full_access")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::ADD_FULL_ACCESS_KEY, 1, to)?;
    let (public_key, permission) = (valid(key)?, Permission::FullAccess);
    host.external.append(receipt, Action::AddKey { public_key, nonce, permission });
    Ok(())
}

/// Adds a key for function calls to a promise.
pub(super) fn promise_batch_action_add_key_with_function_call<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
    nonce: u64,
    allowance_ptr: u64,
    receiver_id_len: u64,
    receiver_id_ptr: u64,
    method_names_len: u64,
    method_names_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_add_key_with_function_call")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let grant = read_grant(
        host,
        memory,
        allowance_ptr,
        [receiver_id_len, receiver_id_ptr],
        [method_names_len, method_names_ptr],
    )?;
    let receipt = grant.pay(host, promise_index)?;
    let public_key = valid(key)?;
    let permission = grant.into_permission()?;
    host.external.append(receipt, Action::AddKey { public_key, nonce, permission });
    Ok(())
}

/// Adds the removal of a key to a promise.
pub(super) fn promise_batch_action_delete_key<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_delete_key")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::DELETE_KEY, 1, to)?;
    let public_key = valid(key)?;
    host.external.append(receipt, Action::DeleteKey { public_key });
    Ok(())
}

/// Adds a transfer to a gas key to a promise.
pub(super) fn promise_batch_action_transfer_to_gas_key<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
    amount_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_transfer_to_gas_key")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let key_bytes = key_bytes(key.as_ref());
    let deposit = host.core.read_u128(memory, amount_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::GAS_KEY_TRANSFER_BASE, 1, to)?;
    let fee = host.config.fees.get(cost::GAS_KEY_BYTE);
    let record = key_place_bytes(host, receipt, key_bytes).saturating_add(GAS_KEY_RECORD_BYTES);
    let burn = fee.send(to).checked_mul(key_bytes).ok_or(NearError::IntegerOverflow)?;
    let exec = fee.exec.gas.checked_mul(record).ok_or(NearError::IntegerOverflow)?;
    host.pay_split(cost::GAS_KEY_BYTE, burn, exec)?;
    host.take_balance(deposit)?;
    let public_key = valid(key)?;
    host.external.append(receipt, Action::TransferToGasKey { public_key, deposit });
    Ok(())
}

/// Adds a gas key with full access to a promise.
pub(super) fn promise_batch_action_add_gas_key_with_full_access<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
    num_nonces: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_add_gas_key_with_full_access")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let num_nonces = u16::try_from(num_nonces).map_err(|_| NearError::IntegerOverflow)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::ADD_FULL_ACCESS_KEY, 1, to)?;
    pay_gas_key(host, promise_index, key_bytes(key.as_ref()), num_nonces)?;
    let (public_key, permission) = (valid(key)?, Permission::FullAccess);
    host.external.append(receipt, Action::AddGasKey { public_key, num_nonces, permission });
    Ok(())
}

/// Adds a gas key for function calls to a promise.
pub(super) fn promise_batch_action_add_gas_key_with_function_call<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    public_key_len: u64,
    public_key_ptr: u64,
    num_nonces: u64,
    allowance_ptr: u64,
    receiver_id_len: u64,
    receiver_id_ptr: u64,
    method_names_len: u64,
    method_names_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_add_gas_key_with_function_call")?;
    let key = read_key(host, memory, public_key_len, public_key_ptr)?;
    let num_nonces = u16::try_from(num_nonces).map_err(|_| NearError::IntegerOverflow)?;
    let grant = read_grant(
        host,
        memory,
        allowance_ptr,
        [receiver_id_len, receiver_id_ptr],
        [method_names_len, method_names_ptr],
    )?;
    let receipt = grant.pay(host, promise_index)?;
    pay_gas_key(host, promise_index, key_bytes(key.as_ref()), num_nonces)?;
    let public_key = valid(key)?;
    let permission = grant.into_permission()?;
    host.external.append(receipt, Action::AddGasKey { public_key, num_nonces, permission });
    Ok(())
}

/// Reads a key; `None` when it is malformed.
fn read_key<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    len: u64,
    ptr: u64,
) -> NearResult<Option<PublicKey>> {
    Ok(PublicKey::parse(host.core.read_vec(memory, ptr, len)?))
}

fn valid(key: Option<PublicKey>) -> NearResult<PublicKey> {
    Ok(key.ok_or(NearError::InvalidPublicKey)?)
}

/// Bytes that a key is charged for: none when it is malformed.
fn key_bytes(key: Option<&PublicKey>) -> u64 {
    key.map_or(0, |key| len_u64(key.as_bytes()))
}

/// Bytes of the place in the state of a key of a receipt's receiver.
fn key_place_bytes<X: External>(host: &NearHost<X>, receipt: ReceiptIndex, key_bytes: u64) -> u64 {
    len_u64(host.external.receiver(receipt).as_bytes())
        .saturating_add(KEY_SEPARATOR_BYTES)
        .saturating_add(key_bytes)
}

/// Pays for what a gas key costs more than another key: the records of its nonces.
fn pay_gas_key<X: External>(
    host: &mut NearHost<X>,
    promise_index: u64,
    key_bytes: u64,
    num_nonces: u16,
) -> NearResult {
    let (receipt, to) = host.appendable(promise_index)?;
    let num_nonces = u64::from(num_nonces);
    let write = host.config.fees.get(cost::GAS_KEY_NONCE_WRITE_BASE).exec.gas;
    let writes = write.checked_mul(num_nonces).ok_or(NearError::IntegerOverflow)?;
    host.pay_split(cost::GAS_KEY_NONCE_WRITE_BASE, Cost::default(), writes)?;
    let fee = host.config.fees.get(cost::GAS_KEY_BYTE);
    let record = key_place_bytes(host, receipt, key_bytes)
        .saturating_add(NONCE_INDEX_BYTES)
        .saturating_add(NONCE_BYTES);
    let records = record.checked_mul(num_nonces).ok_or(NearError::IntegerOverflow)?;
    let burn = fee.send(to).checked_mul(GAS_KEY_INFO_BYTES).ok_or(NearError::IntegerOverflow)?;
    let exec = fee.exec.gas.checked_mul(records).ok_or(NearError::IntegerOverflow)?;
    host.pay_split(cost::GAS_KEY_BYTE, burn, exec)
}

/// What a key for function calls is to be allowed.
struct Grant {
    allowance: Option<u128>,
    receiver_id: String,
    /// As they were passed, separated by commas. They become texts of their own only when all is
    /// paid for: a list of short ones takes many times its length then.
    method_names: Vec<u8>,
}

/// Reads a permission for function calls: an allowance of zero is none, method names are
/// separated by commas.
fn read_grant<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    allowance_ptr: u64,
    [receiver_id_len, receiver_id_ptr]: [u64; 2],
    [method_names_len, method_names_ptr]: [u64; 2],
) -> NearResult<Grant> {
    let allowance = host.core.read_u128(memory, allowance_ptr)?;
    let receiver_id = host.read_account_id(memory, receiver_id_ptr, receiver_id_len)?;
    let method_names = host.core.read_vec(memory, method_names_ptr, method_names_len)?;
    let mut names = method_names.split(|byte| *byte == b',');
    if !method_names.is_empty() && names.any(<[u8]>::is_empty) {
        return Err(NearError::EmptyMethodName.into());
    }
    Ok(Grant { allowance: (allowance > 0).then_some(allowance), receiver_id, method_names })
}

impl Grant {
    /// Pays for the key; gives the receipt of the promise.
    fn pay<X: External>(
        &self,
        host: &mut NearHost<X>,
        promise_index: u64,
    ) -> NearResult<ReceiptIndex> {
        let (receipt, to) = host.appendable(promise_index)?;
        // Each name counts with a terminator, where all but the last have a comma.
        let bytes = match len_u64(&self.method_names) {
            0 => 0,
            len => len.saturating_add(1),
        };
        host.pay_action(cost::ADD_FUNCTION_CALL_KEY_BASE, 1, to)?;
        host.pay_action(cost::ADD_FUNCTION_CALL_KEY_BYTE, bytes, to)?;
        Ok(receipt)
    }

    fn into_permission(self) -> NearResult<Permission> {
        let text =
            String::from_utf8(self.method_names).map_err(|_| NearError::InvalidMethodName)?;
        let mut method_names = Vec::new();
        if !text.is_empty() {
            method_names.reserve_exact(text.split(',').count());
            method_names.extend(text.split(',').map(str::to_owned));
        }
        let Grant { allowance, receiver_id, .. } = self;
        Ok(Permission::FunctionCall { allowance, receiver_id, method_names })
    }
}
