//! Runs a case on our host functions.

use std::sync::Arc;

use gas_meter::Gas;
use host_fns::abi::{Abort, Fault, Host, HostFn, Memory};
use host_fns::near::{
    AccountContract, Action, Context, ContractId, DeployMode, Displaced, External, Found,
    InvalidEntry, InvalidStateInit, Mode, NearHost, Permission, PromiseResult, ReceiptIndex,
    ReturnData, StateCounts, TrieNodes, YieldRef,
};
use sandbox_runtime::RuntimeConfig;

use super::calls::{Case, Outcome, Step, memory};
use super::world::{self, BadEntry, BadState, CHAIN_ID, World};

/// All functions of our table.
pub(crate) fn functions() -> &'static [HostFn<NearHost<World>>] {
    NearHost::<World>::FUNCTIONS
}

pub(crate) fn run(case: &Case, config: &RuntimeConfig) -> Outcome {
    let host = NearHost::new(World::default(), context(case), Arc::clone(config.host()));
    let mut host = host.unwrap();
    let mut memory = memory();
    let mut steps = Vec::new();
    for call in &case.calls {
        let function = functions().iter().find(|f| f.decl.name == call.name).unwrap();
        let result = match (function.call)(&mut host, &mut Memory::new(&mut memory), &call.args) {
            Ok(value) => Ok(value),
            Err(Abort::Guest(error)) => Err(format!("{error:?}: {error}")),
            Err(Abort::Fault(fault)) => panic!("{call:?}: {fault}"),
        };
        let register_lens =
            (0..4).map(|id| host.core.registers.peek(id).map(|bytes| bytes.len() as u64)).collect();
        let failed = result.is_err();
        steps.push(Step { result, memory: memory.clone(), register_lens });
        if failed {
            break;
        }
    }
    let parts = host.into_parts();
    let profile = parts.gas.profile();
    let mut paid: Vec<_> = profile
        .iter()
        .map(|(id, gas)| (parts.gas.costs().row(id).unwrap().name.to_owned(), gas.units()))
        .collect();
    paid.sort();
    Outcome {
        steps,
        burnt: parts.gas.burnt().units(),
        used: parts.gas.used().units(),
        compute: parts.gas.compute(),
        profile: paid,
        wasm: profile.wasm().units(),
        logs: parts.logs,
        return_data: match parts.return_data {
            ReturnData::None => "nothing".to_owned(),
            ReturnData::Value(value) => format!("{value:?}"),
            ReturnData::ReceiptIndex(receipt) => format!("receipt {}", receipt.0),
        },
        balance: parts.balance,
        subsidized: parts.subsidized,
        storage_usage: parts.storage_usage,
        effects: parts.external.effects,
    }
}

