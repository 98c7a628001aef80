//! What is written from the definition of the command line: `docs/cli.md`, man pages, completions.

use std::io;

use clap::{Arg, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{NO_EFFECT, Program};

/// The text of `docs/cli.md`.
pub fn markdown() -> String {
    let mut command = Program::Sandboxd.command().disable_help_subcommand(true);
    command.build();
    let mut text = String::from(
        "# Command line\n\nWritten from the definition in `sandboxd/src/cli`; a test compares the \
         two, and\n`UPDATE_EXPECT=1 cargo test -p sandboxd` rewrites this file.\n\nThe value of an \
         option comes from the command line, else from the environment's variable, else\nfrom \
         `sandboxd.toml`, else it is the default. The file is looked for in the working directory, \
         or\nwhere `--config` says. Its keys are the options' long names; those of a command are in \
         a table of the\ncommand's name:\n\n```toml\nfinality-lag = 2\nallow-host = \
         [\"chain.local\"]\n\n[run]\nrpc-addr = \"127.0.0.1:4040\"\n```\n\nCalled by the name \
         `near-sandbox`, through a link for instance, the program is the same, but for\nneard's \
         form of `--version` and that it needs a command.\n\nThe log goes to standard error. \
         `NEAR_SANDBOX_LOG`, else `RUST_LOG`, says what of it: `info`, or `rpc=debug`\nfor a module. \
         `NEAR_SANDBOX_LOG_STYLE`, else `RUST_LOG_STYLE`, says whether in colors: `always` or \
         `never`.\n",
    );
    section(&command, &mut text);
    text
}

fn section(command: &Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let about = [about.trim_end_matches('.'), "."].concat();
    text.push_str(&["\n## ", name, "\n\n", &about, "\n\n"].concat());
    let own = |arg: &&Arg| arg.is_positional() || arg.get_env().is_some();
    let own = command.get_arguments().filter(|arg| own(arg) && !inherited(command, arg));
    let (ignored, obeyed): (Vec<&Arg>, Vec<&Arg>) =
        own.partition(|arg| arg.get_help_heading() == Some(NO_EFFECT));
    for arg in obeyed {
        text.push_str(&option(arg));
    }
    if !ignored.is_empty() {
        let names: Vec<_> = ignored.iter().map(|arg| format!("`{arg}`")).collect();
        text.push_str(&["\n", NO_EFFECT, ": ", &names.join(", "), ".\n"].concat());
    }
    if let Some(examples) = command.get_after_help() {
        let (examples, rest) = split_examples(&examples.to_string());
        text.push_str(&["\n```sh\n", &examples, "\n```\n"].concat());
        if !rest.is_empty() {
            text.push_str(&["\n", &rest, "\n"].concat());
        }
    }
    for sub in command.get_subcommands() {
        section(sub, text);
    }
}

/// Options for all commands are shown with the program.
fn inherited(command: &Command, arg: &Arg) -> bool {
    arg.is_global_set() && command.get_name() != Program::Sandboxd.name()
}

fn option(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut help = format!("{}.", help.map(ToString::to_string).unwrap_or_default());
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        help = format!("{help} Default: {}.", defaults.join(", "));
    }
    let variable = arg.get_env().map(|name| format!(", `{}`", name.to_string_lossy()));
    format!("- `{arg}`{}: {help}\n", variable.unwrap_or_default())
}

fn split_examples(text: &str) -> (String, String) {
    let text = text.strip_prefix("Examples:\n").unwrap_or(text);
    let (examples, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let examples: Vec<_> = examples.lines().map(str::trim_start).collect();
    (examples.join("\n"), rest.to_owned())
}

/// The completions of `shell` for the program that goes by the name it was called.
pub fn completions(program: Program, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program.command(), program.name(), &mut script);
    script
}

/// The man page of the command that the words of `of` lead to.
///
/// # Errors
/// `NotFound` if they lead to none.
pub fn man(program: Program, of: &[String]) -> io::Result<Vec<u8>> {
    let mut command = program.command();
    command.build();
    for name in of {
        let sub = command.find_subcommand(name).cloned();
        command = sub.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("there is no command {name}"))
        })?;
    }
    let name = command.get_bin_name().unwrap_or_default().replace(' ', "-");
    let mut page = Vec::new();
    Man::new(command.display_name(name)).render(&mut page)?;
    Ok(page)
}
