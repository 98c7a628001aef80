//! The HTTP side: route, read a body within its limits, write the answer. The routes, statuses
//! and CORS headers are neard's. What a method does is not known here; see [`super::methods`].

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use near_jsonrpc_primitives::errors::RpcError;
use serde_json::Value;

use super::body::{Bodies, beside_others};
use super::config::{RpcConfig, RpcLimits};
use super::envelope::{self, Request};
use super::gate::{Gate, PREFLIGHT, VARY};
use super::gzip;
use super::kept_answers::{KeptAnswers, LONGEST_REQUEST, Moment};
use super::methods::{self, Api, Params};
use super::metrics::Usage;
use super::near_error::RpcFailure;
use super::outgoing::Outgoing;
use super::places::{Place, Places};
use super::socket;
use super::transfer::Transfers;
use crate::chain::Node;

pub(super) type Response = http::Response<Outgoing>;

/// What every connection shares.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) api: Api,
    gate: Gate,
    config: RpcConfig,
    bodies: Bodies,
    connections: Arc<Places>,
    waiting: Arc<Places>,
    subscriptions: Arc<Places>,
    transfers: Transfers,
    kept: KeptAnswers,
}

impl Server {
    pub(super) fn new(node: Node, address: SocketAddr, config: RpcConfig) -> Self {
        let limits = &config.limits;
        let subscriptions = limits.max_connections.saturating_mul(limits.max_subscriptions);
        Self {
            api: Api::new(node, address, &config),
            gate: Gate::new(&config),
            connections: Places::new(limits.max_connections),
            waiting: Places::new(limits.max_waiting),
            subscriptions: Places::new(subscriptions),
            transfers: Transfers::new(limits.max_transfers, limits.body_timeout),
            bodies: Bodies::new(&config),
            kept: KeptAnswers::default(),
            config,
        }
    }

    pub(super) fn limits(&self) -> &RpcLimits {
        &self.config.limits
    }

    pub(super) fn connections(&self) -> &Arc<Places> {
        &self.connections
    }

    pub(super) fn subscriptions(&self) -> &Arc<Places> {
        &self.subscriptions
    }

    /// Answers one request of a connection, which has this place.
    pub(super) async fn answer(
        self: &Arc<Self>,
        request: http::Request<Incoming>,
        place: &Arc<Place>,
    ) -> Response {
        let (readable_by, gzip) =
            (self.gate.readable_by(request.headers()), gzip::is_wanted(request.headers()));
        let mut response = match self.gate.check_host(request.headers()) {
            Err(why) => last(text(StatusCode::FORBIDDEN, why)),
            Ok(()) if request.method() == Method::OPTIONS => preflight(),
            Ok(()) => self.route(request, place).await,
        };
        let headers = response.headers_mut();
        if let Some(origin) = readable_by {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        headers.insert(header::VARY, VARY);
        if gzip {
            Box::pin(compress(&mut response)).await;
        }
        response
    }

    async fn route(
        self: &Arc<Self>,
        request: http::Request<Incoming>,
        place: &Arc<Place>,
    ) -> Response {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/" if request.method() == Method::POST => {
                let (head, body) = request.into_parts();
                self.call(&head, body).await
            }
            "/" => not_allowed("POST"),
            "/status" if is_read => Box::pin(self.get("status")).await,
            "/health" if is_read => Box::pin(self.get("health")).await,
            "/network_info" if is_read => Box::pin(self.get("network_info")).await,
            "/metrics" if is_read => Box::pin(self.metrics()).await,
            "/openapi.json" if is_read => {
                json(StatusCode::OK, methods::openapi().to_string().into_bytes())
            }
            "/ws" if request.method() == Method::GET => {
                match self.gate.check_origin(request.headers()) {
                    Ok(()) => socket::open(Arc::clone(self), request, Arc::clone(place)),
                    Err(why) => text(StatusCode::FORBIDDEN, why),
                }
            }
            "/ws" => not_allowed("GET"),
            "/sandbox/state" if request.method() == Method::GET => {
                let asked = (request.uri(), request.headers());
                Box::pin(self.transfers.dump(&self.api, &self.gate, asked)).await
            }
            "/sandbox/state" if request.method() == Method::PUT => {
                let (head, body) = request.into_parts();
                Box::pin(self.transfers.load(&self.api, &self.gate, &head.headers, body)).await
            }
            "/sandbox/state" => not_allowed("GET,PUT"),
            "/status" | "/health" | "/network_info" | "/metrics" | "/openapi.json" => {
                not_allowed("GET,HEAD")
            }
            path => text(StatusCode::NOT_FOUND, format!("nothing is served at {path}")),
        }
    }

    /// Answers a JSON-RPC request.
    async fn call(&self, head: &Parts, body: Incoming) -> Response {
        let body = match self.bodies.read(body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        // Only now, because a connection with an unread body could not be used again.
        if !is_json(&head.headers) {
            let expected = "expected a request with `content-type: application/json`".to_owned();
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, expected);
        }
        let now = self.api.moment();
        let (bytes, length) = (&body.bytes[..], body.bytes.len());
        let request = match beside_others(length, || Request::parse(bytes)) {
            Ok(request) => request,
            Err(error) => return malformed(&error),
        };
        if length <= LONGEST_REQUEST
            && let Some(answer) = self.known(&now, &request)
        {
            return answer;
        }
        // Most requests are answered by now, and need no future as large as that of all methods.
        Box::pin(self.ask(&now, &request, bytes)).await
    }

    /// Answers a request whose answer is not known.
    async fn ask(&self, now: &Moment, request: &Request<'_>, body: &[u8]) -> Response {
        let params = match beside_others(body.len(), || methods::params(request)) {
            Ok(params) => params,
            Err(_not_json) => return malformed(&envelope::refusal(body)),
        };
        let Some(_place) = self.waiting.take() else {
            let error = too_many(self.waiting.limit());
            let body = envelope::error_body(&error, &request.id);
            return json(StatusCode::SERVICE_UNAVAILABLE, body);
        };
        match methods::call(&self.api, &request.method, params).await {
            Ok(result) => {
                if body.len() <= LONGEST_REQUEST {
                    self.kept.keep(now, &request.method, request.params_text(), &result);
                }
                json(StatusCode::OK, envelope::result_body(&result, &request.id))
            }
            Err(failure) => {
                json(failure.status(), envelope::error_body(&failure.error, &request.id))
            }
        }
    }

    /// The answer to a request that was answered already while nothing has changed.
    fn known(&self, now: &Moment, request: &Request<'_>) -> Option<Response> {
        let result = self.kept.get(now, &request.method, request.params_text())?;
        let answer = envelope::result_body(&result, &request.id);
        methods::count(&self.api, &request.method, now.at.elapsed());
        Some(json(StatusCode::OK, answer))
    }

    /// Answers a GET route with the bare result of a method without parameters.
    async fn get(&self, method: &str) -> Response {
        match methods::call(&self.api, method, Params::Read(Value::Null)).await {
            Ok(result) => json(StatusCode::OK, result.get().as_bytes().to_vec()),
            Err(failure) => unavailable(&failure),
        }
    }

    async fn metrics(self: &Arc<Self>) -> Response {
        // Blocks are counted when somebody asks, which can be many the first time.
        let server = Arc::clone(self);
        let counted = tokio::task::spawn_blocking(move || {
            let usage = Usage {
                connections: &server.connections,
                waiting: &server.waiting,
                bytes: server.bodies.bytes(),
                subscriptions: &server.subscriptions,
                transfers: server.transfers.places(),
            };
            server.api.metrics.text(&server.api.chain(), &usage)
        });
        match counted.await {
            Ok(counted) => response(StatusCode::OK, METRICS_TYPE, counted.into_bytes()),
            Err(_panicked) => text(StatusCode::INTERNAL_SERVER_ERROR, "counting failed".to_owned()),
        }
    }
}

