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
mod guest;
mod keys;
mod logs;
mod misuse;
mod page;

mod promises;
mod registers;
mod scene;
mod state_inits;
mod storage;
mod survey;
mod world;
mod yields;
