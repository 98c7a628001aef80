//! Nodes of a trie that is as deep as its keys are long, so that what an access costs depends on
//! the accesses before it: nearcore's mock alone knows no nodes.

use std::collections::BTreeSet;

/// The nodes that a call has visited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits(BTreeSet<Vec<u8>>);

/// How many nodes an access visited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visited {
    /// For the first time.
    pub(crate) touched: u64,
    /// Again.
    pub(crate) cached: u64,
}

impl Visits {
    /// Visits the nodes on the way to `key`, of which there is one for each of its bytes.
    pub(crate) fn visit(&mut self, key: &[u8]) -> Visited {
        let mut visited = Visited::default();
        for len in 0..=key.len() {
            let new = self.0.insert(key[..len].to_vec());
            let count = if new { &mut visited.touched } else { &mut visited.cached };
            *count = count.saturating_add(1);
        }
        visited
    }
}
