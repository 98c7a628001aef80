//! wasmer 5.0.6 with the singlepass compiler: one pass over the wasm, so compiling is quick.
//!
//! Singlepass returns canonical NaNs from all operations but promotion and demotion; metering adds
//! a multiplication behind those two (`gas_meter::instrument`).

#![allow(
    unsafe_code,
    reason = "the engine's stack probe, tunables, guest memory, its pool, and gas"
)]

mod link;
mod module;
mod pool;
mod probestack;
mod raw;
mod trap;
mod tunables;

use std::fmt;
use std::sync::Arc;

use gas_meter::instrument::abi;
use host_fns::abi::{Host, HostFn};
use sha2::{Digest, Sha256};
use wasmer::sys::{EngineBuilder, Features};
use wasmer::{Engine, Module, NativeEngineExt, Singlepass};

use crate::{CompileError, Compiled, Fingerprint, PreparedModule, Vm, VmFault, VmKind};
use module::WasmerModule;
use raw::RawGlobal;
use tunables::BigStack;

/// The engine and the settings that decide what an artifact looks like.
const IDENTITY: &str = "wasmer 5.0.6 singlepass, canonical NaNs";

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
        VmKind::Wasmer
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(IDENTITY).into())
    }

    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        let engine = engine();
        match Module::new(&engine, &module.wasm) {
            Ok(module_code) => {
                let gas_index = RawGlobal::index(&module_code, abi::REMAINING_GAS)
                    .ok_or_else(|| VmFault::Engine("a module without a gas global".to_owned()))?;
                Ok(Ok(Arc::new(WasmerModule {
                    engine,
                    module: module_code,
                    imports,
                    has_start: module.has_start,
                    counting: module.counting,
                    gas_index,
                })))
            }
            Err(error) => {
                tracing::debug!(target: "vm", %error, "singlepass refuses a prepared module");
                Ok(Err(CompileError))
            }
        }
    }
}

impl fmt::Debug for WasmerVm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(IDENTITY)
    }
}

/// An engine for one module.
fn engine() -> Engine {
    let mut compiler = Singlepass::new();
    compiler.canonicalize_nans(true);
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
