//! Takes the times.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::engine::{Engine, Instance};
use crate::schemes::{BARE, Charging, Scheme};
use crate::workloads::Workload;

/// How often a module is compiled and loaded: where its code comes to lie decides how well branches
/// are predicted.
const LOADS: u32 = 10;

/// Rounds that each scheme gets with each load; a slow one gets fewer, see [`Entrant::due`].
const ROUNDS: u32 = 15;

/// One scheme's figures.
pub(crate) struct Row {
    /// The scheme.
    pub(crate) name: &'static str,
    /// One for each workload; `None` where the scheme cannot do it.
    pub(crate) figures: Vec<Option<f64>>,
}

/// What schemes cost on one engine: time with the scheme through time without. The first row has
/// the times without, in milliseconds.
pub(crate) struct Overheads {
    /// Of a round.
    pub(crate) running: Vec<Row>,
    /// Of compiling the metered module and making an instance.
    pub(crate) compiling: Vec<Row>,
}

/// The shortest times of a scheme with a workload.
#[derive(Clone, Copy)]
struct Times {
    running: Duration,
    compiling: Duration,
}

/// Measures `schemes` on `engine`.
pub(crate) fn overheads(
    engine: &dyn Engine,
    workloads: &[Workload],
    schemes: &[Scheme],
) -> Result<Overheads> {
    let schemes: Vec<&Scheme> = std::iter::once(&BARE)
        .chain(schemes.iter().filter(|scheme| engine.can(scheme.charging)))
        .collect();
    let rows = || {
        let rows = schemes.iter().map(|scheme| Row { name: scheme.name, figures: Vec::new() });
        rows.collect()
    };
    let mut overheads = Overheads { running: rows(), compiling: rows() };
    for workload in workloads {
        let mut best: Vec<Option<Times>> = vec![None; schemes.len()];
        for _ in 0..LOADS {
            let times = load(engine, workload, &schemes);
            let times = times.with_context(|| workload.name.to_owned())?;
            for (best, times) in best.iter_mut().zip(times) {
                *best = match (*best, times) {
                    (Some(best), Some(times)) => Some(best.min(times)),
                    (best, times) => best.or(times),
                };
            }
        }
        add(&mut overheads.running, best.iter().map(|best| best.map(|best| best.running)));
        add(&mut overheads.compiling, best.iter().map(|best| best.map(|best| best.compiling)));
    }
    Ok(overheads)
}

/// Adds a column of times.
fn add(rows: &mut [Row], times: impl Iterator<Item = Option<Duration>>) {
    let mut bare = None;
    for (row, time) in rows.iter_mut().zip(times) {
        let time = time.map(|time| time.as_secs_f64());
        let unit = bare.unwrap_or(1e-3);
        bare = bare.or(time);
        row.figures.push(time.map(|time| time / unit));
    }
}

impl Times {
    fn min(self, other: Times) -> Times {
        Times {
            running: self.running.min(other.running),
            compiling: self.compiling.min(other.compiling),
        }
    }
}

/// The shortest times of each scheme, with all modules loaded anew.
fn load(
    engine: &dyn Engine,
    workload: &Workload,
    schemes: &[&Scheme],
) -> Result<Vec<Option<Times>>> {
    let mut entrants = Vec::new();
    for scheme in schemes {
        let entrant = Entrant::new(engine, workload, scheme);
        entrants.push(entrant.with_context(|| format!("{} on {}", scheme.name, engine.name()))?);
    }
    agree(&entrants)?;
    let bare = entrants.first().and_then(Option::as_ref).context("the bare workload")?;
    let pace = bare.best.running;
    for round in 0..ROUNDS {
        for entrant in entrants.iter_mut().flatten() {
            if entrant.due(round, pace) {
                entrant.round()?;
            }
        }
    }
    Ok(entrants.into_iter().map(|entrant| entrant.map(|entrant| entrant.best)).collect())
}

/// Checks that all schemes compute the same, and that those with NEAR's prices charge the same.
fn agree(entrants: &[Option<Entrant>]) -> Result<()> {
    let entrants: Vec<&Entrant> = entrants.iter().flatten().collect();
    for pair in entrants.windows(2) {
        ensure!(pair[0].result == pair[1].result, "metering changes what comes out");
    }
    let gas: Vec<i64> = entrants.iter().filter_map(|entrant| entrant.nears_gas).collect();
    ensure!(gas.windows(2).all(|pair| pair[0] == pair[1]), "NEAR's gas differs: {gas:?}");
    Ok(())
}

/// A scheme in a workload's race.
struct Entrant {
    instance: Box<dyn Instance>,
    result: u32,
    /// The gas of one round, of a scheme with NEAR's prices.
    nears_gas: Option<i64>,
    best: Times,
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
        let start = Instant::now();
        let mut instance = engine.load(&metered, scheme.charging, workload.task)?;
        let compiling = start.elapsed();
        let start = Instant::now();
        let result = instance.round()?;
        let best = Times { running: start.elapsed(), compiling };
        let mut nears_gas = None;
        if scheme.charging != Charging::Nobody {
            let gas = instance.used()?;
            ensure!(gas > 1_000, "nothing is charged");
            nears_gas = scheme.nears.then_some(gas);
        }
        Ok(Some(Entrant { instance, result, nears_gas, best }))
    }

    /// Whether to run in this round: a scheme that is many times slower than the bare workload is
    /// left out of most rounds, or it would take most of the time.
    fn due(&self, round: u32, pace: Duration) -> bool {
        let slower = self.best.running.as_nanos() / pace.as_nanos().max(1);
        u128::from(round).is_multiple_of(slower / 2 + 1)
    }

    fn round(&mut self) -> Result<()> {
        let start = Instant::now();
        let result = self.instance.round()?;
        self.best.running = self.best.running.min(start.elapsed());
        ensure!(result == self.result, "the workload is not repeatable");
        Ok(())
    }
}
