//! The program itself: what it prints, what it refuses, how it ends, and the folder of neard.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn sandboxd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandboxd"));
    command.env_remove("RUST_LOG").env_remove("NEAR_SANDBOX_LOG");
    command
}

fn output(args: &[&str]) -> Output {
    sandboxd().args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running daemon, killed at the end of a test that fails.
struct Daemon(Child);

impl Daemon {
    fn start(args: &[&str]) -> Self {
        let mut command = sandboxd();
        Self(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn signal(mut self, name: &str) -> Option<i32> {
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
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string();
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
fn init_writes_neards_files_once_and_run_starts_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("node");
    let home_arg = home.to_str().unwrap();
    let init = || output(&["--home", home_arg, "init", "--fast", "--chain-id", "my-chain"]);
    assert!(init().status.success());
    let key = read_json(&home, "validator_key.json");
    assert_eq!(key["account_id"], "test.near");
    assert_eq!(read_json(&home, "node_key.json")["account_id"], "node");
    let genesis = read_json(&home, "genesis.json");
    assert_eq!(genesis["chain_id"], "my-chain");
    assert_eq!(genesis["epoch_length"], 60);
    assert!(init().status.success(), "a second init changes nothing");
    assert_eq!(read_json(&home, "validator_key.json"), key);

    let port = free_address();
    let network = free_address();
    let args = ["--home", home_arg, "run", "--rpc-addr", &port, "--network-addr", &network];
    let daemon = Daemon::start(&args);
    wait_until_listening(&port);
    let status = ask(&port, "status")["result"].clone();
    assert_eq!(status["chain_id"], "my-chain");
    assert_eq!(status["validator_account_id"], "test.near");
    assert_eq!(status["protocol_version"], 88);
    // Clients of near-sandbox wait for the next block without sending anything.
    while ask(&port, "status")["result"]["sync_info"]["latest_block_height"].as_u64() < Some(2) {}
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn a_config_may_have_comments_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init"]).status.success());
    let path = folder.path().join("config.json");
    let mut config = read_json(folder.path(), "config.json");
    config["rpc"]["addr"] = json!("nowhere");
    fs::write(&path, format!("// mine\n{config}")).unwrap();
    let refused = output(&["--home", home, "run"]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("config.json: rpc.addr: "), "{message}");
}

#[test]
fn run_without_init_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = output(&["--home", folder.path().to_str().unwrap(), "run"]);
    let message = stderr(&refused);
    assert!(message.contains("config.json is missing") && message.contains("init"), "{message}");
}

#[test]
fn a_test_seed_gives_the_same_key_everywhere() {
    let key = || {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let made = output(&["--home", home, "init", "--account-id", "a.near", "--test-seed", "x"]);
        assert!(made.status.success());
        read_json(folder.path(), "validator_key.json")
    };
    assert_eq!(key(), key());
    assert_eq!(key()["account_id"], "a.near");
}

#[test]
fn public_networks_cannot_be_initialized() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let refused = output(&["--home", home, "init", "--chain-id", "mainnet"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("chain_id"), "{}", stderr(&refused));
}

#[test]
fn the_version_is_told() {
    let version = output(&["--version"]);
    assert!(version.status.success());
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("sandboxd 0."));
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
