//! State on disk, as a chain with a folder has it (`RocksDB`): what a read and a write take, by calls, by nodes
//! on the way, and by bytes of the value. *Cold* is a database that was just opened, *warm* one that has what is
//! wanted in its own cache. The kernel has all of it in either case; what a disk takes for a byte is one of the
//! [constants](crate::constants).
//!
//! A node is fetched once for all calls that come by it, so that nodes are counted over all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow};
use sandbox_state::{ChangeSet, Snapshot, SnapshotBuilder};
use sandboxd::store::StateFolder;
use tempfile::TempDir;

use crate::case::{Case, Prepared, Size, Units, grid};
use crate::rng::Rng;

/// What is in the database's cache when it is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cache {
    Cold,
    Warm,
}

/// How deep a record lies, and how long its value is.
type Shape = (u64, u64);

/// Each level is a branch and an extension. A page has 8 KiB at least, so that values are longer, or much
/// shorter.
const SHAPES: &[Shape] = &[(1, 8), (4, 8), (8, 8), (2, 24_000), (2, 80_000)];
const CALLS: &[u64] = &[2, 8];

/// Other records, so many that two nodes are seldom on one page. Their nodes and values are long, which makes
/// as many pages of few records.
const FILL: u64 = 16_000;
const FILL_KEY: usize = 1_000;
const FILL_VALUE: usize = 500;

pub(super) fn cases() -> Vec<Case> {
    let template = Arc::new(Template::default());
    [Cache::Cold, Cache::Warm]
        .into_iter()
        .flat_map(|cache| [read(&template, cache), write(&template, cache)])
        .collect()
}

impl Cache {
    fn name(self) -> &'static str {
        match self {
            Cache::Cold => "cold",
            Cache::Warm => "warm",
        }
    }
}

/// A read, with all that is on the way to it.
fn read(template: &Arc<Template>, cache: Cache) -> Case {
    case(template, cache, "read", "fetched", |disk, keys, _| {
        let (before, state) = (disk.known.clone(), disk.stored());
        let nodes = nodes(&before, &keys)?;
        let run = move || {
            let found = keys.iter().map(|key| state.read(key)?.context("a record is missing"));
            let found = found.collect::<anyhow::Result<Vec<_>>>()?;
            Ok((state, disk, found))
        };
        Ok((nodes, Prepared::new(Units::new(), run)))
    })
}

/// A write in place of another value, with all that is on the way to it, up to the batch that is written.
fn write(template: &Arc<Template>, cache: Cache) -> Case {
    case(template, cache, "write", "written", |disk, keys, value| {
        let mut changes = ChangeSet::new();
        for (number, key) in (0..).zip(&keys) {
            changes.set(key.as_slice(), bytes(number ^ 0xabcd, value));
        }
        let nodes = nodes(&disk.known.apply(&changes)?, &keys)?;
        let before = disk.stored();
        let run = move || {
            let after = before.apply(&changes)?;
            disk.folder.replace(&before, &after).map_err(|error| anyhow!("{error}"))?;
            Ok((before, after, disk))
        };
        Ok((nodes, Prepared::new(Units::new(), run)))
    })
}

/// The nodes that are on the way, and the work.
type Made = (u64, Prepared);

#[track_caller]
fn case(
    template: &Arc<Template>,
    cache: Cache,
    what: &'static str,
    nodes: &str,
    make: impl Fn(Disk, Vec<Vec<u8>>, usize) -> anyhow::Result<Made> + Send + Sync + 'static,
) -> Case {
    let template = Arc::clone(template);
    let temperature = cache.name();
    let prices = [
        format!("wasm_storage_{what}_base/disk_{temperature}"),
        format!("wasm_touching_trie_node/{nodes}_{temperature}"),
        format!("wasm_storage_{what}_value_byte/disk_{temperature}"),
    ];
    let owned = prices.clone();
    let names: Vec<&str> = owned.iter().map(String::as_str).collect();
    let sizes = grid(CALLS, &(0..crate::count(SHAPES.len())).collect::<Vec<_>>());
    Case::new(format!("disk: {what}, {temperature}"), &names, sizes, move |size| {
        let Size { calls, each } = size;
        let (levels, value) = SHAPES[usize::try_from(each)?];
        let disk = template.opened()?;
        let keys: Vec<Vec<u8>> = (0..calls).map(|lane| key(each, lane, levels)).collect();
        if cache == Cache::Warm {
            for key in &keys {
                disk.stored().read(key)?;
            }
        }
        let (nodes, prepared) = make(disk, keys, usize::try_from(value)?)?;
        let counts = [calls, nodes, calls * value].map(crate::real);
        let units: Units = prices.iter().cloned().zip(counts).collect();
        Ok(prepared.worth(units))
    })
    .on_disk()
    .written_at(std::panic::Location::caller())
}

