//! [`ModuleCache`]: compiled modules in memory, and that a module cannot be compiled or linked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use host_fns::abi::Host;
use parking_lot::Mutex;

use crate::prepare::Entries;
use crate::{CodeHash, CompileError, Failure, Fingerprint, LinkError, LoadedModule, PrepareError};

/// Names a compiled module: the code, how it was prepared and by what it was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModuleKey {
    pub(crate) code: CodeHash,
    pub(crate) config: Fingerprint,
    pub(crate) engine: Fingerprint,
}

/// What is known of a module.
pub(crate) struct CachedModule<H: Host> {
    /// The size of the contract's wasm, by which loading is charged.
    pub(crate) wasm_bytes: u64,
    pub(crate) usable: Result<Usable<H>, Refused>,
}

/// A module that was prepared.
pub(crate) struct Usable<H: Host> {
    pub(crate) entries: Entries,
    pub(crate) linked: Result<Arc<dyn LoadedModule<H>>, LinkError>,
    /// The module in the stepwise form, once it was needed.
    pub(crate) stepwise: OnceLock<Arc<dyn LoadedModule<H>>>,
}

/// A module that cannot be compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    Prepare(PrepareError),
    Compile,
}

impl From<PrepareError> for Refused {
    fn from(error: PrepareError) -> Self {
        Refused::Prepare(error)
    }
}

impl From<CompileError> for Refused {
    fn from(CompileError: CompileError) -> Self {
        Refused::Compile
    }
}

impl<E> From<Refused> for Failure<E> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Prepare(error) => Failure::Prepare(error),
            Refused::Compile => Failure::Compile,
        }
    }
}

/// Wasm whose compiled modules are kept. Singlepass makes about ten bytes of each of them.
const MAX_WASM_BYTES: u64 = 64 * 1024 * 1024;

/// Modules by key, at most as many as it was made for and compiled from at most 64 MiB of wasm; the
/// one used longest ago gives way.
pub struct ModuleCache<H: Host> {
    capacity: usize,
    modules: Mutex<Modules<H>>,
}

struct Modules<H: Host> {
    by_key: BTreeMap<ModuleKey, (u64, Arc<CachedModule<H>>)>,
    /// Keys by when they were last used.
    by_use: BTreeMap<u64, ModuleKey>,
    uses: u64,
    wasm_bytes: u64,
}

impl<H: Host> ModuleCache<H> {
    /// A cache of at most `capacity` modules.
    pub fn new(capacity: usize) -> Self {
        let by_key = BTreeMap::new();
        let modules = Modules { by_key, by_use: BTreeMap::new(), uses: 0, wasm_bytes: 0 };
        ModuleCache { capacity, modules: Mutex::new(modules) }
    }

    /// How many modules it holds.
    pub fn len(&self) -> usize {
        self.modules.lock().by_key.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, key: &ModuleKey) -> Option<Arc<CachedModule<H>>> {
        let mut modules = self.modules.lock();
        let now = modules.tick();
        let (used, module) = modules.by_key.get_mut(key)?;
        let before = std::mem::replace(used, now);
        let module = Arc::clone(module);
        modules.by_use.remove(&before);
        modules.by_use.insert(now, *key);
        Some(module)
    }

    pub(crate) fn put(&self, key: ModuleKey, module: Arc<CachedModule<H>>) {
        let mut modules = self.modules.lock();
        modules.remove(&key);
        modules.wasm_bytes = modules.wasm_bytes.saturating_add(module.wasm_bytes);
        let now = modules.tick();
        modules.by_key.insert(key, (now, module));
        modules.by_use.insert(now, key);
        while modules.by_key.len() > self.capacity || modules.wasm_bytes > MAX_WASM_BYTES {
            let Some(oldest) = modules.by_use.first_key_value().map(|(_, key)| *key) else { break };
            modules.remove(&oldest);
        }
    }
}

impl<H: Host> Modules<H> {
    fn remove(&mut self, key: &ModuleKey) {
        if let Some((used, module)) = self.by_key.remove(key) {
            self.by_use.remove(&used);
            self.wasm_bytes = self.wasm_bytes.saturating_sub(module.wasm_bytes);
        }
    }

    /// The time, counted in uses.
    fn tick(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }
}

impl<H: Host> fmt::Debug for ModuleCache<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleCache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
