//! Direct calls of NEAR's host functions on a guest memory and a world in memory.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    reason = "a test ends on what it does not expect"
)]

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;

mod context;
mod crypto;
mod fuzz;
mod guest;
mod hostile;
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
