//! A call in this workspace.

use std::collections::BTreeMap;
use std::sync::Arc;

use fixtures::{Answer, Case};
use gas_meter::Gas;
use gas_meter::instrument::Prices;
use host_fns::abi::{Host, HostFnDecl};
use host_fns::near::{
    AccountContract, Config, Context, Mode, NearHost, Parts, PromiseResult, ReturnData,
};
use near_vm_runner::logic::errors::{
    CompilationError, FunctionCallError, MethodResolveError, PrepareError as NearPrepareError,
    WasmTrap as NearTrap,
};
use near_vm_runner::logic::types::ReturnData as NearReturnData;
use sandbox_runtime::RuntimeConfig;
use vm_runner::{
    ArtifactStore, Code, EntryError, Failure, Finished, ModuleCache, PrepareError, Runner,
    VmConfig, VmKind, WasmTrap,
};

use crate::outcome::{Effects, Outcome};
use crate::port::Port;
use crate::{Call, Contract};

/// Validators and their stakes in yoctoNEAR.
pub(crate) const VALIDATORS: &[(&str, u128)] = &[(fixtures::ACCOUNT, 100), ("bob.near", 1)];

/// What the account has, in yoctoNEAR, unless the deposit is so large that it has nothing.
const ACCOUNT_BALANCE: u128 = 2_000_000_000_000_000_000_000_000;

/// Memory for compiled modules.
const CACHED_BYTES: usize = 64 << 20;

/// Names the engine of our side; the first of the build if it is not set.
const ENGINE: &str = "ORACLE_VM";

/// Our side: a runner with NEAR's parameters.
#[derive(Debug)]
pub struct OurRunner {
    runner: Runner<NearHost<Port>>,
    host: Arc<Config>,
}

impl OurRunner {
    /// With the parameters `config`.
    pub fn new(config: &RuntimeConfig) -> Self {
        OurRunner::with_prices(config, config.vm().prices.clone())
    }

    /// With the parameters `config`, but other prices of instructions.
    pub fn with_prices(config: &RuntimeConfig, prices: Prices) -> Self {
        let vm_config = VmConfig { prices, ..config.vm().as_ref().clone() };
        let cache = Arc::new(ModuleCache::new(CACHED_BYTES));
        OurRunner::of(config, Runner::new(engine().vm(), cache, Arc::new(vm_config)))
    }

    /// On the engine `vm`, for measuring: nothing is dropped from memory.
    pub fn on(vm: VmKind, config: &RuntimeConfig) -> Self {
        let cache = Arc::new(ModuleCache::new(usize::MAX));
        OurRunner::of(config, Runner::new(vm.vm(), cache, Arc::clone(config.vm())))
    }

    /// The same, with `store` for compiled modules.
    pub fn with_store(vm: VmKind, config: &RuntimeConfig, store: Arc<dyn ArtifactStore>) -> Self {
        let cache = Arc::new(ModuleCache::new(usize::MAX));
        let runner = Runner::with_store(vm.vm(), cache, Arc::clone(config.vm()), store);
        OurRunner::of(config, runner)
    }

    fn of(config: &RuntimeConfig, runner: Runner<NearHost<Port>>) -> Self {
        OurRunner { runner, host: Arc::clone(config.host()) }
    }

    /// Compiles the contract, for measuring.
    pub fn compile(&self, contract: &Contract) -> anyhow::Result<()> {
        Ok(self.runner.warm(&contract.ours)?)
    }

    /// Waits until all is stored that was compiled.
    pub fn wait_for_files(&self) {
        self.runner.wait_for_background();
    }

    /// What comes of the call.
    pub fn run(&self, contract: &Contract, case: &Case) -> anyhow::Result<Outcome> {
        self.run_call(contract, &call(contract, case, &self.host))
    }

    /// What comes of a call in circumstances of its own.
    pub fn run_call(&self, contract: &Contract, call: &Call) -> anyhow::Result<Outcome> {
        let finished = self.execute(contract, call)?;
        Ok(outcome(finished.host.into_parts(), finished.end))
    }

