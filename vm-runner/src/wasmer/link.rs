//! Host functions as wasmer functions. Each shape of the table's rows has a typed shim, because
//! wasmer's untyped calls box their arguments; a shape without one still works, only slower.

use host_fns::abi::{AbiType, Host, HostFn};
use wasmer::{
    Function, FunctionEnv, FunctionEnvMut, FunctionType, RuntimeError, Store, Type, Value,
};

use super::raw::{RawGlobal, RawMemory};
use crate::boundary::{Guest, Stop};

/// What host functions find in the engine: the guest's host, memory and gas.
pub(super) struct Env<H: Host> {
    /// Taken out at the end of the execution.
    pub(super) guest: Option<Guest<H>>,
    /// Set when the instance exists.
    pub(super) instance: Option<Handles>,
}

/// What a host call needs of an instance.
pub(super) struct Handles {
    pub(super) memory: RawMemory,
    pub(super) gas: RawGlobal,
}

/// Carries "a host function ended the execution" through the engine.
#[derive(Debug, thiserror::Error)]
#[error("a host function ended the execution")]
pub(super) struct Stopped;

/// `$function` with `$env`, for rows whose parameters are all 64 bits wide.
macro_rules! shims {
    ($store:ident, $env:ident, $function:ident, $arity:expr, $result:expr;
     $($count:literal => ($($arg:ident),*);)*) => {
        match ($arity, $result) {
            $(
                (Some($count), None) => Function::new_typed_with_env(
                    $store,
                    $env,
                    move |env: FunctionEnvMut<'_, Env<H>>, $($arg: u64),*| -> Result<(), RuntimeError> {
                        cross(env, $function, &[$($arg),*]).map(|_| ())
                    },
                ),
                (Some($count), Some(AbiType::U64)) => Function::new_typed_with_env(
                    $store,
                    $env,
                    move |env: FunctionEnvMut<'_, Env<H>>, $($arg: u64),*| -> Result<u64, RuntimeError> {
                        cross(env, $function, &[$($arg),*])
                    },
                ),
            )*
            _ => untyped($store, $env, $function),
        }
    };
}

/// `function` for the modules in `store`.
pub(super) fn link<H: Host>(
    store: &mut Store,
    env: &FunctionEnv<Env<H>>,
    function: &'static HostFn<H>,
) -> Function {
    let params = function.decl.params;
    let arity = params.iter().all(|(_, ty)| *ty == AbiType::U64).then_some(params.len());
    shims! { store, env, function, arity, function.decl.result;
        0 => ();
        1 => (a);
        2 => (a, b);
        3 => (a, b, c);
        4 => (a, b, c, d);
        5 => (a, b, c, d, e);
        6 => (a, b, c, d, e, f);
        7 => (a, b, c, d, e, f, g);
        8 => (a, b, c, d, e, f, g, h);
        9 => (a, b, c, d, e, f, g, h, i);
    }
}

fn untyped<H: Host>(
    store: &mut Store,
    env: &FunctionEnv<Env<H>>,
    function: &'static HostFn<H>,
) -> Function {
    let decl = &function.decl;
    let params: Vec<Type> = decl.params.iter().map(|(_, ty)| value_type(*ty)).collect();
    let results: Vec<Type> = decl.result.into_iter().map(value_type).collect();
    let call = move |env: FunctionEnvMut<'_, Env<H>>, args: &[Value]| {
        let args: Vec<u64> = args.iter().map(widen).collect();
        let result = cross(env, function, &args)?;
        Ok(function.decl.result.into_iter().map(|ty| narrow(ty, result)).collect())
    };
    Function::new_with_env(store, env, FunctionType::new(params, results), call)
}

/// One host call.
fn cross<H: Host>(
    mut env: FunctionEnvMut<'_, Env<H>>,
    function: &HostFn<H>,
    args: &[u64],
) -> Result<u64, RuntimeError> {
    let (data, mut store) = env.data_and_store_mut();
    let Env { guest: Some(guest), instance: Some(Handles { memory, gas }) } = data else {
        return Err(RuntimeError::new("a host function was called outside an execution"));
    };
    let remaining_gas = gas.get(&mut store);
    match guest.cross(function, remaining_gas, memory.bytes(&mut store), args) {
        Ok((result, remaining_gas)) => {
            gas.set(&mut store, remaining_gas);
            Ok(result)
        }
        Err(Stop) => Err(RuntimeError::user(Box::new(Stopped))),
    }
}

fn value_type(ty: AbiType) -> Type {
    match ty {
        AbiType::U32 => Type::I32,
        AbiType::U64 => Type::I64,
    }
}

fn widen(value: &Value) -> u64 {
    match value {
        Value::I32(value) => u64::from(value.cast_unsigned()),
        Value::I64(value) => value.cast_unsigned(),
        _ => 0,
    }
}

fn narrow(ty: AbiType, value: u64) -> Value {
    match ty {
        AbiType::U32 => {
            let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default();
            Value::I32(low.cast_signed())
        }
        AbiType::U64 => Value::I64(value.cast_signed()),
    }
}
