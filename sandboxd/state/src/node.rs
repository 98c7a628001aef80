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

use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::Value;
use crate::nibbles::Path;

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

/// A value with its hash, which a branch needs again whenever one of its children changes.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(crate) bytes: Value,
    pub(crate) hash: Hash,
}

impl Stored {
    /// Hashes the bytes of a value.
    pub fn new(bytes: Value) -> Self {
        let hash = sha256(&bytes);
        Self { bytes, hash }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Value {
        &self.bytes
    }

    fn memory_usage(&self) -> u64 {
        NODE_USAGE.saturating_add(length(&self.bytes))
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        push_length(out, &self.bytes);
        out.extend(self.hash);
    }
}

/// The children of a branch, by the nibble that leads to them.
pub(crate) type Children = [Option<Arc<Node>>; 16];

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The end of a key that no other key goes beyond.
    Leaf { path: Path, value: Stored },
    /// A run of nibbles that all keys below share. Its child is always a branch.
    Extension { path: Path, child: Arc<Node> },
    /// A fork. Children and value together are always two or more.
    Branch { children: Box<Children>, value: Option<Stored> },
}

/// What only the finished subtree of a node tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) hash: Hash,
    pub(crate) memory_usage: u64,
}

/// A node, shared by all snapshots that hold it. Sealed when its snapshot is finished, and never
/// changed from then on.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    seal: OnceLock<Seal>,
}

impl Node {
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        Arc::new(Self { kind, seal: OnceLock::new() })
    }

    pub(crate) fn leaf(nibbles: &[u8], value: Stored) -> Arc<Self> {
        Self::new(Kind::Leaf { path: Path::of_leaf(nibbles), value })
    }

    pub(crate) fn extension(nibbles: &[u8], child: Arc<Self>) -> Arc<Self> {
        Self::new(Kind::Extension { path: Path::of_extension(nibbles), child })
    }

    /// The node for changing: itself if nobody shares it, otherwise a copy put in its place.
    pub(crate) fn unseal(slot: &mut Arc<Self>) -> &mut Kind {
        let node = Arc::make_mut(slot);
        node.seal.take();
        &mut node.kind
    }

    /// Seals this node and all below it that are not sealed yet.
    pub(crate) fn seal(&self) -> Seal {
        if self.children().all(|child| child.seal.get().is_some()) {
            return self.sealed();
        }
        // A guest can make a path of several thousand nodes: a loop, since recursion would overflow.
        let mut open = vec![self];
        while let Some(node) = open.last().copied() {
            let before = open.len();
            if node.seal.get().is_none() {
                open.extend(node.children().filter(|child| child.seal.get().is_none()));
            }
            if open.len() == before {
                node.sealed();
                open.pop();
            }
        }
        self.sealed()
    }

    /// The hash and memory usage. All children must have been sealed.
    pub(crate) fn sealed(&self) -> Seal {
        *self.seal.get_or_init(|| {
            let memory_usage = self.children().fold(self.own_memory_usage(), |sum, child| {
                sum.saturating_add(child.sealed().memory_usage)
            });
            Seal { hash: sha256(&self.encode_with(memory_usage)), memory_usage }
        })
    }

    /// NEAR's encoding of the node. All children must have been sealed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_with(self.sealed().memory_usage)
    }

    /// The length of [`Node::encode`].
    pub(crate) fn encoded_length(&self) -> usize {
        const LENGTH: usize = size_of::<u32>();
        const HASH: usize = size_of::<Hash>();
        const VALUE: usize = LENGTH + HASH;
        // A tag and the memory usage.
        const AROUND: usize = size_of::<u8>() + size_of::<u64>();
        const BITMAP: usize = size_of::<u16>();
        let parts = match &self.kind {
            Kind::Leaf { path, .. } => [AROUND + LENGTH, path.encoded().len(), VALUE],
            Kind::Extension { path, .. } => [AROUND + LENGTH, path.encoded().len(), HASH],
            Kind::Branch { children, value } => [
                AROUND + BITMAP,
                value.as_ref().map_or(0, |_| VALUE),
                children.iter().flatten().map(|_| HASH).sum(),
            ],
        };
        parts.iter().sum()
    }

    fn encode_with(&self, memory_usage: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_length());
        match &self.kind {
            Kind::Leaf { path, value } => {
                out.push(LEAF_TAG);
                push_path(&mut out, path);
                value.encode_into(&mut out);
            }
            Kind::Extension { path, child } => {
                out.push(EXTENSION_TAG);
                push_path(&mut out, path);
                out.extend(child.sealed().hash);
            }
            Kind::Branch { children, value } => {
                match value {
                    None => out.push(BRANCH_TAG),
                    Some(value) => {
                        out.push(BRANCH_WITH_VALUE_TAG);
                        value.encode_into(&mut out);
                    }
                }
                let bitmap = children
                    .iter()
                    .rev()
                    .fold(0u16, |map, child| (map << 1) | u16::from(child.is_some()));
                out.extend(bitmap.to_le_bytes());
                out.extend(self.children().flat_map(|child| child.sealed().hash));
            }
        }
        out.extend(memory_usage.to_le_bytes());
        out
    }

    fn own_memory_usage(&self) -> u64 {
        let value = match &self.kind {
            Kind::Leaf { value, .. } => Some(value),
            Kind::Branch { value, .. } => value.as_ref(),
            Kind::Extension { .. } => None,
        };
        let path = match &self.kind {
            Kind::Leaf { path, .. } | Kind::Extension { path, .. } => path.encoded(),
            Kind::Branch { .. } => &[],
        };
        NODE_USAGE
            .saturating_add(length(path).saturating_mul(PATH_BYTE_USAGE))
            .saturating_add(value.map_or(0, Stored::memory_usage))
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let (one, many) = match &self.kind {
            Kind::Leaf { .. } => (None, None),
            Kind::Extension { child, .. } => (Some(child), None),
            Kind::Branch { children, .. } => (None, Some(children)),
        };
        let many = many.into_iter().flat_map(|children| children.iter().flatten());
        one.into_iter().chain(many).map(|child| &**child)
    }

    /// Moves the children out, and leaves a node behind that is only good for being dropped.
    fn take_children(&mut self, into: &mut Vec<Arc<Self>>) {
        if let Kind::Branch { children, .. } = &mut self.kind {
            into.extend(children.iter_mut().filter_map(Option::take));
        } else if let Kind::Extension { child, .. } = &self.kind {
            into.push(Arc::clone(child));
            self.kind = Kind::Branch { children: Box::default(), value: None };
        }
    }
}

impl Clone for Node {
    /// An unsealed copy, for changing.
    fn clone(&self) -> Self {
        Self { kind: self.kind.clone(), seal: OnceLock::new() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Dropping children inside of their parents would recurse as deep as a guest made the trie.
        let mut orphans = Vec::new();
        self.take_children(&mut orphans);
        while let Some(orphan) = orphans.pop() {
            if let Some(mut node) = Arc::into_inner(orphan) {
                node.take_children(&mut orphans);
            }
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length in memory fits in 64 bits")
}

fn push_length(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("NEAR's keys and values are below 4 GiB");
    out.extend(length.to_le_bytes());
}

fn push_path(out: &mut Vec<u8>, path: &Path) {
    push_length(out, path.encoded());
    out.extend(path.encoded());
}
