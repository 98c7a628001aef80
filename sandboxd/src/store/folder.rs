//! The folder of a chain, which belongs to one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::records::FORMAT;

/// Says which process has the folder.
const LOCK: &str = "lock";
/// Says what format the chain is in, for programs that cannot read it.
const FORMAT_FILE: &str = "format";
/// The database.
const DATABASE: &str = "chain";
/// A file that every database of `RocksDB` has.
const ROCKSDB: &str = "CURRENT";

/// A folder that no other process uses, until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Why it cannot be written to.
    read_only: Option<String>,
    /// Unlocked by being closed, also by the death of the process.
    _lock: Option<File>,
}

impl Folder {
    /// Takes the folder at `path`, which is made if it is not there. One that can only be read needs
    /// no lock.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        if path.join(ROCKSDB).exists() {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        match lock(path) {
            Ok(lock) => {
                check_format(path)?;
                Ok(Self { path: path.to_owned(), read_only: None, _lock: Some(lock) })
            }
            Err(StoreError::Folder { source, .. })
                if is_read_only(&source) && Self::has_database(path) =>
            {
                check_format(path)?;
                let read_only = Some(format!("{}: {source}", path.display()));
                Ok(Self { path: path.to_owned(), read_only, _lock: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there is a database in the folder at `path`.
    pub(super) fn has_database(path: &Path) -> bool {
        path.join(DATABASE).join(ROCKSDB).exists()
    }

    /// Where the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Why it cannot be written to, if it cannot.
    pub(super) fn read_only(&self) -> Option<String> {
        self.read_only.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let failed = |source: io::Error| StoreError::Folder { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(failed)?;
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            // On a full disk nobody can be named, and the lock holds as well.
            let _named = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let read = file.read_to_string(&mut owner);
            let owner = read.ok().map(|_| owner).filter(|owner| !owner.is_empty());
            Err(StoreError::Locked { path: path.to_owned(), owner })
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Reads the format, or writes it where there is no chain yet.
fn check_format(path: &Path) -> Result<(), StoreError> {
    let file = path.join(FORMAT_FILE);
    let failed = |source: io::Error| StoreError::Folder { path: file.clone(), source };
    if !Folder::has_database(path) {
        return fs::write(&file, format!("{FORMAT}\n")).map_err(failed);
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    match text.trim().parse() {
        Ok(FORMAT) => Ok(()),
        Ok(found) => Err(StoreError::Format { path: path.to_owned(), found }),
        Err(_) => Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is no number"))),
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}
