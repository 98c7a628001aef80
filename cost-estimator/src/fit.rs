//! Fits `base + slope · size` to measurements, and says how well that describes them.
//!
//! Neither coefficient may be negative: no work has a negative price. Where the unconstrained
//! line has a negative base, the line through the origin is the least-squares answer under that
//! constraint.

/// One measurement: how much was asked for, and what it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Units of work: instructions, bytes, elements.
    pub size: f64,
    /// What the metric counted.
    pub value: f64,
}

/// A line through measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// What work of size zero takes. Never negative.
    pub base: f64,
    /// What each further unit takes. Never negative.
    pub slope: f64,
    /// The share of the variance that the line explains, 1 for a perfect line.
    pub r2: f64,
}

impl Fit {
    /// The non-negative least-squares line through `points`; `None` with fewer than three
    /// different sizes, where a line says nothing about linearity.
    pub fn line(points: &[Point]) -> Option<Fit> {
        let mut sizes: Vec<f64> = points.iter().map(|point| point.size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < 3 {
            return None;
        }
        let count = f64::from(u32::try_from(points.len()).ok()?);
        let mean_size = points.iter().map(|point| point.size).sum::<f64>() / count;
        let mean_value = points.iter().map(|point| point.value).sum::<f64>() / count;
        let covariance: f64 =
            points.iter().map(|p| (p.size - mean_size) * (p.value - mean_value)).sum();
        let variance: f64 = points.iter().map(|p| (p.size - mean_size).powi(2)).sum();
        let slope = covariance / variance;
        let base = mean_value - slope * mean_size;
        let (base, slope) = if slope < 0.0 {
            (mean_value, 0.0)
        } else if base < 0.0 {
            (0.0, slope_through_origin(points))
        } else {
            (base, slope)
        };
        Some(Fit { base, slope, r2: explained(points, mean_value, base, slope) })
    }
}

fn slope_through_origin(points: &[Point]) -> f64 {
    let products: f64 = points.iter().map(|point| point.size * point.value).sum();
    let squares: f64 = points.iter().map(|point| point.size.powi(2)).sum();
    products / squares
}

fn explained(points: &[Point], mean_value: f64, base: f64, slope: f64) -> f64 {
    let residual: f64 = points.iter().map(|p| (p.value - base - slope * p.size).powi(2)).sum();
    let total: f64 = points.iter().map(|p| (p.value - mean_value).powi(2)).sum();
    if total == 0.0 { 1.0 } else { 1.0 - residual / total }
}

#[cfg(test)]
mod tests {
    use super::{Fit, Point};

    fn points(values: &[(f64, f64)]) -> Vec<Point> {
        values.iter().map(|(size, value)| Point { size: *size, value: *value }).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn recovers_base_and_slope() {
        let fit = Fit::line(&points(&[(0.0, 5.0), (10.0, 25.0), (20.0, 45.0)])).expect("a line");
        assert!(close(fit.base, 5.0) && close(fit.slope, 2.0) && close(fit.r2, 1.0), "{fit:?}");
    }

    #[test]
    fn a_negative_base_becomes_the_line_through_the_origin() {
        let fit = Fit::line(&points(&[(1.0, 1.0), (2.0, 3.0), (3.0, 5.0)])).expect("a line");
        assert!(close(fit.base, 0.0) && close(fit.slope, 22.0 / 14.0), "{fit:?}");
        assert!(fit.r2 < 1.0);
    }

    #[test]
    fn a_falling_line_has_slope_zero() {
        let fit = Fit::line(&points(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)])).expect("a line");
        assert!(close(fit.slope, 0.0) && close(fit.base, 2.0) && close(fit.r2, 0.0), "{fit:?}");
    }

    #[test]
    fn two_sizes_prove_nothing() {
        assert_eq!(Fit::line(&points(&[(1.0, 1.0), (2.0, 2.0), (2.0, 2.1)])), None);
    }
}
