//! Actions of promises: check, charge, append. Those on access keys are in `keys`. The order of
//! charges and checks is nearcore's (near-vm-runner `logic/host.rs`).

use gas_meter::Gas;

use super::account_id::{self, AccountKind};
use super::config::Receiver;
use super::host::{NearHost, NearResult};
use super::{Action, ContractId, DeployMode, External, NearError, ReceiptIndex, cost};
use crate::abi::Memory;
use crate::common::len_u64;

/// A function call that is being added to a promise.
pub(super) struct Call {
    method_name: Vec<u8>,
    args: Vec<u8>,
}

/// Reads a method name and arguments, each as length and pointer.
pub(super) fn read_call<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    [method_name_len, method_name_ptr]: [u64; 2],
    [arguments_len, arguments_ptr]: [u64; 2],
) -> NearResult<Call> {
    let method_name = host.core.read_vec(memory, method_name_ptr, method_name_len)?;
    if method_name.is_empty() {
        return Err(NearError::EmptyMethodName.into());
    }
    let args = host.core.read_vec(memory, arguments_ptr, arguments_len)?;
    Ok(Call { method_name, args })
}

impl Call {
    /// Bytes that are charged.
    pub(super) fn bytes(&self) -> u64 {
        len_u64(&self.method_name).saturating_add(len_u64(&self.args))
    }

    /// Pays for the action, without the gas that it gets.
    pub(super) fn pay<X: External>(&self, host: &mut NearHost<X>, to: Receiver) -> NearResult {
        host.pay_action(cost::FUNCTION_CALL_BASE, 1, to)?;
        host.pay_action(cost::FUNCTION_CALL_BYTE, self.bytes(), to)
    }

    /// Adds the action; its gas is already reserved.
    pub(super) fn append<X: External>(
        self,
        host: &mut NearHost<X>,
        receipt: ReceiptIndex,
        deposit: u128,
        gas: u64,
        gas_weight: u64,
    ) -> NearResult {
        let method_name =
            String::from_utf8(self.method_name).map_err(|_| NearError::InvalidMethodName)?;
        let (args, gas) = (self.args, Gas::new(gas));
        let action = Action::FunctionCall { method_name, args, deposit, gas, gas_weight };
        host.external.append(receipt, action);
        Ok(())
    }
}

/// Takes the deposit of a function call. An account without any balance may attach one
/// yoctoNEAR all the same, where the protocol allows it: contracts ask for it as a proof of full
/// access.
pub(super) fn take_deposit<X: External>(host: &mut NearHost<X>, deposit: u128) -> NearResult {
    if host.config.one_yocto_on_promise && deposit == 1 && host.balance == 0 {
        host.subsidized = host.subsidized.saturating_add(deposit);
        return Ok(());
    }
    host.take_balance(deposit)
}

/// Adds the creation of the receiver to a promise.
pub(super) fn promise_batch_action_create_account<X: External>(
    host: &mut NearHost<X>,
    _memory: &mut Memory<'_>,
    promise_index: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_create_account")?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::CREATE_ACCOUNT, 1, to)?;
    host.external.append(receipt, Action::CreateAccount);
    Ok(())
}

/// Adds a deployment to a promise.
pub(super) fn promise_batch_action_deploy_contract<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    code_len: u64,
    code_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_deploy_contract")?;
    let code = read_code(host, memory, code_len, code_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::DEPLOY_CONTRACT_BASE, 1, to)?;
    host.pay_action(cost::DEPLOY_CONTRACT_BYTE, len_u64(&code), to)?;
    host.external.append(receipt, Action::DeployContract { code });
    Ok(())
}

fn read_code<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    code_len: u64,
    code_ptr: u64,
) -> NearResult<Vec<u8>> {
    let code = host.core.read_vec(memory, code_ptr, code_len)?;
    let (size, limit) = (len_u64(&code), host.config.limits.max_contract_bytes);
    if size > limit {
        return Err(NearError::ContractSizeExceeded { size, limit }.into());
    }
    Ok(code)
}

/// Adds the deployment of a global contract, named by its hash, to a promise.
pub(super) fn promise_batch_action_deploy_global_contract<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    code_len: u64,
    code_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_deploy_global_contract")?;
    deploy_global(host, memory, promise_index, [code_len, code_ptr], DeployMode::CodeHash)
}

/// Adds the deployment of a global contract, named by the receiver, to a promise.
pub(super) fn promise_batch_action_deploy_global_contract_by_account_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    code_len: u64,
    code_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_deploy_global_contract_by_account_id")?;
    deploy_global(host, memory, promise_index, [code_len, code_ptr], DeployMode::AccountId)
}

fn deploy_global<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    promise_index: u64,
    [code_len, code_ptr]: [u64; 2],
    mode: DeployMode,
) -> NearResult {
    let code = read_code(host, memory, code_len, code_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::DEPLOY_GLOBAL_CONTRACT_BASE, 1, to)?;
    host.pay_action(cost::DEPLOY_GLOBAL_CONTRACT_BYTE, len_u64(&code), to)?;
    host.external.append(receipt, Action::DeployGlobalContract { code, mode });
    Ok(())
}

