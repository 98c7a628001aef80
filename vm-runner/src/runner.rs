//! [`Runner`]: from a contract's code and the name of a method to the end of its execution.

use std::fmt;
use std::sync::Arc;

use gas_meter::GasCounter;
use gas_meter::instrument::Form;
use host_fns::abi::{Fault, Host};

use crate::background::Background;
use crate::cache::{CachedModule, Usable};
use crate::compiler::{Compiler, Unwritten};
use crate::{
    ArtifactStore, Code, EntryError, Failure, Finished, LoadedModule, ModuleCache, Run, StoreStats,
    Vm, VmConfig, VmFault,
};

/// Prepares, compiles, caches and runs contracts on one engine under one configuration.
pub struct Runner<H: Host> {
    compiler: Arc<Compiler<H>>,
    /// None where nothing is left for later.
    background: Option<Background<Job<H>>>,
}

/// What can be done later.
enum Job<H: Host> {
    Compile(Box<dyn Code + Send>),
    Write(Unwritten<H>),
}

impl<H: Host> Runner<H> {
    /// A runner on `vm`. Runners of other configurations and engines may share `cache`.
    pub fn new(vm: Box<dyn Vm<H>>, cache: Arc<ModuleCache<H>>, config: Arc<VmConfig>) -> Self {
        Self::of(Compiler::new(vm, cache, config, None))
    }

    /// The same, with `store` to look for compiled modules in that are not in `cache`. What is
    /// compiled is written to it in the background.
    pub fn with_store(
        vm: Box<dyn Vm<H>>,
        cache: Arc<ModuleCache<H>>,
        config: Arc<VmConfig>,
        store: Arc<dyn ArtifactStore>,
    ) -> Self {
        Self::of(Compiler::new(vm, cache, config, Some(store)))
    }

    fn of(compiler: Compiler<H>) -> Self {
        let compiler = Arc::new(compiler);
        let for_thread = Arc::clone(&compiler);
        let background = Background::new(move |job| for_thread.work_on(job));
        Runner { compiler, background: Some(background) }
    }

    /// The same with nothing in the background: [`Runner::warm_later`] compiles before it returns, and a
    /// call that compiled stores before it returns. Then the work of each is the same every time, for
    /// whoever measures it.
    #[must_use]
    pub fn without_background(self) -> Self {
        Runner { background: None, ..self }
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<VmConfig> {
        self.compiler.config()
    }

    /// What came of the store so far.
    pub fn store_stats(&self) -> StoreStats {
        self.compiler.store_stats()
    }

    /// Compiles `code` ahead of its first call. That it cannot be compiled is remembered and
    /// reported by each call.
    pub fn warm(&self, code: &dyn Code) -> Result<(), VmFault> {
        self.module(code, Form::Merged).map(|_| ())
    }

    /// Has `code` compiled in the background, on a thread that ends with the runner. A call that
    /// comes meanwhile waits for it. Where too much is waiting already, the first call compiles.
    pub fn warm_later(&self, code: impl Code + Send + 'static) {
        if !self.compiler.knows(&code) {
            self.later(0, Job::Compile(Box::new(code)));
        }
    }

    /// Waits until all is compiled that [`Runner::warm_later`] was given, and all is stored that
    /// was compiled.
    pub fn wait_for_background(&self) {
        if let Some(background) = &self.background {
            background.wait();
        }
    }

    /// Runs the function that `code` exports as `entry`.
    ///
    /// The charge for loading follows nearcore at protocol version 88 (near-vm-runner
    /// `wasmtime_runner`, `fix_contract_loading_cost` off): a contract that cannot be compiled
    /// and an empty name cost nothing; a contract that cannot be linked costs its loading; and a
    /// method that does not exist or has parameters or results costs nothing, provided that the
    /// gas would have been enough to load the contract.
    pub fn run(&self, code: &dyn Code, entry: &str, mut host: H) -> Result<Finished<H>, VmFault> {
        let module = self.module(code, Form::Merged)?;
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
                match self.stepwise(code)?.run(entry, host)? {
                    Run::Finished(finished) => Ok(finished),
                    Run::Inexact(_) => Err(Fault::new("the stepwise form is exact").into()),
                }
            }
        }
    }

    /// The module in the form that knows which charge did not fit and what was due at a trap.
    fn stepwise(&self, code: &dyn Code) -> Result<Arc<dyn LoadedModule<H>>, VmFault> {
        match &self.module(code, Form::Stepwise)?.usable {
            Ok(Usable { linked: Ok(module), .. }) => Ok(Arc::clone(module)),
            _ => Err(Fault::new("a module that was compiled cannot be compiled again").into()),
        }
    }

    fn module(&self, code: &dyn Code, form: Form) -> Result<Arc<CachedModule<H>>, VmFault> {
        let (module, unwritten) = self.compiler.module(code, form)?;
        if let Some(unwritten) = unwritten {
            self.later(module.bytes(), Job::Write(unwritten));
        }
        Ok(module)
    }

    fn later(&self, bytes: usize, job: Job<H>) {
        match &self.background {
            None => self.compiler.work_on(job),
            Some(background) if background.push(bytes, job) => {}
            Some(_) => tracing::debug!(target: "vm", "too much to do in the background"),
        }
    }

    fn charge_loading(&self, bytes: u64, gas: &mut GasCounter) -> Result<(), gas_meter::OutOfGas> {
        let Some(costs) = self.config().loading else { return Ok(()) };
        gas.pay_per(costs.byte, bytes)?;
        gas.pay(costs.base)
    }
}

impl<H: Host> Compiler<H> {
    fn work_on(&self, job: Job<H>) {
        match job {
            Job::Write(unwritten) => self.write(unwritten),
            Job::Compile(code) if self.knows(&*code) => {}
            Job::Compile(code) => match self.module(&*code, Form::Merged) {
                Ok((_, Some(unwritten))) => self.write(unwritten),
                Ok((_, None)) => {}
                // The call meets it too, and reports it.
                Err(fault) => tracing::debug!(target: "vm", %fault, "not compiled ahead"),
            },
        }
    }
}

impl<H: Host> fmt::Debug for Runner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("vm", self.compiler.vm()).finish_non_exhaustive()
    }
}
