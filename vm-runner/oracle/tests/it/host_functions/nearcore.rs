//! Runs a case on nearcore's host functions.

use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use near_crypto::PublicKey;
use near_primitives::account::AccountContract;
use near_primitives::config::ViewConfig;
use near_primitives::hash::{CryptoHash, YieldId};
use near_primitives::types::{AccountId, Balance, Gas, GasWeight};
use near_primitives::universal_state_init::{
    DecodeMode, RawStateInit, StateInitError, UniversalStateInitCounts,
};
use near_vm_runner::logic::types::{
    ActionIndex, GlobalContractDeployMode, GlobalContractIdentifier, PromiseResult, ReceiptIndex,
    ReturnData,
};
use near_vm_runner::logic::{
    ExecutionResultState, External, HostCtx, HostError, StorageAccessTracker, VMContext,
    VMLogicError, VMOutcome, ValuePtr, host,
};
use sandbox_runtime::RuntimeConfig;

use super::calls::{Call, Case, Outcome, Step, memory};
use super::world::{self, BadEntry, BadState, CHAIN_ID, World};

type Result<T> = std::result::Result<T, VMLogicError>;

fn upper(id: &impl Debug) -> String {
    format!("{id:?}").to_uppercase()
}

pub(crate) fn run(case: &Case, config: &RuntimeConfig) -> Outcome {
    let near = config.near();
    let context = context(case);
    let gas = context.make_gas_counter(&near.wasm_config);
    let state = ExecutionResultState::new(&context, gas, Arc::clone(&near.wasm_config));
    let mut world = Twin(World::default());
    let mut host = HostCtx::new(&mut world, &context, Arc::clone(&near.fees), state);
    let mut memory = memory();
    let mut steps = Vec::new();
    for call in &case.calls {
        let result = dispatch(call, &mut host, &mut memory).map_err(|error| match error {
            VMLogicError::HostError(HostError::RecordedStorageExceeded { limit }) => {
                let error = HostError::RecordedStorageExceeded { limit };
                format!("RecordedStorageExceeded {{ limit: {} }}: {error}", limit.as_u64())
            }
            VMLogicError::HostError(error) => format!("{error:?}: {error}"),
            other => panic!("{call:?}: {other:?}"),
        });
        let register_lens = (0..4).map(|id| host.register_len_free(id)).collect();
        let failed = result.is_err();
        steps.push(Step { result, memory: memory.clone(), register_lens });
        if failed {
            break;
        }
    }
    let outcome = VMOutcome::ok(host.into_result_state());
    let ext = outcome.profile.wasm_ext_profile.iter().map(|(id, gas)| (upper(&id), gas.as_gas()));
    let actions =
        outcome.profile.actions_profile.iter().map(|(id, gas)| (upper(&id), gas.as_gas()));
    let mut profile: Vec<_> = ext.chain(actions).filter(|(_, gas)| *gas > 0).collect();
    profile.sort();
    Outcome {
        steps,
        burnt: outcome.burnt_gas.as_gas(),
        used: outcome.used_gas.as_gas(),
        compute: outcome.compute_usage,
        profile,
        wasm: outcome.profile.wasm_gas.as_gas(),
        logs: outcome.logs,
        return_data: match outcome.return_data {
            ReturnData::None => "nothing".to_owned(),
            ReturnData::Value(value) => format!("{value:?}"),
            ReturnData::ReceiptIndex(receipt) => format!("receipt {receipt}"),
        },
        balance: outcome.balance.as_yoctonear(),
        subsidized: outcome.subsidized_amount.as_yoctonear(),
        storage_usage: outcome.storage_usage,
        effects: world.0.effects,
    }
}

