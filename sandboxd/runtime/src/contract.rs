//! [`ContractRunner`]: the VM that runs contracts, with its cache of compiled modules.

use crate::config::RuntimeConfig;

/// Runs contracts.
#[derive(Debug)]
pub(crate) struct ContractRunner;

impl ContractRunner {
    pub(crate) fn new(_config: &RuntimeConfig) -> Self {
        ContractRunner
    }
}
