#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod actions;
mod apply;
mod balance;
mod block;
mod config;
mod contract;
mod delayed;
mod engines;
mod execute;
mod external;
mod fault;
#[cfg(test)]
mod faults;
mod fee_table;
mod fees;
pub mod genesis;
mod impersonation;
mod itemized;
pub mod near;
mod outbox;
mod outcome;
pub mod overrides;
pub mod patch;
mod receipt;
mod refund;
mod rules;
mod stakes;
mod state_changes;
pub mod tree;
pub mod validate;
pub mod verify;
pub mod view;
pub mod wallet;

pub use apply::{Runtime, apply_block};
pub use block::{BlockEffects, BlockEnv, BlockInput, Burnt, DroppedTransaction};
pub use config::RuntimeConfig;
pub use delayed::delayed_receipts;
pub use engines::Engines;
pub use fault::{NeededBy, RuntimeFault};
pub use fee_table::{FeeTable, InvalidFees};
pub use fees::{TransactionCost, transaction_cost};
pub use impersonation::Impersonated;
pub use itemized::{ActionGas, Itemized};
pub use rules::{DelegateV2, Rules, StorageProofLimit, UnsupportedProtocolVersion};
pub use state_changes::{Causes, StateChanges};
pub use vm_runner::near::{Fixture, fees_from_json};
pub use vm_runner::{ArtifactKey, ArtifactStore, DiskStore, StoreStats, UnknownVm, VmKind};
