//! Iteration over a trie in the order of its keys, from a prefix or from behind a key on. Knows
//! nothing of pending writes.

use std::cmp::Ordering;

use crate::Value;
use crate::nibbles::{self, Path};
use crate::node::{Kind, Node, Stored};

/// Iterates over the records below one or more nodes, and shows each step to `visit`.
#[derive(Debug)]
pub(crate) struct Range<'trie, V> {
    /// What is still to be entered, the next one last.
    ahead: Vec<Ahead<'trie>>,
    /// The nibbles on the way to the node entered last.
    key: Vec<u8>,
    visit: V,
}

/// What an iteration comes to.
#[derive(Debug)]
pub(crate) enum Step<'trie> {
    /// A node that it enters.
    Node(&'trie Node),
    /// The value of a record of the list.
    Value(&'trie Stored),
}

#[derive(Debug)]
struct Ahead<'trie> {
    node: &'trie Node,
    /// How many nibbles of the key lead to the branch above.
    above: usize,
    /// The nibble from there, or none at the root and below extensions.
    nibble: Option<u8>,
}

impl<'trie, V: FnMut(Step<'trie>)> Range<'trie, V> {
    /// The records whose keys begin with `prefix`.
    pub(crate) fn with_prefix(root: Option<&'trie Node>, prefix: &[u8], visit: V) -> Self {
        let mut range = Self { ahead: Vec::new(), key: Vec::new(), visit };
        let prefix = nibbles::split(prefix);
        let mut rest = prefix.as_slice();
        let mut next = root.map(|node| Ahead { node, above: 0, nibble: None });
        while let Some(ahead) = next {
            match &ahead.node.kind {
                Kind::Branch { children, .. } if !rest.is_empty() => {
                    range.enter(&ahead);
                    let child = rest.split_first().and_then(|(nibble, tail)| {
                        rest = tail;
                        Some((children[usize::from(*nibble)].as_deref()?, *nibble))
                    });
                    let above = range.key.len();
                    next = child.map(|(node, nibble)| Ahead { node, above, nibble: Some(nibble) });
                }
                Kind::Extension { path, child } if path.strip(rest).is_some() => {
                    range.enter(&ahead);
                    rest = path.strip(rest).unwrap_or_default();
                    range.key.extend(path.nibbles());
                    next = Some(Ahead { node: child, above: range.key.len(), nibble: None });
                }
                Kind::Leaf { path, .. } | Kind::Extension { path, .. } if !begins(path, rest) => {
                    range.enter(&ahead);
                    next = None;
                }
                _ => {
                    range.ahead.push(ahead);
                    next = None;
                }
            }
        }
        range
    }

    /// The records whose keys come behind `key`.
    pub(crate) fn behind(root: Option<&'trie Node>, key: &[u8], visit: V) -> Self {
        let mut range = Self { ahead: Vec::new(), key: Vec::new(), visit };
        let nibbles = nibbles::split(key);
        let mut rest = nibbles.as_slice();
        let mut next = root.map(|node| Ahead { node, above: 0, nibble: None });
        while let Some(ahead) = next.take() {
            match &ahead.node.kind {
                Kind::Branch { children, .. } => {
                    range.enter(&ahead);
                    let above = range.key.len();
                    let from = rest.split_first().map(|(nibble, tail)| {
                        rest = tail;
                        *nibble
                    });
                    for (child, nibble) in children.iter().zip(0u8..16).rev() {
                        let Some(node) = child.as_deref() else { continue };
                        let child = Ahead { node, above, nibble: Some(nibble) };
                        match from.map_or(Ordering::Greater, |from| nibble.cmp(&from)) {
                            Ordering::Greater => range.ahead.push(child),
                            Ordering::Equal => next = Some(child),
                            Ordering::Less => {}
                        }
                    }
                }
                Kind::Extension { path, child } if path.strip(rest).is_some() => {
                    range.enter(&ahead);
                    rest = path.strip(rest).unwrap_or_default();
                    range.key.extend(path.nibbles());
                    next = Some(Ahead { node: child, above: range.key.len(), nibble: None });
                }
                Kind::Leaf { path, .. } | Kind::Extension { path, .. } => {
                    if path.nibbles().gt(rest.iter().copied()) {
                        range.ahead.push(ahead);
                    }
                }
            }
        }
        range
    }

    fn enter(&mut self, ahead: &Ahead<'trie>) {
        self.key.truncate(ahead.above);
        self.key.extend(ahead.nibble);
        (self.visit)(Step::Node(ahead.node));
    }
}

/// Whether the nibbles of `path` begin with `prefix`.
fn begins(path: &Path, prefix: &[u8]) -> bool {
    path.nibbles().take(prefix.len()).eq(prefix.iter().copied())
}

impl<'trie, V: FnMut(Step<'trie>)> Iterator for Range<'trie, V> {
    type Item = (Vec<u8>, &'trie Value);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(ahead) = self.ahead.pop() {
            self.enter(&ahead);
            let found = match &ahead.node.kind {
                Kind::Leaf { path, value } => {
                    self.key.extend(path.nibbles());
                    Some(value)
                }
                Kind::Extension { path, child } => {
                    self.key.extend(path.nibbles());
                    self.ahead.push(Ahead { node: child, above: self.key.len(), nibble: None });
                    None
                }
                Kind::Branch { children, value } => {
                    let above = self.key.len();
                    self.ahead.extend(children.iter().zip(0u8..16).rev().filter_map(
                        |(child, nibble)| {
                            Some(Ahead { node: child.as_deref()?, above, nibble: Some(nibble) })
                        },
                    ));
                    value.as_ref()
                }
            };
            if let Some(value) = found {
                (self.visit)(Step::Value(value));
                return Some((nibbles::join(&self.key), &value.bytes));
            }
        }
        None
    }
}
