//! View calls that were short the last time. They run on the threads that serve connections; others
//! have these connections move to another thread, which takes longer than most views do.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use near_primitives::types::AccountId;
use parking_lot::Mutex;

/// A view that takes as long holds up other connections.
const LONG: Duration = Duration::from_micros(500);

/// So many are known at once.
const MOST: usize = 1024;

/// Methods of contracts whose last view call was short.
#[derive(Debug, Default)]
pub(super) struct QuickViews(Mutex<BTreeSet<(AccountId, String)>>);

impl QuickViews {
    /// Runs a view call of this method, which may take long.
    pub(super) fn run<T>(
        &self,
        account_id: &AccountId,
        method_name: &str,
        call: impl FnOnce() -> T,
    ) -> T {
        let name = (account_id.clone(), method_name.to_owned());
        let known = self.0.lock().contains(&name);
        let started = Instant::now();
        let answer = if known { call() } else { tokio::task::block_in_place(call) };
        let short = started.elapsed() < LONG;
        if short != known {
            self.learn(name, short);
        }
        answer
    }

    fn learn(&self, name: (AccountId, String), short: bool) {
        let mut known = self.0.lock();
        if !short {
            known.remove(&name);
            return;
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(name);
    }
}
