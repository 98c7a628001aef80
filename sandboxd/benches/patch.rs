//! A patch of 100 MB of data: in process, and as a request over HTTP.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::expect_used, reason = "a bench ends on what it does not expect")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use near_primitives::state_record::StateRecord;
use sandboxd::Sandbox;
use sandboxd::chain::{Clock, NodeOptions};
use sandboxd::rpc::{RpcConfig, RpcServer};

const OWNER: &str = "alice.test.near";
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, total) = if measured { (ROUNDS, 100_000_000) } else { (1, 100_000) };
    println!("| MB of values in a second | in process | over HTTP | body |");
    println!("|---|--:|--:|--:|");
    for size in [100, 1_000, 10_000] {
        let data = data(total / size, size);
        let body = request(&data);
        let (mut inside, mut outside) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            inside = inside.min(in_process(&data));
            outside = outside.min(over_http(&body));
        }
        let rate = |time: Duration| total as f64 / 1e6 / time.as_secs_f64();
        let megabytes = body.len() as f64 / 1e6;
        println!(
            "| records of {size} bytes | {:.0} | {:.0} | {megabytes:.0} MB |",
            rate(inside),
            rate(outside)
        );
    }
}

/// Records in no order of their keys.
fn data(count: usize, size: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rng = fixtures::Rng::new(7);
    let record =
        |_| (format!("{:016x}", rng.next()).into_bytes(), rng.bytes(size.next_multiple_of(8)));
    (0..count).map(record).collect()
}

fn in_process(data: &[(Vec<u8>, Vec<u8>)]) -> Duration {
    let records: Vec<_> = data
        .iter()
        .map(|(key, value)| StateRecord::Data {
            account_id: OWNER.parse().expect("an account id"),
            data_key: key.clone().into(),
            value: value.clone().into(),
        })
        .collect();
    let mut chain = Sandbox::localnet(Clock::manual(1)).into_chain();
    let start = Instant::now();
    chain.patch(records).expect("the patch is written");
    start.elapsed()
}

fn request(data: &[(Vec<u8>, Vec<u8>)]) -> String {
    let mut body =
        r#"{"jsonrpc":"2.0","id":1,"method":"sandbox_patch_state","params":{"records":["#
            .to_owned();
    for (place, (key, value)) in data.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let [key, value] = [key, value].map(|bytes| BASE64_STANDARD.encode(bytes));
        write!(
            body,
            r#"{comma}{{"Data":{{"account_id":"{OWNER}","data_key":"{key}","value":"{value}"}}}}"#
        )
        .expect("text grows");
    }
    body.push_str("]}}");
    body
}

fn over_http(body: &str) -> Duration {
    let sandbox = Sandbox::localnet(Clock::manual(1));
    let node = sandbox.start(NodeOptions::default()).expect("a thread");
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = RpcConfig { max_body_bytes: 1 << 30, ..RpcConfig::neard() };
    let server = RpcServer::start(anywhere, node, config).expect("a free port");
    let mut stream = TcpStream::connect(server.address()).expect("the server listens");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let start = Instant::now();
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream.write_all(body.as_bytes()).expect("the body is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let took = start.elapsed();
    assert!(answer.contains(r#""result":{}"#), "{answer}");
    took
}
