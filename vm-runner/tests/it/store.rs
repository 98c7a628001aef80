//! Compiled modules outlive the process in a store, and nothing that happens to it there changes
//! what a call does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fixtures::Rng;
use vm_runner::{
    ArtifactKey, ArtifactStore, DiskStore, Finished, ModuleCache, Runner, StoreStats, VmKind,
};

use crate::cache::{Counted, counted};
use crate::toy::{Toy, config, toy};

/// Modules of every kind that a store keeps.
const MODULES: [&str; 6] = [
    // Runs.
    r#"(module (import "env" "note" (func $note (param i64))) (memory 1) (data (i32.const 0) "\2a")
        (func $start (call $note (i64.const 1))) (start $start)
        (func (export "main") (call $note (i64.load8_u (i32.const 0))))
        (func (export "other") (param i32)))"#,
    // Is compiled in both forms.
    r#"(module (func (export "main") (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#,
    // Does not have the method.
    r#"(module (func (export "else")))"#,
    // Cannot be prepared, and cannot be linked.
    r#"(module (import "env" "memory" (memory 1)))"#,
    r#"(module (import "env" "nothing" (func)) (func (export "main")))"#,
    r#"(module (import "env" "note" (func (param i32))) (func (export "main")))"#,
];

const AMPLE: usize = 64 << 20;

/// A runner that has nothing in memory.
fn runner(vm: VmKind, store: &Arc<dyn ArtifactStore>) -> Runner<Toy> {
    let cache = Arc::new(ModuleCache::new(AMPLE));
    Runner::with_store(vm.vm(), cache, Arc::new(config()), Arc::clone(store))
}

fn open(directory: &Path) -> Arc<dyn ArtifactStore> {
    Arc::new(DiskStore::open(directory, 1 << 30).unwrap())
}

/// What a call gives, as a fresh runner on `store` has it, and what came of the store. Afterwards
/// all is written that will be.
fn call(vm: VmKind, store: &Arc<dyn ArtifactStore>, code: &Counted) -> (String, StoreStats) {
    let runner = runner(vm, store);
    let told = told(&runner.run(code, "main", toy(100_000)).unwrap());
    runner.wait_for_background();
    (told, runner.store_stats())
}

fn told(finished: &Finished<Toy>) -> String {
    let Toy { gas, notes } = &finished.host;
    format!("{:?} {notes:?} {:?} {:?}", finished.end, gas.burnt(), gas.remaining())
}

fn expected(vm: VmKind, wat: &str) -> String {
    let none: Arc<dyn ArtifactStore> = Arc::new(Unreliable::default());
    call(vm, &none, &counted(wat)).0
}

