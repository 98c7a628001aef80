//! Several endpoints as one: each request goes to the first that is not resting. One that fails
//! rests for a while, and the request goes to the next, or after a pause to the same again.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::endpoint::{Answer, Declined, Endpoint};
use super::error::{EndpointFailure, FailureKind, RemoteError};

/// What endpoints are told about who asks.
pub const USER_AGENT: &str = concat!("sandboxd/", env!("CARGO_PKG_VERSION"));

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long an endpoint rests that answered what cannot be true, or refused.
const LONG_REST: Duration = Duration::from_mins(1);

/// How patient a client is, and what it tells of itself.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long one request may take, and how long an endpoint may ask to be left alone.
    pub timeout: Duration,
    /// How often a request is sent again after a failure that may pass.
    pub retries: u32,
    /// Header lines of each request, for endpoints that want a key.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), retries: 5, headers: Vec::new() }
    }
}

impl ClientOptions {
    /// The connections to `host`.
    pub(super) fn agent(&self, host: &str) -> Result<ureq::Agent, RemoteError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ureq::tls::TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        if let Some(roots) = own_roots()? {
            tls = tls.root_certs(roots);
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(USER_AGENT)
            .timeout_global(Some(self.timeout))
            .tls_config(tls.build());
        if is_loopback(host) {
            config = config.proxy(None);
        }
        Ok(config.build().into())
    }
}

/// The certificates that the user trusts in the place of those of the web.
fn own_roots() -> Result<Option<ureq::tls::RootCerts>, RemoteError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let invalid =
        |why: String| RemoteError::InvalidEndpoint { why: format!("SSL_CERT_FILE: {why}") };
    let text = std::fs::read(&path).map_err(|error| invalid(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&text) {
        if let ureq::tls::PemItem::Certificate(one) = item.map_err(|e| invalid(e.to_string()))? {
            certificates.push(one);
        }
    }
    Ok(Some(certificates.into()))
}

fn is_loopback(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A reading of an answer that found something wrong.
pub(super) enum Unread {
    /// It cannot be true, or is not in NEAR's format.
    Wrong(String),
    /// It is an error that the reader does not expect.
    Declined(Declined),
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// Asks the endpoints of a chain. Blocking: a request may take the time limit for each attempt.
#[derive(Debug)]
pub struct Client {
    endpoints: Vec<Endpoint>,
    options: ClientOptions,
}

impl Client {
    /// A client of the endpoints at `urls`, the first of which is asked first.
    pub fn new<S: AsRef<str>>(
        urls: impl IntoIterator<Item = S>,
        options: ClientOptions,
    ) -> Result<Self, RemoteError> {
        let endpoints = urls.into_iter().map(|url| Endpoint::new(url.as_ref(), &options));
        let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(RemoteError::InvalidEndpoint { why: "none was given".to_owned() });
        }
        Ok(Self { endpoints, options })
    }

    /// The endpoints, in the order in which they are asked.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The result of `method`, whatever it is.
    pub fn result(&self, method: &str, params: &Value) -> Result<Box<RawValue>, RemoteError> {
        self.ask(method, params, Ok)
    }

    /// The result of `method` as `read` understands it. What `read` refuses is asked of the next
    /// endpoint.
    pub(super) fn ask<T>(
        &self,
        method: &str,
        params: &Value,
        read: impl Fn(Box<RawValue>) -> Result<T, Unread>,
    ) -> Result<T, RemoteError> {
        self.ask_any(method, params, |answer| match answer {
            Answer::Result(result) => read(result),
            Answer::Declined(error) => Err(Unread::Declined(error)),
        })
    }

    /// As [`Client::ask`], where an error may be an answer too.
    pub(super) fn ask_any<T>(
        &self,
        method: &str,
        params: &Value,
        read: impl Fn(Answer) -> Result<T, Unread>,
    ) -> Result<T, RemoteError> {
        let body =
            json!({ "jsonrpc": "2.0", "id": "sandboxd", "method": method, "params": params });
        let body = body.to_string();
        let mut failures: Vec<Option<EndpointFailure>> = vec![None; self.endpoints.len()];
        let mut pause = FIRST_PAUSE;
        let mut retries = self.options.retries;
        while let Some(place) = self.next(&failures) {
            let Some(endpoint) = self.endpoints.get(place) else { break };
            let Some(failure) = failures.get_mut(place) else { break };
            let name = || endpoint.name().to_owned();
            let alone = endpoint.not_asked();
            if alone > self.options.timeout {
                // It asks for more patience than there is, and there is no other.
                let kind = FailureKind::Unreachable;
                let why = format!("it asked to be left alone for {} s more", alone.as_secs());
                failure.get_or_insert(EndpointFailure { endpoint: name(), kind, why });
                break;
            }
            sleep(alone);
            let (kind, why) = match endpoint.send(body.as_bytes(), &self.options) {
                Ok(answer) => match read(answer) {
                    Ok(read) => {
                        endpoint.is_well();
                        return Ok(read);
                    }
                    Err(Unread::Wrong(why)) => {
                        endpoint.put_back(LONG_REST);
                        (FailureKind::Wrong, why)
                    }
                    Err(Unread::Declined(error)) => {
                        (FailureKind::Declined(error.cause.name.clone()), error.to_string())
                    }
                },
                Err(none) if none.kind == FailureKind::Refused => {
                    endpoint.put_back(LONG_REST);
                    (none.kind, none.why)
                }
                Err(none) => {
                    endpoint.leave_alone(none.retry_after.unwrap_or(pause));
                    (none.kind, none.why)
                }
            };
            tracing::debug!(target: "remote", endpoint = endpoint.name(), method, why, "no answer");
            let may_pass = kind == FailureKind::Unreachable;
            *failure = Some(EndpointFailure { endpoint: name(), kind, why });
            if may_pass {
                let Some(left) = retries.checked_sub(1) else { break };
                retries = left;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
        let failures = failures.into_iter().flatten().collect();
        Err(RemoteError::after(name_of(method, params), failures))
    }

    /// The endpoint to ask next: the one that rests least of those that may still answer.
    fn next(&self, failures: &[Option<EndpointFailure>]) -> Option<usize> {
        let open = self.endpoints.iter().zip(failures).enumerate().filter(|(_, (_, failure))| {
            failure.as_ref().is_none_or(|failure| failure.kind == FailureKind::Unreachable)
        });
        open.map(|(place, (endpoint, _))| (endpoint.behind_others(), place))
            .min()
            .map(|(_, place)| place)
    }
}

/// What a request is called in errors.
fn name_of(method: &str, params: &Value) -> String {
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    let what = text("request_type").unwrap_or(method);
    let mut name = what.to_owned();
    for member in ["account_id", "public_key", "code_hash", "tx_hash", "receipt_id"] {
        if let Some(value) = text(member) {
            name.push(' ');
            name.push_str(value);
        }
    }
    match params.get("block_id") {
        Some(Value::String(hash)) => name + " at block " + hash,
        Some(Value::Number(height)) => name + " at block " + &height.to_string(),
        _ => name,
    }
}
