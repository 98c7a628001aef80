//! Which actions and receipts are well-formed, by NEAR's limits and without looking at the state.
//!
//! The same rules hold for the actions of a transaction and for those of a receipt that a contract
//! makes. Follows nearcore's `runtime/runtime/src/{action_validation,verifier}.rs`.

use near_crypto::key_conversion::is_valid_staking_key;
use near_parameters::vm::LimitConfig;

use crate::fees::{attached_gas, length};
use crate::near::{
    AccessKeyPermission, AccountId, Action, ActionsValidationError, AddKeyAction, DataReceipt,
    FunctionCallAction, FunctionCallPermission, Gas, GlobalContractIdentifier, PROTOCOL_VERSION,
    Receipt, ReceiptValidationError, VersionedActionReceipt, VersionedReceiptEnum,
};

/// How strict a receipt is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptAge {
    /// A contract has just made it: all limits hold.
    New,
    /// It was accepted earlier: limits on its size do not hold any more, since forwarding can make a
    /// receipt grow.
    Existing,
}

/// Checks the actions of one transaction or receipt.
pub fn actions(limits: &LimitConfig, actions: &[Action]) -> Result<(), ActionsValidationError> {
    actions_of_age(limits, actions, ReceiptAge::New)
}

/// Checks one receipt.
pub(crate) fn receipt(
    limits: &LimitConfig,
    receipt: &Receipt,
    age: ReceiptAge,
) -> Result<(), ReceiptValidationError> {
    if age == ReceiptAge::New {
        receipt_size(limits, receipt)?;
    }
    valid_id(receipt.predecessor_id())
        .map_err(|account_id| ReceiptValidationError::InvalidPredecessorId { account_id })?;
    valid_id(receipt.receiver_id())
        .map_err(|account_id| ReceiptValidationError::InvalidReceiverId { account_id })?;
    match receipt.versioned_receipt() {
        VersionedReceiptEnum::Action(receipt) | VersionedReceiptEnum::PromiseYield(receipt) => {
            action_receipt(limits, &receipt, age)
        }
        VersionedReceiptEnum::Data(receipt) | VersionedReceiptEnum::PromiseResume(receipt) => {
            data_receipt(limits, &receipt)
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
    limits: &LimitConfig,
    receipt: &VersionedActionReceipt<'_>,
    age: ReceiptAge,
) -> Result<(), ReceiptValidationError> {
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
    actions_of_age(limits, receipt.actions(), age)
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
    limits: &LimitConfig,
    actions: &[Action],
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    let total = count(actions);
    if total > limits.max_actions_per_receipt {
        return Err(ActionsValidationError::TotalNumberOfActionsExceeded {
            total_number_of_actions: total,
            limit: limits.max_actions_per_receipt,
        });
    }
    if age == ReceiptAge::New {
        number_of_deploys(limits, actions)?;
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
        action(limits, each, age)?;
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

fn action(
    limits: &LimitConfig,
    action: &Action,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    match action {
        Action::CreateAccount(_) | Action::Transfer(_) | Action::DeleteKey(_) => Ok(()),
        Action::DeployContract(deploy) => contract_size(limits, &deploy.code),
        Action::DeployGlobalContract(deploy) => contract_size(limits, &deploy.code),
        Action::UseGlobalContract(used) => match &used.contract_identifier {
            GlobalContractIdentifier::CodeHash(_) => Ok(()),
            GlobalContractIdentifier::AccountId(id) => valid_id(id)
                .map_err(|account_id| ActionsValidationError::InvalidAccountId { account_id }),
        },
        Action::FunctionCall(call) => function_call(limits, call, age),
        Action::Stake(stake) if is_valid_staking_key(&stake.public_key) => Ok(()),
        Action::Stake(stake) => Err(ActionsValidationError::UnsuitableStakingKey {
            public_key: Box::new(stake.public_key.clone()),
        }),
        Action::AddKey(add) => add_key(limits, add),
        Action::DeleteAccount(delete) => valid_id(&delete.beneficiary_id)
            .map_err(|account_id| ActionsValidationError::InvalidAccountId { account_id }),
        Action::Delegate(signed) => {
            actions_of_age(limits, &signed.delegate_action.get_actions(), age)
        }
        Action::DelegateV2(_) => Err(ActionsValidationError::RemovedProtocolFeature {
            protocol_feature: "DelegateV2".into(),
            version: PROTOCOL_VERSION,
        }),
        Action::DeterministicStateInit(_) => not_yet("DeterministicStateInit"),
        Action::UniversalStateInit(_) => not_yet("UniversalStateInit"),
        Action::TransferToGasKey(_) => not_yet("TransferToGasKey"),
        Action::WithdrawFromGasKey(_) => not_yet("WithdrawFromGasKey"),
    }
}

/// What this runtime cannot do yet is refused as a node refuses what its protocol cannot do.
fn not_yet(feature: &str) -> Result<(), ActionsValidationError> {
    Err(ActionsValidationError::UnsupportedProtocolFeature {
        protocol_feature: feature.into(),
        version: PROTOCOL_VERSION,
    })
}

fn contract_size(limits: &LimitConfig, code: &[u8]) -> Result<(), ActionsValidationError> {
    let (size, limit) = (length(code), limits.max_contract_size);
    if size > limit {
        return Err(ActionsValidationError::ContractSizeExceeded { size, limit });
    }
    Ok(())
}

fn function_call(
    limits: &LimitConfig,
    call: &FunctionCallAction,
    age: ReceiptAge,
) -> Result<(), ActionsValidationError> {
    if call.gas == Gas::ZERO {
        return Err(ActionsValidationError::FunctionCallZeroAttachedGas);
    }
    if age == ReceiptAge::New && call.method_name.is_empty() {
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

fn add_key(limits: &LimitConfig, add: &AddKeyAction) -> Result<(), ActionsValidationError> {
    match &add.access_key.permission {
        AccessKeyPermission::FullAccess => Ok(()),
        AccessKeyPermission::FunctionCall(permission) => function_call_key(limits, permission),
        AccessKeyPermission::GasKeyFullAccess(_) | AccessKeyPermission::GasKeyFunctionCall(..) => {
            not_yet("GasKeys")
        }
    }
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

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
