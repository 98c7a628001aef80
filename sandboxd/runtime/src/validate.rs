//! Which actions and receipts are well-formed, by NEAR's limits and without looking at the state.
//!
//! The same rules hold for the actions of a transaction and for those of a receipt that a contract
//! makes. Follows nearcore's `runtime/runtime/src/{action_validation,verifier}.rs`.

use std::collections::BTreeMap;

use near_crypto::key_conversion::is_valid_staking_key;
use near_parameters::vm::LimitConfig;
use near_primitives::account::id::AccountType;

use crate::config::RuntimeConfig;
use crate::fees::{attached_gas, length};
use crate::near::{
    AccessKeyPermission, AccountId, Action, ActionsValidationError, AddKeyAction, DataReceipt,
    DeterministicAccountStateInit, FunctionCallAction, FunctionCallPermission, Gas,
    GlobalContractIdentifier, RawStateInit, Receipt, ReceiptValidationError, UniversalStateInit,
    VersionedActionReceipt, VersionedDelegateActionRef, VersionedReceiptEnum,
    derive_near_deterministic_account_id, derive_universal_account_id,
};
use crate::rules::DelegateV2;

/// How strict a receipt is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptAge {
    /// A contract has just made it: all limits hold.
    New,
    /// It was accepted earlier: limits on its size do not hold any more, since forwarding can make a
    /// receipt grow.
    Existing,
}

/// Checks the actions that one transaction sends to `receiver`.
pub fn actions(
    config: &RuntimeConfig,
    receiver: &AccountId,
    actions: &[Action],
) -> Result<(), ActionsValidationError> {
    actions_of_age(config, receiver, actions, ReceiptAge::New)
}

/// Checks one receipt.
pub(crate) fn receipt(
    config: &RuntimeConfig,
    receipt: &Receipt,
    age: ReceiptAge,
) -> Result<(), ReceiptValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    if age == ReceiptAge::New {
        receipt_size(limits, receipt)?;
    }
    valid_id(receipt.predecessor_id())
        .map_err(|account_id| ReceiptValidationError::InvalidPredecessorId { account_id })?;
    valid_id(receipt.receiver_id())
        .map_err(|account_id| ReceiptValidationError::InvalidReceiverId { account_id })?;
    match receipt.versioned_receipt() {
        VersionedReceiptEnum::Action(action) | VersionedReceiptEnum::PromiseYield(action) => {
            action_receipt(config, receipt.receiver_id(), &action, age)
        }
        VersionedReceiptEnum::Data(data) | VersionedReceiptEnum::PromiseResume(data) => {
            data_receipt(limits, &data)
        }
        VersionedReceiptEnum::GlobalContractDistribution(_) => Ok(()),
    }
}

fn receipt_size(limits: &LimitConfig, receipt: &Receipt) -> Result<(), ReceiptValidationError> {
    let size =
        borsh::object_length(receipt).map_or(u64::MAX, |size| size.try_into().unwrap_or(u64::MAX));
    let limit = limits.max_receipt_size;
    if size > limit {
        return Err(ReceiptValidationError::ReceiptSizeExceeded { size, limit });
    }
    Ok(())
}

fn action_receipt(
    config: &RuntimeConfig,
    receiver: &AccountId,
    receipt: &VersionedActionReceipt<'_>,
    age: ReceiptAge,
) -> Result<(), ReceiptValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    let inputs = count(receipt.input_data_ids());
    if inputs > limits.max_number_input_data_dependencies {
        return Err(ReceiptValidationError::NumberInputDataDependenciesExceeded {
            number_of_input_data_dependencies: inputs,
            limit: limits.max_number_input_data_dependencies,
        });
    }
    if let Some(refund_to) = receipt.refund_to() {
        valid_id(refund_to)
            .map_err(|account_id| ReceiptValidationError::InvalidRefundTo { account_id })?;
    }
    actions_of_age(config, receiver, receipt.actions(), age)
        .map_err(ReceiptValidationError::ActionsValidation)
}

fn data_receipt(limits: &LimitConfig, receipt: &DataReceipt) -> Result<(), ReceiptValidationError> {
    let size = receipt.data.as_deref().map_or(0, length);
    let limit = limits.max_length_returned_data;
    if size > limit {
        return Err(ReceiptValidationError::ReturnedValueLengthExceeded { length: size, limit });
    }
    Ok(())
}

