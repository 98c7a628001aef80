//! A host of NEAR's functions without a chain, on which they are called directly: memory, and
//! arguments that lie in it.

use std::sync::Arc;

use anyhow::{Context, bail};
use gas_meter::{Cost, Gas};
use host_fns::abi::{Host, HostFn, Memory};
use host_fns::near::{
    AccountContract, Config, Context as CallContext, InMemory, Mode, NearHost, cost,
};
use sandbox_runtime::RuntimeConfig;

use super::Names;
use crate::case::{Prepared, Size, Units};

/// The type of the host.
pub(super) type SceneHost = NearHost<InMemory>;

/// What a function is called with.
#[derive(Debug, Default)]
pub(super) struct Call {
    memory: Vec<u8>,
    /// The arguments, in order.
    arguments: Vec<u64>,
    /// Registers that are filled before.
    registers: Vec<(u64, Vec<u8>)>,
    /// What is called before, once.
    before: Vec<(&'static str, Vec<u64>)>,
    /// What each call has to return.
    returns: Option<u64>,
}

impl Call {
    /// Without arguments.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// With `bytes` in memory, passed as length and pointer.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        let at = self.place(bytes);
        self.arguments.extend([crate::count(bytes.len()), at]);
        self
    }

    /// With `bytes` in memory, passed as a pointer.
    pub(super) fn pointer(mut self, bytes: &[u8]) -> Self {
        let at = self.place(bytes);
        self.arguments.push(at);
        self
    }

    /// With a number.
    pub(super) fn number(mut self, number: u64) -> Self {
        self.arguments.push(number);
        self
    }

    /// With `bytes` in a register.
    pub(super) fn register(mut self, register: u64, bytes: Vec<u8>) -> Self {
        self.registers.push((register, bytes));
        self
    }

    /// After `name` was called; with arguments that this call has in memory already.
    pub(super) fn after(mut self, name: &'static str, arguments: Vec<u64>) -> Self {
        self.before.push((name, arguments));
        self
    }

    /// Which has to return `result`.
    pub(super) fn returns(mut self, result: u64) -> Self {
        self.returns = Some(result);
        self
    }

    /// Puts bytes into memory; where they are.
    pub(super) fn place(&mut self, bytes: &[u8]) -> u64 {
        let at = crate::count(self.memory.len());
        self.memory.extend_from_slice(bytes);
        at
    }
}

/// Prices of one unit each, so that the profile counts units, and limits that are not in the way.
pub(super) fn config(near: &RuntimeConfig) -> Arc<Config> {
    let mut config = Config::clone(near.host());
    config.costs = Arc::new(cost::table(|_| Cost::of_gas(Gas::new(1))));
    config.common_limits.max_logs = u64::MAX;
    config.common_limits.max_total_log_bytes = u64::MAX;
    config.limits.max_gas_burnt = Gas::MAX;
    config.limits.max_input_data_dependencies = u64::MAX;
    Arc::new(config)
}

/// The circumstances of a call that comes with `gas`.
pub(crate) fn context(gas: Gas) -> CallContext {
    CallContext {
        current_account_id: "alice.near".to_owned(),
        signer_account_id: "alice.near".to_owned(),
        signer_public_key: vec![0; 33],
        predecessor_account_id: "alice.near".to_owned(),
        refund_to_account_id: "alice.near".to_owned(),
        input: Arc::from([]),
        promise_results: Arc::from([]),
        block_height: 1,
        block_timestamp_ns: 1,
        epoch_height: 1,
        account_balance: 1 << 100,
        account_locked_balance: 0,
        storage_usage: 1 << 20,
        account_contract: AccountContract::None,
        attached_deposit: 0,
        prepaid_gas: gas,
        random_seed: vec![7; 32],
        mode: Mode::Call,
        output_data_receivers: Vec::new(),
    }
}

fn host(config: &Arc<Config>, call: &Call) -> anyhow::Result<SceneHost> {
    let mut external = InMemory::new("alice.near", "mainnet");
    for validator in 0..100 {
        external.validators.insert(format!("validator-{validator}.near"), 1 << 90);
    }
    let mut host = NearHost::new(external, context(Gas::MAX), Arc::clone(config))
        .map_err(|fault| anyhow::anyhow!("{fault}"))?;
    for (register, bytes) in &call.registers {
        host.core.set_register(*register, bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    let mut memory = call.memory.clone();
    for (name, arguments) in &call.before {
        let mut memory = Memory::new(&mut memory);
        if (function(name)?.call)(&mut host, &mut memory, arguments).is_err() {
            bail!("{name} failed while {call:?} was prepared");
        }
    }
    Ok(host)
}

fn function(name: &str) -> anyhow::Result<&'static HostFn<SceneHost>> {
    let all = SceneHost::FUNCTIONS.iter();
    let mut found = all.filter(|function| function.decl.name == name);
    found.next().with_context(|| format!("there is no host function {name}"))
}

/// `name` called `size.calls` times.
pub(super) fn prepared(
    config: &Arc<Config>,
    names: &Names,
    name: &str,
    size: Size,
    call: &Call,
) -> anyhow::Result<Prepared> {
    let function = function(name)?;
    let run = move |mut host: SceneHost, mut bytes: Vec<u8>, arguments: Vec<u64>| {
        let mut results = 0;
        for _ in 0..size.calls {
            let mut memory = Memory::new(&mut bytes);
            // Some functions end the execution: that is their work.
            results = (function.call)(&mut host, &mut memory, &arguments).unwrap_or_default();
        }
        (host, bytes, results)
    };
    let mut first = host(config, call)?;
    let before = first.gas().profile();
    let (mut first, _, result) = run(first, call.memory.clone(), call.arguments.clone());
    if call.returns.is_some_and(|expected| expected != result) {
        bail!("{name} returned {result}, not {:?}", call.returns);
    }
    let mut units = Units::new();
    for (id, gas) in first.gas().profile().iter() {
        let paid = gas.units() - before.get(id).units();
        if paid > 0 {
            units.insert(names.of(id)?, crate::real(paid));
        }
    }
    let host = host(config, call)?;
    let (memory, arguments) = (call.memory.clone(), call.arguments.clone());
    Ok(Prepared::new(units, move || Ok(run(host, memory, arguments))))
}

/// The bytes that a function of one argument, length and pointer, and a register puts there: points
/// of curves are made so.
pub(super) fn answer(config: &Arc<Config>, name: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let call = Call::new().bytes(bytes).number(0);
    let mut host = host(config, &call)?;
    let mut memory = call.memory.clone();
    let mut memory = Memory::new(&mut memory);
    (function(name)?.call)(&mut host, &mut memory, &call.arguments)
        .map_err(|error| anyhow::anyhow!("{name}: {error:?}"))?;
    let length = 1 << 20;
    let mut out = vec![0; length];
    let got = (function("register_len")?.call)(&mut host, &mut Memory::new(&mut out), &[0])
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    (function("read_register")?.call)(&mut host, &mut Memory::new(&mut out), &[0, 0])
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    out.truncate(usize::try_from(got)?);
    Ok(out)
}
