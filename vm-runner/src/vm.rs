//! [`Vm`]: what an engine must do. Engines shuttle integers, the memory and the gas global; what
//! the numbers mean is decided outside of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use host_fns::abi::{Host, HostFn};

use crate::prepare::{Counting, PreparedModule};
#[cfg(feature = "wasmtime")]
use crate::wasmtime::{Compiler, WasmtimeVm};
use crate::{Failure, Fingerprint, VmFault};

/// The engines, each behind the feature of its crate: a build with more features has more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VmKind {
    /// wasmer with the singlepass compiler.
    #[cfg(feature = "wasmer")]
    Singlepass,
    /// wasmtime with the Cranelift compiler.
    #[cfg(feature = "wasmtime")]
    Cranelift,
    /// wasmtime with the Winch compiler.
    #[cfg(feature = "wasmtime")]
    Winch,
    /// wasmi, an interpreter.
    #[cfg(feature = "wasmi")]
    Wasmi,
}

impl VmKind {
    /// The engines that this build has; the first is the one to take if nobody chooses.
    pub const ALL: &'static [VmKind] = &[
        #[cfg(feature = "wasmer")]
        VmKind::Singlepass,
        #[cfg(feature = "wasmtime")]
        VmKind::Cranelift,
        #[cfg(feature = "wasmtime")]
        VmKind::Winch,
        #[cfg(feature = "wasmi")]
        VmKind::Wasmi,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "wasmer")]
            VmKind::Singlepass => "singlepass",
            #[cfg(feature = "wasmtime")]
            VmKind::Cranelift => "cranelift",
            #[cfg(feature = "wasmtime")]
            VmKind::Winch => "winch",
            #[cfg(feature = "wasmi")]
            VmKind::Wasmi => "wasmi",
        }
    }

    /// The engine.
    pub fn vm<H: Host>(self) -> Box<dyn Vm<H>> {
        match self {
            #[cfg(feature = "wasmer")]
            VmKind::Singlepass => Box::new(crate::wasmer::WasmerVm::new()),
            #[cfg(feature = "wasmtime")]
            VmKind::Cranelift => Box::new(WasmtimeVm::new(Compiler::Cranelift)),
            #[cfg(feature = "wasmtime")]
            VmKind::Winch => Box::new(WasmtimeVm::new(Compiler::Winch)),
            #[cfg(feature = "wasmi")]
            VmKind::Wasmi => Box::new(crate::wasmi::WasmiVm::new()),
        }
    }
}

/// A name that is no engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no engine {0}; there are {names}", names = names())]
pub struct UnknownVm(String);

fn names() -> String {
    let names: Vec<&str> = VmKind::ALL.iter().map(|vm| vm.name()).collect();
    names.join(", ")
}

impl FromStr for VmKind {
    type Err = UnknownVm;

    fn from_str(name: &str) -> Result<Self, UnknownVm> {
        let found = VmKind::ALL.iter().find(|vm| vm.name() == name);
        found.copied().ok_or_else(|| UnknownVm(name.to_owned()))
    }
}

impl fmt::Display for VmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine that compiles and runs prepared modules.
pub trait Vm<H: Host>: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> VmKind;

    /// Names the engine, its version and its settings.
    fn fingerprint(&self) -> Fingerprint;

    /// Compiles `module`, whose imports are `imports`, in the same order and with the same types.
    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault>;

    /// Loads a compiled module that was written down. `None` when the engine does not know it as
    /// one of its own: then it has to be compiled again.
    ///
    /// # Safety
    /// The artifact must be what [`LoadedModule::artifact`] returned for a module of an engine with
    /// the same [`Vm::fingerprint`], on a processor with the same features: it is executed.
    #[allow(unsafe_code, reason = "whoever loads machine code must know where it came from")]
    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault>;
}

/// A compiled module, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The engine's own format.
    pub code: Vec<u8>,
    /// Whether there is a start function.
    pub has_start: bool,
    /// How it counts its gas.
    pub counting: Counting,
}

/// What compiling gave: a module, or the engine's refusal, which is the guest's failure.
pub type Compiled<H> = Result<Arc<dyn LoadedModule<H>>, CompileError>;

/// A module that can be called, from many threads at once.
pub trait LoadedModule<H: Host>: Send + Sync {
    /// Runs the start function, if there is one, and then `entry`, an exported function without
    /// parameters and results, in an instance that is new or as new.
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault>;

    /// The memory that it takes as long as it is kept, about, in bytes.
    fn bytes(&self) -> usize;

    /// The module for [`Vm::load`].
    fn artifact(&self) -> Result<Artifact, VmFault>;
}

/// The engine refuses the module. Why is for the log only: other engines word it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine refuses the module")]
pub struct CompileError;

/// What came of running a module.
#[derive(Debug)]
pub enum Run<H: Host> {
    /// The execution came to an end.
    Finished(Finished<H>),
    /// It failed, and what it burnt cannot be told: the module counts in
    /// [`Form::Merged`](gas_meter::instrument::Form::Merged). The host must be reverted and the
    /// stepwise form run.
    Inexact(H),
}

/// An execution that came to an end: the host that was moved in, and how it ended.
#[derive(Debug)]
pub struct Finished<H: Host> {
    /// The host with its gas, logs and effects.
    pub host: H,
    /// How the execution ended.
    pub end: Result<(), Failure<H::Error>>,
}
