//! Chains that are read from files and written to them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Daemon, ask, call, output, stderr};

const FIRST: [&str; 3] = ["--rpc-addr", "127.0.0.1:0", "--json"];

fn start(more: &[&str]) -> (Daemon, String) {
    let mut daemon = Daemon::start(&[&FIRST, more].concat());
    let address = daemon.address();
    (daemon, address)
}

fn head(address: &str) -> Value {
    call(address, "block", &json!({ "finality": "optimistic" }))["result"]["header"]["hash"].clone()
}

#[test]
fn a_chain_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.bin");
    let file = file.to_str().unwrap();
    let (daemon, address) = start(&["--state", file]);
    assert_eq!(ask(&address, "sandbox_snapshot")["result"]["snapshot_id"], 1);
    call(&address, "sandbox_mine", &json!({ "blocks": 5 }));
    let before = head(&address);
    assert_eq!(daemon.signal("-TERM"), Some(0));
    let (daemon, address) = start(&["--state", file]);
    assert_eq!(head(&address), before);
    let reverted = call(&address, "sandbox_revert", &json!({ "snapshot_id": 1 }));
    assert_eq!(reverted["result"]["height"], 0);
    assert_eq!(daemon.signal("-TERM"), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is half written");
    fs::write(file, "what is this").unwrap();
    let refused = output(&[&FIRST[..], &["--load-state", file]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("not a file that sandboxd wrote"), "{}", stderr(&refused));
}

#[test]
fn a_running_node_is_dumped_and_given_another_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, genesis) = (path("chain.bin"), path("genesis.json"));
    let ((_first, one), (_second, other)) = (start(&[]), start(&[]));
    call(&one, "sandbox_mine", &json!({ "blocks": 5 }));
    let of = |address: &str| format!("http://{address}");
    let state = |args: &[&str]| output(&[&["state"], args].concat());
    let done = state(&["dump", &file, "--url", &of(&one)]);
    assert!(done.status.success(), "{}", stderr(&done));
    let done = state(&["load", &file, "--url", &of(&other)]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "The node goes on from block 5\n");
    assert_eq!(head(&other), head(&one));
    let done = state(&["dump", &genesis, "--format", "genesis", "--url", &of(&one)]);
    assert!(done.status.success(), "{}", stderr(&done));
    let (_third, third) = start(&["--genesis", &genesis]);
    assert!(head(&third).is_string());
    let refused = state(&["load", &genesis, "--url", &of(&other)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("not a file that sandboxd wrote"), "{}", stderr(&refused));
    let refused = state(&["dump", &file, "--url", "http://127.0.0.1:1"]);
    assert!(
        stderr(&refused).contains("http://127.0.0.1:1 does not answer"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_state_larger_than_a_request_comes_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, genesis) = (path("chain.bin"), path("genesis.json"));
    let ((_first, one), (_second, other)) = (start(&[]), start(&[]));
    // Nothing that zstd makes smaller.
    let mut rng = fixtures::Rng::new(5);
    for key in ["MQ==", "Mg==", "Mw==", "NA=="] {
        let value = STANDARD.encode(rng.bytes(4 << 20));
        let data =
            json!({ "Data": { "account_id": "test.near", "data_key": key, "value": value } });
        let patched = call(&one, "sandbox_patch_state", &json!({ "records": [data] }));
        assert_eq!(patched["result"], json!({}));
    }
    let of = |address: &str| format!("http://{address}");
    let state = |args: &[&str]| {
        let done = output(&[&["state"], args].concat());
        assert!(done.status.success(), "{}", stderr(&done));
    };
    state(&["dump", &file, "--url", &of(&one)]);
    assert!(fs::metadata(&file).unwrap().len() > 16 << 20);
    state(&["load", &file, "--url", &of(&other)]);
    assert_eq!(head(&other), head(&one));
    state(&["dump", &genesis, "--format", "genesis", "--url", &of(&one)]);
    let (_third, third) = start(&["--genesis", &genesis]);
    let asked = json!({
        "request_type": "view_account", "finality": "final", "account_id": "test.near",
    });
    let used = |address: &str| call(address, "query", &asked)["result"]["storage_usage"].clone();
    assert!(used(&third).as_u64() > Some(16 << 20), "{}", used(&third));
    assert_eq!(used(&third), used(&one));
}

#[cfg(feature = "rocksdb")]
#[test]
fn a_chain_in_a_folder_is_dumped_while_it_rests() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, file, genesis) = (path("data"), path("chain.bin"), path("genesis.json"));
    let (daemon, address) = start(&["--data-dir", &data]);
    assert_eq!(ask(&address, "sandbox_snapshot")["result"]["snapshot_id"], 1);
    call(&address, "sandbox_mine", &json!({ "blocks": 5 }));
    let before = head(&address);
    let dump = |to: &str, more: &[&str]| output(&[&["state", "dump", to], more].concat());
    let busy = dump(&file, &["--data-dir", &data]);
    assert!(stderr(&busy).contains("another sandboxd (process"), "{}", stderr(&busy));
    assert_eq!(daemon.signal("-TERM"), Some(0));
    let done = dump(&file, &["--data-dir", &data]);
    assert!(done.status.success(), "{}", stderr(&done));
    let (_again, again) = start(&["--load-state", &file]);
    assert_eq!(head(&again), before);
    let reverted = call(&again, "sandbox_revert", &json!({ "snapshot_id": 1 }));
    assert_eq!(reverted["result"]["height"], 0);
    let done = dump(&genesis, &["--data-dir", &data, "--format", "genesis"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let (_third, third) = start(&["--genesis", &genesis]);
    assert!(head(&third).is_string());
    let nothing = dump(&file, &["--data-dir", &path("nothing")]);
    assert!(stderr(&nothing).contains("no chain is kept in"), "{}", stderr(&nothing));

    let home = path("home");
    assert!(output(&["--home", &home, "init", "--fast"]).status.success());
    let done = dump(&genesis, &["--home", &home, "--format", "genesis"]);
    assert!(done.status.success(), "{}", stderr(&done));
}
