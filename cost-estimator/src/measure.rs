//! Takes the measurements of a case: preparation is not counted, what the work takes without what
//! is priced is subtracted, and the least of several rounds counts. Rounds go over all sizes in turn, so that a
//! slow moment of the machine does not fall on one size alone.

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Units};
use crate::metric::Meter;

/// How often every size is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Rounds that are thrown away: caches fill, and what is done once in a process is done.
    pub warm_up: u32,
    /// Rounds that count.
    pub rounds: u32,
}

impl Effort {
    /// What a counter of instructions needs: the second round shows whether it repeats.
    pub const EXACT: Effort = Effort { warm_up: 1, rounds: 2 };
    /// The least of it.
    pub const QUICK: Effort = Effort { warm_up: 1, rounds: 1 };
    /// What the clock needs.
    pub const NOISY: Effort = Effort { warm_up: 3, rounds: 15 };
}

/// A case at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The units of every cost.
    pub units: Units,
    /// What the metric counted, the least of all rounds.
    pub value: f64,
    /// How far the median of the rounds is above the least, as a share of it.
    pub spread: f64,
}

/// The measurements of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The name of the case.
    pub case: String,
    /// One for each size.
    pub points: Vec<Point>,
    /// Why there are none, if it could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Measures `case` at each of its sizes.
pub fn measure(case: &Case, effort: Effort, meter: &mut Meter) -> anyhow::Result<Measured> {
    let empty = baseline(effort, meter)?;
    let mut runs: Vec<(Units, Vec<f64>)> = vec![Default::default(); case.sizes.len()];
    for round in 0..effort.warm_up.saturating_add(effort.rounds) {
        for (size, (units, values)) in case.sizes.iter().zip(&mut runs) {
            let prepared = case.prepare(*size).with_context(|| {
                format!("{} at size {size:?} cannot be prepared ({})", case.name, case.at)
            })?;
            if round < effort.warm_up {
                prepared.rest.map(|rest| rest());
                drop((prepared.run)());
                continue;
            }
            *units = prepared.units;
            let rest = prepared.rest.map_or(Ok(empty), |rest| meter.count(rest))?;
            values.push(meter.count(prepared.run)? - rest);
        }
    }
    let points = runs.into_iter().map(|(units, values)| point(units, values)).collect();
    Ok(Measured { case: case.name.clone(), points, failure: None })
}

/// What counting takes when nothing is done.
fn baseline(effort: Effort, meter: &mut Meter) -> anyhow::Result<f64> {
    let mut least = f64::MAX;
    for _ in 0..effort.rounds.max(2) {
        let empty: Box<dyn FnOnce() -> Box<dyn std::any::Any>> = Box::new(|| Box::new(()));
        least = least.min(meter.count(empty)?);
    }
    Ok(least)
}

fn point(units: Units, mut values: Vec<f64>) -> Point {
    values.sort_by(f64::total_cmp);
    let least = values.first().copied().unwrap_or_default();
    let median = values.get(values.len() / 2).copied().unwrap_or_default();
    // Of what takes nothing, any difference is all of it.
    let spread = if median > 0.0 { (median - least) / least.max(median / 2.0) } else { 0.0 };
    Point { units, value: least.max(0.0), spread }
}

#[cfg(test)]
mod tests {
    use super::{Effort, measure, point};
    use crate::case::{Case, Prepared, repeated, units};
    use crate::metric::{Counter, Meter};

    #[test]
    fn each_size_is_a_point_with_its_units() -> anyhow::Result<()> {
        let case = Case::new("spin", &["spin"], repeated(), |size| {
            Ok(Prepared::new(units(&[("spin", size.calls)]), move || (0..size.calls).sum::<u64>()))
        });
        let mut clock = Meter::open(Counter::Clock, None)?;
        let measured = measure(&case, Effort { warm_up: 0, rounds: 2 }, &mut clock)?;
        let counted: Vec<f64> = measured.points.iter().map(|point| point.units["spin"]).collect();
        assert_eq!(counted, [1.0, 2.0, 4.0, 8.0]);
        Ok(())
    }

    #[test]
    fn what_cannot_be_prepared_is_named_with_its_place() {
        let case = Case::new("broken", &["broken"], repeated(), |_| anyhow::bail!("no wasm"));
        let mut clock = Meter::open(Counter::Clock, None).expect("a clock");
        let error = measure(&case, Effort::QUICK, &mut clock).expect_err("it is broken");
        let message = format!("{error:#}");
        assert!(message.contains("broken") && message.contains("measure.rs"), "{message}");
    }

    #[test]
    fn the_least_counts_and_the_spread_is_seen() {
        let of = |values: [f64; 3]| point(units(&[]), values.to_vec());
        let some = of([30.0, 20.0, 22.0]);
        assert!((some.value - 20.0).abs() < 1e-9 && (some.spread - 0.1).abs() < 1e-9);
        let little = of([-5.0, 1.0, 3.0]);
        assert!(little.value < 1e-9 && little.spread > 1.0, "{little:?}");
    }
}
