//! Curves and signatures, call by call against nearcore's own functions: every kind of operand,
//! good or bad, and published vectors.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "a test ends on what it does not expect"
)]

mod both;
mod edges;
mod operands;
pub(crate) mod pool;
mod published;
mod random;
