//! The table of scenarios in `tests/scenarios`: what goes into blocks, and what must come of it.

mod coverage;
mod fill;
mod format;
mod formula;
mod run;
mod script;
mod state;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use format::Scenario;
use serde_json::Value;

/// Every file below `tests/scenarios`, by group and name.
fn files() -> BTreeMap<String, PathBuf> {
    let root = Path::new("tests/scenarios");
    let mut files = BTreeMap::new();
    for group in std::fs::read_dir(root).expect("tests/scenarios can be read") {
        let group = group.expect("tests/scenarios can be read").path();
        if group.file_name().is_some_and(|name| name == "README.md") {
            continue;
        }
        for file in std::fs::read_dir(&group).expect("a group is a folder") {
            let file = file.expect("a group can be read").path();
            assert!(
                file.extension().is_some_and(|extension| extension == "json"),
                "{} is no scenario",
                file.display()
            );
            let name = file.strip_prefix(root).expect("below the root").display().to_string();
            files.insert(name, file);
        }
    }
    files
}

fn read(path: &Path) -> Result<(Scenario, Value), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok((scenario, value))
}

/// `SCENARIO=text` runs those whose names contain it.
#[test]
fn every_scenario_comes_out_as_it_says() {
    let wanted = std::env::var("SCENARIO").unwrap_or_default();
    let mut failed = String::new();
    let mut count = 0;
    for (name, path) in files() {
        if !name.contains(&wanted) {
            continue;
        }
        count += 1;
        let (rule, problems) = match read(&path) {
            Ok((scenario, _)) => {
                let problems = run::run(&scenario).unwrap_or_else(|error| vec![error]);
                (scenario.rule, problems)
            }
            Err(error) => (String::new(), vec![error]),
        };
        if !problems.is_empty() {
            let _ = writeln!(failed, "\n{name}: {rule}\n  {}", problems.join("\n  "));
        }
    }
    assert!(count > 0, "no scenario is called {wanted:?}");
    assert!(failed.is_empty(), "{failed}");
}
