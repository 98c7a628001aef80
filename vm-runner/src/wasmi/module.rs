//! A translated module, and one execution of it: a new store and instance for each call.

use std::panic::resume_unwind;
use std::sync::Arc;

use gas_meter::instrument::abi;
use host_fns::abi::{Host, HostFn};
use wasmi::{Global, Instance, Linker, Module, Store, Val};

use super::link::{self, Env, Handles};
use super::trap;
use crate::boundary::{Guest, Remaining};
use crate::prepare::{Counting, ENTRY_PREFIX, MEMORY};
use crate::{Artifact, LoadedModule, Run, VmFault, WasmTrap};

pub(super) struct WasmiModule<H: Host> {
    module: Module,
    linker: Linker<Env<H>>,
    wasm: Vec<u8>,
    has_start: bool,
    counting: Counting,
}

impl<H: Host> WasmiModule<H> {
    pub(super) fn loaded(
        module: Module,
        wasm: &[u8],
        imports: Vec<&'static HostFn<H>>,
        has_start: bool,
        counting: Counting,
    ) -> Result<Arc<dyn LoadedModule<H>>, VmFault> {
        let mut linker = Linker::new(module.engine());
        // A module may import a function twice.
        linker.allow_shadowing(true);
        for function in imports {
            link::link(&mut linker, function)?;
        }
        Ok(Arc::new(WasmiModule { module, linker, wasm: wasm.to_vec(), has_start, counting }))
    }
}

impl<H: Host> LoadedModule<H> for WasmiModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        let guest = Guest::new(host, self.counting);
        let env = Env { guest, instance: None, panic: None };
        let mut store = Store::new(self.module.engine(), env);
        let (end, remaining) = match self.linker.instantiate_and_start(&mut store, &self.module) {
            Ok(instance) => self.call(&mut store, instance, entry)?,
            Err(error) => {
                (Err(trap::classify(&error)?), Remaining { gas: 0, stack: 0, inexact: false })
            }
        };
        let Env { guest, panic, .. } = store.into_data();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        guest.finish(end, remaining)
    }

    fn bytes(&self) -> usize {
        /// Of each byte of wasm, at most about so many come, and an engine beside them.
        const TRANSLATED: usize = 8;
        const ENGINE: usize = 16 << 10;
        self.wasm.len().saturating_mul(TRANSLATED).saturating_add(ENGINE)
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        let &WasmiModule { has_start, counting, .. } = self;
        Ok(Artifact { code: self.wasm.clone(), has_start, counting })
    }
}

/// How the engine ended, and what the globals held then.
type Ended = (Result<(), Option<WasmTrap>>, Remaining);

impl<H: Host> WasmiModule<H> {
    fn call(
        &self,
        store: &mut Store<Env<H>>,
        instance: Instance,
        entry: &str,
    ) -> Result<Ended, VmFault> {
        let global = |store: &Store<Env<H>>, name| {
            instance.get_global(store, name).ok_or_else(|| missing(name))
        };
        let gas = global(store, abi::REMAINING_GAS)?;
        let memory = instance.get_memory(&*store, MEMORY).ok_or_else(|| missing(MEMORY))?;
        let env = store.data_mut();
        let granted = env.guest.grant();
        env.instance = Some(Handles { memory, gas });
        gas.set(&mut *store, Val::I64(granted)).map_err(|error| engine(&error))?;
        let start = self.has_start.then(|| abi::START.to_owned());
        let names = start.into_iter().chain([format!("{ENTRY_PREFIX}{entry}")]);
        let mut end = Ok(());
        for name in names {
            let function = instance.get_typed_func::<(), ()>(&*store, &name);
            let function = function.map_err(|error| engine(&error))?;
            if let Err(error) = function.call(&mut *store, ()) {
                end = Err(trap::classify(&error)?);
                break;
            }
        }
        let stack = i64_of(store, global(store, abi::REMAINING_STACK)?)?;
        // Only a trap can leave it set.
        let inexact =
            end.is_err() && !matches!(global(store, abi::INEXACT)?.get(&*store), Val::I32(0));
        Ok((end, Remaining { gas: i64_of(store, gas)?, stack, inexact }))
    }
}

fn i64_of<T>(store: &Store<T>, global: Global) -> Result<i64, VmFault> {
    match global.get(store) {
        Val::I64(value) => Ok(value),
        _ => Err(VmFault::Engine("a global of metering has a wrong type".to_owned())),
    }
}

fn engine(error: &impl std::error::Error) -> VmFault {
    VmFault::Engine(error.to_string())
}

fn missing(export: &str) -> VmFault {
    VmFault::Engine(format!("a module without {export}"))
}
