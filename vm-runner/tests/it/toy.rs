//! A chain of a few host functions.

use std::fmt::Debug;
use std::sync::{Arc, Barrier};

use gas_meter::instrument::{FlatSchedule, FrameSizes, Limits, Prices};
use gas_meter::{Cost, CostId, CostKind, CostRow, CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{
    AbiType, Abort, Effects, Fault, Feature, FeatureSet, Host, HostFn, HostFnDecl, Memory,
};
use vm_runner::{
    CodeBytes, Failure, Finished, LoadingCosts, ModuleCache, ModuleLimits, Runner, VmConfig,
    VmFault, VmKind, WasmProposals,
};

pub(crate) const LOAD_BASE: CostId = CostId(0);
pub(crate) const LOAD_BYTE: CostId = CostId(1);
const NOTE: CostId = CostId(2);
const ATTACH: CostId = CostId(3);

/// Off in [`config`].
pub(crate) const SECRET: Feature = Feature(0);

#[derive(Clone, Debug)]
pub(crate) struct Toy {
    pub(crate) gas: GasCounter,
    /// What the guest noted.
    pub(crate) notes: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum ToyError {
    #[error("refused")]
    Refused,
    #[error("out of gas")]
    OutOfGas,
    #[error("too much gas at once")]
    OverLimit,
    #[error("stack")]
    Stack,
    #[error("memory")]
    Memory,
}

impl From<OutOfGas> for ToyError {
    fn from(why: OutOfGas) -> Self {
        match why {
            OutOfGas::Limit => ToyError::OverLimit,
            OutOfGas::Prepaid | OutOfGas::Overflow => ToyError::OutOfGas,
        }
    }
}

type Called = Result<u64, Abort<ToyError>>;

const fn decl(
    name: &'static str,
    params: &'static [(&'static str, AbiType)],
    result: Option<AbiType>,
) -> HostFnDecl {
    HostFnDecl { module: "env", group: "", name, params, result, feature: None, docs: "" }
}

impl Host for Toy {
    type Error = ToyError;
    type Checkpoint = Self;

    const FUNCTIONS: &'static [HostFn<Self>] = &[
        HostFn { decl: decl("note", &[("value", AbiType::U64)], None), call: note },
        HostFn { decl: decl("ping", &[], None), call: |toy, _, _| note_value(toy, 0) },
        HostFn { decl: decl("meet", &[], None), call: |_, _, _| Ok(meet()) },
        HostFn { decl: decl("refuse", &[], Some(AbiType::U64)), call: refuse },
        HostFn { decl: decl("break", &[], None), call: |_, _, _| Err(Fault::new("broken").into()) },
        HostFn { decl: decl("bug", &[], None), call: |_, _, _| panic!("a bug of the host") },
        HostFn { decl: decl("left", &[], Some(AbiType::U64)), call: |toy, _, _| Ok(toy.left()) },
        HostFn { decl: decl("attach", &[("gas", AbiType::U64)], None), call: attach },
        HostFn {
            decl: decl("sum32", &[("a", AbiType::U32), ("b", AbiType::U32)], Some(AbiType::U32)),
            call: |_, _, args| Ok(args.iter().fold(0, |sum: u64, arg| sum.wrapping_add(*arg))),
        },
        HostFn {
            decl: decl("load", &[("ptr", AbiType::U64), ("len", AbiType::U64)], Some(AbiType::U64)),
            call: load,
        },
        HostFn {
            decl: HostFnDecl { feature: Some(SECRET), ..decl("secret", &[], None) },
            call: |toy, _, _| note_value(toy, 42),
        },
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
        vec![("notes", self.notes.iter().flat_map(|note| note.to_le_bytes()).collect())]
    }

    fn out_of_gas(why: OutOfGas) -> ToyError {
        why.into()
    }

    fn stack_exhausted() -> ToyError {
        ToyError::Stack
    }
}

fn guest(why: impl Into<ToyError>) -> Abort<ToyError> {
    Abort::Guest(why.into())
}

fn note(toy: &mut Toy, _: &mut Memory<'_>, args: &[u64]) -> Called {
    note_value(toy, args[0])
}

fn note_value(toy: &mut Toy, value: u64) -> Called {
    toy.gas.pay(NOTE).map_err(guest)?;
    toy.notes.push(value);
    Ok(0)
}

/// So many executions call `meet` before one of them goes on.
pub(crate) const MEETING: usize = 100;

fn meet() -> u64 {
    static MEETING_POINT: Barrier = Barrier::new(MEETING);
    MEETING_POINT.wait();
    0
}

fn refuse(_: &mut Toy, _: &mut Memory<'_>, _: &[u64]) -> Called {
    Err(guest(ToyError::Refused))
}

impl Toy {
    fn left(&self) -> u64 {
        self.gas.remaining().units()
    }
}

fn attach(toy: &mut Toy, _: &mut Memory<'_>, args: &[u64]) -> Called {
    toy.gas.reserve(Gas::new(args[0])).map_err(guest)?;
    Ok(0)
}

