//! What depends on the engine: instructions by class, the way into a host function and back, and
//! what it takes to get a module ready.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use gas_meter::instrument::Form;
use gas_meter::{CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{AbiType, Host, HostFn, HostFnDecl};
use vm_runner::{CodeBytes, DiskStore, ModuleCache, Runner, VmConfig, VmKind, prepare};

use super::Bed;
use crate::case::{Case, Prepared, Size, Units, units};

const OP: &str = "wasm_regular_op_cost";

/// Instructions of a class: what a round of the loop does, what stands before the loop's function,
/// and how many instructions a round has besides the loop's own.
const CLASSES: &[(&str, &str, &str)] = &[
    (
        "integer",
        "(local.set $a (i64.add (i64.mul (local.get $a) (i64.const 6364136223846793005)) (local.get $b)))
         (local.set $b (i64.xor (i64.shl (local.get $b) (i64.const 7)) (i64.shr_u (local.get $a) (i64.const 9))))
         (local.set $a (i64.rotl (i64.sub (local.get $a) (local.get $b)) (i64.const 11)))",
        "",
    ),
    (
        "division",
        "(local.set $a (i64.add (i64.div_u (local.get $b) (i64.or (local.get $a) (i64.const 1))) (i64.const 12345)))
         (local.set $b (i64.add (i64.rem_u (local.get $a) (i64.const 1000003)) (i64.const 123456789)))",
        "",
    ),
    (
        "float",
        "(local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.99)) (f64.const 1.25)))
         (local.set $x (f64.sqrt (f64.abs (f64.sub (local.get $x) (f64.const 0.5)))))",
        "",
    ),
    (
        "memory",
        "(i64.store (i32.and (local.get $left) (i32.const 0xfff8)) (local.get $a))
         (local.set $a (i64.load (i32.and (i32.mul (local.get $left) (i32.const 40)) (i32.const 0xfff8))))
         (i32.store8 (i32.and (local.get $left) (i32.const 0xffff)) (local.get $left))",
        "",
    ),
    (
        "branch",
        "(block $out (br_if $out (i32.and (local.get $left) (i32.const 1)))
           (block $in (br_table $in $out (i32.and (local.get $left) (i32.const 2)))))
         (if (i32.and (local.get $left) (i32.const 4)) (then (nop)) (else (nop)))",
        "",
    ),
    ("call", "(call $leaf) (call $leaf) (call $leaf)", "(func $leaf)"),
    (
        "indirect call",
        "(call_indirect (type $none) (i32.const 0)) (call_indirect (type $none) (i32.const 1))",
        "(type $none (func)) (table 2 funcref) (elem (i32.const 0) $leaf $other)
         (func $leaf) (func $other)",
    ),
    (
        "global",
        "(global.set $g (i64.add (global.get $g) (i64.const 1)))
         (global.set $g (i64.xor (global.get $g) (i64.const 77)))",
        "(global $g (mut i64) (i64.const 0))",
    ),
];

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let mut cases: Vec<Case> = CLASSES
        .iter()
        .map(|(class, round, before)| {
            let lab = Lab::new(bed);
            let cost = format!("{OP}/{}", class.replace(' ', "_"));
            let name = format!("wasm: {class}");
            let price = cost.clone();
            Case::new(name, &[&cost], rounds(&[1_000, 3_000, 9_000, 20_000]), move |size| {
                let code = looped(size.calls, round, before)?;
                let gas = lab.burnt(&code)?;
                let ops = gas / lab.op_gas;
                lab.run(code, units(&[(&price, ops)]))
            })
        })
        .collect();
    let lab = Lab::new(bed);
    cases.push(
        Case::new("wasm: host call", &["wasm_base"], rounds(&[500, 2_000, 5_000]), move |size| {
            let import = r#"(import "env" "nothing" (func $nothing (result i64)))"#;
            let code = looped(size.calls, "(drop (call $nothing))", import)?;
            let ops = lab.burnt(&code)? / lab.op_gas;
            lab.run(
                code,
                units(&[("wasm_base", size.calls), ("wasm_regular_op_cost/integer", ops)]),
            )
        })
        .minus(&["wasm_regular_op_cost/integer"]),
    );
    cases.extend(bulk(bed));
    cases.extend(modules(bed));
    cases
}

