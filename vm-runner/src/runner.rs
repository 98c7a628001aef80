//! [`Runner`]: from a contract's code and the name of a method to the end of its execution.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gas_meter::GasCounter;
use gas_meter::instrument::Form;
use host_fns::abi::{Fault, Host};

use crate::cache::{CachedModule, ModuleCache, ModuleKey, Usable};
use crate::{
    Code, EntryError, Failure, Fingerprint, Finished, LoadedModule, Run, Vm, VmConfig, VmFault,
    imports, prepare,
};

/// Prepares, compiles, caches and runs contracts on one engine under one configuration.
pub struct Runner<H: Host> {
    vm: Box<dyn Vm<H>>,
    cache: Arc<ModuleCache<H>>,
    config: Arc<VmConfig>,
    fingerprints: (Fingerprint, Fingerprint),
}

impl<H: Host> Runner<H> {
    /// A runner on `vm`. Runners of other configurations and engines may share `cache`.
    pub fn new(vm: Box<dyn Vm<H>>, cache: Arc<ModuleCache<H>>, config: Arc<VmConfig>) -> Self {
        let fingerprints = (config.fingerprint(), vm.fingerprint());
        Runner { vm, cache, config, fingerprints }
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<VmConfig> {
        &self.config
    }

    /// Compiles `code` ahead of its first call. That it cannot be compiled is remembered and
    /// reported by each call.
    pub fn warm(&self, code: &dyn Code) -> Result<(), VmFault> {
        self.module(code).map(|_| ())
    }

    /// Runs the function that `code` exports as `entry`.
    ///
    /// The charge for loading follows nearcore at protocol version 88 (near-vm-runner
    /// `wasmtime_runner`, `fix_contract_loading_cost` off): a contract that cannot be compiled
    /// and an empty name cost nothing; a contract that cannot be linked costs its loading; and a
    /// method that does not exist or has parameters or results costs nothing, provided that the
    /// gas would have been enough to load the contract.
    pub fn run(&self, code: &dyn Code, entry: &str, mut host: H) -> Result<Finished<H>, VmFault> {
        let module = self.module(code)?;
        let failed = |host, failure| Ok(Finished { host, end: Err(failure) });
        if entry.is_empty() {
            return failed(host, Failure::Entry(EntryError::EmptyName));
        }
        let usable = match &module.usable {
            Ok(usable) => usable,
            Err(refused) => return failed(host, (*refused).into()),
        };
        let checked = usable.entries.check(entry);
        // Copied only for a call that will be refused.
        let before = checked.is_err().then(|| host.gas().clone());
        if self.charge_loading(module.wasm_bytes, host.gas()).is_err() {
            return failed(host, Failure::Host(H::out_of_gas(gas_meter::OutOfGas::Prepaid)));
        }
        let loaded: &Arc<dyn LoadedModule<H>> = match &usable.linked {
            Ok(loaded) => loaded,
            Err(error) => return failed(host, Failure::Link(error.clone())),
        };
        if let (Err(error), Some(before)) = (checked, before) {
            *host.gas() = before;
            return failed(host, Failure::Entry(error));
        }
        let start = host.checkpoint();
        match loaded.run(entry, host)? {
            Run::Finished(finished) => Ok(finished),
            Run::Inexact(mut host) => {
                host.revert_to(start);
                match self.stepwise(usable, code)?.run(entry, host)? {
                    Run::Finished(finished) => Ok(finished),
                    Run::Inexact(_) => Err(Fault::new("the stepwise form is exact").into()),
                }
            }
        }
    }

    /// The module in the form that knows which charge did not fit and what was due at a trap.
    fn stepwise<'m>(
        &self,
        usable: &'m Usable<H>,
        code: &dyn Code,
    ) -> Result<&'m Arc<dyn LoadedModule<H>>, VmFault> {
        if let Some(module) = usable.stepwise.get() {
            return Ok(module);
        }
        let changed = || Fault::new("a module that was compiled cannot be compiled again");
        let bytes = code.bytes()?;
        let prepared = prepare::prepare(&bytes, &self.config, Form::Stepwise);
        let prepared = prepared.map_err(|_| changed())?;
        let functions = imports::resolve(&prepared.imports, self.config.host_features);
        let functions = functions.map_err(|_| changed())?;
        let module = self.vm.compile(&prepared, functions)?.map_err(|_| changed())?;
        Ok(usable.stepwise.get_or_init(|| module))
    }

    fn charge_loading(&self, bytes: u64, gas: &mut GasCounter) -> Result<(), gas_meter::OutOfGas> {
        let Some(costs) = self.config.loading else { return Ok(()) };
        gas.pay_per(costs.byte, bytes)?;
        gas.pay(costs.base)
    }

    fn module(&self, code: &dyn Code) -> Result<Arc<CachedModule<H>>, VmFault> {
        let (config, engine) = self.fingerprints;
        let key = ModuleKey { code: code.hash(), config, engine };
        if let Some(module) = self.cache.get(&key) {
            return Ok(module);
        }
        let bytes = code.bytes()?;
        let module = Arc::new(self.compile(&bytes)?);
        self.cache.put(key, Arc::clone(&module));
        Ok(module)
    }

    fn compile(&self, wasm: &[u8]) -> Result<CachedModule<H>, VmFault> {
        let wasm_bytes = u64::try_from(wasm.len()).map_err(|_| Fault::new("wasm too long"))?;
        let prepared = match prepare::prepare(wasm, &self.config, Form::Merged) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(CachedModule { wasm_bytes, usable: Err(error.into()) }),
        };
        let linked = match imports::resolve(&prepared.imports, self.config.host_features) {
            Err(error) => Err(error),
            Ok(functions) => match self.vm.compile(&prepared, functions)? {
                Ok(loaded) => Ok(loaded),
                Err(error) => return Ok(CachedModule { wasm_bytes, usable: Err(error.into()) }),
            },
        };
        let usable = Usable { entries: prepared.entries, linked, stepwise: OnceLock::new() };
        Ok(CachedModule { wasm_bytes, usable: Ok(usable) })
    }
}

impl<H: Host> fmt::Debug for Runner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("config", &self.config).finish_non_exhaustive()
    }
}
