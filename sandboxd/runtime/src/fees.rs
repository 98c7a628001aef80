//! What transactions, receipts and actions cost, from NEAR's fee table.
//!
//! An action is paid twice: the *send* fee where it is put into a receipt, the *execution* fee where
//! the receipt runs. The price of gas is not known here but in [`transaction_cost`].
//! Follows nearcore's `runtime/runtime/src/config.rs`.

use near_parameters::{
    Fee, RuntimeConfig as NearConfig, SignatureKind, transfer_exec_fee, transfer_send_fee,
};

use crate::near::{
    AccessKeyPermission, AccountId, Action, ActionCosts, AddKeyAction, Balance, DelegateAction,
    Gas, IntegerOverflowError, KeyType, ParameterCost, PublicKey, Transaction,
    VersionedActionReceipt,
};

/// What it costs to turn a transaction into a receipt, and to buy the gas that the receipt carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionCost {
    /// Gas burnt at once.
    pub gas_burnt: Gas,
    /// Compute units that the burnt gas takes of the block.
    pub compute_burnt: u64,
    /// Gas bought for the receipt: attached to calls, and for the execution of its actions.
    pub gas_remaining: Gas,
    /// The price at which that gas is bought, in yoctoNEAR per unit.
    pub receipt_gas_price: Balance,
    /// Tokens burnt at once.
    pub burnt_amount: Balance,
    /// Tokens that leave the account: burnt, for bought gas, and deposits.
    pub total: Balance,
}

/// Whether a fee is paid to send an action or to execute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Paid by the sender, for a receipt to itself.
    SendToSelf,
    /// Paid by the sender, for a receipt to another account.
    SendToOther,
    /// Paid where the receipt runs, from gas that was bought with it.
    Execute,
}

impl Stage {
    /// The stage of sending between these two accounts.
    pub(crate) fn send(sender: &AccountId, receiver: &AccountId) -> Self {
        if sender == receiver { Stage::SendToSelf } else { Stage::SendToOther }
    }

    fn of(self, fee: &Fee) -> ParameterCost {
        match self {
            Stage::SendToSelf => fee.send_fee(true),
            Stage::SendToOther => fee.send_fee(false),
            Stage::Execute => fee.exec_fee(),
        }
    }
}

/// The cost of `transaction` in a block whose gas price is `gas_price`.
pub fn transaction_cost(
    config: &NearConfig,
    transaction: &Transaction,
    gas_price: Balance,
) -> Result<TransactionCost, IntegerOverflowError> {
    let (signer, receiver) = (transaction.signer_id(), transaction.receiver_id());
    let actions = transaction.actions();
    let stage = Stage::send(signer, receiver);
    let burnt = receipt_fee(config, stage)
        .checked_add_result(actions_fee(config, actions, receiver, stage)?)?
        .checked_add_result(signature_fees(config, transaction.public_key(), actions)?)?;
    let gas_remaining = gas_of_actions(config, actions, receiver)?;
    let burnt_amount = price(gas_price, burnt.gas)?;
    // Gas for later is never bought below the minimum; what the block price is less is paid back.
    let receipt_gas_price = gas_price.max(config.min_gas_purchase_price);
    let total =
        sum(sum(burnt_amount, price(receipt_gas_price, gas_remaining)?)?, total_deposit(actions)?)?;
    Ok(TransactionCost {
        gas_burnt: burnt.gas,
        compute_burnt: burnt.compute,
        gas_remaining,
        receipt_gas_price,
        burnt_amount,
        total,
    })
}

/// The fee of the receipt itself, without its actions.
pub(crate) fn receipt_fee(config: &NearConfig, stage: Stage) -> ParameterCost {
    stage.of(config.fees.fee(ActionCosts::new_action_receipt))
}

