//! [`ReceiptContext`]: the chain as a running contract sees it.
//!
//! It owns the state of the block while the contract runs: it is moved into the VM and comes back
//! with it, so nothing is shared.

use std::sync::{Arc, OnceLock};

use host_fns::abi::{Effects, Fault};
use host_fns::near::{
    Action, Displaced, External, Found, InvalidEntry, InvalidStateInit, ReceiptIndex, StateCounts,
    StoredRecords, TrieNodes, YieldRef,
};
use near_primitives::utils::create_receipt_id_from_action_hash;
use sandbox_state::{Overlay, Unavailable, Value, Visits, VisitsCheckpoint};

use crate::near::{
    AccountId, Balance, BlockHeight, CryptoHash, DecodeMode, PromiseYieldStatus, RawStateInit,
    StateInitError, TrieKey, UniversalStateInit, YieldId, state_init_send_counts, trie_key_parsers,
};
use crate::outbox::Outbox;
use crate::tree::{self, Records};

#[cfg(test)]
use crate::faults::interrupt;

/// Tests let any access to the chain fail.
#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps, reason = "it fails in tests")]
const fn interrupt() -> Result<(), Fault> {
    Ok(())
}

/// Universal accounts accept only canonical bytes from protocol version 88 on, their first.
const STATE_INIT_MODE: DecodeMode = DecodeMode::Strict;

/// State, receipts and validators for one call of a contract.
#[derive(Debug)]
pub(crate) struct ReceiptContext {
    pub(crate) state: Overlay,
    pub(crate) outbox: Outbox,
    /// What could not be read, when that is why the call ended in a fault.
    pub(crate) unavailable: Arc<OnceLock<Unavailable>>,
    account_id: AccountId,
    /// What the keys of all the contract's records begin with.
    prefix: Vec<u8>,
    action_hash: CryptoHash,
    height: BlockHeight,
    /// As in [`CallSite`].
    proof_bytes_before: Option<u64>,
    /// How many data ids the call has used.
    data_ids: u64,
    chain_id: Arc<str>,
    validators: Arc<[(AccountId, Balance)]>,
    /// The keys that the contract read, if somebody wants to know.
    pub(crate) reads: Option<Vec<Vec<u8>>>,
    /// When the call began.
    start: sandbox_state::Checkpoint,
}

/// What of the block and the call a [`ReceiptContext`] needs.
#[derive(Debug)]
pub(crate) struct CallSite<'a> {
    pub(crate) account_id: &'a AccountId,
    pub(crate) action_hash: CryptoHash,
    /// The size of the storage proof when that began which is limited; `None` in a view, which may
    /// read as much as it likes.
    pub(crate) proof_bytes_before: Option<u64>,
    pub(crate) height: BlockHeight,
    pub(crate) chain_id: &'a Arc<str>,
    pub(crate) validators: &'a Arc<[(AccountId, Balance)]>,
}

impl ReceiptContext {
    pub(crate) fn new(state: Overlay, site: &CallSite<'_>) -> Self {
        ReceiptContext {
            start: state.checkpoint(),
            state,
            outbox: Outbox::default(),
            unavailable: Arc::default(),
            account_id: site.account_id.clone(),
            prefix: trie_key_parsers::get_raw_prefix_for_contract_data(site.account_id, &[]),
            action_hash: site.action_hash,
            height: site.height,
            proof_bytes_before: site.proof_bytes_before,
            data_ids: 0,
            chain_id: Arc::clone(site.chain_id),
            validators: Arc::clone(site.validators),
            reads: None,
        }
    }

    /// A fault that says more than its text to whoever started the call.
    fn there<T>(&self, read: Result<T, Unavailable>) -> Result<T, Fault> {
        read.map_err(|unavailable| {
            let fault = Fault::new(unavailable.to_string());
            self.unavailable.get_or_init(|| unavailable);
            fault
        })
    }

    fn has_record(&mut self, key: &[u8]) -> Result<bool, Fault> {
        let has = self.state.has_record(key);
        self.there(has)
    }

