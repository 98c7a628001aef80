//! Valgrind's callgrind as a counter: it runs this program on a processor that it emulates, counts
//! every instruction, and writes the count to a file whenever the program asks.
//!
//! The emulated processor has the features that valgrind knows (on x86-64 up to AVX2, without the
//! instructions for SHA and AVX-512), so that the count is the same on machines of different ages.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    option.push(counts.to_string_lossy().replace('%', "%%"));
    let mut command = Command::new(valgrind);
    command
        .args(["--tool=callgrind", "--quiet", "--dump-line=no", "--max-threads=64"])
        // Engines run guests on stacks of their own, which look like a jump to valgrind.
        .arg("--max-stackframe=8388608")
        .arg(option)
        .arg(program);
    command
}

/// What `work` takes, on all threads.
pub(super) fn count<T>(counts: &Path, work: impl FnOnce() -> T) -> anyhow::Result<f64> {
    // Zeroing is of this thread alone: only writing makes callgrind forget what others did before.
    client_request::dump_counts();
    take_dump(counts)?;
    client_request::zero_counts();
    let result = work();
    client_request::dump_counts();
    drop(result);
    let text = take_dump(counts)?;
    parse(&text).with_context(|| format!("callgrind counted nothing: {text}"))
}

/// The dump that was just written, which is removed.
fn take_dump(counts: &Path) -> anyhow::Result<String> {
    let written = newest_dump(counts).context("callgrind wrote no count")?;
    let text = fs::read_to_string(&written)
        .with_context(|| format!("cannot read {}", written.display()))?;
    fs::remove_file(&written).with_context(|| format!("cannot remove {}", written.display()))?;
    Ok(text)
}

/// Dumps are numbered from one behind the name, and each is removed once it was read.
fn newest_dump(counts: &Path) -> Option<PathBuf> {
    let name = counts.file_name()?.to_string_lossy().into_owned() + ".";
    let files = fs::read_dir(counts.parent()?).ok()?.filter_map(Result::ok);
    files.map(|file| file.path()).find(|path| {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        file.and_then(|file| file.strip_prefix(&name).map(|rest| rest.parse::<u64>().is_ok()))
            .unwrap_or(false)
    })
}

fn parse(dump: &str) -> Option<f64> {
    let line = dump.lines().find_map(|line| line.strip_prefix("summary: "))?;
    line.trim().parse::<u64>().ok().map(crate::real)
}

#[cfg(test)]
mod tests {
    use super::{counted_in, newest_dump, parse};
    use std::path::Path;

    #[test]
    fn the_count_is_the_summary() {
        let dump = "# callgrind format\nevents: Ir\nsummary: 81395824\n\nfn=(1) a\n0 3\n";
        assert_eq!(parse(dump), Some(81_395_824.0));
        assert_eq!(parse("events: Ir\n"), None);
    }

    #[test]
    fn a_dump_is_found_by_its_number() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let counts = folder.path().join("counts");
        for name in ["counts", "counts.lock", "other.1"] {
            std::fs::write(folder.path().join(name), "")?;
        }
        assert_eq!(newest_dump(&counts), None);
        std::fs::write(folder.path().join("counts.7"), "")?;
        assert_eq!(newest_dump(&counts), Some(folder.path().join("counts.7")));
        Ok(())
    }

    #[test]
    fn a_path_is_no_pattern() {
        let command = counted_in(Path::new("/a%b"), Path::new("valgrind"), Path::new("me"));
        assert!(command.get_args().any(|arg| arg == "--callgrind-out-file=/a%%b"));
    }
}
