//! The folder of neard: what `init` writes, what `run` reads, what `view-state` finds.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use super::{Daemon, ask, call, free_address, output, read_json, stderr, wait_until_listening};

#[test]
fn init_writes_neards_files_once_and_run_starts_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("node");
    let home_arg = home.to_str().unwrap();
    let init = || output(&["--home", home_arg, "init", "--fast", "--chain-id", "my-chain"]);
    assert!(init().status.success());
    let key = read_json(&home, "validator_key.json");
    assert_eq!(key["account_id"], "test.near");
    assert_eq!(read_json(&home, "node_key.json")["account_id"], "node");
    let genesis = read_json(&home, "genesis.json");
    assert_eq!(genesis["chain_id"], "my-chain");
    assert_eq!(genesis["epoch_length"], 60);
    assert!(init().status.success(), "a second init changes nothing");
    assert_eq!(read_json(&home, "validator_key.json"), key);

    let port = free_address();
    let network = free_address();
    let args = ["--home", home_arg, "run", "--rpc-addr", &port, "--network-addr", &network];
    let daemon = Daemon::start(&args);
    wait_until_listening(&port);
    let status = ask(&port, "status")["result"].clone();
    assert_eq!(status["chain_id"], "my-chain");
    assert_eq!(status["validator_account_id"], "test.near");
    assert_eq!(status["protocol_version"], 88);
    // Clients of near-sandbox wait for the next block without sending anything.
    while ask(&port, "status")["result"]["sync_info"]["latest_block_height"].as_u64() < Some(2) {}
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn a_config_may_have_comments_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init"]).status.success());
    let path = folder.path().join("config.json");
    let mut config = read_json(folder.path(), "config.json");
    config["rpc"]["addr"] = json!("nowhere");
    fs::write(&path, format!("// mine\n{config}")).unwrap();
    let refused = output(&["--home", home, "run"]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("config.json: rpc.addr: "), "{message}");
}

#[test]
fn run_without_init_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = output(&["--home", folder.path().to_str().unwrap(), "run"]);
    let message = stderr(&refused);
    assert!(message.contains("config.json is missing") && message.contains("init"), "{message}");
}

#[test]
fn a_test_seed_gives_the_same_key_everywhere() {
    let key = || {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let made = output(&["--home", home, "init", "--account-id", "a.near", "--test-seed", "x"]);
        assert!(made.status.success());
        read_json(folder.path(), "validator_key.json")
    };
    assert_eq!(key(), key());
    assert_eq!(key()["account_id"], "a.near");
}

#[test]
fn public_networks_cannot_be_initialized() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let refused = output(&["--home", home, "init", "--chain-id", "mainnet"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("chain_id"), "{}", stderr(&refused));
}

#[test]
fn a_running_chain_is_dumped_as_the_genesis_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init", "--fast"]).status.success());
    let dump = |args: &[&str]| {
        let args = [&["--home", home, "view-state", "dump-state"], args].concat();
        let dumped = output(&args);
        assert!(dumped.status.success(), "{}", stderr(&dumped));
        read_json(folder.path(), "output.json")
    };
    let account = |dumped: &Value, name: &str| {
        let records = dumped["records"].as_array().unwrap().clone();
        records.iter().find(|record| record["Account"]["account_id"] == name).cloned()
    };
    // Nothing runs: the state is that of the genesis.
    let resting = dump(&[]);
    assert_eq!(resting["genesis_height"], 1);
    assert_eq!(account(&resting, "new.near"), None);

    let port = free_address();
    let mut daemon = Daemon::start(&["--home", home, "run", "--rpc-addr", &port]);
    wait_until_listening(&port);
    let second = output(&["--home", home, "run", "--rpc-addr", "127.0.0.1:0"]);
    assert!(stderr(&second).contains("a chain runs from"), "{}", stderr(&second));
    let record = json!({ "Account": { "account_id": "new.near", "account": {
        "amount": "7", "locked": "0", "storage_usage": 182,
        "code_hash": "11111111111111111111111111111111",
    } } });
    let data = json!({ "Data": { "account_id": "new.near", "data_key": "a2V5", "value": "djE=" } });
    let patched = call(&port, "sandbox_patch_state", &json!({ "records": [record, data] }));
    assert_eq!(patched["result"], json!({}));
    let running = dump(&[]);
    assert_eq!(account(&running, "new.near").unwrap()["Account"]["account"]["amount"], "7");
    assert!(running["records"].as_array().unwrap().contains(&data));
    let sum = |dumped: &Value| {
        let amount = |account: &Value, name: &str| -> u128 {
            account["Account"]["account"][name].as_str().map_or(0, |text| text.parse().unwrap())
        };
        let records = dumped["records"].as_array().unwrap();
        records.iter().map(|one| amount(one, "amount") + amount(one, "locked")).sum::<u128>()
    };
    assert_eq!(running["total_supply"], sum(&running).to_string());
    assert_eq!(sum(&running), sum(&resting) + 7);
    let before = dump(&["--height", "0"]);
    assert_eq!(before["records"], resting["records"]);
    let some = dump(&["--account-ids", "new.near"]);
    assert!(account(&some, "new.near").is_some());
    assert!(account(&some, "test.near").is_some(), "validators are always dumped");
    assert!(account(&some, "near").is_none());
    let far = ["--home", home, "view-state", "dump-state", "--height", "1000000"];
    assert!(!output(&far).status.success());

    // Killed, it leaves nothing behind that the next one minds.
    daemon.0.kill().unwrap();
    daemon.0.wait().unwrap();
    // With a database what ran is still there; without one the genesis is.
    assert_eq!(account(&dump(&[]), "new.near").is_some(), cfg!(feature = "rocksdb"));
    fs::write(folder.path().join("again.json"), running.to_string()).unwrap();
    let again = folder.path().join("again.json");
    let args = ["--genesis", again.to_str().unwrap(), "--rpc-addr", "127.0.0.1:0", "--json"];
    let mut daemon = Daemon::start(&args);
    let query =
        json!({ "request_type": "view_account", "finality": "final", "account_id": "new.near" });
    assert_eq!(call(&daemon.address(), "query", &query)["result"]["amount"], "7");
}

