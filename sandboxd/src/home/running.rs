//! The chain that runs from a home folder, reached by another process: a socket in the folder's
//! `data` answers what `view-state` asks. neard's is a database there that both can open.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use near_chain_configs::Genesis;
use serde::{Deserialize, Serialize};

use super::dump::{DumpRequest, dump};
use super::{Home, HomeError, io_error};
use crate::chain::Node;

/// The folder of what belongs to a running chain; tools delete it between two runs.
const DATA: &str = "data";
const SOCKET: &str = "chain.sock";

/// How long a question may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running chain that answers from its home folder, until this is dropped.
#[derive(Debug)]
pub struct Running {
    socket: PathBuf,
}

#[derive(Deserialize, Serialize)]
enum DumpAnswer {
    Genesis(Box<Genesis>),
    Refused(String),
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
    pub fn ask_running(&self, request: &DumpRequest) -> Result<Option<Genesis>, HomeError> {
        let socket = self.socket();
        let Ok(stream) = UnixStream::connect(&socket) else { return Ok(None) };
        let text = ask(stream, request).map_err(io_error(&socket))?;
        match serde_json::from_str(&text) {
            Ok(DumpAnswer::Genesis(genesis)) => Ok(Some(*genesis)),
            Ok(DumpAnswer::Refused(what)) => Err(HomeError::Content { path: socket, what }),
            Err(error) => Err(HomeError::Content { path: socket, what: error.to_string() }),
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

fn ask(mut stream: UnixStream, request: &DumpRequest) -> io::Result<String> {
    stream.write_all(&serde_json::to_vec(request)?)?;
    stream.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn answer(mut stream: UnixStream, node: &Node) -> io::Result<()> {
    // One who says nothing does not keep the others waiting.
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let request: DumpRequest = serde_json::from_str(&text)?;
    let answer = match dump(&node.view(), &request) {
        Ok(genesis) => DumpAnswer::Genesis(Box::new(genesis)),
        Err(error) => DumpAnswer::Refused(error.to_string()),
    };
    stream.write_all(&serde_json::to_vec(&answer)?)
}
