//! [`InMemory`]: a rest of the chain that keeps everything in memory, for an execution that is run
//! outside of a chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Action, Displaced, External, Found, InvalidEntry, InvalidStateInit, ReceiptIndex, StateCounts,
    StoredRecords, TrieNodes, YieldRef,
};
use crate::abi::{Effects, Fault};

/// Storage, validators, and what the execution sent. It has no trie, so no access costs nodes of
/// one, and it takes any bytes for the initial state of a universal account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InMemory {
    /// The account that runs: yields come back to it.
    pub account_id: String,
    /// What the account has stored.
    pub storage: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The stakes of validators in yoctoNEAR.
    pub validators: BTreeMap<String, u128>,
    /// The chain's name.
    pub chain_id: String,
    /// What was sent, in order.
    pub sent: Vec<Sent>,
    /// The receivers of the receipts that were made.
    receivers: Vec<String>,
    /// The yields, each under the id that the contract chose, if it did.
    yields: Vec<Option<[u8; 32]>>,
}

/// Something that an execution sent, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A receipt, and those that it waits for.
    Receipt(String, Vec<ReceiptIndex>),
    /// An action of a receipt.
    Action(ReceiptIndex, Action),
    /// An entry of the state init at a place in a receipt: key and value.
    Entry(ReceiptIndex, u64, Vec<u8>, Vec<u8>),
    /// Where a receipt's refunds go.
    RefundTo(ReceiptIndex, String),
    /// A payload for a yield.
    Resumed(YieldRef, Vec<u8>),
}

impl InMemory {
    /// Nothing but the account that runs and the chain's name.
    pub fn new(account_id: &str, chain_id: &str) -> Self {
        let (account_id, chain_id) = (account_id.to_owned(), chain_id.to_owned());
        InMemory { account_id, chain_id, ..InMemory::default() }
    }

    fn receipt(&mut self, receiver: &str, after: &[ReceiptIndex]) -> ReceiptIndex {
        let index = ReceiptIndex(u64::try_from(self.receivers.len()).unwrap_or(u64::MAX));
        self.receivers.push(receiver.to_owned());
        self.sent.push(Sent::Receipt(receiver.to_owned(), after.to_vec()));
        index
    }

    /// The actions of a receipt.
    fn actions(&self, of: ReceiptIndex) -> impl Iterator<Item = &Action> {
        self.sent.iter().filter_map(move |sent| match sent {
            Sent::Action(receipt, action) if *receipt == of => Some(action),
            _ => None,
        })
    }

    /// Data ids are those of the yields, counted.
    fn data_id(at: usize) -> [u8; 32] {
        let mut id = [0; 32];
        let (count, _) = id.split_at_mut(8);
        count.copy_from_slice(&u64::try_from(at).unwrap_or(u64::MAX).to_le_bytes());
        id
    }
}

impl External for InMemory {
    type Checkpoint = Self;

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn read(&mut self, key: &[u8]) -> Result<Found, Fault> {
        let value = self.storage.get(key).map(|value| Arc::from(value.as_slice()));
        Ok(Found { value, nodes: TrieNodes::default() })
    }

    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault> {
        Ok((self.storage.contains_key(key), TrieNodes::default()))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault> {
        let before = self.storage.insert(key.to_vec(), value.to_vec());
        Ok(Displaced { value: before.map(Arc::from), nodes: TrieNodes::default() })
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        let before = self.storage.remove(key);
        Ok(Displaced { value: before.map(Arc::from), nodes: TrieNodes::default() })
    }

    fn recorded_storage_bytes(&self) -> u64 {
        0
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        Ok(self.receipt(receiver, after))
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        let at = usize::try_from(receipt.0).ok();
        at.and_then(|at| self.receivers.get(at)).map_or("", String::as_str)
    }

    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64 {
        let place = self.actions(receipt).count();
        self.sent.push(Sent::Action(receipt, action));
        u64::try_from(place).unwrap_or(u64::MAX)
    }

    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        let at = usize::try_from(action).ok();
        let found = at.and_then(|at| self.actions(receipt).nth(at));
        let Some(Action::DeterministicStateInit { .. }) = found else {
            return Err(InvalidEntry::NoSuchAction);
        };
        let is_set = self.sent.iter().any(|sent| {
            matches!(sent, Sent::Entry(other, place, set, _)
                if (*other, *place, set) == (receipt, action, &key))
        });
        if is_set {
            return Err(InvalidEntry::AlreadySet);
        }
        self.sent.push(Sent::Entry(receipt, action, key, value));
        Ok(())
    }

    fn check_universal_state(&self, _state_init: &[u8]) -> Result<(), InvalidStateInit> {
        Ok(())
    }

    fn universal_state_counts(&self, _state_init: &[u8]) -> StateCounts {
        StateCounts::default()
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str) {
        self.sent.push(Sent::RefundTo(receipt, account.to_owned()));
    }

    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        if chosen_id.is_some() && self.yields.contains(&chosen_id) {
            return Ok(None);
        }
        let data_id = Self::data_id(self.yields.len());
        self.yields.push(chosen_id);
        let account = self.account_id.clone();
        Ok(Some((self.receipt(&account, &[]), data_id)))
    }

    fn yield_resume(&mut self, yielded: YieldRef, payload: Vec<u8>) -> Result<bool, Fault> {
        let waits = match yielded {
            YieldRef::ChosenId(id) => self.yields.contains(&Some(id)),
            YieldRef::DataId(id) => (0..self.yields.len()).any(|at| Self::data_id(at) == id),
        };
        if waits {
            self.sent.push(Sent::Resumed(yielded, payload));
        }
        Ok(waits)
    }

    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault> {
        Ok(self.validators.get(account).copied())
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        let total = self.validators.values().try_fold(0u128, |sum, stake| sum.checked_add(*stake));
        total.ok_or_else(|| Fault::new("the total stake overflows"))
    }

    fn chain_id(&self) -> &str {
        &self.chain_id
    }

    fn effects(&self) -> Vec<Effects> {
        let storage = format!("{:?}", self.storage).into_bytes();
        vec![("storage", storage), ("receipts", format!("{:?}", self.sent).into_bytes())]
    }

    fn stored(&mut self) -> Result<StoredRecords, Fault> {
        Ok(self.storage.clone().into_iter().collect())
    }
}
