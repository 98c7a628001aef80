//! One address of a node, and how one request to it ends.

use std::fmt;
use std::time::{Duration, Instant};

use http::Uri;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::ClientOptions;
use super::error::{FailureKind, RemoteError};

/// The longest answer that is read: the state of a block with all its receipts fits in.
const MAX_ANSWER_BYTES: u64 = 128 << 20;

/// The address of a node's JSON-RPC, and when it may be asked again after it failed.
pub struct Endpoint {
    url: Uri,
    name: String,
    agent: ureq::Agent,
    rest: Mutex<Rest>,
}

/// Until when an endpoint rests.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// Until then others are asked before it.
    behind_others: Option<Instant>,
    /// Until then it is not asked at all.
    not_asked: Option<Instant>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.name)
    }
}

/// The error object of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Declined {
    #[serde(default)]
    pub(super) cause: Cause,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) data: Value,
}

/// What neard says was wrong.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Cause {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) info: Value,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.cause.name.is_empty() { &self.message } else { &self.cause.name };
        write!(f, "{name}")?;
        match (&self.data, self.cause.info.get("error_message")) {
            (Value::String(text), _) | (_, Some(Value::String(text))) => write!(f, " ({text})"),
            _ => Ok(()),
        }
    }
}

/// What one request brought.
pub(super) enum Answer {
    Result(Box<RawValue>),
    Declined(Declined),
}

/// Why one request brought no answer.
pub(super) struct NoAnswer {
    pub(super) why: String,
    pub(super) kind: FailureKind,
    /// How long the endpoint asks not to be asked again.
    pub(super) retry_after: Option<Duration>,
}

impl NoAnswer {
    fn busy(why: impl Into<String>) -> Self {
        Self { why: why.into(), kind: FailureKind::Unreachable, retry_after: None }
    }
}

#[derive(Deserialize)]
struct Envelope {
    result: Option<Box<RawValue>>,
    error: Option<Declined>,
}

/// Errors by which a node says that it may have an answer later.
const LATER: &[&str] = &[
    "INTERNAL_ERROR",
    "NOT_SYNCED_YET",
    "NO_SYNCED_BLOCKS",
    "TIMEOUT_ERROR",
    "TOO_MANY_REQUESTS",
    "UNAVAILABLE_SHARD",
];

fn left(until: Option<Instant>) -> Duration {
    until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
}

impl Endpoint {
    /// An endpoint at `url`, which is `http` or `https`.
    pub(super) fn new(url: &str, options: &ClientOptions) -> Result<Self, RemoteError> {
        let invalid = |why: &str| RemoteError::InvalidEndpoint { why: why.to_owned() };
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid("it has to begin with http:// or https://"));
        }
        let url: Uri = url.parse().map_err(|_| invalid("it is no URL"))?;
        let authority = url.authority().ok_or_else(|| invalid("it names no host"))?;
        // What comes before the host, and the path, may be secret.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let name = format!("{}://{host}", url.scheme_str().unwrap_or_default());
        let agent = options.agent(authority.host())?;
        Ok(Self { name, url, agent, rest: Mutex::default() })
    }

    /// The address without what may be secret in it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole address.
    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// For how long others are still asked before this one.
    pub(super) fn behind_others(&self) -> Duration {
        let Rest { behind_others, not_asked } = *self.rest.lock();
        left(behind_others).max(left(not_asked))
    }

    /// For how long it is still not asked at all.
    pub(super) fn not_asked(&self) -> Duration {
        left(self.rest.lock().not_asked)
    }

    /// Has others asked before this one for a while.
    pub(super) fn put_back(&self, rest: Duration) {
        self.rest.lock().behind_others = Instant::now().checked_add(rest);
    }

    /// Lets it alone for a while.
    pub(super) fn leave_alone(&self, rest: Duration) {
        self.rest.lock().not_asked = Instant::now().checked_add(rest);
    }

    /// Forgets what was wrong with it.
    pub(super) fn is_well(&self) {
        *self.rest.lock() = Rest::default();
    }

    /// Sends one request.
    pub(super) fn send(&self, body: &[u8], options: &ClientOptions) -> Result<Answer, NoAnswer> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        for (name, value) in &options.headers {
            request = request.header(name, value);
        }
        let response = request.send(body).map_err(|error| NoAnswer::busy(error.to_string()))?;
        let (head, body) = response.into_parts();
        let retry_after = head.headers.get(http::header::RETRY_AFTER);
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let text = body
            .into_with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec()
            .map_err(|error| NoAnswer::busy(error.to_string()))?;
        let status = head.status;
        let envelope = serde_json::from_slice::<Envelope>(&text);
        if status.as_u16() == 429 || (status.is_server_error() && envelope.is_err()) {
            let why = format!("HTTP status {status}");
            return Err(NoAnswer { why, kind: FailureKind::Unreachable, retry_after });
        }
        match envelope {
            Ok(Envelope { error: Some(error), .. }) => {
                if LATER.contains(&error.cause.name.as_str()) {
                    return Err(NoAnswer { retry_after, ..NoAnswer::busy(error.to_string()) });
                }
                Ok(Answer::Declined(error))
            }
            Ok(Envelope { result: Some(result), .. }) if status.is_success() => {
                Ok(Answer::Result(result))
            }
            _ if status.is_success() => {
                Err(NoAnswer::busy("the answer is not that of a JSON-RPC server"))
            }
            _ => {
                let why = format!("HTTP status {status}");
                Err(NoAnswer { why, kind: FailureKind::Refused, retry_after: None })
            }
        }
    }
}
