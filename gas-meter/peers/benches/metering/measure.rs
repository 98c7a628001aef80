//! Takes the times.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::engine::{Engine, Instance};
use crate::kernels::Kernel;
use crate::schemes::{BARE, Charging, Scheme};

/// Rounds that each scheme gets; a slow one gets fewer, see [`Entrant::due`].
const ROUNDS: u32 = 150;

/// One scheme's figures, a column's worth for each kernel.
pub(crate) struct Row {
    /// The scheme.
    pub(crate) name: &'static str,
    /// Run time with the scheme through run time without, for each kernel; `None` where the
    /// scheme cannot do it.
    pub(crate) ratios: Vec<Option<f64>>,
}

/// What each scheme costs on `engine`, kernel by kernel; the first row has the bare times in
/// milliseconds.
pub(crate) fn overheads(
    engine: &dyn Engine,
    kernels: &[Kernel],
    schemes: &[Scheme],
) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = std::iter::once(BARE.name)
        .chain(schemes.iter().map(|scheme| scheme.name))
        .map(|name| Row { name, ratios: Vec::new() })
        .collect();
    for kernel in kernels {
        let times = times(engine, kernel, schemes).with_context(|| kernel.name.to_owned())?;
        let bare = times.first().copied().flatten().context("the bare kernel runs everywhere")?;
        for (index, (row, time)) in rows.iter_mut().zip(times).enumerate() {
            let unit = if index == 0 { Duration::from_millis(1) } else { bare };
            row.ratios.push(time.map(|time| time.as_secs_f64() / unit.as_secs_f64()));
        }
    }
    Ok(rows)
}

/// The shortest time of the bare kernel and of each scheme.
fn times(
    engine: &dyn Engine,
    kernel: &Kernel,
    schemes: &[Scheme],
) -> Result<Vec<Option<Duration>>> {
    let wasm = kernel.wasm();
    let mut entrants = Vec::new();
    for scheme in std::iter::once(&BARE).chain(schemes) {
        let entrant = Entrant::new(engine, kernel, &wasm, scheme);
        entrants.push(entrant.with_context(|| format!("{} on {}", scheme.name, engine.name()))?);
    }
    let bare = entrants.first().and_then(Option::as_ref).context("the bare kernel")?;
    let (expected, pace) = (bare.result, bare.best);
    for round in 0..ROUNDS {
        for entrant in entrants.iter_mut().flatten() {
            ensure!(entrant.result == expected, "metering changed what the kernel returns");
            if entrant.due(round, pace) {
                entrant.round(kernel)?;
            }
        }
    }
    Ok(entrants.into_iter().map(|entrant| entrant.map(|entrant| entrant.best)).collect())
}

/// A scheme in a kernel's race.
struct Entrant {
    instance: Box<dyn Instance>,
    result: i32,
    best: Duration,
}

impl Entrant {
    /// `None` if the scheme or the engine cannot do the kernel.
    fn new(
        engine: &dyn Engine,
        kernel: &Kernel,
        wasm: &[u8],
        scheme: &Scheme,
    ) -> Result<Option<Self>> {
        let metered = (scheme.rewrite)(wasm)?;
        let Some(mut instance) = engine.load(&metered, scheme.charging)? else { return Ok(None) };
        let start = Instant::now();
        let result = instance.run(kernel.argument)?;
        let best = start.elapsed();
        if scheme.charging != Charging::Nobody {
            ensure!(instance.used()? > 1_000, "{} charges nothing", scheme.name);
        }
        Ok(Some(Entrant { instance, result, best }))
    }

    /// Whether to run in this round: a scheme that is many times slower than the bare kernel is
    /// left out of most rounds, or it would take most of the time.
    fn due(&self, round: u32, pace: Duration) -> bool {
        let slower = self.best.as_nanos() / pace.as_nanos().max(1);
        u128::from(round) % (slower / 4 + 1) == 0
    }

    fn round(&mut self, kernel: &Kernel) -> Result<()> {
        let start = Instant::now();
        let result = self.instance.run(kernel.argument)?;
        self.best = self.best.min(start.elapsed());
        ensure!(result == self.result, "the kernel is not repeatable");
        Ok(())
    }
}
