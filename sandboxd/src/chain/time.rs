//! How a chain's time is moved: the clock, and heights that pass at once.

use near_primitives::types::{BlockHeight, BlockHeightDelta};

use super::clock::{Clock, TimestampNs};
use super::{Chain, FastForwardError, InvalidMining, InvalidTime, Produced};

/// Block times may come this close to the end of what 64 bits can hold: 100 years.
const TIME_RESERVE_NS: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

/// So many blocks may be made in one go. They are all kept, and nothing else happens meanwhile.
pub const MOST_MINED_BLOCKS: u64 = 100_000;

impl Chain {
    /// The clock that the next block's time is read from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time, in nanoseconds since 1970, that a block made now would have: the one that was
    /// chosen for the next block, else that of the head and the interval between blocks, else what
    /// the clock shows. After the head's, unless time was set back.
    pub fn next_time(&self) -> TimestampNs {
        self.clock.block_time(self.head_time(), self.first_time())
    }

    /// Lets the next block have the time `at`, in nanoseconds since 1970, and time go on from there.
    /// It may be before the latest block, but for genesis. Returns what [`Chain::next_time`] is now.
    pub fn set_time(&mut self, at: TimestampNs) -> Result<TimestampNs, InvalidTime> {
        self.check_time(at)?;
        self.clock.allow_going_back(at <= self.head_time());
        self.clock.set_next_block(self.clock.interval_ns().map(|_| at));
        self.clock.set(at);
        Ok(self.next_time())
    }

    /// Lets `delta` nanoseconds pass. Returns what [`Chain::next_time`] is now.
    pub fn increase_time(&mut self, delta: u64) -> Result<TimestampNs, InvalidTime> {
        let now = match (self.clock.next_block(), self.clock.interval_ns()) {
            (None, None) => self.elapsed_time(),
            _ => self.next_time(),
        };
        let at = now.checked_add(delta).filter(|at| !is_too_late(*at));
        let at = at.ok_or(InvalidTime::DeltaTooLarge { delta })?;
        // No time has to pass for the head's to be there.
        if delta > 0 { self.set_time(at) } else { Ok(self.next_time()) }
    }

    /// Lets the next block, and only that, have the time `at`; time goes on from there when it is
    /// made. Returns what [`Chain::next_time`] is now.
    pub fn set_next_block_time(&mut self, at: TimestampNs) -> Result<TimestampNs, InvalidTime> {
        self.check_time(at)?;
        let latest = self.head_time();
        if at <= latest && !self.clock.was_set_back() {
            return Err(InvalidTime::NotAfterHead { at, latest });
        }
        self.clock.set_next_block(Some(at));
        Ok(self.next_time())
    }

    /// Stops the clock. Blocks are a nanosecond apart from then on. Returns what
    /// [`Chain::next_time`] is now.
    pub fn freeze_time(&mut self) -> TimestampNs {
        self.clock.freeze();
        self.next_time()
    }

    /// Lets the clock go on from what it shows. Returns what [`Chain::next_time`] is now.
    pub fn resume_time(&mut self) -> TimestampNs {
        self.clock.resume();
        self.next_time()
    }

    /// Lets each block from now on have the time of the one before plus `interval` nanoseconds,
    /// whatever the clock shows. Returns what [`Chain::next_time`] is now.
    pub fn set_block_interval(&mut self, interval: u64) -> Result<TimestampNs, InvalidTime> {
        self.check_interval(interval, 1)?;
        self.clock.set_interval(Some(interval));
        Ok(self.next_time())
    }

    /// Lets blocks have the clock's time again, which goes on from the latest block. Returns what
    /// [`Chain::next_time`] is now.
    pub fn remove_block_interval(&mut self) -> TimestampNs {
        self.clock.set_interval(None);
        self.next_time()
    }

