//! [`Compiler`]: from a contract's code to a module that can be called: from memory, from the
//! store, or compiled.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gas_meter::instrument::Form;
use host_fns::abi::{Fault, Host};

use crate::cache::{CachedModule, Prepared, Record, Usable};
use crate::prepare::ImportedFunction;
use crate::{
    ArtifactKey, ArtifactStore, Code, Fingerprint, ModuleCache, Vm, VmConfig, VmFault, imports,
    prepare,
};

/// An engine, a configuration, and what was compiled.
pub(crate) struct Compiler<H: Host> {
    vm: Box<dyn Vm<H>>,
    cache: Arc<ModuleCache<H>>,
    config: Arc<VmConfig>,
    store: Option<Arc<dyn ArtifactStore>>,
    fingerprints: (Fingerprint, Fingerprint),
    counts: Counts,
}

/// What came of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Modules that were loaded from it.
    pub loaded: u64,
    /// Modules that it did not have.
    pub missing: u64,
    /// Entries that were of something else or not whole, and were compiled anew.
    pub unusable: u64,
    /// Modules that were written to it.
    pub written: u64,
    /// Reads and writes that failed.
    pub failed: u64,
}

#[derive(Default)]
struct Counts {
    loaded: AtomicU64,
    missing: AtomicU64,
    unusable: AtomicU64,
    written: AtomicU64,
    failed: AtomicU64,
}

/// A module that was compiled and is not in the store yet.
pub(crate) struct Unwritten<H: Host> {
    key: ArtifactKey,
    module: Arc<CachedModule<H>>,
    imports: Vec<ImportedFunction>,
}

/// A module, and what there is to store of it.
type Made<H> = (Arc<CachedModule<H>>, Option<Unwritten<H>>);

impl<H: Host> Compiler<H> {
    pub(crate) fn new(
        vm: Box<dyn Vm<H>>,
        cache: Arc<ModuleCache<H>>,
        config: Arc<VmConfig>,
        store: Option<Arc<dyn ArtifactStore>>,
    ) -> Self {
        let fingerprints = (config.fingerprint(), vm.fingerprint());
        Compiler { vm, cache, config, store, fingerprints, counts: Counts::default() }
    }

    pub(crate) fn vm(&self) -> &dyn Vm<H> {
        &*self.vm
    }

    pub(crate) fn config(&self) -> &Arc<VmConfig> {
        &self.config
    }

    pub(crate) fn store_stats(&self) -> StoreStats {
        let Counts { loaded, missing, unusable, written, failed } = &self.counts;
        let [loaded, missing, unusable, written, failed] =
            [loaded, missing, unusable, written, failed].map(|count| count.load(Ordering::Relaxed));
        StoreStats { loaded, missing, unusable, written, failed }
    }

    /// Whether the module is in memory, or will be soon.
    pub(crate) fn knows(&self, code: &dyn Code) -> bool {
        self.cache.has(&self.key(code, Form::Merged))
    }

    /// The module in `form`.
    pub(crate) fn module(&self, code: &dyn Code, form: Form) -> Result<Made<H>, VmFault> {
        let key = self.key(code, form);
        let mut compiled = None;
        let module = self.cache.get_or_make(key, || {
            if let Some(module) = self.stored(&key) {
                return Ok(module);
            }
            let (module, imports) = self.compile(&code.bytes()?, form)?;
            compiled = Some(imports);
            Ok(module)
        })?;
        let unwritten = compiled.filter(|_| self.store.is_some()).map(|imports| {
            let module = Arc::clone(&module);
            Unwritten { key, module, imports }
        });
        Ok((module, unwritten))
    }

    fn key(&self, code: &dyn Code, form: Form) -> ArtifactKey {
        let (config, engine) = self.fingerprints;
        ArtifactKey::new(code.hash(), config, engine, form)
    }

    /// The module, and what it imports.
    fn compile(
        &self,
        wasm: &[u8],
        form: Form,
    ) -> Result<(CachedModule<H>, Vec<ImportedFunction>), VmFault> {
        let wasm_bytes = u64::try_from(wasm.len()).map_err(|_| Fault::new("wasm too long"))?;
        let refused = |error| (CachedModule { wasm_bytes, usable: Err(error) }, Vec::new());
        let prepared = match prepare::prepare(wasm, &self.config, form) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(refused(error.into())),
        };
        let linked = match imports::resolve(&prepared.imports, self.config.host_features) {
            Err(error) => Err(error),
            Ok(functions) => match self.vm.compile(&prepared, functions)? {
                Ok(loaded) => Ok(loaded),
                Err(error) => return Ok(refused(error.into())),
            },
        };
        let usable = Ok(Usable { entries: prepared.entries, linked });
        Ok((CachedModule { wasm_bytes, usable }, prepared.imports))
    }

    /// The module from the store. Whatever is wrong with it there is logged, and no reason not to
    /// compile it.
    fn stored(&self, key: &ArtifactKey) -> Option<CachedModule<H>> {
        let store = self.store.as_ref()?;
        let Counts { loaded, missing, unusable, failed, .. } = &self.counts;
        match store.get(key) {
            Ok(Some(bytes)) => {
                let module = Record::decode(key, bytes).and_then(|record| self.load(record));
                count(if module.is_some() { loaded } else { unusable });
                module
            }
            Ok(None) => {
                count(missing);
                None
            }
            Err(error) => {
                tracing::warn!(target: "vm", %error, "the store of compiled modules cannot be read");
                count(failed);
                None
            }
        }
    }

    #[allow(unsafe_code, reason = "a stored module is executed")]
    fn load(&self, record: Record) -> Option<CachedModule<H>> {
        let Record { wasm_bytes, usable } = record;
        let Prepared { entries, imports, artifact } = match usable {
            Ok(prepared) => prepared,
            Err(refused) => return Some(CachedModule { wasm_bytes, usable: Err(refused) }),
        };
        let linked = match imports::resolve(&imports, self.config.host_features) {
            Err(error) => Err(error),
            Ok(functions) => {
                // SAFETY: The record was found whole under a key that names the engine with its
                // settings and the processor's features. It is what a runner wrote there: nobody
                // else may write to a store (`ArtifactStore`).
                match unsafe { self.vm.load(&artifact?, functions) } {
                    Ok(module) => Ok(module?),
                    Err(fault) => {
                        tracing::warn!(target: "vm", %fault, "a stored module cannot be loaded");
                        return None;
                    }
                }
            }
        };
        Some(CachedModule { wasm_bytes, usable: Ok(Usable { entries, linked }) })
    }

    /// Writes a module to the store.
    pub(crate) fn write(&self, unwritten: Unwritten<H>) {
        let Some(store) = &self.store else { return };
        let Unwritten { key, module, imports } = unwritten;
        let written = record(&module, imports)
            .and_then(|record| record.encode(&key))
            .and_then(|bytes| store.put(&key, &bytes));
        match written {
            Ok(()) => count(&self.counts.written),
            Err(error) => {
                tracing::warn!(target: "vm", %error, "a compiled module cannot be stored");
                count(&self.counts.failed);
            }
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn record<H: Host>(module: &CachedModule<H>, imports: Vec<ImportedFunction>) -> io::Result<Record> {
    let usable = match &module.usable {
        Err(refused) => Err(*refused),
        Ok(Usable { entries, linked }) => {
            let artifact = linked.as_ref().ok().map(|module| module.artifact());
            let artifact = artifact.transpose().map_err(io::Error::other)?;
            Ok(Prepared { entries: entries.clone(), imports, artifact })
        }
    };
    Ok(Record { wasm_bytes: module.wasm_bytes, usable })
}
