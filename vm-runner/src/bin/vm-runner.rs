//! `vm-runner replay FIXTURE`: runs a call again on which engines differed.

use std::io::{self, Write};
use std::process::ExitCode;

use vm_runner::near::{
    Fixture, InvalidFees, InvalidFixture, Replayed, fees_from_json, shrink, topics,
};

const USAGE: &str = "usage: vm-runner replay [--shrink] [--fees FEES] FIXTURE

Runs the call in FIXTURE on the engines that it names, and tells what each makes of it. Ends with 0
when they agree, 1 when they differ, 2 when the fixture cannot be run.

  --shrink     makes it smaller while they differ, and writes the result to FIXTURE.min
  --fees FEES  charges the prices in this file, as `cost-estimator run` writes it; those that it
               does not name stay as they are in FIXTURE";

/// Bytes of an effect that are shown.
const SHOWN: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] | ["replay", "--help" | "-h"] => say(USAGE).map(|()| false),
        ["replay", rest @ ..] => Replay::from_arguments(rest).and_then(|replay| replay.run()),
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
    #[error("{0}: {1}")]
    Fees(String, InvalidFees),
    #[error("the engines agree, so there is nothing to make smaller")]
    Agree,
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What is to be run again, and how.
#[derive(Default)]
struct Replay<'a> {
    path: &'a str,
    fees: Option<&'a str>,
    shrinks: bool,
}

impl<'a> Replay<'a> {
    fn from_arguments(arguments: &[&'a str]) -> Result<Self, Error> {
        let mut replay = Replay::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--shrink" => replay.shrinks = true,
                "--fees" => replay.fees = Some(arguments.next().ok_or(Error::Usage)?),
                path if replay.path.is_empty() && !path.starts_with('-') => replay.path = path,
                _ => return Err(Error::Usage),
            }
        }
        if replay.path.is_empty() { Err(Error::Usage) } else { Ok(replay) }
    }

    /// Whether the engines differ.
    fn run(&self) -> Result<bool, Error> {
        let mut fixture = Fixture::from_json(&read(self.path)?)?;
        if let Some(path) = self.fees {
            let changed = fees_from_json(&read(path)?).and_then(|fees| fixture.with_fees(&fees));
            fixture = changed.map_err(|error| Error::Fees(path.to_owned(), error))?;
        }
        if self.shrinks {
            return smaller(self.path, &fixture);
        }
        show(&fixture, &fixture.run(fixture.engines()?)?)
    }
}

fn read(path: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File(path.to_owned(), error))
}

fn smaller(path: &str, fixture: &Fixture) -> Result<bool, Error> {
    // Named once, so that what is wrong with the names is told before the work.
    fixture.engines()?;
    let engines = || fixture.engines().unwrap_or_default();
    let small = shrink(fixture, &engines)?.ok_or(Error::Agree)?;
    let to = format!("{path}.min");
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
