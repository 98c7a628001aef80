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
//!   [`Overlay::read`] are two calls for that reason.
//!
//! At protocol version 88 both kinds of visit cost the same, but they are two rows of the gas profile.
//!
//! # Size of the proof
//!
//! From nearcore's `TrieRecorder` (`core/store/src/trie/trie_recording.rs`): the sum of the lengths of
//! all encoded nodes and all values that were read in the chunk, by contracts or by the runtime itself,
//! each hash once, and 2,000 for each removal of a contract's record, which may later read a neighbour.
//! The way to a key is in the proof whichever way the key was found, and also if it was missing; a
//! value once it is read, which asking for its length does not. A list of records with a prefix holds
//! the way to the prefix and all nodes and values below it, also those that a pending write hides.
//! Pending values are not in it, nor is what [`Overlay::peek`] reads. Failed receipts take nothing back.
//!
//! [`Overlay::peek`]: crate::Overlay::peek
//! [`Overlay::find_by_trie`]: crate::Overlay::find_by_trie
//! [`Overlay::read`]: crate::Overlay::read

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::kind::Hash;
use crate::node::Here;

/// What nearcore adds to the size of the proof for each removal, in bytes.
const REMOVAL_BYTES: u64 = 2000;

/// The nodes and values that were visited or recorded since the start of the chunk.
///
/// The runtime makes a new one for each chunk and for each view call.
#[derive(Clone, Debug, Default)]
pub struct NodeVisits {
    // Each read of a block looks here once for each node on its way. Nobody asks for an order.
    seen: HashTable<(Hash, Seen)>,
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
            if let Entry::Occupied(mut entry) = entry(&mut self.seen, hash) {
                match before {
                    Some(before) => entry.get_mut().1 = before,
                    None => drop(entry.remove()),
                }
            }
        }
        self.proof_bytes = at.proof_bytes;
    }

    /// The size in bytes of a proof of all that was read in this chunk, as nearcore estimates it from
    /// above. A receipt's part is the difference between after and before.
    pub fn proof_bytes(&self) -> u64 {
        self.proof_bytes
    }

    /// Counts one removal of a contract's record, whether or not there was one, towards the size of the
    /// proof.
    pub fn add_removal(&mut self) {
        self.proof_bytes = self.proof_bytes.saturating_add(REMOVAL_BYTES);
    }

    pub(crate) fn record_node(&mut self, node: Here<'_>) {
        self.record(node.hash(), || node.kind.encoded_length());
    }

    pub(crate) fn visit_node(&mut self, node: Here<'_>, into: &mut Visits) {
        self.record_node(node);
        self.visit(node.hash(), into);
    }

    pub(crate) fn record_value(&mut self, hash: Hash, length: usize) {
        self.record(hash, || length);
    }

    pub(crate) fn visit_value(&mut self, hash: Hash, length: usize, into: &mut Visits) {
        self.record_value(hash, length);
        self.visit(hash, into);
    }

    fn record(&mut self, hash: Hash, length: impl FnOnce() -> usize) {
        if let Entry::Vacant(entry) = entry(&mut self.seen, hash) {
            entry.insert((hash, Seen::Recorded));
            self.journal.push((hash, None));
            let length = u64::try_from(length()).expect("a length in memory fits in 64 bits");
            self.proof_bytes = self.proof_bytes.saturating_add(length);
        }
    }

    /// What is visited was recorded before.
    fn visit(&mut self, hash: Hash, into: &mut Visits) {
        let Entry::Occupied(mut entry) = entry(&mut self.seen, hash) else { return };
        let count = match std::mem::replace(&mut entry.get_mut().1, Seen::Visited) {
            Seen::Visited => &mut into.cached,
            before @ Seen::Recorded => {
                self.journal.push((hash, Some(before)));
                &mut into.touched
            }
        };
        *count = count.saturating_add(1);
    }
}

fn entry(seen: &mut HashTable<(Hash, Seen)>, hash: Hash) -> Entry<'_, (Hash, Seen)> {
    // A digest is spread evenly as it is.
    let spread = |digest: &Hash| digest.first_chunk().copied().map_or(0, u64::from_le_bytes);
    seen.entry(spread(&hash), |(known, _)| *known == hash, |(known, _)| spread(known))
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