#[test]
fn a_stored_module_is_not_compiled_again_and_does_the_same() {
    for vm in VmKind::ALL {
        for wat in MODULES {
            let directory = tempfile::tempdir().unwrap();
            let (first, second) = (counted(wat), counted(wat));
            let (end, stats) = call(*vm, &open(directory.path()), &first);
            let forms = u64::try_from(first.reads()).unwrap();
            let new = StoreStats { missing: forms, written: forms, ..StoreStats::default() };
            assert_eq!((&end, stats), (&expected(*vm, wat), new), "{wat}");
            let (again, stats) = call(*vm, &open(directory.path()), &second);
            let kept = StoreStats { loaded: forms, ..StoreStats::default() };
            assert_eq!((again, stats, second.reads()), (end, kept, 0), "{wat}");
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Does `damage` to what is stored of each module. It is compiled anew, does the same, and is then
/// in the store again, whole.
fn damaged(damage: impl Fn(&Path)) {
    for vm in VmKind::ALL {
        for wat in MODULES {
            let directory = tempfile::tempdir().unwrap();
            let (end, _) = call(*vm, &open(directory.path()), &counted(wat));
            for file in files(directory.path()) {
                damage(&file);
            }
            let code = counted(wat);
            let (again, stats) = call(*vm, &open(directory.path()), &code);
            let forms = u64::try_from(code.reads()).unwrap();
            assert_eq!((&again, stats.loaded, stats.written), (&end, 0, forms), "{wat}");
            let (again, stats) = call(*vm, &open(directory.path()), &counted(wat));
            assert_eq!((again, stats.loaded), (end, forms), "{wat}");
        }
    }
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    change(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn files_that_are_gone_or_empty() {
    damaged(|file| std::fs::remove_file(file).unwrap());
    damaged(|file| change(file, Vec::clear));
}

#[test]
fn files_that_are_cut_short_or_go_on() {
    damaged(|file| change(file, |bytes| bytes.truncate(bytes.len() - 1)));
    damaged(|file| change(file, |bytes| bytes.truncate(bytes.len() / 2)));
    damaged(|file| change(file, |bytes| bytes.truncate(8)));
    damaged(|file| change(file, |bytes| bytes.push(0)));
}

#[test]
fn files_of_something_else() {
    damaged(|file| change(file, |bytes| bytes.fill(0)));
    damaged(|file| std::fs::write(file, "\x7fELF, or another text").unwrap());
}

#[test]
fn files_with_one_bit_flipped() {
    let mut rng = Rng::new(8);
    for vm in VmKind::ALL {
        for wat in MODULES {
            let directory = tempfile::tempdir().unwrap();
            let (end, _) = call(*vm, &open(directory.path()), &counted(wat));
            for _ in 0..30 {
                for file in files(directory.path()) {
                    change(&file, |bytes| {
                        let at = rng.index(bytes.len());
                        bytes[at] ^= 1 << rng.small(8);
                    });
                }
                let (again, stats) = call(*vm, &open(directory.path()), &counted(wat));
                assert_eq!((&again, stats.loaded), (&end, 0), "{wat}");
            }
        }
    }
}

/// A file under the name of another module must not be taken for it.
#[test]
fn files_that_changed_places() {
    for vm in VmKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let wats = [r#"(module (func (export "main")))"#, MODULES[0], MODULES[3]];
        let ends = wats.map(|wat| call(*vm, &open(directory.path()), &counted(wat)).0);
        let files = files(directory.path());
        let contents: Vec<Vec<u8>> =
            files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        for (file, other) in files.iter().zip(contents.iter().cycle().skip(1)) {
            std::fs::write(file, other).unwrap();
        }
        for (wat, end) in wats.iter().zip(ends) {
            let (again, stats) = call(*vm, &open(directory.path()), &counted(wat));
            assert_eq!((again, stats.loaded, stats.unusable), (end, 0, 1), "{wat}");
        }
    }
}

#[test]
fn a_directory_that_is_removed_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/down");
    let store = open(&path);
    for _ in 0..2 {
        std::fs::remove_dir_all(&path).unwrap();
        let (_, stats) = call(VmKind::ALL[0], &store, &counted(MODULES[0]));
        assert_eq!((stats.missing, stats.written, stats.failed), (1, 1, 0));
    }
}

#[test]
fn a_directory_that_cannot_be_read_or_written_costs_compiling_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    for vm in VmKind::ALL {
        for wat in MODULES {
            let store = open(&path);
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::write(&path, "a file").unwrap();
            let (end, stats) = call(*vm, &store, &counted(wat));
            assert_eq!(end, expected(*vm, wat));
            assert!(stats.failed >= 2 && stats.loaded + stats.written == 0, "{stats:?}");
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_everybody_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let open = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(directory.path(), permissions).unwrap();
        DiskStore::open(directory.path(), 1).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(open(0o777), Err(io::ErrorKind::PermissionDenied));
    assert_eq!(open(0o775), Ok(()));
}

#[test]
fn the_oldest_files_give_way_and_those_of_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("notes.txt");
    std::fs::write(&other, vec![0; 100_000]).unwrap();
    let vm = VmKind::ALL[0];
    call(vm, &open(directory.path()), &counted(MODULES[0]));
    let one = files(directory.path())
        .iter()
        .filter(|file| **file != other)
        .fold(0, |size, file| size + std::fs::metadata(file).unwrap().len());
    let max_bytes = 10 * one;
    let store: Arc<dyn ArtifactStore> =
        Arc::new(DiskStore::open(directory.path(), max_bytes).unwrap());
    let wats: Vec<String> = (0..40)
        .map(|number| MODULES[0].replace("i64.const 1", &format!("i64.const {number}")))
        .collect();
    for wat in &wats {
        call(vm, &store, &counted(wat));
        let size = files(directory.path())
            .iter()
            .filter(|file| **file != other)
            .fold(0, |size, file| size + std::fs::metadata(file).unwrap().len());
        assert!(size <= max_bytes, "{size} of {max_bytes}");
    }
    let loaded = |wat: &String| call(vm, &store, &counted(wat)).1.loaded;
    assert_eq!((loaded(&wats[39]), loaded(&wats[38]), loaded(&wats[0])), (1, 1, 0));
    assert_eq!(std::fs::read(&other).unwrap().len(), 100_000);
}

/// Several processes may share a directory: here each thread has a store of its own.
#[test]
fn stores_that_share_a_directory_do_not_hurt_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let expected = MODULES.map(|wat| expected(VmKind::ALL[0], wat));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (path, expected) = (directory.path(), &expected);
            scope.spawn(move || {
                // So small that they remove each other's files all the time.
                let store = DiskStore::open(path, 15_000 + thread).unwrap();
                let store: Arc<dyn ArtifactStore> = Arc::new(store);
                for _ in 0..20 {
                    for (wat, expected) in MODULES.iter().zip(expected) {
                        let (end, stats) = call(VmKind::ALL[0], &store, &counted(wat));
                        assert_eq!((&end, stats.unusable), (expected, 0));
                    }
                }
            });
        }
    });
}