fn context(case: &Case) -> Context {
    Context {
        current_account_id: "alice.near".to_owned(),
        signer_account_id: "carol.near".to_owned(),
        signer_public_key: vec![1; 33],
        predecessor_account_id: "bob.near".to_owned(),
        refund_to_account_id: "dave.near".to_owned(),
        input: Arc::from(*b"{\"a\":1}"),
        promise_results: Arc::new([
            PromiseResult::Successful(Arc::from(*b"42")),
            PromiseResult::Failed,
            PromiseResult::NotReady,
        ]),
        block_height: 12,
        block_timestamp_ns: 34,
        epoch_height: 56,
        account_balance: case.balance,
        account_locked_balance: 50,
        storage_usage: 300,
        account_contract: AccountContract::GlobalByAccount("bob.near".to_owned()),
        attached_deposit: 0,
        prepaid_gas: Gas::new(case.prepaid_gas),
        random_seed: vec![3; 32],
        mode: if case.view {
            Mode::View { max_gas_burnt: Gas::new(case.prepaid_gas) }
        } else {
            Mode::Call
        },
        output_data_receivers: vec!["alice.near".to_owned(), "bob.near".to_owned()],
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
        let [touched, cached] = self.nodes(key);
        let value = self.storage.get(key).map(|value| value.as_slice().into());
        Ok(Found { value, nodes: TrieNodes { touched, cached } })
    }

    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault> {
        // Nearcore looks at the recorded state before it reports that nodes could not be paid.
        self.nodes(key);
        Ok((self.storage.contains_key(key), TrieNodes::default()))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault> {
        let [touched, cached] = self.nodes(key);
        let value = self.storage.insert(key.to_vec(), value.to_vec()).map(Into::into);
        Ok(Displaced { value, nodes: TrieNodes { touched, cached } })
    }

    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault> {
        let [touched, cached] = self.nodes(key);
        let value = self.storage.remove(key).map(Into::into);
        Ok(Displaced { value, nodes: TrieNodes { touched, cached } })
    }

    fn recorded_storage_bytes(&self) -> u64 {
        self.recorded()
    }

    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault> {
        let after: Vec<_> = after.iter().map(|index| index.0).collect();
        Ok(ReceiptIndex(World::create_receipt(self, receiver.parse().unwrap(), &after)))
    }

    fn receiver(&self, receipt: ReceiptIndex) -> &str {
        self.receivers[receipt.0 as usize].as_str()
    }

    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64 {
        World::append(self, receipt.0, &describe(action))
    }

    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        World::set_entry(self, receipt.0, action, key, &value).map_err(|bad| match bad {
            BadEntry::NoSuchAction => InvalidEntry::NoSuchAction,
            BadEntry::AlreadySet => InvalidEntry::AlreadySet,
        })
    }

    fn check_universal_state(&self, state_init: &[u8]) -> Result<(), InvalidStateInit> {
        World::check_state(state_init).map_err(|bad| match bad {
            BadState::Malformed => InvalidStateInit::Malformed,
            BadState::NonCanonical => InvalidStateInit::NonCanonical,
        })
    }

    fn universal_state_counts(&self, state_init: &[u8]) -> StateCounts {
        let [entries, keys] = World::state_counts(state_init);
        StateCounts { entries, keys }
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str) {
        World::append(self, receipt.0, &format!("refund to {account}"));
    }

    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault> {
        Ok(World::yield_create(self, chosen_id).map(|(receipt, id)| (ReceiptIndex(receipt), id)))
    }

    fn yield_resume(&mut self, yielded: YieldRef, payload: Vec<u8>) -> Result<bool, Fault> {
        let (YieldRef::DataId(id) | YieldRef::ChosenId(id)) = yielded;
        Ok(World::yield_resume(self, &id, &payload))
    }

    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault> {
        Ok(World::validator_stake(account))
    }

    fn validator_total_stake(&self) -> Result<u128, Fault> {
        Ok(5_678)
    }

    fn chain_id(&self) -> &str {
        CHAIN_ID
    }
}

fn describe(action: Action) -> String {
    let allow = |permission: Permission| match permission {
        Permission::FullAccess => "everything".to_owned(),
        Permission::FunctionCall { allowance, receiver_id, method_names } => {
            world::permission(allowance, &receiver_id, &method_names)
        }
    };
    match action {
        Action::CreateAccount => "create account".to_owned(),
        Action::DeployContract { code } => format!("deploy {code:?}"),
        Action::FunctionCall { method_name, args, deposit, gas, gas_weight } => {
            let gas = gas.units();
            format!("call {method_name} {args:?} {deposit} {gas} {gas_weight}")
        }
        Action::Transfer { deposit } => format!("transfer {deposit}"),
        Action::Stake { stake, public_key } => format!("stake {stake} {:?}", public_key.as_bytes()),
        Action::AddKey { public_key, nonce, permission } => {
            format!("add key {:?} {nonce} {}", public_key.as_bytes(), allow(permission))
        }
        Action::DeleteKey { public_key } => format!("delete key {:?}", public_key.as_bytes()),
        Action::DeleteAccount { beneficiary_id } => format!("delete for {beneficiary_id}"),
        Action::DeployGlobalContract { code, mode } => match mode {
            DeployMode::CodeHash => format!("deploy by hash {code:?}"),
            DeployMode::AccountId => format!("deploy by account {code:?}"),
        },
        Action::UseGlobalContract { contract } => match contract {
            ContractId::CodeHash(hash) => format!("use {hash:?}"),
            ContractId::AccountId(account) => format!("use {account}"),
        },
        Action::DeterministicStateInit { contract, deposit } => match contract {
            ContractId::CodeHash(hash) => format!("state init {hash:?} {deposit}"),
            ContractId::AccountId(account) => format!("state init {account} {deposit}"),
        },
        Action::UniversalStateInit { state_init, deposit } => {
            format!("init {state_init:?} {deposit}")
        }
        Action::TransferToGasKey { public_key, deposit } => {
            format!("transfer to {:?} {deposit}", public_key.as_bytes())
        }
        Action::AddGasKey { public_key, num_nonces, permission } => {
            format!("add gas key {:?} {num_nonces} {}", public_key.as_bytes(), allow(permission))
        }
    }
}
