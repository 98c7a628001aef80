//! nearcore's mock of the chain, but for what nearcore's runtime does and the mock does not:
//! visited nodes and replaced and removed values are charged, visited nodes are recorded, method
//! names must be UTF-8, and initial states are decoded.

use std::cell::RefCell;

use near_crypto::PublicKey;
use near_primitives::hash::{CryptoHash, YieldId};
use near_primitives::types::{AccountId, Balance, Gas, GasWeight, Nonce, NonceIndex};
use near_primitives::universal_state_init::{
    DecodeMode, RawStateInit, StateInitError, UniversalStateInit, UniversalStateInitCounts,
    state_init_send_counts,
};
use near_vm_runner::logic::mocks::mock_external::MockedExternal;
use near_vm_runner::logic::types::{
    ActionIndex, GlobalContractDeployMode, GlobalContractIdentifier, ReceiptIndex,
};
use near_vm_runner::logic::{External, HostError, StorageAccessTracker, VMLogicError, ValuePtr};

use crate::visits::{Visited, Visits};

type VmResult<T> = Result<T, VMLogicError>;

/// The mock with the runtime's charges and checks.
pub(crate) struct NearPort {
    pub(crate) mock: MockedExternal,
    visits: RefCell<Visits>,
}

impl NearPort {
    pub(crate) fn new(mock: MockedExternal) -> Self {
        NearPort { mock, visits: RefCell::default() }
    }

    fn visit(&self, tracker: &mut dyn StorageAccessTracker, key: &[u8]) -> VmResult<()> {
        let Visited { touched, cached } = self.visits.borrow_mut().visit(key);
        tracker.trie_node_touched(touched)?;
        tracker.cached_trie_node_access(cached)
    }
}

/// Passes methods on to the mock.
macro_rules! delegate {
    ($(fn $name:ident(&self $(, $arg:ident: $ty:ty)*) $(-> $result:ty)?;)*) => {
        $(fn $name(&self $(, $arg: $ty)*) $(-> $result)? { self.mock.$name($($arg),*) })*
    };
    ($(fn $name:ident(&mut self $(, $arg:ident: $ty:ty)*) $(-> $result:ty)?;)*) => {
        $(fn $name(&mut self $(, $arg: $ty)*) $(-> $result)? { self.mock.$name($($arg),*) })*
    };
}

impl External for NearPort {
    fn storage_set(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
        value: &[u8],
    ) -> VmResult<Option<Vec<u8>>> {
        if let Some(evicted) = self.mock.fake_trie.get(key) {
            tracker.deref_write_evicted_value_bytes(bytes(evicted))?;
        }
        self.visit(tracker, key)?;
        self.mock.storage_set(tracker, key, value)
    }

    fn storage_get<'a>(
        &'a self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> VmResult<Option<Box<dyn ValuePtr + 'a>>> {
        self.visit(tracker, key)?;
        self.mock.storage_get(tracker, key)
    }

