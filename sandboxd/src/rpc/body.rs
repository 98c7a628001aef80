//! Reads the bodies of requests: within their limits, and so that a long one does not hold up those
//! who ask for little.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Incoming};

use super::config::RpcConfig;
use super::http::{Response, last, text};
use super::places::{Place, Places};

/// Up to here a body is read, and its JSON too, as it comes.
pub(super) const SHORT: usize = 1 << 16;

/// Reads bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    most: usize,
    longest: Duration,
    /// The bytes of long bodies, so that many of them at once do not fill the memory.
    bytes: Arc<Places>,
}

/// Does what takes as long as `bytes` of JSON are many. Other connections of this thread move to
/// another one if that is long.
pub(super) fn beside_others<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes > SHORT { tokio::task::block_in_place(work) } else { work() }
}

/// A whole body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// The memory that it takes is counted until this goes.
    _place: Option<Place>,
}

impl Bodies {
    pub(super) fn new(config: &RpcConfig) -> Self {
        let most = config.max_body_bytes;
        let bytes = Places::new(config.limits.max_bytes.max(most));
        Self { most, longest: config.limits.body_timeout, bytes }
    }

    pub(super) fn bytes(&self) -> &Places {
        &self.bytes
    }

    /// Reads a whole body, unless it is too long or takes too long.
    pub(super) async fn read(&self, body: Incoming) -> Result<Body, Response> {
        if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > self.most) {
            tokio::spawn(discard(body, self.most));
            return Err(self.too_long());
        }
        let mut whole = pin!(self.collect(body));
        // Most bodies came with the head: the connection hands them over when it is looked at
        // again. Only for others it pays to start a timer.
        let mut looks = 0;
        let came = poll_fn(|context| match whole.as_mut().poll(context) {
            Poll::Ready(whole) => Poll::Ready(Some(whole)),
            Poll::Pending if looks == 0 => {
                looks = 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(whole) = came.await {
            return whole;
        }
        match Box::pin(tokio::time::timeout(self.longest, whole)).await {
            Ok(whole) => whole,
            Err(_elapsed) => {
                let error = format!("request body took longer than {:?}", self.longest);
                Err(last(text(StatusCode::REQUEST_TIMEOUT, error)))
            }
        }
    }

    async fn collect(&self, mut body: Incoming) -> Result<Body, Response> {
        let first = frame(&mut body).await?.unwrap_or_default();
        if body.is_end_stream() && first.len() <= SHORT.min(self.most) {
            return Ok(Body { bytes: first, _place: None });
        }
        let (mut bytes, mut place) = (Vec::from(first), None::<Place>);
        while bytes.len() <= self.most
            && let Some(more) = frame(&mut body).await?
        {
            // Put together as it comes: the pieces and the whole would be twice as much.
            bytes.extend_from_slice(&more);
            if bytes.len() > SHORT {
                place = self.place_for(place, bytes.len());
                if place.is_none() {
                    return Err(self.too_many());
                }
                // There is always more to read at once where the client is this machine.
                tokio::task::yield_now().await;
            }
        }
        if bytes.len() > self.most {
            tokio::spawn(discard(body, self.most));
            return Err(self.too_long());
        }
        Ok(Body { bytes: bytes.into(), _place: place })
    }

    /// The place of a body that has become `bytes` long, if there is one. It has room to grow.
    fn place_for(&self, place: Option<Place>, bytes: usize) -> Option<Place> {
        let room = bytes.saturating_mul(2).min(self.most.max(SHORT));
        place.filter(|place| place.count() >= bytes).or_else(|| self.bytes.take_many(room))
    }

    fn too_many(&self) -> Response {
        let limit = self.bytes.limit();
        let why = format!("requests of {limit} bytes are being read already: try again later");
        last(text(StatusCode::SERVICE_UNAVAILABLE, why))
    }

    fn too_long(&self) -> Response {
        let error = format!("request body is longer than {} bytes", self.most);
        last(text(StatusCode::PAYLOAD_TOO_LARGE, error))
    }
}

/// How long a client may go on with a body that was refused.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes what is left of a body that was refused, within bounds: a client that sees its connection
/// break while it sends does not see the answer.
pub(super) async fn discard(mut body: Incoming, most: usize) {
    let taken = async {
        let mut length = 0_usize;
        while length <= most
            && let Ok(Some(bytes)) = frame(&mut body).await
        {
            length = length.saturating_add(bytes.len());
            tokio::task::yield_now().await;
        }
    };
    // Whoever takes longer is left to its own.
    drop(tokio::time::timeout(FAREWELL, taken).await);
}

/// The next bytes of a body; `None` at its end.
pub(super) async fn frame(body: &mut Incoming) -> Result<Option<Bytes>, Response> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(error)) => {
                return Err(text(
                    StatusCode::BAD_REQUEST,
                    format!("request body broke off: {error}"),
                ));
            }
        }
    }
}
