//! The fixtures, real contracts among them, with NEAR's host functions and prices: what the virtual
//! machine burns against what each single instruction costs.

mod chain;
mod fuzz;
mod mutants;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fixtures::{Answer, Case, Rng};
use gas_meter::Gas;
use gas_meter::instrument::Form;
use host_fns::near::{
    AccountContract, Config, Context, Mode, NearError, NearHost, Parts, PromiseResult,
};
use metering_proof::{End, Reference};
use vm_runner::{CodeBytes, Failure, FusedVm, ModuleCache, Runner, VmConfig, VmKind};

use crate::reference::end;
use crate::rules::Rules;
use chain::Chain;

/// Cases of more instructions than these are left to others: the interpreter is slow.
const INSTRUCTIONS: u64 = 2_000_000;

/// How many amounts of gas each case is tried with beside its own.
const LIMITS: u64 = 6;

/// What came of a call.
#[derive(Debug, PartialEq)]
struct Outcome {
    end: End<NearError>,
    burnt: u64,
    used: u64,
    logs: Vec<String>,
    returned: String,
    storage: BTreeMap<Vec<u8>, Vec<u8>>,
    receivers: Vec<String>,
    actions: u64,
}

#[test]
fn contracts_cost_what_their_instructions_do() {
    let mut random = Rng::new(3);
    let mut tried = BTreeSet::new();
    let (mut run, mut exhausted) = (0u64, 0u64);
    for module in fixtures::ALL {
        let Some(contract) = Contract::new(&module.code()) else { continue };
        for case in module.cases {
            let Some((whole, instructions)) = contract.ours(case, case.gas) else { continue };
            // The bits of a NaN are the interpreter's own.
            if instructions > INSTRUCTIONS || case.method.starts_with("nan") {
                continue;
            }
            assert_eq!(whole, contract.theirs(case, case.gas), "{} {case:?}", module.name);
            tried.insert(module.name);
            run += 1;
            for _ in 0..LIMITS {
                let gas = random.below(whole.burnt);
                let (ours, _) = contract.ours(case, gas).expect("it ran before");
                // Where gas was promised and runs out, what is burnt of it depends on the size of
                // the charge that does not fit.
                if ours.used == ours.burnt {
                    assert_eq!(ours, contract.theirs(case, gas), "{} {case:?} {gas}", module.name);
                    exhausted += 1;
                }
            }
        }
    }
    assert!(["status", "tiny", "assembly"].iter().all(|name| tried.contains(name)), "{tried:?}");
    assert!(run > 100 && exhausted > 100, "{run} whole, {exhausted} exhausted");
}

/// A contract on both sides.
struct Contract {
    runner: Runner<NearHost<Chain>>,
    host: Arc<Config>,
    op: u64,
    code: CodeBytes,
    reference: Reference,
}

impl Contract {
    /// `None` where it is refused.
    fn new(wasm: &[u8]) -> Option<Self> {
        let Rules { vm, prices, space, host } = Rules::near();
        vm_runner::prepare(wasm, &vm, Form::Merged).ok()?;
        Some(Contract {
            runner: runner(vm),
            host,
            op: prices.op,
            code: CodeBytes::new(wasm),
            reference: Reference::new(wasm, prices, space).expect("what is prepared is valid"),
        })
    }

    /// What comes of the call and how many instructions that takes, about; `None` where the
    /// contract cannot be called.
    fn ours(&self, case: &Case, gas: u64) -> Option<(Outcome, u64)> {
        let finished = self.runner.run(&self.code, case.method, self.host(case, gas));
        let finished = finished.expect("no fault");
        if matches!(finished.end, Err(Failure::Link(_) | Failure::Entry(_))) {
            return None;
        }
        let parts = finished.host.into_parts();
        let instructions = parts.gas.profile().wasm().units() / self.op;
        Some((outcome(parts, end(finished.end)), instructions))
    }

    fn theirs(&self, case: &Case, gas: u64) -> Outcome {
        let finished = self.reference.run(case.method, self.host(case, gas)).expect("no fault");
        outcome(finished.host.into_parts(), finished.end)
    }

    fn host(&self, case: &Case, gas: u64) -> NearHost<Chain> {
        host(case, gas, &self.host)
    }
}

/// All engines, of which a difference is a fault.
fn runner(config: VmConfig) -> Runner<NearHost<Chain>> {
    let engines = FusedVm::new(VmKind::ALL.iter().map(|kind| kind.vm()).collect());
    Runner::new(Box::new(engines), Arc::new(ModuleCache::new(64 << 20)), Arc::new(config))
}

fn host(case: &Case, gas: u64, config: &Arc<Config>) -> NearHost<Chain> {
    let stored = case.storage.iter().map(|(key, value)| (key.to_vec(), value.to_vec()));
    let chain = Chain { storage: stored.collect(), ..Chain::default() };
    let context = context(case, gas, config);
    NearHost::new(chain, context, Arc::clone(config)).expect("the balance fits")
}

fn outcome(parts: Parts<Chain>, end: End<NearError>) -> Outcome {
    Outcome {
        end,
        burnt: parts.gas.burnt().units(),
        used: parts.gas.used().units(),
        logs: parts.logs,
        returned: format!("{:?}", parts.return_data),
        storage: parts.external.storage,
        receivers: parts.external.receivers,
        actions: parts.external.actions,
    }
}

fn context(case: &Case, gas: u64, config: &Config) -> Context {
    let answers = case.answers.iter().map(|answer| match answer {
        Answer::Waiting => PromiseResult::NotReady,
        Answer::Failed => PromiseResult::Failed,
        Answer::Value(value) => PromiseResult::Successful(Arc::from(*value)),
    });
    let max_gas_burnt = Gas::new(gas.min(config.limits.max_gas_burnt.units()));
    Context {
        current_account_id: fixtures::ACCOUNT.to_owned(),
        signer_account_id: case.caller.to_owned(),
        signer_public_key: vec![0; 33],
        predecessor_account_id: case.caller.to_owned(),
        refund_to_account_id: case.caller.to_owned(),
        input: Arc::from(case.input),
        promise_results: answers.collect(),
        block_height: 10,
        block_timestamp_ns: 42,
        epoch_height: 1,
        account_balance: 1 << 80,
        account_locked_balance: 50,
        storage_usage: 12_000,
        account_contract: AccountContract::Local([1; 32]),
        attached_deposit: case.deposit.min(1 << 80),
        prepaid_gas: Gas::new(gas),
        random_seed: (0..32).collect(),
        mode: if case.view { Mode::View { max_gas_burnt } } else { Mode::Call },
        output_data_receivers: Vec::new(),
    }
}
