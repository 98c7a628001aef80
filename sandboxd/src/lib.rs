#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod chain;
pub mod chain_file;
pub mod cli;
pub mod genesis;
pub mod home;
#[cfg(doctest)]
mod pages;
pub mod remote;
pub mod rpc;
mod sandbox;
pub mod store;

#[cfg(feature = "rocksdb")]
pub use sandbox::OpenFailed;
pub use sandbox::{KEPT_BLOCKS, Sandbox, SandboxBuilder};
