//! Host functions as wasmtime functions. Each shape of the table's rows has a typed shim, because
//! wasmtime's untyped calls go through a vector; a shape without one still works, only slower.

use host_fns::abi::{AbiType, Host, HostFn};
use wasmtime::{Caller, Engine, Error, FuncType, Global, Linker, Memory, Result, Val, ValType};

use crate::boundary::{Guest, Stop};

/// What host functions find in the engine: the guest's host, memory and gas.
pub(super) struct Env<H: Host> {
    pub(super) guest: Guest<H>,
    /// Set when the instance exists.
    pub(super) instance: Option<Handles>,
}

/// What a host call needs of an instance.
#[derive(Clone, Copy)]
pub(super) struct Handles {
    pub(super) memory: Memory,
    pub(super) gas: Global,
}

/// Carries "a host function ended the execution" through the engine.
#[derive(Debug, thiserror::Error)]
#[error("a host function ended the execution")]
pub(super) struct Stopped;

/// `$function` in `$linker`, for rows whose parameters are all 64 bits wide.
macro_rules! shims {
    ($linker:ident, $engine:ident, $function:ident, $arity:expr, $result:expr;
     $($count:literal => ($($arg:ident),*);)*) => {{
        let (module, name) = ($function.decl.module, $function.decl.name);
        match ($arity, $result) {
            $(
                (Some($count), None) => $linker.func_wrap(
                    module,
                    name,
                    move |caller: Caller<'_, Env<H>>, $($arg: u64),*| -> Result<()> {
                        cross(caller, $function, &[$($arg),*]).map(|_| ())
                    },
                ),
                (Some($count), Some(AbiType::U64)) => $linker.func_wrap(
                    module,
                    name,
                    move |caller: Caller<'_, Env<H>>, $($arg: u64),*| -> Result<u64> {
                        cross(caller, $function, &[$($arg),*])
                    },
                ),
            )*
            _ => untyped($linker, $engine, $function),
        }
    }};
}

/// Makes `function` known to `linker`.
pub(super) fn link<H: Host>(
    linker: &mut Linker<Env<H>>,
    engine: &Engine,
    function: &'static HostFn<H>,
) -> Result<()> {
    let params = function.decl.params;
    let arity = params.iter().all(|(_, ty)| *ty == AbiType::U64).then_some(params.len());
    let function = shims! { linker, engine, function, arity, function.decl.result;
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
    };
    function.map(|_| ())
}

fn untyped<'l, H: Host>(
    linker: &'l mut Linker<Env<H>>,
    engine: &Engine,
    function: &'static HostFn<H>,
) -> Result<&'l mut Linker<Env<H>>> {
    let decl = &function.decl;
    let params = decl.params.iter().map(|(_, ty)| value_type(*ty));
    let ty = FuncType::new(engine, params, decl.result.into_iter().map(value_type));
    let call = move |caller: Caller<'_, Env<H>>, args: &[Val], results: &mut [Val]| {
        let args: Vec<u64> = args.iter().map(widen).collect();
        let value = cross(caller, function, &args)?;
        for (place, ty) in results.iter_mut().zip(function.decl.result) {
            *place = narrow(ty, value);
        }
        Ok(())
    };
    linker.func_new(decl.module, decl.name, ty, call)
}

/// One host call.
fn cross<H: Host>(
    mut caller: Caller<'_, Env<H>>,
    function: &HostFn<H>,
    args: &[u64],
) -> Result<u64> {
    let outside = || Error::msg("a host function was called outside an execution");
    let Handles { memory, gas } = caller.data().instance.ok_or_else(outside)?;
    let remaining_gas = gas.get(&mut caller).i64().ok_or_else(outside)?;
    let (bytes, env) = memory.data_and_store_mut(&mut caller);
    match env.guest.cross(function, remaining_gas, bytes, args) {
        Ok((result, remaining_gas)) => {
            gas.set(&mut caller, Val::I64(remaining_gas))?;
            Ok(result)
        }
        Err(Stop) => Err(Error::new(Stopped)),
    }
}

fn value_type(ty: AbiType) -> ValType {
    match ty {
        AbiType::U32 => ValType::I32,
        AbiType::U64 => ValType::I64,
    }
}

fn widen(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(value.cast_unsigned()),
        Val::I64(value) => value.cast_unsigned(),
        _ => 0,
    }
}

fn narrow(ty: AbiType, value: u64) -> Val {
    match ty {
        AbiType::U32 => {
            let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default();
            Val::I32(low.cast_signed())
        }
        AbiType::U64 => Val::I64(value.cast_signed()),
    }
}
