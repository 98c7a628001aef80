//! The program is killed at random moments while transactions come from several sides, and snapshots are
//! taken and dropped. Each time the chains on disk are whole, and with `--sync always` they have all that
//! was acknowledged. `CRASH_ROUNDS=200` kills it more often, `CRASH_SEED` at other moments.

use std::path::Path;
use std::thread;
use std::time::Duration;

use fixtures::Rng;
use near_crypto::{KeyType, SecretKey};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{Balance, Nonce};
use sandbox_runtime::view;
use sandboxd::Sandbox;
use sandboxd::chain::{BlockMode, Chain, NodeOptions, SnapshotId};
use serde_json::json;

use super::{RECEIVER, SENT, ask, daemon, open, send};
use crate::support::id;

const SENDERS: [&str; 4] =
    ["alice.test.near", "bob.test.near", "carol.test.near", "dave.test.near"];

/// So often a chain is killed before the next one is: its blocks must not become more than are kept.
const ROUNDS_OF_A_CHAIN: u64 = 20;

/// At most so many milliseconds after its start the program is killed.
const LONGEST: u64 = 400;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn a_killed_program_leaves_a_whole_chain() {
    let mut folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(number("CRASH_SEED", 1));
    let (mut acknowledged, mut saved) = (Vec::new(), 0);
    let (mut all_kept, mut lost) = (0, 0);
    for round in 0..number("CRASH_ROUNDS", 10) {
        if round > 0 && round % ROUNDS_OF_A_CHAIN == 0 {
            folder = tempfile::tempdir().unwrap();
            acknowledged.clear();
        }
        let mode = ["always", "interval", "never"][usize::try_from(round % 3).unwrap()];
        let (new, snapshots) = run(folder.path(), mode, rng.below(LONGEST));
        let sandbox = open(folder.path());
        let chain = &sandbox.chain().clone();
        check(chain);
        let found = check_snapshots(sandbox, &snapshots, mode);
        saved += found;
        let known = |hash: &CryptoHash| chain.execution(hash).is_some();
        assert!(acknowledged.iter().all(known), "round {round}: what was there is there");
        let (kept, gone): (Vec<_>, Vec<_>) = new.into_iter().partition(known);
        assert!(mode != "always" || gone.is_empty(), "round {round}: {gone:?} was acknowledged");
        lost += gone.len();
        all_kept += kept.len();
        acknowledged.extend(kept);
    }
    // Shown where the test fails or is run with --nocapture.
    eprintln!("{all_kept} transactions acknowledged and kept, {lost} lost; {saved} snapshots kept");
    assert!(all_kept > 10 && saved > 0, "there was something to lose");
}

/// The snapshots of a node, as one who takes them and drops them knows.
struct Taken {
    /// Those that were acknowledged, and not to be dropped.
    there: Vec<SnapshotId>,
    /// The one that was to be dropped last.
    dropped: Option<SnapshotId>,
}

/// Runs the program for so many milliseconds, and returns the transactions that it acknowledged, and the
/// snapshots.
fn run(folder: &Path, mode: &str, time: u64) -> (Vec<CryptoHash>, Taken) {
    let mut daemon = daemon(folder, &["--sync", mode]);
    let address = daemon.address();
    let status = ask(&address, "status", &json!([])).unwrap();
    let base: CryptoHash = status["result"]["genesis_hash"].as_str().unwrap().parse().unwrap();
    let nonces = SENDERS.map(|sender| nonce(&address, sender));
    let listed = ask(&address, "sandbox_snapshots", &json!({})).unwrap();
    let listed = listed["result"].as_array().unwrap();
    let there = listed.iter().map(|one| one["snapshot_id"].as_u64().unwrap()).collect();
    thread::scope(|scope| {
        let senders: Vec<_> = SENDERS
            .into_iter()
            .zip(nonces)
            .map(|(sender, nonce)| {
                let address = &address;
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for nonce in nonce + 1.. {
                        let Some(answer) = send(address, base, sender, nonce) else { break };
                        let hash = answer["result"]["transaction"]["hash"].as_str();
                        acknowledged
                            .push(hash.unwrap_or_else(|| panic!("{answer}")).parse().unwrap());
                    }
                    acknowledged
                })
            })
            .collect();
        let taker = scope.spawn(|| take_snapshots(&address, there));
        // Not for something to happen, but for as much as there is time for.
        thread::sleep(Duration::from_millis(time));
        assert_eq!(daemon.signal("-KILL"), None);
        let acknowledged = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        (acknowledged, taker.join().unwrap())
    })
}

