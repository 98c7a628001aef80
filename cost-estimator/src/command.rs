//! What the commands do, each in a file.

pub(crate) mod run;

use std::path::{Path, PathBuf};

use cost_estimator::case::Case;
use cost_estimator::cases::{self, Bed};
use cost_estimator::run::Setup;
use sandbox_runtime::near::PROTOCOL_VERSION;
use sandbox_runtime::{RuntimeConfig, VmKind};

/// The cases that a process may be told to measure.
pub(crate) fn cases(setup: &Setup) -> anyhow::Result<Vec<Case>> {
    Ok(cases::all(&bed(setup.vm.parse()?)?))
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
