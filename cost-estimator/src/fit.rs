//! Fits prices to measurements: `value = price₁ · units₁ + price₂ · units₂ + …`, and says how well
//! that describes them.
//!
//! No price may be negative: no work gives time back. With the few prices of a case, the
//! least-squares answer under that constraint is found exactly, by trying every set of prices that
//! may differ from zero. Every measurement counts by its relative error, so that a large one does
//! not drown the small ones that tell the base.

/// One measurement: the units of each price, and what they took together.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Units, in the order of the prices.
    pub units: Vec<f64>,
    /// What the metric counted for them.
    pub value: f64,
    /// What it counted in all: distances from the fit are shares of this.
    pub scale: f64,
}

/// Prices, and how far they can be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// What a unit of each takes. Never negative.
    pub prices: Vec<f64>,
    /// The standard error of each price; of one that is zero, that of what it might be.
    pub errors: Vec<f64>,
    /// The share of the variance that the prices explain, 1 for a perfect fit.
    pub r2: f64,
    /// The largest distance of a measurement from the fit, as a share of the measurement.
    pub worst: f64,
}

/// Prices that a case has at most: all sets of them are tried.
const MOST_PRICES: usize = 8;

impl Fit {
    /// The non-negative prices that fit `rows` best; `None` where there are not more measurements
    /// than prices, or their units do not tell the prices apart.
    pub fn non_negative(rows: &[Row]) -> Option<Fit> {
        let count = rows.first()?.units.len();
        if count == 0 || count > MOST_PRICES || rows.len() <= count {
            return None;
        }
        let all: Vec<usize> = (0..count).collect();
        // Told apart at all?
        solve(rows, &all)?;
        let best = (0_usize..1 << count)
            .filter_map(|set| {
                let free: Vec<usize> =
                    all.iter().copied().filter(|at| set >> at & 1 == 1).collect();
                let found = solve(rows, &free)?;
                let mut prices = vec![0.0; count];
                for (at, price) in free.iter().zip(&found) {
                    prices[*at] = *price;
                }
                found.iter().all(|price| *price >= 0.0).then_some((prices, free))
            })
            .min_by(|(a, _), (b, _)| unexplained(rows, a).total_cmp(&unexplained(rows, b)));
        let (prices, free) = best?;
        let errors = standard_errors(rows, &prices, &free);
        let mean = weighted_mean(rows);
        let total: f64 = rows.iter().map(|row| (weight(row) * (row.value - mean)).powi(2)).sum();
        let left = unexplained(rows, &prices);
        let r2 = if total <= f64::EPSILON { 1.0 } else { 1.0 - left / total };
        let worst = rows.iter().map(|row| weight(row) * residual(row, &prices).abs());
        let worst = worst.fold(0.0, f64::max);
        Some(Fit { prices, errors, r2, worst })
    }

    /// What `units` take.
    pub fn value(&self, units: &[f64]) -> f64 {
        dot(units, &self.prices)
    }
}