fn actions_of_age(
    config: &RuntimeConfig,
    receiver: &AccountId,
    actions: &[Action],
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    let total = count(actions);
    if total > limits.max_actions_per_receipt {
        return Err(ActionsValidationError::TotalNumberOfActionsExceeded {
            total_number_of_actions: total,
            limit: limits.max_actions_per_receipt,
        });
    }
    if actions.iter().any(Action::post_quantum_signatures_required) {
        require(config, config.rules().post_quantum_keys(), "PostQuantumSignatures")?;
    }
    if age == ReceiptAge::New {
        number_of_deploys(limits, actions)?;
        size_of_state_inits(limits, actions)?;
    }
    let mut delegates = false;
    for (index, each) in actions.iter().enumerate() {
        let is_last = index.saturating_add(1) == actions.len();
        if matches!(each, Action::DeleteAccount(_)) && !is_last {
            return Err(ActionsValidationError::DeleteActionMustBeFinal);
        }
        if each.is_delegate() && std::mem::replace(&mut delegates, true) {
            return Err(ActionsValidationError::DelegateActionMustBeOnlyOne);
        }
        action(config, receiver, each, age)?;
    }
    let gas = attached_gas(actions).map_err(|_| ActionsValidationError::IntegerOverflow)?;
    if gas > limits.max_total_prepaid_gas {
        return Err(ActionsValidationError::TotalPrepaidGasExceeded {
            total_prepaid_gas: gas,
            limit: limits.max_total_prepaid_gas,
        });
    }
    Ok(())
}

fn number_of_deploys(
    limits: &LimitConfig,
    actions: &[Action],
) -> Result<(), ActionsValidationError> {
    let deploys = actions
        .iter()
        .filter(|action| {
            matches!(action, Action::DeployContract(_) | Action::DeployGlobalContract(_))
        })
        .fold(0u64, |total, _| total.saturating_add(1));
    let limit = limits.max_deploy_actions_per_receipt;
    if deploys > limit {
        return Err(ActionsValidationError::TotalNumberOfDeployActionsExceeded {
            number_of_deploy_actions: deploys,
            limit,
        });
    }
    Ok(())
}

/// Each key and each entry of an initial state is paid for where it is installed; together they must
/// not ask for more than a block has.
fn size_of_state_inits(
    limits: &LimitConfig,
    actions: &[Action],
) -> Result<(), ActionsValidationError> {
    let (mut keys, mut entries) = (0u64, 0u64);
    for counts in actions.iter().map(Action::state_init_counts) {
        keys = keys.saturating_add(counts.keys);
        entries = entries.saturating_add(counts.entries);
    }
    let limit = limits.max_universal_state_init_keys;
    if keys > limit {
        return Err(ActionsValidationError::TotalNumberOfStateInitKeysExceeded {
            number_of_keys: keys,
            limit,
        });
    }
    let limit = limits.max_state_init_entries;
    if entries > limit {
        return Err(ActionsValidationError::TotalNumberOfStateInitEntriesExceeded {
            number_of_entries: entries,
            limit,
        });
    }
    Ok(())
}

fn action(
    config: &RuntimeConfig,
    receiver: &AccountId,
    action: &Action,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    match action {
        Action::CreateAccount(_) | Action::DeleteKey(_) => Ok(()),
        Action::Transfer(_) => transfer(config, receiver, age),
        Action::TransferToGasKey(_) | Action::WithdrawFromGasKey(_) => {
            require(config, config.rules().gas_keys(), "GasKeys")
        }
        Action::DeployContract(deploy) => contract_size(limits, &deploy.code),
        Action::DeployGlobalContract(deploy) => contract_size(limits, &deploy.code),
        Action::UseGlobalContract(used) => global_contract(&used.contract_identifier),
        Action::FunctionCall(call) => function_call(config, call, age),
        Action::Stake(stake) if is_valid_staking_key(&stake.public_key) => Ok(()),
        Action::Stake(stake) => Err(ActionsValidationError::UnsuitableStakingKey {
            public_key: Box::new(stake.public_key.clone()),
        }),
        Action::AddKey(add) => add_key(config, add),
        Action::DeleteAccount(delete) => account_id(&delete.beneficiary_id),
        Action::Delegate(signed) => {
            delegate(config, receiver, (&signed.delegate_action).into(), age)
        }
        Action::DelegateV2(signed) => {
            delegate_v2(config, age)?;
            delegate(config, receiver, (&signed.delegate_action).into(), age)
        }
        Action::DeterministicStateInit(init) => {
            deterministic_state_init(limits, receiver, &init.state_init)
        }
        Action::UniversalStateInit(init) => {
            universal_state_init(config, receiver, &init.state_init)
        }
    }
}

