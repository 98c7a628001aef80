//! Fixtures of NEAR: calls, on which engines differ for one, written down with all that it takes to
//! run them again without a chain. No crate of NEAR's is needed: what a contract sees of it is data.

mod data;
mod fees;
mod parameters;
mod shrink;
mod strip;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use host_fns::abi::{Effects, Fault, Host};
use host_fns::near::{Context, External, InMemory, NearHost, cost};
use serde::{Deserialize, Serialize};

use crate::fused::{differing, observe};
use crate::{
    Case, CodeBytes, Difference, DifferenceSink, ModuleCache, Run, Runner, Vm, VmConfig, VmFault,
    VmKind,
};
use data::Bytes;
use parameters::Parameters;

pub use fees::{FeeTable, InvalidFees, fees_from_json};
pub use shrink::shrink;

/// The version of the format.
pub const VERSION: u32 = 1;

/// The host of a call that is run again.
pub type ReplayHost = NearHost<InMemory>;

/// Makes the engines that a fixture is run on, as often as it is.
pub type Engines<'a> = &'a dyn Fn() -> Vec<Box<dyn Vm<ReplayHost>>>;

/// A call of a contract and all that it can see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The version of the format, [`VERSION`].
    pub version: u32,
    /// The engines that it is about, by [`VmKind::name`].
    pub engines: Vec<String>,
    /// In what they differed when it was written.
    pub differs_in: Vec<String>,
    /// The function that is called.
    pub method: String,
    /// The contract's wasm, in base64.
    module: Bytes,
    #[serde(with = "data::ContextData")]
    context: Context,
    /// What the account has stored.
    stored: Vec<(Bytes, Bytes)>,
    chain_id: String,
    /// The stake of all validators together, who are not told apart.
    #[serde(with = "data::decimal")]
    total_stake: u128,
    parameters: Parameters,
}

/// A fixture cannot be read or run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFixture {
    /// Not what a fixture looks like.
    #[error("not a fixture: {0}")]
    Format(String),
    /// Written in another version of the format.
    #[error("the fixture has version {0}, and this program knows {VERSION}")]
    Version(u32),
    /// What it says cannot be.
    #[error("the fixture's {0} cannot be")]
    Impossible(&'static str),
    /// It names an engine that this build does not have.
    #[error("there is no engine {0} in this build")]
    Engine(String),
}

/// What an engine made of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The engine.
    pub engine: VmKind,
    /// How the call ended, in words.
    pub end: String,
    /// Gas that was burnt.
    pub burnt: u64,
    /// Gas that was burnt or attached.
    pub used: u64,
    /// What has to be the same on all engines, by topic.
    pub observed: Vec<Effects>,
}

/// A call that is ready to be made: its module is compiled.
pub struct ReadyCall {
    runner: Runner<ReplayHost>,
    code: CodeBytes,
    method: String,
}

impl ReadyCall {
    /// Makes the call.
    ///
    /// # Errors
    /// When the engine is at fault.
    pub fn run(&self, host: ReplayHost) -> Result<crate::Finished<ReplayHost>, VmFault> {
        self.runner.run(&self.code, &self.method, host)
    }
}

