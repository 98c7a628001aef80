//! A blocking HTTP/1.1 client, small enough to send what no real client would.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use near_jsonrpc_primitives::errors::RpcError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One keep-alive connection.
pub(crate) struct Client(BufReader<TcpStream>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket has the option");
        Self(BufReader::new(stream))
    }

    /// Sends a request with these header lines and this body.
    pub(crate) fn send(&mut self, line: &str, headers: &[&str], body: &[u8]) -> Reply {
        self.write(line, headers, body);
        self.read(line.starts_with("HEAD"))
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[], b"")
    }

    /// Posts a body as JSON.
    pub(crate) fn post(&mut self, body: &[u8]) -> Reply {
        self.send("POST /", &["content-type: application/json"], body)
    }

    /// Sends these bytes, whatever they are.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        // A server that refuses may close before it has read it all.
        self.0.get_mut().write_all(bytes).ok();
    }

    /// Whether the server closes the connection, after what it may still have to say.
    pub(crate) fn is_closed(&mut self) -> bool {
        let patience = Some(Duration::from_secs(30));
        self.0.get_ref().set_read_timeout(patience).expect("a socket has the option");
        let end = self.0.read_to_end(&mut Vec::new());
        end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    }

    /// Calls a method and gives the whole reply.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Reply {
        let id = "any id";
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = self.post(request.to_string().as_bytes());
        assert_eq!(reply.json()["id"], id);
        assert_eq!(reply.json()["jsonrpc"], "2.0");
        reply
    }

    /// Calls a method that succeeds.
    pub(crate) fn result(&mut self, method: &str, params: &Value) -> Value {
        let reply = self.call(method, params);
        assert_eq!(reply.status, 200, "{method} {params}: {reply:?}");
        let mut json = reply.json();
        assert!(json.get("error").is_none(), "{method} {params}: {json}");
        json["result"].take()
    }

    /// Calls a method that succeeds, and reads its result as NEAR's own type.
    pub(crate) fn view<T: DeserializeOwned>(&mut self, method: &str, params: &Value) -> T {
        let result = self.result(method, params);
        serde_json::from_value(result).expect("the result has the shape of NEAR's type")
    }

    /// Calls a method that fails.
    pub(crate) fn error(&mut self, method: &str, params: &Value) -> Failure {
        let reply = self.call(method, params);
        Failure { status: reply.status, error: reply.error() }
    }

    pub(crate) fn write(&mut self, line: &str, headers: &[&str], body: &[u8]) {
        let mut lines = vec![format!("{line} HTTP/1.1")];
        if !headers.iter().any(|header| header.starts_with("host:")) {
            lines.push("host: localhost".to_owned());
        }
        lines.extend(headers.iter().map(|&header| header.to_owned()));
        lines.push(format!("content-length: {}\r\n\r\n", body.len()));
        let request = lines.join("\r\n");
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes()).expect("the connection is open");
        // A server that refuses a long body may close before it has read it all.
        stream.write_all(body).ok();
    }

    pub(crate) fn read(&mut self, is_head: bool) -> Reply {
        let first = self.line();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let headers: Vec<(String, String)> = std::iter::from_fn(|| {
            let line = self.line();
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        })
        .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; if is_head { 0 } else { length }];
        self.0.read_exact(&mut body).expect("the body is as long as announced");
        Reply { status: status.expect("a status line"), headers, body }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line of the head");
        line.trim_end().to_owned()
    }
}

/// The error of a method and its HTTP status.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) error: RpcError,
}

impl Failure {
    /// The error as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::to_value(&self.error).expect("an error is JSON")
    }

    /// Status, `name` and `cause.name`.
    pub(crate) fn names(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status, text(&json["name"]), text(&json["cause"]["name"]))
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a text body")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The error object; its type refuses members that NEAR does not know.
    pub(crate) fn error(&self) -> RpcError {
        serde_json::from_value(self.json()["error"].take()).expect("NEAR's error object")
    }
}
