//! A case is one kind of work at several sizes. Each says how to prepare it, outside the clock,
//! and how to run it, inside.

pub mod wasm_ops;

use std::panic::Location;

/// One kind of work, to be priced as base and slope.
pub trait Case {
    /// Everything the work needs, made before the clock starts.
    type Work;

    /// The cost that the slope prices, as reports name it.
    fn label(&self) -> &'static str;

    /// What one unit of size is.
    fn unit(&self) -> &'static str;

    /// Where the case is written, for reports of doubtful measurements.
    fn location(&self) -> &'static Location<'static>;

    /// The sizes to measure.
    fn sizes(&self) -> &[u32];

    /// Makes the work of `size`, and counts its units.
    fn prepare(&self, size: u32) -> anyhow::Result<Prepared<Self::Work>>;

    /// Does the work.
    fn run(&self, work: Self::Work);
}

/// Work that is ready to run.
#[derive(Debug)]
pub struct Prepared<W> {
    /// The work.
    pub work: W,
    /// Its units, exactly: what the slope is per.
    pub units: f64,
}
