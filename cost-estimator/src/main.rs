//! The command line: `cost-estimator run` measures and reports.

mod command;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use cost_estimator::run::serve;

#[global_allocator]
static ALLOCATOR: cost_estimator::Steady = cost_estimator::Steady;

/// Measures what contracts and transactions cost, and fits prices to it.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures costs, prints a table, and writes a fee table and a report with plots.
    Run(command::run::Run),
    /// Writes the report with plots of a run again.
    Report {
        /// The fee table that the run wrote.
        fees: PathBuf,
        /// The folder that it goes to. Default: beside the fee table, `fees.report` for `fees.json`.
        #[arg(long, value_name = "DIR")]
        report: Option<PathBuf>,
    },
    /// Puts gas that is charged beside work that is done, and looks for modules that do the most work
    /// for the least gas.
    Check(command::check::Check),
    /// Lists all costs with the cases that price them, and those that have none with the reason.
    List,
    /// Compares the fee tables of two runs: of two moments, two engines or two machines.
    Diff {
        /// The fee table of the run before.
        before: PathBuf,
        /// The fee table of the run after.
        after: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    if serve(command::cases)? {
        return Ok(());
    }
    match Cli::parse().command {
        Command::Run(arguments) => arguments.run(),
        Command::Report { fees, report } => command::run::report(&fees, report),
        Command::Check(arguments) => arguments.run(),
        Command::List => command::run::list(),
        Command::Diff { before, after } => command::run::diff(&before, &after),
    }
}
