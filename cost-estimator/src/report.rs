//! Shows what was measured: a table for people, JSON for programs. Doubtful measurements show
//! their reason in place of a figure.

use std::io::{self, Write};

use serde::Serialize;

use crate::sample::Sample;

/// Gas that stands for a nanosecond: a second of chain time is 10¹⁵ gas.
const GAS_PER_NANOSECOND: f64 = 1e6;

/// How many times dearer than measured a price is set, for slower machines and unlucky inputs.
/// NEAR's estimator uses the same factor.
const SAFETY_FACTOR: f64 = 3.0;

/// One measured cost beside the price that is in force.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The cost.
    pub cost: &'static str,
    /// What one unit is.
    pub unit: &'static str,
    /// The result.
    #[serde(flatten)]
    pub result: Result,
    /// Gas per unit that the chain charges today.
    pub charged_gas: u64,
}

/// A figure or the reason why there is none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Result {
    /// The measurements lie on a line.
    Known {
        /// Nanoseconds per unit.
        nanoseconds: f64,
        /// Nanoseconds of a run of size zero.
        base_nanoseconds: f64,
        /// The price that follows, with the safety factor.
        gas: f64,
        /// The share of the variance that the line explains.
        r2: f64,
    },
    /// They do not.
    Uncertain {
        /// What is wrong.
        reason: &'static str,
        /// The file and line of the case.
        case: String,
    },
}

impl Result {
    /// The result as prices.
    pub fn of(sample: Sample) -> Self {
        match sample {
            Sample::Known(fit) => Result::Known {
                nanoseconds: fit.slope,
                base_nanoseconds: fit.base,
                gas: fit.slope * GAS_PER_NANOSECOND * SAFETY_FACTOR,
                r2: fit.r2,
            },
            Sample::Uncertain { why, at } => {
                Result::Uncertain { reason: why, case: format!("{}:{}", at.file(), at.line()) }
            }
        }
    }
}

/// Writes the table.
pub fn table(lines: &[Line], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<20} {:>12} {:>12} {:>14} {:>14} {:>7}",
        "cost", "ns per unit", "base ns", "gas per unit", "charged today", "R²"
    )?;
    for line in lines {
        match &line.result {
            Result::Known { nanoseconds, base_nanoseconds, gas, r2 } => writeln!(
                out,
                "{:<20} {nanoseconds:>12.3} {base_nanoseconds:>12.0} {gas:>14.0} {:>14} {r2:>7.4}",
                line.cost, line.charged_gas
            )?,
            Result::Uncertain { reason, case } => {
                writeln!(out, "{:<20} UNCERTAIN: {reason} ({case})", line.cost)?;
            }
        }
    }
    Ok(())
}

/// Writes the lines as one JSON array.
pub fn json(lines: &[Line], out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, lines)?;
    Ok(writeln!(out)?)
}
