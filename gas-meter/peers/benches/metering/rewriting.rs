//! How fast contracts are rewritten, and how large they become.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::measure::Row;
use crate::ours;
use crate::schemes::{Rewrite, Scheme};

/// How often each scheme rewrites each contract; the fastest time counts.
const ROUNDS: u32 = 40;

/// What is measured of the schemes that rewrite modules.
pub(crate) struct Figures {
    /// Megabytes of contract per second.
    pub(crate) speeds: Vec<Row>,
    /// The size of the metered contract through the size of the contract.
    pub(crate) sizes: Vec<Row>,
}

/// Measures `schemes` on `contracts`, and this workspace's whole preparation of a contract, which
/// is what near-vm-runner's figure is to be compared with: both validate and check limits too.
pub(crate) fn measure(
    contracts: &[(&'static str, Vec<u8>)],
    schemes: &[Scheme],
) -> Result<Figures> {
    let mut all: Vec<(&'static str, Rewrite, bool)> = schemes
        .iter()
        .filter_map(|scheme| Some((scheme.name, scheme.rewrite?, scheme.picky)))
        .collect();
    all.push(("vm-runner, with all checks", ours::prepare, false));
    let rows = || all.iter().map(|(name, ..)| Row { name, figures: Vec::new() }).collect();
    let mut figures = Figures { speeds: rows(), sizes: rows() };
    for (contract, wasm) in contracts {
        let mut entrants = Vec::new();
        for (name, rewrite, picky) in &all {
            entrants.push(match rewrite(wasm) {
                Ok(metered) => Some((*rewrite, metered.len(), Duration::MAX)),
                Err(_) if *picky => None,
                Err(error) => return Err(error.context(format!("{name}: {contract}"))),
            });
        }
        for _ in 0..ROUNDS {
            for (rewrite, _, best) in entrants.iter_mut().flatten() {
                let start = Instant::now();
                std::hint::black_box(rewrite(wasm)?);
                *best = start.elapsed().min(*best);
            }
        }
        let bytes = f64::from(u32::try_from(wasm.len()).context("a small contract")?);
        for (index, entrant) in entrants.into_iter().enumerate() {
            let (speed, size) = match entrant {
                Some((_, metered, time)) => {
                    let metered = f64::from(u32::try_from(metered).context("a small module")?);
                    (Some(bytes / time.as_secs_f64() / 1e6), Some(metered / bytes))
                }
                None => (None, None),
            };
            figures.speeds[index].figures.push(speed);
            figures.sizes[index].figures.push(size);
        }
    }
    Ok(figures)
}
