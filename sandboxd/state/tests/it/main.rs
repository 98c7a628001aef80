//! Tests of the state through its public interface.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::arithmetic_side_effects, reason = "overflow is a failed test")]

mod elsewhere;
mod history;
mod misshapen;
mod overlay;
mod proofs;
mod random;
mod ranges;
mod reference;
mod roots;
mod shelf;
mod stored;
mod vectors;
mod visits;

#[global_allocator]
static ALLOCATOR: fixtures::memory::Counting = fixtures::memory::Counting;
