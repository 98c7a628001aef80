//! Records that are not as they were written: every file of the database, with a byte that is another.

use std::fs;
use std::path::PathBuf;

use super::*;

/// The files of a database whose names end so, the largest first.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder.join("chain"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    files
}

/// Reads all of a chain, or says what is wrong.
fn read_all(folder: &Path) -> Result<Seen, String> {
    let sandbox = open(folder).map_err(|error| error.to_string())?;
    let chain = sandbox.chain();
    let oldest = chain.earliest();
    for block in std::iter::once(oldest).chain(chain.blocks_after(oldest.height())) {
        let state = chain.state_after(block).map_err(|error| error.to_string())?;
        for record in state.list(&[], None) {
            record.map_err(|error| error.to_string())?;
        }
    }
    Ok(Seen::of(chain))
}

/// Changes a byte of `path` at several places, one at a time, and expects each to be found or to make no
/// difference.
fn flip(folder: &Path, path: &Path, whole: &Seen) -> Vec<String> {
    let intact = fs::read(path).unwrap();
    let mut found = Vec::new();
    for part in 0..24 {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder, copy.path());
        let mut bytes = intact.clone();
        let place = bytes.len() * part / 24;
        bytes[place] ^= 0x10;
        let relative = path.strip_prefix(folder).unwrap();
        fs::write(copy.path().join(relative), bytes).unwrap();
        match read_all(copy.path()) {
            Ok(seen) => assert_eq!(seen, *whole, "byte {place} of {}", path.display()),
            Err(message) => found.push(message),
        }
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn written() -> (tempfile::TempDir, Seen) {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path());
    for nonce in 1..=10 {
        send(&node, nonce);
    }
    let seen = Seen::of(&node.view());
    node.stop();
    (folder, seen)
}

#[test]
fn a_changed_byte_of_the_log_is_found() {
    let (folder, seen) = written();
    let log = files(folder.path(), ".log").remove(0);
    let found = flip(folder.path(), &log, &seen);
    assert!(found.len() > 20, "{found:#?}");
}

#[test]
fn a_changed_byte_of_a_record_is_found_and_the_record_named() {
    let (folder, _) = written();
    // Opening it moves the log into files.
    let seen = read_all(folder.path()).unwrap();
    let mut found = Vec::new();
    for table in files(folder.path(), ".sst") {
        found.extend(flip(folder.path(), &table, &seen));
    }
    for column in ["nodes", "values", "blocks", "meta"] {
        let named = format!("in the column {column} is corrupt");
        assert!(found.iter().any(|message| message.contains(&named)), "{column}: {found:#?}");
    }
}
