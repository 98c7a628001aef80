//! wasmtime with its two compilers.

use anyhow::{Context, Result, anyhow};
use wasmtime::{Config, Global, Linker, Module, OptLevel, Store, Strategy, TypedFunc, Val};

use crate::engine::{Engine, Instance, PLENTY};
use crate::ours;
use crate::schemes::Charging;

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

    fn load(&self, wasm: &[u8], charging: Charging) -> Result<Option<Box<dyn Instance>>> {
        let loaded = Loaded::new(self.strategy, wasm, charging).map_err(flatten)?;
        Ok(Some(Box::new(loaded)))
    }
}

/// wasmtime's errors are of a type of their own.
#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` asks for")]
fn flatten(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

struct Loaded {
    store: Store<()>,
    run: TypedFunc<i32, i32>,
    gas: Option<Global>,
}

impl Loaded {
    fn new(strategy: Strategy, wasm: &[u8], charging: Charging) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.strategy(strategy).cranelift_opt_level(OptLevel::Speed);
        // near-vm-runner's rewriting needs it.
        config.wasm_wide_arithmetic(true);
        let engine = wasmtime::Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &module)?;
        let mut set = |name: &str| -> wasmtime::Result<Option<Global>> {
            let global = instance.get_global(&mut store, name);
            if let Some(global) = global {
                global.set(&mut store, Val::I64(PLENTY))?;
            }
            Ok(global)
        };
        let gas = if charging == Charging::Module { set(ours::REMAINING_GAS)? } else { None };
        set(ours::REMAINING_STACK)?;
        let run = instance.get_typed_func(&mut store, "run")?;
        Ok(Loaded { store, run, gas })
    }
}

impl Instance for Loaded {
    fn run(&mut self, argument: i32) -> Result<i32> {
        self.run.call(&mut self.store, argument).map_err(flatten)
    }

    fn used(&mut self) -> Result<i64> {
        let gas = self.gas.context("nothing is charged")?;
        let left = gas.get(&mut self.store).i64().context("gas is an i64")?;
        Ok(PLENTY - left)
    }
}
