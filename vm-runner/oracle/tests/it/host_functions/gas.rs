//! Gas that is not enough: each charge of a call is once the one that does not fit, and by one.

use std::collections::{BTreeMap, BTreeSet};

use oracle::Outcome;

use super::calls::Dice;
use super::circumstances::{Bound, Bounds};
use super::coverage::Coverage;
use super::drive::{Case, Pair};
use super::interpreter::Ending;

/// Runs for one call at most: calls that are made often have many charges.
const RUNS: usize = 200;

/// More gas than the instructions burn that come after the last call.
const AFTERWARDS: u64 = 50_000_000;

/// How the gas of a case is to be bounded, besides by what it may burn.
pub(crate) fn bounds(view: bool, dice: &mut Dice) -> &'static [Bound] {
    match (view, dice.one_in(3)) {
        (true, _) => &[],
        (false, false) => &[Bound::Prepaid],
        (false, true) => &[Bound::Prepaid, Bound::Both],
    }
}

/// Runs a case with amounts of gas between what it needed without its last call and what it needs
/// with it: all amounts where the charge that does not fit becomes another one.
///
/// What a case has paid for what when it may not burn more, by that amount, is a path on which each
/// charge is a straight line: only one cost grows, and by all of the gas. Where two amounts are not
/// on one line there is an amount in between at which a line ends. What such a run reports as used
/// is what would have been used with the charge that did not fit: with one less than that as
/// prepaid gas, the same charge does not fit.
pub(crate) fn walk(
    pair: &Pair,
    case: &Case,
    bounds: &[Bound],
    [before, after]: [&Outcome; 2],
    coverage: &mut Coverage,
) {
    let limit = if case.view { Bound::View } else { Bound::Burnt };
    let mut walk = Walk { pair, case, bound: limit, coverage, outcomes: BTreeMap::new() };
    let (low, high) = (before.burnt.saturating_sub(AFTERWARDS), after.burnt);
    for gas in [high, high.saturating_add(1)] {
        walk.run(gas);
    }
    if high > low {
        walk.find(low, high - 1);
    }
    let lines = walk.outcomes;
    let amounts = amounts(&lines, after.used);
    for bound in bounds.iter().copied() {
        for gas in amounts.range(before.used.saturating_sub(AFTERWARDS)..).copied() {
            pair.agree(case, Ending::Silent, Bounds { gas, bound }, coverage);
        }
    }
    let name = case.script.calls.last().expect("a case has a call").name;
    coverage.unpaid.extend(unpaid(&lines).map(|cost| (name, cost)));
}

/// Amounts of prepaid gas where a charge just fits, and where it just does not.
fn amounts(lines: &BTreeMap<u64, Outcome>, used: u64) -> BTreeSet<u64> {
    let mut amounts = BTreeSet::from([used]);
    let mut burnt = 0;
    for (gas, outcome) in lines {
        // With the charge that did not fit, and with all but what it burns: what was attached
        // to a promise before it.
        let before = outcome.used.saturating_sub(gas - burnt);
        amounts.extend([outcome.used, before, before.saturating_sub(1)]);
        burnt = *gas;
    }
    amounts.iter().flat_map(|gas| [gas.saturating_sub(1), *gas]).collect()
}

/// The costs of charges that did not fit by one.
fn unpaid(lines: &BTreeMap<u64, Outcome>) -> impl Iterator<Item = String> {
    let steps = lines.iter().zip(lines.iter().skip(1));
    let neighbours = steps.filter(|((low, _), (high, _))| **high == **low + 1);
    neighbours.flat_map(|((_, below), (_, above))| {
        differences(below, above).into_iter().map(|(cost, _)| cost.to_owned())
    })
}

struct Walk<'a> {
    pair: &'a Pair,
    case: &'a Case,
    bound: Bound,
    coverage: &'a mut Coverage,
    outcomes: BTreeMap<u64, Outcome>,
}

impl Walk<'_> {
    fn run(&mut self, gas: u64) -> Outcome {
        if let Some(outcome) = self.outcomes.get(&gas) {
            return outcome.clone();
        }
        let bounds = Bounds { gas, bound: self.bound };
        let outcome = self.pair.agree(self.case, Ending::Silent, bounds, self.coverage);
        self.outcomes.insert(gas, outcome.clone());
        outcome
    }

    /// Runs all amounts between `low` and `high` at which a line ends, and one less than each.
    fn find(&mut self, low: u64, high: u64) {
        let mut high = high;
        while high > low && self.outcomes.len() < RUNS {
            high = self.start_of_line(low, high);
        }
    }

    /// The least amount from `low` on that is on one line with `high`.
    fn start_of_line(&mut self, low: u64, high: u64) -> u64 {
        let at_high = self.run(high);
        let below = self.run(high - 1);
        let same = |outcome: &Outcome, at: u64| on_one_line(outcome, &at_high, high - at);
        let (mut out, mut on) = (low, high - 1);
        let mut at_out = self.run(out);
        if same(&at_out, out) {
            return out;
        }
        while on > out + 1 {
            // Mostly the charge is all that was paid for its cost from `out` on.
            let guess = match differences(&below, &at_high).as_slice() {
                [(cost, _)] => {
                    high.saturating_sub(paid(&at_high, cost).saturating_sub(paid(&at_out, cost)))
                }
                _ => out,
            };
            for amount in [guess, guess.saturating_sub(1), out + (on - out) / 2] {
                if amount > out && amount < on {
                    let outcome = self.run(amount);
                    if same(&outcome, amount) {
                        on = amount;
                    } else {
                        (out, at_out) = (amount, outcome);
                    }
                }
            }
        }
        on
    }
}

fn paid(outcome: &Outcome, cost: &str) -> u64 {
    outcome.profile.get(cost).copied().unwrap_or(0)
}

/// Costs for which more was paid, and how much more.
pub(crate) fn differences<'a>(low: &'a Outcome, high: &'a Outcome) -> Vec<(&'a str, u64)> {
    let costs = low
        .profile
        .keys()
        .chain(high.profile.keys().filter(|cost| !low.profile.contains_key(*cost)));
    costs
        .filter_map(|cost| {
            let more = paid(high, cost).abs_diff(paid(low, cost));
            (more > 0).then_some((cost.as_str(), more))
        })
        .collect()
}

/// Whether the same charge failed in both.
fn on_one_line(low: &Outcome, high: &Outcome, distance: u64) -> bool {
    low.failure == high.failure
        && matches!(differences(low, high).as_slice(), [(_, more)] if *more == distance)
}