/// What an embedder might do in place of a directory: it keeps entries, and is broken in turn.
#[derive(Default)]
struct Unreliable {
    entries: Mutex<BTreeMap<[u8; 32], Vec<u8>>>,
    calls: Mutex<u64>,
}

impl ArtifactStore for Unreliable {
    fn get(&self, key: &ArtifactKey) -> io::Result<Option<Vec<u8>>> {
        let mut calls = self.calls.lock().unwrap();
        *calls = calls.wrapping_add(1);
        let entries = self.entries.lock().unwrap();
        match *calls % 3 {
            0 => Err(io::Error::other("no connection")),
            // Any entry.
            1 => Ok(entries.values().next().cloned()),
            _ => Ok(entries.get(&key.digest()).cloned()),
        }
    }

    fn put(&self, key: &ArtifactKey, bytes: &[u8]) -> io::Result<()> {
        self.entries.lock().unwrap().insert(key.digest(), bytes.to_vec());
        Ok(())
    }
}

#[test]
fn a_store_that_is_broken_in_turn_changes_nothing() {
    for vm in VmKind::ALL {
        let store: Arc<dyn ArtifactStore> = Arc::new(Unreliable::default());
        let mut loaded = 0;
        for _ in 0..6 {
            for wat in MODULES {
                let (end, stats) = call(*vm, &store, &counted(wat));
                assert_eq!(end, expected(*vm, wat));
                loaded += stats.loaded;
            }
        }
        assert!(loaded > 0);
    }
}

/// What loading costs is decided by the wasm, not by where the module came from.
#[test]
fn loading_costs_the_same_from_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let burnt = || {
        let cache = Arc::new(ModuleCache::new(AMPLE));
        let config = Arc::new(crate::toy::with_loading());
        let runner = Runner::with_store(VmKind::ALL[0].vm(), cache, config, open(directory.path()));
        let finished = runner.run(&counted(MODULES[0]), "main", toy(100_000)).unwrap();
        runner.wait_for_background();
        (finished.host.gas.burnt(), runner.store_stats().loaded)
    };
    let (cold, stored) = (burnt(), burnt());
    assert_eq!((cold.0, cold.1, stored.1), (stored.0, 0, 1));
}
