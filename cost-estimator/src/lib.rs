#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(clippy::float_arithmetic, reason = "measurements and fits are real numbers")]

pub mod cases;
pub mod fit;
pub mod measure;
pub mod metric;
pub mod report;
pub mod sample;
