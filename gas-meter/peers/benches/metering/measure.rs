//! Takes the times.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::engine::{Engine, Instance};
use crate::schemes::{BARE, Charging, Scheme};
use crate::workloads::Workload;

/// How often a module is compiled and loaded: where its code comes to lie decides how well branches
/// are predicted.
const LOADS: u32 = 6;

/// Rounds that each scheme gets with each load; a slow one gets fewer, see [`Entrant::due`].
const ROUNDS: u32 = 25;

/// One scheme's figures.
pub(crate) struct Row {
    /// The scheme.
    pub(crate) name: &'static str,
    /// One for each workload; `None` where the scheme cannot do it.
    pub(crate) figures: Vec<Option<f64>>,
}

/// What each scheme costs on `engine`: run time with the scheme through run time without. The
/// first row has the bare times, in milliseconds.
pub(crate) fn overheads(
    engine: &dyn Engine,
    workloads: &[Workload],
    schemes: &[Scheme],
) -> Result<Vec<Row>> {
    let schemes: Vec<&Scheme> = std::iter::once(&BARE)
        .chain(schemes.iter().filter(|scheme| engine.can(scheme.charging)))
        .collect();
    let mut rows: Vec<Row> =
        schemes.iter().map(|scheme| Row { name: scheme.name, figures: Vec::new() }).collect();
    for workload in workloads {
        let mut times = vec![None; schemes.len()];
        for _ in 0..LOADS {
            let load = load(engine, workload, &schemes);
            let load = load.with_context(|| workload.name.to_owned())?;
            for (time, best) in times.iter_mut().zip(load) {
                *time = [*time, best].into_iter().flatten().min();
            }
        }
        let bare = times.first().copied().flatten().context("the bare workload")?;
        for (index, (row, time)) in rows.iter_mut().zip(times).enumerate() {
            let unit = if index == 0 { Duration::from_millis(1) } else { bare };
            row.figures.push(time.map(|time| time.as_secs_f64() / unit.as_secs_f64()));
        }
    }
    Ok(rows)
}

/// The shortest round of each scheme, with all modules loaded anew.
fn load(
    engine: &dyn Engine,
    workload: &Workload,
    schemes: &[&Scheme],
) -> Result<Vec<Option<Duration>>> {
    let mut entrants = Vec::new();
    for scheme in schemes {
        let entrant = Entrant::new(engine, workload, scheme);
        entrants.push(entrant.with_context(|| format!("{} on {}", scheme.name, engine.name()))?);
    }
    let bare = entrants.first().and_then(Option::as_ref).context("the bare workload")?;
    let (expected, pace) = (bare.result, bare.best);
    for round in 0..ROUNDS {
        for entrant in entrants.iter_mut().flatten() {
            ensure!(entrant.result == expected, "metering changed what comes out");
            if entrant.due(round, pace) {
                entrant.round()?;
            }
        }
    }
    Ok(entrants.into_iter().map(|entrant| entrant.map(|entrant| entrant.best)).collect())
}

/// A scheme in a workload's race.
struct Entrant {
    instance: Box<dyn Instance>,
    result: u32,
    best: Duration,
}

impl Entrant {
    /// `None` if the scheme refuses the module.
    fn new(engine: &dyn Engine, workload: &Workload, scheme: &Scheme) -> Result<Option<Self>> {
        let metered = match scheme.rewrite {
            None => workload.wasm.clone(),
            Some(rewrite) => match rewrite(&workload.wasm) {
                Ok(metered) => metered,
                Err(_) if scheme.picky => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        let mut instance = engine.load(&metered, scheme.charging, workload.task)?;
        let start = Instant::now();
        let result = instance.round()?;
        let best = start.elapsed();
        if scheme.charging != Charging::Nobody {
            ensure!(instance.used()? > 1_000, "nothing is charged");
        }
        Ok(Some(Entrant { instance, result, best }))
    }

    /// Whether to run in this round: a scheme that is many times slower than the bare workload is
    /// left out of most rounds, or it would take most of the time.
    fn due(&self, round: u32, pace: Duration) -> bool {
        let slower = self.best.as_nanos() / pace.as_nanos().max(1);
        u128::from(round).is_multiple_of(slower / 2 + 1)
    }

    fn round(&mut self) -> Result<()> {
        let start = Instant::now();
        let result = self.instance.round()?;
        self.best = self.best.min(start.elapsed());
        ensure!(result == self.result, "the workload is not repeatable");
        Ok(())
    }
}
