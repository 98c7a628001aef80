//! [`ContractRunner`]: one call of a contract, from the circumstances of the receipt to what is left
//! after it.
//!
//! Calls of receipts and views of the RPC go the same way; only their context differs.

use std::fmt;
use std::sync::Arc;

use gas_meter::{GasCounter, Profile};
use host_fns::abi::Host;
use host_fns::near::{Context, NearHost, Parts, ReturnData as HostReturn};
use sandbox_state::Value;
use vm_runner::near::{Fixture, FixtureSink};
use vm_runner::{Case, Code, CodeHash, FusedVm, ModuleCache, Runner, StoreStats, Vm, VmFault};

use crate::actions::ReturnData;
use crate::config::RuntimeConfig;
use crate::engines::Engines;
use crate::external::ReceiptContext;
use crate::fault::RuntimeFault;
use crate::near::{AccountContract, AccountId, Balance, CryptoHash, Gas};
use crate::outcome::CallFailure;

/// Memory for compiled modules: a contract written with near-sdk takes about three megabytes.
const CACHED_BYTES: usize = 256 << 20;

/// Runs contracts, with a cache of compiled modules.
pub(crate) struct ContractRunner {
    runner: Runner<NearHost<ReceiptContext>>,
    config: RuntimeConfig,
    engines: Engines,
}

/// What is left after a call.
#[derive(Debug)]
pub(crate) struct CallOutcome {
    pub(crate) context: ReceiptContext,
    pub(crate) end: Result<ReturnData, CallFailure>,
    pub(crate) gas_burnt: Gas,
    pub(crate) gas_used: Gas,
    pub(crate) compute: u64,
    pub(crate) profile: Profile,
    pub(crate) logs: Vec<String>,
    pub(crate) balance: Balance,
    pub(crate) subsidized: Balance,
    pub(crate) storage_usage: u64,
}

impl ContractRunner {
    pub(crate) fn new(config: &RuntimeConfig, engines: &Engines) -> Self {
        let cache = Arc::new(ModuleCache::new(CACHED_BYTES));
        let (vm, vm_config) = (vm(config, engines), Arc::clone(config.vm()));
        let runner = match &engines.store {
            None => Runner::new(vm, cache, vm_config),
            Some(store) => Runner::with_store(vm, cache, vm_config, Arc::clone(&store.0)),
        };
        let runner = if engines.background { runner } else { runner.without_background() };
        ContractRunner { runner, config: config.clone(), engines: engines.clone() }
    }

    /// Has `code` compiled, while the chain goes on, so that its first call need not.
    pub(crate) fn warm_later(&self, hash: CryptoHash, code: &[u8]) {
        self.runner.warm_later(ContractCode::new(hash, code.into()));
    }

    /// Waits until what was deployed is compiled, and what was compiled is stored.
    pub(crate) fn wait_for_background(&self) {
        self.runner.wait_for_background();
    }

    /// What came of the store of compiled contracts.
    pub(crate) fn store_stats(&self) -> StoreStats {
        self.runner.store_stats()
    }

    /// Calls `method` of the contract `code`.
    pub(crate) fn call(
        &self,
        code: &ContractCode,
        method: &str,
        external: ReceiptContext,
        context: Context,
    ) -> Result<CallOutcome, RuntimeFault> {
        let unavailable = Arc::clone(&external.unavailable);
        let mut host = NearHost::new(external, context, Arc::clone(self.config.host()))?;
        let recorded = self.record(code, method, &mut host);
        let finished = recorded.and_then(|()| self.runner.run(code, method, host));
        let finished = finished.map_err(|fault| {
            unavailable.get().cloned().map_or_else(|| fault.into(), RuntimeFault::from)
        })?;
        let parts = finished.host.into_parts();
        let end = match finished.end {
            Ok(()) => Ok(return_data(parts.return_data.clone())?),
            Err(failure) => Err(CallFailure::from(failure)),
        };
        Ok(outcome(parts, end))
    }

    /// Tells the recorder of a call, if there is one. Reading what is stored leaves no trace in what
    /// the call is charged.
    fn record(
        &self,
        code: &ContractCode,
        method: &str,
        host: &mut NearHost<ReceiptContext>,
    ) -> Result<(), VmFault> {
        let Some(recorder) = &self.engines.recorder else { return Ok(()) };
        let before = host.checkpoint();
        let case = Case { wasm: &code.bytes, entry: method, host };
        let fixture = Fixture::recorded(&self.engines.kinds(), case, self.config.vm())?;
        host.revert_to(before);
        recorder.call(&fixture);
        Ok(())
    }
}

fn vm(config: &RuntimeConfig, engines: &Engines) -> Box<dyn Vm<NearHost<ReceiptContext>>> {
    let Engines { first, others, found, .. } = engines.clone();
    if others.is_empty() {
        return first.vm();
    }
    let kinds = engines.kinds();
    let fused = FusedVm::new(kinds.iter().map(|kind| kind.vm()).collect());
    let sink = FixtureSink::new(Arc::clone(config.vm()), kinds, move |fixture| found.call(fixture));
    Box::new(fused.with_sink(Arc::new(sink)))
}

impl fmt::Debug for ContractRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContractRunner").field("runner", &self.runner).finish_non_exhaustive()
    }
}

/// A contract's wasm with its hash.
#[derive(Clone, Debug)]
pub(crate) struct ContractCode {
    hash: CryptoHash,
    bytes: Value,
}

impl ContractCode {
    pub(crate) fn new(hash: CryptoHash, bytes: Value) -> Self {
        ContractCode { hash, bytes }
    }
}

impl Code for ContractCode {
    fn hash(&self) -> CodeHash {
        CodeHash(self.hash.0)
    }

    fn bytes(&self) -> Result<Arc<[u8]>, host_fns::abi::Fault> {
        Ok(Arc::clone(&self.bytes))
    }
}

/// Where an account's code comes from, as host functions tell it.
pub(crate) fn host_contract(contract: &AccountContract) -> host_fns::near::AccountContract {
    use host_fns::near::AccountContract as Host;
    match contract {
        AccountContract::None => Host::None,
        AccountContract::Local(hash) => Host::Local(hash.0),
        AccountContract::Global(hash) => Host::Global(hash.0),
        AccountContract::GlobalByAccount(id) => Host::GlobalByAccount(AccountId::to_string(id)),
    }
}

fn outcome(parts: Parts<ReceiptContext>, end: Result<ReturnData, CallFailure>) -> CallOutcome {
    let gas: &GasCounter = &parts.gas;
    CallOutcome {
        end,
        gas_burnt: Gas::from_gas(gas.burnt().units()),
        gas_used: Gas::from_gas(gas.used().units()),
        compute: gas.compute(),
        profile: gas.profile(),
        context: parts.external,
        logs: parts.logs,
        balance: Balance::from_yoctonear(parts.balance),
        subsidized: Balance::from_yoctonear(parts.subsidized),
        storage_usage: parts.storage_usage,
    }
}

fn return_data(data: HostReturn) -> Result<ReturnData, RuntimeFault> {
    Ok(match data {
        HostReturn::None => ReturnData::None,
        HostReturn::Value(value) => ReturnData::Value(value),
        HostReturn::ReceiptIndex(index) => ReturnData::Receipt(
            usize::try_from(index.0).map_err(|_| RuntimeFault::Overflow("a receipt index"))?,
        ),
    })
}
