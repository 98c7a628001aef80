//! Takes the measurements of a case: preparation is not counted, what the work takes without what
//! is priced is subtracted, and the least of several rounds counts. Rounds go over all sizes in turn, so that a
//! slow moment of the machine does not fall on one size alone.

use std::any::Any;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Units, Work};
use crate::constants::Constants;
use crate::metric::{Io, Meter, Metric};

/// How often every size is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// What is thrown away before: caches fill, and what is done once in a process is done.
    pub warm_up: WarmUp,
    /// Rounds that count.
    pub rounds: u32,
}

/// What is run before anything counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// The last size, which is the largest, once.
    Largest,
    /// So many rounds of all sizes.
    Rounds(u32),
}

impl Effort {
    /// What a counter of instructions needs: the median of three rounds shows whether it repeats.
    pub const EXACT: Effort = Effort { warm_up: WarmUp::Rounds(1), rounds: 3 };
    /// The least of it.
    pub const QUICK: Effort = Effort { warm_up: WarmUp::Largest, rounds: 1 };
    /// What the clock needs.
    pub const NOISY: Effort = Effort { warm_up: WarmUp::Rounds(3), rounds: 15 };
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
    /// The bytes of files that were read and written, if that was counted.
    #[serde(default, skip_serializing_if = "Io::is_nothing")]
    pub io: Io,
}

impl Point {
    /// All that was counted, in the metric.
    pub fn amount(&self, metric: Metric, constants: &Constants) -> f64 {
        self.value + constants.amount_of_io(metric, self.io)
    }
}

/// What the rounds of a size took.
#[derive(Clone, Debug, Default)]
struct Runs {
    units: Units,
    all: Vec<Taken>,
    /// The same without what is priced.
    rest: Vec<Taken>,
}

/// What a run of a case took.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    value: f64,
    io: Io,
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
    let empty = baseline(case, effort, meter)?;
    let mut runs: Vec<Runs> = vec![Runs::default(); case.sizes.len()];
    let warm_up = match effort.warm_up {
        WarmUp::Largest => 1,
        WarmUp::Rounds(rounds) => rounds,
    };
    for round in 0..warm_up.saturating_add(effort.rounds) {
        let skipped = match effort.warm_up {
            WarmUp::Largest if round < warm_up => case.sizes.len().saturating_sub(1),
            _ => 0,
        };
        for (size, runs) in case.sizes.iter().zip(&mut runs).skip(skipped) {
            let others = threads();
            let prepared = case.prepare(*size).with_context(|| {
                format!("{} at size {size:?} cannot be prepared ({})", case.name, case.at)
            })?;
            // What both return is dropped when both were counted: threads may end with it.
            let (rest, of_rest) = match prepared.rest {
                Some(rest) => taken(case, meter, rest)?,
                None => (empty, nothing()?),
            };
            let (all, of_all) = taken(case, meter, prepared.run)?;
            drop((of_rest, of_all));
            wait_for_others(others);
            if round >= warm_up {
                runs.units = prepared.units;
                runs.all.push(all);
                runs.rest.push(rest);
            }
        }
    }
    let points = runs.into_iter().map(point).collect();
    Ok(Measured { case: case.name.clone(), points, failure: None })
}

fn taken(case: &Case, meter: &mut Meter, work: Work) -> anyhow::Result<(Taken, Box<dyn Any>)> {
    let (value, io, result) = if case.does_io {
        meter.count_with_io(work)?
    } else {
        let (value, result) = meter.count(work)?;
        (value, Io::default(), result)
    };
    let result = result.with_context(|| format!("{} failed ({})", case.name, case.at))?;
    Ok((Taken { value, io }, result))
}

