//! Receipts arrive: those that lack data wait in the state, data finds those that wait for it, and
//! yields wait to be resumed or for their time to be up.
//!
//! Running a receipt is the matter of `execute`. Follows nearcore's `process_receipt`
//! (`runtime/runtime/src/lib.rs`).

use near_primitives::utils::create_receipt_id_from_receipt_id;

use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{
    AccountId, CryptoHash, DataReceipt, ExecutionOutcomeWithId, PromiseYieldIndices,
    PromiseYieldStatus, PromiseYieldTimeout, Receipt, ReceiptEnum, ReceiptV0, ReceivedData,
    TrieKey, VersionedActionReceipt, VersionedReceiptEnum, YieldId,
};
use crate::tree::{self, Records};

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
            VersionedReceiptEnum::GlobalContractDistribution(distribution) => {
                self.distribute_global_contract(&distribution)?;
                Ok(None)
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
            if !self.state.has_record(&received(receiver_id, *data_id).to_vec())? {
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
        let Some(receipt_id) = tree::read::<CryptoHash>(&mut self.state, &awaited)? else {
            return Ok(None);
        };
        tree::remove(&mut self.state, &awaited);
        let count = pending_count(receiver_id, receipt_id);
        let missing: u32 = tree::read_present(&mut self.state, &count)?;
        let left = missing.checked_sub(1).or_overflow("a count of pending data")?;
        if left > 0 {
            tree::write(&mut self.state, &count, &left);
            return Ok(None);
        }
        tree::remove(&mut self.state, &count);
        let key = postponed(receiver_id, receipt_id);
        let receipt: Receipt = tree::read_present(&mut self.state, &key)?;
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
            && tree::read(&mut self.state, &status)? == Some(PromiseYieldStatus::ResumeInitiated)
        {
            return Ok(None);
        }
        let key = yielded(receiver_id, data_id);
        let Some(receipt) = tree::read::<Receipt>(&mut self.state, &key)? else { return Ok(None) };
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
        let Some(yield_id) = tree::read::<YieldId>(&mut self.state, &back)? else { return Ok(()) };
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

    /// Resumes, without data, the yields whose time is up.
    pub(crate) fn time_out_yields(&mut self) -> Result<(), RuntimeFault> {
        let Some(mut queue) =
            tree::read::<PromiseYieldIndices>(&mut self.state, &TrieKey::PromiseYieldIndices)?
        else {
            return Ok(());
        };
        let first = queue.first_index;
        let mut resumed = 0usize;
        while queue.first_index < queue.next_available_index && !self.is_full() {
            let key = TrieKey::PromiseYieldTimeout { index: queue.first_index };
            let entry: PromiseYieldTimeout = tree::read_present(&mut self.state, &key)?;
            if entry.expires_at > self.env.height {
                break;
            }
            let PromiseYieldTimeout { account_id, data_id, .. } = entry;
            if self.state.has_record(&yielded(&account_id, data_id).to_vec())? {
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

pub(crate) fn received(receiver_id: &AccountId, data_id: CryptoHash) -> TrieKey {
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
