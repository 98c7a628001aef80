//! `check`: gas that is charged against work that is done.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use cost_estimator::case::Case;
use cost_estimator::cases;
use cost_estimator::check::{self, Checked, price_of};
use cost_estimator::constants::Constants;
use cost_estimator::measure::Measured;
use cost_estimator::metric::Metric;
use cost_estimator::plan::select;
use cost_estimator::run::{Setup, supervise};
use cost_estimator::search::{Found, Plan, search};
use cost_estimator::workload::{self, Call, GAS};
use sandbox_runtime::{FeeTable, VmKind, fees_from_json};

use super::{bed, beside, warn_of_debug};

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// A folder of recorded calls, files as `vm-runner replay` runs. Default: the work that prices
    /// are measured by.
    #[arg(long, value_name = "DIR")]
    workload: Option<PathBuf>,
    /// Of the work that prices are measured by only that of these costs, with commas between them.
    #[arg(long, value_delimiter = ',', value_name = "LIST", conflicts_with = "workload")]
    costs: Vec<String>,
    /// What is measured: instructions or time.
    #[arg(long, default_value = "instructions")]
    metric: Metric,
    /// The engine that contracts run on.
    #[arg(long, default_value_t = VmKind::ALL[0], value_name = "ENGINE")]
    vm: VmKind,
    /// Charges the prices in this file, as `run` writes it.
    #[arg(long, value_name = "FILE")]
    fees: Option<PathBuf>,
    /// Modules that are made and tried to find worse ones; none with 0.
    #[arg(long, default_value_t = 400, value_name = "N")]
    modules: usize,
    /// Makes no more modules after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// What decides which modules are made.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many of the worst are shown.
    #[arg(long, default_value_t = 10, value_name = "N")]
    worst: usize,
    /// Ends with an error where work is worth more than so many times its gas, or cannot be measured.
    #[arg(long, value_name = "RATIO")]
    fail_above: Option<f64>,
    /// Measures every size once only.
    #[arg(long)]
    quick: bool,
    /// Where all figures go. What was measured is noted in a file beside it until the end.
    #[arg(long, default_value = "check.json", value_name = "FILE")]
    out: PathBuf,
    /// The folder that the worst modules go to, as recorded calls. Default: beside the figures,
    /// `check.worst` for `check.json`.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let fees = self.fees()?;
        let counter = self.metric.counter()?;
        let setup = Setup::new(counter, self.vm.name(), self.quick)?;
        eprintln!("measured in {counter}, on {}", self.vm);
        warn_of_debug(counter);
        let mut all = match &self.workload {
            Some(folder) => self.recorded(folder, &setup, &fees)?,
            None => self.own(&setup, &fees)?,
        };
        let found = self.search(&setup, &fees)?;
        if !found.is_empty() {
            self.save(&found)?;
        }
        all.extend(found.into_iter().map(|found| found.checked));
        check::sort(&mut all);
        check::table(&all, self.worst, self.metric, &mut io::stdout().lock())?;
        let cannot = || format!("cannot write {}", self.out.display());
        std::fs::write(&self.out, serde_json::to_string_pretty(&all)?).with_context(cannot)?;
        self.judge(&all)
    }

    fn fees(&self) -> anyhow::Result<FeeTable> {
        let Some(path) = &self.fees else { return Ok(FeeTable::new()) };
        let named = || path.display().to_string();
        let fees = fees_from_json(&std::fs::read_to_string(path).with_context(named)?);
        let fees = fees.with_context(named)?;
        // Names and figures are found wrong now rather than after the work.
        bed(self.vm)?.near().with_fees(&fees).with_context(named)?;
        Ok(fees)
    }

    fn checked(&self, measured: &[Measured], price: impl Fn(&str) -> Option<f64>) -> Vec<Checked> {
        let check = |measured| Checked::new(measured, self.metric, &Constants::NEAR, &price);
        measured.iter().filter_map(check).collect()
    }

    /// Recorded calls.
    fn recorded(
        &self,
        folder: &Path,
        setup: &Setup,
        fees: &FeeTable,
    ) -> anyhow::Result<Vec<Checked>> {
        let calls = workload::with_fees(workload::read(folder)?, fees)?;
        let changed = tempfile::tempdir().context("cannot make a temporary folder")?;
        workload::write(&calls, changed.path())?;
        let setup = setup.clone().of(super::subject(changed.path())?);
        let journal = changed.path().join("journal");
        let measured = measure(&workload::cases(calls, self.vm), &setup, &journal)?;
        Ok(self.checked(&measured, |cost| (cost == GAS).then_some(1.0)))
    }

    /// The work that prices are measured by.
    fn own(&self, setup: &Setup, fees: &FeeTable) -> anyhow::Result<Vec<Checked>> {
        let bed = bed(self.vm)?;
        let charged = bed.near().with_fees(fees)?.fee_table();
        let journal = beside(&self.out, "partial");
        let cases = select(cases::all(&bed), &self.costs, cases::exemption)?;
        let measured = measure(&cases, setup, &journal)?;
        std::fs::remove_file(&journal)
            .with_context(|| format!("cannot remove {}", journal.display()))?;
        Ok(self.checked(&measured, price_of(&charged)))
    }

    /// Modules that are worse than what there is.
    #[allow(clippy::disallowed_methods, reason = "a search may end by the clock")]
    fn search(&self, setup: &Setup, fees: &FeeTable) -> anyhow::Result<Vec<Found>> {
        let near = bed(self.vm)?.near().with_fees(fees)?;
        let mut measure = |calls: &[Call]| {
            let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
            workload::write(calls, folder.path())?;
            let setup = setup.clone().of(super::subject(folder.path())?);
            let cases = workload::cases(calls.to_vec(), self.vm);
            let journal = folder.path().join("journal");
            supervise(&cases, &setup, &journal, &mut |_, _| {})
        };
        let end =
            self.time.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let mut goes_on = |tried: usize, worst: &[Found]| {
            if let Some(found) = worst.first() {
                let ratio = found.checked.ratio().unwrap_or_default();
                eprintln!("[{tried}/{} modules] {ratio:.4} {}", self.modules, found.checked.name);
            }
            end.is_none_or(|end| Instant::now() < end)
        };
        let (metric, constants) = (self.metric, Constants::NEAR);
        let plan = Plan { seed: self.seed, modules: self.modules, metric, constants };
        search(&near, self.vm, plan, &mut measure, &mut goes_on)
    }

    /// Writes the worst modules, numbered from the worst.
    fn save(&self, found: &[Found]) -> anyhow::Result<()> {
        let folder = self.save.clone().unwrap_or_else(|| self.out.with_extension("worst"));
        let calls = (1..).zip(found).map(|(at, found): (u32, _)| Call {
            name: format!("{at:02}"),
            fixture: found.call.fixture.clone(),
        });
        workload::write(&calls.collect::<Vec<_>>(), &folder)?;
        eprintln!("the worst modules are in {}", folder.display());
        Ok(())
    }

    fn judge(&self, all: &[Checked]) -> anyhow::Result<()> {
        let Some(most) = self.fail_above else { return Ok(()) };
        let over = all.iter().filter(|checked| checked.ratio().is_none_or(|ratio| ratio > most));
        let over: Vec<&str> = over.map(|checked| checked.name.as_str()).collect();
        if over.is_empty() {
            return Ok(());
        }
        bail!("worth more than {most} times the gas, or not known: {}", over.join(", "));
    }
}

/// Measures `cases` and shows how far it is.
fn measure(cases: &[Case], setup: &Setup, journal: &Path) -> anyhow::Result<Vec<Measured>> {
    let total = cases.len();
    let mut progress = |done: usize, case: &str| eprintln!("[{done}/{total}] {case}");
    supervise(cases, setup, journal, &mut progress)
}
