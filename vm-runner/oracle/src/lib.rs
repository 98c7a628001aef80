#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod nears;
mod ours;
mod outcome;
mod port;

use std::sync::Arc;

use near_parameters::{RuntimeConfig, RuntimeConfigStore};

pub use ours::OurRunner;
pub use outcome::Outcome;

/// The protocol version that is compared.
pub const PROTOCOL_VERSION: u32 = 88;

/// The account whose contract runs.
pub const CURRENT_ACCOUNT: &str = "alice";
/// The account that signed.
pub const SIGNER_ACCOUNT: &str = "bob";
/// The account that called.
pub const PREDECESSOR_ACCOUNT: &str = "carol";

/// Both implementations with the same parameters.
#[derive(Debug)]
pub struct Oracle {
    near: Arc<RuntimeConfig>,
    ours: OurRunner,
}

impl Oracle {
    /// With the parameters of [`PROTOCOL_VERSION`].
    pub fn new() -> Self {
        let near = Arc::clone(RuntimeConfigStore::new(None).get_config(PROTOCOL_VERSION));
        let ours = OurRunner::new(&near);
        Oracle { near, ours }
    }

    /// What comes of the call in this workspace.
    pub fn ours(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        self.ours.run(code, case)
    }

    /// What comes of the call in nearcore.
    pub fn nears(&self, code: &[u8], case: &fixtures::Case) -> anyhow::Result<Outcome> {
        nears::run(&self.near, code, case)
    }

    /// NEAR's parameters.
    pub fn near_config(&self) -> &Arc<RuntimeConfig> {
        &self.near
    }
}

impl Default for Oracle {
    fn default() -> Self {
        Oracle::new()
    }
}
