//! Prices for a chain that is not NEAR: its own host functions, cases, constants and prices in force.
//! Run it with `cargo run --release -p cost-estimator --example price_other_chain`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::float_arithmetic, reason = "units are real numbers")]

mod chain;

use std::collections::BTreeMap;

use anyhow::Context;
use cost_estimator::case::{Case, Prepared, Size, Units, sized};
use cost_estimator::constants::Constants;
use cost_estimator::machine;
use cost_estimator::metric::{Counter, Metric};
use cost_estimator::price::price;
use cost_estimator::report::{self, Line, Outcome, Report};
use cost_estimator::run::{Setup, serve, supervise};
use host_fns::abi::{Host, Memory};

use chain::{Counting, PRICES};

/// What it measures does not depend on what was allocated before.
#[global_allocator]
static ALLOCATOR: cost_estimator::Steady = cost_estimator::Steady;

/// Here a second is 10¹¹ gas, prices are twice what was measured, and nothing is on disk.
const CONSTANTS: Constants = Constants {
    gas_per_nanosecond: 100.0,
    gas_per_instruction: 100.0 / 4.0,
    gas_per_byte_read: 0.0,
    gas_per_byte_written: 0.0,
    safety_factor: 2.0,
};

fn cases() -> Vec<Case> {
    let count =
        Case::new("count", &["count_base", "count_byte"], sized(&[64, 4_096, 65_536]), calls);
    vec![count]
}

/// `size.calls` calls of `count` on as many bytes as `size.each`. How many units they are is in the
/// gas profile of a host that was called once before.
fn calls(size: Size) -> anyhow::Result<Prepared> {
    let function = Counting::FUNCTIONS.first().context("the chain has a function")?;
    let bytes = vec![0x5a; usize::try_from(size.each)?];
    let run = move |mut host: Counting, mut bytes: Vec<u8>| {
        let mut sum = 0_u64;
        for _ in 0..size.calls {
            let mut memory = Memory::new(&mut bytes);
            let counted = (function.call)(&mut host, &mut memory, &[size.each, 0]);
            sum = sum.wrapping_add(counted.unwrap_or_default());
        }
        (host, bytes, sum)
    };
    let (mut first, ..) = run(Counting::with_unit_prices(), bytes.clone());
    let profile = first.gas().profile();
    let name = |id| PRICES.iter().find(|(known, ..)| *known == id).map(|(_, name, _)| *name);
    let units: Units = profile
        .iter()
        .filter_map(|(id, gas)| Some((name(id)?.to_owned(), cost_estimator::real(gas.units()))))
        .collect();
    let host = Counting::with_unit_prices();
    Ok(Prepared::new(units, move || Ok(run(host, bytes))))
}

fn main() -> anyhow::Result<()> {
    // This program is started again to be measured.
    if serve(|_| Ok(cases()))? {
        return Ok(());
    }
    let metric =
        if Metric::Instructions.counter().is_ok() { Metric::Instructions } else { Metric::Time };
    let counter: Counter = metric.counter()?;
    let folder = tempfile::tempdir()?;
    let setup = Setup::new(counter, "none", false)?;
    let measured = supervise(&cases(), &setup, &folder.path().join("journal"), &mut |_, _| {})?;

    let charged: BTreeMap<String, u64> =
        PRICES.iter().map(|(_, name, gas)| ((*name).to_owned(), *gas)).collect();
    let priced = price(&cases(), &measured, metric, &CONSTANTS);
    let line = |priced| Line::new(priced, metric, &CONSTANTS, charged.get(&priced.cost).copied());
    let figures: Vec<Line> = priced.iter().map(line).collect();
    let report = Report {
        protocol_version: 1,
        metric,
        counter,
        vm: setup.vm,
        arch: std::env::consts::ARCH.to_owned(),
        machine: machine::describe(),
        constants: CONSTANTS,
        fees: report::fees(&figures, &charged),
        figures,
    };
    report.table(&mut std::io::stdout().lock())?;
    report::write_folder(&report, &folder.path().join("report"))?;
    println!("fees: {:?}", report.fees);

    let costs: Vec<&str> = report.figures.iter().map(|line| line.cost.as_str()).collect();
    assert_eq!(costs, ["count_base", "count_byte"]);
    // By the clock, a busy machine may leave both uncertain.
    if metric == Metric::Instructions {
        let known = |line: &Line| matches!(line.result, Outcome::Known { .. });
        assert!(report.figures.iter().all(known), "{:?}", report.figures);
    }
    Ok(())
}
