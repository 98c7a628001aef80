//! The two nodes: how each is started, what its first request is, and how a transfer is written.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use near_crypto::{InMemorySigner, KeyType, SecretKey};
use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{AccountId, Balance};
use serde_json::{Value, json};

use crate::http::{Connection, post};

/// A node of either kind.
pub(crate) trait Node {
    fn name(&self) -> &'static str;
    /// The command that runs the node on this port, with an account or key for each of so many senders to come.
    fn command(&self, port: u16, senders: usize) -> Command;
    /// The cheapest request that shows that the node is up.
    fn ping(&self) -> Value;
    /// Requests that each transfer something and are answered when that is done: a list for each of so many senders.
    fn transfers(
        &self,
        connection: &mut Connection,
        senders: usize,
        each: usize,
    ) -> Result<Vec<Vec<Vec<u8>>>>;
    /// The reads: of the chain, of an account, by a contract, which this puts there first, and by it with arguments
    /// that differ from request to request.
    fn reads(&self, connection: &mut Connection) -> Result<[Vec<Vec<u8>>; 4]>;
    fn succeeded(&self, answer: &[u8]) -> bool;
    /// Makes so many blocks, and gives the requests that execute a transfer from there on.
    fn grow(&self, connection: &mut Connection, blocks: usize) -> Result<Vec<Vec<u8>>>;
    fn snapshot(&self) -> Vec<u8>;
    /// The request to return to the snapshot that was answered so.
    fn revert(&self, taken: &Value) -> Vec<u8>;
}

/// A started node; dropping it ends it.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From spawning the process to its first answer.
    pub(crate) first_answer: Duration,
}

/// Starts a node on a free port, for so many senders, and waits for its first answer.
pub(crate) fn start(node: &dyn Node, senders: usize) -> Result<Running> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let request = post(&node.ping().to_string());
    let mut command = node.command(address.port(), senders);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let child = command.spawn().with_context(|| format!("{command:?}"))?;
    let mut running = Running { child, address, first_answer: Duration::ZERO };
    let mut connection = loop {
        if let Ok(connection) = Connection::open(address) {
            break connection;
        }
        if let Some(status) = running.child.try_wait()? {
            bail!("{} ended at once: {status}", node.name());
        }
        ensure!(started.elapsed() < Duration::from_secs(30), "{} does not answer", node.name());
        std::thread::sleep(Duration::from_micros(200));
    };
    connection.send(&request)?;
    running.first_answer = started.elapsed();
    Ok(running)
}

