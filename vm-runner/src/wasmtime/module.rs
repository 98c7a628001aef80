//! A compiled module, and one execution of it: a new store and instance for each call.

use std::sync::Arc;

use gas_meter::instrument::abi;
use host_fns::abi::{Host, HostFn};
use wasmtime::{Extern, Global, Instance, InstancePre, Linker, Module, ModuleExport, Store};

use super::link::{self, Env, Handles};
use super::memory::{self, Idle};
use super::startup::Startup;
use super::trap;
use crate::boundary::{Guest, Remaining};
use crate::prepare::{Counting, ENTRY_PREFIX, MEMORY};
use crate::{Artifact, LoadedModule, Run, VmFault, WasmTrap, stack};

pub(super) struct WasmtimeModule<H: Host> {
    has_start: bool,
    counting: Counting,
    linked: Linked<H>,
    startup: Startup,
    memories: Arc<Idle>,
}

impl<H: Host> WasmtimeModule<H> {
    /// The module with its `imports`, in the order of the module's.
    pub(super) fn loaded(
        code: &Module,
        startup: Startup,
        imports: &[&'static HostFn<H>],
        has_start: bool,
        counting: Counting,
    ) -> Result<Self, VmFault> {
        let (linked, memories) = (Linked::new(code, imports)?, Arc::default());
        Ok(WasmtimeModule { has_start, counting, linked, startup, memories })
    }

    fn execute(&self, entry: &str, guest: Guest<H>) -> Result<Run<H>, VmFault> {
        let linked = &self.linked;
        let mut store = linked.store(guest);
        let instance = memory::from(&self.memories, || linked.instance.instantiate(&mut store));
        let (end, remaining) = match instance {
            Ok(instance) => self.call(&mut store, instance, entry)?,
            Err(error) => {
                let trap = trap::classify(&error)?;
                (Err(trap), NOTHING)
            }
        };
        store.into_data().guest.finish(end, remaining)
    }

    fn call(
        &self,
        store: &mut Store<Env<H>>,
        instance: Instance,
        entry: &str,
    ) -> Result<Ended, VmFault> {
        let linked = &self.linked;
        let memory = instance.get_module_export(&mut *store, &linked.memory);
        let memory = memory.and_then(Extern::into_memory).ok_or_else(|| missing(MEMORY))?;
        let gas = global(store, instance, &linked.gas)?;
        if let Err(trap) = self.startup.write(memory.data_mut(&mut *store)) {
            return Ok((Err(Some(trap)), NOTHING));
        }
        let env = store.data_mut();
        env.instance = Some(Handles { memory, gas });
        let granted = env.guest.grant();
        gas.set(&mut *store, granted.into()).map_err(fault)?;
        let mut end = Ok(());
        if self.has_start {
            end = run(store, instance, abi::START)?;
        }
        if end.is_ok() {
            end = run(store, instance, &format!("{ENTRY_PREFIX}{entry}"))?;
        }
        let gas = gas.get(&mut *store).i64();
        let stack = global(store, instance, &linked.stack)?.get(&mut *store).i64();
        // Only a trap can leave it set.
        let inexact = end.is_err()
            && global(store, instance, &linked.inexact)?.get(&mut *store).i32() != Some(0);
        let (Some(gas), Some(stack)) = (gas, stack) else { return Err(missing("i64")) };
        Ok((end, Remaining { gas, stack, inexact }))
    }
}

impl<H: Host> LoadedModule<H> for WasmtimeModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        let guest = Guest::new(host, self.counting);
        stack::on_stack(|| self.execute(entry, guest))?
    }

    fn bytes(&self) -> usize {
        /// What is linked, and the structures of a module beside its image.
        const MODULE: usize = 16 << 10;
        let image = self.linked.instance.module().image_range();
        let image = image.end.addr().saturating_sub(image.start.addr());
        image.saturating_add(self.startup.size()).saturating_add(MODULE)
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        let mut code = self.linked.instance.module().serialize().map_err(fault)?;
        self.startup.append(&mut code)?;
        let (has_start, counting) = (self.has_start, self.counting);
        Ok(Artifact { code, has_start, counting })
    }
}

/// What is left when no instance could be made: nothing was granted yet.
const NOTHING: Remaining = Remaining { gas: 0, stack: 0, inexact: false };

/// How the engine ended, and what the globals held then.
type Ended = (Result<(), Option<WasmTrap>>, Remaining);

/// A module in an engine, with its imports, and where it has its exports.
struct Linked<H: Host> {
    instance: InstancePre<Env<H>>,
    memory: ModuleExport,
    gas: ModuleExport,
    stack: ModuleExport,
    inexact: ModuleExport,
}

impl<H: Host> Linked<H> {
    fn new(code: &Module, imports: &[&'static HostFn<H>]) -> Result<Self, VmFault> {
        let engine = code.engine();
        let mut linker = Linker::new(engine);
        // A module may import a function twice.
        linker.allow_shadowing(true);
        for function in imports {
            link::link(&mut linker, engine, function).map_err(fault)?;
        }
        let instance = linker.instantiate_pre(code).map_err(fault)?;
        let export = |name| code.get_export_index(name).ok_or_else(|| missing(name));
        Ok(Linked {
            instance,
            memory: export(MEMORY)?,
            gas: export(abi::REMAINING_GAS)?,
            stack: export(abi::REMAINING_STACK)?,
            inexact: export(abi::INEXACT)?,
        })
    }

    fn store(&self, guest: Guest<H>) -> Store<Env<H>> {
        Store::new(self.instance.module().engine(), Env { guest, instance: None })
    }
}

fn global<H: Host>(
    store: &mut Store<Env<H>>,
    instance: Instance,
    export: &ModuleExport,
) -> Result<Global, VmFault> {
    let global = instance.get_module_export(store, export).and_then(Extern::into_global);
    global.ok_or_else(|| missing("global"))
}

fn run<H: Host>(
    store: &mut Store<Env<H>>,
    instance: Instance,
    name: &str,
) -> Result<Result<(), Option<WasmTrap>>, VmFault> {
    let function = instance.get_typed_func::<(), ()>(&mut *store, name).map_err(fault)?;
    match function.call(store, ()) {
        Ok(()) => Ok(Ok(())),
        Err(error) => trap::classify(&error).map(Err),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` asks for")]
fn fault(error: wasmtime::Error) -> VmFault {
    VmFault::Engine(error.to_string())
}

fn missing(what: &str) -> VmFault {
    VmFault::Engine(format!("a module without its {what}"))
}
