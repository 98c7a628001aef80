//! The virtual machine, on all its engines, against an interpreter that is charged for each single
//! instruction.

mod fixed;
mod host;
mod mutants;
mod official;
mod programs;
mod random;

use std::sync::Arc;

use gas_meter::instrument::Form;
use metering_proof::{End, Prices, Reference, Space, Trap};
use vm_runner::{CodeBytes, Entries, Failure, FusedVm, ModuleCache, Runner, VmKind, WasmTrap};

use crate::rules::Rules;

pub(crate) use mutants::changed;

use host::{Host, HostError, host};

/// Memory for compiled modules: each is used at once or never again.
const CACHED_BYTES: usize = 16 << 20;

/// Both sides under the same rules. Ours is all engines, of which a difference is a fault.
struct Pair {
    runner: Runner<Host>,
    prices: Prices,
    space: Space,
}

/// What came of an execution.
#[derive(Debug, PartialEq)]
struct Outcome {
    end: End<HostError>,
    burnt: u64,
    /// The calls of host functions, and the gas burnt when they were made.
    calls: Vec<(u64, u64)>,
}

impl Pair {
    fn new(stack_bytes: u32) -> Self {
        let rules = Rules::new(stack_bytes);
        let cache = Arc::new(ModuleCache::new(CACHED_BYTES));
        let engines = FusedVm::new(VmKind::ALL.iter().map(|kind| kind.vm()).collect());
        let runner = Runner::new(Box::new(engines), cache, Arc::new(rules.vm));
        Pair { runner, prices: rules.prices, space: rules.space }
    }

    /// `wasm` for both sides; `None` where it is refused.
    fn load(&self, wasm: &[u8]) -> Option<Loaded<'_>> {
        let prepared = vm_runner::prepare(wasm, self.runner.config(), Form::Merged).ok()?;
        if !prepared.imports.iter().all(host::has) {
            return None;
        }
        let reference = Reference::new(wasm, self.prices, self.space);
        let reference = reference.expect("what is prepared is valid");
        let entries = prepared.entries;
        Some(Loaded { pair: self, code: CodeBytes::new(wasm), entries, reference })
    }
}

/// A contract on both sides.
struct Loaded<'a> {
    pair: &'a Pair,
    code: CodeBytes,
    entries: Entries,
    reference: Reference,
}

impl Loaded<'_> {
    fn has(&self, entry: &str) -> bool {
        self.entries.check(entry).is_ok()
    }

    /// What each engine does, in words.
    fn on_each(&self, entry: &str, gas: u64) -> String {
        let runs = VmKind::ALL.iter().map(|kind| {
            let cache = Arc::new(ModuleCache::new(CACHED_BYTES));
            let runner = Runner::new(kind.vm(), cache, Arc::clone(self.pair.runner.config()));
            format!("\n{kind}: {:?}", runner.run(&self.code, entry, host(gas)))
        });
        runs.collect()
    }

    /// Asserts that both sides agree on what `entry` does with `gas`.
    fn agree(&self, entry: &str, gas: u64) -> Outcome {
        let ours = self.pair.runner.run(&self.code, entry, host(gas));
        let ours = ours.unwrap_or_else(|fault| panic!("{fault}: {}", self.on_each(entry, gas)));
        let ours = Outcome {
            end: end(ours.end),
            burnt: ours.host.gas.burnt().units(),
            calls: ours.host.calls,
        };
        let reference = self.reference.run(entry, host(gas)).expect("no fault");
        let theirs = Outcome {
            end: reference.end,
            burnt: reference.host.gas.burnt().units(),
            calls: reference.host.calls,
        };
        assert_eq!(ours, theirs, "ours (left) and the reference's (right) with {gas} gas");
        ours
    }
}

/// How often executions ended in which way.
#[derive(Debug, Default)]
struct Ends {
    returned: u64,
    trapped: u64,
    out_of_gas: u64,
    out_of_stack: u64,
    refused: u64,
}

impl Ends {
    fn add(&mut self, end: &End<HostError>) {
        let count = match end {
            End::Returned => &mut self.returned,
            End::Trapped(_) => &mut self.trapped,
            End::Failed(HostError::OutOfGas) => &mut self.out_of_gas,
            End::Failed(HostError::Stack) => &mut self.out_of_stack,
            End::Failed(_) => &mut self.refused,
        };
        *count += 1;
    }
}

/// The end as the reference has it.
pub(crate) fn end<E: std::fmt::Display>(end: Result<(), Failure<E>>) -> End<E> {
    match end {
        Ok(()) => End::Returned,
        Err(Failure::Host(error)) => End::Failed(error),
        Err(Failure::Trap(trap)) => End::Trapped(match trap {
            WasmTrap::Unreachable => Trap::Unreachable,
            WasmTrap::IllegalArithmetic => Trap::Arithmetic,
            WasmTrap::MemoryOutOfBounds | WasmTrap::TableOutOfBounds => Trap::OutOfBounds,
            WasmTrap::IndirectCallToNull => Trap::NullCall,
            WasmTrap::IncorrectCallIndirectSignature => Trap::Signature,
            WasmTrap::StackOverflow => panic!("the metered stack was to run out first"),
        }),
        Err(other) => panic!("it was prepared: {other}"),
    }
}