/// The fee of one action for `receiver`. To send a delegate action also takes what its actions take.
pub(crate) fn action_fee(
    config: &NearConfig,
    action: &Action,
    receiver: &AccountId,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    let fee = |cost: ActionCosts| stage.of(config.fees.fee(cost));
    let with_bytes = |base: ActionCosts, byte: ActionCosts, bytes: u64| {
        fee(base).checked_add_result(fee(byte).checked_mul_result(bytes)?)
    };
    match action {
        Action::CreateAccount(_) => Ok(fee(ActionCosts::create_account)),
        Action::DeployContract(deploy) => with_bytes(
            ActionCosts::deploy_contract_base,
            ActionCosts::deploy_contract_byte,
            length(&deploy.code),
        ),
        Action::FunctionCall(call) => with_bytes(
            ActionCosts::function_call_base,
            ActionCosts::function_call_byte,
            length(call.method_name.as_bytes()).saturating_add(length(&call.args)),
        ),
        Action::Transfer(_) => Ok(transfer_fee(config, receiver, stage)),
        Action::Stake(_) => Ok(fee(ActionCosts::stake)),
        Action::AddKey(add) => match method_name_bytes(add) {
            Some(bytes) => with_bytes(
                ActionCosts::add_function_call_key_base,
                ActionCosts::add_function_call_key_byte,
                bytes,
            ),
            None => Ok(fee(ActionCosts::add_full_access_key)),
        },
        Action::DeleteKey(_) => Ok(fee(ActionCosts::delete_key)),
        Action::DeleteAccount(_) => Ok(fee(ActionCosts::delete_account)),
        Action::Delegate(signed) => {
            let own = fee(ActionCosts::delegate);
            if stage == Stage::Execute {
                return Ok(own);
            }
            let inner = &signed.delegate_action;
            let actions = actions_fee(config, &inner.get_actions(), &inner.receiver_id, stage)?;
            own.checked_add_result(actions)
        }
        Action::DeployGlobalContract(deploy) => with_bytes(
            ActionCosts::deploy_global_contract_base,
            ActionCosts::deploy_global_contract_byte,
            length(&deploy.code),
        ),
        Action::UseGlobalContract(used) => with_bytes(
            ActionCosts::use_global_contract_base,
            ActionCosts::use_global_contract_byte,
            u64::try_from(used.contract_identifier.len()).unwrap_or(u64::MAX),
        ),
        // `validate` refuses these before anything is charged.
        Action::DelegateV2(_)
        | Action::DeterministicStateInit(_)
        | Action::UniversalStateInit(_)
        | Action::TransferToGasKey(_)
        | Action::WithdrawFromGasKey(_) => Ok(ParameterCost::ZERO),
    }
}

/// Gas that the execution of `actions` in one receipt can take: fees of the receipt and its actions,
/// and what is attached to calls. Where one of them delegates, the receipt that this makes is part
/// of it.
pub(crate) fn gas_of_actions(
    config: &NearConfig,
    actions: &[Action],
    receiver: &AccountId,
) -> Result<Gas, IntegerOverflowError> {
    let mut gas = attached_gas(actions)?
        .checked_add_result(actions_fee(config, actions, receiver, Stage::Execute)?.gas)?
        .checked_add_result(receipt_fee(config, Stage::Execute).gas)?
        .checked_add_result(delegated_send_fee(config, actions)?.gas)?;
    for inner in actions.iter().filter_map(delegated) {
        let fee = actions_fee(config, &inner.get_actions(), &inner.receiver_id, Stage::Execute)?;
        gas = gas
            .checked_add_result(fee.gas)?
            .checked_add_result(receipt_fee(config, Stage::Execute).gas)?;
    }
    Ok(gas)
}

/// What it takes to send the receipts that delegate actions among `actions` make: bought with the
/// transaction, burnt where they are made.
pub(crate) fn delegated_send_fee(
    config: &NearConfig,
    actions: &[Action],
) -> Result<ParameterCost, IntegerOverflowError> {
    actions.iter().filter_map(delegated).try_fold(ParameterCost::ZERO, |total, inner| {
        let stage = Stage::send(&inner.sender_id, &inner.receiver_id);
        let fee = actions_fee(config, &inner.get_actions(), &inner.receiver_id, stage)?;
        total.checked_add_result(fee)
    })
}

/// What an action does on behalf of another account, if that is what it does.
pub(crate) fn delegated(action: &Action) -> Option<&DelegateAction> {
    match action {
        Action::Delegate(signed) => Some(&signed.delegate_action),
        _ => None,
    }
}

