//! Where options come from, and what is written from their definition.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::json;

use super::{
    Daemon, ask, call, free_address, output, program, sandboxd, stderr, wait_until_listening,
};

#[test]
fn the_version_is_told() {
    let version = output(&["--version"]);
    assert!(version.status.success());
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("sandboxd 0."));
}

#[test]
fn an_option_comes_from_the_command_line_then_the_environment_then_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = |name: &str| {
        let mut genesis = serde_json::to_value(sandboxd::genesis::localnet(1)).unwrap();
        genesis["chain_id"] = json!(name);
        let path = folder.path().join(name);
        fs::write(&path, genesis.to_string()).unwrap();
        path
    };
    let (first, second, third) = (genesis("first"), genesis("second"), genesis("third"));
    let file = folder.path().join("sandboxd.toml");
    fs::write(&file, format!("rpc-addr = '127.0.0.1:0'\njson = true\ngenesis = {third:?}"))
        .unwrap();
    let chain_id = |args: &[&Path], genesis: Option<&Path>| {
        let mut command = sandboxd();
        command.current_dir(folder.path()).args(args);
        if let Some(genesis) = genesis {
            command.env("SANDBOXD_GENESIS", genesis);
        }
        let mut daemon = Daemon::spawn(&mut command);
        ask(&daemon.address(), "status")["result"]["chain_id"].clone()
    };
    assert_eq!(chain_id(&[], None), "third");
    assert_eq!(chain_id(&[], Some(&second)), "second");
    assert_eq!(chain_id(&[Path::new("--genesis"), &first], Some(&second)), "first");
    // Elsewhere the file has to be named.
    let mut command = sandboxd();
    let mut daemon = Daemon::spawn(command.arg("--config").arg(&file));
    assert_eq!(ask(&daemon.address(), "status")["result"]["chain_id"], "third");
}

#[test]
fn a_file_with_a_mistake_is_named_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |text: &str| {
        fs::write(folder.path().join("sandboxd.toml"), text).unwrap();
        let refused = sandboxd().current_dir(folder.path()).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        stderr(&refused)
    };
    let message = refuse("[run]\nrpc-adr = '127.0.0.1:0'");
    let expected = "sandboxd.toml: run.rpc-adr is no setting; the nearest one is run.rpc-addr";
    assert!(message.contains(expected), "{message}");
    let message = refuse("rpc-addr = 'nowhere'");
    assert!(
        message.contains("sandboxd.toml: invalid value 'nowhere' for '--rpc-addr"),
        "{message}"
    );
    let message = refuse("rpc-addr = ");
    assert!(message.contains("sandboxd.toml: ") && message.contains("line 1"), "{message}");
}

