//! The process that is cosmwasm-vm: see `vm-runner/peers`.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// The path of the program; without it there is no such column.
pub(crate) const VARIABLE: &str = "COSMWASM_PEER";

/// A process that is asked.
pub(crate) struct Peer {
    process: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    contracts: TempDir,
}

impl Peer {
    pub(crate) fn start(program: &OsStr) -> Result<Self> {
        let mut command = Command::new(program);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take().context("its input")?;
        let output = process.stdout.take().context("its output")?;
        let pipes = RefCell::new((input, BufReader::new(output)));
        Ok(Peer { process, pipes, contracts: tempfile::tempdir()? })
    }

    /// Gives it a contract.
    pub(crate) fn add(&self, name: &str, wasm: &[u8]) -> Result<()> {
        let file = self.contracts.path().join(name);
        fs::write(&file, wasm)?;
        self.ask(&format!("add {name} {}", file.display())).map(drop)
    }

    /// How long it took.
    pub(crate) fn time(&self, request: &str) -> Result<Duration> {
        self.ask(request).map(Duration::from_nanos)
    }

    pub(crate) fn ask(&self, request: &str) -> Result<u64> {
        let mut pipes = self.pipes.borrow_mut();
        let (input, output) = &mut *pipes;
        writeln!(input, "{request}")?;
        let mut answer = String::new();
        output.read_line(&mut answer)?;
        answer.trim().parse().with_context(|| format!("{request}: {answer}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
