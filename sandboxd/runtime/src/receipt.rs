//! Receipts: which wait for data, which run, and which come after.
//!
//! An action receipt runs once all data that it waits for is there; until then it is postponed in the
//! state. When it has run, its result goes to those who wait for it, unless a new receipt takes that
//! over. Follows nearcore's `process_receipt` and `apply_action_receipt`
//! (`runtime/runtime/src/lib.rs`).

use std::sync::Arc;

use near_primitives::utils::{
    create_action_hash_from_receipt_id, create_receipt_id_from_receipt_id,
};
use sandbox_state::{Overlay, Snapshot};

use crate::actions::{ActionResult, ReturnData, Running};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::{self, Stage};
use crate::near::{
    AccountContract, AccountId, ActionError, ActionErrorKind, Balance, CryptoHash, DataReceipt,
    DelayedReceiptIndices, ExecutionMetadata, ExecutionMetadataV4, ExecutionOutcome,
    ExecutionOutcomeWithId, ExecutionStatus, Gas, ProfileDataV3, PromiseYieldIndices,
    PromiseYieldStatus, PromiseYieldTimeout, Receipt, ReceiptEnum, ReceiptOrStateStoredReceipt,
    ReceiptV0, ReceivedData, TrieKey, TxExecutionError, ValidatorStake, VersionedActionReceipt,
    VersionedReceiptEnum, YieldId,
};
use crate::refund::{self, GasRefund};
use crate::tree::{self, Records};
use crate::validate::{self, ReceiptAge};
use crate::verify::missing_for_storage;

/// What the promises that a receipt waited for returned, in order; `None` for one that failed.
pub(crate) type PromiseResults = Arc<[Option<Arc<[u8]>>]>;

/// What the actions of a receipt did so far.
#[derive(Debug)]
pub(crate) struct ReceiptResult {
    pub(crate) gas_burnt: Gas,
    pub(crate) gas_used: Gas,
    pub(crate) compute: u64,
    pub(crate) end: Result<ReturnData, ActionError>,
    pub(crate) logs: Vec<String>,
    pub(crate) new_receipts: Vec<Receipt>,
    pub(crate) proposals: Vec<ValidatorStake>,
    pub(crate) profile: ProfileDataV3,
    pub(crate) contracts: Vec<AccountContract>,
    pub(crate) subsidized: Balance,
}

impl ReceiptResult {
    /// Adds what the next action did.
    fn merge(&mut self, next: ActionResult) -> Result<(), RuntimeFault> {
        let add = |sum: Gas, gas: Gas| sum.checked_add(gas).or_overflow("the gas of a receipt");
        self.gas_burnt = add(self.gas_burnt, next.gas_burnt)?;
        self.gas_used = add(self.gas_used, next.gas_used)?;
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
        self.subsidized = Balance::ZERO;
    }
}

