//! [`ModuleCache`]: compiled modules in memory, and that a module cannot be compiled or linked.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::fmt;
use std::sync::{Arc, OnceLock};

use borsh::{BorshDeserialize, BorshSerialize};
use host_fns::abi::Host;
use parking_lot::Mutex;

use super::ArtifactKey;
use crate::prepare::Entries;
use crate::{CompileError, Failure, LinkError, LoadedModule, PrepareError, VmFault};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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

impl<H: Host> CachedModule<H> {
    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        /// An entry's share of the maps, and what else is small.
        const ENTRY: usize = 512;
        let Ok(Usable { entries, linked }) = &self.usable else { return ENTRY };
        let code = match linked {
            Ok(module) => module.bytes(),
            Err(
                LinkError::UnknownImport { module, name }
                | LinkError::IncompatibleImport { module, name, .. },
            ) => module.len().saturating_add(name.len()),
        };
        ENTRY.saturating_add(entries.bytes()).saturating_add(code)
    }
}

/// Compiled modules, up to a bound on the memory that they take; the one used longest ago gives
/// way. A module that alone takes more is compiled for each of its calls.
pub struct ModuleCache<H: Host> {
    max_bytes: usize,
    modules: Mutex<Modules<H>>,
}

struct Modules<H: Host> {
    by_key: BTreeMap<ArtifactKey, Kept<H>>,
    /// Keys by when they were last used.
    by_use: BTreeMap<u64, ArtifactKey>,
    /// What is being made at the moment.
    making: BTreeMap<ArtifactKey, Arc<Making<H>>>,
    uses: u64,
    bytes: usize,
}

struct Kept<H: Host> {
    module: Arc<CachedModule<H>>,
    bytes: usize,
    used: u64,
}

/// Set once its maker is done, to `None` when that failed.
type Making<H> = OnceLock<Option<Arc<CachedModule<H>>>>;

impl<H: Host> ModuleCache<H> {
    /// A cache of at most about `max_bytes` bytes.
    pub fn new(max_bytes: usize) -> Self {
        let modules = Modules {
            by_key: BTreeMap::new(),
            by_use: BTreeMap::new(),
            making: BTreeMap::new(),
            uses: 0,
            bytes: 0,
        };
        ModuleCache { max_bytes, modules: Mutex::new(modules) }
    }

    /// How many modules it holds, refused ones and both forms of one contract among them.
    pub fn len(&self) -> usize {
        self.modules.lock().by_key.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.modules.lock().bytes
    }

    /// Whether the module is there or about to be.
    pub(crate) fn has(&self, key: &ArtifactKey) -> bool {
        let modules = self.modules.lock();
        modules.by_key.contains_key(key) || modules.making.contains_key(key)
    }

    /// The module, made by `make` if it is not there. Of several threads that ask for one module,
    /// one makes it and the others wait; if it fails, they try themselves.
    pub(crate) fn get_or_make(
        &self,
        key: ArtifactKey,
        make: impl FnOnce() -> Result<CachedModule<H>, VmFault>,
    ) -> Result<Arc<CachedModule<H>>, VmFault> {
        let turn = loop {
            let theirs = {
                let mut modules = self.modules.lock();
                if let Some(module) = modules.get(&key) {
                    return Ok(module);
                }
                match modules.making.entry(key) {
                    MapEntry::Occupied(theirs) => Arc::clone(theirs.get()),
                    MapEntry::Vacant(free) => {
                        let making = Arc::clone(free.insert(Arc::default()));
                        break Turn { cache: self, key, making };
                    }
                }
            };
            if let Some(module) = theirs.wait() {
                return Ok(Arc::clone(module));
            }
        };
        let module = Arc::new(make()?);
        turn.end_with(Arc::clone(&module));
        Ok(module)
    }
}

/// The duty to make a module. Who waits for it is told, also when making it fails or panics.
struct Turn<'c, H: Host> {
    cache: &'c ModuleCache<H>,
    key: ArtifactKey,
    making: Arc<Making<H>>,
}

impl<H: Host> Turn<'_, H> {
    fn end_with(self, module: Arc<CachedModule<H>>) {
        let bytes = module.bytes();
        // First, or what gives way for it could be the last that drops something large.
        let given_up = {
            let mut modules = self.cache.modules.lock();
            modules.put(self.key, Arc::clone(&module), bytes, self.cache.max_bytes)
        };
        drop(given_up);
        // Nobody else sets it.
        let _ = self.making.set(Some(module));
    }
}

impl<H: Host> Drop for Turn<'_, H> {
    fn drop(&mut self) {
        self.cache.modules.lock().making.remove(&self.key);
        let _ = self.making.set(None);
    }
}

impl<H: Host> Modules<H> {
    fn get(&mut self, key: &ArtifactKey) -> Option<Arc<CachedModule<H>>> {
        let now = self.tick();
        let kept = self.by_key.get_mut(key)?;
        let before = std::mem::replace(&mut kept.used, now);
        let module = Arc::clone(&kept.module);
        self.by_use.remove(&before);
        self.by_use.insert(now, *key);
        Some(module)
    }

    /// Keeps `module` and returns what gave way for it.
    fn put(
        &mut self,
        key: ArtifactKey,
        module: Arc<CachedModule<H>>,
        bytes: usize,
        max_bytes: usize,
    ) -> Vec<Arc<CachedModule<H>>> {
        let mut given_up = Vec::new();
        if bytes > max_bytes {
            return given_up;
        }
        while self.bytes > max_bytes.saturating_sub(bytes) {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            if let Some(kept) = self.by_key.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(kept.bytes);
                given_up.push(kept.module);
            }
        }
        let used = self.tick();
        self.by_use.insert(used, key);
        self.by_key.insert(key, Kept { module, bytes, used });
        self.bytes = self.bytes.saturating_add(bytes);
        given_up
    }

    /// The time, counted in uses.
    fn tick(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }
}

impl<H: Host> fmt::Debug for ModuleCache<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleCache").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}