/// The version of Prometheus' text format.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// Bodies of this length take a millisecond or more to compress: not beside other connections.
const LONG_BODY: usize = 1 << 17;

async fn compress(response: &mut Response) {
    // One in pieces is compressed already, or not for a client that looks at it.
    if matches!(response.body(), Outgoing::Pieces(_)) {
        return;
    }
    let Some(body) = response.body_mut().frame().await else { return };
    let body = body.ok().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
    if body.len() < gzip::SHORTEST {
        *response.body_mut() = body.into();
        return;
    }
    let whole = body.clone();
    let compressed = if body.len() < LONG_BODY {
        Ok(gzip::compressed(&body))
    } else {
        tokio::task::spawn_blocking(move || gzip::compressed(&body)).await
    };
    *response.body_mut() = Outgoing::from(match compressed {
        Ok(compressed) => {
            let gzip = HeaderValue::from_static("gzip");
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_ENCODING, gzip);
            headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
            compressed
        }
        Err(_panicked) => whole,
    });
}

fn malformed(error: &RpcError) -> Response {
    json(StatusCode::BAD_REQUEST, envelope::error_body(error, &Value::Null))
}

fn too_many(limit: usize) -> RpcError {
    let why = format!("{limit} requests are waiting already: try again when some are answered");
    RpcError::new_internal_error(Some(Value::String(why.clone())), why)
}

fn preflight() -> Response {
    let mut response = Response::new(Outgoing::default());
    response.headers_mut().extend(PREFLIGHT);
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    response(status, HeaderValue::from_static("application/json"), body)
}

pub(super) fn text(status: StatusCode, body: String) -> Response {
    response(status, HeaderValue::from_static("text/plain; charset=utf-8"), body.into_bytes())
}

fn unavailable(failure: &RpcFailure) -> Response {
    let RpcError { message, data, .. } = &failure.error;
    let why = data.as_ref().map_or_else(|| message.clone(), ToString::to_string);
    text(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn not_allowed(methods: &'static str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("use {methods}"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// An answer after which the connection ends: what is left of the body stays unread, and a client
/// that kept the connection would find it closed in the middle of its next request.
pub(super) fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn response(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
