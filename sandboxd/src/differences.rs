//! Calls as files for whoever looks into them: those on which engines differ, and all that are to be
//! recorded.

use std::path::{Path, PathBuf};
use std::{fs, io};

use near_primitives::hash::hash;
use sandbox_runtime::Fixture;

/// Where they are, in the working directory.
const FOLDER: &str = "sandboxd-differences";

/// More would only fill the disk: a contract that differs does so at each call.
const MOST: usize = 100;

/// Recorded calls: with their modules and state, a megabyte each where a contract is large.
const MOST_RECORDED: usize = 10_000;

/// Who saves every call in `folder`.
pub(crate) fn recorder(folder: PathBuf) -> impl Fn(&Fixture) + Send + Sync + 'static {
    move |fixture| match saved(fixture, &folder, MOST_RECORDED) {
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(
            target: "vm", "a call is not recorded: {} holds {MOST_RECORDED} files", folder.display()
        ),
        Err(error) => tracing::error!(target: "vm", "a call cannot be recorded: {error}"),
    }
}

/// Saves a call on which engines differ, and says where.
pub(crate) fn save(fixture: &Fixture) {
    let topics = fixture.differs_in.join(", ");
    match saved(fixture, Path::new(FOLDER), MOST) {
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

fn saved(fixture: &Fixture, folder: &Path, most: usize) -> io::Result<Option<PathBuf>> {
    let json = fixture.to_json().map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.count() >= most {
        return Ok(None);
    }
    // The same call is the same file.
    let path = folder.join(format!("{}.json", hash(json.as_bytes())));
    fs::write(&path, json)?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Fixture, MOST, fs, saved};

    fn fixture() -> Fixture {
        let path = "../vm-runner/tests/fixtures/logs.json";
        Fixture::from_json(&fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_call_is_saved_once_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(&fixture(), folder.path(), MOST).unwrap().unwrap();
        assert_eq!(saved(&fixture(), folder.path(), MOST).unwrap().as_ref(), Some(&path));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let again = Fixture::from_json(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(again.to_json().unwrap(), fixture().to_json().unwrap());
    }

    #[test]
    fn no_more_calls_are_saved_than_the_disk_should_bear() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MOST {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert!(saved(&fixture(), folder.path(), MOST).unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(saved(&fixture(), &file, MOST).is_err());
    }
}
