//! The state that a fork goes on from: what was fetched of it, and the way to the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use near_primitives::types::AccountId;
use parking_lot::{Condvar, Mutex, RwLock};
use sandbox_state::{Elsewhere, Key, Stored, Unavailable};

use super::facts::{Facts, Known};
use super::port::{PinnedBlock, Source, SourceFailure, behind_prefix};
use super::wanted::{Lesson, Wanted, may_be_elsewhere, nothing_of};

/// A failure that takes less is no reason to wait before the next attempt.
const SLOW: Duration = Duration::from_secs(1);

/// A [`Source`] that is asked for each thing once. All clones of a fork share it, whatever became of
/// them since: what was fetched for one that is gone need not be fetched again.
#[derive(Debug)]
pub(in crate::chain) struct Origin {
    source: Arc<dyn Source>,
    facts: RwLock<Facts>,
    /// What is being asked for, so that others who want it wait for the same answer.
    asked: Mutex<BTreeSet<String>>,
    answered: Condvar,
    /// What took long to fail, and until when it is not asked for again: as long as it took, so that
    /// an endpoint that hangs does not take all time there is.
    failed: Mutex<BTreeMap<String, (Instant, Unavailable)>>,
}

impl Origin {
    /// Of the accounts in `hidden` the source is never asked: they are not there.
    pub(super) fn new<'a>(
        source: Arc<dyn Source>,
        hidden: impl Iterator<Item = &'a AccountId>,
    ) -> Self {
        let mut facts = Facts::default();
        hidden.flat_map(nothing_of).for_each(|lesson| learn(&mut facts, lesson));
        Self {
            source,
            facts: RwLock::new(facts),
            asked: Mutex::default(),
            answered: Condvar::new(),
            failed: Mutex::default(),
        }
    }

    pub(in crate::chain) fn pinned(&self) -> &PinnedBlock {
        self.source.pinned()
    }

    /// Looks something up, asking the source for what has to be known to tell.
    fn find_out<T>(
        &self,
        look: impl Fn(&Facts) -> Known<T>,
        wanted: impl Fn(&[u8]) -> Result<Wanted, Unavailable>,
    ) -> Result<Option<T>, Unavailable> {
        let mut before = None;
        loop {
            let unknown = match look(&self.facts.read()) {
                Known::Is(found) => return Ok(Some(found)),
                Known::Nothing => return Ok(None),
                Known::Unknown(unknown) => unknown,
            };
            let wanted = wanted(&unknown)?;
            if before.as_ref() == Some(&unknown) {
                return Err(Unavailable::new(format!(
                    "{wanted} was asked for, and something else came"
                )));
            }
            self.fetch(
                &wanted,
                || matches!(look(&self.facts.read()), Known::Unknown(at) if at == unknown),
            )?;
            before = Some(unknown);
        }
    }

    /// Asks for what is `wanted`, or waits for somebody else who does, as long as it is `missing`.
    fn fetch(&self, wanted: &Wanted, missing: impl Fn() -> bool) -> Result<(), Unavailable> {
        let name = wanted.to_string();
        let turn = self.take_turn(&name);
        if !missing() {
            return Ok(());
        }
        let started = Instant::now();
        self.failed.lock().retain(|_, (until, _)| *until > started);
        if let Some((_, unavailable)) = self.failed.lock().get(&name) {
            return Err(unavailable.clone());
        }
        let lessons = wanted.ask(&*self.source).map_err(|failure| {
            let unavailable = self.unavailable(&name, &failure);
            self.remember(&name, started.elapsed(), &unavailable);
            unavailable
        })?;
        tracing::debug!(target: "fork", wanted = name, "fetched");
        let mut facts = self.facts.write();
        for lesson in lessons {
            learn(&mut facts, lesson);
        }
        drop(facts);
        drop(turn);
        Ok(())
    }

    fn remember(&self, name: &str, took: Duration, unavailable: &Unavailable) {
        let until = Instant::now().checked_add(took).filter(|_| took >= SLOW);
        if let Some(until) = until {
            self.failed.lock().insert(name.to_owned(), (until, unavailable.clone()));
        }
    }

    fn take_turn<'a>(&'a self, name: &'a str) -> Turn<'a> {
        let mut asked = self.asked.lock();
        while asked.contains(name) {
            self.answered.wait(&mut asked);
        }
        asked.insert(name.to_owned());
        Turn { origin: self, name }
    }

    fn unavailable(&self, name: &str, failure: &SourceFailure) -> Unavailable {
        let height = self.pinned().height;
        tracing::warn!(target: "fork", wanted = name, height, %failure, "could not be fetched");
        Unavailable::new(format!("{name} at block {height} could not be fetched: {failure}"))
    }
}

/// Nobody else asks for the same as long as this lives.
struct Turn<'a> {
    origin: &'a Origin,
    name: &'a str,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.origin.asked.lock().remove(self.name);
        self.origin.answered.notify_all();
    }
}

impl Elsewhere for Origin {
    fn may_have(&self, key: &[u8]) -> bool {
        may_be_elsewhere(key) && !matches!(self.facts.read().get(key), Known::Nothing)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Stored>, Unavailable> {
        let Some(wanted) = Wanted::at(key) else { return Ok(None) };
        self.find_out(|facts| facts.get(key), |_| Ok(wanted.clone()))
    }

    fn next(&self, prefix: &[u8], from: &[u8]) -> Result<Option<(Key, Stored)>, Unavailable> {
        if !prefix.is_empty() && !may_be_elsewhere(prefix) {
            return Ok(None);
        }
        let from = from.max(prefix);
        let Some(to) = behind_prefix(prefix) else { return Err(not_to_be_listed()) };
        let wanted = |unknown: &[u8]| Wanted::listing(prefix, unknown).ok_or_else(not_to_be_listed);
        self.find_out(|facts| facts.next(from, &to), wanted)
    }
}

fn not_to_be_listed() -> Unavailable {
    Unavailable::new("the accounts of a fork cannot be listed: name the one that is wanted")
}

fn learn(facts: &mut Facts, lesson: Lesson) {
    facts.learn(lesson.from, lesson.to, lesson.records);
}
