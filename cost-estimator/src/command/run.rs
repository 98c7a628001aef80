//! `run` and what is done with its results.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cost_estimator::cases;
use cost_estimator::constants::Constants;
use cost_estimator::machine;
use cost_estimator::metric::Metric;
use cost_estimator::plan::select;
use cost_estimator::price::{Priced, price};
use cost_estimator::report::{self, Line, Report};
use cost_estimator::run::{Setup, supervise};
use sandbox_runtime::VmKind;
use sandbox_runtime::near::PROTOCOL_VERSION;

use super::{bed, beside, warn_of_debug};

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// What is measured: instructions or time.
    #[arg(long, default_value = "instructions")]
    metric: Metric,
    /// Only these costs, by NEAR's names, with commas between them.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    costs: Vec<String>,
    /// The engine that contracts run on.
    #[arg(long, default_value_t = VmKind::ALL[0], value_name = "ENGINE")]
    vm: VmKind,
    /// Measures every size once only.
    #[arg(long)]
    quick: bool,
    /// Where the fee table and the figures behind it go. What was measured is noted in a file beside
    /// it until the end: the same command goes on where it was cut off.
    #[arg(long, default_value = "fees.json", value_name = "FILE")]
    out: PathBuf,
    /// The folder that a page of Markdown and the plots of all fits go to. Default: beside the fee
    /// table, `fees.report` for `fees.json`.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

impl Run {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let bed = bed(self.vm)?;
        let cases = select(cases::all(&bed), &self.costs, cases::exemption)?;
        let counter = self.metric.counter()?;
        let setup = Setup::new(counter, self.vm.name(), self.quick)?;
        eprintln!("{} cases, measured in {counter}", cases.len());
        warn_of_debug(counter);
        // What cannot be written is found out now rather than after the work.
        let journal = beside(&self.out, "partial");
        let folder = report_folder(&self.out, self.report.clone());
        std::fs::create_dir(&folder)
            .or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })
            .with_context(|| format!("cannot write {}", folder.display()))?;
        let total = cases.len();
        let mut progress = |done: usize, case: &str| eprintln!("[{done}/{total}] {case}");
        let measured = supervise(&cases, &setup, &journal, &mut progress)?;

        let charged = bed.near().fee_table();
        let priced = price(&cases, &measured, self.metric, &Constants::NEAR);
        let line = |priced: &Priced| {
            let name = priced.cost.split('/').next().unwrap_or_default();
            Line::new(priced, self.metric, &Constants::NEAR, charged.get(name).copied())
                .explained(cases::FAR, cases::reason(&priced.cost))
        };
        let figures: Vec<Line> = priced.iter().map(line).collect();
        let report = Report {
            protocol_version: PROTOCOL_VERSION,
            metric: self.metric,
            counter,
            vm: setup.vm,
            arch: std::env::consts::ARCH.to_owned(),
            machine: machine::describe(),
            constants: Constants::NEAR,
            fees: report::fees(&figures, &charged),
            figures,
        };
        report.table(&mut io::stdout().lock())?;
        write(&report, &self.out)?;
        report::write_folder(&report, &folder)?;
        eprintln!("prices in {}, plots in {}", self.out.display(), folder.display());
        std::fs::remove_file(&journal)
            .with_context(|| format!("cannot remove {}", journal.display()))
    }
}

/// The folder of the report, if none was named: `fees.report` for `fees.json`.
fn report_folder(fees: &Path, named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| fees.with_extension("report"))
}

fn write(report: &Report, path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
    report.json(&mut file).with_context(cannot)?;
    file.flush().with_context(cannot)
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report of a run", path.display()))
}

pub(crate) fn report(fees: &Path, folder: Option<PathBuf>) -> anyhow::Result<()> {
    report::write_folder(&read(fees)?, &report_folder(fees, folder))
}

pub(crate) fn diff(before: &Path, after: &Path) -> anyhow::Result<()> {
    report::difference(&read(before)?, &read(after)?, &mut io::stdout().lock())?;
    Ok(())
}

pub(crate) fn list() -> anyhow::Result<()> {
    let bed = bed(VmKind::ALL[0])?;
    let mut out = io::stdout().lock();
    for case in cases::all(&bed) {
        for cost in &case.prices {
            writeln!(out, "{cost:<50} {} ({})", case.name, case.at)?;
        }
    }
    for (costs, why) in cases::EXEMPT {
        writeln!(out, "{:<50} not measured: {why}", format!("{costs}…"))?;
    }
    Ok(())
}
