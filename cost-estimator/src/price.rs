//! From measurements to what a unit of each cost takes: the costs of a case are fitted together,
//! after what others price was subtracted. A doubtful figure is never a number that somebody could
//! copy into a fee table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::constants::Constants;
use crate::fit::{Fit, Row};
use crate::measure::{Measured, Point};
use crate::metric::Metric;

/// The least share of variance that a fit must explain to be believed.
const LEAST_R2: f64 = 0.98;
/// A price whose standard error is a larger share of it cannot be told from the others.
const MOST_ERROR: f64 = 0.25;
/// What is a smaller share than this of any measurement need not be told exactly.
const NEGLIGIBLE: f64 = 0.02;

/// Measurements that differ by no more have no variance that a fit could explain.
const FLAT: f64 = 0.02;

/// What a unit of a cost takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// The measurements lie on a line.
    Known {
        /// What a unit takes, in the metric.
        amount: f64,
        /// The share of the variance that the fit explains.
        r2: f64,
        /// The largest distance of a measurement from the fit, as a share of the measurement.
        worst: f64,
    },
    /// They do not, or something else is doubtful about them.
    Uncertain {
        /// What is wrong.
        why: String,
    },
}

/// A cost after its case was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// The cost.
    pub cost: String,
    /// The case that it was measured by.
    pub case: String,
    /// The file and line of the case.
    pub at: String,
    /// What a unit takes.
    pub sample: Sample,
    /// The measurements, beside what the fit says.
    pub plot: Vec<PlotPoint>,
}

/// A measurement beside what the fit says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlotPoint {
    /// Units of the cost.
    pub units: f64,
    /// What was measured, without what costs of other cases take.
    pub measured: f64,
    /// What the fit says of it.
    pub fitted: f64,
    /// The distance from the fit, as a share of all that was measured.
    pub residual: f64,
}

/// Prices the costs of `cases`, of which `measured` has the measurements. Cases stand behind those
/// whose costs they subtract. The `constants` say what bytes of files stand for.
pub fn price(
    cases: &[Case],
    measured: &[Measured],
    metric: Metric,
    constants: &Constants,
) -> Vec<Priced> {
    let mut known: BTreeMap<&str, f64> = BTreeMap::new();
    let mut all = Vec::new();
    for case in cases {
        let Some(measured) = measured.iter().find(|measured| measured.case == case.name) else {
            continue;
        };
        let amount = |point: &Point| point.amount(metric, constants);
        let priced = price_case(case, measured, metric, amount, &known);
        for (cost, priced) in case.prices.iter().zip(&priced) {
            if let Sample::Known { amount, .. } = priced.sample {
                known.insert(cost, amount);
            }
        }
        all.extend(priced);
    }
    all
}

fn price_case(
    case: &Case,
    measured: &Measured,
    metric: Metric,
    amount: impl Fn(&Point) -> f64,
    known: &BTreeMap<&str, f64>,
) -> Vec<Priced> {
    let uncertain = |why: String| Sample::Uncertain { why };
    let samples = |sample: &Sample| vec![sample.clone(); case.prices.len()];
    let missing = case.minus.iter().find(|cost| !known.contains_key(cost.as_str()));
    let rows = rows(case, measured, amount, known);
    let fit = Fit::non_negative(&rows);
    let samples = match (missing, noise(measured, metric), &fit) {
        (Some(cost), None, _) => {
            samples(&uncertain(format!("{cost}, which is part of it, is not known")))
        }
        (_, Some(why), _) => samples(&uncertain(why)),
        (_, _, None) => samples(&uncertain("the sizes do not tell its costs apart".to_owned())),
        (_, _, Some(fit)) => match doubt(fit, &rows, metric) {
            Some(why) => samples(&uncertain(why)),
            None => (0..case.prices.len()).map(|at| sample(fit, &rows, at)).collect(),
        },
    };
    case.prices
        .iter()
        .zip(samples)
        .enumerate()
        .map(|(at, (cost, sample))| Priced {
            cost: cost.clone(),
            case: case.name.clone(),
            at: format!("{}:{}", case.at.file(), case.at.line()),
            sample,
            plot: plot(&rows, at, fit.as_ref()),
        })
        .collect()
}