/// Adds the use of a global contract, named by its hash, to a promise.
pub(super) fn promise_batch_action_use_global_contract<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    code_hash_len: u64,
    code_hash_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_use_global_contract")?;
    let hash = read_code_hash(host, memory, code_hash_len, code_hash_ptr)?;
    use_global(host, promise_index, ContractId::CodeHash(hash))
}

/// Adds the use of a global contract, named by its deployer, to a promise.
pub(super) fn promise_batch_action_use_global_contract_by_account_id<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    account_id_len: u64,
    account_id_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_use_global_contract_by_account_id")?;
    let account = host.read_account_id(memory, account_id_ptr, account_id_len)?;
    use_global(host, promise_index, ContractId::AccountId(account))
}

/// Reads the hash that names a global contract.
pub(super) fn read_code_hash<X: External>(
    host: &mut NearHost<X>,
    memory: &Memory<'_>,
    code_hash_len: u64,
    code_hash_ptr: u64,
) -> NearResult<[u8; 32]> {
    let hash = host.core.read_vec(memory, code_hash_ptr, code_hash_len)?;
    hash.try_into().map_err(|_| NearError::ContractCodeHashMalformed.into())
}

fn use_global<X: External>(
    host: &mut NearHost<X>,
    promise_index: u64,
    contract: ContractId,
) -> NearResult {
    let bytes = match &contract {
        ContractId::CodeHash(hash) => len_u64(hash),
        ContractId::AccountId(account) => len_u64(account.as_bytes()),
    };
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::USE_GLOBAL_CONTRACT_BASE, 1, to)?;
    host.pay_action(cost::USE_GLOBAL_CONTRACT_BYTE, bytes, to)?;
    host.external.append(receipt, Action::UseGlobalContract { contract });
    Ok(())
}

/// Adds a function call with a fixed amount of gas to a promise.
pub(super) fn promise_batch_action_function_call<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    amount_ptr: u64,
    gas: u64,
) -> NearResult {
    promise_batch_action_function_call_weight(
        host,
        memory,
        promise_index,
        method_name_len,
        method_name_ptr,
        arguments_len,
        arguments_ptr,
        amount_ptr,
        gas,
        0,
    )
}

/// Adds a function call to a promise that also gets a share of the gas left at the end.
pub(super) fn promise_batch_action_function_call_weight<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    method_name_len: u64,
    method_name_ptr: u64,
    arguments_len: u64,
    arguments_ptr: u64,
    amount_ptr: u64,
    gas: u64,
    gas_weight: u64,
) -> NearResult {
    // Both variants report the shorter name, as nearcore does.
    host.enter_call_only("promise_batch_action_function_call")?;
    let amount = host.core.read_u128(memory, amount_ptr)?;
    let call = read_call(
        host,
        memory,
        [method_name_len, method_name_ptr],
        [arguments_len, arguments_ptr],
    )?;
    let (receipt, to) = host.appendable(promise_index)?;
    call.pay(host, to)?;
    host.core.gas.reserve(Gas::new(gas))?;
    take_deposit(host, amount)?;
    call.append(host, receipt, amount, gas, gas_weight)
}

/// Adds a transfer to a promise. Where it will create the receiver, it costs that too.
pub(super) fn promise_batch_action_transfer<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    amount_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_transfer")?;
    let deposit = host.core.read_u128(memory, amount_ptr)?;
    let (receipt, to) = host.appendable(promise_index)?;
    let implied: &[_] = match account_id::kind(host.external.receiver(receipt)) {
        AccountKind::Named => &[],
        AccountKind::NearImplicit => &[cost::CREATE_ACCOUNT, cost::ADD_FULL_ACCESS_KEY],
        AccountKind::EthImplicit | AccountKind::Deterministic | AccountKind::Universal => {
            &[cost::CREATE_ACCOUNT]
        }
    };
    let transfer = host.config.fees.get(cost::TRANSFER);
    let (mut burn, mut exec) = (transfer.send(to), transfer.exec);
    for id in implied {
        let fee = host.config.fees.get(*id);
        burn = burn.checked_add(fee.send(to)).ok_or(NearError::IntegerOverflow)?;
        exec = exec.checked_add(fee.exec).ok_or(NearError::IntegerOverflow)?;
    }
    host.pay_split(cost::TRANSFER, burn, exec.gas)?;
    host.take_balance(deposit)?;
    host.external.append(receipt, Action::Transfer { deposit });
    Ok(())
}

/// Adds the deletion of the receiver to a promise.
pub(super) fn promise_batch_action_delete_account<X: External>(
    host: &mut NearHost<X>,
    memory: &mut Memory<'_>,
    promise_index: u64,
    beneficiary_id_len: u64,
    beneficiary_id_ptr: u64,
) -> NearResult {
    host.enter_call_only("promise_batch_action_delete_account")?;
    let beneficiary_id = host.read_account_id(memory, beneficiary_id_ptr, beneficiary_id_len)?;
    let (receipt, to) = host.appendable(promise_index)?;
    host.pay_action(cost::DELETE_ACCOUNT, 1, to)?;
    host.external.append(receipt, Action::DeleteAccount { beneficiary_id });
    Ok(())
}
