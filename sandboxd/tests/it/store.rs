//! A chain in a folder, and the program that keeps it: killed at any moment, out of space, and where it
//! must not write.

mod broken;
mod crash;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Nonce};
use sandboxd::Sandbox;
use sandboxd::chain::Clock;
use sandboxd::store::{StoreOptions, SyncMode};
use serde_json::{Value, json};

use crate::cli::{Daemon, program};
use crate::support::sign_at;

/// Who gets what is sent, and sends nothing.
const RECEIVER: &str = "heidi.test.near";
const SENT: Balance = Balance::from_yoctonear(7);

const ARGUMENTS: [&str; 4] = ["--rpc-addr", "127.0.0.1:0", "--json", "--data-dir"];

fn daemon(folder: &Path, more: &[&str]) -> Daemon {
    started(program(Path::new(env!("CARGO_BIN_EXE_sandboxd"))), folder, more)
}

fn started(mut command: Command, folder: &Path, more: &[&str]) -> Daemon {
    Daemon::spawn(command.args(ARGUMENTS).arg(folder).args(more))
}

/// The chain in a folder that no daemon uses.
fn open(folder: &Path) -> Sandbox {
    let store = StoreOptions {
        folder: folder.to_owned(),
        sync: SyncMode::Never,
        state_memory: None,
        compiled_bytes: None,
    };
    Sandbox::localnet_builder(Clock::system()).open(store).unwrap()
}

/// Sends tokens, and waits until they were sent. `None` if there is no answer.
fn send(address: &str, block: CryptoHash, from: &str, nonce: Nonce) -> Option<Value> {
    let deposit = Action::Transfer(TransferAction { deposit: SENT });
    let signed = sign_at(block, from, RECEIVER, nonce, vec![deposit]);
    let signed = BASE64.encode(borsh::to_vec(&signed).unwrap());
    ask(address, "send_tx", &json!({ "signed_tx_base64": signed, "wait_until": "EXECUTED" }))
}

/// The answer to a request, if there is one.
fn ask(address: &str, method: &str, params: &Value) -> Option<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split("\r\n\r\n").nth(1)?).ok()
}
