//! `vm-runner replay FIXTURE`: runs a call again on which engines differed.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use vm_runner::near::{Fixture, InvalidFixture, Replayed, shrink, topics};

const USAGE: &str = "usage: vm-runner replay [--shrink] FIXTURE

Runs the call in FIXTURE on the engines that it names, and tells what each makes of it. Ends with 0
when they agree, 1 when they differ, 2 when the fixture cannot be run.

  --shrink  makes it smaller while they differ, and writes the result to FIXTURE.min";

/// Bytes of an effect that are shown.
const SHOWN: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] | ["replay", "--help" | "-h"] => say(USAGE).map(|()| false),
        ["replay", "--shrink", path] | ["replay", path, "--shrink"] => smaller(Path::new(path)),
        ["replay", path] => replay(Path::new(path)),
        _ => Err(Error::Usage),
    };
    match done {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(error) => {
            // Nobody is left to be told when this fails, too.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{USAGE}")]
    Usage,
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error(transparent)]
    Fixture(#[from] InvalidFixture),
    #[error("the engines agree, so there is nothing to make smaller")]
    Agree,
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn read(path: &Path) -> Result<Fixture, Error> {
    let json = std::fs::read_to_string(path);
    let json = json.map_err(|error| Error::File(path.display().to_string(), error))?;
    Ok(Fixture::from_json(&json)?)
}

/// Whether the engines differ.
fn replay(path: &Path) -> Result<bool, Error> {
    let fixture = read(path)?;
    show(&fixture, &fixture.run(fixture.engines()?)?)
}

fn smaller(path: &Path) -> Result<bool, Error> {
    let fixture = read(path)?;
    // Named once, so that what is wrong with the names is told before the work.
    fixture.engines()?;
    let engines = || fixture.engines().unwrap_or_default();
    let small = shrink(&fixture, &engines)?.ok_or(Error::Agree)?;
    let to = format!("{}.min", path.display());
    std::fs::write(&to, small.to_json()?).map_err(|error| Error::File(to.clone(), error))?;
    let differs = show(&small, &small.run(small.engines()?)?)?;
    say(&format!("written to {to}"))?;
    Ok(differs)
}

fn show(fixture: &Fixture, runs: &[Replayed]) -> Result<bool, Error> {
    let bytes = fixture.module().len();
    say(&format!("{} of a module of {bytes} bytes, {} gas", fixture.method, fixture.gas()))?;
    for Replayed { engine, end, burnt, used, .. } in runs {
        say(&format!("{engine}: {end}; {burnt} gas burnt, {used} used"))?;
    }
    let topics = topics(runs);
    for topic in &topics {
        for Replayed { engine, observed, .. } in runs {
            let found = observed.iter().find(|(name, _)| name == topic);
            let shown = found.map_or("nothing".to_owned(), |(_, bytes)| shorten(bytes));
            say(&format!("  {topic}, {engine}: {shown}"))?;
        }
    }
    if topics.is_empty() {
        say("the engines agree")?;
    } else {
        say(&format!("the engines differ in {}", topics.join(", ")))?;
    }
    Ok(!topics.is_empty())
}

fn shorten(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN.min(bytes.len())).unwrap_or_default();
    let more = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_ascii())
}

fn say(line: &str) -> Result<(), Error> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
