#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod corrupt;
mod folder;
mod modules;
mod random;
mod state_folder;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use near_crypto::{InMemorySigner, KeyType, SecretKey, Signer};
use near_primitives::action::{Action, TransferAction};
use near_primitives::hash::CryptoHash;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::types::{Balance, BlockHeight, BlockId, BlockReference};
use near_primitives::views::TxExecutionStatus;
use sandbox_state::{Difference, Snapshot, Storage};

use super::database::Column;
use super::{Store, StoreError, StoreOptions, SyncMode, lines, nodes, records};
use crate::chain::{Chain, Clock, Node, NodeOptions};
use crate::{OpenFailed, Sandbox, SandboxBuilder};

/// The time of the genesis block.
const GENESIS_NS: u64 = 1_767_225_600_000_000_000;

fn builder() -> SandboxBuilder {
    Sandbox::localnet_builder(Clock::manual(GENESIS_NS)).kept_blocks(30)
}

fn options(folder: &Path) -> StoreOptions {
    let folder = folder.to_owned();
    StoreOptions { folder, sync: SyncMode::Never, state_memory: None, compiled_bytes: None }
}

fn open(folder: &Path) -> Result<Sandbox, StoreError> {
    builder().open(options(folder)).map_err(store_error)
}

fn store_error(failed: OpenFailed) -> StoreError {
    match failed {
        OpenFailed::Store(error) => error,
        OpenFailed::Chain(invalid) => panic!("{invalid}"),
    }
}

fn start(folder: &Path) -> Node {
    open(folder).unwrap().start(NodeOptions::default()).unwrap()
}

/// Sends tokens from alice, and waits until that is done.
fn send(node: &Node, nonce: u64) {
    let transaction = transfer(&node.view(), nonce);
    node.submit(transaction, TxExecutionStatus::Final).wait().unwrap().unwrap();
}

fn transfer(chain: &Chain, nonce: u64) -> SignedTransaction {
    let deposit = Action::Transfer(TransferAction { deposit: Balance::from_near(1) });
    signed(chain, nonce, &format!("{:064x}", nonce % 50), vec![deposit])
}

/// A transaction of alice.
fn signed(chain: &Chain, nonce: u64, to: &str, actions: Vec<Action>) -> SignedTransaction {
    let name = "alice.test.near";
    let key = SecretKey::from_seed(KeyType::ED25519, name);
    let signer: Signer = InMemorySigner::from_secret_key(name.parse().unwrap(), key);
    let transaction = Transaction::V0(TransactionV0 {
        signer_id: name.parse().unwrap(),
        public_key: signer.public_key(),
        nonce,
        receiver_id: to.parse().unwrap(),
        block_hash: *chain.head().hash(),
        actions,
    });
    let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
    SignedTransaction::new(signature, transaction)
}

/// What a chain is.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    genesis: CryptoHash,
    blocks: Vec<(BlockHeight, CryptoHash, Vec<CryptoHash>)>,
    /// The records after each block whose state is kept.
    states: Vec<(BlockHeight, CryptoHash, usize)>,
    waiting: Vec<CryptoHash>,
    time_ns: u64,
}

impl Seen {
    fn of(chain: &Chain) -> Self {
        let oldest = chain.earliest();
        let blocks: Vec<_> =
            std::iter::once(oldest).chain(chain.blocks_after(oldest.height())).collect();
        let states = blocks.iter().filter_map(|block| {
            let state = chain.state_after(block).ok()?;
            let records = state.list(&[], None).map(Result::unwrap).count();
            Some((block.height(), CryptoHash(state.root().0), records))
        });
        Self {
            genesis: *chain.genesis().hash(),
            states: states.collect(),
            blocks: blocks
                .iter()
                .map(|block| {
                    let outcomes = block.outcomes().iter().map(|outcome| outcome.id).collect();
                    (block.height(), *block.hash(), outcomes)
                })
                .collect(),
            waiting: chain.waiting().map(SignedTransaction::get_hash).collect(),
            time_ns: chain.clock().now_ns(),
        }
    }
}

/// Stops a node, opens its folder again, and finds the same chain and no more states than it has.
fn restart(node: Node, folder: &Path) -> Node {
    let before = Seen::of(&node.view());
    let is_alone = node.snapshots().wait().unwrap().is_empty();
    node.stop();
    drop(node);
    let sandbox = open(folder).unwrap();
    assert_eq!(Seen::of(sandbox.chain()), before);
    let expected = is_alone.then(|| held_by(sandbox.chain()));
    drop(sandbox);
    same(&held_on_disk(folder), &expected.unwrap_or_else(|| held_by_lines(folder)));
    start(folder)
}

