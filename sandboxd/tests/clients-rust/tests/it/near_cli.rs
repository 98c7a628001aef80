//! near-cli-rs: the commands that developers type, each told by its exit and what it prints. `NEAR_CLI` names the
//! program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use near_sandbox::Sandbox;
use near_sandbox::config::{DEFAULT_GENESIS_ACCOUNT, DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY};

struct Cli {
    node: Sandbox,
    program: PathBuf,
}

impl Cli {
    async fn start() -> Self {
        let program = std::env::var_os("NEAR_CLI").expect("NEAR_CLI names near-cli-rs").into();
        let node = Sandbox::start_sandbox().await.expect("a node");
        let (home, url) = (node.home_dir.path(), &node.rpc_addr);
        let folder = home.join("near-cli");
        std::fs::create_dir(&folder).expect("a folder");
        let keys = home.join("credentials").display().to_string();
        let config = format!(
            "version = \"5\"\ncredentials_home_dir = {keys:?}\n[network_connection.sandbox]\n\
             network_name = \"sandbox\"\nrpc_url = \"{url}/\"\nwallet_url = \"{url}/\"\n\
             explorer_transaction_url = \"{url}/\"\n"
        );
        std::fs::write(folder.join("config.toml"), config).expect("a file");
        Self { node, program }
    }

    /// What a command prints, and whether it succeeded.
    fn run(&self, arguments: &[&str], end: &[&str]) -> (bool, String) {
        let home: &Path = self.node.home_dir.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["network-config", "sandbox"]).args(end);
        command.env("HOME", home).env("XDG_CONFIG_HOME", home).stdin(Stdio::null());
        let output = command.output().expect("the program");
        let [out, err] =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        (output.status.success(), out + &err)
    }

    fn view(&self, arguments: &[&str]) -> String {
        let (success, text) = self.run(arguments, &["now"]);
        assert!(success, "{arguments:?}: {text}");
        text
    }

    fn send(&self, arguments: &[&str]) -> (bool, String) {
        let key = DEFAULT_GENESIS_ACCOUNT_PRIVATE_KEY;
        self.run(arguments, &["sign-with-plaintext-private-key", key, "send"])
    }

    fn sent(&self, arguments: &[&str], says: &str) {
        let (success, text) = self.send(arguments);
        assert!(success && text.contains(says), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn what_developers_type_works() {
    let cli = Cli::start().await;
    let me = DEFAULT_GENESIS_ACCOUNT.as_str();
    let sub = format!("sub.{me}");
    let key = near_sandbox::config::DEFAULT_GENESIS_ACCOUNT_PUBLIC_KEY;
    cli.sent(&["tokens", me, "send-near", "test.near", "1 NEAR"], "has transferred 1 NEAR");
    let code = rust_clients::fixture_path("status");
    let code = code.to_str().expect("a path in UTF-8");
    let deploy = ["contract", "deploy", me, "use-file", code, "without-init-call"];
    cli.sent(&deploy, "successfully deployed");
    let call = |method, arguments| {
        let gas = ["prepaid-gas", "30 Tgas", "attached-deposit", "0 NEAR", "sign-as", me];
        let call =
            ["contract", "call-function", "as-transaction", me, method, "json-args", arguments];
        [&call[..], &gas].concat()
    };
    cli.sent(&call("increment", "{}"), "succeeded");
    let (success, text) = cli.send(&call("fail", r#"{"message": "on purpose"}"#));
    assert!(!success && text.contains("Smart contract panicked: on purpose"), "{text}");
    let view = ["contract", "call-function", "as-read-only", me, "get_count", "json-args", "{}"];
    assert!(cli.view(&view).lines().any(|line| line == "1"));
    assert!(cli.view(&["contract", "view-storage", me, "all", "as-json"]).contains("\"key\""));

    let create = ["account", "create-account", "fund-myself", &sub, "2 NEAR"];
    let create = [&create[..], &["use-manually-provided-public-key", key, "sign-as", me]].concat();
    cli.sent(&create, "successfully created");
    assert!(cli.view(&["account", "list-keys", &sub]).contains(key));
    assert!(cli.view(&["account", "view-account-summary", &sub]).contains("2 NEAR"));
    cli.sent(&["account", "delete-account", &sub, "beneficiary", me], "successfully deleted");
}
