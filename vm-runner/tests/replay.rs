//! The command line of `vm-runner replay`.

#![cfg(feature = "near")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vm-runner")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn usage() {
    for arguments in [&[][..], &["replay"], &["replay", "a", "b"], &["play", "a"]] {
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
