//! Proofs: the encoded nodes that show what a state with a given root holds at a key, and how they
//! are checked without the state. Knows nothing of how the nodes were found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::StateRoot;
use crate::kind::{Hash, sha256};
use crate::nibbles;
use crate::raw::{RawKind, RawNode, ValueRef};

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
            (Some(proven), Some(value)) if commits_to(&proven, value) => Ok(()),
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
                if commits_to(proven, value) {
                    Ok(())
                } else {
                    Err(InvalidProof::OtherValue)
                }
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
            match RawNode::decode(encoded).ok_or(InvalidProof::MalformedNode)?.kind {
                RawKind::Leaf { path, value } => {
                    key.extend(path.nibbles());
                    if key.starts_with(&prefix) {
                        is_next(&key, &value)?;
                    }
                }
                RawKind::Extension { path, child } => {
                    key.extend(path.nibbles());
                    if leads_to(&key, &prefix) {
                        ahead.push((child, key));
                    }
                }
                RawKind::Branch { children, value } => {
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
            let next = match RawNode::decode(encoded).ok_or(InvalidProof::MalformedNode)?.kind {
                RawKind::Leaf { path, value } => return Ok(path.is(rest).then_some(value)),
                RawKind::Extension { path, child } => path.strip(rest).map(|rest| (child, rest)),
                RawKind::Branch { children, value } => match rest.split_first() {
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

/// Whether a node that states `proven` holds `value`.
fn commits_to(proven: &ValueRef, value: &[u8]) -> bool {
    u32::try_from(value.len()) == Ok(proven.length) && sha256(value) == proven.hash
}
