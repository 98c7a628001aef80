//! Memory of a module that is kept, measured in a process of its own for each side: memory that
//! another one gave back would be taken for growth that was not.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sandbox_runtime::RuntimeConfig;

use crate::peer::{self, Peer};
use crate::sides::{Keeps, Side};
use crate::work::{self, Work};

/// What tells the process that it is such a process; the side's name and the work follow.
pub(crate) const ARGUMENT: &str = "--memory";

const MODULES: u8 = 100;

/// KiB of resident memory for each module, measured for `side` of `work`, which `which` names.
pub(crate) fn per_module(side: Side, work: &Work, which: &str) -> Result<f64> {
    if side == Side::CosmWasm {
        let program = std::env::var_os(peer::VARIABLE).context(peer::VARIABLE)?;
        let peer = Peer::start(&program)?;
        peer.add("contract", work.cosmwasm.as_deref().context("no contract")?)?;
        let bytes = peer.ask(&format!("memory contract {MODULES}"))?;
        return Ok(bytes as f64 / 1024.0 / f64::from(MODULES));
    }
    let mut child = Command::new(std::env::current_exe()?);
    let output = child.args([ARGUMENT, &side.to_string(), which]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What such a process does.
pub(crate) fn child(config: &RuntimeConfig, arguments: &[String]) -> Result<()> {
    let [side, which] = arguments else { anyhow::bail!("a side and a work: {arguments:?}") };
    let side = Side::named(side).context("a side")?;
    let work = if which == "small" { work::small()? } else { work::sdk()? };
    let home = tempfile::tempdir()?;
    let machine = side.machine(config, Keeps::Modules(home.path()))?;
    // Pools and the like are there from the first call on.
    machine.call(&work)?;
    let works: Vec<Work> = (0..MODULES).map(|number| work.distinct(number)).collect();
    let before = resident()?;
    for work in &works {
        machine.call(work)?;
    }
    println!("{}", (resident()? - before) / f64::from(MODULES));
    Ok(())
}

/// KiB of this process that are resident.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