fn context(case: &Case) -> VMContext {
    let account = |name: &str| name.parse::<AccountId>().unwrap();
    VMContext {
        current_account_id: account("alice.near"),
        signer_account_id: account("carol.near"),
        signer_account_pk: vec![1; 33],
        predecessor_account_id: account("bob.near"),
        refund_to_account_id: account("dave.near"),
        input: Rc::from(*b"{\"a\":1}"),
        #[allow(clippy::arc_with_non_send_sync, reason = "the type is nearcore's")]
        promise_results: Arc::new([
            PromiseResult::Successful(Rc::from(*b"42")),
            PromiseResult::Failed,
            PromiseResult::NotReady,
        ]),
        block_height: 12,
        block_timestamp: 34,
        epoch_height: 56,
        account_balance: Balance::from_yoctonear(case.balance),
        account_locked_balance: Balance::from_yoctonear(50),
        storage_usage: 300,
        account_contract: AccountContract::GlobalByAccount(account("bob.near")),
        attached_deposit: Balance::ZERO,
        prepaid_gas: Gas::from_gas(case.prepaid_gas),
        random_seed: vec![3; 32],
        view_config: case
            .view
            .then(|| ViewConfig { max_gas_burnt: Gas::from_gas(case.prepaid_gas) }),
        output_data_receivers: vec![account("alice.near"), account("bob.near")],
    }
}

/// What a host function returns, as an engine sees it.
trait Bits {
    fn bits(self) -> u64;
}

impl Bits for () {
    fn bits(self) -> u64 {
        0
    }
}

impl Bits for u32 {
    fn bits(self) -> u64 {
        self.into()
    }
}

impl Bits for u64 {
    fn bits(self) -> u64 {
        self
    }
}

/// Declares the dispatch to functions by name, given their number of parameters.
macro_rules! dispatch {
    ($($count:literal $indices:tt: $($name:ident)*;)*) => {
        /// The number of parameters of nearcore's function.
        pub(crate) fn param_count(name: &str) -> Option<usize> {
            match name {
                $($(stringify!($name) => Some($count),)*)*
                "abort" => Some(4),
                "gas" => Some(1),
                _ => None,
            }
        }

        fn dispatch(call: &Call, ctx: &mut HostCtx<'_>, memory: &mut [u8]) -> Result<u64> {
            let args = call.args.as_slice();
            let narrow = |at: usize| u32::try_from(args[at]).unwrap();
            match call.name {
                $($(
                    stringify!($name) => {
                        dispatch!(@call $name ctx memory args $indices).map(Bits::bits)
                    }
                )*)*
                "abort" => host::abort(ctx, memory, narrow(0), narrow(1), narrow(2), narrow(3))
                    .map(Bits::bits),
                "gas" => host::gas_seen_from_wasm(ctx, memory, narrow(0)).map(Bits::bits),
                name => panic!("nearcore has no {name}"),
            }
        }
    };
    (@call $name:ident $ctx:ident $memory:ident $args:ident [$($index:literal)*]) => {
        host::$name($ctx, $memory $(, $args[$index])*)
    };
}

