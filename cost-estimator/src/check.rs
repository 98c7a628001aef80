//! Gas that was charged against work that was done: where somebody gets the most work for the least
//! gas.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::constants::Constants;
use crate::measure::Measured;
use crate::metric::Metric;
use crate::price::noise;

/// Work that is less than so many times what is there whatever is done is not told from it.
const LEAST_WORK: f64 = 3.0;

/// Something that was run: what it was charged, and what it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// What was run.
    pub name: String,
    /// Gas that it was charged.
    pub charged: f64,
    /// The figure or the reason why there is none.
    #[serde(flatten)]
    pub result: Work,
}

/// What something took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Work {
    /// It was measured.
    Known {
        /// What the metric counted, with what bytes of files stand for.
        amount: f64,
        /// Gas that the work is worth by the constants, without the safety factor.
        worth: f64,
    },
    /// It could not be, or not well.
    Uncertain {
        /// What is wrong.
        reason: String,
    },
}

impl Checked {
    /// What `measured` took at its largest size; `price` is the gas of a unit of a cost. `None` where
    /// nothing of it has a price.
    pub fn new(
        measured: &Measured,
        metric: Metric,
        constants: &Constants,
        price: impl Fn(&str) -> Option<f64>,
    ) -> Option<Self> {
        let largest = measured.points.iter().max_by(|a, b| a.value.total_cmp(&b.value));
        let units = largest.into_iter().flat_map(|point| &point.units);
        let priced = units.filter_map(|(cost, units)| Some(price(cost)? * units));
        let charged: f64 = priced.sum();
        let name = measured.case.clone();
        let result = match (noise(measured, metric), largest) {
            (None, Some(point)) if charged > 0.0 => {
                let amount = point.amount(metric, constants);
                let worth = constants.gas(metric, amount) / constants.safety_factor;
                Work::Known { amount, worth }
            }
            (Some(reason), _) => Work::Uncertain { reason },
            _ => return None,
        };
        Some(Checked { name, charged, result })
    }

    /// The same without `base`, which is part of it; `None` where not much is left, so that chance in
    /// the base is not taken for work.
    pub fn without(&self, base: &Checked) -> Option<Self> {
        let (Work::Known { amount, worth }, Work::Known { amount: less, worth: base_worth }) =
            (&self.result, &base.result)
        else {
            return None;
        };
        let (charged, worth) = (self.charged - base.charged, worth - base_worth);
        let result = Work::Known { amount: amount - less, worth };
        let is_left = charged > 0.0 && worth > LEAST_WORK * base_worth;
        is_left.then(|| Checked { name: self.name.clone(), charged, result })
    }

    /// Work for each gas: one is what was promised, and above it work is had for too little.
    pub fn ratio(&self) -> Option<f64> {
        match self.result {
            Work::Known { worth, .. } => Some(worth / self.charged),
            Work::Uncertain { .. } => None,
        }
    }
}

/// The price of a unit of a cost in a table of fees. Costs that share a price have its name, and go
/// on with `/`.
pub fn price_of(fees: &BTreeMap<String, u64>) -> impl Fn(&str) -> Option<f64> + '_ {
    |cost| fees.get(cost.split('/').next()?).copied().map(crate::real)
}

/// Sorts: most work for the least gas first, and what is not known at the end.
pub fn sort(all: &mut [Checked]) {
    let key = |checked: &Checked| checked.ratio().unwrap_or(-1.0);
    all.sort_by(|a, b| key(b).total_cmp(&key(a)).then_with(|| a.name.cmp(&b.name)));
}

