//! Proofs: the encoded nodes that show what a state with a given root holds at a key, and how they
//! are checked without the state. Knows nothing of how the nodes were found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::StateRoot;
use crate::nibbles::{self, Path};
use crate::node::{BRANCH_TAG, BRANCH_WITH_VALUE_TAG, EXTENSION_TAG, Hash, LEAF_TAG, sha256};

/// Encoded trie nodes, as NEAR's `view_state` returns them with `include_proof`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    nodes: Vec<Arc<[u8]>>,
}

/// Why a proof does not show what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProof {
    /// The way to the key leads to a node that is not in the proof, or was changed.
    #[error("a node on the way to the key is missing")]
    MissingNode,
    /// A node has the right hash, but is not in NEAR's encoding.
    #[error("a node on the way to the key is malformed")]
    MalformedNode,
    /// The state holds another value at the key.
    #[error("the state holds another value at the key")]
    OtherValue,
    /// The state holds a value at the key that should hold nothing.
    #[error("the state holds a value at the key")]
    Present,
    /// The state holds nothing at the key.
    #[error("the state holds no value at the key")]
    Absent,
}

impl Proof {
    /// A proof of nodes in NEAR's encoding. Their order does not matter, nor do nodes off the way.
    pub fn new(nodes: Vec<Arc<[u8]>>) -> Self {
        Self { nodes }
    }

    /// The encoded nodes.
    pub fn nodes(&self) -> &[Arc<[u8]>] {
        &self.nodes
    }

    /// The encoded nodes, by value.
    pub fn into_nodes(self) -> Vec<Arc<[u8]>> {
        self.nodes
    }

    /// Checks that a state with this root holds `value` at `key`, or with `None` that it holds nothing.
    pub fn verify(
        &self,
        root: &StateRoot,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), InvalidProof> {
        match (self.find(root, key)?, value) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(InvalidProof::Absent),
            (Some(_), None) => Err(InvalidProof::Present),
            (Some(proven), Some(value)) if proven == ValueRef::of(value) => Ok(()),
            (Some(_), Some(_)) => Err(InvalidProof::OtherValue),
        }
    }

    /// Checks that `records`, in the order of their keys, are all that a state with this root holds
    /// below `prefix`.
    pub fn verify_prefix<'r>(
        &self,
        root: &StateRoot,
        prefix: &[u8],
        records: impl IntoIterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<(), InvalidProof> {
        let nodes = self.by_hash();
        let prefix = nibbles::split(prefix);
        let mut records = records.into_iter();
        let mut is_next = |key: &[u8], proven: &ValueRef| match records.next() {
            Some((next, value)) if nibbles::split(next) == key => {
                if *proven == ValueRef::of(value) { Ok(()) } else { Err(InvalidProof::OtherValue) }
            }
            Some((next, _)) if nibbles::split(next).as_slice() < key => Err(InvalidProof::Absent),
            _ => Err(InvalidProof::Present),
        };
        let mut ahead = Vec::new();
        if *root != StateRoot::EMPTY {
            ahead.push((root.0, Vec::new()));
        }
        while let Some((hash, mut key)) = ahead.pop() {
            let encoded = nodes.get(&hash).ok_or(InvalidProof::MissingNode)?;
            match RawNode::decode(encoded).ok_or(InvalidProof::MalformedNode)? {
                RawNode::Leaf { path, value } => {
                    key.extend(path.nibbles());
                    if key.starts_with(&prefix) {
                        is_next(&key, &value)?;
                    }
                }
                RawNode::Extension { path, child } => {
                    key.extend(path.nibbles());
                    if leads_to(&key, &prefix) {
                        ahead.push((child, key));
                    }
                }
                RawNode::Branch { children, value } => {
                    // No trie has a branch that leads nowhere, of which a small proof could have many.
                    if value.is_none() && children.iter().all(Option::is_none) {
                        return Err(InvalidProof::MalformedNode);
                    }
                    if let Some(value) = value.filter(|_| key.starts_with(&prefix)) {
                        is_next(&key, &value)?;
                    }
                    for (child, nibble) in children.iter().zip(0u8..16).rev() {
                        let Some(child) = child else { continue };
                        let key = [key.as_slice(), &[nibble]].concat();
                        if leads_to(&key, &prefix) {
                            ahead.push((*child, key));
                        }
                    }
                }
            }
        }
        if records.next().is_some() { Err(InvalidProof::Absent) } else { Ok(()) }
    }

    fn by_hash(&self) -> BTreeMap<Hash, &[u8]> {
        self.nodes.iter().map(|node| (sha256(node), &**node)).collect()
    }

    fn find(&self, root: &StateRoot, key: &[u8]) -> Result<Option<ValueRef>, InvalidProof> {
        if *root == StateRoot::EMPTY {
            return Ok(None);
        }
        let nodes = self.by_hash();
        let nibbles = nibbles::split(key);
        let mut rest = nibbles.as_slice();
        let mut hash = root.0;
        loop {
            let encoded = nodes.get(&hash).ok_or(InvalidProof::MissingNode)?;
            let next = match RawNode::decode(encoded).ok_or(InvalidProof::MalformedNode)? {
                RawNode::Leaf { path, value } => return Ok(path.is(rest).then_some(value)),
                RawNode::Extension { path, child } => path.strip(rest).map(|rest| (child, rest)),
                RawNode::Branch { children, value } => match rest.split_first() {
                    None => return Ok(value),
                    Some((nibble, rest)) => {
                        children[usize::from(*nibble)].map(|child| (child, rest))
                    }
                },
            };
            let Some(next) = next else { return Ok(None) };
            (hash, rest) = next;
        }
    }
}

