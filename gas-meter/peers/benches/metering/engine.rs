//! What an engine is to the measurement.

use anyhow::Result;

use crate::schemes::Charging;

/// The gas that a module may use: more than any kernel needs.
pub(crate) const PLENTY: i64 = 1 << 60;

/// A WebAssembly engine with one compiler.
pub(crate) trait Engine {
    /// As the tables are headed.
    fn name(&self) -> &'static str;

    /// Compiles and instantiates `wasm`, with plenty of gas, so that its gas is charged as
    /// `charging` says. `None` if this engine has no such way of charging.
    fn load(&self, wasm: &[u8], charging: Charging) -> Result<Option<Box<dyn Instance>>>;
}

/// A loaded kernel.
pub(crate) trait Instance {
    /// What `run` returns for `argument`.
    fn run(&mut self, argument: i32) -> Result<i32>;

    /// Gas used so far, in whatever unit the scheme counts.
    fn used(&mut self) -> Result<i64>;
}
