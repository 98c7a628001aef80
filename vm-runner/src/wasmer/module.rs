//! A compiled module, and one execution of it: a new store and instance for each call.

use std::sync::Arc;

use gas_meter::instrument::abi;
use host_fns::abi::{Host, HostFn};
use wasmer::{
    AsStoreMut, Engine, ExportError, Extern, FunctionEnv, Instance, Module, Store, TypedFunction,
    Value,
};

use super::link::{self, Env, Handles};
use super::raw::{RawGlobal, RawMemory};
use super::trap;
use crate::boundary::{Guest, Remaining};
use crate::prepare::{Counting, ENTRY_PREFIX};
use crate::{Artifact, LoadedModule, Run, VmFault, WasmTrap};

pub(super) struct WasmerModule<H: Host> {
    engine: Engine,
    module: Module,
    /// In the order of the module's imports.
    imports: Vec<&'static HostFn<H>>,
    has_start: bool,
    counting: Counting,
    /// The place of the gas global among the module's globals.
    gas_index: usize,
}

impl<H: Host> WasmerModule<H> {
    pub(super) fn loaded(
        engine: Engine,
        module: Module,
        imports: Vec<&'static HostFn<H>>,
        has_start: bool,
        counting: Counting,
    ) -> Result<Arc<dyn LoadedModule<H>>, VmFault> {
        let gas_index = RawGlobal::index(&module, abi::REMAINING_GAS)
            .ok_or_else(|| self::engine("a module without a gas global"))?;
        Ok(Arc::new(WasmerModule { engine, module, imports, has_start, counting, gas_index }))
    }
}

impl<H: Host> LoadedModule<H> for WasmerModule<H> {
    fn run(&self, entry: &str, host: H) -> Result<Run<H>, VmFault> {
        let mut store = Store::new(self.engine.clone());
        let env = Env { guest: Some(Guest::new(host, self.counting)), instance: None };
        let env = FunctionEnv::new(&mut store, env);
        let imports: Vec<Extern> = self
            .imports
            .iter()
            .map(|function| link::link(&mut store, &env, function).into())
            .collect();
        let (instance, memory) = RawMemory::of(|| {
            Instance::new_by_index(&mut store, &self.module, &imports)
                .map_err(trap::classify_instantiation)
        });
        let (end, remaining) = match instance {
            Ok(instance) => {
                let memory = memory.ok_or_else(|| engine("no memory"))?;
                self.call(&mut store, &env, &instance, memory, entry)?
            }
            Err(trap) => (Err(trap?), Remaining { gas: 0, stack: 0, inexact: false }),
        };
        let guest = env.as_mut(&mut store).guest.take().ok_or_else(lost_guest)?;
        guest.finish(end, remaining)
    }

    fn artifact(&self) -> Result<Artifact, VmFault> {
        let code = self.module.serialize().map_err(|error| VmFault::Engine(error.to_string()))?;
        let (has_start, counting) = (self.has_start, self.counting);
        Ok(Artifact { code: code.to_vec(), has_start, counting })
    }
}

/// How the engine ended, and what the globals held then.
type Ended = (Result<(), Option<WasmTrap>>, Remaining);

impl<H: Host> WasmerModule<H> {
    fn call(
        &self,
        store: &mut Store,
        env: &FunctionEnv<Env<H>>,
        instance: &Instance,
        memory: RawMemory,
        entry: &str,
    ) -> Result<Ended, VmFault> {
        let exports = &instance.exports;
        let gas = RawGlobal::find(store, self.gas_index).ok_or_else(|| engine("no gas global"))?;
        let data = env.as_mut(store);
        let granted = data.guest.as_mut().ok_or_else(lost_guest)?.grant();
        data.instance = Some(Handles { memory, gas });
        gas.set(store, granted);
        let start = self.has_start.then(|| abi::START.to_owned());
        let names = start.into_iter().chain([format!("{ENTRY_PREFIX}{entry}")]);
        let mut end = Ok(());
        for name in names {
            let function =
                exports.get_typed_function(store, &name).map_err(|error| missing(&error))?;
            end = run(store, &function)?;
            if end.is_err() {
                break;
            }
        }
        let gas = gas.get(store);
        let stack = exports.get_global(abi::REMAINING_STACK).map_err(|error| missing(&error))?;
        let stack =
            stack.get(store).i64().ok_or_else(|| engine("the stack global has a wrong type"))?;
        // Only a trap can leave it set.
        let inexact = end.is_err() && {
            let flag = exports.get_global(abi::INEXACT).map_err(|error| missing(&error))?;
            flag.get(store) != Value::I32(0)
        };
        Ok((end, Remaining { gas, stack, inexact }))
    }
}

fn run(
    store: &mut impl AsStoreMut,
    function: &TypedFunction<(), ()>,
) -> Result<Result<(), Option<WasmTrap>>, VmFault> {
    match function.call(store) {
        Ok(()) => Ok(Ok(())),
        Err(error) => trap::classify(error).map(Err),
    }
}

fn missing(error: &ExportError) -> VmFault {
    VmFault::Engine(error.to_string())
}

fn lost_guest() -> VmFault {
    engine("the guest is gone")
}

fn engine(why: &str) -> VmFault {
    VmFault::Engine(why.to_owned())
}
