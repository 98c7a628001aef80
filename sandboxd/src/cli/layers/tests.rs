#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;

/// Each option of each command, with the way to it.
fn all(command: &Command, path: &[String]) -> Vec<(Vec<String>, Arg)> {
    let mut found: Vec<_> = command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some())
        .map(|arg| (path.to_vec(), arg.clone()))
        .collect();
    for sub in command.get_subcommands() {
        let path = [path, &[sub.get_name().to_owned()]].concat();
        found.extend(all(sub, &path));
    }
    found
}

/// A value that the option understands, other than its default.
fn example(arg: &Arg) -> &'static str {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return "true";
    }
    match arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str()) {
        "IP:PORT" => "127.0.0.1:7",
        "N" => "1",
        "MS" | "MS|manual" | "SECONDS" | "BLOCK" | "BLOCKS" | "BYTES" | "GAS" | "HEIGHT" => "7",
        "BOOL" => "true",
        "NAME=VALUE" => "name=value",
        "ENGINES" => "winch",
        "always|interval|never" => "never",
        "FORMAT" => "genesis",
        _ => "seven",
    }
}

fn inner(mut matches: &ArgMatches, path: &[String]) -> ArgMatches {
    for name in path {
        matches = matches.subcommand_matches(name).unwrap();
    }
    matches.clone()
}

/// A call of the command that `path` leads to, or of one below it, with `option` and what the command
/// cannot do without beside the option `long`.
fn call(path: &[String], long: &str, option: &[String]) -> Vec<String> {
    let below: Vec<String> = match path.first().map(String::as_str) {
        Some("view-state") if path.len() == 1 => vec!["dump-state".to_owned()],
        Some("state") => vec!["chain.bin".to_owned()],
        _ => Vec::new(),
    };
    let others = all(&Program::Sandboxd.command(), &[]).into_iter().filter_map(|(of, arg)| {
        let other = arg.get_long()?;
        let needed = of == path && arg.is_required_set() && other != long;
        needed.then(|| format!("--{other}={}", example(&arg)))
    });
    let others: Vec<String> = others.collect();
    [&["sandboxd".to_owned()], path, option, &others, &below].concat()
}

fn raw(matches: &ArgMatches, arg: &Arg) -> Vec<String> {
    let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

#[test]
fn every_option_is_a_variable_of_the_environment() {
    let options = all(&Program::Sandboxd.command(), &[]);
    assert!(options.len() > 30);
    for (path, arg) in options {
        let parts = [&["sandboxd".to_owned()], path.as_slice()].concat();
        let long = arg.get_long().unwrap();
        let expected = format!("{}-{long}", parts.join("-")).replace('-', "_").to_uppercase();
        assert_eq!(arg.get_env().unwrap().to_str().unwrap(), expected);
    }
}

#[test]
fn every_option_is_a_key_of_the_file_and_gives_way_to_the_command_line() {
    for (path, arg) in all(&Program::Sandboxd.command(), &[]) {
        let long = arg.get_long().unwrap();
        if long == FILE_OPTION {
            continue;
        }
        let value = example(&arg);
        let quoted = if matches!(arg.get_action(), ArgAction::SetTrue) {
            value.to_owned()
        } else {
            format!("{value:?}")
        };
        let header =
            if path.is_empty() { String::new() } else { format!("[{}]\n", path.join(".")) };
        let table = format!("{header}{long} = {quoted}").parse::<Table>().unwrap();
        let command = with_file(Program::Sandboxd.command(), &table, "")
            .unwrap_or_else(|what| panic!("{path:?} {long}: {what}"));
        let matches = command
            .clone()
            .try_get_matches_from(call(&path, long, &[]))
            .unwrap_or_else(|error| panic!("{path:?} {long}: {error}"));
        let found = inner(&matches, &path);
        assert_eq!(raw(&found, &arg), [value], "{path:?} {long}");
        if !matches!(arg.get_action(), ArgAction::SetTrue) && value == "7" {
            let args = call(&path, long, &[format!("--{long}=8")]);
            let matches = command.try_get_matches_from(args).unwrap();
            assert_eq!(raw(&inner(&matches, &path), &arg), ["8"], "{path:?} {long}");
        }
    }
}

/// What is said of a file with this text.
fn refuse(text: &str) -> String {
    let table = text.parse::<Table>().unwrap();
    with_file(Program::Sandboxd.command(), &table, "").unwrap_err()
}

#[test]
fn a_key_that_is_none_is_named_with_the_nearest() {
    assert_eq!(refuse("rpc-adr = 'x'"), "rpc-adr is no setting; the nearest one is rpc-addr");
    assert_eq!(
        refuse("[run]\nfinality_lag = 2"),
        "run.finality_lag is no setting; the nearest one is run.finality-lag"
    );
    assert_eq!(
        refuse("[view-state.dump-stat]\nheight = 2"),
        "view-state.dump-stat is no setting; the nearest one is view-state.dump-state"
    );
    assert!(refuse("config = 'x'").starts_with("config is no setting"));
}

#[test]
fn a_value_of_another_kind_is_refused_by_its_key() {
    assert_eq!(refuse("json = 'yes'"), "json: expected true or false");
    assert_eq!(refuse("[run]\nrpc-addr = [1]"), "run.rpc-addr: expected a text or a number");
    assert_eq!(refuse("allow-host = [1.5]"), "allow-host: expected a list of texts");
}
