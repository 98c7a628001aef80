//! The Merkle-Patricia trie over shared nodes: lookup, insertion and removal by copying the path.
//! Knows nothing of snapshots, pending writes or gas; it shows its steps to whoever counts them.
//!
//! The trie of a set of records is unique: the shape, and so the root, does not depend on the order
//! of insertions and removals. Three rules make it so. A branch has at least two of its seventeen
//! entries. An extension is never empty, and its child is a branch. A leaf takes all the nibbles that
//! nobody shares with it.

use std::sync::Arc;

use crate::Unavailable;
use crate::children::Children;
use crate::kind::Kind;
use crate::nibbles::{self, Path};
use crate::node::{Here, Node};
use crate::store::Home;
use crate::value::Held;

/// Looks `key` up, and shows each node on the way to `visit`, the last one also if it does not match.
pub(crate) fn find<'trie>(
    root: &'trie Node,
    key: &[u8],
    mut visit: impl FnMut(Here<'trie>),
) -> Result<Option<&'trie Held>, Unavailable> {
    let (mut node, mut place) = (root, 0usize);
    loop {
        let here = node.here()?;
        visit(here);
        let next = match here.kind {
            Kind::Leaf { path, value } => {
                let end = path.follow(key, place);
                return Ok((end == Some(nibbles::count(key))).then_some(value));
            }
            Kind::Extension { path, child, .. } => path.follow(key, place).map(|end| (child, end)),
            Kind::Branch { children, value, .. } => match nibbles::at(key, place) {
                None => return Ok(value.as_deref()),
                Some(nibble) => children.get(nibble).map(|child| (child, place.saturating_add(1))),
            },
        };
        let Some((child, behind)) = next else { return Ok(None) };
        (node, place) = (child, behind);
    }
}

/// Puts `value` at `key`, in place of what was there.
pub(crate) fn insert(
    root: &mut Option<Arc<Node>>,
    key: &[u8],
    value: Held,
    home: &Home,
) -> Result<(), Unavailable> {
    insert_at(root, &nibbles::split(key), value, home)
}

