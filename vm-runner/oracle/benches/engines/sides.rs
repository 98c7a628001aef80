//! The virtual machines that are measured, each with its caches as its chain uses them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use near_vm_runner::{
    ContractRuntimeCache, FilesystemContractRuntimeCache, NoContractRuntimeCache,
    noop_background_spawner,
};
use oracle::{NearRunner, OurRunner};
use sandbox_runtime::RuntimeConfig;
use vm_runner::{DiskStore, VmKind};

use crate::work::Work;

/// Modules that near-vm-runner keeps in memory; neard's default is 16.
const NEAR_MODULES: usize = 256;
/// What files may take.
const DISK_BYTES: u64 = 1 << 30;

/// A virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// near-vm-runner 0.38.
    Near,
    /// vm-runner on one of its engines.
    Ours(VmKind),
    /// cosmwasm-vm 3.0.9, on wasmer singlepass, in a process of its own.
    CosmWasm,
}

/// What a machine keeps.
#[derive(Clone, Copy)]
pub(crate) enum Keeps<'a> {
    /// What was compiled is gone after the call.
    Nothing,
    /// Modules in memory. near-vm-runner does it only with files beside.
    Modules(&'a Path),
    /// The same, and finds what another machine has left there.
    Files(&'a Path),
}

/// A machine of a side.
pub(crate) trait Machine: Sync {
    /// Does the work once: the gas that it burns.
    fn call(&self, work: &Work) -> Result<u64>;

    /// Makes a module of the work's wasm and forgets it.
    fn compile(&self, work: &Work) -> Result<()>;

    /// Waits until all files are written.
    fn settle(&self) {}
}

impl Side {
    /// All of them: the one that others are compared with is the first.
    pub(crate) fn all() -> Vec<Side> {
        let ours = VmKind::ALL.iter().map(|kind| Side::Ours(*kind));
        [Side::Near].into_iter().chain(ours).chain([Side::CosmWasm]).collect()
    }

    pub(crate) fn named(name: &str) -> Option<Side> {
        Side::all().into_iter().find(|side| side.to_string() == name)
    }

    /// Whether nothing of a contract becomes machine code.
    pub(crate) fn is_interpreter(self) -> bool {
        self == Side::Ours(VmKind::Wasmi)
    }

    /// Whether it can do the work.
    pub(crate) fn can(self, work: &Work) -> bool {
        self != Side::CosmWasm || work.cosmwasm.is_some()
    }

    /// A new machine.
    pub(crate) fn machine(
        self,
        config: &RuntimeConfig,
        keeps: Keeps<'_>,
    ) -> Result<Box<dyn Machine>> {
        Ok(match self {
            Side::Near => {
                let cache: Box<dyn ContractRuntimeCache> = match keeps {
                    Keeps::Nothing => Box::new(NoContractRuntimeCache),
                    Keeps::Modules(home) | Keeps::Files(home) => Box::new(near_files(home)?),
                };
                Box::new(NearRunner::new(config.clone(), cache))
            }
            Side::Ours(vm) => Box::new(match keeps {
                Keeps::Nothing | Keeps::Modules(_) => OurRunner::on(vm, config),
                Keeps::Files(home) => {
                    let store = Arc::new(DiskStore::open(home.join("artifacts"), DISK_BYTES)?);
                    OurRunner::with_store(vm, config, store)
                }
            }),
            Side::CosmWasm => bail!("a process of its own"),
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Side::Near => f.write_str("near-vm-runner"),
            Side::Ours(vm) => vm.fmt(f),
            Side::CosmWasm => f.write_str("cosmwasm-vm"),
        }
    }
}

fn near_files(home: &Path) -> Result<FilesystemContractRuntimeCache> {
    Ok(FilesystemContractRuntimeCache::with_memory_cache(
        home,
        None::<&str>,
        "contracts",
        NEAR_MODULES,
        None,
        DISK_BYTES,
        noop_background_spawner(),
    )?)
}

impl Machine for NearRunner {
    fn call(&self, work: &Work) -> Result<u64> {
        self.burn(&work.contract, &work.case)
    }

    fn compile(&self, work: &Work) -> Result<()> {
        NearRunner::compile(self, &work.contract)
    }
}

impl Machine for OurRunner {
    fn call(&self, work: &Work) -> Result<u64> {
        self.burn(&work.contract, &work.case)
    }

    fn compile(&self, work: &Work) -> Result<()> {
        OurRunner::compile(self, &work.contract)
    }

    fn settle(&self) {
        self.wait_for_files();
    }
}

/// Before anything is measured: all that count NEAR's gas burn the same.
pub(crate) fn agree(sides: &[Side], config: &RuntimeConfig, work: &Work) -> Result<()> {
    let near = sides.iter().filter(|side| **side != Side::CosmWasm);
    let burnt = near.map(|side| side.machine(config, Keeps::Nothing)?.call(work));
    let burnt = burnt.collect::<Result<Vec<u64>>>()?;
    // What cannot be prepared burns nothing.
    let agree = burnt.first().is_some_and(|first| *first > 0 && burnt.iter().all(|b| b == first));
    ensure!(agree, "{}: {burnt:?}", work.name);
    Ok(())
}
