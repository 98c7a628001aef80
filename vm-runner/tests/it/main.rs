//! Modules on the engine with a host of a few lines, which is also how another chain would
//! embed it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cache;
mod calls;
mod engines;
mod floats;
mod fused;
mod gas;
mod hostile;
mod isolation;
#[cfg(feature = "near")]
mod near;
mod references;
mod refusals;
#[cfg(unix)]
mod signals;
mod soak;
mod store;
mod toy;
mod traps;
mod wrong;
