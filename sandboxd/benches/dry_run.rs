//! What a dry run takes beside the real thing: in process, and over HTTP on one connection.
//! `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

#[path = "peers/http.rs"]
mod http;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use near_crypto::InMemorySigner;
use near_primitives::action::{Action, DeployContractAction, FunctionCallAction, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::serialize::to_base64;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{Balance, Gas};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock, DryTransaction, NodeOptions, Overrides};
use sandboxd::genesis::{DevAccount, dev_accounts};
use sandboxd::rpc::{RpcConfig, RpcServer};
use serde_json::{Value, json};

use crate::http::{Connection, post};

/// The shortest round counts.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, calls) = if measured { (ROUNDS, 500) } else { (1, 2) };
    println!("| µs each | sent | dry run | | with the least gas | |");
    println!("|---|--:|--:|--:|--:|--:|");
    for load in loads() {
        let mut shortest = [[Duration::MAX; 3]; 2];
        for _ in 0..rounds {
            let times = [in_process(&load, calls)?, over_http(&load, calls)?];
            for (shortest, times) in shortest.iter_mut().zip(times) {
                for (shortest, time) in shortest.iter_mut().zip(times) {
                    *shortest = time.min(*shortest);
                }
            }
        }
        for (place, [sent, dry, least]) in ["in process", "over HTTP"].iter().zip(shortest) {
            let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(calls);
            let ratio = |time: Duration| time.as_secs_f64() / sent.as_secs_f64();
            println!(
                "| {}, {place} | {:.0} | {:.0} | {:.2} times | {:.0} | {:.2} times |",
                load.name,
                each(sent),
                each(dry),
                ratio(dry),
                each(least),
                ratio(least)
            );
        }
    }
    Ok(())
}

/// A transaction from the first account to the second.
struct Load {
    name: &'static str,
    action: Action,
}

fn loads() -> [Load; 3] {
    let call = |name, method: &str, args: &Value| Load {
        name,
        action: Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: method.to_owned(),
            args: args.to_string().into_bytes(),
            gas: Gas::from_teragas(100),
            deposit: Balance::ZERO,
        })),
    };
    let other = &dev_accounts()[2].account_id;
    let transfer = Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) });
    [
        Load { name: "transfer", action: transfer },
        call("`status.set_status`", "set_status", &json!({ "message": "hello" })),
        call("`status.call_other`, with a callback", "call_other", &json!({ "account_id": other })),
    ]
}

/// A chain with the contract on two accounts.
fn stage() -> Result<Chain> {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    for account in &dev_accounts()[1..3] {
        let code = fixtures::wasm("status").to_vec();
        let deploy = Action::DeployContract(DeployContractAction { code });
        let block = *chain.head().hash();
        chain.submit(sign(account, account, block, 1, deploy))?;
    }
    // Compiles it.
    let call = loads().into_iter().map(|load| load.action);
    for (nonce, action) in (2..).zip(call) {
        let block = *chain.head().hash();
        let accounts = dev_accounts();
        chain.submit(sign(&accounts[1], &accounts[2], block, nonce, action))?;
    }
    chain.settle()?;
    Ok(chain)
}

fn sign(
    from: &DevAccount,
    to: &DevAccount,
    block_hash: CryptoHash,
    nonce: u64,
    action: Action,
) -> SignedTransaction {
    let (id, key) = (from.account_id.clone(), from.secret_key.clone());
    let signer = InMemorySigner::from_secret_key(id.clone(), key);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: id,
        public_key: signer.public_key(),
        nonce,
        receiver_id: to.account_id.clone(),
        block_hash,
        actions: vec![action],
    });
    SignedTransaction::new(signer.sign(transaction.get_hash_and_size().0.as_ref()), transaction)
}

impl Load {
    fn signed(&self, chain: &Chain, nonce: u64) -> SignedTransaction {
        let accounts = dev_accounts();
        sign(&accounts[0], &accounts[1], *chain.genesis().hash(), nonce, self.action.clone())
    }
}

/// How long so many take: sent, dry, and dry with a search.
fn in_process(load: &Load, calls: u32) -> Result<[Duration; 3]> {
    let mut chain = stage()?;
    let signed: Vec<_> = (1..=u64::from(calls)).map(|nonce| load.signed(&chain, nonce)).collect();
    let last = load.signed(&chain, u64::from(calls) + 1);
    let sent = Instant::now();
    for transaction in signed {
        let hash = chain.submit(transaction)?;
        chain.settle()?;
        std::hint::black_box(chain.execution(&hash).context("it ran")?.view());
    }
    let sent = sent.elapsed();
    let dry = |find_least| {
        let started = Instant::now();
        for _ in 0..calls {
            let transaction = DryTransaction::Signed(last.clone());
            let run = chain.dry_run(transaction, &Overrides::default(), find_least)?;
            std::hint::black_box(run.execution().view());
        }
        anyhow::Ok(started.elapsed())
    };
    Ok([sent, dry(false)?, dry(true)?])
}

/// The same as requests.
fn over_http(load: &Load, calls: u32) -> Result<[Duration; 3]> {
    let chain = stage()?;
    let request = |method: &str, nonce: u64, find_least: Option<bool>| {
        let bytes = borsh::to_vec(&load.signed(&chain, nonce))?;
        let mut params = json!({ "signed_tx_base64": to_base64(&bytes) });
        if let (Some(find_least), Some(members)) = (find_least, params.as_object_mut()) {
            members.insert("find_least".to_owned(), find_least.into());
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        anyhow::Ok(post(&body.to_string()))
    };
    let calls = u64::from(calls);
    let sends = (1..=calls).map(|nonce| request("broadcast_tx_commit", nonce, None));
    let sends = sends.collect::<Result<Vec<_>>>()?;
    let dry = request("dry_run", calls + 1, Some(false))?;
    let least = request("dry_run", calls + 1, Some(true))?;
    let node = sandboxd::chain::Node::start(chain, NodeOptions::default())?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = RpcServer::start(anywhere, node.clone(), RpcConfig::neard())?;
    let mut connection = Connection::open(server.address())?;
    let mut times = [Duration::ZERO; 3];
    let each = |request: &Vec<u8>| (0..calls).map(|_| request.clone()).collect::<Vec<_>>();
    for (time, requests) in times.iter_mut().zip([sends, each(&dry), each(&least)]) {
        let started = Instant::now();
        for request in &requests {
            let answer = connection.send(request)?;
            let text = String::from_utf8_lossy(answer);
            ensure!(text.contains("SuccessValue"), "{text}");
        }
        *time = started.elapsed();
    }
    drop(server);
    node.stop();
    Ok(times)
}
