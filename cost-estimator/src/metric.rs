//! What is counted while a case runs: retired instructions, exactly, where there is a way to count
//! them; the clock, which works everywhere and repeats badly, otherwise.

mod callgrind;
mod client_request;
mod io;
mod perf;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

pub use callgrind::{counted_in, find as find_valgrind, said_by_valgrind};
pub use io::Io;

/// What a case is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Instructions that the processor retires in user mode.
    Instructions,
    /// Nanoseconds of wall time.
    Time,
}

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counter {
    /// The processor, asked through the kernel's `perf_event_open`.
    Perf,
    /// Valgrind's callgrind, which runs this program on a processor of its own.
    Callgrind,
    /// The clock.
    Clock,
}

impl Metric {
    /// The best counter that there is here.
    ///
    /// # Errors
    /// Where instructions are wanted and nothing counts them: the message says what would.
    pub fn counter(self) -> anyhow::Result<Counter> {
        if self == Metric::Time {
            return Ok(Counter::Clock);
        }
        let Err(refused) = perf::Instructions::open() else { return Ok(Counter::Perf) };
        if find_valgrind().is_some() {
            return Ok(Counter::Callgrind);
        }
        bail!(
            "nothing here counts instructions: the kernel refuses perf_event_open ({refused}), \
             and valgrind is not on the PATH; install it (apt-get install valgrind), allow the \
             kernel's counter (sysctl kernel.perf_event_paranoid=2, on a machine whose processor \
             shows it), or measure with --metric time"
        )
    }

    /// The unit of what is counted.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Instructions => "instructions",
            Metric::Time => "ns",
        }
    }
}

impl FromStr for Metric {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match name {
            "instructions" => Ok(Metric::Instructions),
            "time" => Ok(Metric::Time),
            _ => bail!("there is no metric {name}; there are instructions, time"),
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counter::Perf => "instructions, counted by the processor (perf_event_open)",
            Counter::Callgrind => "instructions, counted by valgrind's callgrind",
            Counter::Clock => "wall time",
        })
    }
}

/// A counter that is ready to count.
#[derive(Debug)]
pub struct Meter(Kind);

#[derive(Debug)]
enum Kind {
    Perf(perf::Instructions),
    Callgrind(callgrind::Dumps),
    Clock,
}

impl Meter {
    /// The meter of this process. Callgrind's works in a process that [`counted_in`] started, with
    /// the same path.
    pub fn open(counter: Counter, counts: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Meter(match counter {
            Counter::Perf => Kind::Perf(
                perf::Instructions::open().context("the kernel refuses perf_event_open")?,
            ),
            Counter::Clock => Kind::Clock,
            Counter::Callgrind => {
                if !client_request::is_under_valgrind() {
                    bail!("this process does not run under valgrind");
                }
                let counts = counts.context("callgrind needs a file for its counts")?;
                Kind::Callgrind(callgrind::Dumps::new(counts))
            }
        }))
    }

    /// What `work` takes, the bytes of files that it reads and writes, and what it returns.
    ///
    /// # Errors
    /// Also where the system does not count them.
    pub fn count_with_io<T>(&mut self, work: impl FnOnce() -> T) -> anyhow::Result<(f64, Io, T)> {
        let mut io = Ok(Io::default());
        let (amount, result) = self.count(|| {
            let before = Io::so_far();
            let result = work();
            io = before.and_then(|before| Ok(Io::so_far()?.without(before)));
            result
        })?;
        Ok((amount, io?, result))
    }

    /// What `work` takes, and what it returns.
    pub fn count<T>(&mut self, work: impl FnOnce() -> T) -> anyhow::Result<(f64, T)> {
        match &mut self.0 {
            Kind::Perf(instructions) => instructions.count(work),
            Kind::Callgrind(dumps) => dumps.count(work),
            Kind::Clock => Ok(nanoseconds(work)),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "measuring time is what this crate is for")]
fn nanoseconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e9, result)
}

#[cfg(test)]
mod tests {
    use super::{Counter, Meter, Metric};

    #[test]
    fn there_is_a_counter_or_a_message_that_says_how_to_get_one() {
        assert_eq!(Metric::Time.counter().expect("a clock"), Counter::Clock);
        match Metric::Instructions.counter() {
            Ok(counter) => assert_ne!(counter, Counter::Clock),
            Err(error) => assert!(error.to_string().contains("apt-get install valgrind")),
        }
    }

    #[test]
    fn callgrind_counts_only_where_valgrind_runs_the_process() {
        let error = Meter::open(Counter::Callgrind, None).expect_err("not under valgrind");
        assert!(error.to_string().contains("valgrind"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn bytes_of_files_are_counted() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        let mut meter = Meter::open(Counter::Clock, None)?;
        let (_, nothing, ()) = meter.count_with_io(|| ())?;
        let (_, io, _) = meter.count_with_io(|| {
            std::fs::write(&path, vec![7; 100_000]).and_then(|()| std::fs::read(&path))
        })?;
        let io = io.without(nothing);
        // Other tests read and write at the same time.
        assert!(io.read >= 99_000.0 && io.written >= 99_000.0, "{io:?}");
        Ok(())
    }

    #[test]
    fn the_clock_goes_on() {
        let mut meter = Meter::open(Counter::Clock, None).expect("a clock");
        let (taken, bytes) = meter.count(|| vec![0u8; 1 << 20]).expect("counted");
        assert!(taken > 0.0 && bytes.len() == 1 << 20);
    }
}
