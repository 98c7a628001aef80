//! wasmer with the singlepass compiler, set up as `vm-runner` does it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use wasmer::{
    CompilerConfig, EngineBuilder, ExternType, FunctionEnv, FunctionEnvMut, Global, Imports,
    MemoryView, Module, RuntimeError, Store, Type, TypedFunction, Value,
};
use wasmer_middlewares::metering::{self, MeteringPoints};

use crate::engine::{CHARGES, Engine, Instance, NEAR_PREFIX, PLENTY};
use crate::host::{Function, HOST, Host, Memory};
use crate::meter::{Exhausted, Meter};
use crate::schemes::Charging;
use crate::workloads::Task;
use crate::{ours, peers};

/// The engine.
pub(crate) struct Singlepass;

impl Engine for Singlepass {
    fn name(&self) -> &'static str {
        "wasmer singlepass"
    }

    fn can(&self, charging: Charging) -> bool {
        !matches!(charging, Charging::WideModule | Charging::WasmtimeFuel)
    }

    fn load(&self, wasm: &[u8], charging: Charging, task: Task) -> Result<Box<dyn Instance>> {
        Ok(Box::new(Loaded::new(wasm, charging, task)?))
    }
}

struct Loaded {
    store: Store,
    instance: wasmer::Instance,
    task: Task,
    entry: Entry,
    env: FunctionEnv<Env>,
    charging: Charging,
    global: Option<Global>,
    meter: Arc<Meter>,
}

enum Entry {
    Kernel(TypedFunction<i32, i32>),
    Method(TypedFunction<(), ()>),
}

/// What host functions find.
struct Env {
    host: Host,
    memory: Option<wasmer::Memory>,
}

impl Loaded {
    fn new(wasm: &[u8], charging: Charging, task: Task) -> Result<Self> {
        // Names the engine of the product, which brings a symbol that wasmer links against.
        let _ = vm_runner::wasmer::WasmerVm::new();
        let mut compiler = wasmer::Singlepass::new();
        compiler.canonicalize_nans(true);
        if charging == Charging::WasmerMetering {
            let metering = metering::Metering::new(PLENTY.unsigned_abs(), |_| 1);
            compiler.push_middleware(Arc::new(metering));
        }
        let mut store = Store::new(EngineBuilder::new(compiler));
        let module = Module::new(&store, wasm)?;
        let env = FunctionEnv::new(&mut store, Env { host: Host::new(task.input()), memory: None });
        let meter = Arc::new(Meter::new());
        let mut imports = charges(&mut store, &meter);
        host_functions(&mut store, &env, &module, &mut imports);
        let instance = wasmer::Instance::new(&mut store, &module, &imports)?;
        let exports = &instance.exports;
        env.as_mut(&mut store).memory = exports.get_memory("memory").ok().cloned();
        for name in [ours::REMAINING_GAS, ours::REMAINING_STACK] {
            if let Ok(global) = exports.get_global(name) {
                global.set(&mut store, Value::I64(PLENTY))?;
            }
        }
        if let Ok(start) = exports.get_typed_function::<(), ()>(&store, ours::START) {
            start.call(&mut store)?;
        }
        let global = exports.get_global(ours::REMAINING_GAS).ok().cloned();
        let name = task.export();
        let entry = exports.get_function(name);
        let entry = entry.or_else(|_| exports.get_function(&format!("{NEAR_PREFIX}{name}")))?;
        let entry = match task {
            Task::Compute(_) => Entry::Kernel(entry.typed(&store)?),
            Task::Call { .. } => Entry::Method(entry.typed(&store)?),
        };
        Ok(Loaded { store, instance, task, entry, env, charging, global, meter })
    }
}

impl Instance for Loaded {
    fn round(&mut self) -> Result<u32> {
        match (&self.entry, self.task) {
            (Entry::Kernel(run), Task::Compute(work)) => {
                Ok(run.call(&mut self.store, work)?.cast_unsigned())
            }
            (Entry::Method(method), Task::Call { times, .. }) => {
                for _ in 0..times {
                    method.call(&mut self.store)?;
                }
                Ok(self.env.as_mut(&mut self.store).host.take_seen())
            }
            _ => unreachable!("the entry was made for the task"),
        }
    }

