//! wasmi 2.0.0: an interpreter, so there is next to nothing to compile, no machine code and no
//! `unsafe` of ours.
//!
//! Its feature `deterministic` makes all operations that can return a NaN return the canonical one.
//! It refuses functions with more than 30,000 parameters and locals, which other engines accept.

mod link;
mod module;
mod selects;
mod trap;

use std::fmt;
use std::sync::Arc;

use host_fns::abi::{Host, HostFn};
use sha2::{Digest, Sha256};
use wasmi::{CompilationMode, Config, Engine, Module};

use crate::{
    Artifact, CompileError, Compiled, Fingerprint, LoadedModule, PreparedModule, Vm, VmFault,
    VmKind,
};
use module::WasmiModule;

/// The engine and the settings that decide what it does with a module.
const IDENTITY: &str = "wasmi 2.0.0, deterministic, selects apart";

/// Activations of functions, and bytes of their locals and operands. NEAR's metered stack of 256 KiB
/// ends after at most 4,096 activations and, as wasmi takes eight bytes for what is metered as four,
/// 512 KiB: these bounds are never the first.
const MAX_ACTIVATIONS: usize = 1 << 17;
const MAX_STACK_BYTES: usize = 64 << 20;

/// wasmi.
///
/// A wasmi engine never gives back the code that was translated for it, so each module gets an
/// engine of its own, and a module that is dropped is gone.
#[derive(Clone, Copy, Default)]
pub struct WasmiVm(());

impl WasmiVm {
    /// The engine.
    pub fn new() -> Self {
        WasmiVm(())
    }
}

impl<H: Host> Vm<H> for WasmiVm {
    fn kind(&self) -> VmKind {
        VmKind::Wasmi
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(IDENTITY).into())
    }

    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        let &PreparedModule { ref wasm, has_start, counting, .. } = module;
        let apart = selects::set_apart(wasm);
        let wasm = apart.as_ref().unwrap_or(wasm);
        match Module::new(&engine(), wasm) {
            Ok(module) => Ok(Ok(WasmiModule::loaded(module, wasm, imports, has_start, counting)?)),
            Err(error) => {
                tracing::debug!(target: "vm", %error, "wasmi refuses a prepared module");
                Ok(Err(CompileError))
            }
        }
    }

    #[allow(unsafe_code, reason = "the trait's; an interpreter executes no artifact")]
    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        let &Artifact { ref code, has_start, counting } = artifact;
        match Module::new(&engine(), code) {
            Ok(module) => {
                Ok(Some(WasmiModule::loaded(module, code, imports, has_start, counting)?))
            }
            Err(error) => {
                tracing::debug!(target: "vm", %error, "not an artifact of wasmi");
                Ok(None)
            }
        }
    }
}

impl fmt::Debug for WasmiVm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(IDENTITY)
    }
}

/// An engine for one module, with what a prepared module may use.
fn engine() -> Engine {
    let mut config = Config::default();
    config
        .wasm_multi_value(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .set_max_recursion_depth(MAX_ACTIVATIONS)
        .set_max_stack_height(MAX_STACK_BYTES)
        // Translating when a function is called first would find out too late what wasmi refuses.
        .compilation_mode(CompilationMode::Eager);
    Engine::new(&config)
}
