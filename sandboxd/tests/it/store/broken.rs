//! Disks that take nothing: the node says so, and can still be read.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{ask, daemon, open, send, started};
use crate::cli::{Daemon, program};

const SANDBOXD: &str = env!("CARGO_BIN_EXE_sandboxd");

/// What a node says that cannot write any more.
const READ_ONLY: &str = "the chain is read-only";

/// Finds a node that answers what it has and takes nothing.
fn check_read_only(address: &str) -> Value {
    let status = ask(address, "status", &json!([])).unwrap();
    let head = status["result"]["sync_info"].clone();
    let base = status["result"]["genesis_hash"].as_str().unwrap().parse().unwrap();
    let refused = [
        send(address, base, "bob.test.near", 1_000_000).unwrap(),
        ask(address, "sandbox_mine", &json!({ "blocks": 1 })).unwrap(),
        ask(address, "sandbox_snapshot", &json!({})).unwrap(),
        ask(address, "sandbox_set_balance", &json!({ "account_id": "a.near", "balance": "1" }))
            .unwrap(),
    ];
    for answer in refused {
        assert!(answer.to_string().contains(READ_ONLY), "{answer}");
    }
    let account = json!({
        "request_type": "view_account", "finality": "final", "account_id": "alice.test.near"
    });
    assert!(ask(address, "query", &account).unwrap()["result"]["amount"].is_string());
    let status = ask(address, "status", &json!([])).unwrap();
    assert_eq!(status["result"]["sync_info"], head, "no block came");
    head
}

/// Its end, and whether it logged that it cannot write.
fn end(mut daemon: Daemon) {
    use std::io::Read as _;
    let mut log = daemon.0.stderr.take().unwrap();
    assert_eq!(daemon.signal("-TERM"), Some(0));
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    assert!(text.contains("read-only from now on"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_full_disk_leaves_a_node_that_can_be_read() {
    for mode in ["always", "interval"] {
        let folder = tempfile::tempdir().unwrap();
        // Files may not grow beyond a megabyte, and who tries is told instead of killed.
        let mut limited = program(Path::new("sh"));
        limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"", SANDBOXD]);
        let mut node = started(limited, folder.path(), &["--sync", mode]);
        let address = node.address();
        let status = ask(&address, "status", &json!([])).unwrap();
        let base = status["result"]["genesis_hash"].as_str().unwrap().parse().unwrap();
        let mut acknowledged = Vec::new();
        for nonce in 1.. {
            let answer = send(&address, base, "alice.test.near", nonce).unwrap();
            let Some(hash) = answer["result"]["transaction"]["hash"].as_str() else {
                assert!(answer.to_string().contains(READ_ONLY), "{answer}");
                break;
            };
            acknowledged.push(hash.parse().unwrap());
        }
        check_read_only(&address);
        end(node);
        let sandbox = open(folder.path());
        let kept = acknowledged.iter().filter(|hash| sandbox.chain().execution(hash).is_some());
        let kept = kept.count();
        assert!(kept > 0);
        assert!(mode != "always" || kept == acknowledged.len(), "{kept} {}", acknowledged.len());
    }
}

#[test]
fn a_folder_that_must_not_be_written_to_is_read() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    let mut node = daemon(&folder, &[]);
    let address = node.address();
    let status = ask(&address, "status", &json!([])).unwrap();
    let base = status["result"]["genesis_hash"].as_str().unwrap().parse().unwrap();
    send(&address, base, "alice.test.near", 1).unwrap();
    assert_eq!(node.signal("-TERM"), Some(0));
    let height = open(&folder).chain().head().height();

    let mut reader = Command::new(SANDBOXD);
    if fs::metadata(&folder).unwrap().uid() == 0 {
        // Permissions do not hold root back.
        let copy = outer.path().join("sandboxd");
        fs::hard_link(SANDBOXD, &copy).or_else(|_| fs::copy(SANDBOXD, &copy).map(drop)).unwrap();
        reader = Command::new(copy);
        reader.uid(65_534).gid(65_534);
    }
    permit(outer.path(), 0o755, 0o644);
    permit(&folder, 0o555, 0o444);
    fs::set_permissions(outer.path().join("sandboxd"), fs::Permissions::from_mode(0o755)).ok();
    reader.current_dir("/");
    let mut node = started(reader, &folder, &[]);
    let head = check_read_only(&node.address());
    assert_eq!(head["latest_block_height"], height);
    end(node);
    permit(&folder, 0o755, 0o644);
    assert_eq!(open(&folder).chain().head().height(), height);
}

/// Sets what may be done with a folder, and with what is in it.
fn permit(folder: &Path, folders: u32, files: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            permit(&entry.path(), folders, files);
        } else {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(files)).unwrap();
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(folders)).unwrap();
}
