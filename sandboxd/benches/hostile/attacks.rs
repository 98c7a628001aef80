//! Requests that no honest client sends. The tests send some of them, the tool beside it does for a minute.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fixtures::Rng;

/// How long an attacker waits for an answer that may never come.
const PATIENCE: Duration = Duration::from_millis(50);

/// Every kind of attack. Each opens connections of its own, and leaves them.
pub(crate) const ATTACKS: &[fn(SocketAddr, &mut Rng) -> io::Result<()>] = &[
    noise,
    bad_heads,
    broken_json,
    no_requests,
    deep_nesting,
    long_body,
    endless_body,
    half_sent,
    slow_loris,
    long_polls_given_up,
    transactions_that_are_none,
    pipelined,
    bad_handshakes,
    bad_frames,
    subscriber_that_never_reads,
];

/// A random attack, to its end.
pub(crate) fn attack(address: SocketAddr, rng: &mut Rng) {
    let attack = rng.pick(ATTACKS);
    // A server may well hang up on an attacker.
    drop(attack(address, rng));
}

fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends bytes and takes what comes back, if anything.
fn send(address: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let mut stream = open(address)?;
    stream.write_all(bytes)?;
    let _length = stream.read(&mut [0; 1 << 12])?;
    Ok(())
}

fn post(body: &[u8]) -> Vec<u8> {
    let mut request = head(body.len()).into_bytes();
    request.extend_from_slice(body);
    request
}

fn head(length: impl std::fmt::Display) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

fn call(method: &str, params: &str) -> Vec<u8> {
    post(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#).as_bytes())
}

/// What a long poll asks for: a transaction that never comes.
const NEVER: &str = r#"["11111111111111111111111111111111","nobody.near"]"#;

fn noise(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let length = rng.index(4096);
    send(address, &rng.bytes(length))
}

fn bad_heads(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let long = "x".repeat(1 << 20);
    let heads = [
        "GET /\r\n\r\n".to_owned(),
        "POST / HTTP/9.9\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nzz\r\n"
            .to_owned(),
        "GET /%00%ff/../../etc/passwd HTTP/1.1\r\nhost: \u{1}\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000)),
    ];
    send(address, rng.pick(&heads).as_bytes())
}

fn broken_json(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let mut body =
        br#"{"jsonrpc":"2.0","id":1,"method":"query","params":{"finality":"final"}}"#.to_vec();
    for _ in 0..=rng.index(3) {
        let place = rng.index(body.len());
        if let Some(byte) = body.get_mut(place) {
            *byte = rng.bytes(1).first().copied().unwrap_or_default();
        }
    }
    send(address, &post(&body))
}

fn no_requests(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let bodies: [&[u8]; 6] = [
        b"",
        b"[]",
        b"1e999999",
        b"\"\\ud800\"",
        br#"{"jsonrpc":"2.0","id":1,"method":"block","params":[1e400]}"#,
        br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"block","method":"tx"}"#,
    ];
    send(address, &post(rng.pick::<&[u8]>(&bodies)))
}

fn deep_nesting(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let (open, close) = *rng.pick(&[("[", "]"), ("{\"a\":", "}")]);
    let depth = *rng.pick(&[127, 128, 129, 10_000, 300_000]);
    let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
    send(address, &call("block", &nested))
}

/// More than the limit of the honest.
fn long_body(address: SocketAddr, _: &mut Rng) -> io::Result<()> {
    send(address, &post(&vec![b' '; 11 << 20]))
}

/// Announces more than there is, or does not say how much.
fn endless_body(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let mut stream = open(address)?;
    if rng.chance(50) {
        stream.write_all(head(u64::MAX).as_bytes())?;
        return stream.write_all(b"{");
    }
    let chunked = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                   transfer-encoding: chunked\r\n\r\n";
    stream.write_all(chunked.as_bytes())?;
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(std::iter::repeat_n(b' ', 1 << 16));
    chunk.extend(b"\r\n");
    for _ in 0..1000 {
        stream.write_all(&chunk)?;
    }
    Ok(())
}

fn half_sent(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let whole = call("status", "[]");
    let part = whole.get(..rng.index(whole.len())).unwrap_or_default();
    open(address)?.write_all(part)
}

/// Heads and bodies that come a byte at a time.
fn slow_loris(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let mut streams: Vec<TcpStream> = (0..20).filter_map(|_| open(address).ok()).collect();
    let whole = call("status", "[]");
    let from = rng.index(whole.len());
    for stream in &mut streams {
        stream.write_all(whole.get(..from).unwrap_or_default())?;
    }
    for byte in whole.iter().skip(from).take(5) {
        std::thread::sleep(Duration::from_millis(1));
        for stream in &mut streams {
            stream.write_all(&[*byte])?;
        }
    }
    Ok(())
}

fn long_polls_given_up(address: SocketAddr, _: &mut Rng) -> io::Result<()> {
    let mut streams: Vec<TcpStream> = (0..20).filter_map(|_| open(address).ok()).collect();
    for stream in &mut streams {
        stream.write_all(&call("tx", NEVER))?;
    }
    Ok(())
}

fn transactions_that_are_none(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let length = rng.index(1 << 16);
    let text: String = (0..length).map(|_| char::from(*rng.pick(b"aZ09+/="))).collect();
    let method = *rng.pick(&["send_tx", "broadcast_tx_async", "tx", "EXPERIMENTAL_tx_status"]);
    send(address, &call(method, &format!("[\"{text}\"]")))
}

/// Many requests at once, of which no answer is read.
fn pipelined(address: SocketAddr, _: &mut Rng) -> io::Result<()> {
    open(address)?.write_all(&call("validators", "[null]").repeat(200))
}

fn handshake(more: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\n{more}\r\n"
    )
}

const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn bad_handshakes(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let long = format!("sec-websocket-key: {}\r\n", "A".repeat(1 << 16));
    send(address, handshake(rng.pick::<&str>(&["", "sec-websocket-key: \r\n", &long])).as_bytes())
}

/// A socket that is open, and its frames nonsense.
fn bad_frames(address: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let mut stream = open(address)?;
    stream.write_all(handshake(KEY).as_bytes())?;
    let _length = stream.read(&mut [0; 1 << 12])?;
    let frames: [&[u8]; 4] = [
        // A text that is not masked.
        b"\x81\x02{}",
        // A message of 2^63 bytes.
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0{",
        // A text that is no UTF-8.
        b"\x81\x82\0\0\0\0\xff\xfe",
        // A frame that goes on with nothing.
        b"\x80\x81\0\0\0\0{",
    ];
    stream.write_all(rng.pick::<&[u8]>(&frames))?;
    let length = rng.index(256);
    stream.write_all(&rng.bytes(length))?;
    let _length = stream.read(&mut [0; 1 << 12])?;
    Ok(())
}

fn subscriber_that_never_reads(address: SocketAddr, _: &mut Rng) -> io::Result<()> {
    let mut stream = open(address)?;
    stream.write_all(handshake(KEY).as_bytes())?;
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"topic":"blocks"}}"#;
    let length = u8::try_from(request.len()).unwrap_or_default();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(request);
    for _ in 0..200 {
        stream.write_all(&frame)?;
    }
    Ok(())
}
