//! The listening socket and its connections.
//!
//! hyper serves HTTP/1.1 with keep-alive on a small tokio runtime that the server owns, so that
//! nothing outside `rpc` is async. What is served is in [`super::http`].

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::config::RpcConfig;
use super::http::Server;
use super::places::Place;
use crate::chain::Node;

/// Threads that serve connections.
const WORKERS: usize = 2;

/// A running server; dropping it closes the port and its connections.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl RpcServer {
    /// Listens on `address` (port 0 picks a free one) and answers for `node` from then on.
    pub fn start(address: SocketAddr, node: Node, config: RpcConfig) -> io::Result<Self> {
        let (listener, address) = listen(address)?;
        let second = config.metrics_address.map(listen).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("rpc")
            .enable_all()
            .build()?;
        let server = Arc::new(Server::new(node, address, config));
        for listener in [Some(listener), second.map(|(listener, _)| listener)].into_iter().flatten()
        {
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(accept(listener, Arc::clone(&server)));
        }
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

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            target: "rpc",
            "listening on {address}: whoever reaches this machine can use the chain. \
             127.0.0.1:{} as the address keeps it to this machine",
            address.port()
        );
    }
    Ok((listener, address))
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
        match server.connections().take() {
            Some(place) => drop(tokio::spawn(serve(stream, Arc::clone(&server), place))),
            None => turn_away(&stream, server.connections().limit()),
        }
    }
}

/// Serves one connection until a side closes it, or the head of a request does not come in time.
async fn serve(stream: TcpStream, server: Arc<Server>, place: Place) {
    let head_timeout = server.limits().head_timeout;
    // A WebSocket keeps the place after HTTP is over.
    let place = Arc::new(place);
    let requests = Arc::new(Requests::default());
    let service = service_fn(async |request| {
        let answering = requests.begin();
        let response = server.answer(request, &place).await;
        Ok::<_, Infallible>(response.map(|body| body.keeping(answering)))
    });
    let mut http1 = hyper::server::conn::http1::Builder::new();
    // One timer for the connection is cheaper than hyper's, which is one for each request.
    http1.header_read_timeout(None).max_buf_size(LONGEST_HEAD);
    let connection = http1.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        biased;
        ended = connection => if let Err(error) = ended {
            tracing::debug!(target: "rpc", %error, "a connection ended early");
        },
        () = requests.idle(head_timeout) => {}
    }
}

/// How many bytes the head of a request may take. What comes with it of the body is read together.
const LONGEST_HEAD: usize = 1 << 16;

/// The requests of one connection.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicU64,
    answered: AtomicU64,
}

/// A request that is being answered.
struct Answering(Arc<Requests>);

impl Requests {
    fn begin(self: &Arc<Self>) -> Answering {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Waits until there has been no request for as long as `time`, or up to half as long again. An
    /// answer that is not taken meanwhile is none.
    async fn idle(&self, time: Duration) {
        let half = time.checked_div(2).unwrap_or(time);
        let (mut begun, mut quiet) = (0, 0_u32);
        while quiet < 2 {
            tokio::time::sleep(half).await;
            let now = self.begun.load(Ordering::Relaxed);
            let is_quiet = now == begun && now == self.answered.load(Ordering::Relaxed);
            quiet = if is_quiet { quiet.saturating_add(1) } else { 0 };
            begun = now;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tells a client that there are too many, as far as its socket takes it at once.
fn turn_away(stream: &TcpStream, limit: usize) {
    let body = format!("all {limit} connections are in use: close some, or try again later\n");
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {length}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    if let Err(error) = stream.try_write(answer.as_bytes()) {
        tracing::debug!(target: "rpc", %error, "a client could not be turned away in words");
    }
}
