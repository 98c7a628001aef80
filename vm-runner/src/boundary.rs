//! The boundary between guest and host, the same for all engines: wasm's gas is burnt when the
//! guest stops, and what is left is handed back when it goes on.

use gas_meter::instrument::Form;
use gas_meter::{Gas, OutOfGas};
use host_fns::abi::{Abort, Fault, Host, HostFn, Memory};
use tracing::Level;

use crate::prepare::Counting;
use crate::{Failure, Finished, Run, VmFault, WasmTrap};

/// A host with an execution's accounts: moved into the engine and back.
pub(crate) struct Guest<H: Host> {
    pub(crate) host: H,
    counting: Counting,
    /// What the gas global was set to when the guest last went on.
    granted: i64,
    /// Why a host call ended the execution.
    stopped: Option<Stopped<H::Error>>,
}

/// Why a host call ended an execution.
#[derive(Debug)]
enum Stopped<E> {
    /// The host function says.
    Aborted(Abort<E>),
    /// The gas had run out before the call. This is what the gas global held.
    Exhausted(i64),
}

/// The engine is to end the execution: [`Guest::finish`] knows why.
#[derive(Debug)]
pub(crate) struct Stop;

/// What the injected globals hold after an execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remaining {
    pub(crate) gas: i64,
    pub(crate) stack: i64,
    /// Whether a trap left them so that they mean nothing.
    pub(crate) inexact: bool,
}

impl<H: Host> Guest<H> {
    pub(crate) fn new(host: H, counting: Counting) -> Self {
        Guest { host, counting, granted: 0, stopped: None }
    }

    /// What to set the gas global to before the guest goes on.
    pub(crate) fn grant(&mut self) -> i64 {
        // More cannot be spent before the next stop, and the module's own sums stay in 64 bits.
        const MAX: i64 = 1 << 61;
        let remaining = self.host.gas().remaining().units();
        self.granted = i64::try_from(remaining).unwrap_or(MAX).min(MAX);
        self.granted
    }

    /// A host call: burns what wasm used, calls, and returns the result and the gas to go on with.
    pub(crate) fn cross(
        &mut self,
        function: &HostFn<H>,
        remaining_gas: i64,
        memory: &mut [u8],
        args: &[u64],
    ) -> Result<(u64, i64), Stop> {
        // Asked first: even a span that is off has something to drop.
        if tracing::enabled!(target: "vm", Level::TRACE) {
            let name = function.decl.name;
            let _span = tracing::trace_span!(target: "vm", "host_call", name).entered();
            return self.pass(function, remaining_gas, memory, args);
        }
        self.pass(function, remaining_gas, memory, args)
    }

    fn pass(
        &mut self,
        function: &HostFn<H>,
        remaining_gas: i64,
        memory: &mut [u8],
        args: &[u64],
    ) -> Result<(u64, i64), Stop> {
        if remaining_gas < 0 {
            self.stopped = Some(Stopped::Exhausted(remaining_gas));
            return Err(Stop);
        }
        if self.settle(remaining_gas).is_err() {
            let why = "the guest has more gas than it was granted";
            self.stopped = Some(Stopped::Aborted(Abort::Fault(Fault::new(why))));
            return Err(Stop);
        }
        match (function.call)(&mut self.host, &mut Memory::new(memory), args) {
            Ok(result) => Ok((result, self.grant())),
            Err(abort) => {
                self.stopped = Some(Stopped::Aborted(abort));
                Err(Stop)
            }
        }
    }

    /// The end of an execution: `Ok` when the entry point returned, a trap, or `None` when the
    /// engine stopped for [`Stop`].
    ///
    /// A module in the merged form has an exact global at calls, at the end, and at an
    /// `unreachable`, its own or that of a test. Where the global is negative, gas has run out,
    /// but by which charge is known in the stepwise form only; often it does not matter.
    pub(crate) fn finish(
        mut self,
        end: Result<(), Option<WasmTrap>>,
        remaining: Remaining,
    ) -> Result<Run<H>, VmFault> {
        match self.stopped.take() {
            Some(Stopped::Aborted(Abort::Guest(error))) => {
                return Ok(self.failed(Failure::Host(error)));
            }
            Some(Stopped::Aborted(Abort::Fault(fault))) => return Err(VmFault::Host(fault)),
            Some(Stopped::Exhausted(gas)) => return Ok(self.exhausted(gas)),
            None => {}
        }
        let end = match end {
            Ok(()) => Ok(()),
            Err(None) => return Err(VmFault::Engine("stopped without a reason".to_owned())),
            Err(Some(trap)) => Err(trap),
        };
        let unknown = end.is_err_and(|trap| trap != WasmTrap::Unreachable) || remaining.inexact;
        if self.counting.form == Form::Merged && unknown {
            return Ok(Run::Inexact(self.host));
        }
        if remaining.gas < 0 {
            return Ok(self.exhausted(remaining.gas));
        }
        if let Err(why) = self.settle(remaining.gas) {
            return Ok(self.failed(Failure::Host(H::out_of_gas(why))));
        }
        let end = match end {
            Err(WasmTrap::Unreachable) if remaining.stack < 0 => {
                Err(Failure::Host(H::stack_exhausted()))
            }
            end => end.map_err(Failure::Trap),
        };
        Ok(Run::Finished(Finished { host: self.host, end }))
    }

    fn failed(self, failure: Failure<H::Error>) -> Run<H> {
        Run::Finished(Finished { host: self.host, end: Err(failure) })
    }

    /// Ends an execution whose gas ran out: the global is negative.
    fn exhausted(mut self, remaining_gas: i64) -> Run<H> {
        let used = self.used(remaining_gas);
        let one_more = Gas::new(self.counting.largest_charge);
        let counter = self.host.gas();
        let at_most = used.unwrap_or_default().max(counter.remaining().saturating_add(one_more));
        if self.counting.form == Form::Merged && !counter.exhausts_alike(at_most) {
            return Run::Inexact(self.host);
        }
        let burnt = used.and_then(|used| self.host.gas().burn(used));
        let why = burnt.err().unwrap_or(OutOfGas::Prepaid);
        self.failed(Failure::Host(H::out_of_gas(why)))
    }

    /// Burns the gas that wasm used since it was granted.
    fn settle(&mut self, remaining_gas: i64) -> Result<(), OutOfGas> {
        let used = self.used(remaining_gas)?;
        self.host.gas().burn(used)
    }

    fn used(&self, remaining_gas: i64) -> Result<Gas, OutOfGas> {
        let used = i128::from(self.granted).saturating_sub(i128::from(remaining_gas));
        u64::try_from(used).map(Gas::new).map_err(|_| OutOfGas::Overflow)
    }
}
