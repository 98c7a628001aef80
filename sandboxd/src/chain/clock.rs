//! Where block timestamps come from. A `Clock` is a value that a chain owns: a clone of a chain
//! has its own, so that moving one chain's time never moves another's. It knows nothing of
//! blocks; that timestamps grow from block to block is the chain's rule.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch, as in a block header.
pub type TimestampNs = u64;

/// The source of a chain's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock, moved ahead by what fast-forwarding and time travel added.
    System {
        /// How far the chain is ahead of the machine, in nanoseconds.
        ahead_ns: u64,
    },
    /// A clock that stands still until it is moved: the same inputs give the same blocks.
    Manual {
        /// What the clock shows, in nanoseconds since the Unix epoch.
        now_ns: TimestampNs,
    },
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self::System { ahead_ns: 0 }
    }

    /// A clock that shows `now_ns` until it is moved.
    pub const fn manual(now_ns: TimestampNs) -> Self {
        Self::Manual { now_ns }
    }

    /// What the clock shows, in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> TimestampNs {
        match *self {
            Self::System { ahead_ns } => machine_ns().saturating_add(ahead_ns),
            Self::Manual { now_ns } => now_ns,
        }
    }

    /// Moves the clock ahead by `delta_ns` nanoseconds.
    pub(super) fn advance(&mut self, delta_ns: u64) {
        match self {
            Self::System { ahead_ns } => *ahead_ns = ahead_ns.saturating_add(delta_ns),
            Self::Manual { now_ns } => *now_ns = now_ns.saturating_add(delta_ns),
        }
    }

    /// Lets the clock show `at_ns` now, if that is not before what it shows already.
    pub(super) fn set(&mut self, at_ns: TimestampNs) {
        self.advance(at_ns.saturating_sub(self.now_ns()));
    }

    /// Lets the clock show `at_ns` now, also if that is before what it shows; a clock that follows
    /// the machine's does not fall behind that.
    pub(super) fn show(&mut self, at_ns: TimestampNs) {
        match self {
            Self::System { ahead_ns } => *ahead_ns = at_ns.saturating_sub(machine_ns()),
            Self::Manual { now_ns } => *now_ns = at_ns,
        }
    }
}

fn machine_ns() -> u64 {
    // A machine whose clock is before 1970 starts its chain at the epoch; the year 2554 is the end.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
