//! The gas and the stack of a module that charges by host calls.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::engine::PLENTY;

/// What is left.
#[derive(Debug)]
pub(crate) struct Meter {
    gas: AtomicI64,
    stack: AtomicI64,
}

/// There is not enough left.
#[derive(Debug, thiserror::Error)]
#[error("exhausted")]
pub(crate) struct Exhausted;

impl Meter {
    pub(crate) fn new() -> Self {
        Meter { gas: AtomicI64::new(PLENTY), stack: AtomicI64::new(PLENTY) }
    }

    pub(crate) fn gas(&self) -> i64 {
        self.gas.load(Ordering::Relaxed)
    }

    pub(crate) fn charge(&self, gas: i64) -> Result<(), Exhausted> {
        take(&self.gas, gas)
    }

    pub(crate) fn enter(&self, operands: i64, frame: i64) -> Result<(), Exhausted> {
        take(&self.stack, operands + frame)
    }

    pub(crate) fn leave(&self, operands: i64, frame: i64) -> Result<(), Exhausted> {
        take(&self.stack, -(operands + frame))
    }

    /// Charges for each of `count` units, which it gives back.
    pub(crate) fn units(&self, count: i32, unit: i64, base: i64) -> Result<i32, Exhausted> {
        self.charge(i64::from(count.cast_unsigned()) * unit + base)?;
        Ok(count)
    }
}

/// One thread runs the module, so that no read-modify-write is needed.
fn take(left: &AtomicI64, amount: i64) -> Result<(), Exhausted> {
    let rest = left.load(Ordering::Relaxed) - amount;
    left.store(rest, Ordering::Relaxed);
    if rest < 0 { Err(Exhausted) } else { Ok(()) }
}
