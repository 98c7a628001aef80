//! Looks for modules that do the most work for the least gas: instructions and host calls are put
//! together at random into a loop, run, and what is worst so far is changed further. The same seed
//! tries the same modules, as far as they measure alike.
//!
//! What counts is the loop, which an attacker has go round as long as the gas lasts: what it takes and
//! is charged once is subtracted from what it does in many rounds. What a call takes by itself is
//! paid by the fee of its action, and is seen in recorded calls.

mod genome;

use std::sync::Arc;

use gas_meter::Gas;
use host_fns::near::{InMemory, NearHost};
use sandbox_runtime::RuntimeConfig;
use vm_runner::VmKind;
use vm_runner::near::Fixture;

use crate::cases::scene::context;
use crate::check::Checked;
use crate::constants::Constants;
use crate::measure::Measured;
use crate::metric::Metric;
use crate::rng::Rng;
use crate::workload::{self, Call};
use genome::Genome;

/// How far is searched, and how work is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// What decides which modules are tried.
    pub seed: u64,
    /// Modules that are tried.
    pub modules: usize,
    /// What modules are measured in.
    pub metric: Metric,
    /// What their work is worth.
    pub constants: Constants,
}

/// A module that was tried.
#[derive(Clone, Debug)]
pub struct Found {
    /// The call, to be run again.
    pub call: Call,
    /// What it was charged, and what it took.
    pub checked: Checked,
    genome: Genome,
}

/// Modules that are tried between two looks at which are the worst.
const GENERATION: usize = 16;
/// The worst modules, of which others are made.
const KEPT: usize = 10;

/// Rounds of the loop, if the gas lasts.
const ROUNDS: u64 = 1_024;
/// Gas that a module comes with: five milliseconds of a chain's time, which is long beside what a
/// call takes by itself, and short enough to be counted.
const GAS: Gas = Gas::new(5_000_000_000_000);

/// Has modules measured.
pub type Measure<'a> = &'a mut dyn FnMut(&[Call]) -> anyhow::Result<Vec<Measured>>;

/// The worst modules under the prices of `near`: those with the most work for their gas first, and no
/// two of the same instructions and functions. `measure` runs modules, `goes_on` is told after each
/// generation how many were tried and what is the worst, and ends the search with false.
///
/// # Errors
/// When a module cannot be written, or measuring fails as a whole. A module that cannot be measured
/// is none of the worst.
pub fn search(
    near: &RuntimeConfig,
    vm: VmKind,
    plan: Plan,
    measure: Measure<'_>,
    goes_on: &mut dyn FnMut(usize, &[Found]) -> bool,
) -> anyhow::Result<Vec<Found>> {
    let mut rng = Rng::new(plan.seed);
    let features = near.vm().host_features;
    let mut waiting = genome::singles(features, &mut rng);
    let mut worst: Vec<Found> = Vec::new();
    let mut tried = 0;
    while tried < plan.modules {
        let size = GENERATION.min(plan.modules - tried);
        while waiting.len() < size {
            let parents: Vec<&Genome> = worst.iter().map(|found| &found.genome).collect();
            waiting.push(genome::child(&parents, features, &mut rng));
        }
        let generation: Vec<Genome> = waiting.drain(..size).collect();
        let mut calls = Vec::new();
        for (at, genome) in generation.iter().enumerate() {
            for rounds in [ROUNDS, 1] {
                let name = name(tried + at, rounds);
                calls.push(Call { name, fixture: fixture(near, vm, &genome.module(rounds)?)? });
            }
        }
        let measured = measure(&calls)?;
        for (at, (genome, call)) in generation.into_iter().zip(calls.iter().step_by(2)).enumerate()
        {
            let of = |rounds| {
                let name = name(tried + at, rounds);
                measured.iter().find(|measured| measured.case == name)
            };
            let Some(of_loop) =
                of(ROUNDS).zip(of(1)).and_then(|(many, once)| plan.check(many, once))
            else {
                continue;
            };
            let checked = Checked { name: genome.to_string(), ..of_loop };
            keep(&mut worst, Found { call: call.clone(), checked, genome });
        }
        tried += size;
        if !goes_on(tried, &worst) {
            break;
        }
    }
    Ok(worst)
}

fn name(module: usize, rounds: u64) -> String {
    format!("{module:04}-{rounds}")
}

impl Plan {
    /// What a loop does in all rounds but the first.
    fn check(&self, many: &Measured, once: &Measured) -> Option<Checked> {
        let check = |measured| {
            let gas = |cost: &str| (cost == workload::GAS).then_some(1.0);
            Checked::new(measured, self.metric, &self.constants, gas)
        };
        let mut once = once.clone();
        for point in &mut once.points {
            // It is so little beside the others that it need not be exact.
            point.spread = 0.0;
        }
        check(many)?.without(&check(&once)?)
    }
}

/// Puts `found` to its place among the worst: one of each kind, so that the search does not end in
/// copies of the first that it finds.
fn keep(worst: &mut Vec<Found>, found: Found) {
    let ratio = |found: &Found| found.checked.ratio().unwrap_or_default();
    let kind = found.genome.kind();
    if let Some(same) = worst.iter_mut().find(|other| other.genome.kind() == kind) {
        if ratio(&found) > ratio(same) {
            *same = found;
        }
    } else {
        worst.push(found);
    }
    worst.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)));
    worst.truncate(KEPT);
}

