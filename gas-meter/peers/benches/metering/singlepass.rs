//! wasmer with the singlepass compiler, set up as `vm-runner` does it.

use anyhow::{Context, Result};
use wasmer::{EngineBuilder, Global, Imports, Module, Store, TypedFunction, Value};

use crate::engine::{Engine, Instance, PLENTY};
use crate::ours;
use crate::schemes::Charging;

/// The engine.
pub(crate) struct Singlepass;

impl Engine for Singlepass {
    fn name(&self) -> &'static str {
        "wasmer singlepass"
    }

    fn load(&self, wasm: &[u8], charging: Charging) -> Result<Option<Box<dyn Instance>>> {
        // Names the engine of the product, which brings a symbol that wasmer links against.
        let _ = vm_runner::wasmer::WasmerVm::new();
        let mut compiler = wasmer::Singlepass::new();
        compiler.canonicalize_nans(true);
        let mut store = Store::new(EngineBuilder::new(compiler));
        let module = Module::new(&store, wasm)?;
        let instance = wasmer::Instance::new(&mut store, &module, &Imports::new())?;
        let gas = match charging {
            Charging::Nobody => None,
            Charging::Module => {
                let gas = instance.exports.get_global(ours::REMAINING_GAS)?.clone();
                gas.set(&mut store, Value::I64(PLENTY))?;
                Some(gas)
            }
        };
        if let Ok(stack) = instance.exports.get_global(ours::REMAINING_STACK) {
            stack.set(&mut store, Value::I64(PLENTY))?;
        }
        let run = instance.exports.get_typed_function(&store, "run")?;
        Ok(Some(Box::new(Loaded { store, run, gas })))
    }
}

struct Loaded {
    store: Store,
    run: TypedFunction<i32, i32>,
    gas: Option<Global>,
}

impl Instance for Loaded {
    fn run(&mut self, argument: i32) -> Result<i32> {
        Ok(self.run.call(&mut self.store, argument)?)
    }

    fn used(&mut self) -> Result<i64> {
        let gas = self.gas.as_ref().context("nothing is charged")?;
        let left = gas.get(&mut self.store).i64().context("gas is an i64")?;
        Ok(PLENTY - left)
    }
}
