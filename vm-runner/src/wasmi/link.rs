//! Host functions as wasmi functions. Each shape of the table's rows has a typed shim, because
//! wasmi's untyped calls box their arguments; a shape without one still works, only slower.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use host_fns::abi::{AbiType, Host, HostFn};
use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, FuncType, Global, Linker, Memory, Val, ValType};

use crate::VmFault;
use crate::boundary::{Guest, Stop};

/// What host functions find in the store: the guest's host, memory and gas.
pub(super) struct Env<H: Host> {
    pub(super) guest: Guest<H>,
    /// Set when the instance exists.
    pub(super) instance: Option<Handles>,
    /// What a host function panicked with: wasmi's frames are not to be unwound.
    pub(super) panic: Option<Box<dyn Any + Send>>,
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

impl wasmi::errors::HostError for Stopped {}

/// Defines `$function`, whose parameters are all 64 bits wide.
macro_rules! shims {
    ($linker:ident, $function:ident, $arity:expr;
     $($count:literal => ($($arg:ident),*);)*) => {
        match ($arity, $function.decl.result) {
            $(
                (Some($count), None) => $linker.func_wrap(
                    $function.decl.module,
                    $function.decl.name,
                    move |caller: Caller<'_, Env<H>>, $($arg: u64),*| -> Result<(), Error> {
                        cross(caller, $function, &[$($arg),*]).map(|_| ())
                    },
                ),
                (Some($count), Some(AbiType::U64)) => $linker.func_wrap(
                    $function.decl.module,
                    $function.decl.name,
                    move |caller: Caller<'_, Env<H>>, $($arg: u64),*| -> Result<u64, Error> {
                        cross(caller, $function, &[$($arg),*])
                    },
                ),
            )*
            _ => untyped($linker, $function),
        }
    };
}

/// Defines `function` for the modules that are linked with `linker`.
pub(super) fn link<H: Host>(
    linker: &mut Linker<Env<H>>,
    function: &'static HostFn<H>,
) -> Result<(), VmFault> {
    let params = function.decl.params;
    let arity = params.iter().all(|(_, ty)| *ty == AbiType::U64).then_some(params.len());
    let defined = shims! { linker, function, arity;
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
    defined.map(|_| ()).map_err(|error| VmFault::Engine(error.to_string()))
}

fn untyped<'l, H: Host>(
    linker: &'l mut Linker<Env<H>>,
    function: &'static HostFn<H>,
) -> Result<&'l mut Linker<Env<H>>, LinkerError> {
    let decl = &function.decl;
    let params = decl.params.iter().map(|(_, ty)| value_type(*ty));
    let ty = FuncType::new(params, decl.result.map(value_type));
    linker.func_new(decl.module, decl.name, ty, move |caller, args, results| {
        let args: Vec<u64> = args.iter().map(widen).collect();
        let value = cross(caller, function, &args)?;
        if let ([result], Some(ty)) = (results, function.decl.result) {
            *result = narrow(ty, value);
        }
        Ok(())
    })
}

/// One host call.
fn cross<H: Host>(
    mut caller: Caller<'_, Env<H>>,
    function: &HostFn<H>,
    args: &[u64],
) -> Result<u64, Error> {
    let Some(Handles { memory, gas }) = caller.data().instance else {
        return Err(Error::new("a host function was called outside an execution"));
    };
    let Val::I64(remaining_gas) = gas.get(&caller) else {
        return Err(Error::new("the gas global has a wrong type"));
    };
    let (memory, env) = memory.data_and_store_mut(&mut caller);
    let guest = &mut env.guest;
    let crossed =
        catch_unwind(AssertUnwindSafe(|| guest.cross(function, remaining_gas, memory, args)));
    match crossed {
        Ok(Ok((result, remaining_gas))) => {
            gas.set(&mut caller, Val::I64(remaining_gas))?;
            Ok(result)
        }
        Ok(Err(Stop)) => Err(Error::host(Stopped)),
        Err(panic) => {
            env.panic = Some(panic);
            Err(Error::host(Stopped))
        }
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
