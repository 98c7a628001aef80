//! Runs cases in processes of their own, which a counter may have to start in its own way, and
//! notes what they measured at once: a run that is cut off goes on where it was.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::measure::{Effort, Measured, WarmUp, measure};
use crate::metric::{self, Counter, Meter};

/// What a run measures with; a run goes on only from one that measured alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Who counts.
    pub counter: Counter,
    /// The engine that contracts run on.
    pub vm: String,
    /// Whether every size is measured once only.
    pub quick: bool,
    /// What names the program that is measured: its version and its size.
    pub program: String,
    /// What the program makes its cases of, in its own words.
    #[serde(default)]
    pub subject: String,
}

impl Setup {
    /// The setup of this program.
    pub fn new(counter: Counter, vm: &str, quick: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let file = program.metadata().context("this program cannot look at itself")?;
        let program = format!("{} {}", env!("CARGO_PKG_VERSION"), file.len());
        Ok(Setup { counter, vm: vm.to_owned(), quick, program, subject: String::new() })
    }

    /// The same, with cases that the program makes of `subject`.
    #[must_use]
    pub fn of(self, subject: String) -> Self {
        Setup { subject, ..self }
    }

    /// How often every size is measured.
    pub fn effort(&self) -> Effort {
        match (self.counter, self.quick) {
            (Counter::Clock, false) => Effort::NOISY,
            (Counter::Clock, true) => Effort { warm_up: WarmUp::Rounds(1), rounds: 5 },
            (_, false) => Effort::EXACT,
            (_, true) => Effort::QUICK,
        }
    }

