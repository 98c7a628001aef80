//! What distinguishes two tries: their nodes and values at each place. Knows nothing of stores.

use crate::children::Children;
use crate::kind::Kind;
use crate::nibbles::Path;
use crate::node::{Here, Node};
use crate::value::Held;
use crate::{Unavailable, Value};

/// One node or value that one of two states has and the other has not at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference<'a> {
    /// A node of the new state.
    NodeAdded {
        /// Its hash,
        hash: [u8; 32],
        /// and itself in NEAR's encoding.
        encoded: &'a [u8],
    },
    /// A value of the new state.
    ValueAdded {
        /// Its hash,
        hash: [u8; 32],
        /// and itself.
        value: &'a Value,
    },
    /// A node of the old state, by its hash.
    NodeRemoved([u8; 32]),
    /// A value of the old state, by its hash.
    ValueRemoved([u8; 32]),
}

/// Shows `see` the differences between two tries.
pub(crate) fn between<'trie>(
    before: Option<&'trie Node>,
    after: Option<&'trie Node>,
    mut see: impl FnMut(Difference<'_>),
) -> Result<(), Unavailable> {
    // A guest can make paths of several thousand nodes: a loop, since recursion would overflow.
    let mut ahead = vec![[before, after].map(|root| root.map(Place::Node))];
    while let Some([old, new]) = ahead.pop() {
        if let (Some(Place::Node(old)), Some(Place::Node(new))) = (old, new)
            && (std::ptr::eq(old, new) || old.hash() == new.hash())
        {
            continue;
        }
        let removed = |node: Here<'_>| Difference::NodeRemoved(node.hash());
        let old = open(old, |node| see(removed(node)))?;
        let new = open(new, |node| {
            see(Difference::NodeAdded { hash: node.hash(), encoded: &node.encode() });
        })?;
        let run = common(old, new);
        if run > 0 {
            ahead.push([old, new].map(|inside| inside?.behind(run)));
            continue;
        }
        let [gone, come] = [old, new].map(|inside| inside?.value());
        if gone.map(Held::hash) != come.map(Held::hash) {
            if let Some(gone) = gone {
                see(Difference::ValueRemoved(gone.hash()));
            }
            if let Some(come) = come {
                see(Difference::ValueAdded { hash: come.hash(), value: come.read()? });
            }
        }
        for nibble in 0..16 {
            let below = [old, new].map(|inside| inside?.below(nibble));
            if below.iter().any(Option::is_some) {
                ahead.push(below);
            }
        }
    }
    Ok(())
}

/// A place in a trie that some keys lead to.
#[derive(Clone, Copy)]
enum Place<'trie> {
    /// That of a node.
    Node(&'trie Node),
    /// One that is reached within a node.
    Inside(Inside<'trie>),
}

#[derive(Clone, Copy)]
enum Inside<'trie> {
    /// So many nibbles into a run.
    Run { path: &'trie Path, done: usize, end: End<'trie> },
    /// At a branch.
    Fork { children: &'trie Children, value: Option<&'trie Held> },
}

/// What a run leads to.
#[derive(Clone, Copy)]
enum End<'trie> {
    Child(&'trie Node),
    Value(&'trie Held),
}

/// Goes into a node, and shows it.
fn open(
    place: Option<Place<'_>>,
    show: impl FnOnce(Here<'_>),
) -> Result<Option<Inside<'_>>, Unavailable> {
    let node = match place {
        None => return Ok(None),
        Some(Place::Inside(inside)) => return Ok(Some(inside)),
        Some(Place::Node(node)) => node,
    };
    let here = node.here()?;
    show(here);
    Ok(Some(match here.kind {
        Kind::Leaf { path, value } => Inside::Run { path, done: 0, end: End::Value(value) },
        Kind::Extension { path, child, .. } => {
            Inside::Run { path, done: 0, end: End::Child(child) }
        }
        Kind::Branch { children, value, .. } => Inside::Fork { children, value: value.as_deref() },
    }))
}

/// How many nibbles there is only one way to go on, and the same in both tries.
fn common(old: Option<Inside<'_>>, new: Option<Inside<'_>>) -> usize {
    match (old.map(Inside::run), new.map(Inside::run)) {
        (None, None) => 0,
        (Some(run), None) | (None, Some(run)) => run.count(),
        (Some(old), Some(new)) => old.zip(new).take_while(|(old, new)| old == new).count(),
    }
}

impl<'trie> Inside<'trie> {
    /// The nibbles that are left of a run.
    fn run(self) -> impl Iterator<Item = u8> + use<'trie> {
        let run = match self {
            Self::Run { path, done, .. } => Some(path.nibbles().skip(done)),
            Self::Fork { .. } => None,
        };
        run.into_iter().flatten()
    }

    /// The place behind so many nibbles of a run.
    fn behind(self, run: usize) -> Option<Place<'trie>> {
        let Self::Run { path, done, end } = self else { return None };
        let done = done.saturating_add(run);
        Some(match end {
            End::Child(child) if done >= path.count() => Place::Node(child),
            _ => Place::Inside(Self::Run { path, done, end }),
        })
    }

    /// The place behind one nibble, if a key leads there.
    fn below(self, nibble: u8) -> Option<Place<'trie>> {
        match self {
            Self::Run { .. } => self.behind(1).filter(|_| self.run().next() == Some(nibble)),
            Self::Fork { children, .. } => children.get(nibble).map(|node| Place::Node(node)),
        }
    }

    /// The value of the key that ends here.
    fn value(self) -> Option<&'trie Held> {
        match self {
            Self::Run { path, done, end: End::Value(value) } if done >= path.count() => Some(value),
            Self::Run { .. } => None,
            Self::Fork { value, .. } => value,
        }
    }
}
