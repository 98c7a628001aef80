//! A node of the trie, with its hash, as snapshots share it: one that is here, or one that its store has.
//! Knows nothing of where in the trie it stands, or of how the trie is changed.

use std::sync::{Arc, OnceLock};

use crate::Unavailable;
use crate::kind::{Hash, Kind, Usage, sha256};
use crate::nibbles::Path;
use crate::store::Home;
use crate::value::{AROUND, Held};

/// A node, shared by all snapshots that hold it. Sealed when its snapshot is finished, and never
/// changed from then on. One that is in a store is sealed before anybody knows what it is.
#[derive(Debug)]
pub(crate) struct Node {
    kind: OnceLock<Kind>,
    hash: OnceLock<Hash>,
    home: Home,
}

/// A node that is here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'trie> {
    pub(crate) kind: &'trie Kind,
    node: &'trie Node,
}

impl Here<'_> {
    /// The hash. The node must have been sealed.
    pub(crate) fn hash(&self) -> Hash {
        self.node.hash()
    }

    /// NEAR's encoding. The node must have been sealed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.kind.encode()
    }
}

impl Node {
    pub(crate) fn new(kind: Kind, home: &Home) -> Arc<Self> {
        Arc::new(Self { kind: kind.into(), hash: OnceLock::new(), home: home.clone() })
    }

    /// The node in a store that has this hash.
    pub(crate) fn away(hash: Hash, home: &Home) -> Arc<Self> {
        let node = Self { kind: OnceLock::new(), hash: hash.into(), home: home.clone() };
        node.home.add(node.footprint());
        Arc::new(node)
    }

    pub(crate) fn leaf(nibbles: &[u8], value: Held, home: &Home) -> Arc<Self> {
        Self::new(Kind::Leaf { path: Path::of_leaf(nibbles), value }, home)
    }

    pub(crate) fn extension(nibbles: &[u8], child: Arc<Self>, home: &Home) -> Arc<Self> {
        let (path, usage) = (Path::of_extension(nibbles), Usage::default());
        Self::new(Kind::Extension { path, child, usage }, home)
    }

    /// What the node is. It is fetched if it is not here.
    pub(crate) fn here(&self) -> Result<Here<'_>, Unavailable> {
        let kind = match self.kind.get() {
            Some(kind) => kind,
            None => self.fetch()?,
        };
        Ok(Here { kind, node: self })
    }

    #[cold]
    fn fetch(&self) -> Result<&Kind, Unavailable> {
        let raw = self.home.node(&self.hash())?;
        let kind = Kind::fetched(raw, &self.home);
        Ok(self.kind.get_or_init(|| {
            self.home.add(kind.footprint());
            kind
        }))
    }

    /// The node for changing: itself if nobody shares it, otherwise a copy put in its place.
    pub(crate) fn unseal(slot: &mut Arc<Self>) -> Result<&mut Kind, Unavailable> {
        slot.here()?;
        let node = Arc::make_mut(slot);
        node.take_seal();
        Ok(node.kind.get_mut().expect("it was fetched before"))
    }

    /// Seals this node and all below it that are not sealed yet.
    pub(crate) fn seal(&self) -> Result<(), Unavailable> {
        if self.unsealed_children().next().is_none() {
            return self.seal_alone();
        }
        // A guest can make a path of several thousand nodes: a loop, since recursion would overflow.
        let mut open = vec![self];
        while let Some(node) = open.last().copied() {
            let before = open.len();
            open.extend(node.unsealed_children());
            if open.len() == before {
                node.seal_alone()?;
                open.pop();
            }
        }
        Ok(())
    }

    /// The children to be sealed before this node. Below one that is sealed all are.
    fn unsealed_children(&self) -> impl Iterator<Item = &Self> {
        let kind = if self.hash.get().is_none() { self.kind.get() } else { None };
        let children = kind.into_iter().flat_map(Kind::children);
        children.filter(|child| child.hash.get().is_none())
    }

    fn seal_alone(&self) -> Result<(), Unavailable> {
        let (None, Some(kind)) = (self.hash.get(), self.kind.get()) else { return Ok(()) };
        kind.add_usage()?;
        self.hash.get_or_init(|| {
            self.home.add(self.footprint());
            sha256(&kind.encode())
        });
        Ok(())
    }

    /// Opposite of sealing: what changes is not counted.
    fn take_seal(&mut self) {
        if self.hash.take().is_some() {
            self.home.subtract(self.footprint());
        }
    }

    /// The hash. The node must have been sealed.
    pub(crate) fn hash(&self) -> Hash {
        *self.hash.get().expect("a snapshot is sealed before anybody has it")
    }

    /// NEAR's memory usage of the node and all below it, which must have been sealed.
    pub(crate) fn memory_usage(&self) -> Result<u64, Unavailable> {
        Ok(self.here()?.kind.memory_usage())
    }

    fn footprint(&self) -> usize {
        size_of::<Self>()
            .saturating_add(AROUND)
            .saturating_add(self.kind.get().map_or(0, Kind::footprint))
    }

    /// Moves the children out, and leaves a node behind that is only good for being dropped.
    fn take_children(&mut self, into: &mut Vec<Arc<Self>>) {
        match self.kind.take() {
            Some(Kind::Branch { mut children, .. }) => into.extend(children.take()),
            Some(Kind::Extension { child, .. }) => into.push(child),
            Some(Kind::Leaf { .. }) | None => {}
        }
    }
}

impl Clone for Node {
    /// An unsealed copy of a node that is here, for changing.
    fn clone(&self) -> Self {
        Self { kind: self.kind.clone(), hash: OnceLock::new(), home: self.home.clone() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.take_seal();
        // Dropping children inside of their parents would recurse as deep as a guest made the trie.
        let mut orphans = Vec::new();
        self.take_children(&mut orphans);
        while let Some(orphan) = orphans.pop() {
            if let Some(mut node) = Arc::into_inner(orphan) {
                node.take_seal();
                node.take_children(&mut orphans);
            }
        }
    }
}
