//! Runs scripts on both sides and compares all that came of them.

use host_fns::abi::HostFnDecl;
use host_fns::near::NearError;
use near_vm_runner::FilesystemContractRuntimeCache;
use oracle::{Contract, Oracle, Outcome};
use sandbox_runtime::RuntimeConfig;
use tempfile::TempDir;

use super::calls::{self, Dice};
use super::circumstances::{Bound, Bounds, Circumstances, PLENTY};
use super::coverage::Coverage;
use super::gas;
use super::interpreter::{Ending, HostCall, Script, contract};
use super::memory;

/// Both sides with the contract that makes the calls.
pub(crate) struct Pair {
    oracle: Oracle,
    contract: Contract,
    functions: Vec<&'static HostFnDecl>,
    _files: TempDir,
}

/// A script in its circumstances.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) circumstances: Circumstances,
    pub(crate) script: Script,
    pub(crate) view: bool,
}

impl Case {
    /// Enough gas.
    pub(crate) fn plenty(&self) -> Bounds {
        let bound = if self.view { Bound::View } else { Bound::Both };
        Bounds { gas: PLENTY, bound }
    }

    /// As long a script, but its last call is not made.
    fn but_for_the_last(&self) -> Self {
        let mut without = self.clone();
        without.script.calls.last_mut().expect("a case has a call").times = 0;
        without
    }

    fn with(&self, call: HostCall) -> Self {
        let mut longer = self.clone();
        longer.script.calls.push(call);
        longer
    }
}

impl Pair {
    pub(crate) fn new(config: RuntimeConfig) -> Self {
        // Nearcore keeps machine code in memory only behind a cache of files.
        let files = tempfile::tempdir().unwrap();
        let cache = FilesystemContractRuntimeCache::with_memory_cache(
            files.path(),
            None::<&str>,
            "contracts",
            16,
            None,
            1 << 30,
            near_vm_runner::noop_background_spawner(),
        );
        let oracle = Oracle::with(config, Box::new(cache.unwrap()));
        let functions: Vec<_> = oracle.functions().collect();
        let contract = Contract::new(&contract(&functions));
        Pair { oracle, contract, functions, _files: files }
    }

