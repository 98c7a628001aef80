//! What an engine is to the measurement.

use anyhow::Result;

use crate::schemes::Charging;
use crate::workloads::Task;

/// The gas that a module may use: more than any workload needs.
pub(crate) const PLENTY: i64 = 1 << 60;

/// The module from which metered modules import the functions that charge.
pub(crate) const CHARGES: &str = "internal";

/// What near-vm-runner's preparation puts before the names of exported functions.
pub(crate) const NEAR_PREFIX: char = '\0';

/// A WebAssembly engine with one compiler.
pub(crate) trait Engine {
    /// As the tables are headed.
    fn name(&self) -> &'static str;

    /// Whether it can run what charges so.
    fn can(&self, charging: Charging) -> bool;

    /// Compiles and instantiates `wasm`, with plenty of gas.
    fn load(&self, wasm: &[u8], charging: Charging, task: Task) -> Result<Box<dyn Instance>>;
}

/// A loaded workload.
pub(crate) trait Instance {
    /// Runs one round; the number depends on all that the guest computes.
    fn round(&mut self) -> Result<u32>;

    /// Gas used so far, in whatever unit the scheme counts.
    fn used(&mut self) -> Result<i64>;
}
