//! What was read of a chain elsewhere, on disk. A file for each answer, written beside its place and
//! then renamed, with a checksum: what is damaged or half written was never there. Answers are about
//! one block each and never change, so that nothing ever expires; the folder can be removed at any
//! time.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use near_primitives::hash::{CryptoHash, hash};

/// Begins each file. The last digit changes with the format.
const MAGIC: &[u8] = b"sandboxd-1";

/// Where the cache is if nothing else is said: a folder of its own in that for the user's caches.
pub fn default_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")));
    caches.map(|folder| folder.join("sandboxd"))
}

/// The answers about one block.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    written: AtomicU64,
    complained: AtomicBool,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, written: AtomicU64::new(0), complained: AtomicBool::new(false) }
    }

    /// That for the answers about the block with this hash.
    pub(super) fn of_block(folder: &Path, chain_id: &str, block: &CryptoHash) -> Self {
        // The name comes from elsewhere, and must not lead out of the folder.
        let name = chain_id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let name: String = name.take(64).collect();
        Self::new(folder.join(name).join(block.to_string()))
    }

    /// What was stored under `name`.
    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let file = fs::read(self.path(name)).ok()?;
        let rest = file.strip_prefix(MAGIC)?;
        let (checksum, rest) = rest.split_first_chunk::<32>()?;
        if hash(rest).0 != *checksum {
            return None;
        }
        let (length, rest) = rest.split_first_chunk()?;
        let (stored, value) =
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        (stored == name.as_bytes()).then(|| value.to_vec())
    }

    /// Stores a value. What cannot be stored is asked for again another time.
    pub(super) fn put(&self, name: &str, value: &[u8]) {
        if let Err(error) = self.write(name, value)
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                target: "remote", folder = %self.folder.display(), %error,
                "nothing is kept on disk of what is read elsewhere"
            );
        }
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let length = u32::try_from(name.len()).map_err(io::Error::other)?;
        let content = [&length.to_le_bytes(), name.as_bytes(), value].concat();
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_extension(format!("{}-{number}", std::process::id()));
        let written = (|| {
            let mut file = fs::File::create_new(&beside)?;
            file.write_all(MAGIC)?;
            file.write_all(&hash(&content).0)?;
            file.write_all(&content)?;
            fs::rename(&beside, &path)
        })();
        if written.is_err() {
            drop(fs::remove_file(&beside));
        }
        written
    }

    /// Where `name` is stored.
    fn path(&self, name: &str) -> PathBuf {
        let digest = hash(name.as_bytes()).to_string();
        let (folder, file) = digest.split_at(2);
        self.folder.join(folder).join(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_there_for_others_too() {
        let folder = tempfile::tempdir().expect("the folder is the test's own");
        let cache = || Cache::of_block(folder.path(), "../main net", &CryptoHash::default());
        cache().put("account alice", b"value");
        cache().put("account alice", b"other");
        cache().put("empty", b"");
        assert_eq!(cache().get("account alice").as_deref(), Some(&b"other"[..]));
        assert_eq!(cache().get("empty").as_deref(), Some(&b""[..]));
        assert_eq!(cache().get("account bob"), None);
        assert_eq!(Cache::of_block(folder.path(), "x", &hash(b"x")).get("empty"), None);
        assert!(folder.path().join("___main_net").is_dir());
    }

    #[test]
    fn what_is_damaged_was_never_there() {
        let folder = tempfile::tempdir().expect("the folder is the test's own");
        let cache = Cache::new(folder.path().to_owned());
        cache.put("name", b"value");
        let path = cache.path("name");
        let whole = fs::read(&path).expect("the folder is the test's own");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).expect("the folder is the test's own");
            assert_eq!(cache.get("name"), None, "byte {at} changed");
            fs::write(&path, &whole[..at]).expect("the folder is the test's own");
            assert_eq!(cache.get("name"), None, "cut off at {at}");
        }
        fs::rename(&path, cache.path("other")).ok();
        assert_eq!(cache.get("other"), None, "under another name");
        cache.put("name", b"value");
        assert_eq!(cache.get("name").as_deref(), Some(&b"value"[..]));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_failure() {
        let file = tempfile::NamedTempFile::new().expect("the folder is the test's own");
        let cache = Cache::new(file.path().to_owned());
        cache.put("name", b"value");
        assert_eq!(cache.get("name"), None);
    }
}
