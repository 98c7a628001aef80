//! The command line: `cost-estimator run` measures and reports.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use cost_estimator::cases::Case;
use cost_estimator::cases::wasm_ops::WasmInstruction;
use cost_estimator::measure::{Effort, measure};
use cost_estimator::report::{self, Line};
use sandbox_runtime::RuntimeConfig;
use sandbox_runtime::near::PROTOCOL_VERSION;

/// Measures what contracts cost on this machine, and fits prices to it.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures every cost that has a case, and prints a table.
    Run {
        /// Rounds that count; the fastest run of each size is used.
        #[arg(long, default_value_t = 15)]
        rounds: u32,
        /// Rounds before, which do not count.
        #[arg(long, default_value_t = 3)]
        warm_up: u32,
        /// Writes the figures as JSON to this file, too.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

fn main() -> anyhow::Result<()> {
    let Command::Run { rounds, warm_up, out } = Cli::parse().command;
    let config = RuntimeConfig::new(PROTOCOL_VERSION)?;
    let case = WasmInstruction::new(&config);
    let sample = measure(&case, Effort { warm_up, rounds })?;
    let lines = [Line {
        cost: case.label(),
        unit: case.unit(),
        result: report::Result::of(sample),
        charged_gas: u64::from(config.near().wasm_config.regular_op_cost),
    }];
    report::table(&lines, &mut io::stdout().lock())?;
    if let Some(path) = out {
        let file = File::create(&path)
            .with_context(|| format!("cannot write the figures to {}", path.display()))?;
        report::json(&lines, &mut BufWriter::new(file))?;
    }
    Ok(())
}
