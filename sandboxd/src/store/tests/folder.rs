//! Folders that are not what they should be.

use std::fs;

use super::*;

fn refused(folder: &Path) -> String {
    open(folder).unwrap_err().to_string()
}

fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path());
    send(&node, 1);
    node.stop();
    folder
}

#[test]
fn another_format_is_refused_with_the_way_out() {
    let folder = used();
    let ours = records::FORMAT;
    for (format, age) in [(ours - 1, "older"), (ours + 1, "newer")] {
        fs::write(folder.path().join("format"), format!("{format}\n")).unwrap();
        let message = refused(folder.path());
        assert!(message.contains(age) && message.contains("state dump"), "{message}");
    }
    fs::write(folder.path().join("format"), format!("{ours}\n")).unwrap();
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_chain_of_another_genesis_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let of = |time| {
        let builder = Sandbox::builder(crate::genesis::localnet(time));
        builder.signer(crate::genesis::dev_signer()).open(options(folder.path()))
    };
    let hash = *of(GENESIS_NS).unwrap().chain().head().hash();
    assert_eq!(*of(GENESIS_NS).unwrap().chain().head().hash(), hash);
    let message = store_error(of(GENESIS_NS + 1).unwrap_err()).to_string();
    assert!(message.contains("another genesis"), "{message}");
    // Who brings no genesis takes the chain that is there.
    assert_eq!(*open(folder.path()).unwrap().chain().head().hash(), hash);
}

#[test]
fn a_folder_belongs_to_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let message = refused(folder.path());
    let process = format!("process {}", std::process::id());
    assert!(message.contains(&process), "{message}");
    drop(first);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_node_that_is_dropped_leaves_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for nonce in 1..=5 {
        let node = start(folder.path());
        send(&node, nonce);
        drop(node);
    }
    assert!(open(folder.path()).unwrap().chain().head().height() >= 5);
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("CURRENT"), "MANIFEST-000001\n").unwrap();
    assert!(refused(folder.path()).contains("another program"));
}

#[test]
fn a_chain_that_was_half_begun_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(options(folder.path())).unwrap();
        let mut batch = store.database.batch();
        batch.hold(Column::Nodes, &[7; 32], b"half");
        batch.write().unwrap();
    }
    let sandbox = open(folder.path()).unwrap();
    let expected = held_by(sandbox.chain());
    drop(sandbox);
    same(&held_on_disk(folder.path()), &expected);
}
