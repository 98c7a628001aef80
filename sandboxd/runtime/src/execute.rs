//! An action receipt runs: its actions one after the other, then what it pays back and sends on.
//!
//! Either all of its actions take effect or none. What it burnt is paid for in both cases. Follows
//! nearcore's `apply_action_receipt` (`runtime/runtime/src/lib.rs`).

use std::sync::Arc;

use near_primitives::utils::{
    create_action_hash_from_receipt_id, create_receipt_id_from_receipt_id,
};

use crate::actions::{ActionResult, ReturnData, Running};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::{self, Stage};
use crate::itemized::ActionGas;
use crate::near::{
    Account, AccountContract, AccountId, ActionError, ActionErrorKind, Balance, CryptoHash,
    DataReceipt, ExecutionMetadata, ExecutionMetadataV4, ExecutionOutcome, ExecutionOutcomeWithId,
    ExecutionStatus, Gas, ProfileDataV3, Receipt, ReceiptEnum, ReceiptV0, ReceivedData,
    StateChangeCause, TxExecutionError, ValidatorStake, VersionedActionReceipt,
    VersionedReceiptEnum,
};
use crate::receipt::received;
use crate::refund::{self, GasRefund};
use crate::rules::StorageProofLimit;
use crate::tree;
use crate::validate::{self, ReceiptAge};
use crate::verify::missing_for_storage;

/// What the promises that a receipt waited for returned, in order; `None` for one that failed.
pub(crate) type PromiseResults = Arc<[Option<Arc<[u8]>>]>;

/// What the actions of a receipt did so far.
#[derive(Debug)]
pub(crate) struct ReceiptResult {
    pub(crate) gas_burnt: Gas,
    pub(crate) gas_used: Gas,
    /// What calls burnt, of which the contract may earn a part.
    pub(crate) call_gas: Gas,
    pub(crate) compute: u64,
    pub(crate) end: Result<ReturnData, ActionError>,
    pub(crate) logs: Vec<String>,
    pub(crate) new_receipts: Vec<Receipt>,
    pub(crate) proposals: Vec<ValidatorStake>,
    pub(crate) profile: ProfileDataV3,
    pub(crate) contracts: Vec<AccountContract>,
    pub(crate) tokens_burnt: Balance,
    pub(crate) subsidized: Balance,
}

impl ReceiptResult {
    /// Adds what the next action did.
    fn merge(&mut self, next: ActionResult) -> Result<(), RuntimeFault> {
        let add = |sum: Gas, gas: Gas| sum.checked_add(gas).or_overflow("the gas of a receipt");
        self.gas_burnt = add(self.gas_burnt, next.gas_burnt)?;
        self.gas_used = add(self.gas_used, next.gas_used)?;
        self.call_gas = add(self.call_gas, next.call_gas)?;
        self.compute =
            self.compute.checked_add(next.compute).or_overflow("the compute of a receipt")?;
        self.profile.merge(&next.profile);
        self.contracts.push(next.contract);
        self.logs.extend(next.logs);
        match next.end {
            Ok(data) => {
                self.end = Ok(match data {
                    ReturnData::Receipt(index) => {
                        ReturnData::Receipt(index.saturating_add(self.new_receipts.len()))
                    }
                    data => data,
                });
                self.new_receipts.extend(next.new_receipts);
                self.proposals.extend(next.proposals);
                self.tokens_burnt = fees::sum(self.tokens_burnt, next.tokens_burnt)?;
                self.subsidized =
                    self.subsidized.checked_add(next.subsidized).or_overflow("a subsidy")?;
            }
            Err(error) => self.fail(error),
        }
        Ok(())
    }

    /// Ends the receipt as failed: what it wanted to send, stake or get is gone; what it burnt, logged
    /// and measured stays.
    fn fail(&mut self, error: ActionError) {
        self.end = Err(error);
        self.new_receipts.clear();
        self.proposals.clear();
        self.tokens_burnt = Balance::ZERO;
        self.subsidized = Balance::ZERO;
    }
}

