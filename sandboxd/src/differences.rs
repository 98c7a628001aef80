//! Calls on which engines differ, as files for whoever looks into them.

use std::path::{Path, PathBuf};
use std::{fs, io};

use near_primitives::hash::hash;
use sandbox_runtime::Fixture;

/// Where they are, in the working directory.
const FOLDER: &str = "sandboxd-differences";

/// More would only fill the disk: a contract that differs does so at each call.
const MOST: usize = 100;

/// Saves a call and says where.
pub(crate) fn save(fixture: &Fixture) {
    let topics = fixture.differs_in.join(", ");
    match saved(fixture, Path::new(FOLDER)) {
        Ok(Some(path)) => tracing::error!(
            target: "vm",
            "engines differ ({topics}): `cargo run --package vm-runner -- replay {}` runs the call again",
            path.display()
        ),
        Ok(None) => tracing::error!(
            target: "vm", "engines differ ({topics}); {FOLDER} holds {MOST} such calls already"
        ),
        Err(error) => tracing::error!(
            target: "vm", "engines differ ({topics}), and the call cannot be saved: {error}"
        ),
    }
}

fn saved(fixture: &Fixture, folder: &Path) -> io::Result<Option<PathBuf>> {
    let json = fixture.to_json().map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.count() >= MOST {
        return Ok(None);
    }
    // The same call is the same file.
    let path = folder.join(format!("{}.json", hash(json.as_bytes())));
    fs::write(&path, json)?;
    Ok(Some(path))
}