    /// The call alone, for measuring: the gas that it burns.
    pub fn burn(&self, contract: &Contract, case: &Case) -> anyhow::Result<u64> {
        let finished = self.execute(contract, &call(contract, case, &self.host))?;
        Ok(finished.host.into_parts().gas.burnt().units())
    }

    fn execute(
        &self,
        contract: &Contract,
        call: &Call,
    ) -> anyhow::Result<Finished<NearHost<Port>>> {
        let port = Port::new(call.storage.clone(), call.context.current_account_id.parse()?);
        let mut config = Arc::clone(&self.host);
        if config.limits.max_gas_burnt != call.max_gas_burnt {
            Arc::make_mut(&mut config).limits.max_gas_burnt = call.max_gas_burnt;
        }
        let host = NearHost::new(port, call.context.clone(), config)?;
        Ok(self.runner.run(&contract.ours, &call.method, host)?)
    }
}

fn engine() -> VmKind {
    let name = std::env::var(ENGINE).unwrap_or_else(|_| VmKind::ALL[0].name().to_owned());
    let found = VmKind::ALL.iter().find(|vm| vm.name() == name);
    *found.unwrap_or_else(|| panic!("{ENGINE}: there is no engine {name}"))
}

/// What both sides let contracts import at these parameters.
pub(crate) fn functions(config: &RuntimeConfig) -> impl Iterator<Item = &'static HostFnDecl> {
    let features = config.vm().host_features;
    let functions = NearHost::<Port>::FUNCTIONS.iter().map(|function| &function.decl);
    functions.filter(move |decl| decl.available(features))
}

/// The call of a case.
pub(crate) fn call(contract: &Contract, case: &Case, config: &Config) -> Call {
    let storage = case.storage.iter().map(|(key, value)| (key.to_vec(), value.to_vec()));
    let mut context = context(case, config);
    context.account_contract = AccountContract::Local(contract.ours.hash().0);
    let max_gas_burnt = config.limits.max_gas_burnt;
    Call { method: case.method.to_owned(), context, max_gas_burnt, storage: storage.collect() }
}

/// The circumstances of all calls.
fn context(case: &Case, config: &Config) -> Context {
    let answers = case.answers.iter().map(|answer| match answer {
        Answer::Waiting => PromiseResult::NotReady,
        Answer::Failed => PromiseResult::Failed,
        Answer::Value(value) => PromiseResult::Successful(Arc::from(*value)),
    });
    let max_gas_burnt = config.limits.max_gas_burnt;
    let mut signer_public_key = vec![0];
    signer_public_key.extend_from_slice(&[7; 32]);
    Context {
        current_account_id: fixtures::ACCOUNT.to_owned(),
        signer_account_id: case.caller.to_owned(),
        signer_public_key,
        predecessor_account_id: case.caller.to_owned(),
        refund_to_account_id: case.caller.to_owned(),
        input: Arc::from(case.input),
        promise_results: answers.collect(),
        block_height: 10,
        block_timestamp_ns: 42,
        epoch_height: 1,
        account_balance: ACCOUNT_BALANCE.min(u128::MAX.saturating_sub(case.deposit)),
        account_locked_balance: 50,
        storage_usage: 12_000,
        account_contract: AccountContract::None,
        attached_deposit: case.deposit,
        prepaid_gas: Gas::new(case.gas),
        random_seed: (0..32).collect(),
        mode: if case.view { Mode::View { max_gas_burnt } } else { Mode::Call },
        output_data_receivers: Vec::new(),
    }
}

fn outcome(parts: Parts<Port>, end: Result<(), Failure<host_fns::near::NearError>>) -> Outcome {
    let costs = Arc::clone(parts.gas.costs());
    let measured = parts.gas.profile();
    let name = |id| costs.row(id).expect("what was paid has a price").name.to_owned();
    let mut profile: BTreeMap<String, u64> =
        measured.iter().map(|(id, gas)| (name(id), gas.units())).collect();
    profile.insert("WASM".to_owned(), measured.wasm().units());
    profile.retain(|_, gas| *gas > 0);
    let returned = match parts.return_data {
        ReturnData::None => NearReturnData::None,
        ReturnData::Value(value) => NearReturnData::Value(value),
        ReturnData::ReceiptIndex(receipt) => NearReturnData::ReceiptIndex(receipt.0),
    };
    // A method that cannot be called leaves nothing of the execution.
    let nothing = matches!(end, Err(Failure::Entry(EntryError::NotFound)));
    let effects = end.is_ok().then_some(Effects {
        balance: parts.balance,
        subsidized: parts.subsidized,
        storage_usage: parts.storage_usage,
        storage: parts.external.storage,
        receipts: parts.external.log,
    });
    let (failure, message) = end.err().map(failure).unzip();
    Outcome {
        failure,
        message,
        burnt: parts.gas.burnt().units(),
        used: parts.gas.used().units(),
        compute: if nothing { 0 } else { parts.gas.compute() },
        logs: parts.logs,
        returned,
        profile,
        effects,
    }
}