/// A column for each cost, and one for what is there once whatever the size is.
fn rows(
    case: &Case,
    measured: &Measured,
    amount: impl Fn(&Point) -> f64,
    known: &BTreeMap<&str, f64>,
) -> Vec<Row> {
    // A cost of which every size has as much is that column itself.
    let of = |point: &Point, cost: &String| point.units.get(cost).copied().unwrap_or_default();
    let is_constant = |cost: &String| {
        let mut of = measured.points.iter().map(|point| of(point, cost));
        let first = of.next().unwrap_or_default();
        first > 0.0 && of.all(|units| (units - first).abs() < f64::EPSILON)
    };
    let once = (!case.prices.iter().any(is_constant)).then_some(1.0);
    let row = |point: &Point| {
        let of = |cost: &String| point.units.get(cost).copied().unwrap_or_default();
        let others: f64 = case
            .minus
            .iter()
            .map(|cost| of(cost) * known.get(cost.as_str()).copied().unwrap_or_default())
            .sum();
        let units = case.prices.iter().map(of).chain(once).collect();
        let amount = amount(point);
        let value = (amount - others).max(0.0);
        // What is left has to be a line, not only what it was taken from.
        Row { units, value, scale: value.max(amount * NEGLIGIBLE) }
    };
    measured.points.iter().map(row).collect()
}

/// Why the measurements themselves are doubtful.
pub(crate) fn noise(measured: &Measured, metric: Metric) -> Option<String> {
    let (most, hint) = match metric {
        Metric::Instructions => (0.05, ""),
        Metric::Time => (0.3, ": the machine is busy"),
    };
    if let Some(failure) = &measured.failure {
        return Some(format!("it could not be measured: {failure}"));
    }
    let mut spreads: Vec<f64> = measured.points.iter().map(|point| point.spread).collect();
    spreads.sort_by(f64::total_cmp);
    let median = spreads.get(spreads.len() / 2).copied()?;
    (median > most)
        .then(|| format!("runs of the same work differ by {:.0} %{hint}", median * 100.0))
}

/// Why the fit as a whole is.
fn doubt(fit: &Fit, rows: &[Row], metric: Metric) -> Option<String> {
    let most = match metric {
        Metric::Instructions => 0.1,
        Metric::Time => 0.25,
    };
    if fit.worst > most || (fit.r2 < LEAST_R2 && !is_flat(rows)) {
        return Some(format!(
            "not a line: R² {:.3}, a measurement {:.0} % off",
            fit.r2,
            fit.worst * 100.0
        ));
    }
    None
}

/// Whether every size takes the same.
fn is_flat(rows: &[Row]) -> bool {
    let values = || rows.iter().map(|row| row.value);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    most - least <= most * FLAT
}

fn sample(fit: &Fit, rows: &[Row], at: usize) -> Sample {
    let (amount, error) = (fit.prices[at], fit.errors[at]);
    if rows.iter().all(|row| row.units[at] <= 0.0) {
        return Sample::Uncertain { why: "no size has a unit of it".to_owned() };
    }
    // Also what seems to be nothing may be something that is lost.
    let most = amount + error;
    let shares = rows.iter().map(|row| most * row.units[at] / row.scale.max(1.0));
    if error > amount * MOST_ERROR && shares.fold(0.0, f64::max) > NEGLIGIBLE {
        return Sample::Uncertain {
            why: format!("lost beside the others: {amount:.1} ± {error:.1}"),
        };
    }
    Sample::Known { amount, r2: fit.r2, worst: fit.worst }
}

