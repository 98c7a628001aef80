//! An engine that is deliberately wrong.

use std::fmt;
use std::sync::Arc;

use host_fns::abi::{Host, HostFn};
use vm_runner::{
    Artifact, CompileError, Compiled, Fingerprint, Finished, LoadedModule, PreparedModule, Run, Vm,
    VmFault, VmKind,
};

/// What is done to an execution that came to an end.
pub(crate) type Bug<H> = fn(&mut Finished<H>) -> Result<(), VmFault>;

/// An engine with a bug in modules that have a function `marked`; or that refuses them, without.
pub(crate) struct Wrong<H: Host>(pub(crate) Box<dyn Vm<H>>, pub(crate) Option<Bug<H>>);

impl<H: Host> fmt::Debug for Wrong<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with a bug", self.0)
    }
}

struct WrongModule<H: Host>(Arc<dyn LoadedModule<H>>, Bug<H>);

impl<H: Host> Vm<H> for Wrong<H> {
    fn kind(&self) -> VmKind {
        self.0.kind()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint()
    }

    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        if module.entries.check("marked").is_err() {
            return self.0.compile(module, imports);
        }
        let Some(bug) = self.1 else { return Ok(Err(CompileError)) };
        let compiled = self.0.compile(module, imports)?;
        Ok(compiled
            .map(|module| -> Arc<dyn LoadedModule<H>> { Arc::new(WrongModule(module, bug)) }))
    }

    #[allow(unsafe_code, reason = "the trait's")]
    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        // SAFETY: what the caller promises of this engine holds of the one inside.
        unsafe { self.0.load(artifact, imports) }
    }
}

impl<H: Host> LoadedModule<H> for WrongModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        match self.0.run(entry, host)? {
            Run::Finished(mut finished) => {
                (self.1)(&mut finished)?;
                Ok(Run::Finished(finished))
            }
            inexact @ Run::Inexact(_) => Ok(inexact),
        }
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        self.0.artifact()
    }
}
