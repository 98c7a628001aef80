//! A node of the trie: its shape in memory, and NEAR's encoding and hash of it. Knows nothing of
//! where in the trie it stands, or of how the trie is changed.
//!
//! The encoding is nearcore's `RawTrieNodeWithSize` (`core/store/src/trie/raw_node.rs`), all integers
//! little-endian:
//!
//! | node | bytes |
//! |---|---|
//! | leaf | 0, path length u32, path, value length u32, value hash, memory usage u64 |
//! | branch | 1, bitmap u16 of its children, their hashes, memory usage u64 |
//! | branch with a value | 2, value length u32, value hash, bitmap u16, hashes, memory usage u64 |
//! | extension | 3, path length u32, path, hash of its child, memory usage u64 |
//!
//! Memory usage is NEAR's measure of a subtree, not ours of memory: 50 for each node, 2 for each byte
//! of a path in its compact form, 50 and 1 for each byte of a value (`TRIE_COSTS` in
//! `core/store/src/trie/mod.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::Unavailable;
use crate::children::Children;
use crate::nibbles::Path;
use crate::raw::{RawKind, RawNode};
use crate::store::Home;
use crate::value::{AROUND, Held};

/// A SHA-256 digest.
pub(crate) type Hash = [u8; 32];

const NODE_USAGE: u64 = 50;
const PATH_BYTE_USAGE: u64 = 2;

pub(crate) const LEAF_TAG: u8 = 0;
pub(crate) const BRANCH_TAG: u8 = 1;
pub(crate) const BRANCH_WITH_VALUE_TAG: u8 = 2;
pub(crate) const EXTENSION_TAG: u8 = 3;

/// Hashes bytes as NEAR hashes nodes and values.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The end of a key that no other key goes beyond.
    Leaf { path: Path, value: Held },
    /// A run of nibbles that all keys below share. Its child is always a branch.
    Extension { path: Path, child: Arc<Node>, usage: Usage },
    /// A fork. Children and value together are always two or more. Few have a value.
    Branch { children: Children, value: Option<Box<Held>>, usage: Usage },
}

/// NEAR's memory usage of a node and all below it, once that is sealed.
#[derive(Debug, Default)]
pub(crate) struct Usage(AtomicU64);

impl Usage {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, usage: u64) {
        self.0.store(usage, Ordering::Relaxed);
    }
}

impl From<u64> for Usage {
    fn from(usage: u64) -> Self {
        Self(usage.into())
    }
}

impl Clone for Usage {
    fn clone(&self) -> Self {
        self.get().into()
    }
}

impl Kind {
    fn fetched(raw: RawNode, home: &Home) -> Self {
        match raw.kind {
            RawKind::Leaf { path, value } => Self::Leaf { path, value: Held::away(value, home) },
            RawKind::Extension { path, child } => {
                let (child, usage) = (Node::away(child, home), raw.memory_usage.into());
                Self::Extension { path, child, usage }
            }
            RawKind::Branch { children, value } => {
                let value = value.map(|value| Box::new(Held::away(value, home)));
                let own = NODE_USAGE.saturating_add(value.as_deref().map_or(0, value_usage));
                let below = raw.memory_usage.saturating_sub(own);
                let children = Children::fetched(&children, below, home);
                Self::Branch { children, value, usage: raw.memory_usage.into() }
            }
        }
    }

    /// A branch of these entries.
    pub(crate) fn branch(children: Children, value: Option<Held>) -> Self {
        Self::Branch { children, value: value.map(Box::new), usage: Usage::default() }
    }

