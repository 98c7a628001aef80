//! Nodes as they are encoded, where children and values are hashes. Knows nothing of where the bytes
//! came from; [`crate::kind`] has the table.

use crate::kind::{BRANCH_TAG, BRANCH_WITH_VALUE_TAG, EXTENSION_TAG, Hash, LEAF_TAG};
use crate::nibbles::Path;

/// A value as nodes commit to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueRef {
    pub(crate) length: u32,
    pub(crate) hash: Hash,
}

/// The hashes of a branch's children, by the nibble that leads to them.
pub(crate) type ChildHashes = Box<[Option<Hash>; 16]>;

/// A node that was read, and the memory usage that it states.
#[derive(Debug)]
pub(crate) struct RawNode {
    pub(crate) kind: RawKind,
    pub(crate) memory_usage: u64,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum RawKind {
    Leaf { path: Path, value: ValueRef },
    Extension { path: Path, child: Hash },
    Branch { children: ChildHashes, value: Option<ValueRef> },
}

impl RawNode {
    /// Reads a node. `None` if the bytes are not the whole encoding of one.
    pub(crate) fn decode(encoded: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(encoded);
        let [tag] = bytes.array()?;
        let kind = match tag {
            LEAF_TAG => RawKind::Leaf { path: bytes.path()?, value: bytes.value()? },
            BRANCH_TAG => RawKind::Branch { value: None, children: bytes.children()? },
            BRANCH_WITH_VALUE_TAG => {
                RawKind::Branch { value: Some(bytes.value()?), children: bytes.children()? }
            }
            EXTENSION_TAG => {
                let path = bytes.path().filter(|path| path.count() > 0)?;
                RawKind::Extension { path, child: bytes.array()? }
            }
            _ => return None,
        };
        let memory_usage = u64::from_le_bytes(bytes.array()?);
        bytes.0.is_empty().then_some(Self { kind, memory_usage })
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
        Some(ValueRef { length: self.length()?, hash: self.array()? })
    }

    fn children(&mut self) -> Option<ChildHashes> {
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