    fn old_value(&mut self, key: &[u8]) -> Result<(Option<Value>, Visits), Fault> {
        let old = self.state.get_charged(key);
        self.there(old)
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix.as_slice(), key].concat()
    }

    fn by_chosen_id(&self, id: [u8; 32]) -> TrieKey {
        let receiver_id = self.account_id.clone();
        TrieKey::YieldIdToDataId { receiver_id, yield_id: YieldId(CryptoHash(id)) }
    }

    fn yield_status(&self, data_id: CryptoHash) -> TrieKey {
        TrieKey::PromiseYieldStatus { receiver_id: self.account_id.clone(), data_id }
    }

    fn set_yield_status(&mut self, data_id: CryptoHash, status: PromiseYieldStatus) {
        let key = self.yield_status(data_id);
        tree::write(&mut self.state, &key, &status);
    }

    fn next_data_id(&mut self) -> CryptoHash {
        let salt = self.data_ids;
        self.data_ids = salt.saturating_add(1);
        create_receipt_id_from_action_hash(&self.action_hash, self.height, salt)
    }
}

/// A moment in the life of a [`ReceiptContext`].
#[derive(Debug)]
pub(crate) struct ContextCheckpoint {
    state: sandbox_state::Checkpoint,
    visits: VisitsCheckpoint,
    outbox: Outbox,
    data_ids: u64,
    reads: usize,
}

impl External for ReceiptContext {
    type Checkpoint = ContextCheckpoint;

    fn checkpoint(&self) -> ContextCheckpoint {
        ContextCheckpoint {
            state: self.state.checkpoint(),
            visits: self.state.visits.checkpoint(),
            outbox: self.outbox.clone(),
            data_ids: self.data_ids,
            reads: self.reads.as_ref().map_or(0, Vec::len),
        }
    }

    fn revert_to(&mut self, at: ContextCheckpoint) {
        self.state.revert_to(at.state);
        self.state.visits.revert_to(at.visits);
        self.outbox = at.outbox;
        self.data_ids = at.data_ids;
        if let Some(reads) = &mut self.reads {
            reads.truncate(at.reads);
        }
    }

    fn read(&mut self, key: &[u8]) -> Result<Found, Fault> {
        interrupt()?;
        if let Some(reads) = &mut self.reads {
            reads.push(key.to_vec());
        }
        let key = self.key(key);
        // Fetching the value is not charged, but a later write finds it visited.
        let found = self.state.find(&key);
        let value = match self.there(found)? {
            None => None,
            Some(found) => {
                let read = self.state.read(found);
                Some(self.there(read)?.0)
            }
        };
        Ok(Found { value, nodes: TrieNodes::default() })
    }

    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault> {
        interrupt()?;
        let key = self.key(key);
        Ok((self.has_record(&key)?, TrieNodes::default()))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault> {
        interrupt()?;
        let key = self.key(key);
        let (before, visits) = self.old_value(&key)?;
        self.state.set(key, value.to_vec());
        Ok(Displaced { value: before, nodes: nodes(visits) })
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        interrupt()?;
        let key = self.key(key);
        let (before, visits) = self.old_value(&key)?;
        tree::remove_data(&mut self.state, &key);
        Ok(Displaced { value: before, nodes: nodes(visits) })
    }

    fn recorded_storage_bytes(&self) -> u64 {
        let proof_bytes = self.state.visits.proof_bytes();
        self.proof_bytes_before.map_or(0, |before| proof_bytes.saturating_sub(before))
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        interrupt()?;
        let receiver = receiver.parse().map_err(|_| Fault::new("not an account id"))?;
        let data_ids = after.iter().map(|_| self.next_data_id()).collect();
        self.outbox.create(receiver, after, data_ids)
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        self.outbox.receiver(receipt)
    }

    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64 {
        self.outbox.append(receipt, action)
    }

    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        self.outbox.set_state_init_entry(receipt, action, key, value)
    }

