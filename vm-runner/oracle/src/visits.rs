//! Nodes of a trie that is as deep as its keys are long, so that what an access costs depends on
//! the accesses before it: nearcore's mock alone knows no nodes.

/// Bytes of a node that are recorded for the proof of what a call touched.
const RECORDED_BYTES: usize = 100;

/// The nodes that a call has visited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits {
    /// The keys that were looked for.
    keys: Vec<Vec<u8>>,
    /// Different nodes.
    nodes: usize,
}

/// How many nodes an access visited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Visited {
    /// For the first time.
    pub(crate) touched: u64,
    /// Again.
    pub(crate) cached: u64,
}

impl Visits {
    /// Visits the nodes on the way to `key`: the root, and one for each of its bytes.
    pub(crate) fn visit(&mut self, key: &[u8]) -> Visited {
        let all = key.len().saturating_add(1);
        let cached = self.keys.iter().map(|other| shared(key, other)).max().unwrap_or(0);
        let touched = all.saturating_sub(cached);
        if touched > 0 {
            self.keys.push(key.to_vec());
        }
        self.nodes = self.nodes.saturating_add(touched);
        let count = |nodes| u64::try_from(nodes).expect("keys fit memory");
        Visited { touched: count(touched), cached: count(cached) }
    }

    /// Bytes that are recorded so far: those of each node once.
    pub(crate) fn recorded(&self) -> usize {
        self.nodes.saturating_mul(RECORDED_BYTES)
    }
}

/// Nodes that are on the way to both keys.
fn shared(key: &[u8], other: &[u8]) -> usize {
    key.iter().zip(other).take_while(|(byte, other)| byte == other).count().saturating_add(1)
}