fn rounds(calls: &[u64]) -> Vec<Size> {
    calls.iter().map(|calls| Size { calls: *calls, each: 0 }).collect()
}

/// A module whose function does `round` as often as it is told.
fn looped(rounds: u64, round: &str, before: &str) -> anyhow::Result<CodeBytes> {
    let text = format!(
        r#"(module {before} (memory 1) (func (export "run")
            (local $left i32) (local $a i64) (local $b i64) (local $x f64)
            (local.set $left (i32.const {rounds}))
            (local.set $b (i64.const 0x9e3779b97f4a7c15))
            (loop $again {round}
              (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#
    );
    Ok(CodeBytes::new(wat::parse_str(text)?))
}

/// Operations on many bytes at once, and growing memory.
fn bulk(bed: &Bed) -> Vec<Case> {
    const BASE: &str = "wasm_linear_op_base_cost";
    const UNIT: &str = "wasm_linear_op_unit_cost";
    let operations = [
        ("fill", "(memory.fill (i32.const 0) (i32.const 7) (i32.const SIZE))"),
        ("copy", "(memory.copy (i32.const 8) (i32.const 1048576) (i32.const SIZE))"),
    ];
    let mut cases: Vec<Case> = operations
        .into_iter()
        .map(|(name, operation)| {
            let lab = Lab::new(bed);
            let (base, unit) = (format!("{BASE}/{name}"), format!("{UNIT}/{name}"));
            let sizes = [200, 800]
                .iter()
                .flat_map(|calls| [64, 2_048, 16_384].map(|each| Size { calls: *calls, each }));
            let prices = [base.clone(), unit.clone()];
            let prices = [prices[0].as_str(), prices[1].as_str()];
            Case::new(format!("wasm: memory.{name}"), &prices, sizes.collect(), move |size| {
                let round = operation.replace("SIZE", &size.each.to_string());
                let code = looped(size.calls, &round, "")?;
                lab.run(code, units(&[(&base, size.calls), (&unit, size.calls * size.each)]))
            })
        })
        .collect();
    let lab = Lab::new(bed);
    cases.push(Case::new(
        "wasm: memory.grow",
        &["wasm_linear_op_base_cost/grow"],
        rounds(&[50, 200, 800]),
        move |size| {
            let code = looped(size.calls, "(drop (memory.grow (i32.const 1)))", "")?;
            lab.run(code, units(&[("wasm_linear_op_base_cost/grow", size.calls)]))
        },
    ));
    cases
}

/// Getting a module ready: by its size in bytes, and what there is of each part.
fn modules(bed: &Bed) -> Vec<Case> {
    let mut cases = Vec::new();
    for (step, what) in [
        ("prepare", Step::Prepare),
        ("compile", Step::Compile),
        ("load", Step::Load),
        ("instantiate", Step::Instantiate),
    ] {
        let lab = Lab::new(bed);
        let prefix = match what {
            Step::Load => "wasm_contract_loading".to_owned(),
            Step::Prepare | Step::Compile | Step::Instantiate => format!("contract_{step}"),
        };
        // An instance is made without a look at the code.
        let parts = match what {
            Step::Instantiate => &PARTS[..PARTS.len() - 1],
            Step::Prepare | Step::Compile | Step::Load => PARTS,
        };
        let costs: Vec<String> = parts.iter().map(|part| format!("{prefix}_{part}")).collect();
        let owned = costs.clone();
        let names: Vec<&str> = owned.iter().map(String::as_str).collect();
        let sizes: Vec<Size> =
            (0..crate::count(SHAPES.len())).map(|each| Size { calls: 1, each }).collect();
        let case = format!("module: {step}");
        cases.push(Case::new(case, &names, sizes, move |size| {
            let shape = SHAPES.get(usize::try_from(size.each)?).context("a shape")?;
            let wasm = module(shape)?;
            // All that grows with the code: a module of the same functions and nothing else.
            let code = module(&Shape { segments: 0, globals: 0, ..*shape })?.len();
            let data = shape.segments * shape.segment_bytes;
            let counts =
                [1, shape.functions, shape.segments, shape.globals, data, crate::count(code)];
            let worth: Vec<(&str, u64)> = costs.iter().map(String::as_str).zip(counts).collect();
            lab.module(what, wasm, units(&worth))
        }));
    }
    cases
}

#[derive(Clone, Copy)]
enum Step {
    Prepare,
    Compile,
    /// From a file to the end of the first call.
    Load,
    /// The same without the file.
    Instantiate,
}

/// What a module is priced by.
const PARTS: &[&str] = &["base", "function", "data_segment", "global", "bytes/data", "bytes/code"];

/// What a module consists of.
#[derive(Clone, Copy)]
struct Shape {
    functions: u64,
    /// Instructions of each function, by tens.
    body: u64,
    segments: u64,
    segment_bytes: u64,
    globals: u64,
}

/// Next to nothing, beside which each part shows.
const LEAST: Shape = Shape { functions: 1, body: 1, segments: 0, segment_bytes: 0, globals: 0 };

const SHAPES: &[Shape] = &[
    LEAST,
    Shape { functions: 200, ..LEAST },
    Shape { functions: 500, ..LEAST },
    Shape { functions: 20, body: 30, ..LEAST },
    Shape { functions: 20, body: 100, ..LEAST },
    Shape { segments: 400, segment_bytes: 16, ..LEAST },
    Shape { segments: 800, segment_bytes: 16, ..LEAST },
    Shape { segments: 20, segment_bytes: 30_000, ..LEAST },
    Shape { globals: 400, ..LEAST },
    Shape { globals: 800, ..LEAST },
];

fn module(shape: &Shape) -> anyhow::Result<Vec<u8>> {
    let bytes = "0123456789abcdef".chars().cycle();
    let bytes: String = bytes.take(usize::try_from(shape.segment_bytes)?).collect();
    let data =
        |segment: u64| format!("(data (i32.const {}) \"{bytes}\")", segment * shape.segment_bytes);
    let global = |global: u64| format!("(global (mut i64) (i64.const {global}))");
    let step = |number: u64| {
        format!(
            "(local.set 0 (i64.add (i64.mul (local.get 0) (i64.const {number})) (i64.const 7)))
             (if (i64.eqz (local.get 0)) (then (local.set 0 (i64.const {number}))))"
        )
    };
    let function = |function: u64| {
        let steps: String = (0..shape.body).map(|at| step(function + at)).collect();
        format!("(func (param i64) (result i64) {steps} (local.get 0))")
    };
    let pages = (shape.segments * shape.segment_bytes).div_ceil(65_536).max(1);
    let mut text = format!("(module (memory {pages})");
    text.extend((0..shape.segments).map(data));
    text.extend((0..shape.globals).map(global));
    text.extend((0..shape.functions).map(function));
    text.push_str(r#"(func (export "run")))"#);
    Ok(wat::parse_str(text)?)
}

/// An engine and the chain's configuration.
#[derive(Clone, Debug)]
struct Lab {
    vm: VmKind,
    config: Arc<VmConfig>,
    op_gas: u64,
}

impl Lab {
    fn new(bed: &Bed) -> Self {
        // What loading costs is not for the counter here.
        let config = VmConfig { loading: None, ..VmConfig::clone(bed.near.vm()) };
        let op_gas = bed.near.host().regular_op_gas;
        Lab { vm: bed.vm, config: Arc::new(config), op_gas }
    }

    fn runner(&self) -> Runner<Bare> {
        Runner::new(self.vm.vm(), Arc::new(ModuleCache::new(64 << 20)), Arc::clone(&self.config))
    }

    /// The gas of the instructions that `code` runs.
    fn burnt(&self, code: &CodeBytes) -> anyhow::Result<u64> {
        execute(&self.runner(), code)
    }

    /// Runs `code`, compiled before and run once.
    fn run(&self, code: CodeBytes, units: Units) -> anyhow::Result<Prepared> {
        let runner = self.runner();
        execute(&runner, &code)?;
        Ok(Prepared::new(units, move || {
            execute(&runner, &code)?;
            Ok(runner)
        }))
    }

    fn module(&self, step: Step, wasm: Vec<u8>, units: Units) -> anyhow::Result<Prepared> {
        let config = Arc::clone(&self.config);
        match step {
            Step::Prepare => {
                Ok(Prepared::new(units, move || Ok(prepare(&wasm, &config, Form::Merged)?)))
            }
            Step::Compile => {
                let prepared = prepare(&wasm, &config, Form::Merged)?;
                let vm = self.vm.vm::<Bare>();
                Ok(Prepared::new(units, move || {
                    let compiled = vm.compile(&prepared, Vec::new())?;
                    Ok((prepared, compiled))
                }))
            }
            Step::Load => self.load(wasm, units),
            Step::Instantiate => {
                let (runner, code) = (self.runner(), CodeBytes::new(wasm));
                runner.warm(&code)?;
                Ok(Prepared::new(units, move || {
                    execute(&runner, &code)?;
                    Ok(runner)
                }))
            }
        }
    }

    /// The first call of a contract in a process: its compiled module comes from a store.
    fn load(&self, wasm: Vec<u8>, units: Units) -> anyhow::Result<Prepared> {
        let folder = tempfile::tempdir()?;
        let path: PathBuf = folder.path().to_owned();
        let code = CodeBytes::new(wasm);
        let runner = |path: PathBuf| -> anyhow::Result<Runner<Bare>> {
            let store = Arc::new(DiskStore::open(path, 1 << 30)?);
            let cache = Arc::new(ModuleCache::new(64 << 20));
            let config = Arc::clone(&self.config);
            Ok(Runner::with_store(self.vm.vm(), cache, config, store).without_background())
        };
        let first = runner(path.clone())?;
        execute(&first, &code)?;
        let second = runner(path)?;
        Ok(Prepared::new(units, move || {
            execute(&second, &code)?;
            Ok((first, second, folder))
        }))
    }
}

fn execute(runner: &Runner<Bare>, code: &CodeBytes) -> anyhow::Result<u64> {
    let costs = Arc::new(CostTable::default());
    let gas = Gas::new(1 << 62);
    let host = Bare { gas: GasCounter::new(costs, gas, gas) };
    let mut finished = runner.run(code, "run", host)?;
    if let Err(failure) = finished.end {
        bail!("the module failed: {failure}");
    }
    Ok(finished.host.gas().burnt().units())
}

/// A host with one function, which does nothing but to be called.
#[derive(Debug)]
struct Bare {
    gas: GasCounter,
}

impl Host for Bare {
    type Error = Never;
    type Checkpoint = GasCounter;
    const FUNCTIONS: &'static [HostFn<Self>] = &[HostFn {
        decl: HostFnDecl {
            module: "env",
            group: "Nothing",
            name: "nothing",
            params: &[],
            result: Some(AbiType::U64),
            feature: None,
            docs: "Does nothing.",
        },
        call: |_, _, _| Ok(0),
    }];

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.gas
    }

    fn checkpoint(&self) -> GasCounter {
        self.gas.clone()
    }

    fn revert_to(&mut self, at: GasCounter) {
        self.gas = at;
    }

    fn out_of_gas(_: OutOfGas) -> Never {
        Never
    }

    fn stack_exhausted() -> Never {
        Never
    }
}

/// An end that no module here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("out of gas or stack")
    }
}

impl std::error::Error for Never {}
