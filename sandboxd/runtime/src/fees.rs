//! What transactions, receipts and actions cost, from NEAR's fee table.
//!
//! An action is paid twice: the *send* fee where it is put into a receipt, the *execution* fee where
//! the receipt runs. The price of gas is not known here but in [`transaction_cost`].
//! Follows nearcore's `runtime/runtime/src/config.rs`.

use near_parameters::cost::{universal_state_init_content_terms, universal_state_init_size_terms};
use near_parameters::{
    Fee, RuntimeConfig as NearConfig, SignatureKind, gas_key_add_key_exec_fee,
    gas_key_add_key_send_fee, gas_key_transfer_exec_fee, gas_key_transfer_send_fee,
    transfer_exec_fee, transfer_send_fee,
};

use crate::near::{
    AccessKey, AccessKeyPermission, AccountId, Action, ActionCosts, AddKeyAction, Balance,
    DeterministicAccountStateInit, ExtCosts, Gas, IntegerOverflowError, KeyType, ParameterCost,
    PublicKey, RawStateInit, Transaction, VersionedActionReceipt, VersionedDelegateActionRef,
    state_init_counts,
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
    /// Tokens for gas: burnt at once, and bought for the receipt.
    pub gas: Balance,
    /// Tokens that the actions carry to the receiver.
    pub deposit: Balance,
    /// Both together: what leaves the account.
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
    let gas = sum(burnt_amount, price(receipt_gas_price, gas_remaining)?)?;
    let deposit = total_deposit(actions)?;
    Ok(TransactionCost {
        gas_burnt: burnt.gas,
        compute_burnt: burnt.compute,
        gas_remaining,
        receipt_gas_price,
        burnt_amount,
        gas,
        deposit,
        total: sum(gas, deposit)?,
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
        Action::AddKey(add) => {
            let key = match method_name_bytes(add) {
                Some(bytes) => with_bytes(
                    ActionCosts::add_function_call_key_base,
                    ActionCosts::add_function_call_key_byte,
                    bytes,
                )?,
                None => fee(ActionCosts::add_full_access_key),
            };
            key.checked_add_result(nonces_fee(config, add, receiver, stage))
        }
        Action::DeleteKey(_) => Ok(fee(ActionCosts::delete_key)),
        Action::DeleteAccount(_) => Ok(fee(ActionCosts::delete_account)),
        Action::Delegate(signed) => delegate_fee(config, (&signed.delegate_action).into(), stage),
        Action::DelegateV2(signed) => delegate_fee(config, (&signed.delegate_action).into(), stage),
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
        Action::TransferToGasKey(transfer) => {
            Ok(gas_key_transfer_fee(config, &transfer.public_key, receiver, stage))
        }
        Action::WithdrawFromGasKey(withdraw) => {
            Ok(gas_key_transfer_fee(config, &withdraw.public_key, receiver, stage))
        }
        Action::DeterministicStateInit(init) => deterministic_fee(config, &init.state_init, stage),
        Action::UniversalStateInit(init) => universal_fee(config, &init.state_init, stage),
    }
}

fn delegate_fee(
    config: &NearConfig,
    wish: VersionedDelegateActionRef<'_>,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    let own = stage.of(config.fees.fee(ActionCosts::delegate));
    if stage == Stage::Execute {
        return Ok(own);
    }
    own.checked_add_result(actions_fee(config, &wish.get_actions(), wish.receiver_id(), stage)?)
}

/// What the nonces of a new gas key cost beside the key; nothing for other keys.
fn nonces_fee(
    config: &NearConfig,
    add: &AddKeyAction,
    receiver: &AccountId,
    stage: Stage,
) -> ParameterCost {
    let Some(info) = add.access_key.gas_key_info() else { return ParameterCost::ZERO };
    let (fees, key) = (&config.fees, add.public_key.trie_id_len());
    match stage {
        Stage::SendToSelf => gas_key_add_key_send_fee(fees, true),
        Stage::SendToOther => gas_key_add_key_send_fee(fees, false),
        Stage::Execute => {
            gas_key_add_key_exec_fee(fees, receiver.len(), key, info.num_nonces).total()
        }
    }
}

/// The fee of moving tokens to a gas key, or from it.
fn gas_key_transfer_fee(
    config: &NearConfig,
    key: &PublicKey,
    receiver: &AccountId,
    stage: Stage,
) -> ParameterCost {
    let (fees, key) = (&config.fees, key.trie_id_len());
    match stage {
        Stage::SendToSelf => gas_key_transfer_send_fee(fees, true, key).total(),
        Stage::SendToOther => gas_key_transfer_send_fee(fees, false, key).total(),
        Stage::Execute => gas_key_transfer_exec_fee(fees, receiver.len(), key).total(),
    }
}

fn deterministic_fee(
    config: &NearConfig,
    state_init: &DeterministicAccountStateInit,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let terms = [
        (ActionCosts::deterministic_state_init_base, 1),
        (ActionCosts::deterministic_state_init_entry, count(state_init.data().len())),
        (ActionCosts::deterministic_state_init_byte, count(state_init.len_bytes())),
    ];
    sum_of_terms(config, terms, stage)
}

fn universal_fee(
    config: &NearConfig,
    state_init: &RawStateInit,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    let counts = state_init_counts(state_init);
    let terms = universal_state_init_size_terms(counts.num_bytes)
        .into_iter()
        .chain(universal_state_init_content_terms(counts));
    sum_of_terms(config, terms, stage)
}

fn sum_of_terms(
    config: &NearConfig,
    terms: impl IntoIterator<Item = (ActionCosts, u64)>,
    stage: Stage,
) -> Result<ParameterCost, IntegerOverflowError> {
    terms.into_iter().try_fold(ParameterCost::ZERO, |total, (cost, units)| {
        let fee = stage.of(config.fees.fee(cost)).checked_mul_result(units)?;
        total.checked_add_result(fee)
    })
}

/// The compute of removing the nonces of gas keys, which no fee covers: that of as many
/// `storage_remove` calls (nearcore `storage_removes_compute`).
pub(crate) fn nonces_removal(
    config: &NearConfig,
    nonces: u64,
    key_bytes: u64,
) -> Result<u64, IntegerOverflowError> {
    let value_bytes = u64::try_from(AccessKey::NONCE_VALUE_LEN)
        .ok()
        .and_then(|bytes| bytes.checked_mul(nonces))
        .ok_or(IntegerOverflowError)?;
    let parts = [
        (ExtCosts::storage_remove_base, nonces),
        (ExtCosts::storage_remove_key_byte, key_bytes),
        (ExtCosts::storage_remove_ret_value_byte, value_bytes),
    ];
    parts.into_iter().try_fold(0u64, |total, (cost, units)| {
        let compute = config.wasm_config.ext_costs.compute_cost(cost).checked_mul(units);
        compute.and_then(|compute| total.checked_add(compute)).ok_or(IntegerOverflowError)
    })
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
        let fee = actions_fee(config, &inner.get_actions(), inner.receiver_id(), Stage::Execute)?;
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
        let stage = Stage::send(inner.sender_id(), inner.receiver_id());
        let fee = actions_fee(config, &inner.get_actions(), inner.receiver_id(), stage)?;
        total.checked_add_result(fee)
    })
}

/// What an action does on behalf of another account, if that is what it does.
pub(crate) fn delegated(action: &Action) -> Option<VersionedDelegateActionRef<'_>> {
    match action {
        Action::Delegate(signed) => Some((&signed.delegate_action).into()),
        Action::DelegateV2(signed) => Some((&signed.delegate_action).into()),
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
    actions.iter().filter_map(delegated).try_fold(signature_fee(config, key), |total, inner| {
        total.checked_add_result(signature_fee(config, inner.public_key()))
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
