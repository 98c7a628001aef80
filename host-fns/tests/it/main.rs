//! Direct calls of NEAR's host functions on a guest memory and a world in memory.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "a test ends on what it does not expect"
)]

mod context;
mod crypto;
mod docs;
mod guest;
mod keys;
mod logs;
mod misuse;
mod promises;
mod registers;
mod state_inits;
mod storage;
mod world;
mod yields;
