//! A proxy before a node that delays, breaks and changes what goes through.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

/// What happens to a request.
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The answer comes late.
    Delay(Duration),
    /// The connection closes in the middle of the answer.
    Cut,
    /// There is no answer at all.
    Drop,
    /// An answer with this status, these header lines and this body.
    Answer(u16, &'static str, &'static str),
    /// The answer is changed.
    Change(fn(&mut Value)),
}

type Plan = dyn Fn(usize, &Value) -> Fault + Send + Sync;

/// A proxy that asks its plan about each request: the how manyth it is, and what it is.
pub(super) struct Proxy {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Proxy {
    pub(super) fn start(
        target: SocketAddr,
        plan: impl Fn(usize, &Value) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let plan: Arc<Plan> = Arc::new(plan);
        let proxy = Self { address, ended: Arc::clone(&ended), seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (plan, seen) = (Arc::clone(&plan), Arc::clone(&seen));
                std::thread::spawn(move || {
                    // A client that leaves is not the proxy's fault.
                    stream.and_then(|stream| serve(stream, target, &*plan, &seen)).ok();
                });
            }
        });
        proxy
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came.
    pub(super) fn seen(&self) -> Vec<Value> {
        self.seen.lock().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    stream: TcpStream,
    target: SocketAddr,
    plan: &Plan,
    seen: &Mutex<Vec<Value>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (_, body) = read_message(&mut stream)?;
    let request: Value = serde_json::from_slice(&body)?;
    let number = {
        let mut seen = seen.lock();
        seen.push(request.clone());
        seen.len() - 1
    };
    let fault = plan(number, &request);
    let client = stream.get_mut();
    match fault {
        Fault::Drop => return Ok(()),
        Fault::Answer(status, headers, body) => {
            return write!(
                client,
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
        Fault::Delay(delay) => std::thread::sleep(delay),
        Fault::None | Fault::Cut | Fault::Change(_) => {}
    }
    let mut node = TcpStream::connect(target)?;
    write!(
        node,
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    node.write_all(&body)?;
    let (status, mut answer) = read_message(&mut BufReader::new(node))?;
    if let Fault::Change(change) = fault {
        let mut json: Value = serde_json::from_slice(&answer)?;
        change(&mut json);
        answer = json.to_string().into_bytes();
    }
    let sent = if matches!(fault, Fault::Cut) { answer.len() / 2 } else { answer.len() };
    write!(client, "{status}content-length: {}\r\nconnection: close\r\n\r\n", answer.len())?;
    client.write_all(&answer[..sent])
}

/// The first line of a message, and its body.
fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first, body))
}
