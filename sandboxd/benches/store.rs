//! A chain in a folder: how fast it takes transactions beside one in memory, how fast it is there again, what it takes
//! on disk, and its records beside `RocksDB` alone. `scripts/bench` runs it; named `rate`, `restart`, `size` or
//! `records` it measures one of these.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::missing_panics_doc,
    reason = "a benchmark ends on what it does not expect, and prints times and ratios"
)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use near_crypto::{InMemorySigner, KeyType, SecretKey, Signer};
use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::Balance;
use near_primitives::views::TxExecutionStatus;
use sandbox_state::ChangeSet;
use sandboxd::chain::{Clock, Node, NodeOptions};
use sandboxd::store::{StoreOptions, SyncMode};
use sandboxd::{Sandbox, SandboxBuilder};

const ROUNDS: usize = 3;
const SENDERS: [&str; 8] = [
    "alice.test.near",
    "bob.test.near",
    "carol.test.near",
    "dave.test.near",
    "erin.test.near",
    "frank.test.near",
    "grace.test.near",
    "heidi.test.near",
];

fn main() {
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    // `cargo test --all-targets` runs benchmarks too, as tests: nothing is measured in a debug build.
    if !named("--bench") {
        return;
    }
    let all = !["rate", "restart", "size", "records"].into_iter().any(named);
    if all || named("rate") {
        rates();
    }
    if all || named("restart") {
        restarts();
    }
    if all || named("size") {
        sizes();
    }
    if all || named("records") {
        records();
    }
}

fn builder(kept_blocks: usize) -> SandboxBuilder {
    Sandbox::localnet_builder(Clock::system()).kept_blocks(kept_blocks)
}

fn start(folder: &Path, sync: SyncMode, kept_blocks: usize) -> Node {
    let folder = folder.to_owned();
    let store = StoreOptions { folder, sync, state_memory: None, compiled_bytes: None };
    builder(kept_blocks).open(store).unwrap().start(NodeOptions::default()).unwrap()
}

fn rates() {
    let modes = [None, Some(SyncMode::Never), Some(SyncMode::Interval), Some(SyncMode::Always)];
    println!("| transactions in a second | one after the other | of 8 senders at once |");
    println!("|---|--:|--:|");
    for mode in modes {
        let rate = |senders: usize, count: u64| {
            let rounds = (0..ROUNDS).map(|_| {
                let folder = tempfile::tempdir().unwrap();
                let node = match mode {
                    None => builder(sandboxd::KEPT_BLOCKS)
                        .build()
                        .unwrap()
                        .start(NodeOptions::default())
                        .unwrap(),
                    Some(mode) => start(folder.path(), mode, sandboxd::KEPT_BLOCKS),
                };
                let took = send(&node, &SENDERS[..senders], count);
                node.stop();
                senders as f64 * count as f64 / took.as_secs_f64()
            });
            rounds.fold(0.0, f64::max)
        };
        let name = mode.map_or("in memory".to_owned(), |mode| format!("`--sync {mode}`"));
        println!("| {name} | {:.0} | {:.0} |", rate(1, 1_000), rate(SENDERS.len(), 1_000));
    }
}

/// How long it takes until each sender's transactions are executed, each after the one before.
fn send(node: &Node, senders: &[&str], count: u64) -> Duration {
    let base = *node.view().head().hash();
    let signed: Vec<Vec<_>> = senders
        .iter()
        .map(|sender| (1..=count).map(|nonce| transfer(base, sender, nonce)).collect())
        .collect();
    let started = Instant::now();
    thread::scope(|scope| {
        for transactions in signed {
            scope.spawn(move || {
                for transaction in transactions {
                    let landed = node.submit(transaction, TxExecutionStatus::ExecutedOptimistic);
                    landed.wait().unwrap().unwrap();
                }
            });
        }
    });
    started.elapsed()
}

fn transfer(block_hash: CryptoHash, from: &str, nonce: u64) -> SignedTransaction {
    let key = SecretKey::from_seed(KeyType::ED25519, from);
    let signer: Signer = InMemorySigner::from_secret_key(from.parse().unwrap(), key);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: from.parse().unwrap(),
        public_key: signer.public_key(),
        nonce,
        receiver_id: "ivan.test.near".parse().unwrap(),
        block_hash,
        actions: vec![Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })],
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    SignedTransaction::new(signature, transaction)
}

