//! Iteration over a trie in the order of its keys, from a prefix or from behind a key on. Knows
//! nothing of pending writes.

use std::cmp::Ordering;

use crate::Unavailable;
use crate::kind::Kind;
use crate::nibbles::{self, Path};
use crate::node::{Here, Node};
use crate::value::Held;

/// Iterates over the records below one or more nodes, and shows each step to `visit`.
#[derive(Debug)]
pub(crate) struct Range<'trie, V> {
    /// What is still to be entered, the next one last.
    ahead: Vec<Ahead<'trie>>,
    /// The nibbles on the way to the node entered last.
    key: Vec<u8>,
    visit: V,
    /// Why the place to begin at was not found.
    failed: Option<Unavailable>,
}

/// What an iteration comes to.
#[derive(Debug)]
pub(crate) enum Step<'trie> {
    /// A node that it enters.
    Node(Here<'trie>),
    /// The value of a record of the list.
    Value(&'trie Held),
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
        let mut range = Self::new(visit);
        range.failed = range.enter_prefix(root, &nibbles::split(prefix)).err();
        range
    }

    /// The records whose keys come behind `key`.
    pub(crate) fn behind(root: Option<&'trie Node>, key: &[u8], visit: V) -> Self {
        let mut range = Self::new(visit);
        range.failed = range.enter_behind(root, &nibbles::split(key)).err();
        range
    }

    fn new(visit: V) -> Self {
        Self { ahead: Vec::new(), key: Vec::new(), visit, failed: None }
    }

    fn enter_prefix(
        &mut self,
        root: Option<&'trie Node>,
        prefix: &[u8],
    ) -> Result<(), Unavailable> {
        let mut rest = prefix;
        let mut next = root.map(|node| Ahead { node, above: 0, nibble: None });
        while let Some(ahead) = next.take() {
            let here = ahead.node.here()?;
            match here.kind {
                Kind::Branch { children, .. } if !rest.is_empty() => {
                    self.enter(&ahead, here);
                    let above = self.key.len();
                    next = rest.split_first().and_then(|(nibble, tail)| {
                        rest = tail;
                        let node = children.get(*nibble)?;
                        Some(Ahead { node, above, nibble: Some(*nibble) })
                    });
                }
                Kind::Extension { path, child, .. } if path.strip(rest).is_some() => {
                    self.enter(&ahead, here);
                    rest = path.strip(rest).unwrap_or_default();
                    self.key.extend(path.nibbles());
                    next = Some(Ahead { node: child, above: self.key.len(), nibble: None });
                }
                Kind::Leaf { path, .. } | Kind::Extension { path, .. } if !begins(path, rest) => {
                    self.enter(&ahead, here);
                }
                _ => self.ahead.push(ahead),
            }
        }
        Ok(())
    }

    fn enter_behind(&mut self, root: Option<&'trie Node>, key: &[u8]) -> Result<(), Unavailable> {
        let mut rest = key;
        let mut next = root.map(|node| Ahead { node, above: 0, nibble: None });
        while let Some(ahead) = next.take() {
            let here = ahead.node.here()?;
            match here.kind {
                Kind::Branch { children, .. } => {
                    self.enter(&ahead, here);
                    let above = self.key.len();
                    let from = rest.split_first().map(|(nibble, tail)| {
                        rest = tail;
                        *nibble
                    });
                    for (nibble, node) in children.iter().rev() {
                        let child = Ahead { node, above, nibble: Some(nibble) };
                        match from.map_or(Ordering::Greater, |from| nibble.cmp(&from)) {
                            Ordering::Greater => self.ahead.push(child),
                            Ordering::Equal => next = Some(child),
                            Ordering::Less => {}
                        }
                    }
                }
                Kind::Extension { path, child, .. } if path.strip(rest).is_some() => {
                    self.enter(&ahead, here);
                    rest = path.strip(rest).unwrap_or_default();
                    self.key.extend(path.nibbles());
                    next = Some(Ahead { node: child, above: self.key.len(), nibble: None });
                }
                Kind::Leaf { path, .. } | Kind::Extension { path, .. } => {
                    if path.nibbles().gt(rest.iter().copied()) {
                        self.ahead.push(ahead);
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, ahead: &Ahead<'trie>, here: Here<'trie>) {
        self.key.truncate(ahead.above);
        self.key.extend(ahead.nibble);
        (self.visit)(Step::Node(here));
    }

    /// Enters the node ahead. Its value, if that is one of the list.
    fn step(&mut self, ahead: &Ahead<'trie>) -> Result<Option<&'trie Held>, Unavailable> {
        let here = ahead.node.here()?;
        self.enter(ahead, here);
        Ok(match here.kind {
            Kind::Leaf { path, value } => {
                self.key.extend(path.nibbles());
                Some(value)
            }
            Kind::Extension { path, child, .. } => {
                self.key.extend(path.nibbles());
                self.ahead.push(Ahead { node: child, above: self.key.len(), nibble: None });
                None
            }
            Kind::Branch { children, value, .. } => {
                let above = self.key.len();
                let below = children.iter().rev();
                self.ahead.extend(below.map(|(nibble, node)| Ahead {
                    node,
                    above,
                    nibble: Some(nibble),
                }));
                value.as_deref()
            }
        })
    }
}

/// Whether the nibbles of `path` begin with `prefix`.
fn begins(path: &Path, prefix: &[u8]) -> bool {
    path.nibbles().take(prefix.len()).eq(prefix.iter().copied())
}

impl<'trie, V: FnMut(Step<'trie>)> Iterator for Range<'trie, V> {
    /// A record. Nothing comes behind an error.
    type Item = Result<(Vec<u8>, &'trie Held), Unavailable>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(unavailable) = self.failed.take() {
            self.ahead.clear();
            return Some(Err(unavailable));
        }
        while let Some(ahead) = self.ahead.pop() {
            match self.step(&ahead) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    (self.visit)(Step::Value(value));
                    return Some(Ok((nibbles::join(&self.key), value)));
                }
                Err(unavailable) => {
                    self.ahead.clear();
                    return Some(Err(unavailable));
                }
            }
        }
        None
    }
}
