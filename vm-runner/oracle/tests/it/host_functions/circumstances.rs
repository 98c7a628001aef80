//! What scripts run in: accounts, balances, results, storage, gas, and the parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use gas_meter::Gas;
use host_fns::near::{AccountContract, Context, Mode, PromiseResult};
use near_parameters::Fee;
use oracle::{Call, PROTOCOL_VERSION};
use sandbox_runtime::RuntimeConfig;

use super::calls::Dice;
use super::interpreter::{Ending, Script};
use super::memory;

/// More gas than a script needs, and than it may burn at NEAR's limits.
pub(crate) const PLENTY: u64 = 1_500_000_000_000_000;

/// What a script finds.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    context: Context,
    storage: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The gas that a script gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) gas: u64,
    pub(crate) bound: Bound,
}

/// What bounds the gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// What came with the call.
    Prepaid,
    /// What a call may burn, of much that came with it.
    Burnt,
    /// Both at once.
    Both,
    /// What a view may burn.
    View,
}

impl Circumstances {
    pub(crate) fn generate(dice: &mut Dice) -> Self {
        let account = |dice: &mut Dice| {
            dice.pick(&[
                "alice.near",
                "bob.near",
                "carol.near",
                "aa",
                &"0123456789abcdef".repeat(4),
            ])
            .to_owned()
        };
        let current_account_id = if dice.one_in(4) { account(dice) } else { "alice.near".into() };
        let balance = dice.pick(&[0, 1, 1_000, u64::MAX.into(), u128::MAX / 2]);
        let results = [
            PromiseResult::Successful(Arc::from(*b"42")),
            PromiseResult::Failed,
            PromiseResult::NotReady,
            PromiseResult::Successful(Arc::from([7; 60])),
        ];
        let receivers = ["alice.near", "bob.near", "carol.near"].map(str::to_owned);
        let context = Context {
            current_account_id,
            signer_account_id: account(dice),
            signer_public_key: vec![0; dice.pick(&[33, 65])],
            predecessor_account_id: account(dice),
            refund_to_account_id: account(dice),
            input: Arc::from([]),
            promise_results: results[..dice.below(5) as usize].iter().cloned().collect(),
            block_height: dice.pick(&[0, 12, u64::MAX]),
            block_timestamp_ns: dice.pick(&[0, 34, u64::MAX]),
            epoch_height: dice.pick(&[0, 56, u64::MAX]),
            account_balance: balance,
            account_locked_balance: dice.pick(&[0, 50, u128::MAX]),
            storage_usage: dice.pick(&[1_000_000, 1_000_000_000_000]),
            account_contract: match dice.below(4) {
                0 => AccountContract::None,
                1 => AccountContract::Local([4; 32]),
                2 => AccountContract::Global([5; 32]),
                _ => AccountContract::GlobalByAccount("bob.near".to_owned()),
            },
            attached_deposit: dice.pick(&[0, 0, 1, 1_000_000, u128::MAX / 2]),
            prepaid_gas: Gas::new(PLENTY),
            random_seed: vec![3; dice.pick(&[0, 32])],
            mode: Mode::Call,
            output_data_receivers: receivers[..dice.below(4) as usize].to_vec(),
        };
        let mut storage = BTreeMap::new();
        // Keys as `calls::arg` makes them, short and long.
        let image = memory::image();
        let place = |at: u64, len: usize| image[at as usize..][..len].to_vec();
        let keys = [
            (place(0, 5), 4_001),
            (place(memory::TEXT, 5), 4_000),
            (place(memory::ZEROS, 1), 4_001),
            (place(0, 0), 3),
            (place(0, 30), 20),
            (place(memory::TEXT, 40), 4_001),
        ];
        for (key, value) in keys {
            if dice.one_in(2) {
                storage.insert(key, vec![9; value]);
            }
        }
        Circumstances { context, storage }
    }

    /// The same for a contract on another account.
    pub(crate) fn of_account(mut self, account_id: &str) -> Self {
        account_id.clone_into(&mut self.context.current_account_id);
        self
    }

    pub(crate) fn call(&self, script: &Script, ending: Ending, bounds: Bounds) -> Call {
        let mut context = self.context.clone();
        context.input = script.input(ending).into();
        let gas = Gas::new(bounds.gas);
        let (mut prepaid, mut max_gas_burnt) = (Gas::new(PLENTY), Gas::new(PLENTY));
        match bounds.bound {
            Bound::Prepaid => prepaid = gas,
            Bound::Burnt => max_gas_burnt = gas,
            Bound::Both => (prepaid, max_gas_burnt) = (gas, gas),
            Bound::View => context.mode = Mode::View { max_gas_burnt: gas },
        }
        context.prepaid_gas = prepaid;
        Call { method: "main".to_owned(), context, max_gas_burnt, storage: self.storage.clone() }
    }
}

/// NEAR's parameters.
pub(crate) fn parameters() -> RuntimeConfig {
    RuntimeConfig::new(PROTOCOL_VERSION).unwrap()
}

/// NEAR's parameters but for limits so low that scripts reach them, and fees that tell apart who
/// receives what is sent, as only some of NEAR's do.
pub(crate) fn low_limits() -> RuntimeConfig {
    let mut near = parameters().near().clone();
    for fee in Arc::make_mut(&mut near.fees).action_fees.values_mut() {
        let [to_self, to_others, executing] =
            [&fee.send_sir, &fee.send_not_sir, &fee.execution].map(|part| part.gas().as_gas());
        *fee = Fee::new(to_self + 1_000_000, to_others, executing);
    }
    let wasm = Arc::make_mut(&mut near.wasm_config);
    let limits = &mut wasm.limit_config;
    limits.registers_memory_limit = 40_000;
    limits.max_register_size = 16_000;
    limits.max_number_registers = 3;
    limits.max_number_logs = 4;
    limits.max_total_log_length = 100;
    limits.max_length_returned_data = 65_536;
    limits.max_contract_size = 1_000;
    limits.max_length_storage_key = 40;
    limits.max_length_storage_value = 4_500;
    limits.max_promises_per_function_call_action = 4;
    limits.max_number_input_data_dependencies = 2;
    limits.per_receipt_storage_proof_size_limit = 3_000;
    RuntimeConfig::from_near(Arc::new(near))
}
