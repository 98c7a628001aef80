//! Valgrind's callgrind as a counter: it runs this program on a processor that it emulates, counts
//! every instruction, and writes the count to a file whenever the program asks.
//!
//! The emulated processor has the features that valgrind knows (on x86-64 up to AVX2, without the
//! instructions for SHA and AVX-512), so that the count is the same on machines of different ages.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::client_request;

/// Where valgrind is, if it is installed.
pub fn find() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("valgrind"))
        .find(|file| file.is_file())
}

/// The command that runs `program` with its counts in `counts`.
pub fn counted_in(counts: &Path, valgrind: &Path, program: &Path) -> Command {
    let mut option = OsString::from("--callgrind-out-file=");
    // Callgrind takes % for a pattern.
    let path = |path: &Path| path.to_string_lossy().replace('%', "%%");
    option.push(path(counts));
    let mut log = OsString::from("--log-file=");
    log.push(path(&messages(counts)));
    let mut command = Command::new(valgrind);
    command
        .args(["--tool=callgrind", "--quiet", "--max-threads=64"])
        // Engines run guests on stacks of their own, which look like a jump to valgrind.
        .arg("--max-stackframe=8388608")
        // It warns of each system call that it does not know.
        .args([option, log])
        .arg(program);
    command
}

/// The file of valgrind's own messages.
fn messages(counts: &Path) -> PathBuf {
    counts.with_extension("log")
}

/// What valgrind said in a process that ended too early, as the end of a message.
pub fn said_by_valgrind(counts: &Path) -> String {
    let said = fs::read_to_string(messages(counts)).unwrap_or_default();
    if said.is_empty() { said } else { format!("; valgrind said:\n{said}") }
}

/// The counts of this process, which callgrind writes where it was told.
#[derive(Debug)]
pub(super) struct Dumps {
    counts: PathBuf,
    /// How many were written: the last one has this number behind its name.
    written: u64,
}

impl Dumps {
    /// Those that are written to `counts`, of which none was written yet.
    pub(super) fn new(counts: &Path) -> Self {
        Dumps { counts: counts.to_owned(), written: 0 }
    }

    /// What `work` takes, on all threads, and what it returns.
    pub(super) fn count<T>(&mut self, work: impl FnOnce() -> T) -> anyhow::Result<(f64, T)> {
        // Threads that ran out of work look for more of it for a moment before they sleep.
        thread::sleep(Duration::from_millis(2));
        // Zeroing is of this thread alone: only writing makes callgrind forget what others did before.
        self.dump()?;
        client_request::zero_counts();
        let result = work();
        Ok((self.dump()?, result))
    }

    /// What was counted since the last dump. Its file is removed.
    fn dump(&mut self) -> anyhow::Result<f64> {
        client_request::dump_counts();
        self.written += 1;
        let mut name = self.counts.clone().into_os_string();
        name.push(format!(".{}", self.written));
        let written = PathBuf::from(name);
        let total = File::open(&written).map(total);
        let total = total.with_context(|| format!("cannot read {}", written.display()))?;
        fs::remove_file(&written)
            .with_context(|| format!("cannot remove {}", written.display()))?;
        total.with_context(|| format!("callgrind counted nothing in {}", written.display()))
    }
}

/// The sum in the last line of a dump: all instructions since the one before, on all threads. The `summary`
/// above it has what other threads did in calls that began earlier, too. The rest of the file, which is a line for
/// each line of code, is not read.
fn total(mut dump: impl Read + Seek) -> Option<f64> {
    let mut buffer = [0; 64];
    let length = dump.seek(SeekFrom::End(0)).ok()?;
    dump.seek(SeekFrom::Start(length.saturating_sub(crate::count(buffer.len())))).ok()?;
    let mut filled = 0;
    while let Ok(read @ 1..) = dump.read(&mut buffer[filled..]) {
        filled += read;
    }
    let text = std::str::from_utf8(&buffer[..filled]).ok()?;
    let (_, total) = text.rsplit_once("totals: ")?;
    total.trim().parse::<u64>().ok().map(crate::real)
}

#[cfg(test)]
mod tests {
    use super::{counted_in, total};
    use std::io::Cursor;
    use std::path::Path;

    #[test]
    fn the_count_is_the_total() {
        let start = "# callgrind format\nevents: Ir\nsummary: 17\n\n";
        let end = "fn=(1) a\n0 3\n\ntotals: 81395824\n";
        let lines = "calls=0 108\n".repeat(100);
        assert_eq!(total(Cursor::new([start, &lines, end].concat())), Some(81_395_824.0));
        assert_eq!(total(Cursor::new([start, end].concat())), Some(81_395_824.0));
        assert_eq!(total(Cursor::new("totals: 8\n")), Some(8.0));
        assert_eq!(total(Cursor::new(start)), None);
        assert_eq!(total(Cursor::new("")), None);
    }

    #[test]
    fn a_path_is_no_pattern() {
        let command = counted_in(Path::new("/a%b"), Path::new("valgrind"), Path::new("me"));
        assert!(command.get_args().any(|arg| arg == "--callgrind-out-file=/a%%b"));
    }
}