/// Gas attached to the calls among `actions`.
pub(crate) fn attached_gas(actions: &[Action]) -> Result<Gas, IntegerOverflowError> {
    actions.iter().try_fold(Gas::ZERO, |total, action| {
        let gas = match delegated(action) {
            Some(inner) => attached_gas(&inner.get_actions())?,
            None => action.get_prepaid_gas(),
        };
        total.checked_add_result(gas)
    })
}

/// Tokens that `actions` carry to the receiver.
pub(crate) fn total_deposit(actions: &[Action]) -> Result<Balance, IntegerOverflowError> {
    actions.iter().try_fold(Balance::ZERO, |total, action| {
        let deposit = match delegated(action) {
            Some(inner) => total_deposit(&inner.get_actions())?,
            None => action.get_deposit_balance(),
        };
        sum(total, deposit)
    })
}

/// Tokens that a receipt carries: deposits, and the gas bought for it. A refund carries no gas.
pub(crate) fn receipt_value(
    config: &NearConfig,
    predecessor: &AccountId,
    receiver: &AccountId,
    receipt: &VersionedActionReceipt<'_>,
) -> Result<Balance, IntegerOverflowError> {
    let deposit = total_deposit(receipt.actions())?;
    if predecessor.is_system() {
        return Ok(deposit);
    }
    let gas = gas_of_actions(config, receipt.actions(), receiver)?;
    sum(deposit, price(receipt.gas_price(), gas)?)
}

/// What `gas` costs at `gas_price`.
pub(crate) fn price(gas_price: Balance, gas: Gas) -> Result<Balance, IntegerOverflowError> {
    gas_price.checked_mul(u128::from(gas.as_gas())).ok_or(IntegerOverflowError)
}

/// `a + b`.
pub(crate) fn sum(a: Balance, b: Balance) -> Result<Balance, IntegerOverflowError> {
    a.checked_add(b).ok_or(IntegerOverflowError)
}

fn actions_fee(
    config: &NearConfig,
    actions: &[Action],
    receiver: &AccountId,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    actions.iter().try_fold(ParameterCost::ZERO, |total, action| {
        total.checked_add_result(action_fee(config, action, receiver, stage)?)
    })
}

/// A transfer to an account id that a transfer can create also pays for the creation.
fn transfer_fee(config: &NearConfig, receiver: &AccountId, stage: Stage) -> ParameterCost {
    let (eth, universal) =
        (config.wasm_config.eth_implicit_accounts, config.wasm_config.universal_accounts);
    let kind = receiver.get_account_type();
    match stage {
        Stage::Execute => transfer_exec_fee(&config.fees, eth, universal, kind),
        Stage::SendToSelf => transfer_send_fee(&config.fees, true, eth, universal, kind),
        Stage::SendToOther => transfer_send_fee(&config.fees, false, eth, universal, kind),
    }
}

/// The fees of checking the signatures of a transaction: its own, and those of delegate actions.
fn signature_fees(
    config: &NearConfig,
    key: &PublicKey,
    actions: &[Action],
) -> Result<ParameterCost, IntegerOverflowError> {
    let inner = actions.iter().filter_map(delegated).map(|inner| &inner.public_key);
    std::iter::once(key).chain(inner).try_fold(ParameterCost::ZERO, |total, key| {
        total.checked_add_result(signature_fee(config, key))
    })
}

/// Checking a post-quantum signature costs extra, the others are part of the receipt's fee.
fn signature_fee(config: &NearConfig, key: &PublicKey) -> ParameterCost {
    let kind = match key.key_type() {
        KeyType::ED25519 => SignatureKind::Ed25519,
        KeyType::SECP256K1 => SignatureKind::Secp256k1,
        KeyType::MLDSA65 => SignatureKind::MlDsa65,
    };
    config.fees.signature_verification_costs[kind]
}

/// Bytes of the method names of a function-call key, each with a terminator; `None` for other keys.
fn method_name_bytes(add: &AddKeyAction) -> Option<u64> {
    match &add.access_key.permission {
        AccessKeyPermission::FunctionCall(permission)
        | AccessKeyPermission::GasKeyFunctionCall(_, permission) => Some(
            permission
                .method_names
                .iter()
                .map(|name| length(name.as_bytes()).saturating_add(1))
                .fold(0, u64::saturating_add),
        ),
        AccessKeyPermission::FullAccess | AccessKeyPermission::GasKeyFullAccess(_) => None,
    }
}

pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
