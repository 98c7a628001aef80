//! When a node makes blocks.

use std::time::Duration;

/// When a node makes blocks of its own accord. Whatever it is, blocks are made when somebody asks for
/// them: by [`Node::mine`](super::Node::mine), a patch or a jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockMode {
    /// At once when there is work, and until none is left.
    #[default]
    Instant,
    /// One after each such time, with what arrived meanwhile.
    Interval(Duration),
    /// At once when there is work, and one after such a time without.
    Mixed(Duration),
    /// Never. Transactions and receipts wait until blocks are asked for.
    Manual,
}

impl BlockMode {
    /// Whether work does not wait.
    pub(super) fn is_prompt(self) -> bool {
        matches!(self, Self::Instant | Self::Mixed(_))
    }

    /// How long after a block there is one without work.
    pub(super) fn interval(self) -> Option<Duration> {
        match self {
            Self::Interval(interval) | Self::Mixed(interval) => Some(interval),
            Self::Instant | Self::Manual => None,
        }
    }
}