impl Application<'_> {
    /// Runs an action receipt whose data is all there.
    pub(crate) fn execute(
        &mut self,
        receipt: &Receipt,
        action_receipt: &VersionedActionReceipt<'_>,
    ) -> Result<ExecutionOutcomeWithId, RuntimeFault> {
        let account_id = receipt.receiver_id();
        let promise_results = self.take_inputs(account_id, action_receipt)?;
        let before = self.state.checkpoint();
        let account = tree::account(&mut self.state, account_id)?;
        let existed = account.is_some();
        let mut running = Running {
            receipt,
            action_receipt,
            promise_results,
            account,
            actor: receipt.predecessor_id().clone(),
            index: 0,
            proof_bytes_before: self.state.visits.proof_bytes(),
        };
        let mut result = self.run_actions(&mut running)?;
        self.keep_account(account_id, running.account.as_ref(), &mut result)?;
        let created = !existed && running.account.is_some() && result.end.is_ok();
        let refund = self.refund(receipt, action_receipt, &mut result, created)?;
        self.proposals.append(&mut result.proposals);
        if result.end.is_err() {
            self.state.revert_to(before);
        }
        let receipt_hash = *receipt.receipt_id();
        self.attribute(StateChangeCause::ReceiptProcessing { receipt_hash });
        let tokens_burnt = self.settle(receipt, action_receipt, &result, &refund)?;
        send_result(account_id, action_receipt, &mut result)?;
        let receipt_ids = self.send_receipts(*receipt.receipt_id(), result.new_receipts);
        let status = match result.end {
            Ok(ReturnData::Receipt(index)) => ExecutionStatus::SuccessReceiptId(
                create_receipt_id_from_receipt_id(receipt.receipt_id(), self.env.height, index),
            ),
            Ok(ReturnData::Value(data)) => ExecutionStatus::SuccessValue(data),
            Ok(ReturnData::None) => ExecutionStatus::SuccessValue(Vec::new()),
            Err(error) => ExecutionStatus::Failure(TxExecutionError::ActionError(error)),
        };
        let metadata = self.metadata(action_receipt, result.profile, result.contracts);
        Ok(ExecutionOutcomeWithId {
            id: *receipt.receipt_id(),
            outcome: ExecutionOutcome {
                status,
                logs: result.logs,
                receipt_ids,
                gas_burnt: result.gas_burnt,
                compute_usage: Some(result.compute),
                tokens_burnt,
                executor_id: account_id.clone(),
                metadata,
            },
        })
    }

    /// What an outcome tells beside its result: where the gas went, and the contract that the
    /// account had before each action.
    fn metadata(
        &self,
        action_receipt: &VersionedActionReceipt<'_>,
        profile: ProfileDataV3,
        mut contracts: Vec<AccountContract>,
    ) -> ExecutionMetadata {
        if !self.runtime.config().rules().metadata_name_contracts() {
            return ExecutionMetadata::V3(Box::new(profile));
        }
        contracts.resize(action_receipt.actions().len(), AccountContract::None);
        ExecutionMetadata::V4(Box::new(ExecutionMetadataV4 { profile, contracts }))
    }

    /// Takes the data that a receipt waited for out of the state.
    fn take_inputs(
        &mut self,
        account_id: &AccountId,
        action_receipt: &VersionedActionReceipt<'_>,
    ) -> Result<PromiseResults, RuntimeFault> {
        action_receipt
            .input_data_ids()
            .iter()
            .map(|data_id| {
                let key = received(account_id, *data_id);
                let ReceivedData { data } = tree::read_present(&mut self.state, &key)?;
                tree::remove(&mut self.state, &key);
                Ok(data.map(Arc::from))
            })
            .collect()
    }

    /// Runs the actions until one fails.
    fn run_actions(&mut self, running: &mut Running<'_>) -> Result<ReceiptResult, RuntimeFault> {
        let near = self.runtime.config().near();
        let fee = fees::receipt_fee(near, Stage::Execute);
        let mut result = ReceiptResult {
            gas_burnt: fee.gas,
            gas_used: fee.gas,
            call_gas: Gas::ZERO,
            compute: fee.compute,
            end: Ok(ReturnData::None),
            logs: Vec::new(),
            new_receipts: Vec::new(),
            proposals: Vec::new(),
            profile: ProfileDataV3::default(),
            contracts: Vec::new(),
            tokens_burnt: Balance::ZERO,
            subsidized: Balance::ZERO,
        };
        let config = self.runtime.config();
        let proof_limit = self.runtime.config().host().limits.max_storage_proof_bytes;
        let limits_all_actions =
            self.runtime.config().rules().storage_proof_limit() == StorageProofLimit::AllActions;
        for (index, action) in running.action_receipt.actions().iter().enumerate() {
            running.index = index;
            let hash = create_action_hash_from_receipt_id(
                running.receipt.receipt_id(),
                self.env.height,
                index,
            );
            let mut next = self.run_action(action, running, hash)?;
            if let Some(itemized) = &mut self.itemized {
                let actions = itemized.entry(*running.receipt.receipt_id()).or_default();
                actions.push(ActionGas::of(&next));
            }
            if next.end.is_ok() {
                let invalid = next
                    .new_receipts
                    .iter()
                    .try_for_each(|new| validate::receipt(config, new, ReceiptAge::New));
                if let Err(error) = invalid {
                    next.fail(ActionErrorKind::NewReceiptValidationError(error));
                }
            }
            result.merge(next)?;
            if limits_all_actions
                && result.end.is_ok()
                && self.proof_bytes_since(running) > proof_limit
            {
                let kind = ActionErrorKind::ReceiptStorageProofSizeExceeded { limit: proof_limit };
                result.fail(kind.into());
            }
            if let Err(error) = &mut result.end {
                error.index = u64::try_from(index).ok();
                break;
            }
        }
        Ok(result)
    }

    /// How much a receipt has added to the block's storage proof so far.
    fn proof_bytes_since(&self, running: &Running<'_>) -> u64 {
        self.state.visits.proof_bytes().saturating_sub(running.proof_bytes_before)
    }

    /// Writes the receiver back, if it can pay for its storage.
    fn keep_account(
        &mut self,
        account_id: &AccountId,
        account: Option<&Account>,
        result: &mut ReceiptResult,
    ) -> Result<(), RuntimeFault> {
        let (Ok(_), Some(account)) = (&result.end, account) else { return Ok(()) };
        match missing_for_storage(self.runtime.config().near(), account)? {
            None => tree::set_account(&mut self.state, account_id, account),
            Some(amount) => {
                let account_id = account_id.clone();
                result.fail(ActionErrorKind::LackBalanceForState { account_id, amount }.into());
            }
        }
        Ok(())
    }

    /// Adds the receipts that pay back what was not used.
    fn refund(
        &self,
        receipt: &Receipt,
        action_receipt: &VersionedActionReceipt<'_>,
        result: &mut ReceiptResult,
        created_account: bool,
    ) -> Result<GasRefund, RuntimeFault> {
        let config = self.runtime.config();
        let burn_price = refund::burn_price(config.rules(), self.env.gas_price, action_receipt);
        if receipt.predecessor_id().is_system() {
            return Ok(GasRefund::none(burn_price));
        }
        let refund = refund::gas_refund(
            config.near(),
            burn_price,
            receipt.receiver_id(),
            action_receipt,
            result,
            created_account,
        )?;
        if result.end.is_err() {
            let deposit = fees::total_deposit(action_receipt.actions())?;
            if !deposit.is_zero() {
                let to = receipt.balance_refund_receiver();
                result.new_receipts.push(Receipt::new_balance_refund(to, deposit));
            }
        }
        if !refund.amount.is_zero() {
            result.new_receipts.push(Receipt::new_gas_refund(
                action_receipt.signer_id(),
                refund.amount,
                action_receipt.signer_public_key().clone(),
            ));
        }
        Ok(refund)
    }

    /// Books what the receipt burnt. Refunds are free; the tokens of one that fails are burnt, but its
    /// outcome does not say so. What the contract earns of the gas counts as burnt in the outcome.
    fn settle(
        &mut self,
        receipt: &Receipt,
        action_receipt: &VersionedActionReceipt<'_>,
        result: &ReceiptResult,
        refund: &GasRefund,
    ) -> Result<Balance, RuntimeFault> {
        if receipt.predecessor_id().is_system() {
            if result.end.is_err() {
                self.burn_tokens(fees::total_deposit(action_receipt.actions())?)?;
            }
            return Ok(Balance::ZERO);
        }
        let gas = fees::price(refund.burn_price, result.gas_burnt)?;
        let tokens = fees::sum(fees::sum(gas, refund.charge)?, result.tokens_burnt)?;
        let earned = self.reward_contract(receipt.receiver_id(), refund.burn_price, result)?;
        let receipt_hash = *receipt.receipt_id();
        self.attribute(StateChangeCause::ActionReceiptGasReward { receipt_hash });
        self.burn_tokens(tokens.checked_sub(earned).or_overflow("what a receipt burnt")?)?;
        self.burnt.lost = fees::sum(self.burnt.lost, refund.lost)?;
        self.burnt.subsidized =
            self.burnt.subsidized.checked_add(result.subsidized).or_overflow("a subsidy")?;
        Ok(tokens)
    }

    /// Gives the receiver its part of the gas that its calls burnt, whether they failed or not, if it
    /// is still there.
    fn reward_contract(
        &mut self,
        account_id: &AccountId,
        burn_price: Balance,
        result: &ReceiptResult,
    ) -> Result<Balance, RuntimeFault> {
        let reward = refund::reward(self.runtime.config().near(), burn_price, result.call_gas)?;
        if reward.is_zero() {
            return Ok(reward);
        }
        let Some(mut account) = tree::account(&mut self.state, account_id)? else {
            return Ok(Balance::ZERO);
        };
        account.set_amount(fees::sum(account.amount(), reward)?);
        tree::set_account(&mut self.state, account_id, &account);
        Ok(reward)
    }

    /// Gives the new receipts their ids and sends them on. Outcomes list only those with actions.
    fn send_receipts(&mut self, parent: CryptoHash, new: Vec<Receipt>) -> Vec<CryptoHash> {
        let mut ids = Vec::with_capacity(new.len());
        for (index, mut receipt) in new.into_iter().enumerate() {
            let id = create_receipt_id_from_receipt_id(&parent, self.env.height, index);
            receipt.set_receipt_id(id);
            if matches!(
                receipt.versioned_receipt(),
                VersionedReceiptEnum::Action(_) | VersionedReceiptEnum::PromiseYield(_)
            ) {
                ids.push(id);
            }
            if receipt.is_instant_receipt() {
                self.instant.push_back(receipt);
            } else {
                self.outgoing.push(receipt);
            }
        }
        ids
    }
}