/// What the protocol has from some version on.
fn require(config: &RuntimeConfig, has: bool, feature: &str) -> Result<(), ActionsValidationError> {
    if has {
        return Ok(());
    }
    Err(ActionsValidationError::UnsupportedProtocolFeature {
        protocol_feature: feature.into(),
        version: config.rules().version(),
    })
}

/// Tokens cannot go to the ids of universal accounts while those cannot exist.
fn transfer(
    config: &RuntimeConfig,
    receiver: &AccountId,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let universal = receiver.get_account_type() == AccountType::UniversalAccount;
    if age == ReceiptAge::New && universal && config.rules().universal_transfer_is_refused() {
        let account_id = receiver.clone();
        return Err(ActionsValidationError::TransferToUniversalAccountNotAllowed { account_id });
    }
    Ok(())
}

fn delegate_v2(config: &RuntimeConfig, age: ReceiptAge) -> Result<(), ActionsValidationError> {
    let rules = config.rules();
    match rules.delegate_v2() {
        DelegateV2::Unknown => require(config, false, "DelegateV2"),
        DelegateV2::Removed if age == ReceiptAge::New => {
            Err(ActionsValidationError::RemovedProtocolFeature {
                protocol_feature: "DelegateV2".into(),
                version: rules.version(),
            })
        }
        DelegateV2::Removed | DelegateV2::Allowed => Ok(()),
    }
}

/// Checks what an account wants done by a relayer. Tokens do not leave a gas key that way: whoever
/// counts on them sees only what transactions do.
fn delegate(
    config: &RuntimeConfig,
    receiver: &AccountId,
    wish: VersionedDelegateActionRef<'_>,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let (rules, actions) = (config.rules(), wish.get_actions());
    let withdraws = actions.iter().any(|action| matches!(action, Action::WithdrawFromGasKey(_)));
    if age == ReceiptAge::New && withdraws && rules.delegated_withdrawal_is_refused() {
        return Err(ActionsValidationError::WithdrawFromGasKeyNotAllowedInDelegate);
    }
    let inner =
        if rules.delegated_state_init_has_own_receiver() { wish.receiver_id() } else { receiver };
    actions_of_age(config, inner, &actions, age)
}

fn global_contract(identifier: &GlobalContractIdentifier) -> Result<(), ActionsValidationError> {
    match identifier {
        GlobalContractIdentifier::CodeHash(_) => Ok(()),
        GlobalContractIdentifier::AccountId(id) => account_id(id),
    }
}

/// An account's initial state is its id: it can be installed nowhere else.
fn deterministic_state_init(
    limits: &LimitConfig,
    receiver: &AccountId,
    state_init: &DeterministicAccountStateInit,
) -> Result<(), ActionsValidationError> {
    global_contract(state_init.code())?;
    let derived_id = derive_near_deterministic_account_id(state_init);
    if &derived_id != receiver {
        let receiver_id = receiver.clone();
        return Err(ActionsValidationError::InvalidDeterministicStateInitReceiver {
            receiver_id,
            derived_id,
        });
    }
    entries(
        limits,
        state_init.data(),
        |length, limit| ActionsValidationError::DeterministicStateInitKeyLengthExceeded {
            length,
            limit,
        },
        |length, limit| ActionsValidationError::DeterministicStateInitValueLengthExceeded {
            length,
            limit,
        },
    )
}

fn universal_state_init(
    config: &RuntimeConfig,
    receiver: &AccountId,
    raw: &RawStateInit,
) -> Result<(), ActionsValidationError> {
    require(config, config.rules().universal_accounts(), "UniversalAccounts")?;
    let vm = &config.near().wasm_config;
    let derived_id = derive_universal_account_id(raw);
    if &derived_id != receiver {
        let receiver_id = receiver.clone();
        return Err(ActionsValidationError::InvalidUniversalStateInitReceiver {
            receiver_id,
            derived_id,
        });
    }
    let state_init = UniversalStateInit::from_raw(raw, vm.state_init_decode_mode())
        .map_err(|_| ActionsValidationError::MalformedUniversalStateInit)?;
    state_init.code().map_or(Ok(()), global_contract)?;
    entries(
        &vm.limit_config,
        state_init.data(),
        |length, limit| ActionsValidationError::UniversalStateInitKeyLengthExceeded {
            length,
            limit,
        },
        |length, limit| ActionsValidationError::UniversalStateInitValueLengthExceeded {
            length,
            limit,
        },
    )
}