    fn check_universal_state(&self, state_init: &[u8]) -> Result<(), InvalidStateInit> {
        match UniversalStateInit::from_raw(&RawStateInit(state_init.to_vec()), STATE_INIT_MODE) {
            Ok(_) => Ok(()),
            Err(StateInitError::Malformed) => Err(InvalidStateInit::Malformed),
            Err(StateInitError::NonCanonical) => Err(InvalidStateInit::NonCanonical),
        }
    }

    fn universal_state_counts(&self, state_init: &[u8]) -> StateCounts {
        let raw = RawStateInit(state_init.to_vec());
        let counts = state_init_send_counts(&raw, STATE_INIT_MODE);
        StateCounts { entries: counts.num_entries, keys: counts.num_keys }
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str) {
        self.outbox.set_refund_to(receipt, account);
    }

    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        interrupt()?;
        if let Some(id) = chosen_id {
            let by_id = self.by_chosen_id(id).to_vec();
            if self.has_record(&by_id)? {
                return Ok(None);
            }
        }
        let data_id = self.next_data_id();
        if let Some(id) = chosen_id {
            let by_id = self.by_chosen_id(id);
            tree::write(&mut self.state, &by_id, &data_id);
            let receiver_id = self.account_id.clone();
            let back = TrieKey::DataIdToYieldId { receiver_id, data_id };
            tree::write(&mut self.state, &back, &YieldId(CryptoHash(id)));
        }
        self.set_yield_status(data_id, PromiseYieldStatus::Yielded);
        let receipt = self.outbox.create_yield(self.account_id.clone(), data_id);
        Ok(Some((receipt, data_id.0)))
    }

    fn yield_resume(&mut self, yielded: YieldRef, payload: Vec<u8>) -> Result<bool, Fault> {
        interrupt()?;
        let data_id = match yielded {
            YieldRef::DataId(id) => CryptoHash(id),
            YieldRef::ChosenId(id) => {
                let by_id = self.by_chosen_id(id);
                match tree::read(&mut self.state, &by_id) {
                    Ok(Some(data_id)) => data_id,
                    Ok(None) => return Ok(false),
                    Err(fault) => return Err(Fault::new(fault.to_string())),
                }
            }
        };
        let receiver_id = self.account_id.clone();
        let stored = TrieKey::PromiseYieldReceipt { receiver_id, data_id };
        // Both are asked for, whatever the first one says: the ways to both are in the proof.
        let status = self.yield_status(data_id);
        let [stored, status] =
            [self.has_record(&stored.to_vec())?, self.has_record(&status.to_vec())?];
        let waits = stored || status;
        if waits {
            self.outbox.resume(data_id, payload);
            self.set_yield_status(data_id, PromiseYieldStatus::ResumeInitiated);
        }
        Ok(waits)
    }

    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault> {
        interrupt()?;
        let found = self.validators.iter().find(|(id, _)| id.as_str() == account);
        Ok(found.map(|(_, stake)| stake.as_yoctonear()))
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        interrupt()?;
        self.validators
            .iter()
            .try_fold(0u128, |sum, (_, stake)| sum.checked_add(stake.as_yoctonear()))
            .ok_or_else(|| Fault::new("the total stake overflows"))
    }

    fn chain_id(&self) -> &str {
        &self.chain_id
    }

    fn effects(&self) -> Vec<Effects> {
        let written = format!("{:?}", self.state.written_since(self.start));
        let receipts = format!("{:?}", self.outbox);
        vec![("state", written.into_bytes()), ("receipts", receipts.into_bytes())]
    }

    fn stored(&mut self) -> Result<StoredRecords, Fault> {
        let records = self.state.range_prefix(&self.prefix);
        let records = self.there(records)?.into_iter().map(|(key, value)| {
            let key = key.get(self.prefix.len()..).unwrap_or_default();
            (key.to_vec(), value.to_vec())
        });
        Ok(records.collect())
    }
}

fn nodes(visits: Visits) -> TrieNodes {
    TrieNodes { touched: visits.touched, cached: visits.cached }
}