    /// The length of the encoding.
    pub(crate) fn encoded_length(&self) -> usize {
        const LENGTH: usize = size_of::<u32>();
        const HASH: usize = size_of::<Hash>();
        const VALUE: usize = LENGTH + HASH;
        // A tag and the memory usage.
        const AROUND: usize = size_of::<u8>() + size_of::<u64>();
        const BITMAP: usize = size_of::<u16>();
        let parts = match self {
            Self::Leaf { path, .. } => [AROUND + LENGTH, path.encoded().len(), VALUE],
            Self::Extension { path, .. } => [AROUND + LENGTH, path.encoded().len(), HASH],
            Self::Branch { children, value, .. } => [
                AROUND + BITMAP,
                value.as_ref().map_or(0, |_| VALUE),
                children.count().saturating_mul(HASH),
            ],
        };
        parts.iter().sum()
    }

    /// NEAR's encoding. The node's usage must be known, and all children must have been sealed.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_length());
        match self {
            Self::Leaf { path, value } => {
                out.push(LEAF_TAG);
                push_path(&mut out, path);
                push_value(&mut out, value);
            }
            Self::Extension { path, child, .. } => {
                out.push(EXTENSION_TAG);
                push_path(&mut out, path);
                out.extend(child.hash());
            }
            Self::Branch { children, value, .. } => {
                match value {
                    None => out.push(BRANCH_TAG),
                    Some(value) => {
                        out.push(BRANCH_WITH_VALUE_TAG);
                        push_value(&mut out, value);
                    }
                }
                let bitmap = children.iter().fold(0u16, |map, (nibble, _)| map | (1u16 << nibble));
                out.extend(bitmap.to_le_bytes());
                children.iter().for_each(|(_, child)| out.extend(child.hash()));
            }
        }
        out.extend(self.memory_usage().to_le_bytes());
        out
    }

    /// NEAR's memory usage, if it is known.
    fn memory_usage(&self) -> u64 {
        match self {
            Self::Leaf { path, value } => own_usage(Some(path), Some(value)),
            Self::Extension { usage, .. } | Self::Branch { usage, .. } => usage.get(),
        }
    }

    /// Finds the memory usage out.
    fn add_usage(&self) -> Result<(), Unavailable> {
        match self {
            Self::Leaf { .. } => {}
            Self::Extension { path, child, usage } => {
                usage.set(own_usage(Some(path), None).saturating_add(child.memory_usage()?));
            }
            Self::Branch { children, value, usage } => {
                let own = own_usage(None, value.as_deref());
                usage.set(own.saturating_add(children.memory_usage()?));
            }
        }
        Ok(())
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        let (one, many) = match self {
            Self::Leaf { .. } => (None, None),
            Self::Extension { child, .. } => (Some(child), None),
            Self::Branch { children, .. } => (None, Some(children.iter())),
        };
        one.into_iter()
            .chain(many.into_iter().flatten().map(|(_, child)| child))
            .map(|child| &**child)
    }

    /// The memory that it takes beside the node itself.
    fn footprint(&self) -> usize {
        match self {
            Self::Leaf { path, value } => path.footprint().saturating_add(value.footprint()),
            Self::Extension { path, .. } => path.footprint(),
            Self::Branch { children, value, .. } => {
                let value = value.as_ref().map(|value| value.footprint().saturating_add(AROUND));
                children.footprint().saturating_add(value.unwrap_or_default())
            }
        }
    }
}

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

/// The memory usage of a node without those below it.
fn own_usage(path: Option<&Path>, value: Option<&Held>) -> u64 {
    let path = path.map_or(0, |path| length(path.encoded().len()).saturating_mul(PATH_BYTE_USAGE));
    NODE_USAGE.saturating_add(path).saturating_add(value.map_or(0, value_usage))
}

fn value_usage(value: &Held) -> u64 {
    NODE_USAGE.saturating_add(length(value.len()))
}

fn length(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits in 64 bits")
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("NEAR's keys and values are below 4 GiB");
    out.extend(length.to_le_bytes());
}

fn push_path(out: &mut Vec<u8>, path: &Path) {
    push_length(out, path.encoded().len());
    out.extend(path.encoded());
}

fn push_value(out: &mut Vec<u8>, value: &Held) {
    push_length(out, value.len());
    out.extend(value.hash());
}
