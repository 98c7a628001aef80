//! What a user of the chain relies on, in process.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod accounts;
mod block_modes;
mod blocks;
mod chain_file;
mod cli;
mod clock;
mod compare;
mod contracts;
mod deal;
mod dry_run;
mod engines;
mod epochs;
mod fees;
mod finality;
mod fork;
mod genesis;
mod holds;
mod image;
mod impersonation;
mod model;
mod node;
mod patch_state;
mod pruning;
mod remote;
mod returns;
mod rpc;
#[cfg(feature = "rocksdb")]
mod store;
mod storm;
mod support;
mod time;
mod tokens;

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;
