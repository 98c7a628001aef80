//! [`Background`]: work that nobody waits for, on one thread of its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Bounds on what waits. It holds modules in memory, so that it has a bound in bytes.
const MAX_JOBS: usize = 64;
const MAX_BYTES: usize = 64 << 20;

/// Jobs in the order in which they came. When too many wait, further ones are dropped. The thread
/// starts with the first job and ends, after the job that it is at, when this is dropped.
pub(crate) struct Background<J> {
    queue: Arc<Queue<J>>,
    work: Arc<dyn Fn(J) + Send + Sync>,
}

struct Queue<J> {
    state: Mutex<State<J>>,
    /// A job came, the last one is done, or it is over.
    changed: Condvar,
}

struct State<J> {
    /// With the memory that each holds.
    jobs: VecDeque<(usize, J)>,
    bytes: usize,
    started: bool,
    working: bool,
    over: bool,
}

impl<J: Send + 'static> Background<J> {
    pub(crate) fn new(work: impl Fn(J) + Send + Sync + 'static) -> Self {
        let (jobs, bytes) = (VecDeque::new(), 0);
        let state = State { jobs, bytes, started: false, working: false, over: false };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() });
        Background { queue, work: Arc::new(work) }
    }

    /// Does `job`, which holds `bytes` of memory, when its turn comes. Whether it will.
    pub(crate) fn push(&self, bytes: usize, job: J) -> bool {
        let mut state = self.queue.state.lock();
        let full = state.jobs.len() >= MAX_JOBS || state.bytes.saturating_add(bytes) > MAX_BYTES;
        if full && !state.jobs.is_empty() {
            return false;
        }
        if !state.started {
            let (queue, work) = (Arc::clone(&self.queue), Arc::clone(&self.work));
            let thread = std::thread::Builder::new().name("vm-compile".to_owned());
            if let Err(error) = thread.spawn(move || queue.work(&*work)) {
                tracing::warn!(target: "vm", %error, "no thread to compile in the background");
                return false;
            }
            state.started = true;
        }
        state.bytes = state.bytes.saturating_add(bytes);
        state.jobs.push_back((bytes, job));
        drop(state);
        self.queue.changed.notify_all();
        true
    }

    /// Waits until there is nothing left to do.
    pub(crate) fn wait(&self) {
        let mut state = self.queue.state.lock();
        while state.working || !state.jobs.is_empty() {
            self.queue.changed.wait(&mut state);
        }
    }
}

impl<J> Queue<J> {
    fn work(&self, work: &dyn Fn(J)) {
        while let Some(job) = self.next() {
            // A bug that one job runs into must not keep the others from being done.
            if catch_unwind(AssertUnwindSafe(|| work(job))).is_err() {
                tracing::error!(target: "vm", "a job in the background panicked");
            }
        }
    }

    /// The next job, once there is one. `None` when it is over.
    fn next(&self) -> Option<J> {
        let mut state = self.state.lock();
        state.working = false;
        while !state.over {
            if let Some((bytes, job)) = state.jobs.pop_front() {
                state.bytes = state.bytes.saturating_sub(bytes);
                state.working = true;
                return Some(job);
            }
            self.changed.notify_all();
            self.changed.wait(&mut state);
        }
        None
    }
}

impl<J> Drop for Background<J> {
    fn drop(&mut self) {
        let jobs = {
            let mut state = self.queue.state.lock();
            state.over = true;
            std::mem::take(&mut state.jobs)
        };
        self.queue.changed.notify_all();
        drop(jobs);
    }
}
