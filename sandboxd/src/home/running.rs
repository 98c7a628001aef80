//! The chain that runs from a home folder, reached by another process: a socket in the folder's
//! `data` answers what `view-state` asks. neard's is a database there that both can open.

use std::fs;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use near_chain_configs::GenesisConfig;
use near_primitives::state_record::StateRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dump::{DumpRequest, dump};
use super::{Home, HomeError, io_error};
use crate::chain::Node;

/// The folder of what belongs to a running chain; tools delete it between two runs.
const DATA: &str = "data";
const SOCKET: &str = "chain.sock";

/// How long a question may take to arrive, and each part of an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running chain that answers from its home folder, until this is dropped.
#[derive(Debug)]
pub struct Running {
    socket: PathBuf,
}

/// What is answered in the first line. Behind a genesis follow its records, one in a line, and then `null`, so
/// that an answer that breaks off is seen to.
#[derive(Deserialize, Serialize)]
enum Heading {
    Genesis(Box<GenesisConfig>),
    Refused(String),
}

/// The state of a chain that runs, as it comes.
#[derive(Debug)]
pub struct RunningDump {
    config: GenesisConfig,
    lines: BufReader<UnixStream>,
    from: PathBuf,
}

impl RunningDump {
    /// All but the records.
    pub fn config(&self) -> &GenesisConfig {
        &self.config
    }

    /// The records.
    pub fn records(&mut self) -> impl Iterator<Item = Result<StateRecord, HomeError>> + '_ {
        let mut line = String::new();
        std::iter::from_fn(move || {
            let record = read_line::<Option<StateRecord>>(&mut self.lines, &mut line);
            record.map_err(io_error(&self.from)).transpose()
        })
    }
}

fn read_line<T: DeserializeOwned>(from: &mut impl io::BufRead, line: &mut String) -> io::Result<T> {
    line.clear();
    from.read_line(line)?;
    Ok(serde_json::from_str(line)?)
}

impl Home {
    /// Lets other processes see the chain of `node`, which runs from this folder.
    ///
    /// # Errors
    /// `Running` if there is a chain that runs from it already.
    pub fn announce(&self, node: Node) -> Result<Running, HomeError> {
        let socket = self.socket();
        if UnixStream::connect(&socket).is_ok() {
            return Err(HomeError::Running { home: self.folder.clone() });
        }
        let listen = || {
            fs::create_dir_all(self.data())?;
            // Whoever was killed left it.
            drop(fs::remove_file(&socket));
            let listener = UnixListener::bind(&socket)?;
            std::thread::Builder::new().name("view-state".into()).spawn(move || {
                for stream in listener.incoming().flatten() {
                    if let Err(error) = answer(stream, &node) {
                        tracing::debug!(target: "chain", %error, "view-state went away");
                    }
                }
            })
        };
        if let Err(error) = listen() {
            // A path may be too long for a socket; the chain is good without one.
            let socket = socket.display();
            tracing::warn!(target: "chain", %socket, %error, "view-state cannot reach this chain");
        }
        Ok(Running { socket })
    }

    /// The state of the chain that runs from this folder, if one does.
    pub fn ask_running(&self, request: &DumpRequest) -> Result<Option<RunningDump>, HomeError> {
        let from = self.socket();
        let Ok(stream) = UnixStream::connect(&from) else { return Ok(None) };
        let asked = ask(stream, request).and_then(|stream| {
            let mut lines = BufReader::new(stream);
            Ok((read_line::<Heading>(&mut lines, &mut String::new())?, lines))
        });
        match asked.map_err(io_error(&from))? {
            (Heading::Genesis(config), lines) => {
                Ok(Some(RunningDump { config: *config, lines, from }))
            }
            (Heading::Refused(what), _) => Err(HomeError::Content { path: from, what }),
        }
    }

    /// The folder of what belongs to a running chain.
    pub fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    fn socket(&self) -> PathBuf {
        self.data().join(SOCKET)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A folder that is gone already needs no tidying.
        drop(fs::remove_file(&self.socket));
    }
}

fn ask(mut stream: UnixStream, request: &DumpRequest) -> io::Result<UnixStream> {
    stream.write_all(&serde_json::to_vec(request)?)?;
    stream.shutdown(Shutdown::Write)?;
    Ok(stream)
}

fn answer(mut stream: UnixStream, node: &Node) -> io::Result<()> {
    // One who says nothing, or takes nothing, does not keep the others waiting.
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let request: DumpRequest = serde_json::from_str(&text)?;
    let mut out = BufWriter::new(stream);
    let mut line = |line: &[u8]| out.write_all(line).and_then(|()| out.write_all(b"\n"));
    let dump = match dump(&node.view(), &request) {
        Ok(dump) => dump,
        Err(error) => {
            line(&serde_json::to_vec(&Heading::Refused(error.to_string()))?)?;
            return out.flush();
        }
    };
    line(&serde_json::to_vec(&Heading::Genesis(Box::new(dump.config().clone())))?)?;
    for record in dump.records() {
        line(&serde_json::to_vec(&record.map_err(io::Error::other)?)?)?;
    }
    line(b"null")?;
    out.flush()
}