    /// Processes that measure at the same time: counts do not disturb each other, times do.
    fn jobs(&self) -> usize {
        match self.counter {
            Counter::Clock => 1,
            _ => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What a measuring process is told, in this variable.
const TASK: &str = "COST_ESTIMATOR_TASK";

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    setup: Setup,
    /// Where callgrind writes its counts.
    counts: PathBuf,
    cases: Vec<String>,
}

/// To be called first by a program that calls [`supervise`]: where this process was started by it,
/// this measures, and the answer is true: there is nothing else to do. `cases` are all that there
/// are.
pub fn serve(cases: impl FnOnce(&Setup) -> anyhow::Result<Vec<Case>>) -> anyhow::Result<bool> {
    let Ok(task) = std::env::var(TASK) else { return Ok(false) };
    let task: Task = serde_json::from_str(&task).context("this process was told nonsense")?;
    let mut cases = cases(&task.setup)?;
    cases.retain(|case| task.cases.contains(&case.name));
    work(&cases, &task.setup, &task.counts, &mut std::io::stdout().lock())?;
    Ok(true)
}

fn work(cases: &[Case], setup: &Setup, counts: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let mut meter = Meter::open(setup.counter, Some(counts))?;
    // Engines compile on this thread too: it is the one that is counted, and others that wait for
    // work count as well. What a case compiles on another thread has one of its own, since this one may
    // wait for it.
    let one_thread = || rayon::ThreadPoolBuilder::new().num_threads(1);
    one_thread().build_global()?;
    let _own = one_thread().use_current_thread().build()?;
    for case in cases {
        let measured = measure(case, setup.effort(), &mut meter).unwrap_or_else(|error| Measured {
            case: case.name.clone(),
            points: Vec::new(),
            failure: Some(format!("{error:#}")),
        });
        serde_json::to_writer(&mut *out, &measured)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// Measures `cases` in processes that run this program again, which has to call [`serve`]. What the
/// file at `journal` has already is not measured again.
pub fn supervise(
    cases: &[Case],
    setup: &Setup,
    journal: &Path,
    progress: &mut dyn FnMut(usize, &str),
) -> anyhow::Result<Vec<Measured>> {
    let (mut journal, mut done) = Journal::open(journal, setup)?;
    let left: Vec<&Case> =
        cases.iter().filter(|case| done.iter().all(|done| done.case != case.name)).collect();
    let jobs = setup.jobs().min(left.len());
    progress(cases.len() - left.len(), "");
    let (sender, receiver) = mpsc::channel();
    // The last first: those of a state on disk take the longest.
    let queue = Mutex::new(left.rchunks(CHUNK));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(chunk) = next else { return };
                    let result = child(chunk, setup, |measured| sender.send(Ok(measured)).is_ok());
                    if let Err(error) = result {
                        // Whoever listens has ended for another reason.
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut count = cases.len() - left.len();
        for measured in receiver {
            let measured: Measured = measured?;
            journal.note(&measured)?;
            count += 1;
            progress(count, &measured.case);
            done.push(measured);
        }
        Ok(done)
    })
}

/// Cases that a process measures: starting one takes a second under valgrind.
const CHUNK: usize = 8;

/// Without the processor's instruction that copies any number of bytes, which counts as one, as as
/// many, or as something else.
const TUNABLES: &str = concat!(
    "glibc.cpu.x86_rep_movsb_threshold=1073741824",
    ":glibc.cpu.x86_rep_stosb_threshold=1073741824",
);

/// Measures `cases` in a process. Its own messages go where ours go.
fn child(
    cases: &[&Case],
    setup: &Setup,
    mut each: impl FnMut(Measured) -> bool,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let counts = folder.path().join("counts");
    let mut command = match setup.counter {
        Counter::Callgrind => {
            let valgrind =
                metric::find_valgrind().context("valgrind is not on the PATH any more")?;
            metric::counted_in(&counts, &valgrind, &program)
        }
        Counter::Perf | Counter::Clock => Command::new(&program),
    };
    let names = cases.iter().map(|case| case.name.clone()).collect();
    let task = Task { setup: setup.clone(), counts, cases: names };
    // Also what a process leaves that is killed goes with the folder.
    command.env("TMPDIR", folder.path());
    command.env("GLIBC_TUNABLES", TUNABLES).env(TASK, serde_json::to_string(&task)?);
    let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
    let process =
        process.as_mut().map_err(|error| anyhow::anyhow!("cannot start {command:?}: {error}"))?;
    let output = process.stdout.take().context("the output is a pipe")?;
    let mut count = 0;
    for line in BufReader::new(output).lines() {
        let line = line.context("the measuring process cannot be read")?;
        let measured = serde_json::from_str(&line)
            .with_context(|| format!("the measuring process wrote {line:?}"))?;
        count += 1;
        if !each(measured) {
            break;
        }
    }
    let status = process.wait()?;
    if !status.success() || count < cases.len() {
        let at = cases.get(count).map(|case| format!("{} ({})", case.name, case.at));
        let said = metric::said_by_valgrind(&task.counts);
        bail!("the measuring process ended with {status} at {}{said}", at.unwrap_or_default());
    }
    Ok(())
}

/// What was measured so far, a line each behind one that says with what.
struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal at `path`, with what it has if that was measured with `setup`.
    fn open(path: &Path, setup: &Setup) -> anyhow::Result<(Self, Vec<Measured>)> {
        let cannot = || format!("cannot write {}", path.display());
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = before.lines();
        let same = lines.next().and_then(|line| serde_json::from_str::<Setup>(line).ok());
        if same.as_ref() == Some(setup) {
            // A line that was cut off is the last one.
            let done = lines.map_while(|line| serde_json::from_str(line).ok()).collect();
            let mut file = OpenOptions::new().append(true).open(path).with_context(cannot)?;
            if !before.ends_with('\n') {
                writeln!(file).with_context(cannot)?;
            }
            return Ok((Journal { file, path: path.to_owned() }, done));
        }
        let mut file = File::create(path).with_context(cannot)?;
        serde_json::to_writer(&mut file, setup)?;
        writeln!(file).with_context(cannot)?;
        Ok((Journal { file, path: path.to_owned() }, Vec::new()))
    }

    fn note(&mut self, measured: &Measured) -> anyhow::Result<()> {
        let line = serde_json::to_string(measured)?;
        writeln!(self.file, "{line}")
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Setup};
    use crate::measure::Measured;
    use crate::metric::Counter;

    fn setup(vm: &str) -> Setup {
        let (program, subject) = ("1".into(), String::new());
        Setup { counter: Counter::Clock, vm: vm.into(), quick: false, program, subject }
    }

    #[test]
    fn a_run_goes_on_where_it_was_cut_off_if_it_measures_alike() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("journal");
        let measured =
            |case: &str| Measured { case: case.into(), points: Vec::new(), failure: None };
        let (mut journal, done) = Journal::open(&path, &setup("winch"))?;
        assert_eq!(done, []);
        journal.note(&measured("one"))?;
        journal.note(&measured("two"))?;
        let whole = std::fs::read_to_string(&path)?;
        std::fs::write(&path, &whole[..whole.len() - 5])?;
        let (_, done) = Journal::open(&path, &setup("winch"))?;
        assert_eq!(done, [measured("one")]);
        let (_, done) = Journal::open(&path, &setup("cranelift"))?;
        assert_eq!(done, []);
        Ok(())
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing/journal");
        let error = Journal::open(&path, &setup("winch")).map(|_| ()).expect_err("no folder");
        assert!(error.to_string().contains("missing/journal"), "{error}");
    }
}
