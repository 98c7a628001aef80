//! Our port to the chain, behaving as nearcore's mock does and recording in its terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use host_fns::abi::Fault;
use host_fns::near::{
    Action, ContractId, DeployMode, Displaced, External, Found, InvalidEntry, InvalidStateInit,
    Permission, PublicKey, ReceiptIndex, StateCounts, TrieNodes, YieldRef,
};
use near_primitives::borsh::BorshDeserialize;
use near_primitives::deterministic_account_id::{
    DeterministicAccountStateInit, DeterministicAccountStateInitV1,
};
use near_primitives::hash::{CryptoHash, YieldId, hash};
use near_primitives::types::{AccountId, Balance, Gas, GasWeight};
use near_primitives::universal_state_init::{
    DecodeMode, RawStateInit, StateInitError, UniversalStateInit, state_init_send_counts,
};
use near_vm_runner::logic::mocks::mock_external::MockAction;
use near_vm_runner::logic::types::{GlobalContractDeployMode, GlobalContractIdentifier};

use crate::ours::VALIDATORS;
use crate::visits::{Visited, Visits};

/// Storage in memory and a log of what was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) log: Vec<MockAction>,
    /// The account that runs, which gets what it yields.
    account: AccountId,
    data_count: u64,
    visits: Visits,
}

impl Port {
    pub(crate) fn new(storage: BTreeMap<Vec<u8>, Vec<u8>>, account: AccountId) -> Self {
        Port { storage, log: Vec::new(), account, data_count: 0, visits: Visits::default() }
    }

    fn visit(&mut self, key: &[u8]) -> TrieNodes {
        let Visited { touched, cached } = self.visits.visit(key);
        TrieNodes { touched, cached }
    }

    fn next_receipt(&self) -> ReceiptIndex {
        ReceiptIndex(u64::try_from(self.log.len()).expect("the log fits memory"))
    }
}

impl External for Port {
    type Checkpoint = Self;

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn read(&mut self, key: &[u8]) -> Result<Found, Fault> {
        let value = self.storage.get(key).map(|value| Arc::from(value.as_slice()));
        Ok(Found { value, nodes: self.visit(key) })
    }

    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault> {
        Ok((self.storage.contains_key(key), self.visit(key)))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault> {
        let before = self.storage.insert(key.to_vec(), value.to_vec());
        Ok(displaced(before, self.visit(key)))
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        let before = self.storage.remove(key);
        Ok(displaced(before, self.visit(key)))
    }

    fn recorded_storage_bytes(&self) -> u64 {
        u64::try_from(self.visits.recorded()).expect("what is recorded fits memory")
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        let receipt = self.next_receipt();
        self.log.push(MockAction::CreateReceipt {
            receipt_indices: after.iter().map(|receipt| receipt.0).collect(),
            receiver_id: account(receiver),
        });
        Ok(receipt)
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        let at = usize::try_from(receipt.0).expect("an index of the log");
        match &self.log[at] {
            MockAction::CreateReceipt { receiver_id, .. }
            | MockAction::YieldCreate { receiver_id, .. } => receiver_id.as_str(),
            other => panic!("{other:?} is not a receipt"),
        }
    }

    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64 {
        // The mock counts all actions, not those of the receipt.
        let index = self.next_receipt().0;
        self.log.push(mock_action(receipt.0, action));
        index
    }

    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        let action = usize::try_from(action).ok().and_then(|at| self.log.get_mut(at));
        match action {
            Some(MockAction::DeterministicStateInit { receipt_index, state_init, .. })
                if *receipt_index == receipt.0 =>
            {
                match state_init.data_mut().insert(key, value) {
                    None => Ok(()),
                    Some(_) => Err(InvalidEntry::AlreadySet),
                }
            }
            _ => Err(InvalidEntry::NoSuchAction),
        }
    }

    fn check_universal_state(&self, state_init: &[u8]) -> Result<(), InvalidStateInit> {
        match UniversalStateInit::from_raw_strict(&RawStateInit(state_init.to_vec())) {
            Ok(_) => Ok(()),
            Err(StateInitError::Malformed) => Err(InvalidStateInit::Malformed),
            Err(StateInitError::NonCanonical) => Err(InvalidStateInit::NonCanonical),
        }
    }

    /// Nothing, as nearcore's mock says of each state.
    fn universal_state_counts(&self, state_init: &[u8]) -> StateCounts {
        let counts = state_init_send_counts(&RawStateInit(state_init.to_vec()), DecodeMode::Strict);
        StateCounts { entries: counts.num_entries, keys: counts.num_keys }
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, refund_to: &str) {
        self.log.push(MockAction::SetRefundTo {
            receipt_index: receipt.0,
            refund_to: account(refund_to),
        });
    }

    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        let yield_id = chosen_id.map(to_yield_id);
        let taken = self.log.iter().any(|action| {
            matches!(action, MockAction::YieldCreate { yield_id: Some(other), .. }
                if Some(*other) == yield_id)
        });
        if taken {
            return Ok(None);
        }
        let receipt = self.next_receipt();
        let data_id = hash(&self.data_count.to_le_bytes());
        self.data_count = self.data_count.saturating_add(1);
        let receiver_id = self.account.clone();
        self.log.push(MockAction::YieldCreate { data_id, receiver_id, yield_id });
        Ok(Some((receipt, data_id.0)))
    }

    fn yield_resume(&mut self, yielded: YieldRef, data: Vec<u8>) -> Result<bool, Fault> {
        let data_id = match yielded {
            YieldRef::DataId(data_id) => CryptoHash(data_id),
            YieldRef::ChosenId(chosen) => {
                let chosen = to_yield_id(chosen);
                let found = self.log.iter().find_map(|action| match action {
                    MockAction::YieldCreate { data_id, yield_id: Some(id), .. }
                        if *id == chosen =>
                    {
                        Some(*data_id)
                    }
                    _ => None,
                });
                let Some(data_id) = found else { return Ok(false) };
                data_id
            }
        };
        self.log.push(MockAction::YieldResume { data_id, data });
        Ok(self.log.iter().any(
            |action| matches!(action, MockAction::YieldCreate { data_id: id, .. } if *id == data_id),
        ))
    }

    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault> {
        Ok(VALIDATORS.iter().find(|(id, _)| *id == account).map(|(_, stake)| *stake))
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        Ok(VALIDATORS.iter().map(|(_, stake)| stake).sum())
    }

    fn chain_id(&self) -> &'static str {
        "test"
    }
}

