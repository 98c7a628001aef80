//! A store of nodes and values in memory, which counts how often it has each and can fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sandbox_state::{Difference, NodeStore, Snapshot, Storage, Unavailable, Value};

type Hash = [u8; 32];

/// Nodes and values by their hashes, each with its count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) nodes: BTreeMap<Hash, (i64, Vec<u8>)>,
    pub(crate) values: BTreeMap<Hash, (i64, Value)>,
}

impl Counted {
    /// Has `after` in place of `before`. What fails changes nothing.
    pub(crate) fn replace(
        &mut self,
        before: &Snapshot,
        after: &Snapshot,
    ) -> Result<(), Unavailable> {
        self.add(Self::difference(before, after)?);
        Ok(())
    }

    fn difference(before: &Snapshot, after: &Snapshot) -> Result<Self, Unavailable> {
        let mut changes = Self::default();
        after.difference(before, |difference| match difference {
            Difference::NodeAdded { hash, encoded } => {
                let kept = changes.nodes.entry(hash).or_default();
                *kept = (kept.0 + 1, encoded.to_vec());
            }
            Difference::ValueAdded { hash, value } => {
                let kept = changes.values.entry(hash).or_default();
                *kept = (kept.0 + 1, Arc::clone(value));
            }
            Difference::NodeRemoved(hash) => changes.nodes.entry(hash).or_default().0 -= 1,
            Difference::ValueRemoved(hash) => changes.values.entry(hash).or_default().0 -= 1,
        })?;
        Ok(changes)
    }

    fn add(&mut self, changes: Self) {
        for (hash, (count, encoded)) in changes.nodes {
            let kept = self.nodes.entry(hash).or_insert((0, encoded));
            kept.0 += count;
            if kept.0 == 0 {
                self.nodes.remove(&hash);
            }
        }
        for (hash, (count, value)) in changes.values {
            let kept = self.values.entry(hash).or_insert((0, value));
            kept.0 += count;
            if kept.0 == 0 {
                self.values.remove(&hash);
            }
        }
    }
}

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) kept: Mutex<Counted>,
    pub(crate) is_gone: AtomicBool,
    /// How many nodes and values were asked for.
    pub(crate) asked: AtomicUsize,
}

impl Shelf {
    pub(crate) fn new() -> (Arc<Self>, Storage) {
        let shelf = Arc::<Self>::default();
        let store = Arc::<Self>::clone(&shelf);
        (shelf, Storage::new(store))
    }

    /// Has `after` in place of `before`.
    pub(crate) fn replace(&self, before: &Snapshot, after: &Snapshot) -> Result<(), Unavailable> {
        // What the snapshots fetch for it comes from here.
        let changes = Counted::difference(before, after)?;
        self.kept.lock().unwrap().add(changes);
        Ok(())
    }

    /// Whether it fails from now on.
    pub(crate) fn set_gone(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::Relaxed);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn ask(&self) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_gone.load(Ordering::Relaxed) { Err(gone()) } else { Ok(()) }
    }
}

pub(crate) fn gone() -> Unavailable {
    Unavailable::new("the shelf is gone")
}

impl NodeStore for Shelf {
    fn node(&self, hash: &Hash) -> Result<Vec<u8>, Unavailable> {
        self.ask()?;
        let kept = self.kept.lock().unwrap();
        let node = kept.nodes.get(hash).ok_or_else(|| Unavailable::new("no such node"))?;
        Ok(node.1.clone())
    }

    fn value(&self, hash: &Hash) -> Result<Value, Unavailable> {
        self.ask()?;
        let kept = self.kept.lock().unwrap();
        let value = kept.values.get(hash).ok_or_else(|| Unavailable::new("no such value"))?;
        // Bytes of its own, as of a disk.
        Ok(Value::from(&*value.1))
    }
}
