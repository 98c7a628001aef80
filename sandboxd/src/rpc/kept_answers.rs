//! Answers that are given again while nothing has changed: clients poll, and ask for the head, an
//! account or a view call again and again between two blocks.
//!
//! What is kept is kept as long as the published chain stays the same, and for a second at most,
//! because `status` tells how many seconds the node has run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::value::RawValue;

/// The methods whose answers depend on the published chain, the params and the second alone.
const METHODS: [&str; 6] = ["block", "chunk", "gas_price", "query", "status", "validators"];

/// Requests of more bytes are not looked up.
pub(super) const LONGEST_REQUEST: usize = 4096;
const LONGEST_ANSWER: usize = 1 << 16;
const MOST_ANSWERS: usize = 256;

/// What an answer may depend on beside the request.
#[derive(Debug)]
pub(super) struct Moment {
    /// Which of the published chains is there. The answer may come from a later one.
    pub(super) version: u64,
    /// For how many seconds the node has run.
    pub(super) second: u64,
    /// When that was looked at.
    pub(super) at: Instant,
}

/// The answers of a moment, by method and by the text of the params.
#[derive(Debug, Default)]
pub(super) struct KeptAnswers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    second: u64,
    count: usize,
    answers: [BTreeMap<Box<str>, Arc<RawValue>>; METHODS.len()],
}

impl KeptAnswers {
    /// The answer to this request at this moment, if it is known.
    pub(super) fn get(&self, now: &Moment, method: &str, params: &str) -> Option<Arc<RawValue>> {
        let place = place(method)?;
        let kept = self.0.lock();
        if !kept.is_of(now) {
            return None;
        }
        kept.answers.get(place)?.get(params).cloned()
    }

    /// Keeps an answer that was given at this moment.
    pub(super) fn keep(&self, now: &Moment, method: &str, params: &str, answer: &RawValue) {
        let Some(place) = place(method) else { return };
        let mut kept = self.0.lock();
        if !kept.is_of(now) {
            *kept = Kept { version: now.version, second: now.second, ..Kept::default() };
        }
        if kept.count >= MOST_ANSWERS || answer.get().len() > LONGEST_ANSWER {
            return;
        }
        if let Some(answers) = kept.answers.get_mut(place) {
            answers.insert(params.into(), answer.to_owned().into());
            kept.count = kept.count.saturating_add(1);
        }
    }
}

impl Kept {
    fn is_of(&self, now: &Moment) -> bool {
        self.second == now.second && self.version == now.version
    }
}

fn place(method: &str) -> Option<usize> {
    METHODS.iter().position(|known| *known == method)
}