#[test]
fn a_flag_of_the_environment_is_on_or_off_and_an_empty_variable_is_none() {
    let first_line = |json: &str| {
        let mut command = sandboxd();
        command.env("SANDBOXD_RPC_ADDR", "127.0.0.1:0").env("SANDBOXD_GENESIS", "");
        Daemon::spawn(command.env("SANDBOXD_JSON", json)).first_line()
    };
    assert!(first_line("1").starts_with('{'));
    assert!(first_line("true").starts_with('{'));
    assert!(first_line("0").starts_with("sandboxd "));
    let mut command = sandboxd();
    let refused = command.env("SANDBOXD_RPC_ADDR", "nowhere").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let message = stderr(&refused);
    let expected = "in the environment: invalid value 'nowhere' for '--rpc-addr";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn any_key_is_a_key_of_anybody_where_the_flag_says_so() {
    // The client looks the key up before it signs with it.
    let params = json!({
        "request_type": "view_access_key", "finality": "final", "account_id": "alice.test.near",
        "public_key": "ed25519:11111111111111111111111111111111",
    });
    let answer = |flags: &[&str]| {
        let mut daemon = Daemon::start(&[&["--rpc-addr", "127.0.0.1:0", "--json"], flags].concat());
        call(&daemon.address(), "query", &params)
    };
    assert_eq!(answer(&["--auto-impersonate"])["result"]["permission"], "FullAccess");
    assert!(answer(&[])["result"]["permission"].is_null());
}

#[test]
fn engines_are_chosen_by_name_and_an_unknown_one_is_named() {
    for engines in ["winch", "singlepass,cranelift,wasmi"] {
        let mut daemon = Daemon::start(&["--rpc-addr", "127.0.0.1:0", "--json", "--vm", engines]);
        let params = json!({
            "signer_id": "alice.test.near", "receiver_id": "alice.test.near",
            "actions": [
                { "DeployContract": { "code": BASE64.encode(fixtures::wasm("tiny")) } },
                { "FunctionCall": {
                    "method_name": "increment", "args": "", "gas": 100_000_000_000_000_u64,
                    "deposit": "0",
                } },
            ],
        });
        let answer = call(&daemon.address(), "sandbox_send_transaction", &params);
        assert!(answer["result"]["status"]["SuccessValue"].is_string(), "{engines}: {answer}");
    }
    let refused = output(&["--vm", "wasmtime"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = stderr(&refused);
    let expected = "there is no engine wasmtime; there are singlepass, cranelift, winch, wasmi";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn names_and_origins_are_those_that_were_allowed() {
    let mut daemon = Daemon::start(&[
        "--rpc-addr",
        "127.0.0.1:0",
        "--json",
        "--allow-host",
        "one.example,two.example",
        "--allow-host",
        "three.example",
        "--allow-origin",
        "http://page.example",
    ]);
    let address = daemon.address();
    let answer = |host: &str, origin: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let headers = format!("host: {host}\r\norigin: {origin}\r\nconnection: close");
        write!(stream, "GET /status HTTP/1.1\r\n{headers}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.to_lowercase()
    };
    for host in ["localhost", "one.example", "two.example", "three.example"] {
        assert!(answer(host, "http://page.example").starts_with("http/1.1 200"), "{host}");
    }
    assert!(answer("four.example", "http://page.example").starts_with("http/1.1 403"));
    let allowed = "access-control-allow-origin: http://page.example";
    assert!(answer("localhost", "http://page.example").contains(allowed));
    let other = answer("localhost", "http://other.example");
    assert!(!other.contains("access-control-allow-origin"), "{other}");
}

#[test]
fn an_option_in_the_wrong_place_is_refused() {
    let refused = output(&["--json", "run"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = stderr(&refused);
    assert!(
        message.contains("options of run come behind it") && message.contains("--json"),
        "{message}"
    );
}

#[test]
fn the_log_is_what_its_variables_ask_for() {
    let log = |variables: &[(&str, &str)]| {
        let mut command = sandboxd();
        command.args(["--rpc-addr", "127.0.0.1:0", "--json"]).envs(variables.iter().copied());
        let mut daemon = Daemon::spawn(&mut command);
        daemon.address();
        let mut log = String::new();
        let mut pipe = daemon.0.stderr.take().unwrap();
        assert_eq!(daemon.signal("-TERM"), Some(0));
        pipe.read_to_string(&mut log).unwrap();
        log
    };
    assert_eq!(log(&[]), "");
    let info = log(&[("RUST_LOG", "info")]);
    assert!(info.contains("chain: starting") && info.contains("rpc: listening"), "{info}");
    assert!(!info.contains('\x1b'), "colors are for terminals: {info}");
    assert!(log(&[("RUST_LOG", "info"), ("RUST_LOG_STYLE", "always")]).contains('\x1b'));
    // Clients of near-sandbox set both; the one with its name is the user's.
    assert_eq!(log(&[("RUST_LOG", "info"), ("NEAR_SANDBOX_LOG", "error")]), "");
    let rpc = log(&[("NEAR_SANDBOX_LOG", "rpc=info")]);
    assert!(rpc.contains("listening") && !rpc.contains("starting"), "{rpc}");
}

#[test]
fn called_near_sandbox_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("near-sandbox");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sandboxd"), &path).unwrap();
    let output = |args: &[&str]| program(&path).args(args).output().unwrap();
    let version = String::from_utf8(output(&["--version"]).stdout).unwrap();
    assert!(version.starts_with("near-sandbox (release 0."), "{version}");
    assert!(version.contains("(protocol 88)"), "{version}");
    // As in neard nothing starts without a command.
    let bare = output(&[]);
    assert_eq!(bare.status.code(), Some(2));
    let help = stderr(&bare);
    assert!(help.contains("Usage: near-sandbox [OPTIONS] <COMMAND>"), "{help}");
    assert!(help.contains("init") && !help.contains("--json"), "{help}");
    for command in [&["init"][..], &["run"], &["view-state", "dump-state"]] {
        let help = String::from_utf8(output(&[command, &["--help"]].concat()).stdout).unwrap();
        assert!(help.contains("\n  near-sandbox --home DIR "), "{help}");
        assert!(!help.contains("  sandboxd "), "{help}");
    }

    let home = folder.path().join("home");
    let home = home.to_str().unwrap();
    assert!(output(&["--home", home, "init", "--fast"]).status.success());
    let (port, network) = (free_address(), free_address());
    let args = ["--home", home, "run", "--rpc-addr", &port, "--network-addr", &network];
    let daemon = Daemon::spawn(program(&path).args(args));
    wait_until_listening(&port);
    assert_eq!(ask(&port, "status")["result"]["protocol_version"], 88);
    assert_eq!(daemon.signal("-INT"), Some(0));
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let text = |args: &[&str]| {
        let printed = output(args);
        assert!(printed.status.success(), "{}", stderr(&printed));
        String::from_utf8(printed.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&["completions", shell]);
        for word in ["finality-lag", "dump-state", "test-seed"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
    let page = text(&["man"]);
    assert!(page.contains("finality\\-lag") && page.contains("SANDBOXD_FINALITY_LAG"), "{page}");
    assert!(text(&["man", "run"]).contains("produce\\-empty\\-blocks"));
    assert!(text(&["man", "view-state", "dump-state"]).contains("include\\-validators"));
    assert!(!output(&["man", "nothing"]).status.success());
}

#[test]
fn the_help_of_every_command_has_an_example() {
    for command in
        [&[][..], &["init"], &["run"], &["view-state", "dump-state"], &["man"], &["completions"]]
    {
        let help = output(&[command, &["--help"]].concat());
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(text.contains("Examples:\n  sandboxd"), "{command:?}\n{text}");
    }
}

#[test]
fn the_documentation_is_that_of_the_definition() {
    let written = std::path::absolute("../docs/cli.md").expect("a file has a path");
    expect_test::expect_file![written].assert_eq(&sandboxd::cli::docs::markdown());
}

#[test]
fn the_block_time_is_an_interval_or_manual() {
    for (time, mode) in [
        ("manual", json!({"mode": "manual", "interval_ms": null})),
        ("3600000", json!({"mode": "interval", "interval_ms": 3_600_000})),
    ] {
        let mut command = sandboxd();
        command.args(["--json", "--rpc-addr", "127.0.0.1:0", "--block-time", time]);
        let mut daemon = Daemon::spawn(&mut command);
        assert_eq!(ask(&daemon.address(), "sandbox_block_mode")["result"], mode);
    }
    for wrong in ["0", "-1", "soon", ""] {
        let refused = output(&["--block-time", wrong]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
    }
    let both = output(&["--block-time", "manual", "--block-interval", "5"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_block_time_of_the_file_gives_way_to_the_other_option_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sandboxd.toml"), "block-time = 'manual'").unwrap();
    for (option, mode) in [
        ("--block-interval", json!({"mode": "mixed", "interval_ms": 3_600_000})),
        ("--block-time", json!({"mode": "interval", "interval_ms": 3_600_000})),
    ] {
        let mut command = sandboxd();
        command.current_dir(folder.path());
        command.args(["--json", "--rpc-addr", "127.0.0.1:0", option, "3600000"]);
        let mut daemon = Daemon::spawn(&mut command);
        assert_eq!(ask(&daemon.address(), "sandbox_block_mode")["result"], mode);
    }
}

#[test]
fn a_file_of_prices_that_cannot_be_charged_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fees.json");
    let refuse = |text: &str| {
        fs::write(&path, text).unwrap();
        let refused = output(&["--rpc-addr", "127.0.0.1:0", "--fees", path.to_str().unwrap()]);
        assert!(!refused.status.success());
        stderr(&refused)
    };
    let error = refuse(r#"{"wasm_sha256_base": 1}"#);
    assert!(error.contains("fees.json: not an object with prices in `fees`"), "{error}");
    let error = refuse(r#"{"fees": {"wasm_sha256_bse": 1}}"#);
    assert!(error.contains("did you mean wasm_sha256_base?"), "{error}");
}