impl Running {
    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u32> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.context("no VmRSS")?.trim();
        Ok(line.trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The child may be gone already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This project's node.
pub(crate) struct Sandboxd {
    binary: &'static str,
}

impl Sandboxd {
    pub(crate) fn new(binary: &'static str) -> Self {
        Self { binary }
    }

    /// The id and the secret key of the first two accounts, from a node of its own: they are the same in each.
    fn accounts(&self) -> Result<[(AccountId, SecretKey); 2]> {
        use std::io::BufRead as _;
        let mut command = Command::new(self.binary);
        command.args(["--rpc-addr", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout is piped")?;
        std::io::BufReader::new(stdout).read_line(&mut line)?;
        child.kill()?;
        child.wait()?;
        let announced: Value = serde_json::from_str(&line)?;
        let account = |index: usize| -> Result<(AccountId, SecretKey)> {
            let account = &announced["accounts"][index];
            let text = |name: &str| account[name].as_str().context("an account's id and key");
            Ok((text("account_id")?.parse()?, text("secret_key")?.parse()?))
        };
        Ok([account(0)?, account(1)?])
    }
}

impl Node for Sandboxd {
    fn name(&self) -> &'static str {
        "sandboxd"
    }

    fn command(&self, port: u16, _: usize) -> Command {
        let mut command = Command::new(self.binary);
        command.args(["--rpc-addr", &format!("127.0.0.1:{port}")]);
        command
    }

    fn ping(&self) -> Value {
        request("status", &json!([]))
    }

    fn transfers(
        &self,
        connection: &mut Connection,
        senders: usize,
        each: usize,
    ) -> Result<Vec<Vec<Vec<u8>>>> {
        let [(sender, _), (receiver, _)] = self.accounts()?;
        let keys =
            (0..senders).map(|place| SecretKey::from_seed(KeyType::ED25519, &place.to_string()));
        let keys: Vec<_> = keys.collect();
        // A key for each sender, since a key's nonces have to come in order.
        let records = keys.iter().map(|key| {
            json!({ "AccessKey": {
                "account_id": sender, "public_key": key.public_key(),
                "access_key": { "nonce": 0, "permission": "FullAccess" },
            } })
        });
        let records: Vec<_> = records.collect();
        ask(connection, "sandbox_patch_state", &json!({ "records": records }))?;
        let block = ask(connection, "block", &json!({ "finality": "final" }))?;
        let block_hash: CryptoHash = serde_json::from_value(block["header"]["hash"].clone())?;
        let signed = |key: &SecretKey, nonce: u64| {
            let signer = InMemorySigner::from_secret_key(sender.clone(), key.clone());
            let transaction = Transaction::V0(TransactionV0 {
                signer_id: sender.clone(),
                public_key: signer.public_key(),
                nonce,
                receiver_id: receiver.clone(),
                block_hash,
                actions: vec![Action::Transfer(TransferAction {
                    deposit: Balance::from_yoctonear(1),
                })],
            });
            let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
            let whole = SignedTransaction::new(signature, transaction);
            let params = json!({
                "signed_tx_base64": STANDARD.encode(borsh::to_vec(&whole)?),
                "wait_until": "EXECUTED_OPTIMISTIC",
            });
            Ok(post(&request("send_tx", &params).to_string()))
        };
        keys.iter().map(|key| (1..).take(each).map(|nonce| signed(key, nonce)).collect()).collect()
    }

    fn reads(&self, connection: &mut Connection) -> Result<[Vec<Vec<u8>>; 4]> {
        let [(account, _), _] = self.accounts()?;
        let code = fixtures::wasm("tiny");
        let records = json!([
            { "Account": { "account_id": account, "account": {
                "amount": "1000000000000000000000000000", "locked": "0", "version": "V1",
                "code_hash": CryptoHash::hash_bytes(code), "storage_usage": 1000,
            } } },
            { "Contract": { "account_id": account, "code": STANDARD.encode(code) } },
        ]);
        ask(connection, "sandbox_patch_state", &json!({ "records": records }))?;
        let view = json!({
            "request_type": "view_account", "finality": "final", "account_id": account,
        });
        let call = |arguments: u32| {
            json!({
                "request_type": "call_function", "finality": "final", "account_id": account,
                "method_name": "get", "args_base64": STANDARD.encode(arguments.to_le_bytes()),
            })
        };
        let requests = [("status", json!([])), ("query", view), ("query", call(0))];
        checked(connection, requests, |arguments| ("query", call(arguments)))
    }

    fn succeeded(&self, answer: &[u8]) -> bool {
        contains(answer, br#""status":{"SuccessValue":"#) && !contains(answer, b"Failure")
    }

    fn grow(&self, connection: &mut Connection, blocks: usize) -> Result<Vec<Vec<u8>>> {
        // Each patch is a block.
        let empty = post(&request("sandbox_patch_state", &json!({ "records": [] })).to_string());
        (0..blocks).try_for_each(|_| connection.send(&empty).map(drop))?;
        Ok(self.transfers(connection, 1, 1)?.concat())
    }

    fn snapshot(&self) -> Vec<u8> {
        post(&request("sandbox_snapshot", &json!({})).to_string())
    }

    fn revert(&self, taken: &Value) -> Vec<u8> {
        post(&request("sandbox_revert", taken).to_string())
    }
}

/// Foundry's Ethereum node.
pub(crate) struct Anvil {
    binary: String,
}

impl Anvil {
    pub(crate) fn new(binary: String) -> Self {
        Self { binary }
    }
}

impl Node for Anvil {
    fn name(&self) -> &'static str {
        "anvil"
    }

    fn command(&self, port: u16, senders: usize) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["--quiet", "--port", &port.to_string()]);
        // It writes old states to a folder of the user's, gigabytes in some of these, and leaves them there.
        if let Some(folder) = std::env::var_os("ANVIL_CACHE") {
            command.arg("--cache-path").arg(folder);
        }
        // It has ten by default.
        if senders > 10 {
            command.args(["--accounts", &senders.to_string()]);
        }
        command
    }

    fn ping(&self) -> Value {
        request("eth_chainId", &json!([]))
    }

    fn transfers(
        &self,
        connection: &mut Connection,
        senders: usize,
        each: usize,
    ) -> Result<Vec<Vec<Vec<u8>>>> {
        let accounts = ask(connection, "eth_accounts", &json!([]))?;
        // It gives each sender its nonces.
        let transfers = |sender: usize| {
            let transfer = json!({
                "from": accounts[sender], "to": accounts[1], "value": "0x1", "gas": "0x5208",
            });
            vec![post(&request("eth_sendTransactionSync", &json!([transfer])).to_string()); each]
        };
        Ok((0..senders).map(transfers).collect())
    }

    fn reads(&self, connection: &mut Connection) -> Result<[Vec<Vec<u8>>; 4]> {
        let accounts = ask(connection, "eth_accounts", &json!([]))?;
        // Puts a contract there that returns the number 42.
        let init = "0x600a600c600039600a6000f3602a60005260206000f3";
        let deploy = json!([{ "from": accounts[0], "data": init, "gas": "0x30d40" }]);
        let receipt = ask(connection, "eth_sendTransactionSync", &deploy)?;
        let contract = receipt["contractAddress"].clone();
        let call = |arguments: u32| json!([{ "to": contract, "data": format!("0x{arguments:08x}") }, "latest"]);
        let requests = [
            ("eth_blockNumber", json!([])),
            ("eth_getBalance", json!([accounts[0], "latest"])),
            ("eth_call", call(0)),
        ];
        checked(connection, requests, |arguments| ("eth_call", call(arguments)))
    }

    fn succeeded(&self, answer: &[u8]) -> bool {
        contains(answer, br#""status":"0x1""#)
    }

    fn grow(&self, connection: &mut Connection, blocks: usize) -> Result<Vec<Vec<u8>>> {
        // All at once take longer than an answer is waited for.
        (0..blocks).step_by(100).try_for_each(|made| {
            let count = blocks.saturating_sub(made).min(100);
            ask(connection, "anvil_mine", &json!([count])).map(drop)
        })?;
        // After a revert it misses a transaction now and then, and does not mine it by itself.
        ask(connection, "evm_setAutomine", &json!([false]))?;
        let accounts = ask(connection, "eth_accounts", &json!([]))?;
        let transfer = json!({
            "from": accounts[0], "to": accounts[1], "value": "0x1", "gas": "0x5208",
        });
        let requests = [("eth_sendTransaction", json!([transfer])), ("evm_mine", json!([]))];
        Ok(requests.map(|(name, params)| post(&request(name, &params).to_string())).into())
    }

    fn snapshot(&self) -> Vec<u8> {
        post(&request("evm_snapshot", &json!([])).to_string())
    }

    fn revert(&self, taken: &Value) -> Vec<u8> {
        post(&request("evm_revert", &json!([taken])).to_string())
    }
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// How many different calls there are: more than a node would remember.
const CALLS: u32 = 4_096;

/// The requests as they are sent, each of which was answered once, and calls with other arguments.
fn checked(
    connection: &mut Connection,
    requests: [(&str, Value); 3],
    call: impl Fn(u32) -> (&'static str, Value),
) -> Result<[Vec<Vec<u8>>; 4]> {
    for (method, params) in &requests {
        ask(connection, method, params)?;
    }
    let sent = |(method, params): (&str, Value)| post(&request(method, &params).to_string());
    let [chain, account, contract] = requests.map(|request| vec![sent(request)]);
    Ok([chain, account, contract, (0..CALLS).map(|arguments| sent(call(arguments))).collect()])
}

fn ask(connection: &mut Connection, method: &str, params: &Value) -> Result<Value> {
    let answer = connection.send(&post(&request(method, params).to_string()))?;
    let mut answer: Value = serde_json::from_slice(answer)?;
    ensure!(answer.get("error").is_none(), "{method}: {answer}");
    Ok(answer["result"].take())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
