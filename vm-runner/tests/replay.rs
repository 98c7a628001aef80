//! The command line of `vm-runner replay`.

#![cfg(feature = "near")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vm-runner")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn usage() {
    let wrong = [
        &[][..],
        &["replay"],
        &["replay", "a", "b"],
        &["play", "a"],
        &["replay", "a", "--fees"],
        &["replay", "--fees", "a"],
        &["replay", "a", "--fast"],
    ];
    for arguments in wrong {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("usage: vm-runner replay"), "{arguments:?}");
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: vm-runner replay"));
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let missing = run(&["replay", "no/such/file.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).starts_with("error: no/such/file.json: "));
    for arguments in [&["replay", "Cargo.toml"][..], &["replay", "--shrink", "Cargo.toml"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with("error: not a fixture: "));
    }
}

#[test]
fn a_fixture_is_run_on_the_engines_that_it_names() {
    let path = "tests/fixtures/logs.json";
    let output = run(&["replay", path]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("marked of a module of "), "{shown}");
    assert!(lines[1].starts_with("singlepass: returned; "), "{shown}");
    assert!(lines[2].starts_with("wasmi: returned; "), "{shown}");
    assert_eq!(lines[3], "the engines agree");
    let small = run(&["replay", path, "--shrink"]);
    assert_eq!(small.status.code(), Some(2));
    assert!(stderr(&small).contains("the engines agree"));
}

/// Gas burnt on each engine.
fn burnt(arguments: &[&str]) -> Vec<u64> {
    let output = run(arguments);
    let shown = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown}{}", stderr(&output));
    let of = |line: &str| line.split_once("; ")?.1.split_once(" gas burnt")?.0.parse().ok();
    shown.lines().filter_map(of).collect()
}

#[test]
fn a_fixture_is_charged_the_prices_of_a_file() {
    let fixture = "tests/fixtures/logs.json";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fees.json");
    let path = file.to_str().unwrap();
    let with = |fees: &str| {
        fs::write(&file, format!(r#"{{"fees":{fees},"metric":"time"}}"#)).unwrap();
        run(&["replay", fixture, "--fees", path])
    };
    with("{}");
    let before = burnt(&["replay", fixture]);
    assert_eq!(burnt(&["replay", "--fees", path, fixture]), before, "no price is another one");

    // The contract logs once, and a log cost three.
    with(r#"{"wasm_log_base":1003,"action_transfer.execution":7,"ml_dsa_65_verification_cost":7}"#);
    let dearer: Vec<u64> = before.iter().map(|gas| gas + 1_000).collect();
    assert_eq!(burnt(&["replay", fixture, "--fees", path]), dearer);

    with(r#"{"wasm_regular_op_cost":11}"#);
    let of_ops = burnt(&["replay", fixture, "--fees", path]);
    assert!(of_ops.iter().zip(&before).all(|(now, then)| now > then && (now - then) % 10 == 0));
    with(r#"{"wasm_linear_op_base_cost":1,"wasm_linear_op_unit_cost":1}"#);
    assert_eq!(burnt(&["replay", fixture, "--fees", path]), before, "it has no such instruction");

    let refused = |fees: &str, why: &str| {
        let output = with(fees);
        assert_eq!(output.status.code(), Some(2));
        let expected = format!("error: {path}: {why}");
        assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
    };
    refused(r#"{"wasm_log_bse":1}"#, "there is no price wasm_log_bse; did you mean wasm_log_base?");
    refused(
        r#"{"wasm_linear_op_unit_cost":536870913}"#,
        "wasm_linear_op_unit_cost is at most 536870912, not 536870913",
    );
    refused("7", "not an object with prices in `fees`");
}