dispatch! {
    0 []:
        block_index block_timestamp epoch_height storage_usage prepaid_gas used_gas panic
        promise_results_count;
    1 [0]:
        register_len current_account_id chain_id signer_account_id signer_account_pk
        predecessor_account_id refund_to_account_id input current_contract_code account_balance
        account_locked_balance attached_deposit validator_total_stake random_seed promise_return
        promise_batch_action_create_account;
    2 [0 1]:
        read_register value_return panic_utf8 log_utf8 log_utf16 promise_and promise_batch_create
        promise_result promise_batch_action_transfer storage_has_key storage_iter_prefix
        alt_bn128_pairing_check bls12381_pairing_check;
    3 [0 1 2]:
        write_register validator_stake sha256 keccak256 keccak512 sha3_256 sha3_384 sha3_512
        bls12381_p1_sum bls12381_p2_sum bls12381_g1_multiexp bls12381_g2_multiexp
        bls12381_map_fp_to_g1 bls12381_map_fp2_to_g2 bls12381_p1_decompress bls12381_p2_decompress
        ripemd160 alt_bn128_g1_multiexp alt_bn128_g1_sum universal_state_init_to_account_id
        promise_batch_then promise_set_refund_to promise_batch_action_deploy_contract
        promise_batch_action_deploy_global_contract
        promise_batch_action_deploy_global_contract_by_account_id
        promise_batch_action_use_global_contract
        promise_batch_action_use_global_contract_by_account_id promise_batch_action_delete_key
        promise_batch_action_delete_account storage_read storage_remove storage_iter_next;
    4 [0 1 2 3]:
        promise_batch_action_universal_state_init promise_batch_action_state_init
        promise_batch_action_state_init_by_account_id
        promise_batch_action_stake promise_batch_action_add_key_with_full_access
        promise_batch_action_transfer_to_gas_key promise_batch_action_add_gas_key_with_full_access
        promise_yield_resume promise_yield_resume_with_yield_id storage_iter_range;
    5 [0 1 2 3 4]: storage_write;
    6 [0 1 2 3 4 5]: ed25519_verify p256_verify ml_dsa_verify set_state_init_data_entry;
    7 [0 1 2 3 4 5 6]:
        promise_batch_action_function_call promise_yield_create ecrecover;
    8 [0 1 2 3 4 5 6 7]: promise_create promise_batch_action_function_call_weight;
    9 [0 1 2 3 4 5 6 7 8]:
        promise_then promise_batch_action_add_key_with_function_call
        promise_batch_action_add_gas_key_with_function_call promise_yield_create_with_id;
}

/// The world through nearcore's port.
struct Twin(World);

/// A value that is already there.
struct Value(Vec<u8>);

impl ValuePtr for Value {
    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn deref(&self, _: &mut dyn StorageAccessTracker) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// Charges the nodes of an access, as nearcore's runtime does.
fn visit(tracker: &mut dyn StorageAccessTracker, [touched, cached]: [u64; 2]) -> Result<()> {
    tracker.trie_node_touched(touched)?;
    tracker.cached_trie_node_access(cached)
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| HostError::InvalidMethodName.into())
}

fn bytes(key: &PublicKey) -> Vec<u8> {
    near_primitives::borsh::to_vec(key).unwrap()
}

fn allow(
    allowance: Option<Balance>,
    receiver: &AccountId,
    method_names: Vec<Vec<u8>>,
) -> Result<String> {
    let names = method_names.into_iter().map(text).collect::<Result<Vec<_>>>()?;
    let allowance = allowance.map(|allowance| allowance.as_yoctonear());
    Ok(world::permission(allowance, receiver.as_str(), &names))
}

impl External for Twin {
    fn storage_set(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let nodes = self.0.nodes(key);
        let evicted = self.0.storage.insert(key.to_vec(), value.to_vec());
        if let Some(evicted) = &evicted {
            tracker.deref_write_evicted_value_bytes(evicted.len() as u64)?;
        }
        visit(tracker, nodes)?;
        Ok(evicted)
    }

    fn storage_get<'a>(
        &'a self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> Result<Option<Box<dyn ValuePtr + 'a>>> {
        visit(tracker, self.0.nodes(key))?;
        let value = self.0.storage.get(key).cloned();
        Ok(value.map(|value| Box::new(Value(value)) as Box<dyn ValuePtr>))
    }

    fn storage_remove(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let nodes = self.0.nodes(key);
        let removed = self.0.storage.remove(key);
        if let Some(removed) = &removed {
            tracker.deref_removed_value_bytes(removed.len() as u64)?;
        }
        visit(tracker, nodes)?;
        Ok(removed)
    }