/// Measurements below one unit of the metric weigh no more than one of one.
fn weight(row: &Row) -> f64 {
    1.0 / row.scale.max(1.0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn residual(row: &Row, prices: &[f64]) -> f64 {
    row.value - dot(&row.units, prices)
}

fn unexplained(rows: &[Row], prices: &[f64]) -> f64 {
    rows.iter().map(|row| (weight(row) * residual(row, prices)).powi(2)).sum()
}

fn weighted_mean(rows: &[Row]) -> f64 {
    let weights: f64 = rows.iter().map(|row| weight(row).powi(2)).sum();
    rows.iter().map(|row| weight(row).powi(2) * row.value).sum::<f64>() / weights
}

/// The unconstrained least-squares prices of the columns `free`.
fn solve(rows: &[Row], free: &[usize]) -> Option<Vec<f64>> {
    let scales = scales(rows, free)?;
    let right = free.iter().zip(&scales).map(|(at, scale)| {
        rows.iter().map(|row| weight(row).powi(2) * row.units[*at] / scale * row.value).sum()
    });
    let solved = eliminate(gram(rows, free, &scales), right.collect())?;
    Some(solved.iter().zip(&scales).map(|(price, scale)| price / scale).collect())
}

/// The lengths of the columns: scaled by them, all are alike to the elimination.
fn scales(rows: &[Row], free: &[usize]) -> Option<Vec<f64>> {
    free.iter()
        .map(|at| {
            let square: f64 = rows.iter().map(|row| (weight(row) * row.units[*at]).powi(2)).sum();
            (square > 0.0).then(|| square.sqrt())
        })
        .collect()
}

fn gram(rows: &[Row], free: &[usize], scales: &[f64]) -> Vec<Vec<f64>> {
    let product = |(a, a_scale): (&usize, &f64), (b, b_scale): (&usize, &f64)| {
        let sum: f64 =
            rows.iter().map(|row| weight(row).powi(2) * row.units[*a] * row.units[*b]).sum();
        sum / (a_scale * b_scale)
    };
    let row = |a| free.iter().zip(scales).map(|b| product(a, b)).collect();
    free.iter().zip(scales).map(row).collect()
}

/// Gaussian elimination with pivots; `None` for a matrix that is singular, or nearly.
fn eliminate(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    const LEAST_PIVOT: f64 = 1e-9;
    let size = right.len();
    for at in 0..size {
        let pivot =
            (at..size).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()))?;
        if matrix[pivot][at].abs() < LEAST_PIVOT {
            return None;
        }
        matrix.swap(at, pivot);
        right.swap(at, pivot);
        for below in at + 1..size {
            let factor = matrix[below][at] / matrix[at][at];
            let above = matrix[at].clone();
            for (to, from) in matrix[below].iter_mut().zip(above).skip(at) {
                *to -= factor * from;
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|column| matrix[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    Some(right)
}

/// Standard errors: of a price that was held at zero, beside those that were not.
fn standard_errors(rows: &[Row], prices: &[f64], free: &[usize]) -> Vec<f64> {
    let freedom = crate::real_len(rows.len().saturating_sub(free.len()).max(1));
    let variance = unexplained(rows, prices) / freedom;
    let error = |at: usize| {
        let mut beside = free.to_vec();
        if !beside.contains(&at) {
            beside.push(at);
        }
        let index = beside.iter().position(|column| *column == at)?;
        let scales = scales(rows, &beside)?;
        let mut unit = vec![0.0; beside.len()];
        unit[index] = 1.0;
        let column = eliminate(gram(rows, &beside, &scales), unit)?;
        Some((variance * column[index]).max(0.0).sqrt() / scales[index])
    };
    (0..prices.len()).map(|at| error(at).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Fit, Row};

    fn rows(rows: &[(&[f64], f64)]) -> Vec<Row> {
        rows.iter()
            .map(|(units, value)| Row { units: units.to_vec(), value: *value, scale: *value })
            .collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn recovers_base_and_slope() {
        let fit = Fit::non_negative(&rows(&[
            (&[1.0, 0.0], 5.0),
            (&[1.0, 10.0], 25.0),
            (&[1.0, 20.0], 45.0),
        ]))
        .expect("three sizes");
        assert!(close(fit.prices[0], 5.0) && close(fit.prices[1], 2.0), "{fit:?}");
        assert!(close(fit.r2, 1.0) && fit.worst < 1e-9 && fit.errors[0] < 1e-6, "{fit:?}");
        assert!(close(fit.value(&[1.0, 100.0]), 205.0));
    }

    #[test]
    fn tells_four_prices_apart_across_many_orders_of_magnitude() {
        let prices = [7.0, 1_000_000.0, 0.25, 40.0];
        let mut measured = Vec::new();
        for units in [
            [1.0, 1.0, 0.0, 0.0],
            [1.0, 4.0, 0.0, 0.0],
            [1.0, 1.0, 4096.0, 0.0],
            [1.0, 1.0, 65536.0, 0.0],
            [1.0, 1.0, 0.0, 2000.0],
            [1.0, 3.0, 512.0, 100.0],
        ] {
            let value = units.iter().zip(prices).map(|(units, price)| units * price).sum();
            measured.push(Row { units: units.to_vec(), value, scale: value });
        }
        let fit = Fit::non_negative(&measured).expect("told apart");
        // The first price is lost beside the second, and nothing else is.
        assert!((1..4).all(|at| (fit.prices[at] / prices[at] - 1.0).abs() < 1e-4), "{fit:?}");
    }

    #[test]
    fn a_price_below_zero_is_zero_and_the_others_follow() {
        let fit =
            Fit::non_negative(&rows(&[(&[1.0, 1.0], 1.0), (&[1.0, 2.0], 3.0), (&[1.0, 3.0], 5.0)]))
                .expect("three sizes");
        assert!(close(fit.prices[0], 0.0) && fit.prices[1] > 1.0, "{fit:?}");
        assert!(fit.worst > 0.1, "{fit:?}");
    }

    #[test]
    fn noise_shows_in_every_measure() {
        let values = [10.0, 19.0, 12.0, 35.0, 21.0, 60.0];
        let measured: Vec<Row> = (1_u8..)
            .zip(values)
            .map(|(size, value)| Row { units: vec![1.0, f64::from(size)], value, scale: value })
            .collect();
        let fit = Fit::non_negative(&measured).expect("enough sizes");
        assert!(fit.r2 < 0.98 && fit.worst > 0.1 && fit.errors[1] > 1.0, "{fit:?}");
    }

    #[test]
    fn what_the_units_do_not_tell_apart_has_no_fit() {
        let two: &[(&[f64], f64)] = &[(&[1.0, 1.0], 1.0), (&[1.0, 2.0], 2.0)];
        assert_eq!(Fit::non_negative(&rows(two)), None, "two sizes prove nothing");
        let alike: &[(&[f64], f64)] = &[(&[1.0, 2.0], 1.0), (&[2.0, 4.0], 2.0), (&[3.0, 6.0], 3.0)];
        assert_eq!(Fit::non_negative(&rows(alike)), None);
        assert_eq!(Fit::non_negative(&[]), None);
    }
}
