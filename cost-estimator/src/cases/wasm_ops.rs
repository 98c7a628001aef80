//! What one WebAssembly instruction takes, metering included, as a contract on NEAR runs it.
//!
//! A loop that mixes arithmetic, locals, branches and memory runs under the chain's own
//! configuration. The gas that it burns, divided by the price of an instruction, counts its
//! instructions exactly, so the slope of time over that count is the time of one.

use std::panic::Location;
use std::sync::Arc;

use anyhow::{Context, bail};
use gas_meter::{CostTable, Gas, GasCounter, OutOfGas};
use host_fns::abi::{Host, HostFn};
use sandbox_runtime::RuntimeConfig;
use vm_runner::wasmer::WasmerVm;
use vm_runner::{CodeBytes, ModuleCache, Runner};

use super::{Case, Prepared};
use crate::measure::here;

/// The loop: ten thousand rounds for each unit of size, given by the start value of the counter.
const KERNEL: &str = include_str!("wasm_ops.wat");

/// The price of one instruction of the kernel.
#[derive(Debug)]
pub struct WasmInstruction {
    runner: Runner<Bare>,
    costs: Arc<CostTable>,
    op_gas: u64,
    at: &'static Location<'static>,
}

impl WasmInstruction {
    /// The case under NEAR's configuration.
    pub fn new(config: &RuntimeConfig) -> Self {
        let runner = Runner::new(
            Box::new(WasmerVm::new()),
            Arc::new(ModuleCache::new(64 << 20)),
            Arc::clone(config.vm()),
        );
        let op_gas = u64::from(config.near().wasm_config.regular_op_cost);
        let costs = Arc::clone(&config.host().costs);
        WasmInstruction { runner, costs, op_gas, at: here() }
    }

    /// Runs the kernel; the gas of its instructions.
    fn burn(&self, code: &CodeBytes) -> anyhow::Result<Gas> {
        let host = Bare { gas: GasCounter::new(Arc::clone(&self.costs), Gas::MAX, Gas::MAX) };
        let mut finished = self.runner.run(code, "run", host)?;
        if let Err(failure) = finished.end {
            bail!("the kernel failed: {failure}");
        }
        Ok(finished.host.gas().profile().wasm())
    }
}

impl Case for WasmInstruction {
    type Work = CodeBytes;

    fn label(&self) -> &'static str {
        "WASM_INSTRUCTION"
    }

    fn unit(&self) -> &'static str {
        "instruction"
    }

    fn location(&self) -> &'static Location<'static> {
        self.at
    }

    fn sizes(&self) -> &[u32] {
        &[1, 2, 4, 6, 8, 12, 16]
    }

    fn prepare(&self, size: u32) -> anyhow::Result<Prepared<CodeBytes>> {
        let rounds = size.checked_mul(10_000).context("the size is too large")?;
        let wasm = wat::parse_str(KERNEL.replace("ROUNDS", &rounds.to_string()))?;
        let code = CodeBytes::new(wasm);
        let instructions = self
            .burn(&code)?
            .units()
            .checked_div(self.op_gas)
            .context("the configuration prices instructions at zero")?;
        let units = f64::from(u32::try_from(instructions).context("too many instructions")?);
        Ok(Prepared { work: code, units })
    }

    fn run(&self, work: CodeBytes) {
        self.burn(&work).expect("the kernel ran while it was prepared");
    }
}

/// A host that imports nothing and charges nothing but instructions.
#[derive(Debug)]
struct Bare {
    gas: GasCounter,
}

impl Host for Bare {
    type Error = Never;
    type Checkpoint = GasCounter;
    const FUNCTIONS: &'static [HostFn<Self>] = &[];

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
        Never::OutOfGas
    }

    fn stack_exhausted() -> Never {
        Never::StackExhausted
    }
}

/// Ends that the kernel does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Never {
    OutOfGas,
    StackExhausted,
}

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Never::OutOfGas => "out of gas",
            Never::StackExhausted => "stack exhausted",
        })
    }
}

impl std::error::Error for Never {}
