//! [`World`]: a rest of the chain that keeps everything in memory and remembers what it was told.

use std::collections::BTreeMap;

use host_fns::abi::Fault;
use host_fns::near::{
    Action, Displaced, External, Found, InvalidEntry, InvalidStateInit, ReceiptIndex, StateCounts,
    TrieNodes, YieldRef,
};

/// A receipt that an execution made.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) receiver: String,
    pub(crate) after: Vec<ReceiptIndex>,
    pub(crate) actions: Vec<Action>,
    pub(crate) refund_to: Option<String>,
    /// Entries of state inits: the action's place, key, value.
    pub(crate) entries: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

/// The rest of the chain.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) yields: Vec<Option<[u8; 32]>>,
    pub(crate) resumed: Vec<(YieldRef, Vec<u8>)>,
    /// Nodes that each access is said to visit.
    pub(crate) nodes: TrieNodes,
    /// What every initial state of a universal account is said to contain.
    pub(crate) counts: StateCounts,
    /// Bytes of state that each access records.
    pub(crate) bytes_per_access: u64,
    pub(crate) recorded: u64,
    /// Whether every access of state fails.
    pub(crate) broken: bool,
    pub(crate) chain_id: &'static str,
}

impl Default for World {
    fn default() -> Self {
        World {
            storage: BTreeMap::new(),
            receipts: Vec::new(),
            yields: Vec::new(),
            resumed: Vec::new(),
            nodes: TrieNodes::default(),
            counts: StateCounts { entries: 4, keys: 2 },
            bytes_per_access: 0,
            recorded: 0,
            broken: false,
            chain_id: "localnet",
        }
    }
}

impl World {
    fn access(&mut self) -> Result<(), Fault> {
        self.recorded += self.bytes_per_access;
        if self.broken { Err(Fault::new("the disk is gone")) } else { Ok(()) }
    }

    fn push(&mut self, receiver: &str, after: &[ReceiptIndex]) -> ReceiptIndex {
        let index = ReceiptIndex(self.receipts.len() as u64);
        self.receipts.push(Receipt {
            receiver: receiver.to_owned(),
            after: after.to_vec(),
            actions: Vec::new(),
            refund_to: None,
            entries: Vec::new(),
        });
        index
    }

    fn receipt(&mut self, at: ReceiptIndex) -> &mut Receipt {
        &mut self.receipts[at.0 as usize]
    }
}

impl External for World {
    type Checkpoint = Self;

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn read(&mut self, key: &[u8]) -> Result<Found, Fault> {
        self.access()?;
        let value = self.storage.get(key).map(|value| value.as_slice().into());
        Ok(Found { value, nodes: TrieNodes::default() })
    }

    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault> {
        self.access()?;
        Ok((self.storage.contains_key(key), TrieNodes::default()))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault> {
        self.access()?;
        let value = self.storage.insert(key.to_vec(), value.to_vec()).map(Into::into);
        Ok(Displaced { value, nodes: self.nodes })
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        self.access()?;
        let value = self.storage.remove(key).map(Into::into);
        Ok(Displaced { value, nodes: self.nodes })
    }

    fn recorded_storage_bytes(&self) -> u64 {
        self.recorded
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        Ok(self.push(receiver, after))
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        &self.receipts[receipt.0 as usize].receiver
    }

    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64 {
        let actions = &mut self.receipt(receipt).actions;
        actions.push(action);
        actions.len() as u64 - 1
    }

    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        let receipt = self.receipt(receipt);
        let Some(Action::DeterministicStateInit { .. }) = receipt.actions.get(action as usize)
        else {
            return Err(InvalidEntry::NoSuchAction);
        };
        if receipt.entries.iter().any(|(at, set, _)| *at == action && *set == key) {
            return Err(InvalidEntry::AlreadySet);
        }
        receipt.entries.push((action, key, value));
        Ok(())
    }

    /// Knows two ways to be wrong by the first byte.
    fn check_universal_state(&self, state_init: &[u8]) -> Result<(), InvalidStateInit> {
        match state_init.first() {
            Some(1) => Err(InvalidStateInit::Malformed),
            Some(2) => Err(InvalidStateInit::NonCanonical),
            _ => Ok(()),
        }
    }

    fn universal_state_counts(&self, _state_init: &[u8]) -> StateCounts {
        self.counts
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str) {
        self.receipt(receipt).refund_to = Some(account.to_owned());
    }

    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        if chosen_id.is_some() && self.yields.contains(&chosen_id) {
            return Ok(None);
        }
        self.yields.push(chosen_id);
        Ok(Some((self.push("alice.near", &[]), [7; 32])))
    }

    fn yield_resume(&mut self, yielded: YieldRef, payload: Vec<u8>) -> Result<bool, Fault> {
        self.resumed.push((yielded, payload));
        Ok(!self.yields.is_empty())
    }

    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault> {
        Ok((account == "validator.near").then_some(500))
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        Ok(1_500)
    }

    fn chain_id(&self) -> &'static str {
        self.chain_id
    }
}