/// Takes snapshots beside those that are `there`, of which the latest few stay.
fn take_snapshots(address: &str, there: Vec<SnapshotId>) -> Taken {
    let mut taken = Taken { there, dropped: None };
    while let Some(answer) = ask(address, "sandbox_snapshot", &json!({})) {
        taken.there.push(answer["result"]["snapshot_id"].as_u64().unwrap());
        if taken.there.len() > 3 {
            let id = taken.there.remove(0);
            taken.dropped = Some(id);
            if ask(address, "sandbox_drop_snapshot", &json!({ "snapshot_id": id })).is_none() {
                break;
            }
        }
    }
    taken
}

/// Each snapshot is a whole chain, and those are there that are not lost. Returns how many.
fn check_snapshots(sandbox: Sandbox, taken: &Taken, mode: &str) -> usize {
    let manual = NodeOptions { mode: BlockMode::Manual, keeper: None };
    let chains = sandbox.start(manual).unwrap().chains().wait().unwrap();
    let found: Vec<_> = chains.saved.iter().map(|saved| saved.id).collect();
    if mode == "always" {
        let is_there = |id: &SnapshotId| found.contains(id);
        assert!(taken.there.iter().all(is_there), "{:?} of {found:?}", taken.there);
        // One more may have been taken, and the last one dropped or not, without an answer.
        let others = found.iter().filter(|id| !taken.there.contains(*id));
        assert!(others.filter(|id| Some(**id) != taken.dropped).count() <= 1, "{found:?}");
    }
    for saved in chains.saved {
        check(&saved.chain);
    }
    found.len()
}

fn nonce(address: &str, account: &str) -> Nonce {
    let key = SecretKey::from_seed(KeyType::ED25519, account).public_key();
    let request = json!({
        "request_type": "view_access_key",
        "finality": "optimistic",
        "account_id": account,
        "public_key": key,
    });
    let answer = ask(address, "query", &request).unwrap();
    answer["result"]["nonce"].as_u64().unwrap()
}

/// Each block follows from the one before, the state is whole, and it is what the blocks say.
fn check(chain: &Chain) {
    let blocks: Vec<_> = std::iter::once(chain.genesis())
        .chain(chain.blocks_after(chain.genesis().height()))
        .collect();
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].header().prev_hash(), pair[0].hash());
        assert_eq!(pair[1].chunk_header().prev_state_root(), pair[0].state_root());
        let state = chain.state_after(pair[1]).unwrap();
        assert_eq!(state.root().0, pair[1].state_root().0);
    }
    for record in chain.state().list(&[], None) {
        record.unwrap();
    }
    // What was sent last may still be on its way.
    let mut settled = chain.clone();
    settled.settle().unwrap();
    let sent = blocks.iter().flat_map(|block| block.transactions());
    let all: Vec<_> = sent.chain(chain.waiting()).collect();
    for sender in SENDERS {
        let of_sender = all.iter().filter(|sent| sent.transaction.signer_id() == sender);
        let latest = of_sender.map(|sent| sent.transaction.nonce().nonce()).max();
        let key = SecretKey::from_seed(KeyType::ED25519, sender).public_key();
        let key = view::access_key(settled.state(), &id(sender), &key).unwrap().unwrap();
        assert_eq!(key.nonce, latest.unwrap_or(0), "{sender}");
    }
    let before = Balance::from_near(1_000_000).as_yoctonear();
    let received = u128::try_from(all.len()).unwrap() * SENT.as_yoctonear();
    let account = settled.account(&id(RECEIVER)).unwrap();
    assert_eq!(account.amount().as_yoctonear(), before + received);
    assert!(settled.produce().is_ok(), "the chain goes on");
}
