//! What the commands do, each in a file.

pub(crate) mod check;
pub(crate) mod run;

use std::path::{Path, PathBuf};

use anyhow::Context;
use cost_estimator::case::Case;
use cost_estimator::cases::{self, Bed};
use cost_estimator::metric::Counter;
use cost_estimator::run::Setup;
use cost_estimator::workload;
use sandbox_runtime::near::PROTOCOL_VERSION;
use sandbox_runtime::{RuntimeConfig, VmKind};

/// The cases that a process may be told to measure: those of recorded calls where it is told of a
/// folder, and all others.
pub(crate) fn cases(setup: &Setup) -> anyhow::Result<Vec<Case>> {
    let vm = setup.vm.parse()?;
    if setup.subject.is_empty() {
        return Ok(cases::all(&bed(vm)?));
    }
    Ok(workload::cases(workload::read(Path::new(&setup.subject))?, vm))
}

/// What a process is told to have it measure the calls in `folder`.
fn subject(folder: &Path) -> anyhow::Result<String> {
    folder.to_str().map(str::to_owned).context("the temporary folder's name is no text")
}

/// Figures of a program that is not optimized are its own, not those of what it measures.
fn warn_of_debug(counter: Counter) {
    if counter == Counter::Callgrind && cfg!(debug_assertions) {
        eprintln!("this program is built without optimization: its figures are too high");
    }
}

fn bed(vm: VmKind) -> anyhow::Result<Bed> {
    Ok(Bed::new(RuntimeConfig::new(PROTOCOL_VERSION)?, vm))
}

/// The file that is called like `file` and has another ending behind that.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
