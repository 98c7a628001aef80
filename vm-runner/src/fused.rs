//! [`FusedVm`]: each execution on several engines, which are checked against each other.

use std::fmt;
use std::sync::Arc;

use gas_meter::Gas;
use host_fns::abi::{Effects, Host, HostFn};
use sha2::{Digest, Sha256};

use crate::prepare::Counting;
use crate::{
    Artifact, CompileError, Compiled, Failure, Fingerprint, Finished, LoadedModule, PreparedModule,
    Run, Vm, VmFault, VmKind,
};

/// Several engines as one. Each execution runs on all of them, one after the other from the same
/// start ([`Host::checkpoint`]): how it ended, its gas and its effects ([`Host::effects`]) have to
/// be the same, or there is no result but [`VmFault::Difference`].
pub struct FusedVm<H: Host> {
    first: VmKind,
    vms: Vec<Box<dyn Vm<H>>>,
    sink: Option<Arc<dyn DifferenceSink<H>>>,
}

/// Two engines did not do the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} and {} differ in {}", engines[0], engines[1], topics.join(", "))]
pub struct Difference {
    /// The engines.
    pub engines: [VmKind; 2],
    /// In what they differ.
    pub topics: Vec<&'static str>,
}

/// A call on which engines differ.
#[derive(Debug)]
pub struct Case<'a, H> {
    /// The contract's wasm.
    pub wasm: &'a [u8],
    /// The function that was called.
    pub entry: &'a str,
    /// The host at the start of the call, whose effects were taken back.
    pub host: &'a mut H,
}

/// Who wants to know about differences, to save what it takes to see them again.
pub trait DifferenceSink<H: Host>: Send + Sync {
    /// Engines differ. The call ends in [`VmFault::Difference`] afterwards.
    fn found(&self, difference: &Difference, case: Case<'_, H>);
}

impl<H: Host> FusedVm<H> {
    /// `vms` as one, the first of which names it.
    ///
    /// # Panics
    /// When there is none.
    pub fn new(vms: Vec<Box<dyn Vm<H>>>) -> Self {
        FusedVm { first: vms.first().expect("there is an engine").kind(), vms, sink: None }
    }

    /// The same, and `sink` is told about differences.
    #[must_use]
    pub fn with_sink(mut self, sink: Arc<dyn DifferenceSink<H>>) -> Self {
        self.sink = Some(sink);
        self
    }

    fn fused(
        &self,
        modules: Vec<Option<Loaded<H>>>,
        source: Arc<[u8]>,
        counting: Counting,
        has_start: bool,
    ) -> Arc<dyn LoadedModule<H>> {
        let modules = self.vms.iter().map(|vm| vm.kind()).zip(modules).collect();
        Arc::new(FusedModule { modules, source, counting, has_start, sink: self.sink.clone() })
    }
}

impl<H: Host> Vm<H> for FusedVm<H> {
    /// The first engine.
    fn kind(&self) -> VmKind {
        self.first
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut fields = Sha256::new_with_prefix("fused");
        for vm in &self.vms {
            fields.update(vm.fingerprint().0);
        }
        Fingerprint(fields.finalize().into())
    }

    /// A module that only some engines refuse is a difference once it is called.
    fn compile(
        &self,
        module: &PreparedModule,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Compiled<H>, VmFault> {
        let compiled = self.vms.iter().map(|vm| vm.compile(module, imports.clone()));
        let modules: Vec<_> =
            compiled.map(|compiled| Ok(compiled?.ok())).collect::<Result<_, VmFault>>()?;
        if modules.iter().all(Option::is_none) {
            return Ok(Err(CompileError));
        }
        let PreparedModule { counting, has_start, .. } = *module;
        Ok(Ok(self.fused(modules, Arc::clone(&module.source), counting, has_start)))
    }

    #[allow(unsafe_code, reason = "the trait's")]
    unsafe fn load(
        &self,
        artifact: &Artifact,
        imports: Vec<&'static HostFn<H>>,
    ) -> Result<Option<Arc<dyn LoadedModule<H>>>, VmFault> {
        let &Artifact { ref code, has_start, counting } = artifact;
        let Some((source, mut rest)) = take(code) else { return Ok(None) };
        let source = Arc::from(source);
        let mut modules = Vec::new();
        for vm in &self.vms {
            let Some((code, behind)) = take(rest) else { return Ok(None) };
            rest = behind;
            // An engine that refused the module has none.
            if code.is_empty() {
                modules.push(None);
                continue;
            }
            let artifact = Artifact { code: code.to_vec(), has_start, counting };
            // SAFETY: the caller promises that the artifact was made by an engine with the same
            // fingerprint, which is made from those of these engines in this order.
            match unsafe { vm.load(&artifact, imports.clone())? } {
                Some(module) => modules.push(Some(module)),
                None => return Ok(None),
            }
        }
        Ok(Some(self.fused(modules, source, counting, has_start)))
    }
}

impl<H: Host> fmt::Debug for FusedVm<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.vms).finish()
    }
}