/// Whether keys that begin with the nibbles `key` can begin with those of `prefix`.
fn leads_to(key: &[u8], prefix: &[u8]) -> bool {
    key.iter().zip(prefix).all(|(one, other)| one == other)
}

/// A value as nodes commit to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ValueRef {
    length: u64,
    hash: Hash,
}

impl ValueRef {
    fn of(value: &[u8]) -> Self {
        let length = u64::try_from(value.len()).expect("a length in memory fits in 64 bits");
        Self { length, hash: sha256(value) }
    }
}

/// A node as it is encoded: children are hashes.
#[derive(Debug)]
enum RawNode {
    Leaf { path: Path, value: ValueRef },
    Extension { path: Path, child: Hash },
    Branch { children: Box<[Option<Hash>; 16]>, value: Option<ValueRef> },
}

impl RawNode {
    fn decode(encoded: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(encoded);
        let [tag] = bytes.array()?;
        let node = match tag {
            LEAF_TAG => Self::Leaf { path: bytes.path()?, value: bytes.value()? },
            BRANCH_TAG => Self::Branch { value: None, children: bytes.children()? },
            BRANCH_WITH_VALUE_TAG => {
                Self::Branch { value: Some(bytes.value()?), children: bytes.children()? }
            }
            EXTENSION_TAG => Self::Extension { path: bytes.path()?, child: bytes.array()? },
            _ => return None,
        };
        let _memory_usage: [u8; 8] = bytes.array()?;
        bytes.0.is_empty().then_some(node)
    }
}

/// What is left to read of an encoded node.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn length(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn path(&mut self) -> Option<Path> {
        let length = usize::try_from(self.length()?).ok()?;
        let (path, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Path::from_encoded(path)
    }

    fn value(&mut self) -> Option<ValueRef> {
        Some(ValueRef { length: self.length()?.into(), hash: self.array()? })
    }

    fn children(&mut self) -> Option<Box<[Option<Hash>; 16]>> {
        let bitmap = u16::from_le_bytes(self.array()?);
        let mut children = Box::new([None; 16]);
        for (child, bit) in children.iter_mut().zip(0..) {
            if bitmap & (1u16 << bit) != 0 {
                *child = Some(self.array()?);
            }
        }
        Some(children)
    }
}
