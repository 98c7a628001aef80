//! A light client of its own, written from NEAR's specification of light clients (`nomicon`,
//! `ChainSpec/LightClient`): it trusts the genesis and its validators, follows the chain block by
//! block, and believes nothing that is not proved to it.

use std::collections::BTreeMap;

use near_crypto::{PublicKey, Signature};
use near_primitives::hash::CryptoHash;
use near_primitives::types::BlockId;
use sandboxd::genesis;
use sandboxd::rpc::RpcConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::{GENESIS_NS, Rig, encoded};

#[derive(Clone, Debug, Deserialize)]
struct InnerLite {
    height: u64,
    epoch_id: CryptoHash,
    next_epoch_id: CryptoHash,
    prev_state_root: CryptoHash,
    outcome_root: CryptoHash,
    timestamp_nanosec: String,
    next_bp_hash: CryptoHash,
    block_merkle_root: CryptoHash,
}

#[derive(Clone, Debug, Deserialize)]
struct Header {
    prev_block_hash: CryptoHash,
    inner_rest_hash: CryptoHash,
    inner_lite: InnerLite,
}

#[derive(Clone, Debug, Deserialize)]
struct Producer {
    account_id: String,
    public_key: PublicKey,
    stake: String,
}

#[derive(Debug, Deserialize)]
struct LightBlock {
    next_block_inner_hash: CryptoHash,
    next_bps: Option<Vec<Producer>>,
    approvals_after_next: Vec<Option<Signature>>,
    #[serde(flatten)]
    header: Header,
}

#[derive(Debug, Deserialize)]
struct Step {
    hash: CryptoHash,
    direction: String,
}

fn sha256(bytes: &[u8]) -> CryptoHash {
    near_primitives::hash::hash(bytes)
}

fn combine(left: CryptoHash, right: CryptoHash) -> CryptoHash {
    sha256(&[left.0, right.0].concat())
}

fn root(leaf: CryptoHash, path: &[Step]) -> CryptoHash {
    path.iter().fold(leaf, |hash, step| match step.direction.as_str() {
        "Left" => combine(step.hash, hash),
        "Right" => combine(hash, step.hash),
        other => panic!("{other} is no direction"),
    })
}

impl Header {
    fn hash(&self) -> CryptoHash {
        let lite = &self.inner_lite;
        let mut bytes = lite.height.to_le_bytes().to_vec();
        for hash in [&lite.epoch_id, &lite.next_epoch_id, &lite.prev_state_root, &lite.outcome_root]
        {
            bytes.extend(hash.0);
        }
        let time: u64 = lite.timestamp_nanosec.parse().expect("nanoseconds");
        bytes.extend(time.to_le_bytes());
        bytes.extend(lite.next_bp_hash.0);
        bytes.extend(lite.block_merkle_root.0);
        combine(combine(sha256(&bytes), self.inner_rest_hash), self.prev_block_hash)
    }
}

/// The hash of a list of producers, in borsh: each of version 1, which is written as a zero.
fn producers_hash(producers: &[Producer]) -> CryptoHash {
    let length = |length: usize| u32::try_from(length).expect("a short list").to_le_bytes();
    let mut bytes = length(producers.len()).to_vec();
    for producer in producers {
        bytes.push(0);
        bytes.extend(length(producer.account_id.len()));
        bytes.extend(producer.account_id.as_bytes());
        bytes.push(0);
        bytes.extend(producer.public_key.key_data());
        bytes.extend(producer.stake.parse::<u128>().expect("a balance").to_le_bytes());
    }
    sha256(&bytes)
}

/// What the light client knows.
struct LightClient {
    hash: CryptoHash,
    head: InnerLite,
    producers: BTreeMap<CryptoHash, Vec<Producer>>,
}

impl LightClient {
    /// Trusts the first block, and the validators of the genesis for the first epochs.
    fn trusting(client: &mut Client) -> Self {
        let genesis = client.result("block", &json!({"sync_checkpoint": "genesis"}));
        let config = client.result("genesis_config", &json!(null));
        let validators = config["validators"].as_array().expect("a list").iter().map(|validator| {
            let mut validator = validator.clone();
            validator["stake"] = validator["amount"].clone();
            serde_json::from_value(validator).expect("a validator")
        });
        let hash = |value: &Value| serde_json::from_value(value.clone()).expect("a hash");
        Self {
            hash: hash(&genesis["header"]["hash"]),
            producers: BTreeMap::from([(CryptoHash::default(), validators.collect())]),
            head: serde_json::from_value(genesis["header"].clone()).expect("a header"),
        }
    }