/// The sum of the bytes.
fn load(_: &mut Toy, memory: &mut Memory<'_>, args: &[u64]) -> Called {
    let bytes = memory.read(args[0], args[1]).map_err(|_| guest(ToyError::Memory))?;
    Ok(bytes.iter().map(|byte| u64::from(*byte)).sum())
}

/// Prices: an instruction costs 1, so that a test can count.
pub(crate) fn config() -> VmConfig {
    VmConfig {
        limits: ModuleLimits {
            initial_memory_pages: 4,
            max_memory_pages: 8,
            functions: Some(100),
            locals: Some(10_000),
            bytes_per_local: None,
            types: Some(20),
            globals: Some(20),
            tables: Some(1),
            table_elements: Some(100),
            function_body_bytes: Some(10_000),
            instrumented_bytes: Some(100_000),
            metering: Limits {
                stack_bytes: 262_144,
                blocks_per_function: Some(200),
                blocks_per_module: Some(300),
                params_per_function: Some(10),
                params_per_module: Some(50),
                operand_stack_bytes_per_function: Some(1024),
            },
        },
        wasm: WasmProposals::ReferenceTypesAndBulkMemory,
        import_module: "env",
        prices: prices(1),
        host_features: FeatureSet::NONE,
        loading: None,
    }
}

/// The prices of the toy chain, where an operator costs `regular_op`.
pub(crate) fn prices(regular_op: u32) -> Prices {
    let frame = FrameSizes { activation: 64, word32: 4, word64: 8, reference: 8 };
    Prices::new(&FlatSchedule { regular_op, linear_base: 100, linear_unit: 10, frame })
        .expect("small prices")
}

fn costs() -> Arc<CostTable> {
    let row = |id, name, gas| CostRow {
        id,
        name,
        kind: CostKind::Host,
        cost: Cost::of_gas(Gas::new(gas)),
    };
    Arc::new(CostTable::new([
        row(LOAD_BASE, "LOAD_BASE", 1_000),
        row(LOAD_BYTE, "LOAD_BYTE", 2),
        row(NOTE, "NOTE", 50),
        row(ATTACH, "ATTACH", 0),
    ]))
}

pub(crate) fn with_loading() -> VmConfig {
    let loading = Some(LoadingCosts { base: LOAD_BASE, byte: LOAD_BYTE });
    VmConfig { loading, ..config() }
}

pub(crate) fn toy(prepaid: u64) -> Toy {
    let gas = GasCounter::new(costs(), Gas::new(prepaid), Gas::new(1_000_000_000_000));
    Toy { gas, notes: Vec::new() }
}

/// A runner on each engine.
pub(crate) fn runners(config: &VmConfig) -> impl Iterator<Item = Runner<Toy>> {
    VmKind::ALL.iter().map(|vm| runner_on(*vm, config.clone()))
}

pub(crate) fn runner_on(vm: VmKind, config: VmConfig) -> Runner<Toy> {
    Runner::new(vm.vm(), Arc::new(ModuleCache::new(64 << 20)), Arc::new(config))
}

pub(crate) fn code(wat: &str) -> CodeBytes {
    CodeBytes::new(wat::parse_str(wat).unwrap())
}

/// Runs `main` of the module with more gas than it needs.
pub(crate) fn run(wat: &str) -> Finished<Toy> {
    run_with(&config(), wat, "main", 1_000_000_000)
}

/// Runs a module on every engine; they have to agree.
pub(crate) fn run_with(config: &VmConfig, wat: &str, entry: &str, prepaid: u64) -> Finished<Toy> {
    run_code(config, &code(wat), entry, prepaid)
}

pub(crate) fn run_code(
    config: &VmConfig,
    code: &CodeBytes,
    entry: &str,
    prepaid: u64,
) -> Finished<Toy> {
    same(|vm| {
        let finished = run_on(vm, config, code, entry, prepaid);
        let Toy { gas, notes } = &finished.host;
        let told = (finished.end.clone(), notes.clone(), gas.burnt(), gas.remaining());
        (finished, told)
    })
}

pub(crate) fn run_on(
    vm: VmKind,
    config: &VmConfig,
    code: &CodeBytes,
    entry: &str,
    prepaid: u64,
) -> Finished<Toy> {
    runner_on(vm, config.clone()).run(code, entry, toy(prepaid)).unwrap()
}

/// What `run` gives, with what of it must be the same on every engine.
fn same<T, U: PartialEq + Debug>(run: impl Fn(VmKind) -> (T, U)) -> T {
    let mut runs = VmKind::ALL.iter().map(|vm| (vm, run(*vm)));
    let (first, (result, expected)) = runs.next().expect("the tests have an engine");
    for (vm, (_, told)) in runs {
        assert_eq!(told, expected, "{vm} and {first}");
    }
    result
}

pub(crate) fn end(wat: &str) -> Result<(), Failure<ToyError>> {
    run(wat).end
}

/// The fault of each engine, which may word it differently.
pub(crate) fn fault(wat: &str, is_right: impl Fn(&VmFault) -> bool) {
    for vm in VmKind::ALL {
        let fault = runner_on(*vm, config()).run(&code(wat), "main", toy(1_000_000)).unwrap_err();
        assert!(is_right(&fault), "{vm}: {fault:?}");
    }
}
