#![doc = include_str!("../README.md")]
#![allow(clippy::float_arithmetic, reason = "measurements and fits are real numbers")]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts are small, and an overflow is a panic in every profile, never a wrong figure"
)]

mod allocator;
pub mod case;
pub mod cases;
pub mod check;
pub mod constants;
pub mod fit;
pub mod machine;
pub mod measure;
pub mod metric;
pub mod plan;
pub mod price;
pub mod report;
mod rng;
pub mod run;
pub mod search;
pub mod workload;

pub use allocator::Steady;

/// A count as a real number; exact up to 2⁵³, which no count of ours reaches.
#[allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact up to 2⁵³")]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// The same for lengths.
pub fn real_len(length: usize) -> f64 {
    real(u64::try_from(length).unwrap_or(u64::MAX))
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