#[test]
fn a_dump_may_be_a_home_with_the_records_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init"]).status.success());
    let dumped = output(&["--home", home, "view-state", "dump-state", "--stream"]);
    assert!(dumped.status.success(), "{}", stderr(&dumped));
    let to = folder.path().join("output");
    assert_eq!(read_json(&to, "genesis.json")["records"], Value::Null);
    assert!(!read_json(&to, "records.json").as_array().unwrap().is_empty());
    assert_eq!(read_json(&to, "config.json")["genesis_records_file"], "records.json");
    let key = read_json(folder.path(), "validator_key.json");
    assert_eq!(read_json(&to, "validator_key.json"), key);
    let port = free_address();
    let daemon = Daemon::start(&["--home", to.to_str().unwrap(), "run", "--rpc-addr", &port]);
    wait_until_listening(&port);
    let query =
        json!({ "request_type": "view_account", "finality": "final", "account_id": "near" });
    let amount = call(&port, "query", &query)["result"]["amount"].clone();
    assert_eq!(amount, "1000000000000000000000000000000000");
    assert_eq!(daemon.signal("-TERM"), Some(0));
}

#[test]
fn settings_of_config_json_are_obeyed_and_others_kept() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init"]).status.success());
    let port = free_address();
    let path = folder.path().join("config.json");
    let mut config = read_json(folder.path(), "config.json");
    let metrics = free_address();
    config["rpc"]["addr"] = json!(port);
    config["rpc"]["prometheus_addr"] = json!(metrics);
    config["rpc"]["limits_config"]["json_payload_max_size"] = json!(300);
    config["rpc"]["cors_allowed_origins"] = json!(["http://mine"]);
    config["consensus"]["produce_empty_blocks"] = json!(false);
    config["consensus"]["min_block_production_delay"] = json!({ "secs": 0, "nanos": 70_000_000 });
    config["consensus"]["max_block_production_delay"] = json!({ "secs": 3, "nanos": 0 });
    config["archive"] = json!(true);
    config["trie_viewer_state_size_limit"] = json!(10);
    config["of_my_own"] = json!({ "kept": true });
    fs::write(&path, config.to_string()).unwrap();
    let mut genesis = read_json(folder.path(), "genesis.json");
    genesis["epoch_length"] = json!(5);
    fs::write(folder.path().join("genesis.json"), genesis.to_string()).unwrap();

    let daemon = Daemon::start(&["--home", home, "run"]);
    wait_until_listening(&port);
    let config_of_chain = ask(&port, "EXPERIMENTAL_genesis_config");
    assert_eq!(config_of_chain["result"]["epoch_length"], 5);
    let told = ask(&port, "client_config")["result"].clone();
    assert_eq!([&told["produce_empty_blocks"], &told["archive"]], [false, true]);
    assert_eq!(told["min_block_production_delay"], "[0,70000000]");
    assert_eq!(told["max_block_production_delay"], "[3,0]");
    let state = json!({
        "request_type": "view_state", "finality": "final", "account_id": "test.near",
        "prefix_base64": "",
    });
    let too_large = call(&port, "query", &state)["error"]["cause"]["name"].clone();
    assert_eq!(too_large, "TOO_LARGE_CONTRACT_STATE");
    let http = |origin: &str, padding: usize| {
        let body = " ".repeat(padding);
        let mut stream = TcpStream::connect(&port).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: {port}\r\norigin: {origin}\r\ncontent-type: \
             application/json\r\ncontent-length: {padding}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.to_lowercase()
    };
    assert!(http("http://mine", 1).contains("access-control-allow-origin: http://mine"));
    assert!(!http("http://other", 1).contains("access-control-allow-origin"));
    assert!(http("http://mine", 301).starts_with("http/1.1 413"));
    assert_eq!(ask(&port, "status")["result"]["sync_info"]["latest_block_height"], 0);
    let mut figures = TcpStream::connect(&metrics).unwrap();
    write!(figures, "GET /metrics HTTP/1.1\r\nhost: {metrics}\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    figures.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\nnear_block_height_head 0\n"), "{answer}");
    // It goes on where neard would read its settings again.
    let id = daemon.0.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    assert_eq!(ask(&port, "status")["result"]["chain_id"], genesis["chain_id"]);
    assert_eq!(daemon.signal("-TERM"), Some(0));
    assert_eq!(read_json(folder.path(), "config.json")["of_my_own"]["kept"], true);
}

