//! The Merkle-Patricia trie over shared nodes: lookup, insertion and removal by copying the path.
//! Knows nothing of snapshots, pending writes or gas; it shows its steps to whoever counts them.
//!
//! The trie of a set of records is unique: the shape, and so the root, does not depend on the order
//! of insertions and removals. Three rules make it so. A branch has at least two of its seventeen
//! entries. An extension is never empty, and its child is a branch. A leaf takes all the nibbles that
//! nobody shares with it.

use std::sync::Arc;

use crate::nibbles::{self, Path};
use crate::node::{Children, Kind, Node, Stored};

/// Looks `key` up, and shows each node on the way to `visit`, the last one also if it does not match.
pub(crate) fn find<'trie>(
    root: &'trie Node,
    key: &[u8],
    mut visit: impl FnMut(&'trie Node),
) -> Option<&'trie Stored> {
    let nibbles = nibbles::split(key);
    let mut rest = nibbles.as_slice();
    let mut node = root;
    loop {
        visit(node);
        match &node.kind {
            Kind::Leaf { path, value } => return path.is(rest).then_some(value),
            Kind::Extension { path, child } => {
                rest = path.strip(rest)?;
                node = child;
            }
            Kind::Branch { children, value } => match rest.split_first() {
                None => return value.as_ref(),
                Some((nibble, tail)) => {
                    node = children[usize::from(*nibble)].as_deref()?;
                    rest = tail;
                }
            },
        }
    }
}

/// Puts `value` at `key`, in place of what was there.
pub(crate) fn insert(root: &mut Option<Arc<Node>>, key: &[u8], value: Stored) {
    insert_at(root, &nibbles::split(key), value);
}

/// Puts `value` into the trie below a node, at the key whose other nibbles are `rest`.
pub(crate) fn insert_at(root: &mut Option<Arc<Node>>, mut rest: &[u8], value: Stored) {
    let Some(mut slot) = root.as_mut() else {
        *root = Some(Node::leaf(rest, value));
        return;
    };
    loop {
        if let Some(fork) = fork(slot, rest, &value) {
            *slot = fork;
            return;
        }
        match Node::unseal(slot) {
            Kind::Leaf { value: old, .. } => {
                *old = value;
                return;
            }
            Kind::Extension { path, child } => {
                rest = path.strip(rest).expect("a key that leaves the extension was forked off");
                slot = child;
            }
            Kind::Branch { children, value: old } => {
                let Some((nibble, tail)) = rest.split_first() else {
                    *old = Some(value);
                    return;
                };
                match &mut children[usize::from(*nibble)] {
                    Some(child) => {
                        rest = tail;
                        slot = child;
                    }
                    empty => {
                        *empty = Some(Node::leaf(tail, value));
                        return;
                    }
                }
            }
        }
    }
}

/// What takes the place of `node` if `key` leaves its path before the end: a branch for both.
fn fork(node: &Node, key: &[u8], value: &Stored) -> Option<Arc<Node>> {
    match &node.kind {
        Kind::Leaf { path, value: old } if !path.is(key) => {
            let old = old.clone();
            Some(Fork::make(path, key, value.clone(), |fork, path| fork.put_value(path, old)))
        }
        Kind::Extension { path, child } if path.strip(key).is_none() => {
            let child = Arc::clone(child);
            Some(Fork::make(path, key, value.clone(), |fork, path| fork.put_child(path, child)))
        }
        _ => None,
    }
}

/// A branch in the making.
struct Fork {
    children: Box<Children>,
    value: Option<Stored>,
}

impl Fork {
    /// Makes the branch for `key` and `value` on one side, and what `put` adds on the other, given
    /// the nibbles of `path` from the branch on.
    fn make(
        path: &Path,
        key: &[u8],
        value: Stored,
        put: impl FnOnce(&mut Self, &[u8]),
    ) -> Arc<Node> {
        let shared = path.nibbles().zip(key).take_while(|(old, new)| old == *new).count();
        let (shared, key) = key.split_at(shared);
        let path: Vec<u8> = path.nibbles().skip(shared.len()).collect();
        let mut fork = Self { children: Box::default(), value: None };
        fork.put_value(key, value);
        put(&mut fork, &path);
        let branch = Node::new(Kind::Branch { children: fork.children, value: fork.value });
        if shared.is_empty() { branch } else { Node::extension(shared, branch) }
    }

    fn put_value(&mut self, nibbles: &[u8], value: Stored) {
        match nibbles.split_first() {
            None => self.value = Some(value),
            Some((first, rest)) => {
                self.children[usize::from(*first)] = Some(Node::leaf(rest, value));
            }
        }
    }

