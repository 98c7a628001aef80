//! The program itself: what it prints, what it refuses, how it ends, and the folder of neard.

mod forks;
mod home;
mod options;
mod state;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use serde_json::{Value, json};

use crate::support::{near, sign_at};

fn sandboxd() -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_sandboxd")))
}

/// The program, with nothing of the tester's own environment that it reads.
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let read = ["SANDBOXD_", "RUST_LOG", "NEAR_SANDBOX_"];
        if read.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

fn output(args: &[&str]) -> Output {
    sandboxd().args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running daemon, killed at the end of a test that fails.
pub(crate) struct Daemon(pub(crate) Child);

impl Daemon {
    fn start(args: &[&str]) -> Self {
        Self::spawn(sandboxd().args(args))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The address in the line that `--json` prints.
    pub(crate) fn address(&mut self) -> String {
        let line: Value = serde_json::from_str(&self.first_line()).unwrap();
        line["rpc"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned()
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn signal(mut self, name: &str) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, method: &str) -> Value {
    call(address, method, &json!([]))
}

fn call(address: &str, method: &str, params: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[test]
fn json_is_one_line_with_the_address_and_ten_accounts() {
    let mut daemon = Daemon::start(&["--rpc-addr", "127.0.0.1:0", "--json"]);
    let line: Value = serde_json::from_str(&daemon.first_line()).unwrap();
    assert_eq!(line["chain_id"], "localnet");
    let accounts = line["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 10);
    assert_eq!(accounts[1]["account_id"], "alice.test.near");
    assert_eq!(accounts[1]["balance"], "1000000000000000000000000000000");
    assert!(accounts[1]["secret_key"].as_str().unwrap().starts_with("ed25519:"));
    let address = line["rpc"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    assert_eq!(ask(&address, "status")["result"]["chain_id"], "localnet");
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn the_table_names_accounts_and_address_and_ctrl_c_ends_cleanly() {
    let mut daemon = Daemon::start(&["--rpc-addr", "127.0.0.1:0"]);
    let mut text = String::new();
    let mut lines = BufReader::new(daemon.0.stdout.take().unwrap()).lines();
    while !text.contains("JSON-RPC on http://127.0.0.1:") {
        text.push_str(&lines.next().unwrap().unwrap());
    }
    assert!(text.contains("test.near") && text.contains("1000000 NEAR"), "{text}");
    assert_eq!(daemon.signal("-INT"), Some(0));
}

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = output(&["--rpc-addr", &address]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains(&address) && message.contains("--rpc-addr"), "{message}");
}

#[test]
fn a_genesis_with_a_mistake_is_refused_by_file_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.json");
    let mut genesis = serde_json::to_value(sandboxd::genesis::localnet(1)).unwrap();
    genesis["chain_id"] = json!("mainnet");
    fs::write(&path, genesis.to_string()).unwrap();
    let refused = output(&["--genesis", path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("g.json: chain_id: \"mainnet\""), "{}", stderr(&refused));
}

#[test]
fn the_genesis_picks_the_protocol_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.json");
    let mut genesis = serde_json::to_value(sandboxd::genesis::localnet(1)).unwrap();
    let file = path.to_str().unwrap();
    genesis["protocol_version"] = json!(89);
    fs::write(&path, genesis.to_string()).unwrap();
    let refused = output(&["--genesis", file]);
    assert_eq!(refused.status.code(), Some(1));
    let message = "protocol_version is 89, but this sandbox runs protocol versions 84 to 88 only";
    assert!(stderr(&refused).contains(message), "{}", stderr(&refused));

    genesis["protocol_version"] = json!(86);
    fs::write(&path, genesis.to_string()).unwrap();
    let mut daemon = Daemon::start(&["--genesis", file, "--rpc-addr", "127.0.0.1:0", "--json"]);
    let line: Value = serde_json::from_str(&daemon.first_line()).unwrap();
    let address = line["rpc"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    assert_eq!(ask(&address, "status")["result"]["protocol_version"], 86);
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn with_a_finality_lag_blocks_follow_until_all_is_final() {
    let mut daemon = Daemon::start(&["--rpc-addr", "127.0.0.1:0", "--json", "--finality-lag", "1"]);
    let address = daemon.address();
    let patched = call(&address, "sandbox_patch_state", &json!({ "records": [] }));
    assert_eq!(patched["result"], json!({}));
    let final_height = || {
        let block = call(&address, "block", &json!({ "finality": "final" }));
        block["result"]["header"]["height"].as_u64()
    };
    while final_height() < Some(1) {}
}

#[test]
fn with_a_finality_lag_final_blocks_follow_the_head() {
    let mut daemon = Daemon::start(&[
        "--rpc-addr",
        "127.0.0.1:0",
        "--json",
        "--finality-lag",
        "2",
        "--block-interval",
        "60000",
    ]);
    let address = daemon.address();
    for _ in 0..5 {
        assert_eq!(
            call(&address, "sandbox_patch_state", &json!({ "records": [] }))["result"],
            json!({})
        );
    }
    let height = |finality: &str| {
        let block = call(&address, "block", &json!({ "finality": finality }));
        block["result"]["header"]["height"].as_u64().unwrap()
    };
    assert_eq!(["optimistic", "near-final", "final"].map(height), [5, 4, 3]);
    assert_eq!(ask(&address, "status")["result"]["sync_info"]["latest_block_height"], 5);
    let header =
        call(&address, "block", &json!({ "finality": "optimistic" }))["result"]["header"].clone();
    let hash_at =
        |height: u64| call(&address, "block", &json!([height]))["result"]["header"]["hash"].clone();
    assert_eq!(header["last_final_block"], hash_at(3));
    assert_eq!(header["last_ds_final_block"], hash_at(4));
    // Transactions wait for the blocks that they need, and get them at once.
    let head = header["hash"].as_str().unwrap().parse().unwrap();
    let waited = |nonce, wait_until: &str| {
        let sent = transfer_at(head, nonce);
        let params = json!({ "signed_tx_base64": sent, "wait_until": wait_until });
        call(&address, "send_tx", &params)["result"]["final_execution_status"].clone()
    };
    for (nonce, asked, reached) in [
        (1, "INCLUDED", "INCLUDED"),
        (2, "EXECUTED_OPTIMISTIC", "EXECUTED_OPTIMISTIC"),
        (3, "INCLUDED_FINAL", "EXECUTED"),
        (4, "EXECUTED", "EXECUTED"),
        (5, "FINAL", "FINAL"),
    ] {
        assert_eq!(waited(nonce, asked), reached, "{asked}");
    }
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn a_file_that_is_not_the_wallet_contract_is_refused_with_both_hashes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("wallet.wasm");
    fs::write(&file, b"\0asm").unwrap();
    let output =
        output(&["--wallet-contract", file.to_str().unwrap(), "--rpc-addr", "127.0.0.1:0"]);
    assert!(!output.status.success());
    let text = stderr(&output);
    assert!(text.contains("this is not the wallet contract of localnet"), "{text}");
    assert!(text.contains("FAq9tQRbwJPTV3PQLn2F7AUD3FW2Fw1V8ZeZuazfeu1v"), "{text}");
}

fn read_json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn wait_until_listening(address: &str) {
    while TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
}

fn transfer_at(block: CryptoHash, nonce: u64) -> String {
    use base64::Engine as _;
    let deposit = Action::Transfer(TransferAction { deposit: near(1) });
    let signed = sign_at(block, "alice.test.near", "bob.test.near", nonce, vec![deposit]);
    base64::engine::general_purpose::STANDARD.encode(borsh::to_vec(&signed).unwrap())
}
