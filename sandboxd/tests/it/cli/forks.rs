//! `--fork` and `export`.

use super::*;

/// What a daemon with these arguments says of itself.
fn banner(args: &[&str]) -> (Daemon, Value) {
    let mut daemon = Daemon::start(&[args, &["--rpc-addr", "127.0.0.1:0", "--json"]].concat());
    let line = daemon.first_line();
    let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
    (daemon, said)
}

#[test]
fn a_fork_says_that_it_is_one_and_has_the_accounts_of_both() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().to_str().unwrap();
    let (_elsewhere, there) = banner(&[]);
    let url = there["rpc"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    assert!(there.get("fork").is_none());
    let record = json!({"Account": {"account_id": "only.near", "account": {"amount": "7",
        "locked": "0", "code_hash": "11111111111111111111111111111111", "storage_usage": 100}}});
    let patched = call(address, "sandbox_patch_state", &json!({"records": [record]}));
    assert_eq!(patched["result"], json!({}), "{patched}");
    let status = ask(address, "status");
    let head = &status["result"]["sync_info"];
    let point = format!("{url}@{}", head["latest_block_height"]);
    let (_fork, here) = banner(&["--fork", &point, "--fork-cache", cache, "--fork-timeout", "5"]);
    assert_eq!(here["fork"]["endpoint"], url);
    assert_eq!(here["fork"]["block_height"], head["latest_block_height"]);
    assert_eq!(here["fork"]["block_hash"], head["latest_block_hash"]);
    assert_eq!(here["chain_id"], "localnet");
    let address = here["rpc"].as_str().unwrap().strip_prefix("http://").unwrap();
    for (account, amount) in
        [("only.near", "7"), ("alice.test.near", "1000000000000000000000000000000")]
    {
        let query =
            json!({"request_type": "view_account", "finality": "final", "account_id": account});
        assert_eq!(call(address, "query", &query)["result"]["amount"], amount);
    }
    let mut plain =
        Daemon::start(&["--fork", &point, "--no-fork-cache", "--rpc-addr", "127.0.0.1:0"]);
    assert!(plain.first_line().contains("a local FORK of localnet"));
}

#[test]
fn a_fork_that_cannot_start_says_why() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (args, says) in [
        (vec!["--fork", "ftp://x"], "has to begin with http:// or https://"),
        (vec!["--fork", "http://x@1", "--fork", "http://y@2"], "--fork names two blocks, 1 and 2"),
        (vec!["--fork", &url, "--fork-retries", "1"], &url),
        (vec!["--fork", &url, "--fork-header", "x"], "it has no `=`"),
        (vec!["--fork", &url, "--genesis", "g.json"], "cannot be used with"),
        (vec!["--fork", &url, "--no-fork-cache", "--fork-cache", "x"], "cannot be used with"),
    ] {
        let refused = output(&args);
        assert!(!refused.status.success());
        assert!(stderr(&refused).contains(says), "{args:?}: {}", stderr(&refused));
    }
}

#[test]
fn an_exported_genesis_starts_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("g.json");
    let file = file.to_str().unwrap();
    let (_elsewhere, there) = banner(&[]);
    let url = there["rpc"].as_str().unwrap();
    let export = |account| output(&["export", "--account", account, "--url", url, "-o", file]);
    let refused = export("nobody.near");
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("nobody.near does not exist"), "{}", stderr(&refused));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is half written");
    let exported = export("bob.test.near");
    assert!(exported.status.success(), "{}", stderr(&exported));
    let (_chain, here) = banner(&["--genesis", file]);
    assert_eq!(here["chain_id"], "localnet");
}

#[test]
fn names_of_public_networks_are_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init", "--fast"]).status.success());
    let path = folder.path().join("genesis.json");
    let mut genesis: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    genesis["chain_id"] = json!("testnet");
    fs::write(&path, genesis.to_string()).unwrap();
    let refused = output(&["--home", home, "run"]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("\"testnet\" is the name of a public network"), "{message}");
    assert!(message.contains("--fork URL"), "{message}");
}
