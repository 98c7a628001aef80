//! The thread that writes a chain down behind its back.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use sandbox_state::Storage;

use super::disk::Disk;
use super::modules::Modules;
use super::queue::{Item, Queue, Taken};
use super::relief::Budget;
use super::{SYNC_INTERVAL, StoreError, SyncMode};
use crate::chain::{Chain, Keeper, KeeperFailed, Snapshots, WhenKept, answer, join};

/// Hands chains to the thread that writes them.
pub struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    modules: Option<Arc<Modules>>,
}

struct Shared {
    queue: Queue,
    sync: SyncMode,
    budget: Option<Budget>,
    failure: OnceLock<KeeperFailed>,
}

impl Writer {
    /// Starts the thread that brings `disk` up to date with all that is handed in.
    pub(super) fn start(
        disk: Disk,
        sync: SyncMode,
        budget: Option<Budget>,
        modules: Option<Arc<Modules>>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(sync, budget));
        let its = Arc::clone(&shared);
        let mut thread = Thread { shared: its, disk, unsynced_since: None };
        let thread =
            std::thread::Builder::new().name("store".into()).spawn(move || thread.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), modules })
    }

    /// One that has failed before it began, for `reason`.
    pub(super) fn failed(reason: &str, sync: SyncMode, modules: Option<Arc<Modules>>) -> Self {
        let shared = Shared::new(sync, None);
        shared.fail(reason);
        Self { shared: Arc::new(shared), thread: Mutex::new(None), modules }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("sync", &self.shared.sync).finish_non_exhaustive()
    }
}

impl Keeper for Writer {
    fn keep(&self, chain: &Arc<Chain>, snapshots: &Snapshots) {
        if self.shared.failure.get().is_none() {
            let (chain, snapshots) = (Arc::clone(chain), snapshots.clone());
            // One that comes after the end is lost, as is all that is done then.
            drop(self.shared.queue.put(Item::Chain { chain, snapshots }));
        }
    }

    fn is_strict(&self) -> bool {
        self.shared.sync == SyncMode::Always
    }

    fn when_kept(&self, then: WhenKept) {
        if let Some(failed) = self.failure() {
            return then(Err(failed));
        }
        if let Err(Item::Then(then)) = self.shared.queue.put(Item::Then(then)) {
            then(Err(KeeperFailed("the node has stopped".into())));
        }
    }

    fn relief(&self) -> Option<Storage> {
        let storage = self.shared.budget.as_ref()?.exceeded()?.clone();
        let (promise, kept) = answer();
        self.when_kept(Box::new(move |is_kept| promise.give(is_kept)));
        kept.wait()?.ok().map(|()| storage)
    }

    fn failure(&self) -> Option<KeeperFailed> {
        self.shared.failure.get().cloned()
    }

    /// Forces what was handed in onto the disk, whatever the options say.
    fn close(&self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().take() {
            join(thread);
        }
        if let Some(modules) = &self.modules {
            modules.close();
        }
    }
}

impl Shared {
    fn new(sync: SyncMode, budget: Option<Budget>) -> Self {
        Self { queue: Queue::default(), sync, budget, failure: OnceLock::new() }
    }

    fn fail(&self, reason: &str) {
        tracing::error!(
            target: "store", reason,
            "the chain can no longer be written to disk; the node is read-only from now on"
        );
        drop(self.failure.set(KeeperFailed(reason.into())));
    }
}

/// What the thread owns.
struct Thread {
    shared: Arc<Shared>,
    disk: Disk,
    /// Since when there is something that was not forced onto the disk.
    unsynced_since: Option<Instant>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            let items = match self.shared.queue.take(self.sync_at()) {
                Taken::Items(items) => items,
                Taken::Late => Vec::new(),
                Taken::Closed => break,
            };
            let waiting = self.write(items);
            let is_due = match self.shared.sync {
                SyncMode::Always => true,
                SyncMode::Never => false,
                SyncMode::Interval => {
                    self.unsynced_since.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL)
                }
            };
            if is_due {
                self.sync();
            }
            let kept = self.shared.failure.get().cloned().map_or(Ok(()), Err);
            for then in waiting {
                then(kept.clone());
            }
        }
        self.sync();
    }

    /// When what was written has to be forced onto the disk, also if nothing comes.
    fn sync_at(&self) -> Option<Instant> {
        let since = self.unsynced_since.filter(|_| self.shared.sync == SyncMode::Interval)?;
        since.checked_add(SYNC_INTERVAL)
    }

    /// Writes the chains among `items`, and returns those who wait for them.
    fn write(&mut self, items: Vec<Item>) -> Vec<WhenKept> {
        let mut waiting = Vec::new();
        let mut items = items.into_iter().peekable();
        while let Some(item) = items.next() {
            let (chain, snapshots) = match item {
                Item::Then(then) => {
                    waiting.push(then);
                    continue;
                }
                Item::Chain { chain, snapshots } => (chain, snapshots),
            };
            let is_followed = matches!(
                items.peek(),
                Some(Item::Chain { chain: next, .. }) if next.head().hash() == chain.head().hash()
            );
            // With no other block in it, the next one says all that this one says.
            if is_followed || self.shared.failure.get().is_some() {
                continue;
            }
            let written = self.disk.write(&chain, &snapshots);
            if self.succeeded(written) {
                self.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        waiting
    }

    fn sync(&mut self) {
        if self.unsynced_since.take().is_some() && self.shared.failure.get().is_none() {
            let synced = self.disk.sync();
            self.succeeded(synced);
        }
    }

    fn succeeded(&self, result: Result<(), StoreError>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                self.shared.fail(&error.to_string());
                false
            }
        }
    }
}
