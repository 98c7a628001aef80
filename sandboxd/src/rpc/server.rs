//! The HTTP side: listen, route, read a body within its limit, write the answer.
//!
//! hyper serves HTTP/1.1 with keep-alive on a small tokio runtime that the server owns, so that
//! nothing outside `rpc` is async. The routes, statuses and CORS headers are neard's. What a
//! method does is not known here; see [`super::methods`].

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use near_crypto::PublicKey;
use near_jsonrpc_primitives::errors::RpcError;
use serde_json::Value;

use super::envelope::{self, Request};
use super::methods::{self, Api};
use super::near_error::RpcFailure;
use crate::chain::Node;

type Response = http::Response<Full<Bytes>>;

/// How the server behaves; neard's names and defaults are in its `config.json` under `rpc`.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// The longest request body, in bytes (`limits_config.json_payload_max_size`, 10 MiB).
    pub max_body_bytes: usize,
    /// Names by which the server may be called beside those of the loopback and the address it
    /// listens on; `*` stands for all. A port may follow the name, and then it has to fit.
    pub allowed_hosts: Vec<String>,
    /// Origins that browsers may call from (`cors_allowed_origins`); `*` stands for all.
    pub allowed_origins: Vec<String>,
    /// How long a request may wait for its transaction (`polling_config.polling_timeout`, 10 s).
    pub wait_timeout: Duration,
    /// The key that `status` shows as the node's own (`node_key.json`); else the validator's.
    pub node_key: Option<PublicKey>,
    /// How much clients may take at once.
    pub limits: RpcLimits,
}

/// How much of the server clients may take at once, and for how long.
#[derive(Clone, Debug)]
pub struct RpcLimits {
    /// Open connections, WebSockets included. Further ones are answered 503 and closed.
    pub max_connections: usize,
    /// Requests that wait for a block at the same time. Further ones are answered 503.
    pub max_waiting: usize,
    /// Subscriptions of one WebSocket.
    pub max_subscriptions: usize,
    /// How long the head of a request may take. A kept connection is idle for as long at most.
    pub head_timeout: Duration,
    /// How long a request body may pause.
    pub body_timeout: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_waiting: 2048,
            max_subscriptions: 100,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}

impl RpcConfig {
    /// The values that neard writes into a new `config.json`.
    pub fn neard() -> Self {
        Self {
            max_body_bytes: 10 * 1024 * 1024,
            allowed_hosts: Vec::new(),
            allowed_origins: vec!["*".to_owned()],
            wait_timeout: Duration::from_secs(10),
            node_key: None,
            limits: RpcLimits::default(),
        }
    }
}

/// A running server; dropping it closes the port and its connections.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl RpcServer {
    /// Listens on `address` (port 0 picks a free one) and answers for `node` from then on.
    pub fn start(address: SocketAddr, node: Node, config: RpcConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("rpc")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let server = Arc::new(Server { api: Api::new(node, address, &config), config });
        runtime.spawn(accept(listener, server));
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// Where it listens, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What every connection shares.
struct Server {
    api: Api,
    config: RpcConfig,
}

async fn accept(listener: tokio::net::TcpListener, server: Arc<Server>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give connections the time to close.
                tracing::warn!(target: "rpc", %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // An answer is one small write: waiting to fill a packet would cost 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target: "rpc", %error, "TCP_NODELAY refused");
        }
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(request).await) }
            });
            let mut http1 = hyper::server::conn::http1::Builder::new();
            http1.timer(TokioTimer::new());
            if let Err(error) = http1.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(target: "rpc", %error, "a connection ended early");
            }
        });
    }
}

impl Server {
    async fn answer(&self, request: http::Request<Incoming>) -> Response {
        let origin = self.allowed_origin(request.headers());
        let mut response = match request.method() {
            &Method::OPTIONS => preflight(),
            _ => self.route(request).await,
        };
        if let Some(origin) = origin {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        response.headers_mut().insert(header::VARY, VARY);
        response
    }

    async fn route(&self, request: http::Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            "/" if head.method == Method::POST => self.call(&head.headers, body).await,
            "/" => not_allowed("POST"),
            "/status" if is_read => self.get("status").await,
            "/health" if is_read => self.get("health").await,
            "/network_info" if is_read => self.get("network_info").await,
            "/metrics" if is_read => text(StatusCode::OK, self.api.metrics_text()),
            "/status" | "/health" | "/network_info" | "/metrics" => not_allowed("GET,HEAD"),
            path => text(StatusCode::NOT_FOUND, format!("nothing is served at {path}")),
        }
    }

    /// Answers a JSON-RPC request.
    async fn call(&self, headers: &HeaderMap, body: Incoming) -> Response {
        let body = match Limited::new(body, self.config.max_body_bytes).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let limit = self.config.max_body_bytes;
                let error = format!("request body is longer than {limit} bytes");
                let mut response = text(StatusCode::PAYLOAD_TOO_LARGE, error);
                // What is left of the body stays unread: a client that kept the connection would
                // find it closed in the middle of its next request.
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
                return response;
            }
            Err(error) => {
                return text(StatusCode::BAD_REQUEST, format!("request body broke off: {error}"));
            }
        };
        // Only now, because a connection with an unread body could not be used again.
        if !is_json(headers) {
            let expected = "expected a request with `content-type: application/json`".to_owned();
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, expected);
        }
        let request = match Request::parse(&body) {
            Ok(request) => request,
            Err(error) => {
                let body = envelope::error_body(&error, &Value::Null);
                return json(StatusCode::BAD_REQUEST, body);
            }
        };
        match methods::call(&self.api, &request.method, request.params).await {
            Ok(result) => json(StatusCode::OK, envelope::result_body(&result, &request.id)),
            Err(failure) => {
                json(failure.status(), envelope::error_body(&failure.error, &request.id))
            }
        }
    }

    /// Answers a GET route with the bare result of a method without parameters.
    async fn get(&self, method: &str) -> Response {
        match methods::call(&self.api, method, Value::Null).await {
            Ok(result) => json(StatusCode::OK, result.get().as_bytes().to_vec()),
            Err(failure) => unavailable(&failure),
        }
    }

    /// The origin to name in the answer, if the caller's may read it.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let allowed = &self.config.allowed_origins;
        if allowed.iter().any(|origin| origin == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let origin = headers.get(header::ORIGIN)?;
        allowed
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
            .then(|| origin.clone())
    }
}

/// Says to caches that an answer depends on these headers of the request.
const VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

fn preflight() -> Response {
    const ALLOWED: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST")),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization,accept,content-type"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600")),
    ];
    let mut response = Response::new(Full::default());
    response.headers_mut().extend(ALLOWED);
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

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    response(status, HeaderValue::from_static("application/json"), body)
}

fn text(status: StatusCode, body: String) -> Response {
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

fn response(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