fn same(found: &Counts, expected: &Counts) {
    let differs = |key: &(&'static str, [u8; 32])| found.get(key) != expected.get(key);
    let differing = found.keys().chain(expected.keys()).filter(|key| differs(key)).count();
    assert_eq!(differing, 0, "of {} on disk, {} expected", found.len(), expected.len());
}

type Counts = BTreeMap<(&'static str, [u8; 32]), i64>;

/// How often the states of `chain` hold each node and value.
fn held_by(chain: &Chain) -> Counts {
    let mut counts = Counts::new();
    let mut below = Snapshot::empty();
    let earliest = chain.earliest();
    for block in std::iter::once(earliest).chain(chain.blocks_after(earliest.height())) {
        let state = chain.state_after(block).unwrap().clone();
        count(&mut counts, &below, &state);
        below = state;
    }
    counts
}

/// How often the states in all lines do.
fn held_by_lines(folder: &Path) -> Counts {
    let store = Store::open(options(folder)).unwrap();
    let storage = Storage::new(Arc::new(nodes::Nodes(Arc::clone(&store.database))));
    let mut lines = lines::Lines::default();
    let mut counts = Counts::new();
    for (id, record) in records::lines(&store.database).unwrap() {
        let mut line = record.line();
        for block in records::blocks(&store.database, id) {
            let (height, root, _) = block.unwrap();
            line.states.extend((height >= record.lowest()).then_some((height, root)));
        }
        let below = line.from.map(|from| lines.state_at(from).unwrap());
        let stored = |root| Snapshot::stored(root, &storage);
        let mut below = below.map_or_else(Snapshot::empty, stored);
        for (_, root) in &line.states {
            let state = stored(*root);
            count(&mut counts, &below, &state);
            below = state;
        }
        lines.0.insert(id, line);
    }
    counts
}

/// Counts what `state` adds to the one `below`.
fn count(counts: &mut Counts, below: &Snapshot, state: &Snapshot) {
    let count = |difference: Difference<'_>| {
        let key = match difference {
            Difference::NodeAdded { hash, .. } => (Column::Nodes.name(), hash),
            Difference::ValueAdded { hash, .. } => (Column::Values.name(), hash),
            Difference::NodeRemoved(_) | Difference::ValueRemoved(_) => return,
        };
        let held = counts.entry(key).or_default();
        *held = held.saturating_add(1);
    };
    state.difference(below, count).unwrap();
}

/// How often each node and value is held on disk.
fn held_on_disk(folder: &Path) -> Counts {
    let store = Store::open(options(folder)).unwrap();
    let mut counts = Counts::new();
    for column in [Column::Nodes, Column::Values] {
        for record in store.database.with_prefix(column, Box::default()) {
            let (key, record) = record.unwrap();
            let count = i64::from_le_bytes(*record.first_chunk().unwrap());
            assert!(count >= 0, "nothing is let go of more often than it was held");
            if count > 0 {
                counts.insert((column.name(), (*key).try_into().unwrap()), count);
            }
        }
    }
    counts
}

#[test]
fn a_chain_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(folder.path());
    for nonce in 1..=6 {
        send(&node, nonce);
        if nonce % 2 == 0 {
            node = restart(node, folder.path());
        }
    }
    let chain = node.view();
    let block = chain.block(&BlockReference::BlockId(BlockId::Height(1))).unwrap();
    let id = block.transactions().first().unwrap().get_hash();
    assert!(chain.execution(&id).is_some(), "a transaction of the first process is known");
}

#[test]
fn states_beyond_their_memory_are_read_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let limited = StoreOptions { state_memory: Some(20_000), ..options(folder.path()) };
    let sandbox = builder().open(limited).unwrap();
    let node = sandbox.start(NodeOptions::default()).unwrap();
    for nonce in 1..=100 {
        send(&node, nonce);
    }
    let before = Seen::of(&node.view());
    assert!(before.states.len() > 20);
    node.stop();
    drop(node);
    assert_eq!(Seen::of(open(folder.path()).unwrap().chain()), before);
}

#[test]
fn what_waits_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mode = crate::chain::BlockMode::Manual;
    let manual = NodeOptions { mode, keeper: None };
    let node = open(folder.path()).unwrap().start(manual).unwrap();
    let sent = transfer(&node.view(), 1);
    let hash = sent.get_hash();
    node.submit(sent, TxExecutionStatus::None).wait().unwrap().unwrap();
    let node = restart(node, folder.path());
    assert!(node.watch(hash, TxExecutionStatus::Final).wait().unwrap().is_ok());
}

#[test]
fn a_strict_node_has_on_disk_what_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let strict = StoreOptions { sync: SyncMode::Always, ..options(folder.path()) };
    let node = builder().open(strict).unwrap().start(NodeOptions::default()).unwrap();
    for nonce in 1..=5 {
        send(&node, nonce);
    }
    assert!(node.snapshot().wait().is_some());
    let seen = Seen::of(&node.view());
    node.stop();
    drop(node);
    assert_eq!(Seen::of(open(folder.path()).unwrap().chain()), seen);
}
