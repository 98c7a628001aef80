//! Recorded calls: a folder of fixtures, the files that `vm-runner replay` runs again. Each has its
//! module, method, input, circumstances and prices in it, so that no chain is needed.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use vm_runner::VmKind;
use vm_runner::near::{FeeTable, Fixture, ReadyCall};

use crate::case::{Case, Prepared, Size, units};

/// What the charge of a call is among its units.
pub const GAS: &str = "gas";

/// A recorded call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What reports call it.
    pub name: String,
    /// The call.
    pub fixture: Fixture,
}

/// The calls in the files `*.json` of `folder`, by name.
///
/// # Errors
/// When there is none, or one of the files is no call: the message names it.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Call>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut calls = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let named = || path.display().to_string();
        let json = fs::read_to_string(&path).with_context(named)?;
        let fixture = Fixture::from_json(&json).with_context(named)?;
        // What cannot be run is found out now rather than in the process that measures it.
        fixture.host().with_context(named)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        calls.push(Call { name, fixture });
    }
    if calls.is_empty() {
        bail!("there is no recorded call (*.json) in {}", folder.display());
    }
    calls.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(calls)
}

/// Writes `calls` into `folder`, which is made if it is not there.
pub fn write(calls: &[Call], folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for call in calls {
        let path = folder.join(format!("{}.json", call.name));
        fs::write(&path, call.fixture.to_json()?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The same calls under other prices.
pub fn with_fees(calls: Vec<Call>, fees: &FeeTable) -> anyhow::Result<Vec<Call>> {
    let change = |call: Call| {
        let fixture = call.fixture.with_fees(fees).with_context(|| call.name.clone())?;
        Ok(Call { fixture, ..call })
    };
    calls.into_iter().map(change).collect()
}

/// A case of each call, on the engine `vm`. Its units are the [`GAS`] that a chain charges: what the
/// call burns, and what executing the action costs. Compiling the module is not counted.
pub fn cases(calls: Vec<Call>, vm: VmKind) -> Vec<Case> {
    let case = |Call { name, fixture }: Call| {
        let ready: OnceLock<(Arc<ReadyCall>, u64)> = OnceLock::new();
        Case::new(name, &[], vec![Size { calls: 1, each: 0 }], move |_| {
            let (call, gas) = if let Some(ready) = ready.get() {
                ready.clone()
            } else {
                let first = first(&fixture, vm)?;
                ready.get_or_init(|| first).clone()
            };
            let host = fixture.host()?;
            Ok(Prepared::new(units(&[(GAS, gas)]), move || Ok((call.run(host)?, call))))
        })
    };
    calls.into_iter().map(case).collect()
}

/// Has the module compiled and finds out what the call is charged.
fn first(fixture: &Fixture, vm: VmKind) -> anyhow::Result<(Arc<ReadyCall>, u64)> {
    let call = fixture.ready(vm.vm())?;
    let finished = call.run(fixture.host()?)?;
    let burnt = finished.host.core.gas.burnt().units();
    Ok((Arc::new(call), burnt.saturating_add(fixture.action_gas())))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_no_call_is_refused_by_name() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let message = || format!("{:#}", read(folder.path()).expect_err("no calls"));
        assert!(message().starts_with("there is no recorded call (*.json) in "), "{}", message());
        std::fs::write(folder.path().join("notes.txt"), "not looked at")?;
        std::fs::write(folder.path().join("odd.json"), "{}")?;
        assert!(message().contains("odd.json: not a fixture: "), "{}", message());
        std::fs::write(folder.path().join("odd.json"), "{\"version\":7}")?;
        assert!(message().contains("odd.json: the fixture has version 7"), "{}", message());
        let error = read(&folder.path().join("missing")).expect_err("no folder");
        assert!(error.to_string().contains("cannot read "), "{error}");
        Ok(())
    }
}