/// Makes `count` empty blocks, as many at a time as a request may.
fn mine(node: &Node, count: u64) {
    for _ in 0..count / 1_000 {
        node.mine(1_000, None).wait().unwrap().unwrap();
    }
}

fn restarts() {
    println!(
        "\n| 100,000 blocks | ms until the node is there | ms with a transaction in every tenth |"
    );
    println!("|---|--:|--:|");
    for (name, kept) in
        [("of which the latest 10,000 are kept", 10_000), ("all of which are kept", usize::MAX)]
    {
        let times = [false, true].map(|busy| {
            let folder = tempfile::tempdir().unwrap();
            let node = start(folder.path(), SyncMode::Never, kept);
            for round in 0..100 {
                let base = *node.view().head().hash();
                if busy {
                    for nonce in 1..=100 {
                        let sent = transfer(base, "alice.test.near", round * 100 + nonce);
                        node.submit(sent, TxExecutionStatus::ExecutedOptimistic)
                            .wait()
                            .unwrap()
                            .unwrap();
                        node.mine(9, None).wait().unwrap().unwrap();
                    }
                } else {
                    mine(&node, 1_000);
                }
            }
            node.stop();
            drop(node);
            let times = (0..ROUNDS).map(|_| {
                let started = Instant::now();
                let node = start(folder.path(), SyncMode::Never, kept);
                let took = started.elapsed();
                node.stop();
                took.as_secs_f64() * 1e3
            });
            times.fold(f64::MAX, f64::min)
        });
        println!("| {name} | {:.0} | {:.0} |", times[0], times[1]);
    }
    let times = (0..ROUNDS).map(|_| {
        let folder = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let node = start(folder.path(), SyncMode::Never, 10_000);
        let took = started.elapsed();
        node.stop();
        took.as_secs_f64() * 1e3
    });
    println!("\nA new chain is there after {:.0} ms.", times.fold(f64::MAX, f64::min));
}

fn sizes() {
    println!("\n| MB on disk after | 100,000 empty blocks | 200,000 | 300,000 |");
    println!("|---|--:|--:|--:|");
    for (name, kept) in [("the latest 10,000 kept", 10_000), ("all kept", usize::MAX)] {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [1, 2, 3].map(|_| {
            let node = start(folder.path(), SyncMode::Never, kept);
            mine(&node, 100_000);
            node.stop();
            drop(node);
            // What the log has moves into files when it is opened.
            let node = start(folder.path(), SyncMode::Never, kept);
            node.stop();
            size(folder.path()) as f64 / 1e6
        });
        println!("| {name} | {:.1} | {:.1} | {:.1} |", sizes[0], sizes[1], sizes[2]);
    }
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| {
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder { size(&entry.path()) } else { entry.metadata().unwrap().len() }
    });
    sizes.sum()
}

/// Records of 100 bytes, read and written one at a time.
fn records() {
    const RECORDS: u64 = 100_000;
    let mut rng = fixtures::Rng::new(7);
    let data: Vec<([u8; 32], Vec<u8>)> = (0..RECORDS)
        .map(|_| {
            let mut key = [0; 32];
            key.copy_from_slice(&rng.bytes(32));
            (key, rng.bytes(104))
        })
        .collect();
    let nanos = |took: Duration| took.as_nanos() / u128::from(RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let alone = rocksdb::DB::open_default(folder.path()).unwrap();
    let started = Instant::now();
    for (key, value) in &data {
        alone.put(key, value).unwrap();
    }
    let put = started.elapsed();
    let started = Instant::now();
    for (key, value) in &data {
        assert_eq!(alone.get(key).unwrap().as_ref(), Some(value));
    }
    let got = started.elapsed();
    let mut state = sandbox_state::Snapshot::empty();
    let started = Instant::now();
    for (key, value) in &data {
        let mut change = ChangeSet::new();
        change.set(&key[..], value.clone());
        state = state.apply(&change).unwrap();
    }
    let inserted = started.elapsed();
    let started = Instant::now();
    for (key, value) in &data {
        assert_eq!(state.read(key).unwrap().as_deref(), Some(&**value));
    }
    let read = started.elapsed();
    println!("\n| ns for a record of 100 bytes, of 100,000 | get | insert |\n|---|--:|--:|");
    println!("| the state, a snapshot after each insert | {} | {} |", nanos(read), nanos(inserted));
    println!("| RocksDB alone | {} | {} |", nanos(got), nanos(put));
}
