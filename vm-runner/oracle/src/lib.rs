#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod near_port;
mod nears;
mod ours;
mod outcome;
mod port;

use near_parameters::RuntimeConfig as NearConfig;
use near_vm_runner::MockContractRuntimeCache;
use sandbox_runtime::RuntimeConfig;

pub use ours::OurRunner;
pub use outcome::Outcome;

/// The protocol version that is compared.
pub const PROTOCOL_VERSION: u32 = 88;

/// Both implementations with the same parameters.
#[derive(Debug)]
pub struct Oracle {
    config: RuntimeConfig,
    ours: OurRunner,
    near_cache: MockContractRuntimeCache,
}

impl Oracle {
    /// With the parameters of [`PROTOCOL_VERSION`], translated as the runtime does it.
    ///
    /// # Panics
    /// When the runtime does not know that version.
    pub fn new() -> Self {
        let config = RuntimeConfig::new(PROTOCOL_VERSION).expect("the runtime's own version");
        let ours = OurRunner::new(&config);
        Oracle { config, ours, near_cache: MockContractRuntimeCache::default() }
    }

    /// What comes of the call in this workspace.
    pub fn ours(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.ours.run(code, case)
    }

    /// What comes of the call in nearcore.
    pub fn nears(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        nears::run(&self.config, &self.near_cache, code, case)
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
