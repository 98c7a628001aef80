//! Bytes that this process reads from files and writes to them, as the kernel counts them: also those that
//! it has in its own cache of files, so that the count repeats.

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Bytes of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Io {
    /// Those that were read.
    pub read: f64,
    /// Those that were written.
    pub written: f64,
}

const COUNTS: &str = "/proc/self/io";

impl Io {
    /// All of this process so far.
    pub(super) fn so_far() -> anyhow::Result<Io> {
        let cannot = || format!("the system does not count the bytes of files ({COUNTS})");
        let text = std::fs::read_to_string(COUNTS).with_context(cannot)?;
        parse(&text).with_context(cannot)
    }

    /// Whether there are none.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Io::default()
    }

    /// What is left without `other`; nothing is less than nothing.
    pub(crate) fn without(self, other: Io) -> Io {
        let left = |all: f64, less: f64| (all - less).max(0.0);
        Io { read: left(self.read, other.read), written: left(self.written, other.written) }
    }
}

fn parse(text: &str) -> Option<Io> {
    let count = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok().map(crate::real)
    };
    Some(Io { read: count("rchar:")?, written: count("wchar:")? })
}

#[cfg(test)]
mod tests {
    use super::{Io, parse};

    #[test]
    fn the_kernels_counts_are_read() {
        let text = "rchar: 4096\nwchar: 17\nsyscr: 3\nsyscw: 1\nread_bytes: 0\n";
        assert_eq!(parse(text), Some(Io { read: 4_096.0, written: 17.0 }));
        assert_eq!(parse("syscr: 3\n"), None);
    }
}
