//! wasmtime 48 with its two compilers: Cranelift, whose code is fast, and Winch, which is quick to
//! compile.

#![allow(unsafe_code, reason = "machine code that was written down is loaded")]

mod engine;
mod link;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(not(target_os = "linux"))]
#[path = "no_memory.rs"]
mod memory;
mod module;
mod references;
mod startup;
mod trap;

use std::fmt;
use std::sync::Arc;

use host_fns::abi::{Host, HostFn};
use wasmtime::Module;

use crate::{
    Artifact, CompileError, Compiled, Fingerprint, LoadedModule, PreparedModule, Vm, VmFault,
    VmKind, stack,
};
pub use engine::Compiler;
use engine::Engines;
use module::WasmtimeModule;
use startup::Startup;

/// wasmtime with one of its compilers.
///
/// All of them share an engine for each compiler: wasmtime frees the machine code of a module with
/// the module.
#[derive(Clone, Copy)]
pub struct WasmtimeVm(Compiler);

impl WasmtimeVm {
    /// The engine with `compiler`.
    pub fn new(compiler: Compiler) -> Self {
        WasmtimeVm(compiler)
    }
}

impl<H: Host> Vm<H> for WasmtimeVm {
    fn kind(&self) -> VmKind {
        match self.0 {
            Compiler::Cranelift => VmKind::Cranelift,
            Compiler::Winch => VmKind::Winch,
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        engine::fingerprint(self.0)
    }

    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        let engine = Engines::of(self.0)?.suits(&module.wasm);
        let refused = |error: &dyn fmt::Display| {
            tracing::debug!(target: "vm", vm = ?self, %error, "a prepared module is refused");
            Ok(Err(CompileError))
        };
        let (wasm, startup) = match Startup::split(&module.wasm) {
            Ok(split) => split,
            Err(error) => return refused(&error),
        };
        let PreparedModule { has_start, counting, .. } = *module;
        match stack::on_stack(|| Module::new(engine, &wasm))? {
            Ok(code) => {
                let module = WasmtimeModule::loaded(&code, startup, &imports, has_start, counting);
                Ok(Ok(Arc::new(module?)))
            }
            Err(error) => refused(&error),
        }
    }

    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        let Engines { usual, hasty } = Engines::of(self.0)?;
        let &Artifact { ref code, has_start, counting } = artifact;
        let Some((code, startup)) = Startup::read(code) else { return Ok(None) };
        // SAFETY: the caller promises that the artifact is one of these engines'; each refuses what
        // was compiled with the other's settings.
        let load = |engine| unsafe { Module::deserialize(engine, code) };
        match load(usual).or_else(|_| load(hasty)) {
            Ok(code) => {
                let module = WasmtimeModule::loaded(&code, startup, &imports, has_start, counting);
                Ok(Some(Arc::new(module?)))
            }
            Err(error) => {
                tracing::debug!(target: "vm", vm = ?self, %error, "not an artifact of this engine");
                Ok(None)
            }
        }
    }
}

impl fmt::Debug for WasmtimeVm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(engine::identity(self.0))
    }
}
