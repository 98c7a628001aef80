//! [`DelayedQueue`]: receipts that found their block full wait in the state for one with room.

use std::borrow::Cow;

use sandbox_state::Overlay;

use crate::fault::{OrOverflow, RuntimeFault};
use crate::near::{DelayedReceiptIndices, Receipt, ReceiptOrStateStoredReceipt, TrieKey};
use crate::tree::{self, Records};

/// Receipts that found their block full, in the order in which they came. Kept in the state.
#[derive(Debug)]
pub(crate) struct DelayedQueue {
    indices: DelayedReceiptIndices,
}

/// How many receipts wait in `state` for a block with room.
pub fn delayed_receipts(state: &mut impl Records) -> Result<u64, RuntimeFault> {
    DelayedQueue::load(state).map(|queue| queue.len())
}

impl DelayedQueue {
    pub(crate) fn load(state: &mut impl Records) -> Result<Self, RuntimeFault> {
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
        let stored = ReceiptOrStateStoredReceipt::Receipt(Cow::Borrowed(receipt));
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
