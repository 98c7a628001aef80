//! wasmtime with its two compilers.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use wasmtime_45::{
    Caller, Config, ExternType, Global, Linker, Module, OptLevel, Store, Strategy, TypedFunc, Val,
};

use crate::engine::{CHARGES, Engine, Instance, NEAR_PREFIX, PLENTY};
use crate::host::{Function, HOST, Host, Memory};
use crate::meter::Meter;
use crate::schemes::Charging;
use crate::workloads::Task;
use crate::{ours, peers};

/// The engine with one of its compilers.
pub(crate) struct Wasmtime {
    name: &'static str,
    strategy: Strategy,
}

impl Wasmtime {
    /// The compiler that works in one pass.
    pub(crate) fn winch() -> Self {
        Wasmtime { name: "wasmtime Winch", strategy: Strategy::Winch }
    }

    /// The compiler that optimises.
    pub(crate) fn cranelift() -> Self {
        Wasmtime { name: "wasmtime Cranelift", strategy: Strategy::Cranelift }
    }
}

impl Engine for Wasmtime {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, charging: Charging) -> bool {
        charging != Charging::WasmerMetering
    }

    fn load(&self, wasm: &[u8], charging: Charging, task: Task) -> Result<Box<dyn Instance>> {
        Ok(Box::new(Loaded::new(self.strategy, wasm, charging, task).map_err(flatten)?))
    }
}

/// wasmtime's errors are of a type of their own.
#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` asks for")]
fn flatten(error: wasmtime_45::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}

struct Loaded {
    store: Store<State>,
    task: Task,
    entry: Entry,
    charging: Charging,
    global: Option<Global>,
    meter: Arc<Meter>,
}

enum Entry {
    Kernel(TypedFunc<i32, i32>),
    Method(TypedFunc<(), ()>),
}

/// What host functions find.
struct State {
    host: Host,
    memory: Option<wasmtime_45::Memory>,
}

impl Loaded {
    fn new(
        strategy: Strategy,
        wasm: &[u8],
        charging: Charging,
        task: Task,
    ) -> wasmtime_45::Result<Self> {
        let mut config = Config::new();
        config.strategy(strategy).cranelift_opt_level(OptLevel::Speed);
        // near-vm-runner's rewriting needs it.
        config.wasm_wide_arithmetic(charging == Charging::WideModule);
        config.consume_fuel(charging == Charging::WasmtimeFuel);
        let engine = wasmtime_45::Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, State { host: Host::new(task.input()), memory: None });
        if charging == Charging::WasmtimeFuel {
            store.set_fuel(PLENTY.unsigned_abs())?;
        }
        let meter = Arc::new(Meter::new());
        let mut linker = Linker::new(&engine);
        charges(&mut linker, &meter)?;
        host_functions(&mut linker, &module)?;
        let instance = linker.instantiate(&mut store, &module)?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        for name in [ours::REMAINING_GAS, ours::REMAINING_STACK] {
            if let Some(global) = instance.get_global(&mut store, name) {
                global.set(&mut store, Val::I64(PLENTY))?;
            }
        }
        if let Some(start) = instance.get_func(&mut store, ours::START) {
            start.typed::<(), ()>(&store)?.call(&mut store, ())?;
        }
        let global = instance.get_global(&mut store, ours::REMAINING_GAS);
        let name = task.export();
        let prefixed = format!("{NEAR_PREFIX}{name}");
        let entry = instance.get_func(&mut store, name);
        let entry = entry.or_else(|| instance.get_func(&mut store, &prefixed));
        let entry = entry.ok_or_else(|| wasmtime_45::Error::msg(format!("no export {name}")))?;
        let entry = match task {
            Task::Compute(_) => Entry::Kernel(entry.typed(&store)?),
            Task::Call { .. } => Entry::Method(entry.typed(&store)?),
        };
        Ok(Loaded { store, task, entry, charging, global, meter })
    }
}

impl Instance for Loaded {
    fn round(&mut self) -> Result<u32> {
        match (&self.entry, self.task) {
            (Entry::Kernel(run), Task::Compute(work)) => {
                Ok(run.call(&mut self.store, work).map_err(flatten)?.cast_unsigned())
            }
            (Entry::Method(method), Task::Call { times, .. }) => {
                for _ in 0..times {
                    method.call(&mut self.store, ()).map_err(flatten)?;
                }
                Ok(self.store.data_mut().host.take_seen())
            }
            _ => unreachable!("the entry was made for the task"),
        }
    }

