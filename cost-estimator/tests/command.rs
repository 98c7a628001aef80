//! The command: what it measures, and what it says when it cannot.

use std::path::Path;
use std::process::{Command, Output};

use cost_estimator::report::{Outcome, Report};

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

#[test]
fn two_runs_agree_within_a_hundredth_where_instructions_can_be_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["one.json", "two.json"].map(|name| folder.path().join(name));
    for file in &files {
        let output = run(&["--quick", "--costs", "wasm_sha256_base,wasm_ripemd160_block"], file);
        if !output.status.success() {
            assert!(said(&output).contains("apt-get install valgrind"), "{}", said(&output));
            return;
        }
        assert!(!folder.path().join("one.json.partial").exists(), "the journal is gone");
    }
    let reports = files.map(|file| read(&file));
    assert_eq!(reports[0].fees.len(), 4, "both costs of both cases: {:?}", reports[0].fees);
    for (cost, gas) in &reports[0].fees {
        let other = reports[1].fees[cost];
        assert!(gas.abs_diff(other) <= gas / 100, "{cost}: {gas} and {other}");
    }
    let config = sandbox_runtime::RuntimeConfig::new(reports[0].protocol_version).expect("known");
    let changed = config.with_fees(&reports[0].fees).expect("a chain can charge it");
    assert_eq!(changed.fee_table()["wasm_sha256_base"], reports[0].fees["wasm_sha256_base"]);
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
