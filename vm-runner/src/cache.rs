//! [`ModuleCache`]: compiled modules in memory, and that a module cannot be compiled or linked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

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

/// Modules by key, at most as many as it was made for; the one used longest ago gives way.
pub struct ModuleCache<H: Host> {
    capacity: usize,
    modules: Mutex<Modules<H>>,
}

struct Modules<H: Host> {
    by_key: BTreeMap<ModuleKey, (u64, Arc<CachedModule<H>>)>,
    /// Keys by when they were last used.
    by_use: BTreeMap<u64, ModuleKey>,
    uses: u64,
}

impl<H: Host> ModuleCache<H> {
    /// A cache of at most `capacity` modules.
    pub fn new(capacity: usize) -> Self {
        let modules = Modules { by_key: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0 };
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
        let now = modules.tick();
        if let Some((before, _)) = modules.by_key.insert(key, (now, module)) {
            modules.by_use.remove(&before);
        }
        modules.by_use.insert(now, key);
        while modules.by_key.len() > self.capacity {
            let Some((_, oldest)) = modules.by_use.pop_first() else { break };
            modules.by_key.remove(&oldest);
        }
    }
}

impl<H: Host> Modules<H> {
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
