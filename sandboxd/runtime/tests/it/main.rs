//! The runtime's rules, each seen through blocks: what goes in, and what outcomes, balances and keys
//! come out. Expected fees are computed here from the parameters, not by the runtime.

#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows has failed")]

mod accounts;
mod contracts;
mod delegates;
mod gas_keys;
mod global_contracts;
mod implicit;
mod invalid;
mod invariants;
mod patches;
mod promises;
mod queries;
mod random;
mod scenarios;
mod stakes;
mod state_inits;
mod storage_proofs;
mod transfers;
mod versions;
mod world;
