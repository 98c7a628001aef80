#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod cost;
mod counter;
mod gas;
pub mod instrument;
mod profile;

pub use cost::{Cost, CostId, CostKind, CostRow, CostTable};
pub use counter::{GasCounter, OutOfGas};
pub use gas::Gas;
pub use profile::Profile;