    fn used(&mut self) -> Result<i64> {
        let left = match (self.charging, self.global) {
            (Charging::WasmtimeFuel, _) => i64::try_from(self.store.get_fuel().map_err(flatten)?)?,
            (_, Some(global)) => global.get(&mut self.store).i64().context("gas is an i64")?,
            (_, None) => PLENTY,
        };
        // Some charge with the global, some with host calls, near-vm-runner's with both.
        Ok(PLENTY - left + PLENTY - self.meter.gas())
    }
}

/// Every function with which a module may charge.
fn charges(linker: &mut Linker<State>, meter: &Arc<Meter>) -> wasmtime_45::Result<()> {
    for name in [peers::WASM_INSTRUMENT_GAS, "finite_wasm_gas"] {
        let meter = Arc::clone(meter);
        linker.func_wrap(CHARGES, name, move |gas: i64| Ok(meter.charge(gas)?))?;
    }
    let (pwasm, enter, leave) = (Arc::clone(meter), Arc::clone(meter), Arc::clone(meter));
    linker.func_wrap(CHARGES, "gas", move |gas: i32| Ok(pwasm.charge(i64::from(gas))?))?;
    linker.func_wrap(CHARGES, "finite_wasm_stack", move |operands: i64, frame: i64| {
        Ok(enter.enter(operands, frame)?)
    })?;
    linker.func_wrap(CHARGES, "finite_wasm_unstack", move |operands: i64, frame: i64| {
        Ok(leave.leave(operands, frame)?)
    })?;
    for name in peers::FINITE_WASM_BULK {
        let meter = Arc::clone(meter);
        linker.func_wrap(CHARGES, name, move |count: i32, unit: i64, base: i64| {
            Ok(meter.units(count, unit, base)?)
        })?;
    }
    for name in peers::NEAR_EXHAUSTED {
        let exhausted = move || -> wasmtime_45::Result<()> { Err(wasmtime_45::Error::msg(name)) };
        linker.func_wrap(CHARGES, name, exhausted)?;
    }
    Ok(())
}

/// The functions of [`Host`] that `module` imports.
fn host_functions(linker: &mut Linker<State>, module: &Module) -> wasmtime_45::Result<()> {
    for import in module.imports().filter(|import| import.module() == HOST) {
        let ExternType::Func(ty) = import.ty() else { continue };
        let function = Function::named(import.name());
        let call = move |mut caller: Caller<'_, State>, args: &[Val], results: &mut [Val]| {
            let result = call(&mut caller, function, args);
            let result = result.map_err(|error| wasmtime_45::Error::msg(format!("{error:#}")))?;
            if let Some(place) = results.first_mut() {
                *place = Val::I64(result);
            }
            Ok(())
        };
        linker.func_new(HOST, import.name(), ty, call)?;
    }
    Ok(())
}

fn call(caller: &mut Caller<'_, State>, function: Function, args: &[Val]) -> Result<i64> {
    let memory = caller.data().memory.context("a memory")?;
    let mut wide = [0; Function::MOST_ARGUMENTS];
    for (wide, arg) in wide.iter_mut().zip(args) {
        *wide = match arg {
            Val::I32(value) => u64::from(value.cast_unsigned()),
            Val::I64(value) => value.cast_unsigned(),
            other => anyhow::bail!("a host function has no argument like {other:?}"),
        };
    }
    let (bytes, state) = memory.data_and_store_mut(caller);
    Ok(state.host.call(function, &wide, &mut Guest(bytes))?.cast_signed())
}

/// A guest's memory.
struct Guest<'a>(&'a mut [u8]);

impl Memory for Guest<'_> {
    fn read(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        let (at, length) = (usize::try_from(at)?, usize::try_from(length)?);
        let end = at.checked_add(length).context("an address")?;
        Ok(self.0.get(at..end).context("out of the memory")?.to_vec())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let at = usize::try_from(at)?;
        let end = at.checked_add(bytes.len()).context("an address")?;
        self.0.get_mut(at..end).context("out of the memory")?.copy_from_slice(bytes);
        Ok(())
    }
}
