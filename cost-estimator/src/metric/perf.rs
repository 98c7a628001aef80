//! The processor's own counter of instructions, as far as the kernel lets a process have it.

use std::io;

use perf_event::events::Hardware;
use perf_event::{Builder, Counter};

/// Instructions of this thread in user mode.
#[derive(Debug)]
pub(super) struct Instructions(Counter);

impl Instructions {
    /// Opens the counter, which counts nothing yet.
    pub(super) fn open() -> io::Result<Self> {
        Builder::new(Hardware::INSTRUCTIONS).build().map(Instructions)
    }

    /// What `work` takes, and what it returns.
    pub(super) fn count<T>(&mut self, work: impl FnOnce() -> T) -> anyhow::Result<(f64, T)> {
        self.0.reset()?;
        self.0.enable()?;
        let result = work();
        self.0.disable()?;
        Ok((crate::real(self.0.read()?), result))
    }
}
