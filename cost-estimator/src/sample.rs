//! [`Sample`]: a measured price, or the reason why there is none. A doubtful figure is never
//! shown as a number that somebody could copy into a fee table.

use std::panic::Location;

use crate::fit::{Fit, Point};

/// The least share of variance that a line must explain to be believed.
const LEAST_R2: f64 = 0.98;

/// The result of one case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// The measurements lie on a line.
    Known(Fit),
    /// They do not, or there are too few of them.
    Uncertain {
        /// What is wrong with the measurements.
        why: &'static str,
        /// Where the case is written.
        at: &'static Location<'static>,
    },
}

impl Sample {
    /// Fits `points`, measured by the case at `at`.
    pub fn of(points: &[Point], at: &'static Location<'static>) -> Sample {
        match Fit::line(points) {
            None => Sample::Uncertain { why: "fewer than three different sizes", at },
            Some(fit) if fit.slope <= 0.0 => {
                Sample::Uncertain { why: "more work did not take longer", at }
            }
            Some(fit) if fit.r2 < LEAST_R2 => {
                Sample::Uncertain { why: "the measurements are not on a line (R² below 0.98)", at }
            }
            Some(fit) => Sample::Known(fit),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::Sample;
    use crate::fit::Point;

    fn sample(values: [f64; 4]) -> Sample {
        let points: Vec<Point> = (1u32..)
            .zip(values)
            .map(|(size, value)| Point { size: f64::from(size), value })
            .collect();
        Sample::of(&points, Location::caller())
    }

    #[test]
    fn noise_is_never_a_number() {
        assert!(matches!(sample([1.0, 2.0, 3.0, 4.0]), Sample::Known(_)));
        assert!(matches!(sample([1.0, 9.0, 2.0, 7.0]), Sample::Uncertain { .. }));
        assert!(matches!(sample([4.0, 3.0, 2.0, 1.0]), Sample::Uncertain { .. }));
    }
}
