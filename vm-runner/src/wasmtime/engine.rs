//! The engines of the process and their settings.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    Strategy, WasmFeatures,
};

use crate::{Fingerprint, VmFault};

/// The stack of a guest, of which only touched pages take memory. NEAR's metered stack of 256 KiB
/// ends after at most 4,096 activations, which take less than 1 MiB in the worst shapes that the
/// tests know; and a single function with all its 50,000 locals takes 400 KiB before its first
/// instruction. So this is never the stack that runs out.
const STACK_BYTES: usize = 16 << 20;

/// Instances that can live at a time in the pool of a compiler: address space, most of it.
const POOL_SLOTS: u32 = 64;

/// Slots that wait for the module that they were used for last.
const WARM_SLOTS: u32 = 16;

/// Elements that a table in the pool can have.
const POOL_TABLE_ELEMENTS: u32 = 10_000;

/// What stays of a table in an idle slot: it is written over.
const RESIDENT_TABLE_BYTES: usize = 1 << 14;

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
        Compiler::Cranelift => "wasmtime 48.0.8 cranelift",
        Compiler::Winch => "wasmtime 48.0.8 winch",
    }
}

/// Names the compiler with its version, all settings, the target and the processor's features.
pub(super) fn fingerprint(compiler: Compiler) -> Fingerprint {
    let mut digest = Digested(Sha256::new());
    identity(compiler).hash(&mut digest);
    if let Ok(engines) = Engines::of(compiler) {
        engines.on_demand.precompile_compatibility_hash().hash(&mut digest);
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

/// Where the memory and tables of an instance come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// From slots that are made once and reset.
    Pooled,
    /// From the system.
    OnDemand,
}

impl Allocation {
    /// Written behind a module's machine code.
    pub(super) fn tag(self) -> u8 {
        match self {
            Allocation::Pooled => 0,
            Allocation::OnDemand => 1,
        }
    }

    /// The machine code and what was written behind it.
    pub(super) fn split(code: &[u8]) -> Option<(Self, &[u8])> {
        let (tag, code) = code.split_last()?;
        let known = [Allocation::Pooled, Allocation::OnDemand];
        Some((known.into_iter().find(|allocation| allocation.tag() == *tag)?, code))
    }
}

/// What suits a prepared module: in the pool, a table grows no further than its slot.
pub(super) fn allocation_for(wasm: &[u8]) -> Allocation {
    let fits = |payload| match payload {
        Ok(Payload::TableSection(tables)) => tables.into_iter().all(|table| {
            let most = table.ok().and_then(|table| table.ty.maximum);
            most.is_some_and(|most| most <= u64::from(POOL_TABLE_ELEMENTS))
        }),
        _ => true,
    };
    let tables = Parser::new(0)
        .parse_all(wasm)
        .take_while(|payload| !matches!(payload, Err(_) | Ok(Payload::CodeSectionStart { .. })));
    if { tables }.all(fits) { Allocation::Pooled } else { Allocation::OnDemand }
}

/// The engines of a compiler: their settings, and so their code, are the same but for where
/// instances are allocated.
pub(super) struct Engines {
    /// `None` where the system does not give so much address space.
    pooled: Option<Engine>,
    on_demand: Engine,
}

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
        let mut config = config(compiler);
        let on_demand = Engine::new(&config)?;
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let pooled = Engine::new(&config);
        if let Err(error) = &pooled {
            tracing::warn!(target: "vm", %error, "instances are not pooled");
        }
        Ok(Engines { pooled: pooled.ok(), on_demand })
    }

    pub(super) fn get(&self, allocation: Allocation) -> &Engine {
        match (allocation, &self.pooled) {
            (Allocation::Pooled, Some(engine)) => engine,
            _ => &self.on_demand,
        }
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
        // A few bytes far apart must not become megabytes of mostly zeros.
        .memory_guaranteed_dense_image_size(0)
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(STACK_BYTES)
        // Nobody reads what these are for: no text of the engine reaches an outcome.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(POOL_SLOTS)
        .total_memories(POOL_SLOTS)
        .total_tables(POOL_SLOTS)
        .total_stacks(0)
        .table_elements(usize::try_from(POOL_TABLE_ELEMENTS).unwrap_or_default())
        .max_unused_warm_slots(WARM_SLOTS)
        .table_keep_resident(RESIDENT_TABLE_BYTES)
        // It passes over pages that are swapped out or on the move: they would keep what the call
        // before wrote.
        .pagemap_scan(Enabled::No);
    pool
}