/// Writes the first `most` of `all`, which is sorted, and all that are not known.
pub fn table(all: &[Checked], most: usize, metric: Metric, out: &mut impl Write) -> io::Result<()> {
    let known = all.iter().filter(|checked| checked.ratio().is_some());
    let doubtful: Vec<&Checked> = all.iter().filter(|checked| checked.ratio().is_none()).collect();
    let shown: Vec<&Checked> = known.take(most).chain(doubtful.iter().copied()).collect();
    let width = shown.iter().map(|checked| checked.name.chars().count()).max().unwrap_or(4);
    let unit = metric.unit();
    writeln!(
        out,
        "{:<width$} {:>19} {unit:>15} {:>19} {:>13}",
        "what was run", "gas charged", "gas it is worth", "worth ÷ charged"
    )?;
    for checked in &shown {
        write!(out, "{:<width$} ", checked.name)?;
        match &checked.result {
            Work::Known { amount, worth } => {
                let ratio = worth / checked.charged;
                let charged = checked.charged;
                writeln!(out, "{charged:>19.0} {amount:>15.0} {worth:>19.0} {ratio:>13.4}")?;
            }
            Work::Uncertain { reason } => writeln!(out, "UNCERTAIN: {reason}")?,
        }
    }
    let over = all.iter().filter(|checked| checked.ratio().is_some_and(|ratio| ratio > 1.0));
    writeln!(
        out,
        "{} checked, {} do more work than they pay for, {} uncertain",
        all.len(),
        over.count(),
        doubtful.len()
    )
}

#[cfg(test)]
mod tests {
    use super::{Checked, Work, price_of, sort, table};
    use crate::case::units;
    use crate::constants::Constants;
    use crate::measure::{Measured, Point};
    use crate::metric::{Io, Metric};

    fn measured(case: &str, of: &[(&str, u64)], values: &[f64], spread: f64) -> Measured {
        let point =
            |value: &f64| Point { units: units(of), value: *value, spread, io: Io::default() };
        let points = values.iter().map(point).collect();
        Measured { case: case.to_owned(), points, failure: None }
    }

    #[test]
    fn the_worst_comes_first_and_what_has_no_price_is_left_out() {
        let fees =
            [("hash_byte", 500_000), ("op", 1_000_000)].map(|(name, gas)| (name.into(), gas));
        let fees = fees.into();
        let check = |measured: &Measured| {
            Checked::new(measured, Metric::Instructions, &Constants::NEAR, price_of(&fees))
        };
        // Eight instructions are worth a million.
        let fair = check(&measured("fair", &[("op/float", 2)], &[4.0, 16.0], 0.0));
        let cheap = check(&measured("cheap", &[("hash_byte", 2), ("free", 9)], &[80.0], 0.0));
        let busy = check(&measured("busy", &[("op", 1)], &[8.0], 0.5));
        assert_eq!(check(&measured("free", &[("free", 1)], &[8.0], 0.0)), None);
        let mut all: Vec<Checked> = [fair, busy, cheap].into_iter().flatten().collect();
        sort(&mut all);
        let names: Vec<&str> = all.iter().map(|checked| checked.name.as_str()).collect();
        assert_eq!(names, ["cheap", "fair", "busy"]);
        assert!((all[0].ratio().expect("known") - 10.0).abs() < 1e-9);
        assert!((all[1].ratio().expect("known") - 1.0).abs() < 1e-9, "the largest size counts");
        assert!(matches!(all[2].result, Work::Uncertain { .. }));

        let mut text = Vec::new();
        table(&all, 1, Metric::Instructions, &mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        assert!(
            text.contains("cheap") && text.contains("busy") && !text.contains("fair"),
            "{text}"
        );
        assert!(
            text.ends_with("3 checked, 1 do more work than they pay for, 1 uncertain\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_little_beside_its_base_is_no_figure() {
        let checked = |charged, worth| {
            let result = Work::Known { amount: worth, worth };
            Checked { name: "loop".to_owned(), charged, result }
        };
        let base = checked(100.0, 50.0);
        let left = checked(110.0, 250.0).without(&base).expect("much is left");
        assert_eq!((left.charged, left.ratio()), (10.0, Some(20.0)));
        assert_eq!(checked(110.0, 190.0).without(&base), None);
        assert_eq!(checked(100.0, 250.0).without(&base), None);
    }

    #[test]
    fn what_failed_says_why() {
        let mut failed = measured("broken", &[], &[], 0.0);
        failed.failure = Some("no engine".to_owned());
        let checked = Checked::new(&failed, Metric::Time, &Constants::NEAR, |_| Some(1.0));
        let Work::Uncertain { reason } = checked.expect("listed").result else {
            panic!("no figure")
        };
        assert!(reason.contains("no engine"), "{reason}");
    }
}