    /// Makes `count` blocks, of which the first take what waits. With `interval` each has the time
    /// of the one before plus so many nanoseconds.
    pub fn mine(
        &mut self,
        count: u64,
        interval: Option<u64>,
    ) -> Result<Vec<Produced>, InvalidMining> {
        if count > MOST_MINED_BLOCKS {
            return Err(InvalidMining::TooManyBlocks { blocks: count });
        }
        let mut next = self.clone();
        if let Some(interval) = interval {
            next.check_interval(interval, count)?;
            next.clock.set_interval(Some(interval));
        }
        let mut produced = Vec::new();
        for _ in 0..count {
            produced.push(next.produce()?);
        }
        next.clock.set_interval(self.clock.interval_ns());
        *self = next;
        Ok(produced)
    }

    /// Goes `delta` heights further, and as far in time as that many blocks take: the interval
    /// between blocks if there is one, else the mean of neard's delays for each. As in nearcore
    /// (`chain/client/src/client_actor.rs`) the heights between have no blocks, but for the three at
    /// the end of each epoch and the one after it. Returns what came of transactions that were
    /// waiting.
    pub fn fast_forward(
        &mut self,
        delta: BlockHeightDelta,
    ) -> Result<Vec<Produced>, FastForwardError> {
        let length = self.spec.genesis.epoch_length;
        if length <= 3 {
            return Err(FastForwardError::ShortEpoch);
        }
        let too_far = FastForwardError::TooFar { delta };
        let Some(target) = self.head.height().checked_add(delta) else { return Err(too_far) };
        let block_ns = self.clock.interval_ns().unwrap_or(self.spec.block_delay_ns);
        let latest = self.elapsed_time().max(self.next_time());
        let end = delta.checked_mul(block_ns).and_then(|takes| latest.checked_add(takes));
        if end.is_none_or(is_too_late) {
            return Err(too_far);
        }
        let mut next = self.clone();
        let mut time = next.elapsed_time();
        let mut produced = Vec::new();
        while next.head.height() < target {
            let height = next.jump_height(target, length);
            let heights = height.saturating_sub(next.head.height());
            let later = time.saturating_add(heights.saturating_mul(block_ns));
            time = next.clock.next_block().unwrap_or(later);
            let step = next.step(height, time)?;
            produced.push(next.commit(step));
        }
        next.clock.set(time);
        *self = next;
        Ok(produced)
    }

    /// The height of the next block on the way to `target`: the furthest that skips nothing that
    /// the end of an epoch needs.
    fn jump_height(&self, target: BlockHeight, length: BlockHeightDelta) -> BlockHeight {
        let next = self.next_height();
        if self.head.header().is_genesis() {
            return next;
        }
        let last_blocks = self.head.epoch().estimated_end(length).saturating_sub(3);
        next.max(last_blocks.min(target))
    }

    fn head_time(&self) -> TimestampNs {
        self.head.header().raw_timestamp()
    }

    /// The earliest time that a block after genesis may have.
    fn first_time(&self) -> TimestampNs {
        self.genesis().header().raw_timestamp().saturating_add(1)
    }

    /// The time from which on more has to pass.
    fn elapsed_time(&self) -> TimestampNs {
        self.clock.elapsed(self.head_time(), self.first_time())
    }

    fn check_time(&self, at: TimestampNs) -> Result<(), InvalidTime> {
        let genesis = self.genesis().header().raw_timestamp();
        if at <= genesis {
            return Err(InvalidTime::BeforeGenesis { at, genesis });
        }
        if is_too_late(at) { Err(InvalidTime::TooLate { at }) } else { Ok(()) }
    }

    /// Whether `count` blocks may be `interval` nanoseconds apart.
    fn check_interval(&self, interval: u64, count: u64) -> Result<(), InvalidTime> {
        if interval == 0 {
            return Err(InvalidTime::NoInterval);
        }
        let end = interval.checked_mul(count).and_then(|all| self.next_time().checked_add(all));
        if end.is_none_or(is_too_late) {
            return Err(InvalidTime::IntervalTooLarge { interval });
        }
        Ok(())
    }
}

pub(super) fn is_too_late(at: TimestampNs) -> bool {
    at > u64::MAX.saturating_sub(TIME_RESERVE_NS)
}
