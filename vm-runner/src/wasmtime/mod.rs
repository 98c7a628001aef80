//! wasmtime 48 with its two compilers: Cranelift, whose code is fast, and Winch, which is quick to
//! compile.

#![allow(unsafe_code, reason = "machine code that was written down is loaded")]

mod engine;
mod link;
mod module;
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
use engine::{Allocation, Engines};
use module::WasmtimeModule;

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
        let engines = Engines::of(self.0)?;
        let PreparedModule { has_start, counting, .. } = *module;
        let compiled = stack::on_stack(|| {
            let allocation = engine::allocation_for(&module.wasm);
            let compile = |allocation| Module::new(engines.get(allocation), &module.wasm);
            match compile(allocation) {
                Ok(code) => Ok((code, allocation)),
                // It may only be too large for the pool.
                Err(_) if allocation == Allocation::Pooled => {
                    compile(Allocation::OnDemand).map(|code| (code, Allocation::OnDemand))
                }
                Err(error) => Err(error),
            }
        })?;
        match compiled {
            Ok((code, allocation)) => {
                let module = WasmtimeModule::loaded(
                    engines, &code, allocation, imports, has_start, counting,
                );
                Ok(Ok(Arc::new(module?)))
            }
            Err(error) => {
                tracing::debug!(target: "vm", vm = ?self, %error, "a prepared module is refused");
                Ok(Err(CompileError))
            }
        }
    }

    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        let engines = Engines::of(self.0)?;
        let &Artifact { ref code, has_start, counting } = artifact;
        let Some((allocation, code)) = Allocation::split(code) else { return Ok(None) };
        // SAFETY: the caller promises that the artifact is one of this engine's.
        match unsafe { Module::deserialize(engines.get(allocation), code) } {
            Ok(code) => {
                let module = WasmtimeModule::loaded(
                    engines, &code, allocation, imports, has_start, counting,
                );
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