fn plot(rows: &[Row], at: usize, fit: Option<&Fit>) -> Vec<PlotPoint> {
    let point = |row: &Row| {
        let fitted = fit.map_or(0.0, |fit| fit.value(&row.units));
        let residual = (row.value - fitted) / row.scale.max(1.0);
        PlotPoint { units: row.units[at], measured: row.value, fitted, residual }
    };
    rows.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::Sample;
    use crate::case::{Case, Prepared, Units, sized, units};
    use crate::constants::Constants;
    use crate::measure::{Measured, Point};
    use crate::metric::{Io, Metric};

    fn price(cases: &[Case], measured: &[Measured], metric: Metric) -> Vec<super::Priced> {
        super::price(cases, measured, metric, &Constants::NEAR)
    }

    fn case(name: &str, prices: &[&str]) -> Case {
        Case::new(name, prices, sized(&[1, 100, 1000]), |_| {
            Ok(Prepared::new(Units::new(), || Ok(())))
        })
    }

    /// Measurements of `case` in which a call takes `base` and a unit `unit`, times the noise.
    fn measured(case: &Case, base: f64, unit: f64, spread: f64, noise: &[f64]) -> Measured {
        let points = case.sizes.iter().enumerate().map(|(at, size)| {
            let named = [
                (case.prices[0].as_str(), size.calls),
                (case.prices[1].as_str(), size.calls * size.each),
            ];
            let units = units(&named);
            let value = 50.0 + base * units[&case.prices[0]] + unit * units[&case.prices[1]];
            let noise = noise.get(at % noise.len().max(1)).copied().unwrap_or(1.0);
            Point { units, value: value * noise, spread, io: Io::default() }
        });
        Measured { case: case.name.clone(), points: points.collect(), failure: None }
    }

    fn amounts(priced: &[super::Priced]) -> Vec<Option<f64>> {
        priced
            .iter()
            .map(|priced| match priced.sample {
                Sample::Known { amount, .. } => Some((amount * 1000.0).round() / 1000.0),
                Sample::Uncertain { .. } => None,
            })
            .collect()
    }

    #[test]
    fn base_and_unit_come_back_without_what_others_price() {
        let read = case("read", &["read_base", "read_byte"]);
        let hash = case("hash", &["hash_base", "hash_byte"]).minus(&["read_base", "read_byte"]);
        let of_read = measured(&read, 20.0, 0.5, 0.0, &[]);
        let mut of_hash = measured(&hash, 300.0, 7.0, 0.0, &[]);
        for point in &mut of_hash.points {
            let (base, byte) = (point.units["hash_base"], point.units["hash_byte"]);
            point.units.extend([("read_base".to_owned(), base), ("read_byte".to_owned(), byte)]);
            point.value += 20.0 * base + 0.5 * byte;
        }
        let all = [of_read, of_hash.clone()];
        let priced = price(&[read, hash], &all, Metric::Instructions);
        assert_eq!(amounts(&priced), [Some(20.0), Some(0.5), Some(300.0), Some(7.0)]);

        // Alone it is not known, however exact it is.
        let hash = case("hash", &["hash_base", "hash_byte"]).minus(&["read_base", "read_byte"]);
        let priced = price(&[hash], &[of_hash], Metric::Instructions);
        assert_eq!(amounts(&priced), [None, None]);
    }

    #[test]
    fn bytes_of_files_are_part_of_a_price() {
        let case = case("fetch", &["fetch_base", "fetch_byte"]);
        let mut of_fetch = measured(&case, 300.0, 7.0, 0.0, &[]);
        for point in &mut of_fetch.points {
            point.io.read = point.units["fetch_byte"];
            point.io.written = point.units["fetch_base"];
        }
        let (cases, all) = ([case], [of_fetch]);
        // A byte read is 27 instructions, one that is written 47.
        let priced = price(&cases, &all, Metric::Instructions);
        assert_eq!(amounts(&priced), [Some(347.0), Some(34.0)]);
        let priced = price(&cases, &all, Metric::Time);
        assert_eq!(amounts(&priced), [Some(300.0), Some(7.0)]);
    }

    #[test]
    fn what_is_left_has_to_be_a_line_itself() {
        let cases = [
            case("check", &["check_base", "check_byte"]),
            case("send", &["send_base", "send_byte"]).minus(&["check_base"]),
        ];
        let of_check = measured(&cases[0], 400_000.0, 1.0, 0.0, &[]);
        let with_checks = |noise: f64| {
            let mut of_send = measured(&cases[1], 1_000.0, 1.0, 0.0, &[]);
            for (at, point) in of_send.points.iter_mut().enumerate() {
                let calls = point.units["send_base"];
                point.units.insert("check_base".to_owned(), calls);
                let sign = if at % 2 == 0 { 1.0 } else { -1.0 };
                point.value += 400_000.0 * calls * (1.0 + sign * noise);
            }
            of_send
        };
        let exact = price(&cases, &[of_check.clone(), with_checks(0.0)], Metric::Instructions);
        assert_eq!(amounts(&exact)[2..], [Some(1_000.0), Some(1.0)]);
        // A three-hundredth of the whole is more than what is left.
        let noisy = price(&cases, &[of_check, with_checks(0.003)], Metric::Instructions);
        assert_eq!(amounts(&noisy)[2..], [None, None], "{noisy:?}");
    }

    #[test]
    fn noise_is_never_a_number_and_says_where_it_is_from() {
        let case = case("hash", &["hash_base", "hash_byte"]);
        let off = measured(&case, 300.0, 7.0, 0.0, &[1.0, 1.6, 0.7]);
        let cases = [case];
        let priced = price(&cases, &[off], Metric::Instructions);
        assert_eq!(amounts(&priced), [None, None]);
        assert!(priced[0].at.contains("price.rs:"), "{}", priced[0].at);
        let Sample::Uncertain { why } = &priced[0].sample else { panic!("it is uncertain") };
        assert!(why.starts_with("not a line"), "{why}");

        let busy = measured(&cases[0], 300.0, 7.0, 0.5, &[]);
        let priced = price(&cases, &[busy], Metric::Time);
        let Sample::Uncertain { why } = &priced[0].sample else { panic!("it is uncertain") };
        assert!(why.contains("busy"), "{why}");
    }
}