/// The threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits for threads that came with a run and end with it: what they tidy up would be counted with the next one.
fn wait_for_others(before: usize) {
    const LONGEST: u32 = 1_000;
    for _ in 0..LONGEST {
        if threads() <= before {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// What work returns that does nothing.
#[allow(clippy::unnecessary_wraps, reason = "other work can fail")]
fn nothing() -> anyhow::Result<Box<dyn Any>> {
    Ok(Box::new(()))
}

/// What counting takes when nothing is done.
fn baseline(case: &Case, effort: Effort, meter: &mut Meter) -> anyhow::Result<Taken> {
    let mut all = Vec::new();
    for _ in 0..effort.rounds.max(2) {
        all.push(taken(case, meter, Box::new(nothing))?.0);
    }
    all.into_iter().min_by(|a, b| a.value.total_cmp(&b.value)).context("it was counted")
}

fn point(Runs { units, all, rest }: Runs) -> Point {
    let (all, rest) = (Rounds::of(all), Rounds::of(rest));
    let least = all.least.value - rest.least.value;
    // Of what takes nothing, any difference is all of it.
    let off = all.off + rest.off;
    let spread = if off > 0.0 { off / least.max(off) } else { 0.0 };
    Point { units, value: least.max(0.0), spread, io: all.least.io.without(rest.least.io) }
}

/// What all rounds of the same work took.
struct Rounds {
    least: Taken,
    /// How far the median is above the least.
    off: f64,
}

impl Rounds {
    fn of(mut values: Vec<Taken>) -> Self {
        values.sort_by(|a, b| a.value.total_cmp(&b.value));
        let least = values.first().copied().unwrap_or_default();
        let median = values.get(values.len() / 2).copied().unwrap_or_default();
        Rounds { least, off: median.value - least.value }
    }
}

#[cfg(test)]
mod tests {
    use super::{Effort, Runs, Taken, WarmUp, measure, point};
    use crate::case::{Case, Prepared, repeated, units};
    use crate::metric::{Counter, Io, Meter};

    #[test]
    fn each_size_is_a_point_with_its_units() -> anyhow::Result<()> {
        let case = Case::new("spin", &["spin"], repeated(), |size| {
            let spin = move || Ok((0..size.calls).sum::<u64>());
            Ok(Prepared::new(units(&[("spin", size.calls)]), spin))
        });
        let mut clock = Meter::open(Counter::Clock, None)?;
        let measured =
            measure(&case, Effort { warm_up: WarmUp::Rounds(0), rounds: 2 }, &mut clock)?;
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
    fn what_fails_is_no_measurement() {
        let fails =
            || Prepared::new(units(&[]), || Err::<(), _>(anyhow::anyhow!("the disk is gone")));
        let works = || Prepared::new(units(&[]), || Ok(()));
        let cases = [
            Case::new("all", &["all"], repeated(), move |_| Ok(fails())),
            Case::new("rest", &["rest"], repeated(), move |_| Ok(works().without(fails()))),
        ];
        let mut clock = Meter::open(Counter::Clock, None).expect("a clock");
        for case in cases {
            let error = measure(&case, Effort::QUICK, &mut clock).expect_err("it fails");
            let message = format!("{error:#}");
            let said = message.starts_with(&format!("{} failed (", case.name));
            assert!(said && message.ends_with("the disk is gone"), "{message}");
        }
    }

    #[test]
    fn the_least_counts_and_the_spread_is_seen() {
        let taken = |value| Taken { value, io: Io { read: value, written: 0.0 } };
        let of = |all: [f64; 3], rest: [f64; 3]| {
            let [all, rest] = [all, rest].map(|values| values.map(taken).to_vec());
            point(Runs { units: units(&[]), all, rest })
        };
        let some = of([30.0, 20.0, 22.0], [0.0; 3]);
        assert!((some.value - 20.0).abs() < 1e-9 && (some.spread - 0.1).abs() < 1e-9, "{some:?}");
        assert!((some.io.read - 20.0).abs() < 1e-9, "{some:?}");
        // Each has its least, in whichever round: what came in between is in neither.
        let beside = of([130.0, 120.0, 122.0], [108.0, 103.0, 100.0]);
        assert!((beside.value - 20.0).abs() < 1e-9, "{beside:?}");
        assert!((beside.spread - 0.25).abs() < 1e-9, "{beside:?}");
        let little = of([95.0, 101.0, 103.0], [100.0; 3]);
        assert!(little.value < 1e-9 && little.spread > 0.99, "{little:?}");
    }
}
