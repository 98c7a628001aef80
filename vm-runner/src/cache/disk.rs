//! [`DiskStore`]: a file for each artifact in one directory, which processes can share.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::{ArtifactKey, ArtifactStore};

/// What names of files end with: other files in the directory are left alone.
const ARTIFACT: &str = "artifact";
const PARTIAL: &str = "partial";

/// Artifacts as files in a directory, up to a bound on their size; the oldest give way.
#[derive(Debug)]
pub struct DiskStore {
    directory: PathBuf,
    max_bytes: u64,
    size: Mutex<Size>,
    /// Makes names of partial files unique within the process.
    partial_files: AtomicU64,
}

/// What is known of the directory's size.
#[derive(Debug, Default)]
struct Size {
    /// When it was last looked at; `None` before the first time.
    known: Option<u64>,
    written_since: u64,
}

impl DiskStore {
    /// The store in `directory`, which is made if it does not exist, with files of at most about
    /// `max_bytes` bytes.
    ///
    /// # Errors
    /// When the directory cannot be made, or when everybody may write to it: what it holds is
    /// executed.
    pub fn open(directory: impl Into<PathBuf>, max_bytes: u64) -> io::Result<Self> {
        let directory = directory.into();
        make(&directory)?;
        check(&directory)?;
        let (size, partial_files) = (Mutex::default(), AtomicU64::new(0));
        Ok(DiskStore { directory, max_bytes, size, partial_files })
    }

    fn path(&self, key: &ArtifactKey) -> PathBuf {
        let mut name = String::new();
        for byte in key.digest() {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        self.directory.join(name).with_extension(ARTIFACT)
    }

    /// Written aside and renamed: whoever reads meanwhile sees the old file or the new one.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.partial_files.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_extension(format!("{}-{number}.{PARTIAL}", std::process::id()));
        let written = create(&partial, bytes).and_then(|()| fs::rename(&partial, path));
        if written.is_err() {
            // What is left of it is removed with the oldest files.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// Makes room for `bytes`. Others may write to the directory too, so it is looked at again
    /// after each eighth of the bound.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut size = self.size.lock();
        size.written_since = size.written_since.saturating_add(bytes);
        let eighth = self.max_bytes.checked_div(8).unwrap_or_default();
        let fits = size.known.is_some_and(|known| {
            known.saturating_add(size.written_since) <= self.max_bytes
                && size.written_since <= eighth
        });
        if !fits {
            size.known = Some(self.remove_oldest(bytes)?);
            size.written_since = bytes;
        }
        Ok(())
    }

    /// Removes files until `bytes` more fit, and returns the size of those that stay.
    fn remove_oldest(&self, bytes: u64) -> io::Result<u64> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(&self.directory)?
            .filter_map(|entry| entry.and_then(|entry| described(&entry)).transpose())
            // Another process may just have removed it.
            .filter_map(Result::ok)
            .collect();
        files.sort();
        let mut total =
            files.iter().fold(0, |total: u64, (_, size, _)| total.saturating_add(*size));
        for (_, size, path) in files {
            if total.saturating_add(bytes) <= self.max_bytes {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total = total.saturating_sub(size),
            }
        }
        Ok(total)
    }
}

impl ArtifactStore for DiskStore {
    fn get(&self, key: &ArtifactKey) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&self, key: &ArtifactKey, bytes: &[u8]) -> io::Result<()> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.max_bytes {
            return Ok(());
        }
        // It may have been removed meanwhile.
        make(&self.directory)?;
        self.make_room(size)?;
        self.write(&self.path(key), bytes)
    }
}

/// When a file of ours was written, its size and its path. `None` for other files.
fn described(entry: &fs::DirEntry) -> io::Result<Option<(SystemTime, u64, PathBuf)>> {
    let path = entry.path();
    let ours =
        path.extension().is_some_and(|it| it == OsStr::new(ARTIFACT) || it == OsStr::new(PARTIAL));
    if !ours {
        return Ok(None);
    }
    let metadata = entry.metadata()?;
    Ok(Some((metadata.modified()?, metadata.len(), path)))
}

fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn check(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(directory)?.permissions());
        if mode & 0o002 != 0 {
            let why = "everybody may write to this directory, and what it holds is executed: choose \
                       another, or take the right to write from others";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    #[cfg(not(unix))]
    fs::metadata(directory)?;
    Ok(())
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::create_new(path)?.write_all(bytes)
}
