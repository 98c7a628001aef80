//! The ceiling: a hyper server with sandboxd's runtime that sends each body back. It runs in a process of its own, as
//! the nodes do.

use std::convert::Infallible;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::Response;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

/// The argument that makes this program the server.
pub(crate) const SERVE: &str = "--echo";

/// A running server; dropping it ends it.
pub(crate) struct Echo {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(SERVE).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        std::io::BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // The child may be gone already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the process is ended.
pub(crate) fn serve() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async {
                    let body = request.into_body().collect().await.map(Collected::to_bytes);
                    Ok::<_, Infallible>(Response::new(Full::new(body.unwrap_or_default())))
                });
                let mut http1 = hyper::server::conn::http1::Builder::new();
                http1.timer(TokioTimer::new());
                // A client that leaves is no failure.
                let _ = http1.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
