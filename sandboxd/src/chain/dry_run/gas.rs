//! Where the gas of a transaction went: its receipts, their actions, and what each call paid for.
//! All figures add up to those of the outcomes.

use std::collections::BTreeMap;

use near_primitives::action::Action;
use near_primitives::hash::CryptoHash;
use near_primitives::profile_data_v3::ProfileDataV3;
use near_primitives::receipt::{Receipt, VersionedReceiptEnum};
use near_primitives::transaction::ExecutionMetadata;
use near_primitives::types::{AccountId, Gas};
use near_primitives::views::{CostGasUsed, ExecutionMetadataView};
use sandbox_runtime::Itemized;
use serde::Serialize;

use super::super::{Chain, Execution};

/// Where the gas of a transaction went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GasBreakdown {
    /// All of it.
    pub burnt: Gas,
    /// What turning the transaction into its receipt burnt.
    pub transaction: Gas,
    /// The receipts, in the order of their outcomes.
    pub receipts: Vec<ReceiptGas>,
}

/// Where the gas of a receipt went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptGas {
    /// The receipt.
    pub receipt_id: CryptoHash,
    /// Where it ran.
    pub executor_id: AccountId,
    /// All of it.
    pub burnt: Gas,
    /// The fee of the receipt, without its actions.
    pub fee: Gas,
    /// The actions that ran.
    pub actions: Vec<ActionGas>,
}

/// Where the gas of an action went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionGas {
    /// The kind of action, as NEAR's JSON names it.
    pub action: &'static str,
    /// What it called, if it is a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method_name: Option<String>,
    /// All of it.
    pub burnt: Gas,
    /// The fee of the action.
    pub fee: Gas,
    /// What the contract paid for, if it is a call.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallGas>,
}

/// What a contract paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallGas {
    /// Instructions.
    pub wasm: Gas,
    /// Loading the contract.
    pub contract_loading: Gas,
    /// Nodes of the trie on the way to what was written or removed.
    pub storage_nodes: Gas,
    /// Sending receipts to other contracts.
    pub promises: Gas,
    /// Host functions, by NEAR's names of their costs.
    pub host_functions: BTreeMap<String, Gas>,
}

impl CallGas {
    /// What a profile says.
    pub(super) fn of(profile: &ProfileDataV3) -> Self {
        let metadata = ExecutionMetadata::V3(Box::new(profile.clone()));
        let costs = ExecutionMetadataView::from(metadata).gas_profile.unwrap_or_default();
        let mut call = Self::default();
        for CostGasUsed { cost_category, cost, gas_used } in costs {
            let sum = match cost.as_str() {
                _ if cost_category == "ACTION_COST" => &mut call.promises,
                "WASM_INSTRUCTION" => &mut call.wasm,
                "CONTRACT_LOADING_BASE" | "CONTRACT_LOADING_BYTES" => &mut call.contract_loading,
                "TOUCHING_TRIE_NODE" | "READ_CACHED_TRIE_NODE" => &mut call.storage_nodes,
                _ => call.host_functions.entry(cost).or_insert(Gas::ZERO),
            };
            *sum = sum.saturating_add(gas_used);
        }
        call
    }
}

/// Where the gas of `execution` went. Outcomes have it by receipt; `itemized` has it by action.
pub(super) fn breakdown(
    chain: &Chain,
    execution: &Execution<'_>,
    itemized: &Itemized,
) -> GasBreakdown {
    let mut outcomes = execution.outcomes.iter().map(|at| at.outcome);
    let transaction = outcomes.next().map_or(Gas::ZERO, |outcome| outcome.outcome.gas_burnt);
    let receipts = outcomes.map(|outcome| {
        let receipt = chain.receipt(&outcome.id).map(|(receipt, _)| receipt);
        let actions = receipt.map(actions_of).unwrap_or_default();
        let ran = itemized.get(&outcome.id).map(Vec::as_slice).unwrap_or_default();
        let actions: Vec<_> =
            actions.iter().zip(ran).map(|(action, gas)| action_gas(action, gas)).collect();
        let burnt = outcome.outcome.gas_burnt;
        let fee = actions.iter().fold(burnt, |rest, action| rest.saturating_sub(action.burnt));
        let executor_id = outcome.outcome.executor_id.clone();
        ReceiptGas { receipt_id: outcome.id, executor_id, burnt, fee, actions }
    });
    let receipts: Vec<_> = receipts.collect();
    let burnt = receipts.iter().fold(transaction, |sum, next| sum.saturating_add(next.burnt));
    GasBreakdown { burnt, transaction, receipts }
}

fn actions_of(receipt: &Receipt) -> Vec<Action> {
    match receipt.versioned_receipt() {
        VersionedReceiptEnum::Action(action) | VersionedReceiptEnum::PromiseYield(action) => {
            action.actions().to_vec()
        }
        VersionedReceiptEnum::Data(_)
        | VersionedReceiptEnum::PromiseResume(_)
        | VersionedReceiptEnum::GlobalContractDistribution(_) => Vec::new(),
    }
}

fn action_gas(action: &Action, gas: &sandbox_runtime::ActionGas) -> ActionGas {
    let (method_name, call) = match action {
        Action::FunctionCall(call) => {
            (Some(call.method_name.clone()), Some(CallGas::of(&gas.profile)))
        }
        _ => (None, None),
    };
    ActionGas { action: action_name(action), method_name, burnt: gas.burnt, fee: gas.fee, call }
}

/// What `ActionView` calls it in JSON.
fn action_name(action: &Action) -> &'static str {
    use near_primitives::action::GlobalContractDeployMode::AccountId;
    use near_primitives::action::GlobalContractIdentifier;
    match action {
        Action::CreateAccount(_) => "CreateAccount",
        Action::DeployContract(_) => "DeployContract",
        Action::FunctionCall(_) => "FunctionCall",
        Action::Transfer(_) => "Transfer",
        Action::Stake(_) => "Stake",
        Action::AddKey(_) => "AddKey",
        Action::DeleteKey(_) => "DeleteKey",
        Action::DeleteAccount(_) => "DeleteAccount",
        Action::Delegate(_) => "Delegate",
        Action::DelegateV2(_) => "DelegateV2",
        Action::DeployGlobalContract(deploy) if deploy.deploy_mode == AccountId => {
            "DeployGlobalContractByAccountId"
        }
        Action::DeployGlobalContract(_) => "DeployGlobalContract",
        Action::UseGlobalContract(used) => match used.contract_identifier {
            GlobalContractIdentifier::AccountId(_) => "UseGlobalContractByAccountId",
            GlobalContractIdentifier::CodeHash(_) => "UseGlobalContract",
        },
        Action::DeterministicStateInit(_) => "DeterministicStateInit",
        Action::UniversalStateInit(_) => "UniversalStateInit",
        Action::TransferToGasKey(_) => "TransferToGasKey",
        Action::WithdrawFromGasKey(_) => "WithdrawFromGasKey",
    }
}