    /// Takes the next block if it can be trusted.
    fn take(&mut self, block: LightBlock) {
        let lite = &block.header.inner_lite;
        let hash = block.header.hash();
        assert!(lite.height > self.head.height, "the block is newer");
        let follows = [self.head.epoch_id, self.head.next_epoch_id].contains(&lite.epoch_id);
        assert!(follows, "the block is of this epoch or the next");
        let next = combine(block.next_block_inner_hash, hash);
        let target = (lite.height + 2).to_le_bytes();
        // An endorsement is variant 0.
        let message = [[0].as_slice(), &next.0, &target].concat();
        let producers =
            self.producers.get(&lite.epoch_id).expect("the epoch's producers are known");
        assert_eq!(producers.len(), block.approvals_after_next.len());
        let stake = |producer: &Producer| producer.stake.parse::<u128>().expect("a balance");
        let total: u128 = producers.iter().map(stake).sum();
        let mut approved = 0;
        for (producer, approval) in producers.iter().zip(&block.approvals_after_next) {
            let Some(approval) = approval else { continue };
            assert!(approval.verify(&message, &producer.public_key), "the approval is signed");
            approved += stake(producer);
        }
        assert!(approved > total / 3 * 2, "two thirds approve");
        let next_producers = block.next_bps.expect("the next producers are told");
        assert_eq!(producers_hash(&next_producers), lite.next_bp_hash);
        self.producers.insert(lite.next_epoch_id, next_producers);
        self.hash = hash;
        self.head = lite.clone();
    }

    /// Follows the chain as far as it can.
    fn follow(&mut self, client: &mut Client) -> usize {
        let mut taken = 0;
        loop {
            let params = json!({"last_block_hash": self.hash});
            let block = client.result("next_light_client_block", &params);
            if block == json!({}) {
                return taken;
            }
            self.take(serde_json::from_value(block).expect("a light client block"));
            taken += 1;
        }
    }

    /// Believes that an outcome is in the chain, if it is proved.
    fn believe(&self, proof: &Value) {
        let steps =
            |value: &Value| -> Vec<Step> { serde_json::from_value(value.clone()).expect("a path") };
        let header: Header =
            serde_json::from_value(proof["block_header_lite"].clone()).expect("a header");
        let outcome = &proof["outcome_proof"];
        let leaf = outcome_hash(outcome);
        let shard = root(leaf, &steps(&outcome["proof"]));
        let outcomes = root(sha256(&shard.0), &steps(&proof["outcome_root_proof"]));
        assert_eq!(outcomes, header.inner_lite.outcome_root, "the outcome is in the block");
        assert_eq!(outcome["block_hash"], json!(header.hash()), "the header is that of the block");
        let blocks = root(header.hash(), &steps(&proof["block_proof"]));
        assert_eq!(blocks, self.head.block_merkle_root, "the block is in the chain");
    }
}

/// The leaf of an outcome: its id, the hash of what is fixed of it, and those of its logs.
fn outcome_hash(outcome: &Value) -> CryptoHash {
    let told = &outcome["outcome"];
    let hash =
        |value: &Value| -> CryptoHash { serde_json::from_value(value.clone()).expect("a hash") };
    let bytes_of = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).expect("few bytes").to_le_bytes();
        [length.as_slice(), bytes].concat()
    };
    let receipts = told["receipt_ids"].as_array().expect("a list");
    let mut fixed = u32::try_from(receipts.len()).expect("few receipts").to_le_bytes().to_vec();
    fixed.extend(receipts.iter().flat_map(|id| hash(id).0));
    fixed.extend(told["gas_burnt"].as_u64().expect("gas").to_le_bytes());
    let tokens: u128 = told["tokens_burnt"].as_str().expect("text").parse().expect("a balance");
    fixed.extend(tokens.to_le_bytes());
    fixed.extend(bytes_of(told["executor_id"].as_str().expect("an id").as_bytes()));
    let status = &told["status"];
    if let Some(id) = status.get("SuccessReceiptId") {
        fixed.push(3);
        fixed.extend(hash(id).0);
    } else if let Some(Value::String(value)) = status.get("SuccessValue") {
        let value = near_primitives::serialize::from_base64(value).expect("base64");
        fixed.push(2);
        fixed.extend(bytes_of(&value));
    } else {
        fixed.push(1);
    }
    let logs = told["logs"].as_array().expect("a list").iter();
    let logs = logs.map(|log| sha256(log.as_str().expect("text").as_bytes()));
    let hashes: Vec<_> = [hash(&outcome["id"]), sha256(&fixed)].into_iter().chain(logs).collect();
    let count = u32::try_from(hashes.len()).expect("few hashes").to_le_bytes().to_vec();
    sha256(&hashes.iter().fold(count, |bytes, hash| [bytes.as_slice(), &hash.0].concat()))
}