    fn put_child(&mut self, nibbles: &[u8], child: Arc<Node>) {
        let (first, rest) = nibbles.split_first().expect("the key left the extension inside of it");
        let child = if rest.is_empty() { child } else { Node::extension(rest, child) };
        self.children[usize::from(*first)] = Some(child);
    }
}

/// Takes `key` and its value out. Does nothing if it is not there.
pub(crate) fn remove(root: &mut Option<Arc<Node>>, key: &[u8]) {
    let Some(slot) = root else { return };
    let mut visited = Vec::new();
    if find(slot, key, |node| visited.push(node)).is_none() {
        return;
    }
    let nibbles = nibbles::split(key);
    match Removal::plan(&visited, &nibbles) {
        None => *root = None,
        Some(removal) => removal.run(slot, &nibbles),
    }
}

/// One removal: how deep the one node stands that changes its shape, and how it changes.
struct Removal {
    depth: usize,
    edit: Edit,
}

enum Edit {
    DropValue,
    DropChild(usize),
    Replace(Arc<Node>),
}

impl Removal {
    /// Plans the removal of the key that ends at the last of `visited`, the nodes from the root on.
    /// `None` if nothing of the trie is left.
    fn plan(visited: &[&Node], key: &[u8]) -> Option<Self> {
        let (last, above) = visited.split_last()?;
        let (branch, above, gone) = match &last.kind {
            Kind::Leaf { path, .. } => {
                let (parent, above) = above.split_last()?;
                let nibble = key.iter().rev().nth(path.nibbles().count());
                (parent, above, nibble.map(|nibble| usize::from(*nibble)))
            }
            Kind::Branch { .. } | Kind::Extension { .. } => (last, above, None),
        };
        let Kind::Branch { children, value } = &branch.kind else {
            unreachable!("only a branch stands above a leaf, or has a value and is no leaf");
        };
        let value = if gone.is_some() { value.as_ref() } else { None };
        let mut children = children
            .iter()
            .zip(0u8..16)
            .filter_map(|(child, nibble)| Some((child.as_ref()?, nibble)))
            .filter(|(_, nibble)| gone != Some(usize::from(*nibble)));
        let (mut run, squashed) = match above.split_last() {
            Some((Node { kind: Kind::Extension { path, .. }, .. }, above)) => {
                (path.nibbles().collect(), above.len())
            }
            _ => (Vec::new(), above.len()),
        };
        Some(match (value, children.next(), children.next()) {
            (Some(value), None, _) => {
                Self { depth: squashed, edit: Edit::Replace(Node::leaf(&run, value.clone())) }
            }
            (None, Some((child, nibble)), None) => {
                run.push(nibble);
                Self { depth: squashed, edit: Edit::Replace(merge(run, child)) }
            }
            _ => Self { depth: above.len(), edit: gone.map_or(Edit::DropValue, Edit::DropChild) },
        })
    }

    fn run(self, root: &mut Arc<Node>, key: &[u8]) {
        let mut slot = root;
        let mut rest = key;
        for _ in 0..self.depth {
            slot = match Node::unseal(slot) {
                Kind::Leaf { .. } => unreachable!("the plan ends at a branch or above one"),
                Kind::Extension { path, child } => {
                    rest = path.strip(rest).expect("the lookup came this way");
                    child
                }
                Kind::Branch { children, .. } => {
                    let (nibble, tail) = rest.split_first().expect("the lookup came this way");
                    rest = tail;
                    children[usize::from(*nibble)].as_mut().expect("the lookup came this way")
                }
            };
        }
        match (self.edit, Node::unseal(slot)) {
            (Edit::Replace(node), _) => *slot = node,
            (Edit::DropValue, Kind::Branch { value, .. }) => *value = None,
            (Edit::DropChild(index), Kind::Branch { children, .. }) => children[index] = None,
            _ => unreachable!("only branches lose an entry"),
        }
    }
}

/// Makes one node of a run of nibbles and the node at its end.
fn merge(mut run: Vec<u8>, node: &Arc<Node>) -> Arc<Node> {
    match &node.kind {
        Kind::Branch { .. } => Node::extension(&run, Arc::clone(node)),
        Kind::Leaf { path, value } => {
            run.extend(path.nibbles());
            Node::leaf(&run, value.clone())
        }
        Kind::Extension { path, child } => {
            run.extend(path.nibbles());
            Node::extension(&run, Arc::clone(child))
        }
    }
}
