//! The command line: `cost-estimator run` measures and reports.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use cost_estimator::cases::{self, Bed};
use cost_estimator::constants::Constants;
use cost_estimator::metric::{Counter, Metric};
use cost_estimator::plan::select;
use cost_estimator::price::{Priced, price};
use cost_estimator::report::{self, Line, Report};
use cost_estimator::run::{Setup, serve, supervise};
use sandbox_runtime::near::PROTOCOL_VERSION;
use sandbox_runtime::{RuntimeConfig, VmKind};

/// Measures what contracts and transactions cost, and fits prices to it.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures costs, prints a table, and writes a fee table.
    Run(Run),
    /// Lists all costs with the cases that price them, and those that have none with the reason.
    List,
    /// Compares the fee tables of two runs.
    Diff {
        /// The fee table of the run before.
        before: PathBuf,
        /// The fee table of the run after.
        after: PathBuf,
    },
}

#[derive(Args, Debug)]
struct Run {
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
}

fn main() -> anyhow::Result<()> {
    if serve(|setup| Ok(cases::all(&bed(setup.vm.parse()?)?)))? {
        return Ok(());
    }
    match Cli::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::List => list(),
        Command::Diff { before, after } => {
            report::difference(&read(&before)?, &read(&after)?, &mut io::stdout().lock())?;
            Ok(())
        }
    }
}

fn bed(vm: VmKind) -> anyhow::Result<Bed> {
    Ok(Bed::new(RuntimeConfig::new(PROTOCOL_VERSION)?, vm))
}

fn run(arguments: &Run) -> anyhow::Result<()> {
    let bed = bed(arguments.vm)?;
    let cases = select(cases::all(&bed), &arguments.costs, cases::exemption)?;
    let counter = arguments.metric.counter()?;
    let setup = Setup::new(counter, arguments.vm.name(), arguments.quick)?;
    eprintln!("{} cases, measured in {counter}", cases.len());
    if counter == Counter::Callgrind && cfg!(debug_assertions) {
        eprintln!("this program is built without optimization: its figures are too high");
    }
    // Found out now rather than after the work.
    let journal = beside(&arguments.out, "partial");
    let total = cases.len();
    let mut progress = |done: usize, case: &str| eprintln!("[{done}/{total}] {case}");
    let measured = supervise(&cases, &setup, &journal, &mut progress)?;

    let charged = bed.near().fee_table();
    let priced = price(&cases, &measured, arguments.metric);
    let line = |priced: &Priced| {
        let name = priced.cost.split('/').next().unwrap_or_default();
        Line::new(priced, arguments.metric, &Constants::NEAR, charged.get(name).copied())
    };
    let figures: Vec<Line> = priced.iter().map(line).collect();
    let report = Report {
        protocol_version: PROTOCOL_VERSION,
        metric: arguments.metric,
        counter,
        vm: setup.vm,
        arch: std::env::consts::ARCH.to_owned(),
        constants: Constants::NEAR,
        fees: report::fees(&figures, &charged),
        figures,
    };
    report.table(&mut io::stdout().lock())?;
    write(&report, &arguments.out)?;
    std::fs::remove_file(&journal).with_context(|| format!("cannot remove {}", journal.display()))
}

fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
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

fn list() -> anyhow::Result<()> {
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
