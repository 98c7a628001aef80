//! Tells the crate which sources and which target it is built from and for: artifacts of another
//! build may be metered otherwise, and must not be taken for its own.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::{env, fs, io};

/// What decides what a contract is compiled to, but for the engines, which name themselves. The
/// last two are there wherever the whole repository is.
const SOURCES: [&str; 4] = ["Cargo.toml", "src", "../gas-meter/src", "../Cargo.lock"];

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for source in SOURCES.map(Path::new) {
        if source.exists() {
            println!("cargo::rerun-if-changed={}", source.display());
            hash(source, &mut hasher)?;
        }
    }
    println!("cargo::rustc-env=VM_RUNNER_SOURCES={:016x}", hasher.finish());
    println!("cargo::rustc-env=VM_RUNNER_TARGET={}", env::var("TARGET").unwrap_or_default());
    Ok(())
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        entries.iter().try_for_each(|entry| hash(entry, hasher))
    } else {
        path.hash(hasher);
        fs::read(path)?.hash(hasher);
        Ok(())
    }
}
