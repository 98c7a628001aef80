//! As much of HTTP/1.1 as a keep-alive connection to a JSON-RPC server needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An open connection; its buffer is used again for each answer.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// Sends a whole request; gives back the answer's body.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        while body(&self.buffer)?.is_none() {
            self.receive()?;
        }
        body(&self.buffer)?.context("the body is there")
    }

    fn receive(&mut self) -> Result<()> {
        let mut chunk = [0; 1 << 14];
        match self.stream.read(&mut chunk)? {
            0 => bail!("the server closed the connection"),
            length => self.buffer.extend_from_slice(&chunk[..length]),
        }
        Ok(())
    }
}

/// A POST request with a JSON body, ready to be sent.
pub(crate) fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The body of an answer, if all of it is there.
pub(crate) fn body(answer: &[u8]) -> Result<Option<&[u8]>> {
    let Some(head) = find(answer, b"\r\n\r\n") else { return Ok(None) };
    let start = head.saturating_add(4);
    let end = start.saturating_add(content_length(&answer[..head])?);
    Ok(answer.get(start..end))
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let lengths = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().context("an answer without content-length")?;
    Ok(length.trim().parse()?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
