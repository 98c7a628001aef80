//! A call of a contract on a fork, whose remote is another sandbox on this machine: the first time,
//! from what is on disk, and when everything was read before; beside the same call on the chain
//! itself. `scripts/bench` runs it.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(clippy::arithmetic_side_effects, clippy::float_arithmetic, reason = "times and ratios")]
#![allow(clippy::expect_used, reason = "a bench ends on what it does not expect")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use near_crypto::{InMemorySigner, KeyType, SecretKey};
use near_primitives::account::{Account, AccountContract};
use near_primitives::action::{Action, FunctionCallAction};
use near_primitives::hash::hash;
use near_primitives::state_record::StateRecord;
use near_primitives::transaction::{
    ExecutionStatus, SignedTransaction, Transaction, TransactionV0,
};
use near_primitives::types::{AccountId, Balance, Gas, Nonce};
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock, Node, NodeOptions};
use sandboxd::remote::{BlockPin, Client, ClientOptions, RemoteSource};
use sandboxd::rpc::{RpcConfig, RpcServer};

/// The shortest of so many rounds counts.
const ROUNDS: usize = 20;

const CALLER: &str = "alice.test.near";
const CONTRACT: &str = "notes.near";

fn main() {
    // `cargo test --all-targets` runs benchmarks too, as tests.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let rounds = if measured { ROUNDS } else { 1 };
    let elsewhere = with_contract();
    let node = Node::start(elsewhere.clone(), NodeOptions::default()).expect("a thread");
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = RpcServer::start(anywhere, node, RpcConfig::neard()).expect("a free port");
    let url = format!("http://{}", server.address());
    let disk = tempfile::tempdir().expect("a folder");
    let (mut own, mut cold, mut stored, mut warm) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let mut chain = elsewhere.clone();
        own = own.min(call(&mut chain, 2));
        cold = cold.min(call(&mut fork(&url, None), 2));
        // What is not on disk yet is there afterwards.
        call(&mut fork(&url, Some(disk.path())), 2);
        let mut forked = fork(&url, Some(disk.path()));
        stored = stored.min(call(&mut forked, 2));
        warm = warm.min(call(&mut forked, 3));
    }
    println!("| call of a contract | ms | times the chain itself |");
    println!("|---|--:|--:|");
    for (name, took) in [
        ("on the chain itself", own),
        ("on a fork, nothing read before", cold),
        ("on a fork that starts with what is on disk", stored),
        ("on a fork, the second call", warm),
    ] {
        let ratio = took.as_secs_f64() / own.as_secs_f64();
        println!("| {name} | {:.2} | {ratio:.1} |", took.as_secs_f64() * 1000.0);
    }
}

/// A chain with a contract that was called before, so that it is compiled.
fn with_contract() -> Chain {
    let mut chain = Sandbox::localnet(Clock::system()).into_chain();
    let code = fixtures::wasm("status").to_vec();
    let account_id: AccountId = CONTRACT.parse().expect("a valid name");
    let contract = AccountContract::from_local_code_hash(hash(&code));
    let usage = u64::try_from(code.len()).expect("it fits") + 100;
    let account = Account::new(Balance::from_near(1000), Balance::ZERO, contract, usage);
    let records = [
        StateRecord::Account { account_id: account_id.clone(), account },
        StateRecord::Contract { account_id, code },
    ];
    chain.patch(&records).expect("the records fit");
    call(&mut chain, 1);
    chain
}

/// How long a call takes, with all its receipts.
fn call(chain: &mut Chain, nonce: Nonce) -> Duration {
    let secret_key = SecretKey::from_seed(KeyType::ED25519, CALLER);
    let signer = InMemorySigner::from_secret_key(CALLER.parse().expect("a valid name"), secret_key);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: signer.get_account_id(),
        public_key: signer.public_key(),
        nonce,
        receiver_id: CONTRACT.parse().expect("a valid name"),
        block_hash: *chain.head().hash(),
        actions: vec![Action::FunctionCall(Box::new(FunctionCallAction {
            method_name: "set_status".into(),
            args: br#"{"message":"hello"}"#.to_vec(),
            gas: Gas::from_teragas(10),
            deposit: Balance::ZERO,
        }))],
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    let transaction = SignedTransaction::new(signature, transaction);
    let start = Instant::now();
    let id = chain.submit(transaction).expect("it is valid");
    chain.settle().expect("no fault");
    let took = start.elapsed();
    let execution = chain.execution(&id).expect("it is in a block");
    for outcome in execution.outcomes {
        let status = &outcome.outcome.outcome.status;
        assert!(!matches!(status, ExecutionStatus::Failure(_)), "{status:?}");
    }
    took
}

/// A fork of the chain at `url`.
fn fork(url: &str, cache: Option<&Path>) -> Chain {
    let client = Client::new([url], ClientOptions::default()).expect("a valid address");
    let source = RemoteSource::open(Arc::new(client), BlockPin::Final, cache);
    let source = Arc::new(source.expect("the other sandbox answers"));
    let sandbox = Sandbox::fork_builder(source).build();
    sandbox.expect("a valid chain").into_chain()
}
