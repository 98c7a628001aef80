//! The least gas, and the least deposit, with which a call still does what it did: the transaction
//! succeeds, and the same receipts run on the same accounts with the same results, refunds apart.
//! Found by running it again; with one unit less it does not.

use near_primitives::action::{Action, FunctionCallAction};
use near_primitives::transaction::{SignedTransaction, Transaction};
use near_primitives::types::{AccountId, Balance, Gas};
use sandbox_runtime::verify::WellFormed;
use serde::Serialize;

use super::stage::{Run, Stage};
use super::{Execution, succeeded};
use crate::chain::Progress;

/// What a call of a transaction needs, with everything else as it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Least {
    /// Which action of the transaction is the call.
    pub action: usize,
    /// What it calls.
    pub method_name: String,
    /// The least gas to attach.
    pub gas: Gas,
    /// The least deposit to attach, in yoctoNEAR.
    pub deposit: Balance,
    /// Whether one unit less of either was seen to fail. The search ends early for transactions that
    /// burn so much gas that it would take long.
    pub exact: bool,
}

/// What all runs of a search may take together.
struct Budget {
    runs: u32,
    gas: Gas,
}

/// Gas needs a dozen runs as a rule, a deposit of 10 NEAR that a contract weighs to the yocto 84.
const RUNS: u32 = 400;
/// What five full blocks burn: seconds at most.
const GAS: Gas = Gas::from_teragas(5_000);

/// The least gas and deposit of each call in `transaction`, which gave `run`.
pub(super) fn find(stage: &Stage, transaction: &WellFormed, run: &Run) -> Option<Vec<Least>> {
    let execution = run.chain.execution(&run.hash)?;
    let is_done = execution.progress() == Progress::Complete && succeeded(&execution);
    // One that waits in the pool would run before those that are tried.
    if !is_done || stage.chain.pool.contains(&run.hash) {
        return None;
    }
    let shape = Shape::of(run, &execution);
    let mut search = Search { stage, transaction, shape, budget: Budget { runs: RUNS, gas: GAS } };
    let actions = transaction.transaction().transaction.actions().iter().enumerate();
    let calls = actions.filter_map(|(index, action)| match action {
        Action::FunctionCall(call) => Some((index, call)),
        _ => None,
    });
    let first = Attempt::of(run, &execution);
    Some(calls.map(|(index, call)| search.least(index, call, &first)).collect())
}

/// What has to stay the same.
#[derive(PartialEq, Eq)]
struct Shape(Vec<(AccountId, bool)>);

impl Shape {
    /// Where the receipts ran, but for refunds, and whether they failed.
    fn of(run: &Run, execution: &Execution<'_>) -> Self {
        use near_primitives::transaction::ExecutionStatus::Failure;
        let is_refund = |id| {
            run.chain.receipt(id).is_some_and(|(receipt, _)| receipt.predecessor_id().is_system())
        };
        let outcomes = execution.outcomes.iter().map(|at| at.outcome);
        let outcomes = outcomes.filter(|outcome| !is_refund(&outcome.id)).map(|outcome| {
            let failed = matches!(outcome.outcome.status, Failure(_));
            (outcome.outcome.executor_id.clone(), failed)
        });
        Self(outcomes.collect())
    }
}

/// The gas that the calls of a run did not need, by which the next run is chosen.
#[derive(Clone)]
struct Attempt {
    /// By action of the transaction's own receipt: what was spare, and how much of it was shared.
    own: Vec<(u64, u64)>,
    /// What was spare in each call of the run, where there is the same number of calls each time.
    spare: Vec<u64>,
}

impl Attempt {
    fn of(run: &Run, execution: &Execution<'_>) -> Self {
        let mut receipts = execution
            .outcomes
            .iter()
            .skip(1)
            .map(|at| run.itemized.get(&at.outcome.id).map(Vec::as_slice).unwrap_or_default());
        let amounts =
            |action: &sandbox_runtime::ActionGas| (action.spare.as_gas(), action.shared.as_gas());
        let own: Vec<_> = receipts.next().unwrap_or_default().iter().map(amounts).collect();
        let others = receipts.flatten().map(|action| action.spare.as_gas());
        let spare = own.iter().map(|(spare, _)| *spare).chain(others).collect();
        Self { own, spare }
    }

    /// By how much less the call at `index` can surely do, as far as one run shows.
    fn surely(&self, index: usize) -> u64 {
        match self.own.get(index) {
            Some((spare, 0)) => *spare,
            // Others get their share of it: none may lose more than it has to spare.
            Some(_) => self.spare.iter().copied().filter(|spare| *spare > 0).min().unwrap_or(0),
            None => 0,
        }
    }

    /// The same from two runs of which this one had `less` gas: who gets a share loses in proportion.
    fn probably(&self, before: &Self, less: u128) -> Option<u128> {
        // So close, the shares are rounded by as much as they differ.
        if less < 1_000 {
            return None;
        }
        let pairs = self.spare.iter().zip(&before.spare).filter(|(now, then)| now < then);
        let left = pairs.filter_map(|(now, then)| {
            let lost = u128::from(then.saturating_sub(*now));
            u128::from(*now).checked_mul(less)?.checked_div(lost)
        });
        left.min()
    }
}

struct Search<'a> {
    stage: &'a Stage,
    transaction: &'a WellFormed,
    shape: Shape,
    budget: Budget,
}

/// The budget is spent.
struct Spent;

