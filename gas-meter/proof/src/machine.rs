//! An interpreter that runs a rewritten contract and charges each reported instruction at once.

use std::collections::BTreeSet;

use gas_meter::Gas;
use host_fns::abi::{AbiType, Abort, Fault, Host, HostFn, Memory};
use wasmi::{
    Caller, Config, Engine, Error, Extern, Func, FuncType, Instance, Linker, Module, Store,
    TrapCode, Val, ValType,
};

use crate::rewrite::{MEMORY, METER, PREFIX, START};
use crate::{Prices, Space, rewrite};

/// A contract, ready to be run as often as wanted.
#[derive(Debug)]
pub struct Reference {
    module: Module,
    operators: Vec<String>,
    prices: Prices,
}

/// An execution that came to an end.
#[derive(Debug)]
pub struct Finished<H: Host> {
    /// The host with its gas, logs and effects.
    pub host: H,
    /// How the execution ended.
    pub end: End<H::Error>,
    /// Names of the operators that were executed.
    pub executed: BTreeSet<String>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End<E> {
    /// The entry returned.
    Returned,
    /// An instruction trapped.
    Trapped(Trap),
    /// A host function refused, or gas or stack ran out.
    Failed(E),
}

/// Why an instruction trapped, as NEAR tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `unreachable`
    Unreachable,
    /// A division or conversion without a result.
    Arithmetic,
    /// Outside the memory or a table.
    OutOfBounds,
    /// An indirect call of nothing.
    NullCall,
    /// An indirect call of a function of another type.
    Signature,
}

/// What the functions that a module imports work on.
struct Guest<H: Host> {
    host: H,
    prices: Prices,
    stack_left: i128,
    memory: Option<wasmi::Memory>,
    executed: Vec<bool>,
    stop: Option<Abort<H::Error>>,
}

/// Says that [`Guest::stop`] has the reason.
#[derive(Debug)]
struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl wasmi::errors::HostError for Stopped {}

impl Reference {
    /// The contract `wasm` with the injected calls.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn new(wasm: &[u8], prices: Prices, space: Space) -> anyhow::Result<Self> {
        let mut operators = Vec::new();
        let wasm = rewrite(wasm, Some(space), &mut operators)?;
        let mut config = Config::default();
        // The metered stack is to run out first.
        config.set_max_stack_height(256 << 20).set_max_recursion_depth(200_000);
        let module = Module::new(&Engine::new(&config), wasm)?;
        Ok(Reference { module, operators, prices })
    }

    /// Runs the start function, if there is one, and then the function exported as `entry`.
    ///
    /// # Errors
    /// When the contract imports what `H` does not have, when there is no such entry, and for the
    /// faults of host functions.
    pub fn run<H: Host>(&self, entry: &str, host: H) -> anyhow::Result<Finished<H>> {
        let engine = self.module.engine();
        let guest = Guest {
            host,
            prices: self.prices,
            stack_left: i128::from(self.prices.stack_bytes),
            memory: None,
            executed: vec![false; self.operators.len()],
            stop: None,
        };
        let mut store = Store::new(engine, guest);
        let linker = self.link(&mut store)?;
        let ended = self.call(&linker, &mut store, entry);
        let mut guest = store.into_data();
        let end = match (ended, guest.stop.take()) {
            (_, Some(Abort::Guest(error))) => End::Failed(error),
            (_, Some(Abort::Fault(fault))) => anyhow::bail!("a host function: {fault}"),
            (Ok(()), None) => End::Returned,
            (Err(error), None) => End::Trapped(trap(error)?),
        };
        let executed = self.operators.iter().zip(&guest.executed);
        let executed = executed.filter(|(_, done)| **done).map(|(name, _)| name.clone()).collect();
        Ok(Finished { host: guest.host, end, executed })
    }

    fn call<H: Host>(
        &self,
        linker: &Linker<Guest<H>>,
        store: &mut Store<Guest<H>>,
        entry: &str,
    ) -> Result<(), Error> {
        let instance = linker.instantiate_and_start(&mut *store, &self.module)?;
        store.data_mut().memory = instance.get_memory(&*store, MEMORY);
        for name in [START, &format!("{PREFIX}{entry}")] {
            if let Some(function) = function(instance, store, name) {
                function.call(&mut *store, &[], &mut [])?;
            } else if name != START {
                return Err(Error::new("there is no such entry"));
            }
        }
        Ok(())
    }

    fn link<H: Host>(&self, store: &mut Store<Guest<H>>) -> anyhow::Result<Linker<Guest<H>>> {
        let mut linker = Linker::new(self.module.engine());
        linker.func_wrap(METER, "step", step::<H>)?;
        linker.func_wrap(METER, "bulk", bulk::<H>)?;
        linker.func_wrap(METER, "enter", enter::<H>)?;
        linker.func_wrap(METER, "leave", leave::<H>)?;
        for import in self.module.imports().filter(|import| import.module() != METER) {
            let known = H::FUNCTIONS.iter().find(|known| {
                known.decl.module == import.module() && known.decl.name == import.name()
            });
            let Some(known) = known else { anyhow::bail!("unknown import {}", import.name()) };
            let function = host_function(store, known);
            if linker.get(&*store, import.module(), import.name()).is_none() {
                linker.define(import.module(), import.name(), Extern::Func(function))?;
            }
        }
        Ok(linker)
    }
}

