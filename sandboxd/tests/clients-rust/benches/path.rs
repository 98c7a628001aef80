//! From nothing to the first transaction: near-workspaces with sandboxd, and anvil asked by hand. `scripts/bench` runs it.

#![allow(clippy::cast_precision_loss, reason = "milliseconds")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Both sides in turns; the median counts.
const ROUNDS: usize = 11;
/// After so long a node that does not answer is given up.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() {
    let anvil = std::env::var("ANVIL_BIN").expect("ANVIL_BIN names the binary of anvil");
    let (mut started, mut first, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [start, all] = near_workspaces_path().await;
        started.push(start);
        first.push(all);
        theirs.push(anvil_path(&anvil));
    }
    println!("| ms | sandboxd | anvil | better by |");
    println!("|---|--:|--:|--:|");
    println!("| `near_workspaces::sandbox()` | {:.1} | | |", median(&mut started));
    let (ours, theirs) = (median(&mut first), median(&mut theirs));
    let better = theirs / ours;
    println!(
        "| and a first account; anvil: start and a first transfer | {ours:.1} | {theirs:.1} | {better:.1} times |"
    );
}

/// `sandbox()`, and then the first account, which is a transaction of the root account.
async fn near_workspaces_path() -> [Duration; 2] {
    let start = Instant::now();
    let worker = near_workspaces::sandbox().await.expect("a sandbox");
    let started = start.elapsed();
    worker.dev_create_account().await.expect("an account");
    [started, start.elapsed()]
}

/// Start, and the receipt of the first transfer.
fn anvil_path(binary: &str) -> Duration {
    let port = free_port();
    let start = Instant::now();
    let mut command = Command::new(binary);
    command.args(["--port", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _node = Killed(command.spawn().expect("anvil"));
    let accounts = until_answered(port, start, r#""eth_accounts","params":[]"#);
    let sender = accounts.split('"').find(|part| part.starts_with("0x")).expect("an account");
    let transfer = format!(
        r#""eth_sendTransactionSync","params":[{{"from":"{sender}","to":"{sender}","value":"0x1"}}]"#
    );
    let receipt = until_answered(port, start, &transfer);
    assert!(receipt.contains("blockHash"), "{receipt}");
    start.elapsed()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Asks until the node is there, as the clients of a sandbox do.
fn until_answered(port: u16, start: Instant, call: &str) -> String {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":{call}}}"#);
    loop {
        if let Ok(answer) = ask(port, &body) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "no answer to {call}");
        std::thread::yield_now();
    }
}

fn ask(port: u16, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.contains("\"result\"") { Ok(answer) } else { Err(std::io::ErrorKind::Other.into()) }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
