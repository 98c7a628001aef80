#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod near_port;
mod nears;
mod ours;
mod outcome;
mod port;
mod visits;

use std::sync::Arc;

use gas_meter::instrument::Form;
use host_fns::abi::HostFnDecl;
use near_parameters::RuntimeConfig as NearConfig;
use near_vm_runner::{ContractCode, ContractRuntimeCache, MockContractRuntimeCache};
use sandbox_runtime::RuntimeConfig;
use vm_runner::CodeBytes;

pub use call::Call;
pub use nears::NearRunner;
pub use ours::OurRunner;
pub use outcome::Outcome;

/// The protocol version that is compared, unless another one is asked for.
pub const PROTOCOL_VERSION: u32 = 88;

/// Both implementations with the same parameters.
#[derive(Debug)]
pub struct Oracle {
    config: RuntimeConfig,
    ours: OurRunner,
    nears: NearRunner,
}

/// A contract as both sides take it, with its hash.
#[derive(Debug)]
pub struct Contract {
    ours: CodeBytes,
    near: Arc<ContractCode>,
}

impl Contract {
    /// The contract with this wasm.
    pub fn new(wasm: &[u8]) -> Self {
        let near = Arc::new(ContractCode::new(wasm.to_vec(), None));
        Contract { ours: CodeBytes::new(wasm), near }
    }
}

impl Oracle {
    /// With the parameters of [`PROTOCOL_VERSION`], translated as the runtime does it.
    ///
    /// # Panics
    /// When the runtime does not know that version.
    pub fn new() -> Self {
        Oracle::at(PROTOCOL_VERSION)
    }

    /// With the parameters of `version`.
    ///
    /// # Panics
    /// When the runtime does not know that version.
    pub fn at(version: u32) -> Self {
        let config = RuntimeConfig::new(version).expect("a version that the runtime knows");
        Oracle::with(config, Box::new(MockContractRuntimeCache::default()))
    }

    /// With other parameters, and a cache for what nearcore compiles.
    pub fn with(config: RuntimeConfig, cache: Box<dyn ContractRuntimeCache>) -> Self {
        let ours = OurRunner::new(&config);
        let nears = NearRunner::new(config.clone(), cache);
        Oracle { config, ours, nears }
    }

    /// What comes of the call in this workspace.
    pub fn ours(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.ours_of(&Contract::new(code), case)
    }

    /// What comes of the call in nearcore.
    pub fn nears(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.nears_of(&Contract::new(code), case)
    }

    /// The same of a contract that is called more than once.
    pub fn ours_of(&self, contract: &Contract, case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.ours.run(contract, case)
    }

    /// The same of a contract that is called more than once.
    pub fn nears_of(&self, contract: &Contract, case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.nears.run(contract, case)
    }

    /// What comes of a call in circumstances of its own: in this workspace and in nearcore.
    pub fn both(&self, contract: &Contract, call: &Call) -> anyhow::Result<[Outcome; 2]> {
        Ok([self.ours.run_call(contract, call)?, self.nears.run_call(contract, call)?])
    }

    /// The functions that contracts may import.
    pub fn functions(&self) -> impl Iterator<Item = &'static HostFnDecl> {
        ours::functions(&self.config)
    }

    /// Whether this workspace accepts the module, or its error in nearcore's words.
    pub fn ours_prepared(&self, wasm: &[u8]) -> Result<(), String> {
        match vm_runner::prepare(wasm, self.config.vm(), Form::Merged) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{:?}", ours::near_prepare_error(error))),
        }
    }

    /// Whether nearcore accepts the module, or its error.
    pub fn nears_prepared(&self, wasm: &[u8]) -> Result<(), String> {
        let near = &self.near_config().wasm_config;
        match near_vm_runner::prepare::prepare_contract(wasm, near, near.vm_kind) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    /// The parameters.
    pub fn config(&self) -> &RuntimeConfig {
        &self.config
    }

    /// NEAR's parameters.
    pub fn near_config(&self) -> &NearConfig {
        self.config.near()
    }
}

impl Default for Oracle {
    fn default() -> Self {
        Oracle::new()
    }
}
