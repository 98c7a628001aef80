//! [`Guest`]: calls host functions as a contract would, at prices of one, so that the gas of a
//! cost is the number of its units.

use std::fmt::Write;
use std::sync::Arc;

use gas_meter::{Cost, CostId, Gas};
use host_fns::abi::{Abort, Host, HostFn, Memory};
use host_fns::common;
use host_fns::near::{
    AccountContract, Config, Context, Fee, Fees, Limits, Mode, NearError, NearHost, Parts, cost,
};

use crate::world::World;

/// Bytes of the guest's memory.
pub(crate) const MEMORY_BYTES: usize = 4_096;

/// Gas that is enough for every test.
pub(crate) const PLENTY: u64 = 1_000_000_000;

/// A contract in the middle of a call.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) host: NearHost<World>,
    pub(crate) memory: Vec<u8>,
}

impl Guest {
    pub(crate) fn new() -> Self {
        Self::with(World::default(), context())
    }

    pub(crate) fn with(world: World, context: Context) -> Self {
        Self::configured(world, context, config())
    }

    pub(crate) fn configured(world: World, context: Context, config: Config) -> Self {
        let host = NearHost::new(world, context, Arc::new(config)).unwrap();
        Guest { host, memory: vec![0; MEMORY_BYTES] }
    }

    /// Puts bytes into the guest's memory; gives length and pointer.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) -> [u64; 2] {
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
        [bytes.len() as u64, at as u64]
    }

    /// Calls a host function, which must not fault.
    pub(crate) fn call(&mut self, name: &str, args: &[u64]) -> Result<u64, NearError> {
        match self.try_call(name, args) {
            Ok(value) => Ok(value),
            Err(Abort::Guest(error)) => Err(error),
            Err(Abort::Fault(fault)) => panic!("{name} faulted: {fault}"),
        }
    }

    /// Calls a host function.
    pub(crate) fn try_call(&mut self, name: &str, args: &[u64]) -> Result<u64, Abort<NearError>> {
        (function(name).call)(&mut self.host, &mut Memory::new(&mut self.memory), args)
    }

    pub(crate) fn register(&self, register_id: u64) -> Option<&[u8]> {
        self.host.core.registers.peek(register_id)
    }

    pub(crate) fn world(&self) -> &World {
        self.host.external()
    }

    /// What was charged so far, as `NAME units` a line.
    pub(crate) fn charges(&self) -> String {
        let mut list = String::new();
        for (id, gas) in self.host.core.gas.profile().iter() {
            writeln!(list, "{} {}", name_of(id), gas.units()).unwrap();
        }
        list
    }

    pub(crate) fn end(self) -> Parts<World> {
        self.host.into_parts()
    }
}

/// All functions of the table.
pub(crate) fn functions() -> &'static [HostFn<NearHost<World>>] {
    NearHost::<World>::FUNCTIONS
}

pub(crate) fn function(name: &str) -> &'static HostFn<NearHost<World>> {
    functions().iter().find(|function| function.decl.name == name).unwrap()
}

/// The charges of a call in the order in which they are made, as `NAME units` a line: found by
/// giving it one unit of gas more each time.
pub(crate) fn charges_in_order(call: impl Fn(u64) -> Guest) -> String {
    let total = call(PLENTY).host.core.gas.used().units();
    let mut before = call(0).host.core.gas.profile();
    let mut runs: Vec<(CostId, u64)> = Vec::new();
    for gas in 1..=total {
        let after = call(gas).host.core.gas.profile();
        for (id, paid) in after.iter().filter(|(id, paid)| *paid > before.get(*id)) {
            let more = paid.units() - before.get(id).units();
            match runs.last_mut() {
                Some((last, units)) if *last == id => *units += more,
                _ => runs.push((id, more)),
            }
        }
        before = after;
    }
    runs.into_iter().fold(String::new(), |mut list, (id, units)| {
        writeln!(list, "{} {units}", name_of(id)).unwrap();
        list
    })
}

fn name_of(id: CostId) -> &'static str {
    cost::all().find(|(cost, _, _)| *cost == id).map(|(_, name, _)| name).unwrap()
}

/// Prices of one. Sending costs 1 to oneself and 2 to others, executing 3.
pub(crate) fn config() -> Config {
    let gas = |units| Cost::of_gas(Gas::new(units));
    Config {
        costs: Arc::new(cost::table(|_| gas(1))),
        fees: Fees::new(|_| Fee { send_sir: gas(1), send_not_sir: gas(2), exec: gas(3) }),
        common_limits: common::Limits {
            max_register_bytes: 1_024,
            max_registers: 8,
            registers_memory_bytes: 2_048,
            max_logs: 3,
            max_total_log_bytes: 200,
            max_output_bytes: 100,
        },
        limits: Limits {
            max_gas_burnt: Gas::new(10 * PLENTY),
            max_contract_bytes: 500,
            max_storage_key_bytes: 16,
            max_storage_value_bytes: 64,
            inline_value_bytes: 40,
            max_promises: 6,
            max_input_data_dependencies: 3,
            max_yield_payload_bytes: 10,
            max_storage_proof_bytes: 1_000_000,
        },
        regular_op_gas: 5,
        extra_bytes_per_record: 40,
        one_yocto_on_promise: true,
    }
}

/// A call of `alice.near` by `bob.near`.
pub(crate) fn context() -> Context {
    Context {
        current_account_id: "alice.near".to_owned(),
        signer_account_id: "carol.near".to_owned(),
        signer_public_key: vec![0; 33],
        predecessor_account_id: "bob.near".to_owned(),
        refund_to_account_id: "dave.near".to_owned(),
        input: Arc::from(*b"{}"),
        promise_results: Arc::new([]),
        block_height: 12,
        block_timestamp_ns: 34,
        epoch_height: 56,
        account_balance: 1_000,
        account_locked_balance: 50,
        storage_usage: 300,
        account_contract: AccountContract::Local([9; 32]),
        attached_deposit: 10,
        prepaid_gas: Gas::new(PLENTY),
        random_seed: vec![3; 32],
        mode: Mode::Call,
        output_data_receivers: Vec::new(),
    }
}

/// The context of a view.
pub(crate) fn view() -> Context {
    Context { mode: Mode::View { max_gas_burnt: Gas::new(PLENTY) }, ..context() }
}

/// The context of a call with little gas.
pub(crate) fn with_gas(gas: u64) -> Context {
    Context { prepaid_gas: Gas::new(gas), ..context() }
}
