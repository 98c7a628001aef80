//! Stakes over the wire: who validates in which epoch, and what an account has locked.

use near_primitives::action::{Action, StakeAction};
use near_primitives::types::Balance;
use near_primitives::views::EpochValidatorInfo;
use serde_json::{Value, json};

use super::client::Client;
use super::{GENESIS_NS, Rig, encoded};
use sandboxd::genesis;
use sandboxd::rpc::RpcConfig;

/// Blocks of an epoch.
const LENGTH: u64 = 10;

fn rig() -> Rig {
    let mut genesis = genesis::localnet(GENESIS_NS);
    genesis.config.epoch_length = LENGTH;
    Rig::of(&genesis, RpcConfig::neard())
}

/// Lets the second account stake, and waits for all of it.
fn stake(rig: &Rig, client: &mut Client, nonce: u64, stake: Balance) {
    let public_key = rig.account(1).secret_key.public_key();
    let action = Action::Stake(Box::new(StakeAction { stake, public_key }));
    let receiver = rig.account(1).account_id.clone();
    let transaction = rig.signed_to(receiver, nonce, vec![action]);
    let sent = client.result("send_tx", &json!([encoded(&transaction)]));
    assert_eq!(sent["status"], json!({"SuccessValue": ""}));
}

/// Goes on to the first block of the epoch with this number, counted from 1.
fn enter(rig: &Rig, client: &mut Client, epoch: u64) -> EpochValidatorInfo {
    let delta_height = 1 + (epoch - 1) * LENGTH - rig.node.view().head().height();
    client.result("sandbox_fast_forward", &json!({ "delta_height": delta_height }));
    client.view("validators", &json!("latest"))
}

fn locked(rig: &Rig, client: &mut Client) -> Value {
    let id = &rig.account(1).account_id;
    let query = json!({"request_type": "view_account", "finality": "final", "account_id": id});
    client.result("query", &query)["locked"].clone()
}

fn current(info: &EpochValidatorInfo) -> Vec<&str> {
    info.current_validators.iter().map(|validator| validator.account_id.as_str()).collect()
}

fn next(info: &EpochValidatorInfo) -> Vec<&str> {
    info.next_validators.iter().map(|validator| validator.account_id.as_str()).collect()
}

#[test]
fn a_client_sees_a_stake_come_and_go() {
    const BOTH: [&str; 2] = ["test.near", "alice.test.near"];
    let rig = rig();
    let mut client = rig.client();
    let amount = Balance::from_near(100_000);
    let info = enter(&rig, &mut client, 1);
    assert_eq!((current(&info), next(&info)), (vec![BOTH[0]], vec![BOTH[0]]));

    stake(&rig, &mut client, 1, amount);
    assert_eq!(locked(&rig, &mut client), amount.as_yoctonear().to_string());
    client.result("sandbox_fast_forward", &json!({"delta_height": 1}));
    let info: EpochValidatorInfo = client.view("validators", &json!([null]));
    let proposal = info.current_proposals.first().expect("a proposal");
    let proposal = proposal.clone().into_validator_stake();
    assert_eq!((proposal.account_id().as_str(), proposal.stake()), (BOTH[1], amount));

    let info = enter(&rig, &mut client, 2);
    assert_eq!((current(&info), next(&info)), (vec![BOTH[0]], BOTH.to_vec()));
    assert!(info.current_proposals.is_empty(), "those of the epoch before are decided");
    let info = enter(&rig, &mut client, 3);
    assert_eq!(current(&info), BOTH);
    let [root, alice] = &info.current_validators[..] else { panic!("two validators") };
    assert_eq!((root.num_produced_blocks, alice.num_expected_blocks), (1, 0));
    let status = client.result("status", &json!([]));
    assert_eq!(status["validators"].as_array().map(Vec::len), Some(2));

    stake(&rig, &mut client, 2, Balance::ZERO);
    let info = enter(&rig, &mut client, 4);
    assert_eq!((current(&info), next(&info)), (BOTH.to_vec(), vec![BOTH[0]]));
    let dropped = serde_json::to_value(&info.prev_epoch_kickout).expect("JSON");
    assert_eq!(dropped, json!([{"account_id": BOTH[1], "reason": "Unstaked"}]));
    enter(&rig, &mut client, 5);
    assert_eq!(locked(&rig, &mut client), amount.as_yoctonear().to_string());
    enter(&rig, &mut client, 6);
    assert_eq!(locked(&rig, &mut client), "0");
}

