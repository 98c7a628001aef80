//! What was measured, beside the prices in force: a table for people, figures for programs, a fee
//! table for chains, and a folder to read with a plot of each fit. Doubtful measurements show their
//! reason in place of a figure.

mod markdown;
mod plot;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::constants::Constants;
use crate::metric::{Counter, Metric};
use crate::price::{PlotPoint, Priced, Sample};

pub use markdown::write_folder;

/// A report: with what was measured, and a line for each cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The rules whose prices are compared.
    pub protocol_version: u32,
    /// What was measured.
    pub metric: Metric,
    /// Who counted.
    pub counter: Counter,
    /// The engine that contracts ran on.
    pub vm: String,
    /// The processor architecture.
    pub arch: String,
    /// The machine that it was measured on.
    #[serde(default)]
    pub machine: String,
    /// How measurements became gas.
    pub constants: Constants,
    /// The prices that follow, by NEAR's names: what chains load.
    pub fees: BTreeMap<String, u64>,
    /// The figures behind them.
    pub figures: Vec<Line>,
}

/// One cost beside the price that is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The cost.
    pub cost: String,
    /// The case that measured it.
    pub case: String,
    /// The file and line of the case.
    pub at: String,
    /// Gas that the chain charges today; none for what it does not price by itself.
    pub charged: Option<u64>,
    /// The figure or the reason why there is none.
    #[serde(flatten)]
    pub result: Outcome,
    /// The measurements, beside what the fit says.
    #[serde(default)]
    pub plot: Vec<PlotPoint>,
    /// Why the price in force is far from what was measured, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_because: Option<String>,
}

/// A figure or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    /// The measurements lie on a line.
    Known {
        /// What a unit takes, in the metric.
        amount: f64,
        /// The price that follows, with the safety factor.
        gas: u64,
        /// The share of the variance that the fit explains.
        r2: f64,
        /// The largest distance of a measurement from the fit, as a share of the measurement.
        worst: f64,
    },
    /// They do not.
    Uncertain {
        /// What is wrong.
        reason: String,
    },
}

impl Line {
    /// `priced`, with what the chain charges.
    pub fn new(
        priced: &Priced,
        metric: Metric,
        constants: &Constants,
        charged: Option<u64>,
    ) -> Self {
        let result = match &priced.sample {
            Sample::Known { amount, r2, worst } => Outcome::Known {
                amount: *amount,
                gas: whole(constants.gas(metric, *amount)),
                r2: *r2,
                worst: *worst,
            },
            Sample::Uncertain { why } => Outcome::Uncertain { reason: why.clone() },
        };
        let (cost, case, at) = (priced.cost.clone(), priced.case.clone(), priced.at.clone());
        Line { cost, case, at, charged, result, far_because: None, plot: priced.plot.clone() }
    }

    /// The same, with `reason` for a price in force that is more than `times` what was measured, or
    /// less than that share of it.
    #[must_use]
    pub fn explained(mut self, times: f64, reason: Option<&str>) -> Self {
        let is_near = |ratio: f64| (1.0 / times..=times).contains(&ratio);
        let is_far = match self.gas() {
            Some(0) => self.charged.is_some_and(|charged| charged > 0),
            _ => self.ratio().is_some_and(|ratio| !is_near(ratio)),
        };
        if is_far {
            self.far_because = Some(reason.unwrap_or("nobody has found out why").to_owned());
        }
        self
    }

    /// The gas that the measurements ask for.
    pub fn gas(&self) -> Option<u64> {
        match self.result {
            Outcome::Known { gas, .. } => Some(gas),
            Outcome::Uncertain { .. } => None,
        }
    }

    /// What is charged as a multiple of what the measurements ask for; below one the chain
    /// undercharges.
    pub fn ratio(&self) -> Option<f64> {
        let gas = self.gas().filter(|gas| *gas > 0)?;
        Some(crate::real(self.charged?) / crate::real(gas))
    }

    /// Whether the chain charges less than the measurements ask for.
    pub fn undercharges(&self) -> bool {
        self.ratio().is_some_and(|ratio| ratio < 1.0)
    }
}

/// Rounded up: a price that is too low is the one that hurts.
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and no price is negative"
)]
fn whole(gas: f64) -> u64 {
    gas.ceil() as u64
}