impl fmt::Debug for ReadyCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyCall").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Fixture {
    /// The call of `case`, on which engines differ.
    pub fn of<X: External>(
        difference: &Difference,
        engines: &[VmKind],
        case: Case<'_, NearHost<X>>,
        config: &VmConfig,
    ) -> Result<Self, Fault> {
        let differs_in = difference.topics.iter().map(|topic| (*topic).to_owned()).collect();
        Ok(Fixture { differs_in, ..Self::recorded(engines, case, config)? })
    }

    /// The call of `case`, to be run again on `engines`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn recorded<X: External>(
        engines: &[VmKind],
        case: Case<'_, NearHost<X>>,
        config: &VmConfig,
    ) -> Result<Self, Fault> {
        let Case { wasm, entry, host } = case;
        let stored = host.external_mut().stored()?.into_iter();
        Ok(Fixture {
            version: VERSION,
            engines: engines.iter().map(|engine| engine.name().to_owned()).collect(),
            differs_in: Vec::new(),
            method: entry.to_owned(),
            module: Bytes(wasm.to_vec()),
            context: host.context().clone(),
            stored: stored.map(|(key, value)| (Bytes(key), Bytes(value))).collect(),
            chain_id: host.external().chain_id().to_owned(),
            total_stake: host.external().validator_total_stake()?,
            parameters: Parameters::of(config, host.config()),
        })
    }

    /// The fixture in `json`.
    pub fn from_json(json: &str) -> Result<Self, InvalidFixture> {
        let invalid = |error: serde_json::Error| InvalidFixture::Format(error.to_string());
        let any: serde_json::Value = serde_json::from_str(json).map_err(invalid)?;
        let version = any.get("version").and_then(serde_json::Value::as_u64);
        match version.map(|version| u32::try_from(version).unwrap_or(u32::MAX)) {
            Some(VERSION) | None => serde_json::from_value(any).map_err(invalid),
            Some(other) => Err(InvalidFixture::Version(other)),
        }
    }

    /// The fixture as JSON.
    pub fn to_json(&self) -> Result<String, InvalidFixture> {
        let json = serde_json::to_string(self);
        json.map_err(|error| InvalidFixture::Format(error.to_string()))
    }

    /// The contract's wasm.
    pub fn module(&self) -> &[u8] {
        &self.module.0
    }

    /// Gas that came with the call.
    pub fn gas(&self) -> u64 {
        self.context.prepaid_gas.units()
    }

    /// The circumstances.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The engines that it names.
    pub fn engines(&self) -> Result<Vec<Box<dyn Vm<ReplayHost>>>, InvalidFixture> {
        let engine = |name: &String| {
            let kind = VmKind::ALL.iter().find(|kind| kind.name() == name);
            kind.map(|kind| kind.vm()).ok_or_else(|| InvalidFixture::Engine(name.clone()))
        };
        self.engines.iter().map(engine).collect()
    }

    /// The same call under other prices; those that `fees` does not name stay.
    ///
    /// # Errors
    /// When there is no such price, or it does not fit.
    pub fn with_fees(&self, fees: &FeeTable) -> Result<Self, InvalidFees> {
        Ok(Fixture { parameters: self.parameters.with_fees(fees)?, ..self.clone() })
    }

    /// Gas that a chain charges for such a call beside what the call burns: executing the action,
    /// with the bytes of its method and its input.
    pub fn action_gas(&self) -> u64 {
        let bytes = self.method.len().saturating_add(self.context.input.len());
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let fees = self.parameters.host().fees;
        let of = |id| fees.get(id).exec.gas.units();
        let of_bytes = of(cost::FUNCTION_CALL_BYTE).saturating_mul(bytes);
        of(cost::FUNCTION_CALL_BASE).saturating_add(of_bytes)
    }

    /// Runs the call on each engine.
    pub fn run(
        &self,
        engines: Vec<Box<dyn Vm<ReplayHost>>>,
    ) -> Result<Vec<Replayed>, InvalidFixture> {
        let run = |vm: Box<dyn Vm<ReplayHost>>| {
            let engine = vm.kind();
            let (call, host) = (self.ready(vm)?, self.host()?);
            Ok(replayed(engine, call.run(host)))
        };
        engines.into_iter().map(run).collect()
    }

    /// The call, ready to be made on `vm`. A module that cannot be compiled fails when it is called.
    pub fn ready(&self, vm: Box<dyn Vm<ReplayHost>>) -> Result<ReadyCall, InvalidFixture> {
        let config = Arc::new(self.parameters.vm()?);
        let runner = Runner::new(vm, Arc::new(ModuleCache::new(64 << 20)), config);
        Ok(ReadyCall { runner, code: CodeBytes::new(self.module()), method: self.method.clone() })
    }

    /// The chain as the call sees it, for one call.
    pub fn host(&self) -> Result<ReplayHost, InvalidFixture> {
        let config = Arc::new(self.parameters.host());
        NearHost::new(self.world(), self.context.clone(), config)
            .map_err(|_| InvalidFixture::Impossible("balance"))
    }

    fn world(&self) -> InMemory {
        let stored =
            self.stored.iter().map(|(Bytes(key), Bytes(value))| (key.clone(), value.clone()));
        let mut world = InMemory::new(&self.context.current_account_id, &self.chain_id);
        world.storage = stored.collect();
        world.validators = BTreeMap::from([("validators".to_owned(), self.total_stake)]);
        world
    }
}

fn replayed(engine: VmKind, run: Result<crate::Finished<ReplayHost>, VmFault>) -> Replayed {
    match run {
        Ok(mut finished) => {
            let end = match &finished.end {
                Ok(()) => "returned".to_owned(),
                Err(failure) => failure.to_string(),
            };
            let gas = finished.host.gas();
            let (burnt, used) = (gas.burnt().units(), gas.used().units());
            Replayed { engine, end, burnt, used, observed: observe(&mut Run::Finished(finished)) }
        }
        Err(fault) => {
            let observed = vec![("fault", Vec::new())];
            Replayed { engine, end: format!("no result: {fault}"), burnt: 0, used: 0, observed }
        }
    }
}

/// In what engines differ from the first: nothing when they agree.
pub fn topics(replayed: &[Replayed]) -> Vec<&'static str> {
    let Some((first, others)) = replayed.split_first() else { return Vec::new() };
    let mut topics: Vec<&'static str> =
        others.iter().flat_map(|other| differing(&first.observed, &other.observed)).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

/// Makes fixtures of what a [`FusedVm`](crate::FusedVm) finds, and hands them on to be saved.
pub struct FixtureSink {
    config: Arc<VmConfig>,
    engines: Vec<VmKind>,
    save: Box<dyn Fn(&Fixture) + Send + Sync>,
}

impl FixtureSink {
    /// For `engines` under `config`.
    pub fn new(
        config: Arc<VmConfig>,
        engines: Vec<VmKind>,
        save: impl Fn(&Fixture) + Send + Sync + 'static,
    ) -> Self {
        FixtureSink { config, engines, save: Box::new(save) }
    }
}

impl<X: External> DifferenceSink<NearHost<X>> for FixtureSink {
    fn found(&self, difference: &Difference, case: Case<'_, NearHost<X>>) {
        match Fixture::of(difference, &self.engines, case, &self.config) {
            Ok(fixture) => (self.save)(&fixture),
            Err(fault) => tracing::error!(target: "vm", %fault, "no fixture of a difference"),
        }
    }
}

impl fmt::Debug for FixtureSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixtureSink").field("engines", &self.engines).finish_non_exhaustive()
    }
}
