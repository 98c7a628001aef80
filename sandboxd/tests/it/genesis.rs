//! Genesis files: what is taken and what is refused, and by which name.

use near_chain_configs::Genesis;
use near_primitives::shard_layout::ShardLayout;
use sandboxd::Sandbox;
use sandboxd::chain::Clock;
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
        json @ InvalidGenesis::Json { .. } => panic!("{json}"),
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
