//! Which trie nodes a chunk visits, as NEAR charges them to contracts, and how large a proof of all
//! that it read would be, as NEAR limits it. Counts only; knows nothing of gas or limits.
//!
//! # Visits
//!
//! From nearcore's `RuntimeExt` (`runtime/runtime/src/ext.rs`), `Trie::get_optimized_ref` and
//! `Trie::deref_optimized` (`core/store/src/trie/mod.rs`), and `storage_read` of near-vm-runner:
//!
//! | operation | its key has a pending write | otherwise |
//! |---|---|---|
//! | `storage_write`, `storage_remove` | nothing | each node on the way to the key, and then the old value if there is one |
//! | `storage_read` | nothing | the value if there is one, free of charge |
//! | `storage_has_key` | nothing | nothing |
//!
//! - *Pending* is every write and removal since the start of the chunk, also those of earlier
//!   receipts, but not those that were reverted (`TrieUpdate` looks at its prospective and committed
//!   changes first). Such a value costs nothing, whatever its size or path.
//! - The nodes are those of the state before the chunk. The way goes on to the first node that does
//!   not match, and that one counts too: a missing key is not free. In a state without records there
//!   is nothing to visit.
//! - A value is one visit, whatever its size.
//! - Reads find the value without the trie (flat state), and near-vm-runner lets them read it without
//!   charging the visit. It still is one: a later write of the same key finds the value *cached*.
//! - A visit is *cached* if a node or value of the same hash was visited before in this chunk,
//!   otherwise it is *touched*. The hash decides: the same value below two keys, or two equal subtrees,
//!   are one. Every operation of every receipt of the chunk takes part, failed receipts included, and
//!   nothing is ever forgotten within the chunk. What the runtime itself reads and writes (accounts,
//!   keys, code) takes no part. A view call starts with nothing visited.
//! - When the gas does not suffice for the bytes of the old value, the way to it has been visited, but
//!   its nodes are not charged and the value is not visited. [`Overlay::find_by_trie`] and
//!   [`Found::read`] are two calls for that reason.
//!
//! At protocol version 88 both kinds of visit cost the same, but they are two rows of the gas profile.
//!
//! # Size of the proof
//!
//! From nearcore's `TrieRecorder` (`core/store/src/trie/trie_recording.rs`): the sum of the lengths of
//! all encoded nodes and all values that were read in the chunk, each hash once, and 2,000 for each
//! removal by a contract, which may later read a neighbour. The way to a key is in the proof whichever
//! way the key was found, for the runtime's own reads too, and also if it was missing; a value once
//! it is read. Pending values are not in it. Failed receipts take nothing back.
//!
//! [`Overlay::find_by_trie`]: crate::Overlay::find_by_trie
//! [`Found::read`]: crate::Found::read

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::node::{Hash, Node};

/// What nearcore adds to the size of the proof for each removal, in bytes.
const REMOVAL_BYTES: u64 = 2000;

/// The nodes and values that were visited or recorded since the start of the chunk.
///
/// The runtime makes a new one for each chunk and for each view call.
#[derive(Clone, Debug, Default)]
pub struct NodeVisits {
    seen: BTreeMap<Hash, Seen>,
    proof_bytes: u64,
    /// For each change of `seen`, what was there before.
    journal: Vec<(Hash, Option<Seen>)>,
}

/// A moment in the life of [`NodeVisits`], to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitsCheckpoint {
    changes: usize,
    proof_bytes: u64,
}

/// What happened to a node or value so far. What was visited was recorded, too.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Recorded,
    Visited,
}

impl NodeVisits {
    /// Nothing visited and nothing recorded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks this moment.
    pub fn checkpoint(&self) -> VisitsCheckpoint {
        VisitsCheckpoint { changes: self.journal.len(), proof_bytes: self.proof_bytes }
    }

    /// Forgets every visit since `at`. On a chain nothing is ever forgotten: this is for an
    /// execution that is run again.
    pub fn revert_to(&mut self, at: VisitsCheckpoint) {
        let since = at.changes.min(self.journal.len());
        for (hash, before) in self.journal.drain(since..).rev() {
            match before {
                Some(before) => self.seen.insert(hash, before),
                None => self.seen.remove(&hash),
            };
        }
        self.proof_bytes = at.proof_bytes;
    }

    /// The size in bytes of a proof of all that was read in this chunk, as nearcore estimates it from
    /// above. A receipt's part is the difference between after and before.
    pub fn proof_bytes(&self) -> u64 {
        self.proof_bytes
    }

    /// Counts one `storage_remove`, whether or not there was a value, towards the size of the proof.
    pub fn add_removal(&mut self) {
        self.proof_bytes = self.proof_bytes.saturating_add(REMOVAL_BYTES);
    }

    pub(crate) fn record_node(&mut self, node: &Node) {
        self.record(node.sealed().hash, || node.encode().len());
    }

    pub(crate) fn visit_node(&mut self, node: &Node, into: &mut Visits) {
        self.record_node(node);
        self.visit(node.sealed().hash, into);
    }

    pub(crate) fn record_value(&mut self, hash: Hash, length: usize) {
        self.record(hash, || length);
    }

    pub(crate) fn visit_value(&mut self, hash: Hash, length: usize, into: &mut Visits) {
        self.record_value(hash, length);
        self.visit(hash, into);
    }

    fn record(&mut self, hash: Hash, length: impl FnOnce() -> usize) {
        if let Entry::Vacant(entry) = self.seen.entry(hash) {
            entry.insert(Seen::Recorded);
            self.journal.push((hash, None));
            let length = u64::try_from(length()).expect("a length in memory fits in 64 bits");
            self.proof_bytes = self.proof_bytes.saturating_add(length);
        }
    }

    fn visit(&mut self, hash: Hash, into: &mut Visits) {
        let before = self.seen.insert(hash, Seen::Visited);
        let count = if let Some(Seen::Visited) = before {
            &mut into.cached
        } else {
            self.journal.push((hash, before));
            &mut into.touched
        };
        *count = count.saturating_add(1);
    }
}

/// How many nodes and values one operation visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "visits are charged"]
pub struct Visits {
    /// Visited for the first time in this chunk: NEAR's `touching_trie_node`.
    pub touched: u64,
    /// Visited before: NEAR's `read_cached_trie_node`.
    pub cached: u64,
}

impl Visits {
    /// Both counts together with those of another step.
    pub fn and(self, other: Self) -> Self {
        Self {
            touched: self.touched.saturating_add(other.touched),
            cached: self.cached.saturating_add(other.cached),
        }
    }
}