/// Checks the storage of an initial state, entry by entry.
fn entries(
    limits: &LimitConfig,
    data: &BTreeMap<Vec<u8>, Vec<u8>>,
    long_key: fn(u64, u64) -> ActionsValidationError,
    long_value: fn(u64, u64) -> ActionsValidationError,
) -> Result<(), ActionsValidationError> {
    for (key, value) in data {
        if length(key) > limits.max_length_storage_key {
            return Err(long_key(length(key), limits.max_length_storage_key));
        }
        if length(value) > limits.max_length_storage_value {
            return Err(long_value(length(value), limits.max_length_storage_value));
        }
    }
    Ok(())
}

fn contract_size(limits: &LimitConfig, code: &[u8]) -> Result<(), ActionsValidationError> {
    let (size, limit) = (length(code), limits.max_contract_size);
    if size > limit {
        return Err(ActionsValidationError::ContractSizeExceeded { size, limit });
    }
    Ok(())
}

fn function_call(
    config: &RuntimeConfig,
    call: &FunctionCallAction,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    if call.gas == Gas::ZERO {
        return Err(ActionsValidationError::FunctionCallZeroAttachedGas);
    }
    let refuse_empty = config.rules().empty_method_name_is_refused();
    if age == ReceiptAge::New && refuse_empty && call.method_name.is_empty() {
        return Err(ActionsValidationError::FunctionCallEmptyMethodName);
    }
    let (size, limit) = (length(call.method_name.as_bytes()), limits.max_length_method_name);
    if size > limit {
        let length = size;
        return Err(ActionsValidationError::FunctionCallMethodNameLengthExceeded { length, limit });
    }
    let (size, limit) = (length(&call.args), limits.max_arguments_length);
    if size > limit {
        let length = size;
        return Err(ActionsValidationError::FunctionCallArgumentsLengthExceeded { length, limit });
    }
    Ok(())
}

fn add_key(config: &RuntimeConfig, add: &AddKeyAction) -> Result<(), ActionsValidationError> {
    let limits = &config.near().wasm_config.limit_config;
    let permission = &add.access_key.permission;
    let calls = permission.function_call_permission();
    if let Some(calls) = calls {
        function_call_key(limits, calls)?;
    }
    let Some(info) = add.access_key.gas_key_info() else { return Ok(()) };
    require(config, config.rules().gas_keys(), "GasKeys")?;
    if calls.is_some_and(|calls| calls.allowance.is_some()) {
        return Err(ActionsValidationError::GasKeyFunctionCallAllowanceNotAllowed);
    }
    let (requested_nonces, limit) = (info.num_nonces, AccessKeyPermission::MAX_NONCES_FOR_GAS_KEY);
    if requested_nonces == 0 || requested_nonces > limit {
        return Err(ActionsValidationError::GasKeyInvalidNumNonces { requested_nonces, limit });
    }
    if !info.balance.is_zero() {
        let balance = info.balance;
        return Err(ActionsValidationError::AddGasKeyWithNonZeroBalance { balance });
    }
    Ok(())
}

fn function_call_key(
    limits: &LimitConfig,
    permission: &FunctionCallPermission,
) -> Result<(), ActionsValidationError> {
    if permission.receiver_id.parse::<AccountId>().is_err() {
        // The id can be of any length; an error message need not repeat all of it.
        let longest = AccountId::MAX_LEN.saturating_mul(2);
        let account_id = shorten(&permission.receiver_id, longest);
        return Err(ActionsValidationError::InvalidAccountId { account_id });
    }
    let mut total = 0u64;
    for name in &permission.method_names {
        let (length, limit) = (length(name.as_bytes()), limits.max_length_method_name);
        if length > limit {
            return Err(ActionsValidationError::AddKeyMethodNameLengthExceeded { length, limit });
        }
        total = total.saturating_add(length).saturating_add(1);
    }
    if total > limits.max_number_bytes_method_names {
        return Err(ActionsValidationError::AddKeyMethodNamesNumberOfBytesExceeded {
            total_number_of_bytes: total,
            limit: limits.max_number_bytes_method_names,
        });
    }
    Ok(())
}

/// The longest prefix of `text` of at most `longest` bytes that ends between characters.
fn shorten(text: &str, longest: usize) -> String {
    text[..text.floor_char_boundary(longest)].to_owned()
}

/// An id that was decoded without checks, as borsh does for old data, may be no account id.
fn valid_id(id: &AccountId) -> Result<(), String> {
    AccountId::validate(id.as_str()).map_err(|_| id.to_string())
}

fn account_id(id: &AccountId) -> Result<(), ActionsValidationError> {
    valid_id(id).map_err(|account_id| ActionsValidationError::InvalidAccountId { account_id })
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
