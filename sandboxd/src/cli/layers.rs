//! Where an option's value may come from: the command line, then the environment, then
//! `sandboxd.toml`, then its default. Names follow from the definition: `--rpc-addr` of `run` is
//! `SANDBOXD_RUN_RPC_ADDR` and `rpc-addr` in the table `[run]`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches as _};
use toml::{Table, Value};

use super::{Cli, Program};

/// The file that is looked for in the working directory.
const FILE: &str = "sandboxd.toml";

/// The option that names another; it cannot be in the file itself.
const FILE_OPTION: &str = "config";

/// Reads what the program was asked to do from its arguments, the environment and `sandboxd.toml`.
///
/// # Errors
/// An answer for the user: what is wrong, or the help or version that was asked for.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let program = args.first().map_or(Program::Sandboxd, |path| Program::named(path));
    let command = program.command();
    let mut matches = command.clone().try_get_matches_from(&args).map_err(|error| {
        let alone = without_environment(command.clone()).try_get_matches_from(&args);
        if alone.is_err() {
            return error;
        }
        // The error names the option only, which is not on the command line.
        let what = format!("in the environment: {}\n", gist(&error));
        clap::Error::raw(ErrorKind::InvalidValue, what)
    })?;
    refuse_misplaced(&command, &matches)?;
    if let Some(path) = file(&matches) {
        let invalid = |what: String| {
            clap::Error::raw(ErrorKind::InvalidValue, format!("{}: {what}\n", path.display()))
        };
        let text = std::fs::read_to_string(&path).map_err(|error| invalid(error.to_string()))?;
        let table = text.parse::<Table>().map_err(|error| invalid(error.to_string()))?;
        let table = compatible(&command, &matches, table);
        let command = with_file(command, &table, "").map_err(invalid)?;
        // Without the file it went well.
        matches = command.try_get_matches_from(&args).map_err(|error| invalid(gist(&error)))?;
    }
    Cli::from_arg_matches_mut(&mut matches)
}

/// The definition, with a variable of the environment for each option.
pub(super) fn with_environment(command: Command) -> Command {
    with_variables(command, "SANDBOXD")
}

fn with_variables(command: Command, prefix: &str) -> Command {
    let name = |name: &str| format!("{prefix}_{}", name.replace('-', "_").to_uppercase());
    command
        .mut_args(|arg| {
            let Some(long) = arg.get_long() else { return arg };
            let variable = name(long);
            // In scripts an empty variable is one that was not set.
            if std::env::var_os(&variable).is_some_and(|value| value.is_empty()) {
                return arg;
            }
            let arg = arg.env(variable).hide_env_values(true);
            // A flag takes no value, but its variable has one.
            match arg.get_action() {
                ArgAction::SetTrue => arg.value_parser(FalseyValueParser::new()),
                _ => arg,
            }
        })
        .mut_subcommands(|sub| {
            let prefix = name(sub.get_name());
            with_variables(sub, &prefix)
        })
}

fn without_environment(command: Command) -> Command {
    command.mut_args(|arg| arg.env(None::<&str>)).mut_subcommands(without_environment)
}

/// Options that come before a command belong to a chain in memory, unless they are for all.
fn refuse_misplaced(command: &Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let given =
        |arg: &Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let refuse = |what: String| Err(command.clone().error(ErrorKind::ArgumentConflict, what));
    let Some(sub) = matches.subcommand_name() else {
        if matches.value_source("home") == Some(ValueSource::CommandLine) {
            let what = "--home needs a command: init to make a chain there, run to start it";
            return refuse(what.to_owned());
        }
        return Ok(());
    };
    let misplaced = command.get_arguments().find(|arg| !arg.is_global_set() && given(arg));
    match misplaced.and_then(Arg::get_long) {
        Some(long) => refuse(format!("options of {sub} come behind it, and --{long} came before")),
        None => Ok(()),
    }
}

fn file(matches: &ArgMatches) -> Option<PathBuf> {
    let named = matches.get_one::<PathBuf>(FILE_OPTION).cloned();
    named.or_else(|| Path::new(FILE).exists().then(|| PathBuf::from(FILE)))
}

/// What of `table` goes with the options that were given elsewhere. The rest gives way to them.
fn compatible(command: &Command, matches: &ArgMatches, mut table: Table) -> Table {
    if let Some((name, matches)) = matches.subcommand()
        && let Some(sub) = command.find_subcommand(name)
        && let Some(Value::Table(inner)) = table.get_mut(name)
    {
        *inner = compatible(sub, matches, std::mem::take(inner));
    }
    let given = |arg: &Arg| {
        let source = matches.value_source(arg.get_id().as_str());
        matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    };
    let excludes = |one, other| command.get_arg_conflicts_with(one).contains(&other);
    table.retain(|key, _| {
        let Some(arg) = options(command).find(|arg| arg.get_long() == Some(key)) else {
            return true;
        };
        let mut given = options(command).filter(|other| given(other));
        !given.any(|other| excludes(arg, other) || excludes(other, arg))
    });
    table
}

/// The definition, with the values of `table` as defaults. `path` leads to the table.
fn with_file(mut command: Command, table: &Table, path: &str) -> Result<Command, String> {
    for (key, value) in table {
        let at = format!("{path}{key}");
        if command.find_subcommand(key).is_some()
            && let Some(inner) = value.as_table()
        {
            let mut failed = None;
            command = command.mut_subcommand(key, |sub| {
                let unchanged = sub.clone();
                with_file(sub, inner, &format!("{at}.")).unwrap_or_else(|what| {
                    failed = Some(what);
                    unchanged
                })
            });
            if let Some(what) = failed {
                return Err(what);
            }
            continue;
        }
        let Some(arg) = options(&command).find(|arg| arg.get_long() == Some(key)) else {
            return Err(unknown(&command, path, key));
        };
        let id = arg.get_id().clone();
        let values = values(arg, value).map_err(|what| format!("{at}: {what}"))?;
        command = command.mut_arg(id, |arg| arg.default_values(values).required(false));
    }
    Ok(command)
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| arg.get_long().is_some_and(|long| long != FILE_OPTION))
}

fn values(arg: &Arg, value: &Value) -> Result<Vec<String>, &'static str> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    };
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(flag)) => Ok(vec![flag.to_string()]),
        (ArgAction::SetTrue, _) => Err("expected true or false"),
        (ArgAction::Append, Value::Array(items)) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items.ok_or("expected a list of texts")
        }
        (ArgAction::Append, value) => {
            scalar(value).map(|one| vec![one]).ok_or("expected a list of texts")
        }
        (_, value) => scalar(value).map(|one| vec![one]).ok_or("expected a text or a number"),
    }
}

fn unknown(command: &Command, path: &str, key: &str) -> String {
    let options = options(command).filter_map(Arg::get_long);
    let known = options.chain(command.get_subcommands().map(Command::get_name));
    let far = |name: &&str| strsim::damerau_levenshtein(name, key);
    let nearest = known.min_by_key(far).unwrap_or_default();
    format!("{path}{key} is no setting; the nearest one is {path}{nearest}")
}

/// What is wrong, without the words around it.
fn gist(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
