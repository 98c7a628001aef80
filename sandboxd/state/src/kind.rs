//! What a node of the trie is, and NEAR's encoding of it. Knows nothing of who shares it.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::Unavailable;
use crate::children::Children;
use crate::nibbles::Path;
use crate::node::Node;
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
    pub(crate) fn fetched(raw: RawNode, home: &Home) -> Self {
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
    pub(crate) fn encode(&self) -> Vec<u8> {
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
    pub(crate) fn memory_usage(&self) -> u64 {
        match self {
            Self::Leaf { path, value } => own_usage(Some(path), Some(value)),
            Self::Extension { usage, .. } | Self::Branch { usage, .. } => usage.get(),
        }
    }

    /// Finds the memory usage out.
    pub(crate) fn add_usage(&self) -> Result<(), Unavailable> {
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

    pub(crate) fn children(&self) -> impl Iterator<Item = &Node> {
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
    pub(crate) fn footprint(&self) -> usize {
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
