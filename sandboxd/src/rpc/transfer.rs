//! `/sandbox/state`: all chains of the node as a file that comes and goes in pieces, so that neither side has it
//! in memory. What the file is, [`crate::chain_file`] and [`crate::home::dump`] know.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderValue};
use http::{StatusCode, Uri};
use hyper::body::{Buf as _, Bytes, Incoming};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use super::body::{discard, frame};
use super::gate::Gate;
use super::http::{Response, json, last, text};
use super::methods::Api;
use super::outgoing::{Outgoing, Pieces};
use super::places::{Place, Places};
use crate::chain::InvalidImage;
use crate::chain_file::{self, ChainFileFailed};
use crate::home::{DumpRequest, dump};

/// So many bytes go at once,
const PIECE: usize = 1 << 18;
/// and so many pieces may wait for the other side.
const WAITING: usize = 2;
/// So many bytes have to come, or go, in the time that a body may take.
const PACE: usize = 1 << 20;

/// Sends and takes files.
#[derive(Debug)]
pub(super) struct Transfers {
    places: Arc<Places>,
    /// How long a part of a file may take.
    patience: Duration,
}

/// What a file that goes out is.
enum Format {
    Chain,
    Genesis,
}

impl Transfers {
    pub(super) fn new(limit: usize, patience: Duration) -> Self {
        Self { places: Places::new(limit), patience }
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Lets one more come or go, or says why not.
    fn place(&self, gate: &Gate, headers: &HeaderMap) -> Result<Place, (StatusCode, String)> {
        gate.check_origin(headers).map_err(|why| (StatusCode::FORBIDDEN, why))?;
        self.places.take().ok_or_else(|| {
            let limit = self.places.limit();
            let why = format!("{limit} states come or go already: try again later");
            (StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }

    /// Answers with the chains of the node, or with its latest state as a genesis.
    pub(super) async fn dump(
        &self,
        api: &Api,
        gate: &Gate,
        (uri, headers): (&Uri, &HeaderMap),
    ) -> Response {
        let format = match uri.query() {
            None | Some("format=chain") => Format::Chain,
            Some("format=genesis") => Format::Genesis,
            Some(_) => {
                let why = "format has to be chain or genesis".to_owned();
                return text(StatusCode::BAD_REQUEST, why);
            }
        };
        let place = match self.place(gate, headers) {
            Ok(place) => place,
            Err((status, why)) => return text(status, why),
        };
        let Some(chains) = api.node.chains().await else { return stopped() };
        let (sender, mut receiver) = channel(WAITING);
        let content_type = match format {
            Format::Chain => "application/octet-stream",
            Format::Genesis => "application/json",
        };
        let mut out = Outlet { sender, bytes: Vec::new(), patience: self.patience };
        drop(spawn_blocking(move || {
            let _place = place;
            let written = match format {
                Format::Chain => {
                    chain_file::write(&chains, &mut out).map_err(|error| match error {
                        ChainFileFailed::Io(error) => error,
                        ChainFileFailed::Image(InvalidImage::Fork) => {
                            io::Error::new(io::ErrorKind::Unsupported, InvalidImage::Fork)
                        }
                        error @ ChainFileFailed::Image(_) => io::Error::other(error),
                    })
                }
                Format::Genesis => dump(&chains.current, &DumpRequest::default())
                    .and_then(|dump| dump.write(&mut out))
                    .map_err(io::Error::other),
            };
            if let Err(error) = written.and_then(|()| out.flush()) {
                out.fail(error);
            }
        }));
        // Before anything is said it can still be refused.
        match receiver.recv().await {
            Some(Ok(first)) => {
                let mut response = Response::new(Outgoing::Pieces(Pieces::new(first, receiver)));
                let content_type = HeaderValue::from_static(content_type);
                response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
                response
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::Unsupported => {
                text(StatusCode::BAD_REQUEST, error.to_string())
            }
            Some(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            None => stopped(),
        }
    }

    /// Puts the chains that come in the place of the node's.
    pub(super) async fn load(
        &self,
        api: &Api,
        gate: &Gate,
        headers: &HeaderMap,
        mut body: Incoming,
    ) -> Response {
        let _place = match self.place(gate, headers) {
            Ok(place) => place,
            Err((status, why)) => return last(text(status, why)),
        };
        let options = api.chain().options().clone();
        let (sender, receiver) = channel(WAITING);
        let inlet = Inlet { receiver, bytes: Bytes::new() };
        let read = spawn_blocking(move || chain_file::read(inlet, &options));
        let come = self.feed(&mut body, sender).await;
        let read = read.await;
        if let Err(refusal) = come {
            return last(refusal);
        }
        match read {
            Ok(Ok(chains)) => {
                let height = chains.current.head().height();
                match api.node.put_chains(chains).await {
                    Some(()) => {
                        json(StatusCode::OK, json!({ "height": height }).to_string().into_bytes())
                    }
                    None => stopped(),
                }
            }
            Ok(Err(invalid)) => {
                tokio::spawn(discard(body, PACE));
                last(text(StatusCode::BAD_REQUEST, format!("state: {invalid}")))
            }
            Err(_panicked) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, "the state could not be read".to_owned())
            }
        }
    }

    /// Hands on what comes, as long as somebody reads it and it comes fast enough.
    async fn feed(&self, body: &mut Incoming, to: Sender<Bytes>) -> Result<(), Response> {
        let (mut bytes, mut left) = (0_usize, self.patience);
        loop {
            let asked = Instant::now();
            let Ok(next) = tokio::time::timeout(left, frame(body)).await else {
                let why = format!("{PACE} bytes of the body took longer than {:?}", self.patience);
                return Err(text(StatusCode::REQUEST_TIMEOUT, why));
            };
            let Some(next) = next? else { return Ok(()) };
            left = left.saturating_sub(asked.elapsed());
            bytes = bytes.saturating_add(next.len());
            if bytes >= PACE {
                (bytes, left) = (0, self.patience);
            }
            if to.send(next).await.is_err() {
                return Ok(());
            }
        }
    }
}

fn stopped() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "the node has stopped".to_owned())
}

/// What is written here goes to a client.
struct Outlet {
    sender: Sender<io::Result<Bytes>>,
    bytes: Vec<u8>,
    patience: Duration,
}

impl Outlet {
    fn send(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        let sent = tokio::time::timeout(self.patience, self.sender.send(piece));
        match Handle::current().block_on(sent) {
            Ok(Ok(())) => Ok(()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn fail(&self, error: io::Error) {
        tracing::debug!(target: "rpc", %error, "a state was not sent to its end");
        // Whoever is gone need not know.
        drop(self.send(Err(error)));
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.bytes);
        self.send(Ok(piece.into()))
    }
}

/// What comes from a client is read here.
struct Inlet {
    receiver: Receiver<Bytes>,
    bytes: Bytes,
}

impl Read for Inlet {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.bytes.is_empty() {
            match self.receiver.blocking_recv() {
                Some(bytes) => self.bytes = bytes,
                None => return Ok(0),
            }
        }
        (&mut self.bytes).reader().read(into)
    }
}
