//! wasmer 5.0.6 with the singlepass compiler: one pass over the wasm, so compiling is quick.
//!
//! Singlepass returns canonical NaNs from all operations but promotion and demotion; metering adds
//! a multiplication behind those two (`gas_meter::instrument`).

#![allow(
    unsafe_code,
    reason = "the engine's stack probe, tunables, and the parts of its instances"
)]

mod instance;
mod link;
mod memory;
mod module;
#[cfg_attr(not(target_os = "linux"), path = "no_os.rs")]
mod os;
mod probestack;
mod raw;
mod slim;
mod trap;
mod tunables;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use host_fns::abi::{Host, HostFn};
use sha2::{Digest, Sha256};
use wasmer::sys::{EngineBuilder, Features};
use wasmer::{Engine, Module, NativeEngineExt, Singlepass};

use crate::{
    Artifact, CompileError, Compiled, Fingerprint, LoadedModule, PreparedModule, Vm, VmFault,
    VmKind, stack,
};
use module::WasmerModule;
use slim::{Size, Slim};
use tunables::BigStack;

/// The engine and the settings that decide what an artifact looks like.
const IDENTITY: &str = "wasmer 5.0.6 singlepass, canonical NaNs, no address maps";

/// wasmer with singlepass.
///
/// A wasmer engine never gives back the machine code that was loaded into it, so each module gets
/// an engine of its own, and a module that is dropped is gone.
#[derive(Clone, Copy, Default)]
pub struct WasmerVm(());

impl WasmerVm {
    /// The engine.
    pub fn new() -> Self {
        probestack::keep();
        WasmerVm(())
    }
}

impl<H: Host> Vm<H> for WasmerVm {
    fn kind(&self) -> VmKind {
        VmKind::Singlepass
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(IDENTITY).into())
    }

    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        let size = Size::default();
        let engine = engine(&size);
        // The compiler's stack must not depend on who calls.
        match stack::on_stack(|| Module::new(&engine, &module.wasm))? {
            Ok(code) => {
                let PreparedModule { has_start, counting, .. } = *module;
                let bytes = size.load(Ordering::Relaxed);
                Ok(Ok(WasmerModule::loaded(engine, code, imports, has_start, counting, bytes)?))
            }
            Err(error) => {
                tracing::debug!(target: "vm", %error, "singlepass refuses a prepared module");
                Ok(Err(CompileError))
            }
        }
    }

    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        let engine = engine(&Size::default());
        let &Artifact { ref code, has_start, counting } = artifact;
        // SAFETY: the caller promises that the artifact is one of this engine's.
        match unsafe { Module::deserialize_unchecked(&engine, code.as_slice()) } {
            Ok(module) => {
                let bytes = code.len().saturating_add(slim::MODULE);
                let module =
                    WasmerModule::loaded(engine, module, imports, has_start, counting, bytes)?;
                Ok(Some(module))
            }
            Err(error) => {
                tracing::debug!(target: "vm", %error, "not an artifact of singlepass");
                Ok(None)
            }
        }
    }
}

impl fmt::Debug for WasmerVm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(IDENTITY)
    }
}

/// An engine for one module, which sets `size`.
fn engine(size: &Size) -> Engine {
    let mut singlepass = Singlepass::new();
    singlepass.canonicalize_nans(true);
    let compiler = Slim { singlepass, size: Arc::clone(size) };
    let engine = EngineBuilder::new(compiler).set_features(Some(features())).engine();
    let mut engine = Engine::from(engine);
    engine.set_tunables(BigStack::new());
    engine
}

/// What a prepared module may use.
fn features() -> Features {
    let mut features = Features::new();
    features
        .reference_types(true)
        .bulk_memory(true)
        .simd(false)
        .multi_value(false)
        .threads(false)
        .tail_call(false)
        .multi_memory(false)
        .memory64(false);
    features
}
