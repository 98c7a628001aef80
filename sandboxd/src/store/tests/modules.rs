//! Compiled contracts beside the chain.

use near_primitives::action::DeployContractAction;
use sandbox_runtime::StoreStats;

use super::*;
use crate::store::database::Record;

/// Opens the folder, deploys the contracts of these names on the chain, and says what became of them in
/// the store.
fn deploy(folder: &Path, bytes: u64, contracts: &[&str]) -> StoreStats {
    let store = StoreOptions { compiled_bytes: Some(bytes), ..options(folder) };
    let sandbox = builder().open(store).unwrap();
    let mut chain = sandbox.chain().clone();
    for (nonce, name) in (1..).zip(contracts) {
        let code = fixtures::wasm(name).to_vec();
        let deploy = vec![Action::DeployContract(DeployContractAction { code })];
        chain.submit(signed(&chain, nonce, "alice.test.near", deploy)).unwrap();
        chain.settle().unwrap();
        chain.runtime().wait_for_compilation();
    }
    chain.runtime().store_stats()
}

/// What is in the column.
fn records(folder: &Path) -> Vec<Record> {
    let store = Store::open(options(folder)).unwrap();
    store.database.with_prefix(Column::Modules, Box::default()).map(Result::unwrap).collect()
}

#[test]
fn what_was_compiled_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(deploy(folder.path(), 1 << 30, &["status"]).written, 1);
    let stats = deploy(folder.path(), 1 << 30, &["status"]);
    assert_eq!((stats.loaded, stats.written, stats.failed), (1, 0, 0));
    assert_eq!(records(folder.path()).len(), 2, "an artifact, and its place in the list");
}

#[test]
fn a_corrupt_one_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    deploy(folder.path(), 1 << 30, &["status"]);
    let (key, mut artifact) = records(folder.path()).pop().unwrap();
    let place = artifact.len() / 2;
    artifact[place] ^= 1;
    {
        let store = Store::open(options(folder.path())).unwrap();
        let mut batch = store.database.batch();
        batch.put(Column::Modules, &key, &artifact);
        batch.write().unwrap();
    }
    let stats = deploy(folder.path(), 1 << 30, &["status"]);
    assert_eq!((stats.loaded, stats.unusable, stats.written), (0, 1, 1));
    let stats = deploy(folder.path(), 1 << 30, &["status"]);
    assert_eq!((stats.loaded, stats.unusable), (1, 0));
    assert_eq!(records(folder.path()).len(), 2);
}

#[test]
fn the_oldest_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    deploy(folder.path(), 1 << 30, &["status", "token"]);
    let sizes: Vec<_> = records(folder.path()).iter().map(|(_, record)| record.len()).collect();
    let bound = u64::try_from(sizes[2].max(sizes[3])).unwrap();
    deploy(folder.path(), bound, &["tiny"]);
    let left = records(folder.path());
    let bytes: usize = left.iter().skip(left.len() / 2).map(|(_, record)| record.len()).sum();
    assert!(u64::try_from(bytes).unwrap() <= bound);
    let stats = deploy(folder.path(), bound, &["tiny"]);
    assert_eq!((stats.loaded, stats.failed), (1, 0), "what came last is there");
}

#[test]
fn a_chain_without_them_writes_none() {
    let folder = tempfile::tempdir().unwrap();
    for nonce in 1..=2 {
        let node = start(folder.path());
        send(&node, nonce);
        node.stop();
    }
    assert!(records(folder.path()).is_empty());
}
