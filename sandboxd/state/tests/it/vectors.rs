//! Roots and nodes that another program computed: `tests/vectors/make.py`.

use sandbox_state::{ChangeSet, Key, Snapshot, Value};

use crate::shelf::Shelf;

const VECTORS: &str = include_str!("../vectors/vectors.txt");

#[derive(Default)]
struct Vector<'a> {
    name: &'a str,
    records: Vec<(Key, Value)>,
    nodes: Vec<Vec<u8>>,
    root: &'a str,
    memory_usage: u64,
}

fn vectors() -> Vec<Vector<'static>> {
    let mut vectors: Vec<Vector<'_>> = Vec::new();
    for line in VECTORS.lines() {
        let (kind, rest) = line.split_once(' ').unwrap();
        if kind == "state" {
            vectors.push(Vector { name: rest, ..Vector::default() });
            continue;
        }
        let vector = vectors.last_mut().unwrap();
        match (kind, rest.split_once(' ')) {
            ("record", Some((key, value))) => {
                vector.records.push((bytes(key).into(), bytes(value).into()));
            }
            ("node", None) => vector.nodes.push(bytes(rest)),
            ("root", Some((root, usage))) => {
                (vector.root, vector.memory_usage) = (root, usage.parse().unwrap());
            }
            _ => panic!("{line}"),
        }
    }
    vectors
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn states_have_the_roots_and_nodes_that_another_program_computed() {
    let mut nodes = 0;
    for Vector { name, records, nodes: expected, root, memory_usage } in vectors() {
        let one_by_one: Snapshot = records.iter().cloned().collect();
        let at_once: ChangeSet =
            records.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let at_once = Snapshot::empty().apply(&at_once).unwrap();
        let (shelf, storage) = Shelf::new();
        shelf.replace(&Snapshot::empty(), &at_once).unwrap();
        let stored = Snapshot::stored(at_once.root(), &storage);
        for state in [one_by_one, at_once, stored] {
            assert_eq!(state.root().to_string(), root, "{name}");
            assert_eq!(state.memory_usage(), Ok(memory_usage), "{name}");
            if !expected.is_empty() {
                let proof = state.prove_prefix(b"").unwrap();
                assert!(proof.nodes().iter().map(|node| &**node).eq(&expected), "{name}");
                nodes += expected.len();
            }
        }
    }
    assert_eq!(nodes, 3 * VECTORS.matches("\nnode ").count());
}