impl<H: Host> Guest<H> {
    fn burn(&mut self, gas: u64) -> Result<(), Error> {
        let burnt = self.host.gas().burn(Gas::new(gas));
        burnt.map_err(|why| self.stop(Abort::Guest(H::out_of_gas(why))))
    }

    fn stop(&mut self, why: Abort<H::Error>) -> Error {
        self.stop = Some(why);
        Error::host(Stopped)
    }

    fn saw(&mut self, operator: i32) {
        let at = usize::try_from(operator).ok();
        if let Some(executed) = at.and_then(|at| self.executed.get_mut(at)) {
            *executed = true;
        }
    }
}

fn step<H: Host>(mut caller: Caller<'_, Guest<H>>, operator: i32) -> Result<(), Error> {
    let guest = caller.data_mut();
    guest.saw(operator);
    guest.burn(guest.prices.op)
}

fn bulk<H: Host>(
    mut caller: Caller<'_, Guest<H>>,
    units: i32,
    operator: i32,
) -> Result<i32, Error> {
    let guest = caller.data_mut();
    guest.saw(operator);
    let Prices { bulk_base, bulk_unit, .. } = guest.prices;
    let cost = bulk_unit.saturating_mul(u64::from(units.cast_unsigned())).saturating_add(bulk_base);
    guest.burn(cost)?;
    Ok(units)
}

fn enter<H: Host>(
    mut caller: Caller<'_, Guest<H>>,
    operands: i64,
    frame: i64,
) -> Result<(), Error> {
    let guest = caller.data_mut();
    let bytes = i128::from(operands).saturating_add(i128::from(frame));
    guest.stack_left = guest.stack_left.saturating_sub(bytes);
    if guest.stack_left < 0 {
        return Err(guest.stop(Abort::Guest(H::stack_exhausted())));
    }
    guest.burn(frame.cast_unsigned().div_ceil(8).saturating_mul(guest.prices.op))
}

fn leave<H: Host>(mut caller: Caller<'_, Guest<H>>, operands: i64, frame: i64) {
    let bytes = i128::from(operands).saturating_add(i128::from(frame));
    let guest = caller.data_mut();
    guest.stack_left = guest.stack_left.saturating_add(bytes);
}

fn function<H: Host>(instance: Instance, store: &Store<Guest<H>>, name: &str) -> Option<Func> {
    let function = instance.get_func(store, name)?;
    let ty = function.ty(store);
    (ty.params().is_empty() && ty.results().is_empty()).then_some(function)
}

/// A function of the host as the interpreter wants it.
fn host_function<H: Host>(store: &mut Store<Guest<H>>, function: &'static HostFn<H>) -> Func {
    let value_type = |ty: AbiType| match ty {
        AbiType::U32 => ValType::I32,
        AbiType::U64 => ValType::I64,
    };
    let params = function.decl.params.iter().map(|(_, ty)| value_type(*ty));
    let ty = FuncType::new(params, function.decl.result.map(value_type));
    Func::new(store, ty, move |mut caller: Caller<'_, Guest<H>>, args, results| {
        let args: Vec<u64> = args.iter().map(bits).collect();
        let memory = caller.data().memory;
        let called = match memory {
            Some(memory) => {
                let (bytes, guest) = memory.data_and_store_mut(&mut caller);
                (function.call)(&mut guest.host, &mut Memory::new(bytes), &args)
            }
            None => Err(Fault::new("there is no memory yet").into()),
        };
        match called {
            Ok(value) => {
                if let [result] = results {
                    *result = match function.decl.result {
                        Some(AbiType::U32) => Val::I32(truncated(value)),
                        _ => Val::I64(value.cast_signed()),
                    };
                }
                Ok(())
            }
            Err(why) => Err(caller.data_mut().stop(why)),
        }
    })
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(value.cast_unsigned()),
        Val::I64(value) => value.cast_unsigned(),
        _ => 0,
    }
}

fn truncated(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn trap(error: Error) -> anyhow::Result<Trap> {
    if let wasmi::errors::ErrorKind::Instantiation(
        wasmi::errors::InstantiationError::ElementSegmentDoesNotFit { .. },
    ) = error.kind()
    {
        return Ok(Trap::OutOfBounds);
    }
    Ok(match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds | TrapCode::TableOutOfBounds) => Trap::OutOfBounds,
        Some(TrapCode::IndirectCallToNull) => Trap::NullCall,
        Some(TrapCode::BadSignature) => Trap::Signature,
        Some(
            TrapCode::IntegerDivisionByZero
            | TrapCode::IntegerOverflow
            | TrapCode::BadConversionToInteger,
        ) => Trap::Arithmetic,
        _ => return Err(error.into()),
    })
}