    /// The functions that contracts may import.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &'static HostFnDecl> {
        self.functions.iter().copied()
    }

    /// What both sides say of a case, ours first.
    fn run(&self, case: &Case, ending: Ending, bounds: Bounds) -> [Outcome; 2] {
        let call = case.circumstances.call(&case.script, ending, bounds);
        match self.oracle.both(&self.contract, &call) {
            Ok([ours, mut nears]) => {
                excuse_late_notice(&ours, &mut nears);
                [ours, nears]
            }
            Err(fault) => panic!("{fault:?} of {:?}", case.script.calls),
        }
    }

    /// What came of a case; panics with the least that differs where both sides do not agree.
    pub(crate) fn agree(
        &self,
        case: &Case,
        ending: Ending,
        bounds: Bounds,
        coverage: &mut Coverage,
    ) -> Outcome {
        coverage.runs += 1;
        let [ours, nears] = self.run(case, ending, bounds);
        if ours != nears {
            self.report(case, ending, bounds);
        }
        if let Some(failure) = &nears.failure {
            coverage.failure(failure);
        }
        nears
    }

    /// Drops calls, and the gas that they took, as long as both sides differ without them, and
    /// shows what is left.
    fn report(&self, case: &Case, ending: Ending, mut bounds: Bounds) -> ! {
        let bound = bounds.bound;
        let spent = |case: &Case| {
            let [_, nears] = self.run(case, ending, case.plenty());
            if bound == Bound::Prepaid { nears.used } else { nears.burnt }
        };
        let mut least = case.clone();
        let mut at = 0;
        while at < least.script.calls.len() {
            let mut less = least.clone();
            less.script.calls.remove(at);
            let dropped = spent(&least).saturating_sub(spent(&less));
            let gas =
                if bounds.gas == PLENTY { PLENTY } else { bounds.gas.saturating_sub(dropped) };
            let fewer = Bounds { gas, bound };
            let [ours, nears] = self.run(&less, ending, fewer);
            if ours == nears {
                at += 1;
            } else {
                (least, bounds) = (less, fewer);
            }
        }
        let [ours, nears] = self.run(&least, ending, bounds).map(|outcome| shown(&outcome));
        let lines = ours.iter().zip(&nears).filter(|(ours, nears)| ours != nears);
        let lines: Vec<_> =
            lines.map(|(ours, nears)| format!("  ours {ours}\n  near {nears}")).collect();
        let lines = lines.join("\n");
        panic!(
            "{ending:?} with {bounds:?} differ:\n{lines}\ncalls {:#?}\nin {:?}",
            least.script.calls, least.circumstances
        )
    }

    /// Makes calls at random, one after the other.
    pub(crate) fn drive(&self, seed: u64, coverage: &mut Coverage) {
        let mut dice = Dice::new(seed);
        let circumstances = Circumstances::generate(&mut dice);
        let view = dice.one_in(8);
        let script = Script { calls: Vec::new(), pokes: calls::pokes(&mut dice) };
        let mut case = Case { circumstances, script, view };
        let mut calls = if view { Vec::new() } else { self.promises(&mut dice) };
        calls.push(self.named("write_register", vec![1, 32, 64]));
        calls.extend(
            (0..4 + dice.below(9)).map(|turn| calls::call(&self.functions, seed, turn, &mut dice)),
        );
        for call in calls {
            self.add(&mut case, call, &mut dice, coverage);
        }
    }

    /// Makes one call of each function in a few plain ways: in a view, for a promise on the account
    /// itself, on another one and a joint one, and with an argument that is not sensible.
    pub(crate) fn sweep(&self, coverage: &mut Coverage) {
        for function in 0..self.functions.len() {
            let mut dice = Dice::new(function as u64);
            let plain = calls::sensible(&self.functions, function, &mut dice);
            let plain = calls::of_promise(&self.functions, &plain, 0);
            let spoilt = calls::spoilt(&self.functions, &plain, &mut dice);
            let joint = calls::of_promise(&self.functions, &plain, 1);
            let (itself, another) = ([10, 0], [8, 64]);
            for (view, account, call) in [
                (true, itself, plain.clone()),
                (false, itself, plain.clone()),
                (false, another, plain),
                (false, itself, joint),
                (false, another, spoilt),
            ] {
                let circumstances =
                    Circumstances::generate(&mut dice).of_account(memory::ACCOUNTS[0]);
                let mut case = Case { circumstances, script: Script::default(), view };
                let mut calls = vec![self.named("write_register", vec![1, 32, 64])];
                if !view {
                    calls.push(self.named("promise_batch_create", account.to_vec()));
                    calls.push(self.named("promise_and", vec![memory::INDICES, 1]));
                }
                calls.push(call);
                for call in calls {
                    self.add(&mut case, call, &mut dice, coverage);
                }
            }
        }
    }

    /// Adds a call to a case if it succeeds, so that each is compared with all that it changed,
    /// and its failures alone.
    fn add(&self, case: &mut Case, call: HostCall, dice: &mut Dice, coverage: &mut Coverage) {
        let name = call.name;
        let longer = case.with(call);
        let reported = self.agree(&longer, Ending::Report, case.plenty(), coverage);
        let after = self.agree(&longer, Ending::Silent, case.plenty(), coverage);
        let succeeded = after.failure.is_none();
        let calls = coverage.functions.entry(name).or_default();
        *if succeeded { &mut calls.succeeded } else { &mut calls.failed } += 1;
        let before =
            self.agree(&longer.but_for_the_last(), Ending::Silent, case.plenty(), coverage);
        let new = coverage.path(name, &before, &after);
        let (bounds, often) = (gas::bounds(case.view, dice), dice.one_in(25));
        if new || often {
            gas::walk(self, &longer, bounds, [&before, &after], coverage);
        }
        // A report that failed where the script did not is a limit that the script has reached.
        if succeeded && reported.failure.is_none() {
            *case = longer;
        }
    }

    /// Calls after which actions find a promise, and some functions more.
    fn promises(&self, dice: &mut Dice) -> Vec<HostCall> {
        let account = calls::account(dice);
        let mut calls = vec![self.named("promise_batch_create", account.to_vec())];
        if dice.one_in(8) {
            let args = [[0, account[0]], [account[1], memory::AMOUNTS]].concat();
            calls.push(self.named("promise_batch_action_state_init_by_account_id", args));
            for _ in 0..2 {
                let args = vec![0, 1, dice.below(3), 0, dice.below(9), 0];
                calls.push(self.named("set_state_init_data_entry", args));
            }
        }
        if dice.one_in(4) {
            calls.push(self.named("promise_and", vec![memory::INDICES, 1]));
        }
        calls
    }

    fn named(&self, name: &str, args: Vec<u64>) -> HostCall {
        let function = self.functions.iter().position(|decl| decl.name == name).unwrap();
        HostCall { function, name: self.functions[function].name, args, times: 1 }
    }
}

/// Where instructions burn more than a call may though more came with it, nearcore finds out only
/// at the next host call, some instructions later, and shows its own debug form. That cannot be at
/// protocol version 88, where as much may be burnt as may come with a call.
fn excuse_late_notice(ours: &Outcome, nears: &mut Outcome) {
    let failure = "HostError(GasLimitExceeded)";
    if nears.failure == Some(format!("LinkError {{ msg: {failure:?} }}")) {
        nears.failure = Some(failure.to_owned());
        nears.message = Some(NearError::GasLimitExceeded.to_string());
        nears.used = ours.used;
    }
}

/// An outcome, part by part.
fn shown(outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<_> =
        format!("{outcome:#?}").lines().map(|line| line.trim().to_owned()).collect();
    lines.dedup();
    lines
}