/// A record so many levels deep, of which each lane of each shape has one.
fn key(shape: u64, lane: u64, levels: u64) -> Vec<u8> {
    let number = Rng::new(shape << 32 | lane).next();
    let zeros = vec![0; usize::try_from(levels).unwrap_or_default()];
    [&number.to_be_bytes()[..4], &zeros].concat()
}

/// Bytes that cannot be compressed.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| rng.next().to_le_bytes())
        .take(length.div_ceil(8))
        .flatten()
        .collect();
    bytes.truncate(length);
    bytes
}

/// The nodes on the way to these records, each once.
fn nodes(state: &Snapshot, keys: &[Vec<u8>]) -> anyhow::Result<u64> {
    let mut nodes = BTreeSet::new();
    for key in keys {
        nodes.extend(state.prove(key)?.into_nodes());
    }
    Ok(crate::count(nodes.len()))
}

/// A folder with a state in it that is made once, when it is first needed.
#[derive(Default)]
struct Template(Mutex<Option<(TempDir, Snapshot)>>);

/// A copy of that folder, with nothing of it in memory.
struct Disk {
    folder: StateFolder,
    /// What is in it, as it is in memory.
    known: Snapshot,
    _files: TempDir,
}

impl Disk {
    /// The state, of which nothing is in memory.
    fn stored(&self) -> Snapshot {
        Snapshot::stored(self.known.root(), &self.folder.storage())
    }
}

impl Template {
    fn opened(&self) -> anyhow::Result<Disk> {
        let mut made = self.0.lock().map_err(|_| anyhow!("the state could not be made before"))?;
        if made.is_none() {
            *made = Some(template()?);
        }
        let (template, known) = made.as_ref().context("it was made")?;
        let files = tempfile::tempdir().context("cannot make a temporary folder")?;
        copy(template.path(), files.path())
            .with_context(|| format!("cannot copy {}", template.path().display()))?;
        let folder = StateFolder::open(files.path()).map_err(|error| anyhow!("{error}"))?;
        Ok(Disk { folder, known: known.clone(), _files: files })
    }
}

fn template() -> anyhow::Result<(TempDir, Snapshot)> {
    let mut state = SnapshotBuilder::new();
    for number in 0..FILL {
        state.set(&bytes(number, FILL_KEY), bytes(!number, FILL_VALUE));
    }
    for (shape, (levels, value)) in (0..).zip(SHAPES) {
        for lane in 0..CALLS.iter().copied().max().unwrap_or_default() {
            for level in 0..=*levels {
                let length = if level == *levels { usize::try_from(*value)? } else { 8 };
                let seed = shape << 32 | lane << 16 | level;
                state.set(&key(shape, lane, level), bytes(seed, length));
            }
        }
    }
    let state = state.finish();
    let files = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = StateFolder::open(files.path()).map_err(|error| anyhow!("{error}"))?;
    let written = folder.replace(&Snapshot::empty(), &state).and_then(|()| folder.settle());
    written.map_err(|error| anyhow!("{error}"))?;
    Ok((files, state))
}

/// Copies a folder. Files of the database's records are never changed, so that they are shared.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else if path.extension().is_some_and(|ending| ending == "sst") {
            fs::hard_link(&path, &copied)?;
        } else {
            fs::copy(&path, &copied)?;
        }
    }
    Ok(())
}
