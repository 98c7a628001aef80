#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod abi;
pub mod common;
pub mod crypto;
#[cfg(feature = "near")]
pub mod near;
