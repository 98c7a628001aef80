//! Genesis files: what is taken and what is refused, and by which name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use near_chain_configs::Genesis;
use near_primitives::hash::CryptoHash;
use near_primitives::shard_layout::ShardLayout;
use sandboxd::Sandbox;
use sandboxd::chain::{Chain, Clock};
use sandboxd::genesis::{self, InvalidGenesis};
use serde_json::{Value, json};

use crate::support::{GENESIS_NS, account, near};

fn localnet() -> Value {
    serde_json::to_value(genesis::localnet(GENESIS_NS)).unwrap()
}

fn read(value: &Value) -> Result<Genesis, InvalidGenesis> {
    genesis::read(&value.to_string())
}

/// The field that a genesis is refused for.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut value = localnet();
    change(&mut value);
    match read(&value).unwrap_err() {
        InvalidGenesis::Field { field, .. } => field,
        other => panic!("{other}"),
    }
}

#[test]
fn a_written_genesis_reads_back_to_the_same_chain() {
    let chain = |genesis| {
        let sandbox = Sandbox::builder(genesis).clock(Clock::manual(GENESIS_NS)).build();
        sandbox.unwrap().into_chain()
    };
    let (made, read) = (chain(genesis::localnet(GENESIS_NS)), chain(read(&localnet()).unwrap()));
    assert_eq!(made.head().hash(), read.head().hash());
    assert_eq!(account(&read, "bob.test.near").amount(), near(1_000_000));
}

#[test]
fn comments_are_allowed() {
    let text = format!("// made by hand\n{}", localnet());
    assert!(genesis::read(&text).is_ok());
}

#[test]
fn names_of_public_networks_are_refused() {
    for name in ["mainnet", "testnet"] {
        assert_eq!(refused(|genesis| genesis["chain_id"] = json!(name)), "chain_id");
        let mut genesis = genesis::localnet(GENESIS_NS);
        genesis.config.chain_id = name.to_owned();
        let refused = sandboxd::Sandbox::builder(genesis).build().unwrap_err();
        assert_eq!(refused, sandboxd::chain::InvalidChain::PublicNetwork { chain_id: name.into() });
    }
}

#[test]
fn a_wrong_supply_is_refused_with_both_numbers() {
    let mut value = localnet();
    value["total_supply"] = json!("17");
    let message = read(&value).unwrap_err().to_string();
    let sum = genesis::localnet(GENESIS_NS).config.total_supply.as_yoctonear().to_string();
    assert!(message.starts_with("total_supply: it is 17, "), "{message}");
    assert!(message.contains(&sum), "{message}");
}

#[test]
fn balances_that_overflow_are_refused() {
    let field = refused(|genesis| {
        genesis["records"][0]["Account"]["account"]["amount"] = json!(u128::MAX.to_string());
    });
    assert_eq!(field, "records");
}

#[test]
fn an_unknown_record_is_refused_with_its_place_and_the_kinds_that_there_are() {
    let mut value = localnet();
    value["records"][1] = json!({ "Wallet": {} });
    let message = read(&value).unwrap_err().to_string();
    assert!(message.starts_with("records[1]: unknown variant `Wallet`"), "{message}");
    assert!(message.contains("AccessKey"), "{message}");
}

#[test]
fn records_of_what_waits_are_refused_with_their_place() {
    let mut genesis = localnet();
    let records = genesis["records"].as_array_mut().unwrap();
    let place = records.len();
    let data_id = CryptoHash::default().to_string();
    let waits = json!({ "account_id": "alice.test.near", "data_id": data_id, "data": null });
    records.push(json!({ "ReceivedData": waits }));
    let refused = read(&genesis).unwrap_err().to_string();
    assert!(refused.contains(&format!("records[{place}]")), "{refused}");
    assert!(refused.contains("ReceivedData"), "{refused}");
}

