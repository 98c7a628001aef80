//! A generator of load: many keep-alive connections, driven by one thread, each with one request on its way.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use futures_util::future::try_join_all;
use tokio::net::TcpStream;

use crate::http;

/// What came of a load.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Sends the requests again and again over so many connections, for a while.
pub(crate) fn repeat(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    time: Duration,
) -> Result<Outcome> {
    run(async {
        let mut open = connect(address, connections).await?;
        let started = Instant::now();
        // Each connection starts elsewhere, so that they do not ask for the same together.
        let apart = requests.len().checked_div(connections).unwrap_or_default();
        let all = open.iter_mut().enumerate().map(|(place, stream)| {
            let requests = requests.iter().map(Vec::as_slice).cycle();
            let requests = requests.skip(place.saturating_mul(apart));
            drive(stream, requests.take_while(|_| started.elapsed() < time), |_| true)
        });
        let times = try_join_all(all).await?;
        Ok(outcome(&times, started.elapsed()))
    })
}

/// Sends each request once: a list for each connection, in order.
pub(crate) fn each(
    address: SocketAddr,
    lists: &[Vec<Vec<u8>>],
    succeeded: impl Fn(&[u8]) -> bool + Copy,
) -> Result<Outcome> {
    run(async {
        let mut open = connect(address, lists.len()).await?;
        let started = Instant::now();
        let all = open
            .iter_mut()
            .zip(lists)
            .map(|(stream, requests)| drive(stream, requests.iter().map(Vec::as_slice), succeeded));
        let times = try_join_all(all).await?;
        Ok(outcome(&times, started.elapsed()))
    })
}

fn run(load: impl Future<Output = Result<Outcome>>) -> Result<Outcome> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load)
}

async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
    }
    Ok(open)
}

/// The time that each answer took.
async fn drive<'a>(
    stream: &mut TcpStream,
    requests: impl Iterator<Item = &'a [u8]>,
    succeeded: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(1 << 12);
    let mut answer = Vec::with_capacity(1 << 14);
    for request in requests {
        let sent = Instant::now();
        write(stream, request).await?;
        answer.clear();
        let body = loop {
            read(stream, &mut answer).await?;
            if let Some(body) = http::body(&answer)? {
                break body;
            }
        };
        times.push(sent.elapsed());
        ensure!(succeeded(body), "{}", String::from_utf8_lossy(body));
    }
    Ok(times)
}

async fn write(stream: &TcpStream, mut request: &[u8]) -> Result<()> {
    while !request.is_empty() {
        stream.writable().await?;
        match stream.try_write(request) {
            Ok(written) => request = &request[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn read(stream: &TcpStream, answer: &mut Vec<u8>) -> Result<()> {
    loop {
        stream.readable().await?;
        match read_now(stream, answer) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_now(stream: &TcpStream, answer: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut chunk = [0; 1 << 14];
    let length = stream.try_read(&mut chunk)?;
    answer.extend_from_slice(&chunk[..length]);
    Ok(length)
}

/// What came of requests that took these times.
pub(crate) fn outcome(times: &[Vec<Duration>], took: Duration) -> Outcome {
    let mut times = times.concat();
    times.sort_unstable();
    let at = |percent: usize| {
        let place = times.len().saturating_mul(percent) / 100;
        times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    Outcome { per_second: per_second(times.len(), took), p50: at(50), p99: at(99) }
}

/// How many there were in a second.
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from) / time.as_secs_f64()
}
