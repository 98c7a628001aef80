//! Which trie nodes a storage operation of a contract visits, as NEAR charges for them. Counts only;
//! knows nothing of gas.
//!
//! # The rule
//!
//! From nearcore's `RuntimeExt` (`runtime/runtime/src/ext.rs`) and `Trie::get_optimized_ref` and
//! `Trie::deref_optimized` (`core/store/src/trie/mod.rs`):
//!
//! | operation | its key has a pending write | otherwise |
//! |---|---|---|
//! | `storage_write`, `storage_remove` | nothing | each node on the way to the key, and then the old value if there is one |
//! | `storage_read` | nothing | the value if there is one |
//! | `storage_has_key` | nothing | nothing |
//!
//! - *Pending* is every write and removal since the start of the chunk, also those of earlier
//!   receipts, but not those that were reverted (`TrieUpdate` looks at its prospective and committed
//!   changes first). Such a value costs nothing, whatever its size or path.
//! - The nodes are those of the state before the chunk. The way goes on to the first node that does
//!   not match, and that one counts too: a missing key is not free. In a state without records there
//!   is nothing to visit.
//! - A value is one visit, whatever its size. Reads find the value without the trie (flat state), so
//!   they pay for the value and not for the way.
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
//! [`Overlay::find_by_trie`]: crate::Overlay::find_by_trie
//! [`Found::read`]: crate::Found::read

use std::collections::BTreeSet;

use crate::node::Hash;

/// The nodes and values that contracts have visited since the start of the chunk.
///
/// The runtime makes a new one for each chunk and for each view call.
#[derive(Clone, Debug, Default)]
pub struct NodeVisits {
    seen: BTreeSet<Hash>,
}

impl NodeVisits {
    /// Nothing visited yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a visit of a node or value.
    pub(crate) fn visit(&mut self, hash: Hash, into: &mut Visits) {
        let count = if self.seen.insert(hash) { &mut into.touched } else { &mut into.cached };
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