#[test]
fn a_mistake_in_a_field_is_told_by_its_name() {
    assert_eq!(refused(|genesis| genesis["epoch_length"] = json!("long")), "epoch_length");
    assert_eq!(refused(|genesis| genesis["epoch_length"] = json!(0)), "epoch_length");
    let amount = refused(|genesis| {
        genesis["records"][0]["Account"]["account"]["amount"] = json!(5);
    });
    assert!(amount.starts_with("records[0].Account"), "{amount}");
    let missing = |genesis: &mut Value| {
        genesis.as_object_mut().unwrap().remove("records");
    };
    assert_eq!(refused(missing), "records");
    let stake = |genesis: &mut Value| genesis["validators"][0]["amount"] = json!("1");
    assert_eq!(refused(stake), "validators[0].amount");
    assert_eq!(refused(|genesis| genesis["validators"] = json!([])), "validators");
}

#[test]
fn broken_json_is_told_by_line_and_column() {
    let error = genesis::read("{\n  \"chain_id\": localnet\n}").unwrap_err();
    assert!(matches!(error, InvalidGenesis::Json { line: 2, column: 15, .. }), "{error:?}");
    assert_eq!(error.to_string(), "line 2, column 15: expected value");
}

#[test]
fn a_genesis_of_another_version_or_with_shards_is_refused() {
    let build = |change: fn(&mut Genesis)| {
        let mut genesis = genesis::localnet(GENESIS_NS);
        change(&mut genesis);
        Sandbox::builder(genesis).build().unwrap_err().to_string()
    };
    let message = |version: u32| {
        format!(
            "protocol_version is {version}, but this sandbox runs protocol versions 84 to 88 only"
        )
    };
    assert_eq!(build(|genesis| genesis.config.protocol_version = 83), message(83));
    assert_eq!(build(|genesis| genesis.config.protocol_version = 89), message(89));
    #[expect(deprecated, reason = "a genesis of a user may still have such a layout")]
    let shards = build(|genesis| {
        genesis.config.shard_layout = ShardLayout::v0(4, 0);
    });
    assert!(shards.starts_with("shard_layout has 4 shards"), "{shards}");
}

#[test]
fn the_dev_accounts_never_change() {
    let accounts = genesis::dev_accounts();
    assert_eq!(accounts.len(), 10);
    let root = accounts.first().unwrap();
    assert_eq!(root.account_id, "test.near");
    assert_eq!(
        root.secret_key.public_key().to_string(),
        "ed25519:9BmAFNRTa5mRRXpSAm6MxSEeqRASDGNh2FuuwZ4gyxTw"
    );
}

/// A home for files that a genesis is read from.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn start(genesis: Genesis) -> Result<Chain, String> {
    let sandbox = Sandbox::builder(genesis).clock(Clock::manual(GENESIS_NS)).build();
    sandbox.map(Sandbox::into_chain).map_err(|error| error.to_string())
}

#[test]
fn a_chain_of_a_file_is_that_of_the_same_genesis_in_memory() {
    let mut value = localnet();
    let contract = fixtures::Rng::new(1).bytes(300_000);
    let account = json!({
        "amount": "0", "locked": "0", "storage_usage": 0,
        "code_hash": CryptoHash::hash_bytes(&contract).to_string(),
    });
    let records = value["records"].as_array_mut().unwrap();
    // What an account owns may come before and behind it.
    let data = |key: &str, value: &[u8]| {
        let [key, value] = [key.as_bytes(), value].map(|bytes| STANDARD.encode(bytes));
        json!({ "Data": { "account_id": "c.near", "data_key": key, "value": value } })
    };
    records.insert(0, data("early", b"1"));
    records.push(json!({ "Account": { "account_id": "c.near", "account": account } }));
    records.push(
        json!({ "Contract": { "account_id": "c.near", "code": STANDARD.encode(&contract) } }),
    );
    records.push(data("key", b"v"));
    // Text may look like anything.
    value["chain_id"] = json!("a \"chain\\\"}], // # /*");
    let inline = value.to_string();
    let list = value["records"].to_string();
    let mut config = value.clone();
    config.as_object_mut().unwrap().remove("records");
    let bare = config.to_string();
    config["records_file"] = json!("list.json");
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    let commented = pretty.replace("[\n", "[ # a list // of\n").replace(": {", ": /* { \" */ {");
    let folder = files(&[
        ("inline.json", &inline),
        ("commented.json", &format!("// mine\n{commented}/* end */")),
        ("bare.json", &bare),
        ("list.json", &list),
        ("named.json", &config.to_string()),
    ]);
    let open = |name: &str, records: Option<&str>| {
        let records = records.map(|name| folder.path().join(name));
        start(genesis::open(&folder.path().join(name), records.as_deref()).unwrap()).unwrap()
    };
    let expected = start(read(&value).unwrap()).unwrap();
    let used = crate::support::account(&expected, "c.near").storage_usage();
    assert_eq!(used, 100 + 300_000 + (40 + 5 + 1) + (40 + 3 + 1));
    for (name, records) in [
        ("inline.json", None),
        ("commented.json", None),
        ("bare.json", Some("list.json")),
        ("named.json", None),
        // As in neard, a whole genesis can be the file of the records.
        ("bare.json", Some("inline.json")),
    ] {
        assert_eq!(open(name, records).head().hash(), expected.head().hash(), "{name}");
    }
}

