//! What is measured, each of the trie and of the map.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use fixtures::Rng;
use fixtures::memory::peak;
use sandbox_state::{ChangeSet, Key, Overlay, Snapshot, Value};
use sha2::Digest;

use crate::store::Shelf;

type Map = BTreeMap<Key, Value>;

/// Writes of a block.
const BLOCK: u64 = 1_000;
/// Reads that are timed together.
const READS: u64 = 20_000;

/// A figure of the trie, and the same of the map if it does such a thing.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    own: f64,
    peer: Option<f64>,
    unit: &'static str,
}

impl Row {
    pub(crate) fn figure(&self) -> String {
        if self.unit == "ns" && self.own >= 10_000.0 {
            return format!("{:.0} µs", self.own / 1_000.0);
        }
        format!("{:.0} {}", self.own, self.unit)
    }

    pub(crate) fn ratio(&self) -> String {
        let Some(peer) = self.peer else { return "–".to_owned() };
        let ratio = self.own / peer;
        if ratio < 0.01 { "below 0.01 times".to_owned() } else { format!("{ratio:.2} times") }
    }
}

fn key(number: u64) -> Key {
    // As contract data: a column, an account, a separator, and what an SDK's map hashes.
    [b"\x09app.near,".as_slice(), &Rng::new(number).next().to_be_bytes()].concat().into()
}

fn value(number: u64) -> Value {
    [number.to_le_bytes(); 2].concat().into()
}

/// Keys of a state of so many.
fn some_keys(keys: u64, seed: u64, count: u64) -> Vec<Key> {
    let mut random = Rng::new(seed);
    (0..count).map(|_| key(random.below(keys))).collect()
}

/// The block with this seed: writes to keys that are there.
fn block(keys: u64, seed: u64, writes: u64) -> ChangeSet {
    some_keys(keys, seed, writes).into_iter().map(|key| (key, Some(value(seed)))).collect()
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// The shortest of some rounds, in nanoseconds for each of `count`.
fn least(rounds: u64, count: u64, mut work: impl FnMut(u64) -> Duration) -> f64 {
    let least = (0..rounds).map(&mut work).min().unwrap();
    least.as_secs_f64() * 1e9 / count as f64
}

fn read<T>(keys: &[Key], get: impl Fn(&Key) -> Option<T>) -> Duration {
    time(|| keys.iter().for_each(|key| assert!(black_box(get(key)).is_some()))).0
}

fn put(map: &mut Map, changes: &ChangeSet) {
    for (key, value) in changes.iter() {
        map.insert(Key::clone(key), Value::clone(value.unwrap()));
    }
}

/// All rows for a state of so many keys.
pub(crate) fn all(keys: u64, rounds: u64) -> Vec<Row> {
    let genesis: Vec<(Key, Value)> = (0..keys).map(|number| (key(number), value(number))).collect();
    let (state, own_bytes) = peak(|| genesis.iter().cloned().collect::<Snapshot>());
    let (mut map, map_bytes) = peak(|| genesis.iter().cloned().collect::<Map>());
    drop(genesis);
    let mut rows = Vec::new();
    let mut row = |name, own, peer, unit| rows.push(Row { name, own, peer, unit });

    let probes = some_keys(keys, 1, READS);
    row(
        "get",
        least(rounds, READS, |_| read(&probes, |key| state.read(key).unwrap())),
        Some(least(rounds, READS, |_| read(&probes, |key| map.get(key)))),
        "ns",
    );
    let insert = least(rounds, BLOCK, |seed| {
        let changes = block(keys, seed, BLOCK);
        time(|| put(&mut map, &changes)).0
    });
    row(
        "write into a block's overlay, in blocks of 1,000",
        least(rounds, BLOCK, |seed| {
            let changes = block(keys, seed, BLOCK);
            let mut overlay = Overlay::new(state.clone());
            time(|| {
                for (key, value) in changes.iter() {
                    overlay.set(Key::clone(key), Value::clone(value.unwrap()));
                }
            })
            .0
        }),
        Some(insert),
        "ns",
    );
    row(
        "write into the state with its root, in blocks of 1,000",
        least(rounds, BLOCK, |seed| {
            let changes = block(keys, seed, BLOCK);
            time(|| state.apply(&changes).unwrap()).0
        }),
        Some(insert),
        "ns",
    );
    row(
        "write into the state with its root, in a block of its own",
        least(rounds * 20, 1, |seed| {
            let changes = block(keys, seed, 1);
            time(|| state.apply(&changes).unwrap()).0
        }),
        None,
        "ns",
    );
    row(
        "snapshot",
        least(rounds * 20, 1, |_| time(|| black_box(state.clone())).0),
        Some(least(rounds.min(3), 1, |_| time(|| black_box(map.clone())).0)),
        "ns",
    );
    row(
        "revert of a block of 10 writes",
        least(rounds * 20, 1, |seed| {
            let mut head = state.apply(&block(keys, seed, 10)).unwrap();
            time(|| head = state.clone()).0
        }),
        None,
        "ns",
    );
    let each = |bytes: usize| bytes as f64 / keys as f64;
    row(
        "memory for each key, beside key and value",
        each(own_bytes),
        Some(each(map_bytes)),
        "bytes",
    );
    drop(map);
    rows.extend(stored(state, keys, rounds));
    rows
}

/// The rows of a state that is in a store.
fn stored(state: Snapshot, keys: u64, rounds: u64) -> [Row; 3] {
    let row = |name, own| Row { name, own, peer: None, unit: "ns" };
    let after = state.apply(&block(keys, 1, BLOCK)).unwrap();
    let difference = least(rounds, BLOCK, |_| time(|| after.difference(&state, |_| {}).unwrap()).0);
    let (storage, root) = (Shelf::with(&state), state.root());
    drop((state, after));
    let probes = some_keys(keys, 1, READS);
    let get = |state: &Snapshot| read(&probes, |key| state.read(key).unwrap());
    let first = least(rounds.min(3), READS, |_| get(&Snapshot::stored(root, &storage)));
    let stored = Snapshot::stored(root, &storage);
    get(&stored);
    let again = least(rounds, READS, |_| get(&stored));
    [
        row("difference of a block of 1,000 writes, for each", difference),
        row("get from a store, the first 20,000 with nothing in memory", first),
        row("get from a store, the same again", again),
    ]
}

/// Megabytes in a second that go into an empty state, in values of some length, and through the hash
/// function alone, which each value passes once.
pub(crate) fn load(megabytes: u64, length: u64) -> [f64; 2] {
    let bytes = megabytes * 1_000_000;
    let filler = vec![7; usize::try_from(length).unwrap()];
    let genesis: ChangeSet = (0..bytes.div_ceil(length))
        .map(|number| {
            let mut value = filler.clone();
            value[..8].copy_from_slice(&number.to_le_bytes());
            (key(number), Some(value.into()))
        })
        .collect();
    let rate = |took: Duration| bytes as f64 / 1e6 / took.as_secs_f64();
    let own = time(|| Snapshot::empty().apply(&genesis).unwrap()).0;
    let hashes = time(|| {
        for (_, value) in genesis.iter() {
            black_box(sha2::Sha256::digest(value.unwrap()));
        }
    });
    [rate(own), rate(hashes.0)]
}
