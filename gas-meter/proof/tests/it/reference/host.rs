//! A chain of a few host functions that remember when they were called.

use std::sync::Arc;

use gas_meter::{Cost, CostId, CostKind, CostRow, CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{self, AbiType, Abort, Effects, HostFn, HostFnDecl, Memory};
use vm_runner::{ImportedFunction, Signature, ValueType};

const CALL: CostId = CostId(0);

/// The price of a call.
const CALL_GAS: u64 = 5_003;

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) gas: GasCounter,
    /// What the guest gave, and what had been burnt then.
    pub(super) calls: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum HostError {
    #[error("refused")]
    Refused,
    #[error("out of gas")]
    OutOfGas,
    #[error("the stack is exhausted")]
    Stack,
    #[error("outside the memory")]
    Memory,
}

type Called = Result<u64, Abort<HostError>>;

const fn decl(
    name: &'static str,
    params: &'static [(&'static str, AbiType)],
    result: Option<AbiType>,
) -> HostFnDecl {
    HostFnDecl { module: "env", group: "", name, params, result, feature: None, docs: "" }
}

const BYTES: &[(&str, AbiType)] = &[("len", AbiType::U64), ("ptr", AbiType::U64)];

/// The functions, as a module's text imports them.
pub(super) const IMPORTS: &str = r#"
    (import "env" "note" (func $note (param i64)))
    (import "env" "burnt" (func $burnt (result i64)))
    (import "env" "mix" (func $mix (param i32 i64) (result i32)))
    (import "env" "sum" (func $sum (param i64 i64) (result i64)))
    (import "env" "refuse" (func $refuse (param i32)))"#;

impl abi::Host for Host {
    type Error = HostError;
    type Checkpoint = Self;

    const FUNCTIONS: &'static [HostFn<Self>] = &[
        HostFn {
            decl: decl("note", &[("value", AbiType::U64)], None),
            call: |host, _, args| host.paid(args[0]),
        },
        HostFn {
            decl: decl("burnt", &[], Some(AbiType::U64)),
            call: |host, _, _| {
                host.paid(0)?;
                Ok(host.gas.burnt().units())
            },
        },
        HostFn {
            decl: decl("mix", &[("a", AbiType::U32), ("b", AbiType::U64)], Some(AbiType::U32)),
            call: |host, _, args| host.paid(args[0].wrapping_mul(31).wrapping_add(args[1])),
        },
        HostFn {
            decl: decl("sum", &[("ptr", AbiType::U64), ("len", AbiType::U64)], Some(AbiType::U64)),
            call: sum,
        },
        // By the names that the fixtures know: length and place.
        HostFn { decl: decl("value_return", BYTES, None), call: said },
        HostFn { decl: decl("log_utf8", BYTES, None), call: said },
        HostFn { decl: decl("refuse", &[("unless", AbiType::U32)], None), call: refuse },
    ];

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.gas
    }

    fn checkpoint(&self) -> Self {
        self.clone()
    }

    fn revert_to(&mut self, at: Self) {
        *self = at;
    }

    fn effects(&self) -> Vec<Effects> {
        let words = self.calls.iter().flat_map(|(value, burnt)| [value, burnt]);
        vec![("calls", words.flat_map(|word| word.to_le_bytes()).collect())]
    }

    fn out_of_gas(_: OutOfGas) -> HostError {
        HostError::OutOfGas
    }

    fn stack_exhausted() -> HostError {
        HostError::Stack
    }
}

impl Host {
    /// Writes the call down, pays for it, and gives `value` back.
    fn paid(&mut self, value: u64) -> Called {
        self.calls.push((value, self.gas.burnt().units()));
        self.gas.pay(CALL).map_err(|_| Abort::Guest(HostError::OutOfGas))?;
        Ok(value)
    }
}

/// The sum of some bytes.
fn sum(host: &mut Host, memory: &mut Memory<'_>, args: &[u64]) -> Called {
    let bytes = memory.read(args[0], args[1]).map_err(|_| Abort::Guest(HostError::Memory))?;
    let sum = bytes.iter().map(|byte| u64::from(*byte)).sum();
    host.paid(sum)
}

/// What a fixture says is not compared: the bits of a NaN are the engine's choice until they are
/// computed with.
fn said(host: &mut Host, memory: &mut Memory<'_>, args: &[u64]) -> Called {
    memory.read(args[1], args[0]).map_err(|_| Abort::Guest(HostError::Memory))?;
    host.paid(args[0])
}

fn refuse(host: &mut Host, _: &mut Memory<'_>, args: &[u64]) -> Called {
    host.paid(args[0])?;
    if args[0].is_multiple_of(4) { Err(Abort::Guest(HostError::Refused)) } else { Ok(0) }
}

/// Whether there is such a function.
pub(super) fn has(import: &ImportedFunction) -> bool {
    let value_type = |ty| match ty {
        AbiType::U32 => ValueType::I32,
        AbiType::U64 => ValueType::I64,
    };
    <Host as abi::Host>::FUNCTIONS.iter().any(|HostFn { decl, .. }| {
        let params = decl.params.iter().map(|(_, ty)| value_type(*ty)).collect();
        let results = decl.result.into_iter().map(value_type).collect();
        decl.name == import.name && import.signature == Signature { params, results }
    })
}

/// A host with so much gas.
pub(super) fn host(gas: u64) -> Host {
    let cost = Cost::of_gas(Gas::new(CALL_GAS));
    let row = CostRow { id: CALL, name: "CALL", kind: CostKind::Host, cost };
    let costs = Arc::new(CostTable::new([row]));
    Host { gas: GasCounter::new(costs, Gas::new(gas), Gas::new(u64::MAX)), calls: Vec::new() }
}