    fn storage_has_key(
        &mut self,
        _tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> Result<bool> {
        self.0.nodes(key);
        Ok(self.0.storage.contains_key(key))
    }

    fn generate_data_id(&mut self) -> CryptoHash {
        CryptoHash::default()
    }

    fn get_recorded_storage_size(&self) -> usize {
        self.0.recorded() as usize
    }

    fn storage_proof_size_before_receipt(&self) -> usize {
        0
    }

    fn validator_stake(&self, account: &AccountId) -> Result<Option<Balance>> {
        Ok(World::validator_stake(account.as_str()).map(Balance::from_yoctonear))
    }

    fn validator_total_stake(&self) -> Result<Balance> {
        Ok(Balance::from_yoctonear(5_678))
    }

    fn chain_id(&self) -> String {
        CHAIN_ID.to_owned()
    }

    fn create_action_receipt(
        &mut self,
        after: Vec<ReceiptIndex>,
        receiver: AccountId,
    ) -> Result<ReceiptIndex> {
        Ok(self.0.create_receipt(receiver, &after))
    }

    fn create_promise_yield_receipt(
        &mut self,
        _receiver: AccountId,
    ) -> Result<(ReceiptIndex, CryptoHash)> {
        let (receipt, id) = self.0.yield_create(None).unwrap();
        Ok((receipt, CryptoHash(id)))
    }

    fn create_promise_yield_receipt_with_id(
        &mut self,
        _receiver: AccountId,
        id: YieldId,
    ) -> Result<Option<(ReceiptIndex, CryptoHash)>> {
        let created = self.0.yield_create(Some(*id.0.as_bytes()));
        Ok(created.map(|(receipt, id)| (receipt, CryptoHash(id))))
    }

    fn submit_promise_resume_data(&mut self, id: CryptoHash, data: Vec<u8>) -> Result<bool> {
        Ok(self.0.yield_resume(&id.0, &data))
    }

    fn submit_promise_resume_data_with_yield_id(
        &mut self,
        id: YieldId,
        data: Vec<u8>,
    ) -> Result<bool> {
        Ok(self.0.yield_resume(id.0.as_bytes(), &data))
    }

    fn append_action_create_account(&mut self, receipt: ReceiptIndex) {
        self.0.append(receipt, "create account");
    }

    fn append_action_deploy_contract(&mut self, receipt: ReceiptIndex, code: Vec<u8>) {
        self.0.append(receipt, &format!("deploy {code:?}"));
    }

    fn append_action_deploy_global_contract(
        &mut self,
        receipt: ReceiptIndex,
        code: Vec<u8>,
        mode: GlobalContractDeployMode,
    ) {
        let mode = match mode {
            GlobalContractDeployMode::CodeHash => "hash",
            GlobalContractDeployMode::AccountId => "account",
        };
        self.0.append(receipt, &format!("deploy by {mode} {code:?}"));
    }

    fn append_action_use_global_contract(
        &mut self,
        receipt: ReceiptIndex,
        contract: GlobalContractIdentifier,
    ) {
        let contract = match contract {
            GlobalContractIdentifier::CodeHash(hash) => format!("{:?}", hash.0),
            GlobalContractIdentifier::AccountId(account) => account.to_string(),
        };
        self.0.append(receipt, &format!("use {contract}"));
    }

    fn append_action_deterministic_state_init(
        &mut self,
        receipt: ReceiptIndex,
        contract: GlobalContractIdentifier,
        amount: Balance,
    ) -> ActionIndex {
        let contract = match contract {
            GlobalContractIdentifier::CodeHash(hash) => format!("{:?}", hash.0),
            GlobalContractIdentifier::AccountId(account) => account.to_string(),
        };
        self.0.append(receipt, &format!("state init {contract} {}", amount.as_yoctonear()))
    }

    fn set_deterministic_state_init_data_entry(
        &mut self,
        receipt_index: ReceiptIndex,
        action_index: ActionIndex,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<()> {
        let set = self.0.set_entry(receipt_index, action_index, key, &value);
        set.map_err(|bad| match bad {
            BadEntry::NoSuchAction => {
                HostError::InvalidActionIndex { receipt_index, action_index }.into()
            }
            BadEntry::AlreadySet => HostError::DataEntryAlreadyExists.into(),
        })
    }

    fn check_state_init(
        &self,
        state_init: &RawStateInit,
    ) -> std::result::Result<(), StateInitError> {
        World::check_state(&state_init.0).map_err(|bad| match bad {
            BadState::Malformed => StateInitError::Malformed,
            BadState::NonCanonical => StateInitError::NonCanonical,
        })
    }

    fn state_init_send_counts(
        &self,
        state_init: &RawStateInit,
        _mode: DecodeMode,
    ) -> UniversalStateInitCounts {
        let [num_entries, num_keys] = World::state_counts(&state_init.0);
        let num_bytes = state_init.0.len() as u64;
        UniversalStateInitCounts { num_bytes, num_entries, num_keys }
    }

    fn append_action_universal_state_init(
        &mut self,
        receipt: ReceiptIndex,
        state_init: RawStateInit,
        amount: Balance,
    ) {
        self.0.append(receipt, &format!("init {:?} {}", state_init.0, amount.as_yoctonear()));
    }

    fn append_action_function_call_weight(
        &mut self,
        receipt: ReceiptIndex,
        method_name: Vec<u8>,
        args: Vec<u8>,
        deposit: Balance,
        gas: Gas,
        weight: GasWeight,
    ) -> Result<()> {
        let (name, deposit, gas) = (text(method_name)?, deposit.as_yoctonear(), gas.as_gas());
        self.0.append(receipt, &format!("call {name} {args:?} {deposit} {gas} {}", weight.0));
        Ok(())
    }

    fn append_action_transfer(&mut self, receipt: ReceiptIndex, deposit: Balance) {
        self.0.append(receipt, &format!("transfer {}", deposit.as_yoctonear()));
    }

    fn append_action_transfer_to_gas_key(
        &mut self,
        receipt: ReceiptIndex,
        key: PublicKey,
        deposit: Balance,
    ) {
        let deposit = deposit.as_yoctonear();
        self.0.append(receipt, &format!("transfer to {:?} {deposit}", bytes(&key)));
    }

    fn append_action_add_gas_key_with_full_access(
        &mut self,
        receipt: ReceiptIndex,
        key: PublicKey,
        nonces: u16,
    ) {
        self.0.append(receipt, &format!("add gas key {:?} {nonces} everything", bytes(&key)));
    }

    fn append_action_add_gas_key_with_function_call(
        &mut self,
        receipt: ReceiptIndex,
        key: PublicKey,
        nonces: u16,
        allowance: Option<Balance>,
        receiver: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> Result<()> {
        let allow = allow(allowance, &receiver, method_names)?;
        self.0.append(receipt, &format!("add gas key {:?} {nonces} {allow}", bytes(&key)));
        Ok(())
    }

    fn append_action_stake(&mut self, receipt: ReceiptIndex, stake: Balance, key: PublicKey) {
        self.0.append(receipt, &format!("stake {} {:?}", stake.as_yoctonear(), bytes(&key)));
    }

    fn append_action_add_key_with_full_access(
        &mut self,
        receipt: ReceiptIndex,
        key: PublicKey,
        nonce: u64,
    ) {
        self.0.append(receipt, &format!("add key {:?} {nonce} everything", bytes(&key)));
    }

    fn append_action_add_key_with_function_call(
        &mut self,
        receipt: ReceiptIndex,
        key: PublicKey,
        nonce: u64,
        allowance: Option<Balance>,
        receiver: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> Result<()> {
        let allow = allow(allowance, &receiver, method_names)?;
        self.0.append(receipt, &format!("add key {:?} {nonce} {allow}", bytes(&key)));
        Ok(())
    }

    fn append_action_delete_key(&mut self, receipt: ReceiptIndex, key: PublicKey) {
        self.0.append(receipt, &format!("delete key {:?}", bytes(&key)));
    }

    fn append_action_delete_account(&mut self, receipt: ReceiptIndex, beneficiary: AccountId) {
        self.0.append(receipt, &format!("delete for {beneficiary}"));
    }

    fn get_receipt_receiver(&self, receipt: ReceiptIndex) -> &AccountId {
        &self.0.receivers[receipt as usize]
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: AccountId) {
        self.0.append(receipt, &format!("refund to {account}"));
    }

    fn post_quantum_keys_enabled(&self) -> bool {
        true
    }
}
