//! The receipts that wait between two blocks: those that are due in the next one, and those that stay
//! out of blocks until somebody releases them. What is held is nothing that the state knows of.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::{Receipt, VersionedReceiptEnum};
use near_primitives::transaction::Action;
use near_primitives::types::AccountId;
use rpds::RedBlackTreeMapSync;

use super::Chain;

/// What a hold is called.
pub type HoldId = u64;

/// Which receipts are held: those that fit all that is said. Where nothing is said, each.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub struct ReceiptFilter {
    /// The receipt with this id.
    pub receipt_id: Option<CryptoHash>,
    /// Receipts that this account made.
    pub predecessor_id: Option<AccountId>,
    /// Receipts that this account will execute.
    pub receiver_id: Option<AccountId>,
    /// Receipts that call this method.
    pub method_name: Option<String>,
}

impl ReceiptFilter {
    fn fits(&self, receipt: &Receipt) -> bool {
        self.receipt_id.is_none_or(|id| id == *receipt.receipt_id())
            && self.predecessor_id.as_ref().is_none_or(|id| id == receipt.predecessor_id())
            && self.receiver_id.as_ref().is_none_or(|id| id == receipt.receiver_id())
            && self.method_name.as_deref().is_none_or(|name| calls(receipt, name))
    }
}

fn calls(receipt: &Receipt, method_name: &str) -> bool {
    // Receipts that wait for a resume never travel between blocks.
    let VersionedReceiptEnum::Action(action) = receipt.versioned_receipt() else { return false };
    let called = |action: &Action| matches!(action, Action::FunctionCall(call) if call.method_name == method_name);
    action.actions().iter().any(called)
}

/// A receipt that is held.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub struct HeldReceipt {
    /// The hold that it was caught by.
    pub hold_id: HoldId,
    /// The receipt.
    pub receipt: Receipt,
}

/// Nothing was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelease {
    /// There is no such hold: it was never made, or is released already.
    #[error("hold_id: there is no hold {hold_id}; sandbox_held_receipts tells which there are")]
    UnknownHold {
        /// What was asked for.
        hold_id: HoldId,
    },
    /// No such receipt is held, or it is named twice.
    #[error(
        "receipt_ids: the receipt {receipt_id} is not held; sandbox_held_receipts tells which are"
    )]
    NotHeld {
        /// What was asked for.
        receipt_id: CryptoHash,
    },
}

/// The receipts that wait for a block. A clone shares everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    /// Those of the next block: what the latest one sent and is not held, and what was released.
    due: Arc<[Receipt]>,
    filters: RedBlackTreeMapSync<HoldId, ReceiptFilter>,
    /// In the order in which they were caught.
    held: RedBlackTreeMapSync<u64, HeldReceipt>,
    /// How many holds there have been,
    made: HoldId,
    /// and how many receipts were caught.
    caught: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            due: Arc::new([]),
            filters: RedBlackTreeMapSync::new_sync(),
            held: RedBlackTreeMapSync::new_sync(),
            made: 0,
            caught: 0,
        }
    }
}

impl Queue {
    /// The receipts of the next block.
    pub(super) fn due(&self) -> &Arc<[Receipt]> {
        &self.due
    }

    /// Takes what the latest block sent, in the place of the first `executed` that were due.
    pub(super) fn take(&mut self, executed: usize, sent: &Arc<[Receipt]>) {
        let sent = self.catch(sent);
        let left = self.due.get(executed..).unwrap_or_default();
        let due = if left.is_empty() { sent } else { left.iter().chain(&*sent).cloned().collect() };
        self.due = due;
    }

    /// Lets receipts wait as they did `before`. The numbers of holds are not given again.
    pub(super) fn return_to(&mut self, before: &Self) {
        *self = Self { made: self.made, ..before.clone() };
    }

    /// Keeps those of the `receipts` that are to be held, and returns the others.
    fn catch(&mut self, receipts: &Arc<[Receipt]>) -> Arc<[Receipt]> {
        if self.filters.is_empty() || receipts.is_empty() {
            return Arc::clone(receipts);
        }
        receipts.iter().filter(|receipt| !self.catches(receipt)).cloned().collect()
    }

    fn catches(&mut self, receipt: &Receipt) -> bool {
        let Some((&hold_id, _)) = self.filters.iter().find(|(_, filter)| filter.fits(receipt))
        else {
            return false;
        };
        self.held.insert_mut(self.caught, HeldReceipt { hold_id, receipt: receipt.clone() });
        self.caught = self.caught.saturating_add(1);
        true
    }

