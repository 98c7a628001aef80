//! The command: what it measures, and what it says when it cannot.

#![allow(clippy::float_arithmetic, reason = "measurements are real numbers")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use cost_estimator::cases::FAR;
use cost_estimator::check::Checked;
use cost_estimator::report::{Line, Outcome, Report};
use vm_runner::near::Fixture;

fn run(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cost-estimator"));
    command.arg("run").args(arguments).arg("--out").arg(out).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: &Path) -> Report {
    let text = std::fs::read_to_string(path).expect("a report");
    serde_json::from_str(&text).expect("a report of a run")
}

/// Costs of many kinds that take little time to measure.
const SOME: &str = "wasm_sha256_base,wasm_ripemd160_block,wasm_write_memory_base,\
    wasm_utf8_decoding_byte,wasm_bls12381_p1_sum_base,wasm_validator_stake_base,wasm_ecrecover_base,\
    wasm_base,wasm_linear_op_base_cost/grow,action_transfer.execution";

#[test]
fn two_runs_agree_within_a_hundredth_where_instructions_can_be_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["one.json", "two.json"].map(|name| folder.path().join(name));
    for file in &files {
        let output = run(&["--quick", "--costs", SOME], file);
        if !output.status.success() {
            assert!(said(&output).contains("apt-get install valgrind"), "{}", said(&output));
            return;
        }
        assert!(!folder.path().join("one.json.partial").exists(), "the journal is gone");
    }
    let reports = files.map(|file| read(&file));
    let known = reports[0].figures.iter().filter(|line| line.gas().is_some()).count();
    assert!(known >= 15, "{:?}", reports[0].figures);
    for (one, two) in reports[0].figures.iter().zip(&reports[1].figures) {
        assert_eq!(one.cost, two.cost);
        agree(one, two);
    }
    let config = sandbox_runtime::RuntimeConfig::new(reports[0].protocol_version).expect("known");
    let changed = config.with_fees(&reports[0].fees).expect("a chain can charge it");
    assert_eq!(changed.fee_table()["wasm_sha256_base"], reports[0].fees["wasm_sha256_base"]);

    reports[0].figures.iter().for_each(is_near_or_says_why);
}

/// Counts differ by a hundredth at most, and so do prices.
fn agree(one: &Line, two: &Line) {
    let (Outcome::Known { amount, .. }, Outcome::Known { amount: other, .. }) =
        (&one.result, &two.result)
    else {
        panic!("{one:?} and {two:?}");
    };
    let is_near = |one: f64, two: f64| (one - two).abs() <= one / 100.0;
    assert!(is_near(*amount, *other), "{}: {amount} and {other}", one.cost);
    assert_eq!(one.plot.len(), two.plot.len());
    for (point, again) in one.plot.iter().zip(&two.plot) {
        assert!(is_near(point.measured, again.measured), "{}: {point:?} and {again:?}", one.cost);
    }
}

/// What is far from NEAR's price is so for a reason that somebody knows.
fn is_near_or_says_why(line: &Line) {
    let is_near = line.ratio().is_none_or(|ratio| (FAR.recip()..=FAR).contains(&ratio));
    let reason = line.far_because.as_deref().unwrap_or_default();
    assert!(is_near != line.far_because.is_some() && !reason.contains("nobody"), "{line:?}");
}

#[test]
fn by_the_clock_there_is_a_figure_or_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("fees.json");
    let output = run(&["--metric", "time", "--quick", "--costs", "wasm_promise_return"], &out);
    assert!(output.status.success(), "{}", said(&output));
    let page = std::fs::read_to_string(folder.path().join("fees.report/report.md"));
    let page = page.expect("a page beside the fee table");
    for line in read(&out).figures {
        assert!(page.contains(&format!("### {}\n", line.cost)), "{page}");
        assert!(folder.path().join(format!("fees.report/{}.svg", line.cost)).is_file());
        match line.result {
            Outcome::Known { amount, .. } => assert!(amount > 0.0),
            Outcome::Uncertain { reason } => {
                assert!(!reason.is_empty() && line.at.contains(".rs:"));
            }
        }
    }
}

#[test]
fn the_report_of_a_run_can_be_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("fees.json");
    let plots = folder.path().join("plots");
    let to_plots = plots.to_str().expect("a name");
    let time = ["--metric", "time", "--quick", "--costs", "wasm_promise_return"];
    let output = run(&[&time[..], &["--report", to_plots]].concat(), &out);
    assert!(output.status.success(), "{}", said(&output));
    let page = std::fs::read(plots.join("report.md")).expect("a page");
    assert!(!folder.path().join("fees.report").exists());
    let mut again = Command::new(env!("CARGO_BIN_EXE_cost-estimator"));
    let output = again.arg("report").arg(&out).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
    let same = std::fs::read(folder.path().join("fees.report/report.md")).expect("a page");
    assert_eq!(page, same);
}

