//! A store that costs as little as one can: what is left is the trie's own part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sandbox_state::{Difference, NodeStore, Snapshot, Storage, Unavailable, Value};

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    nodes: Mutex<HashMap<[u8; 32], Vec<u8>>>,
    values: Mutex<HashMap<[u8; 32], Value>>,
}

impl Shelf {
    /// A storage that has `state`.
    pub(crate) fn with(state: &Snapshot) -> Storage {
        let shelf = Self::default();
        let (mut nodes, mut values) = (HashMap::new(), HashMap::new());
        let write = |difference: Difference<'_>| match difference {
            Difference::NodeAdded { hash, encoded } => {
                nodes.insert(hash, encoded.to_vec());
            }
            Difference::ValueAdded { hash, value } => {
                values.insert(hash, Arc::clone(value));
            }
            Difference::NodeRemoved(_) | Difference::ValueRemoved(_) => {}
        };
        state.difference(&Snapshot::empty(), write).unwrap();
        *shelf.nodes.lock().unwrap() = nodes;
        *shelf.values.lock().unwrap() = values;
        Storage::new(Arc::new(shelf))
    }
}

impl NodeStore for Shelf {
    fn node(&self, hash: &[u8; 32]) -> Result<Vec<u8>, Unavailable> {
        self.nodes.lock().unwrap().get(hash).cloned().ok_or_else(|| Unavailable::new("no node"))
    }

    fn value(&self, hash: &[u8; 32]) -> Result<Value, Unavailable> {
        self.values.lock().unwrap().get(hash).cloned().ok_or_else(|| Unavailable::new("no value"))
    }
}
