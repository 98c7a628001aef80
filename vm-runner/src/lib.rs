#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod background;
#[cfg(any(feature = "wasmer", feature = "wasmi", feature = "wasmtime"))]
mod boundary;
mod cache;
mod code;
mod compiler;
mod config;
mod error;
mod fused;
mod imports;
#[cfg(feature = "near")]
pub mod near;
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
mod pages;
mod prepare;
mod runner;
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
mod stack;
mod vm;
#[cfg(feature = "wasmer")]
pub mod wasmer;
#[cfg(feature = "wasmi")]
pub mod wasmi;
#[cfg(feature = "wasmtime")]
pub mod wasmtime;

pub use cache::{ArtifactKey, ArtifactStore, DiskStore, ModuleCache};
pub use code::{Code, CodeBytes, CodeHash};
pub use compiler::StoreStats;
pub use config::{Fingerprint, LoadingCosts, ModuleLimits, VmConfig, WasmProposals};
pub use error::{
    EntryError, Failure, LinkError, PrepareError, Signature, ValueType, VmFault, WasmTrap,
};
pub use fused::{Case, Difference, DifferenceSink, FusedVm};
pub use prepare::{Counting, Entries, ImportedFunction, PreparedModule, prepare};
pub use runner::Runner;
pub use vm::{
    Artifact, CompileError, Compiled, Finished, LoadedModule, Run, UnknownVm, Vm, VmKind,
};