fn displaced(value: Option<Vec<u8>>, nodes: TrieNodes) -> Displaced {
    Displaced { value: value.map(Arc::from), nodes }
}

fn account(id: &str) -> AccountId {
    id.parse().expect("host functions check account ids")
}

fn key(key: &PublicKey) -> near_crypto::PublicKey {
    near_crypto::PublicKey::try_from_slice(key.as_bytes()).expect("host functions check keys")
}

fn to_yield_id(bytes: [u8; 32]) -> YieldId {
    YieldId::try_from_slice(&bytes).expect("32 bytes are a yield id")
}

fn yocto(amount: u128) -> Balance {
    Balance::from_yoctonear(amount)
}

fn names(names: Vec<String>) -> Vec<Vec<u8>> {
    names.into_iter().map(String::into_bytes).collect()
}

fn contract_id(contract: ContractId) -> GlobalContractIdentifier {
    match contract {
        ContractId::CodeHash(hash) => GlobalContractIdentifier::CodeHash(CryptoHash(hash)),
        ContractId::AccountId(id) => GlobalContractIdentifier::AccountId(account(&id)),
    }
}

fn mock_action(receipt_index: u64, action: Action) -> MockAction {
    match action {
        Action::CreateAccount => MockAction::CreateAccount { receipt_index },
        Action::DeployContract { code } => MockAction::DeployContract { receipt_index, code },
        Action::FunctionCall { method_name, args, deposit, gas, gas_weight } => {
            MockAction::FunctionCallWeight {
                receipt_index,
                method_name: method_name.into_bytes(),
                args,
                attached_deposit: yocto(deposit),
                prepaid_gas: Gas::from_gas(gas.units()),
                gas_weight: GasWeight(gas_weight),
            }
        }
        Action::Transfer { deposit } => {
            MockAction::Transfer { receipt_index, deposit: yocto(deposit) }
        }
        Action::Stake { stake, public_key } => {
            MockAction::Stake { receipt_index, stake: yocto(stake), public_key: key(&public_key) }
        }
        Action::AddKey { public_key, nonce, permission } => {
            let public_key = key(&public_key);
            match permission {
                Permission::FullAccess => {
                    MockAction::AddKeyWithFullAccess { receipt_index, public_key, nonce }
                }
                Permission::FunctionCall { allowance, receiver_id, method_names } => {
                    MockAction::AddKeyWithFunctionCall {
                        receipt_index,
                        public_key,
                        nonce,
                        allowance: allowance.map(yocto),
                        receiver_id: account(&receiver_id),
                        method_names: names(method_names),
                    }
                }
            }
        }
        Action::DeleteKey { public_key } => {
            MockAction::DeleteKey { receipt_index, public_key: key(&public_key) }
        }
        Action::DeleteAccount { beneficiary_id } => {
            MockAction::DeleteAccount { receipt_index, beneficiary_id: account(&beneficiary_id) }
        }
        Action::DeployGlobalContract { code, mode } => MockAction::DeployGlobalContract {
            receipt_index,
            code,
            mode: match mode {
                DeployMode::CodeHash => GlobalContractDeployMode::CodeHash,
                DeployMode::AccountId => GlobalContractDeployMode::AccountId,
            },
        },
        Action::UseGlobalContract { contract } => {
            MockAction::UseGlobalContract { receipt_index, contract_id: contract_id(contract) }
        }
        Action::DeterministicStateInit { contract, deposit } => {
            let (code, data) = (contract_id(contract).into(), BTreeMap::new());
            MockAction::DeterministicStateInit {
                receipt_index,
                state_init: DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
                    code,
                    data,
                }),
                amount: yocto(deposit),
            }
        }
        Action::UniversalStateInit { state_init, deposit } => {
            MockAction::UniversalStateInit { receipt_index, state_init, amount: yocto(deposit) }
        }
        Action::TransferToGasKey { public_key, deposit } => MockAction::TransferToGasKey {
            receipt_index,
            public_key: key(&public_key),
            deposit: yocto(deposit),
        },
        Action::AddGasKey { public_key, num_nonces, permission } => {
            let public_key = key(&public_key);
            match permission {
                Permission::FullAccess => {
                    MockAction::AddGasKeyWithFullAccess { receipt_index, public_key, num_nonces }
                }
                Permission::FunctionCall { allowance, receiver_id, method_names } => {
                    MockAction::AddGasKeyWithFunctionCall {
                        receipt_index,
                        public_key,
                        num_nonces,
                        allowance: allowance.map(yocto),
                        receiver_id: account(&receiver_id),
                        method_names: names(method_names),
                    }
                }
            }
        }
    }
}
