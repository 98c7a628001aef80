//! The boundary between guest and host, the same for all engines: wasm's gas is burnt when the
//! guest stops, and what is left is handed back when it goes on.

use gas_meter::{Gas, OutOfGas};
use host_fns::abi::{Abort, Fault, Host, HostFn, Memory};

use crate::{Failure, Finished, VmFault, WasmTrap};

/// A host with an execution's accounts: moved into the engine and back.
pub(crate) struct Guest<H: Host> {
    pub(crate) host: H,
    /// What the gas global was set to when the guest last went on.
    granted: i64,
    /// Why a host function ended the execution.
    abort: Option<Abort<H::Error>>,
}

/// The engine is to end the execution: [`Guest::finish`] knows why.
#[derive(Debug)]
pub(crate) struct Stop;

/// What the injected globals hold after an execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remaining {
    pub(crate) gas: i64,
    pub(crate) stack: i64,
}

impl<H: Host> Guest<H> {
    pub(crate) fn new(host: H) -> Self {
        Guest { host, granted: 0, abort: None }
    }

    /// What to set the gas global to before the guest goes on.
    pub(crate) fn grant(&mut self) -> i64 {
        let remaining = self.host.gas().remaining().units();
        // More than 2⁶³ cannot be spent before the next stop, so the rest need not be shown.
        self.granted = i64::try_from(remaining).unwrap_or(i64::MAX);
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
        let _span =
            tracing::trace_span!(target: "vm", "host_call", name = function.decl.name).entered();
        if self.settle(remaining_gas).is_err() {
            let why = "the guest went on with less than no gas";
            self.abort = Some(Abort::Fault(Fault::new(why)));
            return Err(Stop);
        }
        match (function.call)(&mut self.host, &mut Memory::new(memory), args) {
            Ok(result) => Ok((result, self.grant())),
            Err(abort) => {
                self.abort = Some(abort);
                Err(Stop)
            }
        }
    }

    /// The end of an execution: `Ok` when the entry point returned, a trap, or `None` when the
    /// engine stopped for [`Stop`].
    pub(crate) fn finish(
        mut self,
        end: Result<(), Option<WasmTrap>>,
        remaining: Remaining,
    ) -> Result<Finished<H>, VmFault> {
        match self.abort.take() {
            Some(Abort::Guest(error)) => return Ok(self.failed(Failure::Host(error))),
            Some(Abort::Fault(fault)) => return Err(VmFault::Host(fault)),
            None => {}
        }
        let end = match end {
            Ok(()) => Ok(()),
            Err(None) => return Err(VmFault::Engine("stopped without a reason".to_owned())),
            Err(Some(trap)) => Err(trap),
        };
        if let Err(why) = self.settle(remaining.gas) {
            return Ok(self.failed(Failure::Host(H::out_of_gas(why))));
        }
        let end = match end {
            Err(WasmTrap::Unreachable) if remaining.stack < 0 => {
                Err(Failure::Host(H::stack_exhausted()))
            }
            end => end.map_err(Failure::Trap),
        };
        Ok(Finished { host: self.host, end })
    }

    fn failed(self, failure: Failure<H::Error>) -> Finished<H> {
        Finished { host: self.host, end: Err(failure) }
    }

    /// Burns the gas that wasm used since it was granted.
    fn settle(&mut self, remaining_gas: i64) -> Result<(), OutOfGas> {
        let used = i128::from(self.granted).saturating_sub(i128::from(remaining_gas));
        let used = u64::try_from(used).map_err(|_| OutOfGas::Overflow)?;
        self.host.gas().burn(Gas::new(used))
    }
}