/// Sends the result to those who wait for it, or lets the receipt do it that was returned.
fn send_result(
    account_id: &AccountId,
    action_receipt: &VersionedActionReceipt<'_>,
    result: &mut ReceiptResult,
) -> Result<(), RuntimeFault> {
    let waiting = action_receipt.output_data_receivers();
    if waiting.is_empty() {
        return Ok(());
    }
    if let Ok(ReturnData::Receipt(index)) = result.end {
        let returned = result.new_receipts.get_mut(index).map(Receipt::receipt_mut);
        match returned {
            Some(ReceiptEnum::Action(new) | ReceiptEnum::PromiseYield(new)) => {
                new.output_data_receivers.extend_from_slice(waiting);
            }
            Some(ReceiptEnum::ActionV2(new) | ReceiptEnum::PromiseYieldV2(new)) => {
                new.output_data_receivers.extend_from_slice(waiting);
            }
            _ => {
                return Err(RuntimeFault::CorruptState("a returned receipt is missing".into()));
            }
        }
        return Ok(());
    }
    let data = match &result.end {
        Ok(ReturnData::Value(data)) => Some(data.clone()),
        Ok(_) => Some(Vec::new()),
        Err(_) => None,
    };
    result.new_receipts.extend(waiting.iter().map(|receiver| {
        Receipt::V0(ReceiptV0 {
            predecessor_id: account_id.clone(),
            receiver_id: receiver.receiver_id.clone(),
            receipt_id: CryptoHash::default(),
            receipt: ReceiptEnum::Data(DataReceipt {
                data_id: receiver.data_id,
                data: data.clone(),
            }),
        })
    }));
    Ok(())
}