    fn storage_has_key(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> VmResult<bool> {
        self.visit(tracker, key)?;
        self.mock.storage_has_key(tracker, key)
    }

    fn storage_remove(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> VmResult<Option<Vec<u8>>> {
        if let Some(removed) = self.mock.fake_trie.get(key) {
            tracker.deref_removed_value_bytes(bytes(removed))?;
        }
        self.visit(tracker, key)?;
        self.mock.storage_remove(tracker, key)
    }

    fn append_action_function_call_weight(
        &mut self,
        receipt_index: ReceiptIndex,
        method_name: Vec<u8>,
        args: Vec<u8>,
        attached_deposit: Balance,
        prepaid_gas: Gas,
        gas_weight: GasWeight,
    ) -> VmResult<()> {
        check_utf8([&method_name])?;
        self.mock.append_action_function_call_weight(
            receipt_index,
            method_name,
            args,
            attached_deposit,
            prepaid_gas,
            gas_weight,
        )
    }

    fn append_action_add_gas_key_with_function_call(
        &mut self,
        receipt_index: ReceiptIndex,
        public_key: PublicKey,
        num_nonces: NonceIndex,
        allowance: Option<Balance>,
        receiver_id: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> VmResult<()> {
        check_utf8(&method_names)?;
        self.mock.append_action_add_gas_key_with_function_call(
            receipt_index,
            public_key,
            num_nonces,
            allowance,
            receiver_id,
            method_names,
        )
    }

    fn append_action_add_key_with_function_call(
        &mut self,
        receipt_index: ReceiptIndex,
        public_key: PublicKey,
        nonce: Nonce,
        allowance: Option<Balance>,
        receiver_id: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> VmResult<()> {
        check_utf8(&method_names)?;
        self.mock.append_action_add_key_with_function_call(
            receipt_index,
            public_key,
            nonce,
            allowance,
            receiver_id,
            method_names,
        )
    }

    fn check_state_init(&self, state_init: &RawStateInit) -> Result<(), StateInitError> {
        UniversalStateInit::from_raw_strict(state_init).map(|_| ())
    }

    fn state_init_send_counts(
        &self,
        state_init: &RawStateInit,
        mode: DecodeMode,
    ) -> UniversalStateInitCounts {
        state_init_send_counts(state_init, mode)
    }

    fn get_recorded_storage_size(&self) -> usize {
        self.visits.borrow().recorded()
    }

    delegate! {
        fn storage_proof_size_before_receipt(&self) -> usize;
        fn validator_stake(&self, account_id: &AccountId) -> VmResult<Option<Balance>>;
        fn validator_total_stake(&self) -> VmResult<Balance>;
        fn chain_id(&self) -> String;
        fn get_receipt_receiver(&self, receipt_index: ReceiptIndex) -> &AccountId;
        fn post_quantum_keys_enabled(&self) -> bool;
    }

    delegate! {
        fn generate_data_id(&mut self) -> CryptoHash;
        fn create_action_receipt(&mut self, after: Vec<ReceiptIndex>, receiver_id: AccountId)
            -> VmResult<ReceiptIndex>;
        fn create_promise_yield_receipt(&mut self, receiver_id: AccountId)
            -> VmResult<(ReceiptIndex, CryptoHash)>;
        fn create_promise_yield_receipt_with_id(&mut self, receiver_id: AccountId, id: YieldId)
            -> VmResult<Option<(ReceiptIndex, CryptoHash)>>;
        fn submit_promise_resume_data(&mut self, data_id: CryptoHash, data: Vec<u8>)
            -> VmResult<bool>;
        fn submit_promise_resume_data_with_yield_id(&mut self, id: YieldId, data: Vec<u8>)
            -> VmResult<bool>;
        fn append_action_create_account(&mut self, receipt_index: ReceiptIndex);
        fn append_action_deploy_contract(&mut self, receipt_index: ReceiptIndex, code: Vec<u8>);
        fn append_action_deploy_global_contract(&mut self, receipt_index: ReceiptIndex,
            code: Vec<u8>, mode: GlobalContractDeployMode);
        fn append_action_use_global_contract(&mut self, receipt_index: ReceiptIndex,
            contract_id: GlobalContractIdentifier);
        fn append_action_deterministic_state_init(&mut self, receipt_index: ReceiptIndex,
            contract_id: GlobalContractIdentifier, amount: Balance) -> ActionIndex;
        fn set_deterministic_state_init_data_entry(&mut self, receipt_index: ReceiptIndex,
            action_index: ActionIndex, key: Vec<u8>, value: Vec<u8>) -> VmResult<()>;
        fn append_action_universal_state_init(&mut self, receipt_index: ReceiptIndex,
            state_init: RawStateInit, amount: Balance);
        fn append_action_transfer(&mut self, receipt_index: ReceiptIndex, deposit: Balance);
        fn append_action_transfer_to_gas_key(&mut self, receipt_index: ReceiptIndex,
            public_key: PublicKey, deposit: Balance);
        fn append_action_add_gas_key_with_full_access(&mut self, receipt_index: ReceiptIndex,
            public_key: PublicKey, num_nonces: NonceIndex);
        fn append_action_stake(&mut self, receipt_index: ReceiptIndex, stake: Balance,
            public_key: PublicKey);
        fn append_action_add_key_with_full_access(&mut self, receipt_index: ReceiptIndex,
            public_key: PublicKey, nonce: Nonce);
        fn append_action_delete_key(&mut self, receipt_index: ReceiptIndex,
            public_key: PublicKey);
        fn append_action_delete_account(&mut self, receipt_index: ReceiptIndex,
            beneficiary_id: AccountId);
        fn set_refund_to(&mut self, receipt_index: ReceiptIndex, refund_to: AccountId);
    }
}

fn check_utf8<'a>(names: impl IntoIterator<Item = &'a Vec<u8>>) -> VmResult<()> {
    for name in names {
        if std::str::from_utf8(name).is_err() {
            return Err(VMLogicError::HostError(HostError::InvalidMethodName));
        }
    }
    Ok(())
}

fn bytes(value: &[u8]) -> u64 {
    u64::try_from(value.len()).expect("values fit memory")
}