#[test]
fn mistakes_in_a_file_are_told_by_their_place() {
    let refused = |text: &str| {
        let folder = files(&[("genesis.json", text)]);
        match genesis::open(&folder.path().join("genesis.json"), None) {
            Err(error) => error.to_string(),
            Ok(genesis) => start(genesis).unwrap_err(),
        }
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = localnet();
        change(&mut value);
        refused(&serde_json::to_string_pretty(&value).unwrap())
    };
    let message = changed(&|genesis| genesis["records"][1] = json!({ "Wallet": {} }));
    assert!(message.starts_with("records[1]: unknown variant `Wallet`"), "{message}");
    assert!(message.contains("(line "), "{message}");
    let message = changed(&|genesis| {
        let first = genesis["records"][0].clone();
        genesis["records"].as_array_mut().unwrap().push(first);
    });
    assert!(message.ends_with("there is a second record of the account test.near"), "{message}");
    let orphan = json!({ "Data": { "account_id": "no.near", "data_key": "", "value": "" } });
    let message = changed(&|genesis| genesis["records"][1] = orphan.clone());
    assert_eq!(message, "records[1]: there is no record of the account no.near");
    let message = changed(&|genesis| genesis["total_supply"] = json!("1"));
    assert!(message.starts_with("total_supply: it is 1, but"), "{message}");
    let message = changed(&|genesis| genesis["validators"][0]["amount"] = json!("1"));
    assert!(message.starts_with("validators[0].amount: "), "{message}");
    let message = changed(&|genesis| genesis["records"] = json!(5));
    assert_eq!(message, "records: it has to be a list");

    let text = localnet().to_string();
    let cut = text.len() - 40;
    let message = refused(&text[..cut]);
    assert_eq!(message, format!("line 1, column {}: the text ends inside of a string", cut + 1));
    assert_eq!(refused(&format!("{text}\n\n 7")), "line 3, column 2: trailing characters");
    assert!(refused("").starts_with("line 1, column 1: expected `{`"), "{}", refused(""));
    let twice = text.replacen('{', "{\"records\": [],", 1);
    assert_eq!(refused(&twice), "records: it is there twice");
    let broken = text.replacen("\"records\":[", "\"records\":[\n  {\"Data\": nothing},", 1);
    assert_eq!(refused(&broken), "line 2, column 13: expected ident");
}

#[test]
fn a_records_file_that_is_missing_is_named() {
    let mut value = localnet();
    value.as_object_mut().unwrap().remove("records");
    let folder = files(&[("genesis.json", &value.to_string())]);
    let path = folder.path().join("genesis.json");
    let message = genesis::open(&path, None).unwrap_err().to_string();
    assert!(message.starts_with("records: it is missing"), "{message}");
    let gone = folder.path().join("gone.json");
    let message = genesis::open(&path, Some(&gone)).unwrap_err().to_string();
    assert!(message.starts_with("records_file: ") && message.contains("gone.json"), "{message}");
}