/// A call of `module`.
fn fixture(near: &RuntimeConfig, vm: VmKind, module: &[u8]) -> anyhow::Result<Fixture> {
    let config = Arc::clone(near.host());
    let world = InMemory::new("alice.near", "mainnet");
    let fault = |fault| anyhow::anyhow!("{fault}");
    let mut host = NearHost::new(world, context(GAS), config).map_err(fault)?;
    let case = vm_runner::Case { wasm: module, entry: genome::METHOD, host: &mut host };
    Fixture::recorded(&[vm], case, near.vm()).map_err(fault)
}

#[cfg(test)]
mod tests {
    use sandbox_runtime::near::PROTOCOL_VERSION;
    use sandbox_runtime::{FeeTable, RuntimeConfig, VmKind};

    use super::{Found, Plan, ROUNDS, search};
    use crate::case::units;
    use crate::constants::Constants;
    use crate::measure::{Measured, Point};
    use crate::metric::{Io, Metric};
    use crate::workload::{Call, GAS, with_fees};

    fn near() -> RuntimeConfig {
        RuntimeConfig::new(PROTOCOL_VERSION).expect("supported")
    }

    fn plan(seed: u64, modules: usize) -> Plan {
        Plan { seed, modules, metric: Metric::Time, constants: Constants::NEAR }
    }

    /// A call of which one round takes a nanosecond and costs one, and all of them take `work`.
    fn measured(call: &Call, work: f64) -> Measured {
        let is_whole = call.name.ends_with(&format!("-{ROUNDS}"));
        let (gas, value) = if is_whole { (2, work) } else { (1, 1.0) };
        charged(call, gas, value)
    }

    /// A call that is charged `gas` and takes so many nanoseconds.
    fn charged(call: &Call, gas: u64, value: f64) -> Measured {
        let point = Point { units: units(&[(GAS, gas)]), value, spread: 0.0, io: Io::default() };
        Measured { case: call.name.clone(), points: vec![point], failure: None }
    }

    /// What a call burns.
    fn burnt(call: &Call) -> anyhow::Result<u64> {
        let finished = call.fixture.ready(VmKind::ALL[0].vm())?.run(call.fixture.host()?)?;
        Ok(finished.host.core.gas.burnt().units())
    }

    /// What a search ends with in which the work of a module is the bytes that it has.
    fn found(plan: Plan) -> Vec<Found> {
        let bytes = |call: &Call| crate::real_len(call.fixture.module().len());
        let mut measure =
            |calls: &[Call]| Ok(calls.iter().map(|call| measured(call, bytes(call))).collect());
        search(&near(), VmKind::ALL[0], plan, &mut measure, &mut |_, _| true).expect("searched")
    }

    #[test]
    fn the_same_seed_finds_the_same_and_more_modules_find_worse_ones() {
        let names = |found: &[Found]| -> Vec<String> {
            found.iter().map(|found| found.checked.name.clone()).collect()
        };
        let once = found(plan(1, 500));
        assert_eq!(names(&once), names(&found(plan(1, 500))));
        assert_ne!(names(&once), names(&found(plan(2, 500))));
        let few = found(plan(1, 300));
        assert!(once[0].checked.ratio() > few[0].checked.ratio(), "{few:?}");
        assert!(once.len() <= 10 && once[0].checked.ratio() >= once[1].checked.ratio());
    }

    /// Work is what it would cost under NEAR's price, so that whoever pays less has found that one.
    #[test]
    fn a_price_that_is_too_low_is_found() -> anyhow::Result<()> {
        const LOW: &str = "wasm_regular_op_cost";
        let right: FeeTable = [(LOW.to_owned(), near().fee_table()[LOW])].into();
        let wrong = near().with_fees(&[(LOW.to_owned(), 1)].into())?;
        let mut measure = |calls: &[Call]| {
            let under_right_prices = with_fees(calls.to_vec(), &right)?;
            let measured = calls.iter().zip(&under_right_prices).map(|(call, right)| {
                let nanoseconds = crate::real(burnt(right)?) / Constants::NEAR.gas_per_nanosecond;
                Ok(charged(call, burnt(call)?, nanoseconds))
            });
            measured.collect()
        };
        let found = search(&wrong, VmKind::ALL[0], plan(1, 320), &mut measure, &mut |_, _| true)?;
        let calls_nothing = |found: &Found| !found.checked.name.contains('(');
        assert!(found.len() == 10 && found.iter().all(calls_nothing), "{found:?}");
        assert!(found[0].checked.ratio() > Some(10_000.0), "{found:?}");
        Ok(())
    }

    #[test]
    fn a_search_ends_when_it_is_told_to() {
        let mut generations = 0;
        let mut goes_on = |tried: usize, _: &[Found]| {
            generations += 1;
            assert_eq!(tried, generations * 16);
            generations < 2
        };
        let mut measure =
            |calls: &[Call]| Ok(calls.iter().map(|call| measured(call, 2.0)).collect());
        let found = search(&near(), VmKind::ALL[0], plan(1, 1_000), &mut measure, &mut goes_on);
        assert!(found.expect("searched").is_empty(), "all rounds are no more than one");
        assert_eq!(generations, 2);
    }
}
