//! Metering against means that are not ours: the official test suite and an interpreter.

#![allow(clippy::arithmetic_side_effects, reason = "tests of small numbers")]

mod contracts;
mod large;
mod reference;
mod rules;
mod suite;
