#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![allow(
    clippy::too_many_arguments,
    reason = "host functions take what the guest passes, by position"
)]

pub mod abi;
pub mod common;
pub mod crypto;
#[cfg(feature = "near")]
pub mod near;
