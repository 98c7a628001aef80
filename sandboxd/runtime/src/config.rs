//! [`RuntimeConfig`]: NEAR's parameters of one protocol version, translated once for every part that
//! needs them.

use std::sync::Arc;

use near_parameters::RuntimeConfig as NearConfig;

use crate::near::{PROTOCOL_VERSION, ProtocolVersion, RuntimeConfigStore};

/// The rules and prices of a protocol version.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    near: Arc<NearConfig>,
}

/// The protocol version is not one that this runtime knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protocol version {0} is not supported, only {PROTOCOL_VERSION}")]
pub struct UnsupportedProtocolVersion(pub ProtocolVersion);

impl RuntimeConfig {
    /// The rules of `version`, which must be [`PROTOCOL_VERSION`].
    pub fn new(version: ProtocolVersion) -> Result<Self, UnsupportedProtocolVersion> {
        if version != PROTOCOL_VERSION {
            return Err(UnsupportedProtocolVersion(version));
        }
        Ok(Self::from_near(Arc::clone(RuntimeConfigStore::new(None).get_config(version))))
    }

    /// The rules that NEAR's own parameters describe.
    pub fn from_near(near: Arc<NearConfig>) -> Self {
        RuntimeConfig { near }
    }

    /// NEAR's parameters: fees, limits, and what `EXPERIMENTAL_protocol_config` shows.
    pub fn near(&self) -> &NearConfig {
        &self.near
    }
}