fn send(rig: &Rig, client: &mut Client, nonce: u64) -> Value {
    let params = json!({"signed_tx_base64": encoded(&rig.transfer(nonce)), "wait_until": "FINAL"});
    client.result("send_tx", &params)
}

#[test]
fn a_light_client_follows_the_chain_and_believes_what_it_proves() {
    let rig = Rig::new();
    let mut client = rig.client();
    let mut light = LightClient::trusting(&mut client);
    let length = rig.node.view().genesis_config().epoch_length;
    let mut sent = Vec::new();
    let mut taken = 0;
    for nonce in 1..=12 {
        sent.push(send(&rig, &mut client, nonce));
        if nonce % 2 == 0 {
            client.result("sandbox_fast_forward", &json!({"delta_height": length / 2}));
        }
        // It may sleep for epochs, and catches up.
        if [1, 2, 8, 12].contains(&nonce) {
            taken += light.follow(&mut client);
        }
    }
    assert!(taken >= 3, "{taken} blocks were taken");
    for nonce in 13..=14 {
        send(&rig, &mut client, nonce);
    }
    light.follow(&mut client);
    let seen = light.head.height;
    assert!(rig.node.view().head().height() <= seen + 2, "it is as far as it can be");
    for sent in &sent {
        let id = &sent["transaction"]["hash"];
        let sender = &sent["transaction"]["signer_id"];
        let by_transaction = json!({"type": "transaction", "transaction_hash": id,
            "sender_id": sender, "light_client_head": light.hash});
        light.believe(&client.result("light_client_proof", &by_transaction));
        for receipt in sent["receipts_outcome"].as_array().expect("a list") {
            let by_receipt = json!({"type": "receipt", "receipt_id": receipt["id"],
                "receiver_id": receipt["outcome"]["executor_id"], "light_client_head": light.hash});
            light.believe(&client.result("EXPERIMENTAL_light_client_proof", &by_receipt));
        }
    }
}

/// nearcore: `check_blocks_final_and_canonical` of `chain/chain/src/chain.rs`, in `GetBlockProof`.
#[test]
fn nothing_is_proved_by_a_block_that_is_not_final_yet() {
    let rig = Rig::lagging(&genesis::localnet(GENESIS_NS), RpcConfig::neard(), 2);
    let mut client = rig.client();
    let sent = send(&rig, &mut client, 1);
    let view = rig.node.view();
    let head = view.head().height();
    let heights = client.result("EXPERIMENTAL_split_storage_info", &json!({}));
    assert_eq!([&heights["head_height"], &heights["final_head_height"]], [head, head - 2]);
    let status = client.result("status", &json!(null));
    assert_eq!(status["sync_info"]["latest_block_height"], head);

    let at = |height| *view.block_by_id(&BlockId::Height(height)).expect("a block").hash();
    let [last, early, earliest] = [head - 2, head - 1, head].map(at);
    let refused = |client: &mut Client, method: &str, params: &Value, named: CryptoHash| {
        let reply = client.call(method, params);
        assert_eq!(reply.status, 500, "{reply:?}");
        let told = &reply.json()["error"]["cause"]["info"]["error_message"];
        assert_eq!(*told, format!("{named} not on current chain"));
    };
    let of_block = |block, head| json!({"block_hash": block, "light_client_head": head});
    for (block, head) in [(last, early), (early, earliest), (early, last)] {
        let method = "EXPERIMENTAL_light_client_block_proof";
        refused(&mut client, method, &of_block(block, head), early);
    }
    client.result("EXPERIMENTAL_light_client_block_proof", &of_block(at(1), last));
    let mut of_outcome = json!({"type": "transaction",
        "transaction_hash": sent["transaction"]["hash"],
        "sender_id": sent["transaction"]["signer_id"], "light_client_head": early});
    refused(&mut client, "light_client_proof", &of_outcome, early);
    of_outcome["light_client_head"] = json!(last);
    client.result("light_client_proof", &of_outcome);
}
