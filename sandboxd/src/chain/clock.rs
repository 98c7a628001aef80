//! Where block times come from. A `Clock` is a value that a chain owns: a clone of a chain has its
//! own, so that moving one chain's time never moves another's. It knows no blocks, only the time of
//! the one before.

use std::time::{SystemTime, UNIX_EPOCH};

use borsh::{BorshDeserialize, BorshSerialize};

/// Nanoseconds since the Unix epoch, as in a block header.
pub type TimestampNs = u64;

/// The source of a chain's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub struct Clock {
    pace: Pace,
    /// The next block's time, whatever the clock shows then.
    next_block: Option<TimestampNs>,
    /// How far each block is from the one before, whatever the clock shows.
    interval_ns: Option<u64>,
    /// The clock was set back, so that the next block may be before the latest one.
    set_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
enum Pace {
    /// With the machine's clock, and so many nanoseconds ahead of it.
    Running { ahead_ns: i128 },
    /// Not at all.
    Frozen { now_ns: TimestampNs },
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self::at_pace(Pace::Running { ahead_ns: 0 })
    }

    /// A clock that shows `now_ns` until it is moved: the same inputs give the same blocks.
    pub const fn manual(now_ns: TimestampNs) -> Self {
        Self::at_pace(Pace::Frozen { now_ns })
    }

    const fn at_pace(pace: Pace) -> Self {
        Self { pace, next_block: None, interval_ns: None, set_back: false }
    }

    /// What the clock shows, in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> TimestampNs {
        match self.pace {
            Pace::Running { ahead_ns } => {
                let now = i128::from(machine_ns()).saturating_add(ahead_ns).max(0);
                u64::try_from(now).unwrap_or(u64::MAX)
            }
            Pace::Frozen { now_ns } => now_ns,
        }
    }

    /// Whether the clock stands still.
    pub fn is_frozen(&self) -> bool {
        matches!(self.pace, Pace::Frozen { .. })
    }

    /// The time that was chosen for the next block only.
    pub fn next_block(&self) -> Option<TimestampNs> {
        self.next_block
    }

    /// How far each block is from the one before, in nanoseconds, if that is fixed.
    pub fn interval_ns(&self) -> Option<u64> {
        self.interval_ns
    }

    /// Whether the next block may be before the latest one.
    pub fn was_set_back(&self) -> bool {
        self.set_back
    }

    /// The time of a block that follows one of the time `head`, on a chain of which none is before
    /// `first`.
    pub(super) fn block_time(&self, head: TimestampNs, first: TimestampNs) -> TimestampNs {
        let follows = || self.interval_ns.map(|interval| head.saturating_add(interval));
        let fixed = self.next_block.or_else(follows);
        fixed.unwrap_or_else(|| self.now_ns().max(self.least(head.saturating_add(1), first)))
    }

    /// What is there before any time passes: the time of the head, or what the clock shows if that
    /// is later or was chosen.
    pub(super) fn elapsed(&self, head: TimestampNs, first: TimestampNs) -> TimestampNs {
        self.now_ns().max(self.least(head, first))
    }

    fn least(&self, head: TimestampNs, first: TimestampNs) -> TimestampNs {
        if self.set_back { first } else { head }
    }

    /// Takes note that the time `at` is in a block.
    pub(super) fn block_made(&mut self, at: TimestampNs) {
        self.set_back = false;
        let was_chosen = self.next_block.take().is_some();
        if was_chosen || self.interval_ns.is_some() {
            self.set(at);
        }
    }

    /// Lets the clock show `at` now, and go on from there if it goes.
    pub(super) fn set(&mut self, at: TimestampNs) {
        self.pace = match self.pace {
            Pace::Frozen { .. } => Pace::Frozen { now_ns: at },
            Pace::Running { .. } => running_from(at),
        };
    }

    /// Lets the clock show the time of a block that is the latest one again.
    pub(super) fn return_to(&mut self, head: TimestampNs) {
        self.next_block = None;
        self.set_back = false;
        self.set(head);
    }

    pub(super) fn freeze(&mut self) {
        self.pace = Pace::Frozen { now_ns: self.now_ns() };
    }

    /// Lets the clock go on from what it shows.
    pub(super) fn resume(&mut self) {
        if let Pace::Frozen { now_ns } = self.pace {
            self.pace = running_from(now_ns);
        }
    }

    pub(super) fn set_next_block(&mut self, at: Option<TimestampNs>) {
        self.next_block = at;
    }

    pub(super) fn set_interval(&mut self, interval_ns: Option<u64>) {
        self.interval_ns = interval_ns;
    }

    pub(super) fn allow_going_back(&mut self, allowed: bool) {
        self.set_back = allowed;
    }
}

fn running_from(at: TimestampNs) -> Pace {
    Pace::Running { ahead_ns: i128::from(at).saturating_sub(machine_ns().into()) }
}

fn machine_ns() -> u64 {
    // A machine whose clock is before 1970 starts its chain at the epoch; the year 2554 is the end.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
