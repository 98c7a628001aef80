//! The bodies of answers: most are there as a whole, and those that may be as long as a chain come in pieces.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

pub(super) enum Outgoing {
    Whole(Full<Bytes>),
    Pieces(Pieces),
}

/// A body in pieces. An error in their place ends the connection, so that the client sees that there is not all.
pub(super) struct Pieces {
    first: Option<Bytes>,
    more: Receiver<io::Result<Bytes>>,
    kept: Option<Box<dyn Any + Send>>,
}

impl Pieces {
    pub(super) fn new(first: Bytes, more: Receiver<io::Result<Bytes>>) -> Self {
        Self { first: Some(first), more, kept: None }
    }
}

impl Outgoing {
    /// The same, which keeps `guard` until it is taken as far as it goes.
    pub(super) fn keeping(mut self, guard: impl Any + Send) -> Self {
        if let Self::Pieces(pieces) = &mut self {
            pieces.kept = Some(Box::new(guard));
        }
        self
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl From<Bytes> for Outgoing {
    fn from(whole: Bytes) -> Self {
        Self::Whole(Full::new(whole))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(whole) => {
                let frame = Pin::new(whole).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Pieces(pieces) => {
                if let Some(first) = pieces.first.take() {
                    return Poll::Ready(Some(Ok(Frame::data(first))));
                }
                let next = pieces.more.poll_recv(context);
                next.map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(whole) if whole.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
