//! As much of a chain as the fixtures need to come to an end.

use std::collections::BTreeMap;
use std::sync::Arc;

use host_fns::abi::{Effects, Fault};
use host_fns::near::{
    Action, Displaced, External, Found, InvalidEntry, InvalidStateInit, ReceiptIndex, StateCounts,
    TrieNodes, YieldRef,
};

/// Storage in memory, and the receivers of receipts.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub(super) storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) receivers: Vec<String>,
    pub(super) actions: u64,
}

impl Chain {
    fn displaced(value: Option<Vec<u8>>) -> Displaced {
        Displaced { value: value.map(Arc::from), nodes: TrieNodes::default() }
    }

    fn receipt(&mut self, receiver: &str) -> ReceiptIndex {
        self.receivers.push(receiver.to_owned());
        ReceiptIndex(u64::try_from(self.receivers.len() - 1).expect("there are few"))
    }
}

impl External for Chain {
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
        Ok(Chain::displaced(self.storage.insert(key.to_vec(), value.to_vec())))
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        Ok(Chain::displaced(self.storage.remove(key)))
    }

    fn recorded_storage_bytes(&self) -> u64 {
        0
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        _: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        Ok(self.receipt(receiver))
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        &self.receivers[usize::try_from(receipt.0).expect("an index")]
    }

    fn append(&mut self, _: ReceiptIndex, _: Action) -> u64 {
        self.actions += 1;
        self.actions - 1
    }

    fn set_state_init_entry(
        &mut self,
        _: ReceiptIndex,
        _: u64,
        _: Vec<u8>,
        _: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        Ok(())
    }

    fn effects(&self) -> Vec<Effects> {
        let storage = format!("{:?}", self.storage).into_bytes();
        let receipts = format!("{:?} {}", self.receivers, self.actions).into_bytes();
        vec![("storage", storage), ("receipts", receipts)]
    }

    fn check_universal_state(&self, _: &[u8]) -> Result<(), InvalidStateInit> {
        Ok(())
    }

    fn universal_state_counts(&self, _: &[u8]) -> StateCounts {
        StateCounts { entries: 0, keys: 0 }
    }

    fn set_refund_to(&mut self, _: ReceiptIndex, _: &str) {}

    fn yield_create(
        &mut self,
        _: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        let receipt = self.receipt(fixtures::ACCOUNT);
        Ok(Some((receipt, [7; 32])))
    }

    fn yield_resume(&mut self, _: YieldRef, _: Vec<u8>) -> Result<bool, Fault> {
        Ok(false)
    }

    fn validator_stake(&self, _: &str) -> Result<Option<u128>, Fault> {
        Ok(None)
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        Ok(100)
    }

    fn chain_id(&self) -> &'static str {
        "test"
    }
}