impl Search<'_> {
    fn least(&mut self, index: usize, call: &FunctionCallAction, first: &Attempt) -> Least {
        let (gas, gas_is_exact) = self.least_gas(index, call.gas.as_gas(), first);
        let (deposit, deposit_is_exact) = self.least_deposit(index, call.deposit.as_yoctonear());
        Least {
            action: index,
            method_name: call.method_name.clone(),
            gas: Gas::from_gas(gas),
            deposit: Balance::from_yoctonear(deposit),
            exact: gas_is_exact && deposit_is_exact,
        }
    }

    fn least_gas(&mut self, index: usize, given: u64, first: &Attempt) -> (u64, bool) {
        // A call without gas is not valid.
        let mut bracket = Bracket::new(0, given.into());
        let mut at_most = first.clone();
        bracket.guess = u128::from(given).checked_sub(first.surely(index).into());
        let exact = bracket.close(|bracket, gas| {
            let gas = Gas::from_gas(u64::try_from(gas).unwrap_or(u64::MAX));
            let Some(found) = self.attempt(index, |call| call.gas = gas)? else {
                return Ok(false);
            };
            let less = bracket.works.saturating_sub(gas.as_gas().into());
            let further = found.probably(&at_most, less);
            bracket.guess = u128::from(gas.as_gas()).checked_sub(further.unwrap_or(0));
            at_most = found;
            Ok(true)
        });
        (u64::try_from(bracket.works).unwrap_or(u64::MAX), exact)
    }

    fn least_deposit(&mut self, index: usize, given: u128) -> (u128, bool) {
        if given == 0 {
            return (0, true);
        }
        let mut attempt = |deposit| {
            let deposit = Balance::from_yoctonear(deposit);
            self.attempt(index, |call| call.deposit = deposit).map(|found| found.is_some())
        };
        match attempt(0) {
            Ok(true) => return (0, true),
            Ok(false) => {}
            Err(Spent) => return (given, false),
        }
        let mut bracket = Bracket::new(0, given);
        // Contracts ask for one yocto, or for what they were given, or for something between.
        let mut guesses = [1, given.saturating_sub(1)].into_iter();
        bracket.guess = guesses.next();
        bracket.step = u128::MAX;
        let exact = bracket.close(|bracket, deposit| {
            let works = attempt(deposit);
            bracket.guess = guesses.next();
            works
        });
        (bracket.works, exact)
    }

    /// Runs the transaction with another call at `index`. `None` if it does not do the same.
    fn attempt(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut FunctionCallAction),
    ) -> Result<Option<Attempt>, Spent> {
        if self.budget.runs == 0 || self.budget.gas == Gas::ZERO {
            return Err(Spent);
        }
        self.budget.runs = self.budget.runs.saturating_sub(1);
        let SignedTransaction { mut transaction, signature, .. } =
            self.transaction.transaction().clone();
        let actions = match &mut transaction {
            Transaction::V0(transaction) => &mut transaction.actions,
            Transaction::V1(transaction) => &mut transaction.actions,
        };
        if let Some(Action::FunctionCall(call)) = actions.get_mut(index) {
            change(call);
        }
        let signed = SignedTransaction::new(signature, transaction);
        let config = self.stage.chain.runtime.config();
        let well_formed = if self.transaction.is_impersonated() {
            WellFormed::impersonated(config, signed)
        } else {
            WellFormed::unsigned(config, signed)
        };
        let Ok(transaction) = well_formed else { return Ok(None) };
        let Ok(run) = self.stage.run(transaction) else { return Ok(None) };
        let Some(execution) = run.chain.execution(&run.hash) else { return Ok(None) };
        for at in &execution.outcomes {
            self.budget.gas = self.budget.gas.saturating_sub(at.outcome.outcome.gas_burnt);
        }
        let same = succeeded(&execution) && Shape::of(&run, &execution) == self.shape;
        Ok(same.then(|| Attempt::of(&run, &execution)))
    }
}

/// An amount that does not work, and one above it that does.
struct Bracket {
    fails: u128,
    works: u128,
    /// What to try next, if there is a reason for it.
    guess: Option<u128>,
    /// How far to go from a guess that was close; it doubles.
    step: u128,
    /// Whether to go up from what fails, and not down from what works.
    upwards: bool,
}

impl Bracket {
    fn new(fails: u128, works: u128) -> Self {
        Self { fails, works, guess: None, step: 1, upwards: false }
    }

    /// Tries amounts between the two until they are neighbours. `works` says whether one does, and
    /// may leave a guess. Returns whether it came to the end.
    fn close(&mut self, mut works: impl FnMut(&mut Self, u128) -> Result<bool, Spent>) -> bool {
        while self.works.saturating_sub(self.fails) > 1 {
            let guess = self.guess.take().filter(|at| self.fails < *at && *at < self.works);
            let at = guess.unwrap_or_else(|| self.next());
            match works(self, at) {
                Ok(true) => self.works = at,
                Ok(false) => self.fails = at,
                Err(Spent) => return false,
            }
            if guess.is_some() {
                // A guess that fails was a little too low, one that works a little too high.
                self.upwards = self.fails == at;
            }
        }
        true
    }

    /// Further from where the last guess was, in growing steps, or the middle.
    fn next(&mut self) -> u128 {
        let gap = self.works.saturating_sub(self.fails);
        let step = self.step;
        self.step = step.saturating_mul(2);
        if gap <= step.saturating_mul(2) {
            self.fails.saturating_add(gap / 2)
        } else if self.upwards {
            self.fails.saturating_add(step)
        } else {
            self.works.saturating_sub(step)
        }
    }
}