/// The failure as nearcore would show it, and what users read of it.
fn failure(failure: Failure<host_fns::near::NearError>) -> (String, String) {
    let near = match failure {
        Failure::Prepare(error) => FunctionCallError::CompilationError(
            CompilationError::PrepareError(near_prepare_error(error)),
        ),
        Failure::Compile => {
            FunctionCallError::CompilationError(CompilationError::WasmtimeCompileError {
                msg: String::new(),
            })
        }
        Failure::Link(error) => FunctionCallError::LinkError { msg: error.to_string() },
        Failure::Entry(error) => FunctionCallError::MethodResolveError(match error {
            EntryError::EmptyName => MethodResolveError::MethodEmptyName,
            EntryError::NotFound => MethodResolveError::MethodNotFound,
            EntryError::InvalidSignature => MethodResolveError::MethodInvalidSignature,
        }),
        Failure::Trap(trap) => FunctionCallError::WasmTrap(near_trap(trap)),
        // The variants have the same names and fields.
        Failure::Host(error) => return (format!("HostError({error:?})"), error.to_string()),
    };
    (format!("{near:?}"), near.to_string())
}

fn near_trap(trap: WasmTrap) -> NearTrap {
    match trap {
        WasmTrap::Unreachable => NearTrap::Unreachable,
        WasmTrap::IncorrectCallIndirectSignature => NearTrap::IncorrectCallIndirectSignature,
        WasmTrap::MemoryOutOfBounds | WasmTrap::TableOutOfBounds => NearTrap::MemoryOutOfBounds,
        WasmTrap::IllegalArithmetic => NearTrap::IllegalArithmetic,
        WasmTrap::IndirectCallToNull => NearTrap::IndirectCallToNull,
        WasmTrap::StackOverflow => NearTrap::StackOverflow,
    }
}

pub(crate) fn near_prepare_error(error: PrepareError) -> NearPrepareError {
    match error {
        PrepareError::Serialization => NearPrepareError::Serialization,
        PrepareError::Deserialization => NearPrepareError::Deserialization,
        PrepareError::Instantiate => NearPrepareError::Instantiate,
        PrepareError::Memory => NearPrepareError::Memory,
        PrepareError::TooManyFunctions => NearPrepareError::TooManyFunctions,
        PrepareError::TooManyLocals => NearPrepareError::TooManyLocals,
        PrepareError::TooManyTables => NearPrepareError::TooManyTables,
        PrepareError::TooManyTableElements => NearPrepareError::TooManyTableElements,
        PrepareError::FunctionBodyTooLarge => NearPrepareError::FunctionBodyTooLarge,
        PrepareError::InstrumentedCodeTooLarge => NearPrepareError::InstrumentedCodeTooLarge,
        PrepareError::TooManyBlocksPerFunction => NearPrepareError::TooManyBlocksPerFunction,
        PrepareError::TooManyBlocksPerContract => NearPrepareError::TooManyBlocksPerContract,
        PrepareError::TooManyTypes => NearPrepareError::TooManyTypes,
        PrepareError::TooManyParamsPerContract => NearPrepareError::TooManyParamsPerContract,
        PrepareError::TooManyParamsPerFunction => NearPrepareError::TooManyParamsPerFunction,
        PrepareError::OperandStackTooLarge => NearPrepareError::OperandStackTooLarge,
        PrepareError::TooManyGlobals => NearPrepareError::TooManyGlobals,
    }
}
