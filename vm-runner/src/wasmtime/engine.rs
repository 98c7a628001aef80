//! The engines of the process and their settings.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};
use wasmtime::{Config, Engine, OptLevel, Strategy, WasmFeatures};

use crate::{Fingerprint, VmFault};

/// The stack of a guest, of which only touched pages take memory. NEAR's metered stack of 256 KiB
/// ends after at most 4,096 activations, which take less than 1 MiB in the worst shapes that the
/// tests know; and a single function with all its 50,000 locals takes 400 KiB before its first
/// instruction. So this is never the stack that runs out.
const STACK_BYTES: usize = 16 << 20;

/// wasmtime's compilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// The optimising one.
    Cranelift,
    /// The one that goes over the wasm once.
    Winch,
}

/// Names the engine and the version of its settings.
pub(super) fn identity(compiler: Compiler) -> &'static str {
    match compiler {
        Compiler::Cranelift => "wasmtime 48.0.8 cranelift, winch for large modules, data apart",
        Compiler::Winch => "wasmtime 48.0.8 winch, data apart",
    }
}

/// Names the compiler with its version, all settings, the target and the processor's features.
pub(super) fn fingerprint(compiler: Compiler) -> Fingerprint {
    let mut digest = Digested(Sha256::new());
    identity(compiler).hash(&mut digest);
    if let Ok(Engines { usual, hasty }) = Engines::of(compiler) {
        usual.precompile_compatibility_hash().hash(&mut digest);
        hasty.precompile_compatibility_hash().hash(&mut digest);
    }
    Fingerprint(digest.0.finalize().into())
}

/// A hasher that forgets nothing.
struct Digested(Sha256);

impl Hasher for Digested {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The engines of a compiler.
pub(super) struct Engines {
    pub(super) usual: Engine,
    /// For large modules: always Winch, because Cranelift would take seconds for what a contract may
    /// be.
    pub(super) hasty: Engine,
}

/// Bytes of a metered function, and of all functions of a module, from which on Cranelift takes long.
/// Compilers of contracts write a fifth of the first; the second is a contract of some 600 KB.
const LARGE_FUNCTION: usize = 128 << 10;
const LARGE_CODE: usize = 1 << 20;

impl Engines {
    /// The ones of this process.
    pub(super) fn of(compiler: Compiler) -> Result<&'static Self, VmFault> {
        static CRANELIFT: OnceLock<Result<Engines, String>> = OnceLock::new();
        static WINCH: OnceLock<Result<Engines, String>> = OnceLock::new();
        let engines = match compiler {
            Compiler::Cranelift => &CRANELIFT,
            Compiler::Winch => &WINCH,
        };
        let engines = engines.get_or_init(|| Engines::new(compiler).map_err(|e| e.to_string()));
        engines.as_ref().map_err(|error| VmFault::Engine(error.clone()))
    }

    fn new(compiler: Compiler) -> wasmtime::Result<Self> {
        let usual = Engine::new(&config(compiler))?;
        let hasty = match compiler {
            Compiler::Cranelift => Engine::new(&config(Compiler::Winch))?,
            Compiler::Winch => usual.clone(),
        };
        Ok(Engines { usual, hasty })
    }

    /// The one for a prepared module.
    pub(super) fn suits(&self, wasm: &[u8]) -> &Engine {
        let is_large = |payload| match payload {
            Ok(Payload::CodeSectionStart { range, .. }) => range.len() > LARGE_CODE,
            Ok(Payload::CodeSectionEntry(body)) => body.range().len() > LARGE_FUNCTION,
            _ => false,
        };
        if Parser::new(0).parse_all(wasm).any(is_large) { &self.hasty } else { &self.usual }
    }
}

fn config(compiler: Compiler) -> Config {
    let mut config = Config::new();
    config
        .strategy(match compiler {
            Compiler::Cranelift => Strategy::Cranelift,
            Compiler::Winch => Strategy::Winch,
        })
        // Whatever a prepared module may use, and nothing else.
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(
            WasmFeatures::MUTABLE_GLOBAL
                | WasmFeatures::SATURATING_FLOAT_TO_INT
                | WasmFeatures::SIGN_EXTENSION
                | WasmFeatures::FLOATS
                | WasmFeatures::REFERENCE_TYPES
                | WasmFeatures::BULK_MEMORY,
            true,
        )
        // In spite of its name, Winch heeds it too.
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed)
        // Data segments are written by us: `startup`.
        .memory_init_cow(false)
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(STACK_BYTES)
        // Nobody reads what these are for: no text of the engine reaches an outcome.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false);
    #[cfg(target_os = "linux")]
    config.with_host_memory(std::sync::Arc::new(super::memory::Memories));
    config
}