#[test]
fn what_cannot_be_done_is_said_before_any_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("fees.json");
    let refused = |arguments: &[&str], out: &Path, expected: &str| {
        let output = run(arguments, out);
        assert!(!output.status.success() && said(&output).contains(expected), "{}", said(&output));
    };
    refused(&["--costs", "wasm_sha257_base"], &out, "no case prices wasm_sha257_base");
    refused(&["--costs", "wasm_storage_iter_next_base"], &out, "NEAR removed iterators");
    refused(&["--metric", "luck"], &out, "there is no metric luck");
    refused(&["--vm", "jvm"], &out, "there is no engine jvm");
    let nowhere = folder.path().join("missing/fees.json");
    let time = ["--metric", "time", "--quick", "--costs", "wasm_promise_return"];
    refused(&time, &nowhere, "cannot write");
    let folder = nowhere.to_str().expect("a name");
    refused(&[&time[..], &["--report", folder]].concat(), &out, "cannot write");
}

/// A folder of one recorded call.
fn workload(folder: &Path) -> String {
    let calls = folder.join("calls");
    std::fs::create_dir(&calls).expect("a folder");
    let from = "../vm-runner/tests/fixtures/logs.json";
    std::fs::copy(from, calls.join("logs.json")).expect("a fixture");
    calls.to_str().expect("a name").to_owned()
}

fn check(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cost-estimator"));
    let time = ["check", "--metric", "time", "--quick"];
    command.args(time).args(arguments).arg("--out").arg(out).output().expect("it starts")
}

fn checked(out: &Path) -> Vec<Checked> {
    serde_json::from_str(&std::fs::read_to_string(out).expect("figures")).expect("figures")
}

#[test]
fn a_search_shows_the_worst_first_and_saves_it_to_be_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (calls, out) = (workload(folder.path()), folder.path().join("check.json"));
    // Instructions are dear, so that no module runs for long.
    let fees = folder.path().join("fees.json");
    let dear = r#"{"fees":{"wasm_regular_op_cost":800000000}}"#;
    std::fs::write(&fees, dear).expect("written");
    let fees = fees.to_str().expect("a name");
    let output = check(&["--workload", &calls, "--fees", fees, "--modules", "320"], &out);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("[320/320 modules] "), "{}", said(&output));

    let all = checked(&out);
    assert!(all.len() > 1, "{all:?}");
    assert!(all.is_sorted_by(|one, next| one.ratio() >= next.ratio()), "{all:?}");
    let saved = std::fs::read_to_string(folder.path().join("check.worst/01.json"));
    let saved = Fixture::from_json(&saved.expect("saved")).expect("a call");
    let runs = saved.run(saved.engines().expect("an engine")).expect("it can be run again");
    assert!(runs[0].burnt > 0);
}

#[test]
fn without_recorded_calls_the_work_of_prices_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("check.json");
    let only = ["--modules", "0", "--costs", "wasm_sha256_base,wasm_promise_return"];
    let output = check(&only, &out);
    assert!(output.status.success(), "{}", said(&output));
    let all = checked(&out);
    let names: BTreeSet<&str> = all.iter().map(|checked| checked.name.as_str()).collect();
    assert!(names.contains("sha256") && names.contains("promise_return"), "{names:?}");
    assert!(all.iter().all(|checked| checked.charged > 0.0), "{all:?}");
    assert!(!folder.path().join("check.json.partial").exists(), "the journal is gone");

    let output = check(&["--costs", "wasm_sha257_base"], &out);
    assert!(said(&output).contains("no case prices wasm_sha257_base"), "{}", said(&output));
}

#[test]
fn recorded_calls_are_checked_and_what_is_above_a_bound_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let (calls, out) = (workload(folder.path()), folder.path().join("check.json"));
    let only = ["--workload", &calls, "--modules", "0"];
    let output = check(&only, &out);
    assert!(output.status.success(), "{}", said(&output));
    let names: Vec<String> = checked(&out).into_iter().map(|checked| checked.name).collect();
    assert_eq!(names, ["logs"]);
    assert!(!folder.path().join("check.worst").exists(), "there was no search");

    // In the prices of that call an action costs a hundred.
    let output = check(&[&only[..], &["--fail-above", "0.5"]].concat(), &out);
    assert!(!output.status.success());
    assert!(said(&output).contains("or not known: logs"), "{}", said(&output));

    std::fs::write(folder.path().join("calls/odd.json"), "[1]").expect("written");
    let output = check(&only, &out);
    assert!(!output.status.success());
    let why = said(&output);
    assert!(why.contains("odd.json") && why.contains("not a fixture"), "{why}");
    let output = check(&["--workload", "no/such/folder"], &out);
    assert!(said(&output).contains("cannot read no/such/folder"), "{}", said(&output));
}
