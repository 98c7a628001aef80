//! Takes the measurements of a case: preparation outside the clock, a warm-up, then several rounds
//! over all sizes, of which the fastest run of each size counts. Rounds are interleaved so that a
//! slow moment of the machine does not fall on one size alone.

use std::panic::Location;

use anyhow::Context;

use crate::cases::{Case, Prepared};
use crate::fit::Point;
use crate::metric::nanoseconds;
use crate::sample::Sample;

/// How often every size is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds that are thrown away: caches and branch predictors fill.
    pub warm_up: u32,
    /// Rounds that count.
    pub rounds: u32,
}

/// Measures `case` at each of its sizes.
pub fn measure<C: Case>(case: &C, effort: Effort) -> anyhow::Result<Sample> {
    Ok(Sample::of(&points(case, effort)?, case.location()))
}

fn points<C: Case>(case: &C, effort: Effort) -> anyhow::Result<Vec<Point>> {
    let mut fastest = vec![None; case.sizes().len()];
    for round in 0..effort.warm_up.saturating_add(effort.rounds) {
        for (size, best) in case.sizes().iter().zip(&mut fastest) {
            let Prepared { work, units } = case
                .prepare(*size)
                .with_context(|| format!("preparing {} at size {size}", case.label()))?;
            let taken = nanoseconds(|| case.run(work));
            if round >= effort.warm_up {
                let point = Point { size: units, value: taken };
                *best = match *best {
                    Some(Point { value, .. }) if value <= taken => *best,
                    _ => Some(point),
                };
            }
        }
    }
    Ok(fastest.into_iter().flatten().collect())
}

/// The place of the caller, for cases to say where they are written.
#[track_caller]
pub fn here() -> &'static Location<'static> {
    Location::caller()
}