#[cfg(feature = "rocksdb")]
#[test]
fn run_goes_on_with_the_chain_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init", "--fast"]).status.success());
    let port = free_address();
    let run = || {
        let daemon = Daemon::start(&["--home", home, "run", "--rpc-addr", &port]);
        wait_until_listening(&port);
        daemon
    };
    let daemon = run();
    let account = json!({ "account_id": "kept.near", "balance": "7" });
    assert!(call(&port, "sandbox_create_account", &account)["error"].is_null());
    let second = output(&["--home", home, "run", "--rpc-addr", "127.0.0.1:0"]);
    assert!(stderr(&second).contains("another sandboxd (process"), "{}", stderr(&second));
    assert_eq!(daemon.signal("-TERM"), Some(0));

    let query = json!({
        "request_type": "view_account", "finality": "final", "account_id": "kept.near"
    });
    let daemon = run();
    assert_eq!(call(&port, "query", &query)["result"]["amount"], "7");
    assert_eq!(daemon.signal("-TERM"), Some(0));
    // What does not run is read from there.
    assert!(output(&["--home", home, "view-state", "dump-state"]).status.success());
    let dumped = read_json(folder.path(), "output.json");
    assert!(dumped["records"].to_string().contains("kept.near"));
}

#[cfg(not(feature = "rocksdb"))]
#[test]
fn without_a_database_a_folder_is_refused_by_the_name_of_the_feature() {
    let folder = tempfile::tempdir().unwrap();
    let refused = output(&["--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let message = stderr(&refused);
    assert!(message.contains("--data-dir") && message.contains("--features rocksdb"), "{message}");
}

/// The most memory that a process has used, in bytes.
#[cfg(target_os = "linux")]
fn peak(daemon: &Daemon) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: usize = line.unwrap().trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn a_genesis_takes_the_memory_of_its_state() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    const VALUES: usize = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(output(&["--home", home, "init", "--fast"]).status.success());
    let path = folder.path().join("genesis.json");
    // Not from the home, where a database takes memory too.
    let peak = || {
        let genesis = path.to_str().unwrap();
        let args = ["--genesis", genesis, "--rpc-addr", "127.0.0.1:0", "--json"];
        let mut daemon = Daemon::start(&args);
        daemon.address();
        peak(&daemon)
    };
    let small = peak();
    let text = fs::read_to_string(&path).unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    write!(file, "{}", text.trim_end().strip_suffix("]\n}").unwrap()).unwrap();
    let mut rng = fixtures::Rng::new(3);
    for number in 0..64_u8 {
        let (key, value) = (STANDARD.encode([number]), STANDARD.encode(rng.bytes(VALUES / 64)));
        let data = json!({ "account_id": "test.near", "data_key": key, "value": value });
        writeln!(file, ",{}", json!({ "Data": data })).unwrap();
    }
    writeln!(file, "]}}").unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
    // As text the values alone are a third more than that.
    let more = peak().saturating_sub(small);
    assert!(more < VALUES * 3 / 2, "{more} bytes for {VALUES} of values");
}