/// The price of one instruction is that of the dearest class of them, and so on: costs that share a
/// price have a name that begins with it and goes on with `/`.
pub fn fees(figures: &[Line], known: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut fees = BTreeMap::new();
    let mut doubtful = Vec::new();
    for line in figures {
        let name = line.cost.split('/').next().unwrap_or_default();
        match line.gas() {
            Some(gas) if known.contains_key(name) => {
                // What is done to send an action is the same whoever receives it.
                let to_self = name.replace(".send_not_sir", ".send_sir");
                for name in [name, &to_self] {
                    let fee = fees.entry(name.to_owned()).or_insert(0);
                    *fee = gas.max(*fee);
                }
            }
            Some(_) => {}
            None => doubtful.push(name),
        }
    }
    for name in doubtful {
        fees.remove(name);
        fees.remove(&name.replace(".send_not_sir", ".send_sir"));
    }
    fees
}

impl Report {
    /// Writes the table.
    pub fn table(&self, out: &mut impl Write) -> io::Result<()> {
        let width = self.figures.iter().map(|line| line.cost.len()).max().unwrap_or(4);
        let unit = self.metric.unit();
        writeln!(
            out,
            "{:<width$} {unit:>14} {:>19} {:>19} {:>9} {:>7}",
            "cost", "gas", "charged today", "charged ÷", "R²"
        )?;
        for line in &self.figures {
            write!(out, "{:<width$} ", line.cost)?;
            match &line.result {
                Outcome::Known { amount, gas, r2, .. } => {
                    let charged = line.charged.map(|gas| gas.to_string());
                    let ratio = line.ratio().map(|ratio| format!("{ratio:.2}"));
                    let mark = if line.undercharges() { " UNDERCHARGES" } else { "" };
                    writeln!(
                        out,
                        "{amount:>14.2} {gas:>19} {:>19} {:>9} {r2:>7.4}{mark}",
                        charged.unwrap_or_else(|| "-".into()),
                        ratio.unwrap_or_else(|| "-".into())
                    )?;
                }
                Outcome::Uncertain { reason } => {
                    writeln!(out, "UNCERTAIN: {reason} ({})", line.at)?;
                }
            }
        }
        self.far(out)?;
        writeln!(out, "{}; measured in {}, on {}", self.summary(), self.counter, self.vm)
    }

    /// How many costs there are, and how many of them are a matter for somebody.
    fn summary(&self) -> String {
        let under = self.figures.iter().filter(|line| line.undercharges()).count();
        let uncertain = self.figures.iter().filter(|line| line.gas().is_none()).count();
        format!("{} costs, {under} undercharge, {uncertain} uncertain", self.figures.len())
    }

    /// Writes why prices in force are far from what was measured, each reason with its costs.
    fn far(&self, out: &mut impl Write) -> io::Result<()> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in &self.figures {
            if let Some(reason) = &line.far_because {
                reasons.entry(reason).or_default().push(&line.cost);
            }
        }
        for (reason, costs) in reasons {
            writeln!(out, "far from what is charged: {reason}: {}", costs.join(", "))?;
        }
        Ok(())
    }

    /// Writes the whole report as JSON.
    pub fn json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        Ok(writeln!(out)?)
    }
}

/// Writes how `after` differs from `before`: gas of each cost, and the ratio.
pub fn difference(before: &Report, after: &Report, out: &mut impl Write) -> io::Result<()> {
    let of = |report: &Report| -> BTreeMap<String, Option<u64>> {
        report.figures.iter().map(|line| (line.cost.clone(), line.gas())).collect()
    };
    let (before, after) = (of(before), of(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(4);
    let text = |gas: Option<&Option<u64>>| match gas {
        None => "-".to_owned(),
        Some(None) => "UNCERTAIN".to_owned(),
        Some(Some(gas)) => gas.to_string(),
    };
    writeln!(out, "{:<width$} {:>19} {:>19} {:>9}", "cost", "before", "after", "after ÷")?;
    for name in names {
        let (a, b) = (before.get(name), after.get(name));
        let ratio = match (a, b) {
            (Some(Some(a)), Some(Some(b))) if *a > 0 => {
                format!("{:.3}", crate::real(*b) / crate::real(*a))
            }
            _ => "-".to_owned(),
        };
        writeln!(out, "{name:<width$} {:>19} {:>19} {ratio:>9}", text(a), text(b))?;
    }
    Ok(())
}