/// Puts `value` into the trie below a node, at the key whose other nibbles are `rest`.
pub(crate) fn insert_at(
    root: &mut Option<Arc<Node>>,
    mut rest: &[u8],
    value: Held,
    home: &Home,
) -> Result<(), Unavailable> {
    let Some(mut slot) = root.as_mut() else {
        *root = Some(Node::leaf(rest, value, home));
        return Ok(());
    };
    loop {
        if let Some(fork) = fork(slot.here()?.kind, rest, &value, home) {
            *slot = fork;
            return Ok(());
        }
        match Node::unseal(slot)? {
            Kind::Leaf { value: old, .. } => {
                *old = value;
                return Ok(());
            }
            Kind::Extension { path, child, .. } => {
                rest = path.strip(rest).expect("a key that leaves the extension was forked off");
                slot = child;
            }
            Kind::Branch { children, value: old, .. } => {
                let Some((nibble, tail)) = rest.split_first() else {
                    *old = Some(value.into());
                    return Ok(());
                };
                match children.slot(*nibble)? {
                    Some(child) => {
                        rest = tail;
                        slot = child;
                    }
                    empty => {
                        *empty = Some(Node::leaf(tail, value, home));
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// What takes the place of a node if `key` leaves its path before the end: a branch for both.
fn fork(kind: &Kind, key: &[u8], value: &Held, home: &Home) -> Option<Arc<Node>> {
    match kind {
        Kind::Leaf { path, value: old } if !path.is(key) => {
            let mut fork = Fork::at(path, key, home);
            fork.put_value(old.clone());
            Some(fork.finish(value.clone()))
        }
        Kind::Extension { path, child, .. } if path.strip(key).is_none() => {
            let mut fork = Fork::at(path, key, home);
            fork.put_child(Arc::clone(child));
            Some(fork.finish(value.clone()))
        }
        _ => None,
    }
}

/// A branch in the making, where a key leaves a path.
struct Fork<'a> {
    children: Children,
    value: Option<Held>,
    shared: &'a [u8],
    /// The nibbles of the key from the branch on,
    key: &'a [u8],
    /// and those of the path.
    path: Vec<u8>,
    home: &'a Home,
}

impl<'a> Fork<'a> {
    fn at(path: &Path, key: &'a [u8], home: &'a Home) -> Self {
        let shared = path.nibbles().zip(key).take_while(|(old, new)| old == *new).count();
        let (shared, key) = key.split_at(shared);
        let path = path.nibbles().skip(shared.len()).collect();
        Self { children: Children::default(), value: None, shared, key, path, home }
    }

    /// Puts what the path leads to, if that is a value.
    fn put_value(&mut self, value: Held) {
        match self.path.split_first() {
            None => self.value = Some(value),
            Some((first, rest)) => self.children.put(*first, Node::leaf(rest, value, self.home)),
        }
    }

    /// Puts what the path leads to, if that is a node.
    fn put_child(&mut self, child: Arc<Node>) {
        let (first, rest) =
            self.path.split_first().expect("the key left the extension inside of it");
        let child = if rest.is_empty() { child } else { Node::extension(rest, child, self.home) };
        self.children.put(*first, child);
    }

    /// Puts the value of the key.
    fn finish(mut self, value: Held) -> Arc<Node> {
        match self.key.split_first() {
            None => self.value = Some(value),
            Some((first, rest)) => self.children.put(*first, Node::leaf(rest, value, self.home)),
        }
        let branch = Node::new(Kind::branch(self.children, self.value), self.home);
        if self.shared.is_empty() {
            branch
        } else {
            Node::extension(self.shared, branch, self.home)
        }
    }
}

/// Takes `key` and its value out. Does nothing if it is not there.
pub(crate) fn remove(
    root: &mut Option<Arc<Node>>,
    key: &[u8],
    home: &Home,
) -> Result<(), Unavailable> {
    let Some(slot) = root else { return Ok(()) };
    let mut visited = Vec::new();
    if find(slot, key, |here| visited.push(here.kind))?.is_none() {
        return Ok(());
    }
    let nibbles = nibbles::split(key);
    match Removal::plan(&visited, &nibbles, home)? {
        None => *root = None,
        Some(removal) => removal.run(slot, &nibbles)?,
    }
    Ok(())
}

/// One removal: how deep the one node stands that changes its shape, and how it changes.
struct Removal {
    depth: usize,
    edit: Edit,
}

enum Edit {
    DropValue,
    DropChild(u8),
    Replace(Arc<Node>),
}

impl Removal {
    /// Plans the removal of the key that ends at the last of `visited`, the nodes from the root on.
    /// `None` if nothing of the trie is left.
    fn plan(visited: &[&Kind], key: &[u8], home: &Home) -> Result<Option<Self>, Unavailable> {
        let Some((last, above)) = visited.split_last() else { return Ok(None) };
        let (branch, above, gone) = match last {
            Kind::Leaf { path, .. } => {
                let Some((parent, above)) = above.split_last() else { return Ok(None) };
                (parent, above, key.iter().rev().nth(path.count()).copied())
            }
            Kind::Branch { .. } | Kind::Extension { .. } => (last, above, None),
        };
        let Kind::Branch { children, value, .. } = branch else { return Err(misshapen()) };
        let value = if gone.is_some() { value.as_deref() } else { None };
        let mut children = children.iter().filter(|(nibble, _)| gone != Some(*nibble));
        let (mut run, squashed) = match above.split_last() {
            Some((Kind::Extension { path, .. }, above)) => (path.nibbles().collect(), above.len()),
            _ => (Vec::new(), above.len()),
        };
        Ok(Some(match (value, children.next(), children.next()) {
            (Some(value), None, _) => {
                Self { depth: squashed, edit: Edit::Replace(Node::leaf(&run, value.clone(), home)) }
            }
            (None, Some((nibble, child)), None) => {
                run.push(nibble);
                Self { depth: squashed, edit: Edit::Replace(merge(run, child, home)?) }
            }
            _ => Self { depth: above.len(), edit: gone.map_or(Edit::DropValue, Edit::DropChild) },
        }))
    }

    fn run(self, root: &mut Arc<Node>, key: &[u8]) -> Result<(), Unavailable> {
        let mut slot = root;
        let mut rest = key;
        for _ in 0..self.depth {
            slot = match Node::unseal(slot)? {
                Kind::Leaf { .. } => return Err(misshapen()),
                Kind::Extension { path, child, .. } => {
                    rest = path.strip(rest).expect("the lookup came this way");
                    child
                }
                Kind::Branch { children, .. } => {
                    let (nibble, tail) = rest.split_first().expect("the lookup came this way");
                    rest = tail;
                    children.slot(*nibble)?.as_mut().expect("the lookup came this way")
                }
            };
        }
        match (self.edit, Node::unseal(slot)?) {
            (Edit::Replace(node), _) => *slot = node,
            (Edit::DropValue, Kind::Branch { value, .. }) => *value = None,
            (Edit::DropChild(nibble), Kind::Branch { children, .. }) => {
                *children.slot(nibble)? = None;
            }
            _ => return Err(misshapen()),
        }
        Ok(())
    }
}

/// A store can hold what hashes rightly and is no trie of NEAR's all the same.
fn misshapen() -> Unavailable {
    Unavailable::new("a leaf or an extension of the stored trie has no branch beside it")
}

/// Makes one node of a run of nibbles and the node at its end.
fn merge(mut run: Vec<u8>, node: &Arc<Node>, home: &Home) -> Result<Arc<Node>, Unavailable> {
    Ok(match node.here()?.kind {
        Kind::Branch { .. } => Node::extension(&run, Arc::clone(node), home),
        Kind::Leaf { path, value } => {
            run.extend(path.nibbles());
            Node::leaf(&run, value.clone(), home)
        }
        Kind::Extension { path, child, .. } => {
            run.extend(path.nibbles());
            Node::extension(&run, Arc::clone(child), home)
        }
    })
}