    fn used(&mut self) -> Result<i64> {
        let left = match (self.charging, &self.global) {
            (Charging::WasmerMetering, _) => {
                match metering::get_remaining_points(&mut self.store, &self.instance) {
                    MeteringPoints::Remaining(points) => i64::try_from(points)?,
                    MeteringPoints::Exhausted => 0,
                }
            }
            (_, Some(global)) => global.get(&mut self.store).i64().context("gas is an i64")?,
            (_, None) => PLENTY,
        };
        // Some charge with the global, some with host calls, near-vm-runner's with both.
        Ok(PLENTY - left + PLENTY - self.meter.gas())
    }
}

/// Every function with which a module may charge.
fn charges(store: &mut Store, meter: &Arc<Meter>) -> Imports {
    let mut imports = Imports::new();
    for name in [peers::WASM_INSTRUMENT_GAS, "finite_wasm_gas"] {
        let meter = Arc::clone(meter);
        let charge = move |gas: i64| meter.charge(gas).map_err(trap);
        imports.define(CHARGES, name, wasmer::Function::new_typed(store, charge));
    }
    let pwasm = Arc::clone(meter);
    let pwasm = move |gas: i32| pwasm.charge(i64::from(gas)).map_err(trap);
    imports.define(CHARGES, "gas", wasmer::Function::new_typed(store, pwasm));
    let (enter, leave) = (Arc::clone(meter), Arc::clone(meter));
    let enter = move |operands: i64, frame: i64| enter.enter(operands, frame).map_err(trap);
    imports.define(CHARGES, "finite_wasm_stack", wasmer::Function::new_typed(store, enter));
    let leave = move |operands: i64, frame: i64| leave.leave(operands, frame).map_err(trap);
    imports.define(CHARGES, "finite_wasm_unstack", wasmer::Function::new_typed(store, leave));
    for name in peers::FINITE_WASM_BULK {
        let meter = Arc::clone(meter);
        let charge =
            move |count: i32, unit: i64, base: i64| meter.units(count, unit, base).map_err(trap);
        imports.define(CHARGES, name, wasmer::Function::new_typed(store, charge));
    }
    imports
}

fn trap(error: Exhausted) -> RuntimeError {
    RuntimeError::user(Box::new(error))
}

/// The functions of [`Host`] that `module` imports.
fn host_functions(
    store: &mut Store,
    env: &FunctionEnv<Env>,
    module: &Module,
    imports: &mut Imports,
) {
    for import in module.imports().filter(|import| import.module() == HOST) {
        let ExternType::Function(ty) = import.ty().clone() else { continue };
        let function = Function::named(import.name());
        let results: Vec<Type> = ty.results().to_vec();
        let call = move |env: FunctionEnvMut<'_, Env>, args: &[Value]| {
            let result = call(env, function, args);
            let result = result.map_err(|error| RuntimeError::new(format!("{error:#}")))?;
            Ok(results.iter().map(|_| Value::I64(result)).collect())
        };
        let function = wasmer::Function::new_with_env(store, env, ty, call);
        imports.define(HOST, import.name(), function);
    }
}

fn call(mut env: FunctionEnvMut<'_, Env>, function: Function, args: &[Value]) -> Result<i64> {
    let (env, store) = env.data_and_store_mut();
    let mut memory = Guest(env.memory.as_ref().context("a memory")?.view(&store));
    let mut wide = [0; Function::MOST_ARGUMENTS];
    for (wide, arg) in wide.iter_mut().zip(args) {
        *wide = match arg {
            Value::I32(value) => u64::from(value.cast_unsigned()),
            Value::I64(value) => value.cast_unsigned(),
            other => bail!("a host function has no argument like {other:?}"),
        };
    }
    Ok(env.host.call(function, &wide, &mut memory)?.cast_signed())
}

/// A guest's memory.
struct Guest<'a>(MemoryView<'a>);

impl Memory for Guest<'_> {
    fn read(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        let end = at.checked_add(length).context("an address")?;
        Ok(self.0.copy_range_to_vec(at..end)?)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write(at, bytes)?)
    }
}