    fn add(&mut self, filter: ReceiptFilter) -> HoldId {
        self.made = self.made.saturating_add(1);
        self.filters.insert_mut(self.made, filter);
        self.made
    }

    /// Ends a hold. Returns what it caught and no other hold catches now.
    fn end(&mut self, hold_id: HoldId) -> Result<Vec<Receipt>, InvalidRelease> {
        if !self.filters.remove_mut(&hold_id) {
            return Err(InvalidRelease::UnknownHold { hold_id });
        }
        let caught: Vec<_> = self.held.iter().filter(|(_, held)| held.hold_id == hold_id).collect();
        let (places, receipts): (Vec<u64>, Vec<Receipt>) =
            caught.into_iter().map(|(place, held)| (*place, held.receipt.clone())).unzip();
        for place in places {
            self.held.remove_mut(&place);
        }
        Ok(receipts.into_iter().filter(|receipt| !self.catches(receipt)).collect())
    }

    /// Lets go of these receipts, in this order.
    fn let_go(&mut self, ids: &[CryptoHash]) -> Result<Vec<Receipt>, InvalidRelease> {
        let held = self.held.iter();
        let mut places: BTreeMap<_, _> =
            held.map(|(place, held)| (*held.receipt.receipt_id(), *place)).collect();
        let mut found =
            |id: &CryptoHash| places.remove(id).ok_or(InvalidRelease::NotHeld { receipt_id: *id });
        let places = ids.iter().map(&mut found).collect::<Result<Vec<_>, _>>()?;
        let mut receipts = Vec::new();
        for place in places {
            receipts.extend(self.held.get(&place).map(|held| held.receipt.clone()));
            self.held.remove_mut(&place);
        }
        Ok(receipts)
    }
}

impl BorshSerialize for Queue {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let filters: Vec<_> = self.filters.iter().collect();
        let held: Vec<_> = self.held.iter().collect();
        (&*self.due, filters, held, self.made, self.caught).serialize(writer)
    }
}

impl BorshDeserialize for Queue {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let due: Vec<Receipt> = BorshDeserialize::deserialize_reader(reader)?;
        let filters: Vec<(HoldId, ReceiptFilter)> = BorshDeserialize::deserialize_reader(reader)?;
        let held: Vec<(u64, HeldReceipt)> = BorshDeserialize::deserialize_reader(reader)?;
        let (made, caught) = BorshDeserialize::deserialize_reader(reader)?;
        let filters = filters.into_iter().collect();
        Ok(Self { due: due.into(), filters, held: held.into_iter().collect(), made, caught })
    }
}

impl Chain {
    /// Keeps receipts that fit `filter` out of blocks from the next one on, until they are released.
    /// A receipt that is executed in the block that makes it never waits, and cannot be held: that of
    /// a transaction that an account sends to itself.
    pub fn hold_receipts(&mut self, filter: ReceiptFilter) -> HoldId {
        let hold_id = self.queue.add(filter);
        let due = Arc::clone(&self.queue.due);
        self.queue.due = self.queue.catch(&due);
        hold_id
    }

    /// Ends a hold. What it caught is in the next block, in the order in which it was caught, but for
    /// receipts that another hold catches. Returns the ids of what was released.
    pub fn release_hold(&mut self, hold_id: HoldId) -> Result<Vec<CryptoHash>, InvalidRelease> {
        let released = self.queue.end(hold_id)?;
        Ok(self.let_through(released))
    }

    /// Puts these receipts into the next block, in this order. The holds that caught them stay.
    pub fn release_receipts(
        &mut self,
        receipt_ids: &[CryptoHash],
    ) -> Result<Vec<CryptoHash>, InvalidRelease> {
        let released = self.queue.let_go(receipt_ids)?;
        Ok(self.let_through(released))
    }

    /// The receipts that are held, in the order in which they were caught.
    pub fn held_receipts(&self) -> impl Iterator<Item = &HeldReceipt> {
        self.queue.held.values()
    }

    /// The holds there are, the oldest first.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &ReceiptFilter)> {
        self.queue.filters.iter().map(|(hold_id, filter)| (*hold_id, filter))
    }

    /// Puts `released` behind what is due in the next block. Returns the ids.
    pub(super) fn let_through(&mut self, released: Vec<Receipt>) -> Vec<CryptoHash> {
        let ids = released.iter().map(|receipt| *receipt.receipt_id()).collect();
        if !released.is_empty() {
            self.queue.due = self.queue.due.iter().cloned().chain(released).collect();
        }
        ids
    }
}