impl Application<'_> {
    /// Processes one receipt. The outcome is that of the action receipt that ran: this one, or one
    /// that waited for it.
    pub(crate) fn process(
        &mut self,
        receipt: &Receipt,
    ) -> Result<Option<ExecutionOutcomeWithId>, RuntimeFault> {
        match receipt.versioned_receipt() {
            VersionedReceiptEnum::Action(action) => self.process_action(receipt, &action),
            VersionedReceiptEnum::Data(data) => self.process_data(receipt.receiver_id(), &data),
            VersionedReceiptEnum::PromiseYield(action) => {
                let data_id = *action
                    .input_data_ids()
                    .first()
                    .ok_or_else(|| RuntimeFault::CorruptState("a yield without data id".into()))?;
                let receiver_id = receipt.receiver_id().clone();
                let key = TrieKey::PromiseYieldReceipt { receiver_id, data_id };
                tree::write(&mut self.state, &key, receipt);
                Ok(None)
            }
            VersionedReceiptEnum::PromiseResume(data) => {
                self.process_resume(receipt.receiver_id(), &data)
            }
            VersionedReceiptEnum::GlobalContractDistribution(_) => {
                Err(RuntimeFault::CorruptState("a receipt of a refused kind".into()))
            }
        }
    }

    /// Runs an action receipt, or postpones it until its data is there.
    fn process_action(
        &mut self,
        receipt: &Receipt,
        action: &VersionedActionReceipt<'_>,
    ) -> Result<Option<ExecutionOutcomeWithId>, RuntimeFault> {
        let receiver_id = receipt.receiver_id();
        let receipt_id = *receipt.receipt_id();
        let mut missing = 0u32;
        for data_id in action.input_data_ids() {
            if self.state.record(&received(receiver_id, *data_id).to_vec()).is_none() {
                missing = missing.saturating_add(1);
                tree::write(&mut self.state, &awaited(receiver_id, *data_id), &receipt_id);
            }
        }
        if missing == 0 {
            return self.execute(receipt, action).map(Some);
        }
        tree::write(&mut self.state, &pending_count(receiver_id, receipt_id), &missing);
        tree::write(&mut self.state, &postponed(receiver_id, receipt_id), receipt);
        Ok(None)
    }

    /// Keeps the data, and runs the receipt that waited for nothing else.
    fn process_data(
        &mut self,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<ExecutionOutcomeWithId>, RuntimeFault> {
        let value = ReceivedData { data: data.data.clone() };
        tree::write(&mut self.state, &received(receiver_id, data.data_id), &value);
        let awaited = awaited(receiver_id, data.data_id);
        let Some(receipt_id) = tree::read::<CryptoHash>(&self.state, &awaited)? else {
            return Ok(None);
        };
        tree::remove(&mut self.state, &awaited);
        let count = pending_count(receiver_id, receipt_id);
        let missing: u32 = tree::read_present(&self.state, &count)?;
        let left = missing.checked_sub(1).or_overflow("a count of pending data")?;
        if left > 0 {
            tree::write(&mut self.state, &count, &left);
            return Ok(None);
        }
        tree::remove(&mut self.state, &count);
        let key = postponed(receiver_id, receipt_id);
        let receipt: Receipt = tree::read_present(&self.state, &key)?;
        tree::remove(&mut self.state, &key);
        self.execute_stored(&receipt).map(Some)
    }

    /// Runs the yielded receipt that the data is for. A second resume finds none and does nothing, and
    /// so does a timeout once a resume is under way.
    fn process_resume(
        &mut self,
        receiver_id: &AccountId,
        data: &DataReceipt,
    ) -> Result<Option<ExecutionOutcomeWithId>, RuntimeFault> {
        let data_id = data.data_id;
        let status = TrieKey::PromiseYieldStatus { receiver_id: receiver_id.clone(), data_id };
        if data.data.is_none()
            && tree::read(&self.state, &status)? == Some(PromiseYieldStatus::ResumeInitiated)
        {
            return Ok(None);
        }
        let key = yielded(receiver_id, data_id);
        let Some(receipt) = tree::read::<Receipt>(&self.state, &key)? else { return Ok(None) };
        tree::remove(&mut self.state, &key);
        tree::remove(&mut self.state, &status);
        self.forget_chosen_id(receiver_id, data_id)?;
        let value = ReceivedData { data: data.data.clone() };
        tree::write(&mut self.state, &received(receiver_id, data_id), &value);
        self.execute_stored(&receipt).map(Some)
    }

    /// The id that a contract chose for a yield can be used again once the yield is over.
    fn forget_chosen_id(
        &mut self,
        receiver_id: &AccountId,
        data_id: CryptoHash,
    ) -> Result<(), RuntimeFault> {
        let receiver_id = receiver_id.clone();
        let back = TrieKey::DataIdToYieldId { receiver_id: receiver_id.clone(), data_id };
        let Some(yield_id) = tree::read::<YieldId>(&self.state, &back)? else { return Ok(()) };
        tree::remove(&mut self.state, &back);
        tree::remove(&mut self.state, &TrieKey::YieldIdToDataId { receiver_id, yield_id });
        Ok(())
    }

    fn execute_stored(
        &mut self,
        receipt: &Receipt,
    ) -> Result<ExecutionOutcomeWithId, RuntimeFault> {
        match receipt.versioned_receipt() {
            VersionedReceiptEnum::Action(action) | VersionedReceiptEnum::PromiseYield(action) => {
                self.execute(receipt, &action)
            }
            _ => Err(RuntimeFault::CorruptState("a stored receipt without actions".into())),
        }
    }

    /// Runs an action receipt whose data is all there.
    fn execute(
        &mut self,
        receipt: &Receipt,
        action_receipt: &VersionedActionReceipt<'_>,
    ) -> Result<ExecutionOutcomeWithId, RuntimeFault> {
        let account_id = receipt.receiver_id();
        let promise_results = self.take_inputs(account_id, action_receipt)?;
        let before = self.state.checkpoint();
        let account = tree::account(&self.state, account_id)?;
        let existed = account.is_some();
        let mut running = Running {
            receipt,
            action_receipt,
            promise_results,
            account,
            actor: receipt.predecessor_id().clone(),
            index: 0,
        };
        let mut result = self.run_actions(&mut running)?;
        self.keep_account(account_id, running.account.as_ref(), &mut result)?;
        let created = !existed && running.account.is_some() && result.end.is_ok();
        let refund = self.refund(receipt, action_receipt, &mut result, created)?;
        self.proposals.append(&mut result.proposals);
        if result.end.is_err() {
            self.state.revert_to(before);
        }
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
        let mut contracts = result.contracts;
        contracts.resize(action_receipt.actions().len(), AccountContract::None);
        let profile = result.profile;
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
                metadata: ExecutionMetadata::V4(Box::new(ExecutionMetadataV4 {
                    profile,
                    contracts,
                })),
            },
        })
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
                let ReceivedData { data } = tree::read_present(&self.state, &key)?;
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
            compute: fee.compute,
            end: Ok(ReturnData::None),
            logs: Vec::new(),
            new_receipts: Vec::new(),
            proposals: Vec::new(),
            profile: ProfileDataV3::default(),
            contracts: Vec::new(),
            subsidized: Balance::ZERO,
        };
        let limits = &near.wasm_config.limit_config;
        for (index, action) in running.action_receipt.actions().iter().enumerate() {
            running.index = index;
            let hash = create_action_hash_from_receipt_id(
                running.receipt.receipt_id(),
                self.env.height,
                index,
            );
            let mut next = self.run_action(action, running, hash)?;
            if next.end.is_ok() {
                let invalid = next
                    .new_receipts
                    .iter()
                    .try_for_each(|new| validate::receipt(limits, new, ReceiptAge::New));
                if let Err(error) = invalid {
                    next.fail(ActionErrorKind::NewReceiptValidationError(error));
                }
            }
            result.merge(next)?;
            if let Err(error) = &mut result.end {
                error.index = u64::try_from(index).ok();
                break;
            }
        }
        Ok(result)
    }

    /// Writes the receiver back, if it can pay for its storage.
    fn keep_account(
        &mut self,
        account_id: &AccountId,
        account: Option<&crate::near::Account>,
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
        let near = self.runtime.config().near();
        let burn_price = refund::burn_price(self.env.gas_price, action_receipt);
        if receipt.predecessor_id().is_system() {
            return Ok(GasRefund::none(burn_price));
        }
        let refund = refund::gas_refund(
            near,
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
    /// outcome does not say so.
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
        let tokens = fees::sum(fees::price(refund.burn_price, result.gas_burnt)?, refund.charge)?;
        self.burn_tokens(tokens)?;
        self.burnt.subsidized =
            self.burnt.subsidized.checked_add(result.subsidized).or_overflow("a subsidy")?;
        Ok(tokens)
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

    /// Resumes, without data, the yields whose time is up.
    pub(crate) fn time_out_yields(&mut self) -> Result<(), RuntimeFault> {
        let Some(mut queue) =
            tree::read::<PromiseYieldIndices>(&self.state, &TrieKey::PromiseYieldIndices)?
        else {
            return Ok(());
        };
        let first = queue.first_index;
        let mut resumed = 0usize;
        while queue.first_index < queue.next_available_index && !self.is_full() {
            let key = TrieKey::PromiseYieldTimeout { index: queue.first_index };
            let entry: PromiseYieldTimeout = tree::read_present(&self.state, &key)?;
            if entry.expires_at > self.env.height {
                break;
            }
            let PromiseYieldTimeout { account_id, data_id, .. } = entry;
            if self.state.record(&yielded(&account_id, data_id).to_vec()).is_some() {
                let height = self.env.height;
                self.outgoing.push(Receipt::V0(ReceiptV0 {
                    predecessor_id: account_id.clone(),
                    receiver_id: account_id,
                    receipt_id: create_receipt_id_from_receipt_id(&data_id, height, resumed),
                    receipt: ReceiptEnum::PromiseResume(DataReceipt { data_id, data: None }),
                }));
                resumed = resumed.saturating_add(1);
            }
            tree::remove(&mut self.state, &key);
            queue.first_index = queue.first_index.saturating_add(1);
        }
        if queue.first_index != first {
            tree::write(&mut self.state, &TrieKey::PromiseYieldIndices, &queue);
        }
        Ok(())
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

/// Receipts that found their block full, in the order in which they came. Kept in the state.
#[derive(Debug)]
pub(crate) struct DelayedQueue {
    indices: DelayedReceiptIndices,
}

impl DelayedQueue {
    pub(crate) fn load(state: &Snapshot) -> Result<Self, RuntimeFault> {
        let indices = tree::read(state, &TrieKey::DelayedReceiptIndices)?.unwrap_or_default();
        Ok(DelayedQueue { indices })
    }

    pub(crate) fn len(&self) -> u64 {
        self.indices.next_available_index.saturating_sub(self.indices.first_index)
    }

    pub(crate) fn push(
        &mut self,
        state: &mut Overlay,
        receipt: &Receipt,
    ) -> Result<(), RuntimeFault> {
        let index = self.indices.next_available_index;
        self.indices.next_available_index =
            index.checked_add(1).or_overflow("the queue of delayed receipts")?;
        let stored = ReceiptOrStateStoredReceipt::Receipt(std::borrow::Cow::Borrowed(receipt));
        tree::write(state, &TrieKey::DelayedReceipt { index }, &stored);
        tree::write(state, &TrieKey::DelayedReceiptIndices, &self.indices);
        Ok(())
    }

    pub(crate) fn pop(&mut self, state: &mut Overlay) -> Result<Option<Receipt>, RuntimeFault> {
        if self.len() == 0 {
            return Ok(None);
        }
        let key = TrieKey::DelayedReceipt { index: self.indices.first_index };
        let stored: ReceiptOrStateStoredReceipt<'_> = tree::read_present(state, &key)?;
        let receipt = stored.into_receipt();
        tree::remove(state, &key);
        self.indices.first_index = self.indices.first_index.saturating_add(1);
        tree::write(state, &TrieKey::DelayedReceiptIndices, &self.indices);
        Ok(Some(receipt))
    }
}

fn received(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
    TrieKey::ReceivedData { receiver_id: receiver_id.clone(), data_id }
}

fn awaited(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
    TrieKey::PostponedReceiptId { receiver_id: receiver_id.clone(), data_id }
}

fn pending_count(receiver_id: &AccountId, receipt_id: CryptoHash) -> TrieKey {
    TrieKey::PendingDataCount { receiver_id: receiver_id.clone(), receipt_id }
}

fn postponed(receiver_id: &AccountId, receipt_id: CryptoHash) -> TrieKey {
    TrieKey::PostponedReceipt { receiver_id: receiver_id.clone(), receipt_id }
}

fn yielded(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
    TrieKey::PromiseYieldReceipt { receiver_id: receiver_id.clone(), data_id }
}