/// A module on one engine.
type Loaded<H> = Arc<dyn LoadedModule<H>>;

/// A module on several engines; where one refuses it, there is none.
struct FusedModule<H: Host> {
    modules: Vec<(VmKind, Option<Loaded<H>>)>,
    source: Arc<[u8]>,
    counting: Counting,
    has_start: bool,
    sink: Option<Arc<dyn DifferenceSink<H>>>,
}

impl<H: Host> LoadedModule<H> for FusedModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        let Some(((first, module), others)) = self.modules.split_first() else {
            return Err(VmFault::Engine("no engine".to_owned()));
        };
        let mut start = host.checkpoint();
        let mut run = execute(module.as_ref(), entry, host)?;
        let expected = observe(&mut run);
        for (engine, module) in others {
            let mut host = host_of(run);
            host.revert_to(start);
            start = host.checkpoint();
            run = execute(module.as_ref(), entry, host)?;
            let topics = differing(&expected, &observe(&mut run));
            if !topics.is_empty() {
                let difference = Difference { engines: [*first, *engine], topics };
                let mut host = host_of(run);
                host.revert_to(start);
                tracing::error!(target: "vm", entry, %difference);
                if let Some(sink) = &self.sink {
                    let case = Case { wasm: &self.source, entry, host: &mut host };
                    sink.found(&difference, case);
                }
                return Err(difference.into());
            }
        }
        Ok(run)
    }

    fn bytes(&self) -> usize {
        let modules = self.modules.iter().filter_map(|(_, module)| module.as_ref());
        modules.map(|module| module.bytes()).fold(self.source.len(), usize::saturating_add)
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        let mut code = Vec::new();
        put(&mut code, &self.source);
        for (_, module) in &self.modules {
            let artifact = module.as_ref().map(|module| module.artifact()).transpose()?;
            put(&mut code, &artifact.map(|artifact| artifact.code).unwrap_or_default());
        }
        let &FusedModule { has_start, counting, .. } = self;
        Ok(Artifact { code, has_start, counting })
    }
}

fn execute<H: Host>(module: Option<&Loaded<H>>, entry: &str, host: H) -> Result<Run<H>, VmFault> {
    match module {
        Some(module) => module.run(entry, host),
        None => Ok(Run::Finished(Finished { host, end: Err(Failure::Compile) })),
    }
}

fn host_of<H: Host>(run: Run<H>) -> H {
    match run {
        Run::Finished(Finished { host, .. }) | Run::Inexact(host) => host,
    }
}

/// What has to be the same. Of an execution that is run again in the stepwise form only that it
/// is: its gas means nothing.
pub(crate) fn observe<H: Host>(run: &mut Run<H>) -> Vec<Effects> {
    let Finished { host, end } = match run {
        Run::Finished(finished) => finished,
        Run::Inexact(_) => return vec![("end", Vec::new())],
    };
    let gas = host.gas();
    let units = |gas: Gas| gas.units().to_le_bytes().to_vec();
    let mut observed = vec![
        ("end", format!("{end:?}").into_bytes()),
        ("gas burnt", units(gas.burnt())),
        ("gas used", units(gas.used())),
        ("compute", gas.compute().to_le_bytes().to_vec()),
    ];
    observed.extend(host.effects());
    observed
}

/// The topics in which two executions differ.
pub(crate) fn differing(one: &[Effects], other: &[Effects]) -> Vec<&'static str> {
    let lacks = |list: &[Effects], effect: &Effects| !list.contains(effect);
    let mut topics: Vec<_> = one.iter().filter(|effect| lacks(other, effect)).collect();
    topics.extend(other.iter().filter(|effect| lacks(one, effect)));
    let mut names: Vec<&'static str> = Vec::new();
    for (topic, _) in topics {
        if !names.contains(topic) {
            names.push(topic);
        }
    }
    names
}

/// Appends `bytes` with their length.
fn put(code: &mut Vec<u8>, bytes: &[u8]) {
    code.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    code.extend_from_slice(bytes);
}

/// What [`put`] appended, and what is behind it.
fn take(code: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = code.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}