/// As in neard, which takes the rules of its tests for every chain that is not called one.
#[test]
fn only_a_test_chain_has_its_own_rules_for_seats() {
    for (chain_id, divisor) in [("localnet", 10_u8), ("test-chain-mine", 4)] {
        let mut genesis = genesis::localnet(GENESIS_NS);
        chain_id.clone_into(&mut genesis.config.chain_id);
        genesis.config.minimum_stake_divisor = 4;
        let rig = Rig::of(&genesis, RpcConfig::neard());
        let mut client = rig.client();
        let finality = json!({"finality": "final"});
        let config = client.result("EXPERIMENTAL_protocol_config", &finality);
        assert_eq!(config["minimum_stake_divisor"], divisor, "{chain_id}");
        // A seat costs 160 millionths of all stakes, a proposal the divisor's part of that.
        let all = Balance::from_near(50_000_000).as_yoctonear();
        let least = (all * 160).div_ceil(1_000_000 - 160) / u128::from(divisor);
        let stake = Balance::from_yoctonear(least - 1);
        let public_key = rig.account(1).secret_key.public_key();
        let action = Action::Stake(Box::new(StakeAction { stake, public_key }));
        let transaction = rig.signed_to(rig.account(1).account_id.clone(), 1, vec![action]);
        let sent = client.result("send_tx", &json!([encoded(&transaction)]));
        let error = &sent["status"]["Failure"]["ActionError"]["kind"]["InsufficientStake"];
        assert_eq!(error["minimum_stake"], least.to_string(), "{chain_id}");
    }
}

#[test]
fn an_epoch_that_is_over_is_told_by_its_last_block() {
    let rig = rig();
    let mut client = rig.client();
    enter(&rig, &mut client, 1);
    stake(&rig, &mut client, 1, Balance::from_near(100_000));
    enter(&rig, &mut client, 4);
    let of_epoch = |client: &mut Client, epoch: u64| -> EpochValidatorInfo {
        client.view("validators", &json!({"block_id": epoch * LENGTH}))
    };
    let first = of_epoch(&mut client, 1);
    assert_eq!(first.current_proposals.len(), 1);
    assert_eq!((first.epoch_height, first.epoch_start_height), (1, 1));
    assert_eq!((current(&first).len(), next(&first).len()), (1, 1));
    let second = of_epoch(&mut client, 2);
    assert_eq!((current(&second).len(), next(&second).len()), (1, 2));
    let third = of_epoch(&mut client, 3);
    assert_eq!((current(&third).len(), next(&third).len()), (2, 2));
    // Heights that were skipped were expected too.
    let root = third.current_validators.first().expect("the root");
    assert_eq!(root.num_expected_blocks, LENGTH);
    assert!(root.num_produced_blocks < LENGTH);
    assert_eq!(root.num_produced_chunks, root.num_expected_chunks);
}

/// nearcore: `is_next_block_in_next_epoch` (`chain/epoch-manager/src/lib.rs`) and
/// `update_validator_accounts` (`runtime/runtime/src/lib.rs`).
#[test]
fn validators_are_written_at_the_first_block_of_each_epoch() {
    let rig = rig();
    let mut client = rig.client();
    let epoch = rig.node.view().genesis_config().epoch_length;
    client.result("sandbox_fast_forward", &json!({"delta_height": epoch + 1}));
    let validator = rig.node.view().signer().validator_id().clone();
    let mut causes = |height: u64| {
        let asked = json!({"block_id": height, "changes_type": "account_changes",
            "account_ids": [validator]});
        let told = client.result("changes", &asked)["changes"].clone();
        let told = told.as_array().expect("a list").iter();
        told.map(|change| change["cause"]["type"].clone()).collect::<Vec<_>>()
    };
    for first in [1, epoch + 1] {
        assert_eq!(causes(first), ["validator_accounts_update"], "block {first}");
    }
    assert!(causes(epoch).is_empty());
}
