//! What counts as the storage proof of a receipt and of a block, to the byte.
//!
//! Each test fills the limit by reading one value of fitting size, so that one byte more is too much.
//! What else is in the proof is summed up here from the proofs of single keys.

use std::collections::BTreeSet;

use near_primitives::action::{
    DeployGlobalContractAction, GlobalContractDeployMode, GlobalContractIdentifier,
    UseGlobalContractAction,
};
use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, AccountId, Action, ActionErrorKind, AddKeyAction, Balance,
    CryptoHash, DelegateAction, DeleteAccountAction, DeleteKeyAction, GasKeyInfo,
    NonDelegateAction, NonceMode, SignedDelegateAction, StateRecord, TransactionNonce,
    TransferToGasKeyAction, TrieKey, WithdrawFromGasKeyAction, trie_key_parsers,
};
use sandbox_runtime::patch::patch;
use sandbox_runtime::view;
use sandbox_state::Snapshot;

use crate::contracts::READER;
use crate::world::{
    Story, TGAS, World, call, deploy, id, key, near, sign, signer, signer_of_key, transfer,
    unsigned, yocto,
};

const LIMIT: usize = 4_000_000;
const READ: &[u8] = &[0];

/// The nodes and values of a proof, each once.
#[derive(Default)]
struct Proof {
    parts: BTreeSet<Vec<u8>>,
    removals: usize,
}

impl Proof {
    /// A lookup that does not read the value.
    fn asked(&mut self, state: &Snapshot, key: &TrieKey) {
        let nodes = state.prove(&key.to_vec()).expect("a state in memory").into_nodes();
        self.parts.extend(nodes.iter().map(|node| node.to_vec()));
    }

    fn read(&mut self, state: &Snapshot, key: &TrieKey) {
        self.asked(state, key);
        self.parts.extend(
            state.get_here(&key.to_vec()).expect("a state in memory").map(|value| value.to_vec()),
        );
    }

    fn listed(&mut self, state: &Snapshot, prefix: &[u8]) {
        let nodes = state.prove_prefix(prefix).expect("a state in memory").into_nodes();
        self.parts.extend(nodes.iter().map(|node| node.to_vec()));
        self.parts.extend(
            state
                .range_here(prefix)
                .map(|record| record.expect("a state in memory"))
                .map(|(_, value)| value.to_vec()),
        );
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum::<usize>() + 2000 * self.removals
    }
}

fn account(name: &str) -> TrieKey {
    TrieKey::Account { account_id: id(name) }
}

fn access_key(name: &str, seed: &str) -> TrieKey {
    TrieKey::access_key(id(name), key(seed))
}

fn data(key: &[u8]) -> TrieKey {
    TrieKey::ContractData { account_id: id("bob.near"), key: key.to_vec() }
}

fn code() -> TrieKey {
    TrieKey::ContractCode { account_id: id("bob.near") }
}

fn global(identifier: &GlobalContractIdentifier) -> TrieKey {
    TrieKey::GlobalContractCode { identifier: identifier.clone().into() }
}

fn gas_key(num_nonces: u16) -> AccessKey {
    let info = GasKeyInfo { balance: near(1), num_nonces };
    AccessKey { nonce: 0, permission: AccessKeyPermission::GasKeyFullAccess(info) }
}

/// `bob.near` has a contract that reads a value of `bytes`, and keys enough for the ways to them to
/// be long.
fn world(version: u32, bytes: usize) -> World {
    let account_id = id("bob.near");
    let record = |key: &[u8], value: Vec<u8>| StateRecord::Data {
        account_id: id("bob.near"),
        data_key: key.to_vec().into(),
        value: value.into(),
    };
    let mut records = vec![record(READ, vec![7; bytes]), record(&[1, 1], vec![1; 40])];
    for number in 0..40 {
        let key = key(&format!("key{number}"));
        records.push(StateRecord::access_key(id("bob.near"), key, AccessKey::full_access()));
    }
    records.push(StateRecord::access_key(id("bob.near"), key("gas"), gas_key(30)));
    records.extend((0..30).map(|index| {
        let public_key = (&key("gas")).into();
        StateRecord::GasKeyNonce { account_id: account_id.clone(), public_key, index, nonce: 9 }
    }));
    let mut world = World::at(version, &records);
    let reader = wat::parse_str(READER).expect("text");
    world.run("bob.near", "bob.near", vec![deploy(reader)]);
    let module = wat::parse_str("(module)").expect("text");
    for deploy_mode in [GlobalContractDeployMode::CodeHash, GlobalContractDeployMode::AccountId] {
        let deploy = DeployGlobalContractAction { code: module.clone().into(), deploy_mode };
        world.run("near", "near", vec![Action::DeployGlobalContract(deploy)]);
    }
    world
}

/// The call that reads the value.
fn read() -> Action {
    call("main", &[0, 1], 300 * TGAS, Balance::ZERO)
}

/// What is in the proof before a receipt of `bob.near` to himself runs, in the block of its
/// transaction.
fn before_own_receipt(state: &Snapshot) -> Proof {
    let mut proof = Proof::default();
    proof.asked(state, &TrieKey::DelayedReceiptIndices);
    proof.read(state, &account("bob.near"));
    proof.read(state, &access_key("bob.near", "bob.near"));
    proof
}

/// What the call of [`read`] adds.
fn call_proof(proof: &mut Proof, state: &Snapshot) {
    proof.read(state, &data(READ));
    proof.asked(state, &TrieKey::PromiseYieldIndices);
}

/// The size of the value with which a receipt of the call and `more` reaches the limit.
fn fitting(prepare: impl Fn(&mut World), more: impl Fn(&mut Proof, &Snapshot)) -> (usize, usize) {
    let guess = 3_000_000;
    let mut world = world(88, guess);
    prepare(&mut world);
    let mut proof = before_own_receipt(&world.state);
    let before = proof.bytes();
    call_proof(&mut proof, &world.state);
    let of_call = proof.bytes();
    more(&mut proof, &world.state);
    (guess + LIMIT - (proof.bytes() - before), proof.bytes() - of_call)
}

fn exceeded() -> ActionErrorKind {
    ActionErrorKind::ReceiptStorageProofSizeExceeded { limit: 4_000_000 }
}

/// A receipt of the call and `action` passes at the limit and fails with one byte more, unless the
/// protocol only limits calls.
fn assert_proof_of(
    name: &str,
    action: impl Fn(&World) -> Action,
    prepare: impl Fn(&mut World),
    more: impl Fn(&mut Proof, &Snapshot),
) {
    let (bytes, added) = fitting(&prepare, more);
    assert!(added > 0, "{name} reads nothing");
    let run = |version, bytes| -> Story {
        let mut world = world(version, bytes);
        prepare(&mut world);
        let action = action(&world);
        world.run("bob.near", "bob.near", vec![read(), action])
    };
    assert_eq!(run(88, bytes).value(), b"", "{name}");
    for version in [87, 88] {
        assert_eq!(run(version, bytes + 1).error(), (Some(1), exceeded()), "{name} at {version}");
    }
    for version in [85, 86] {
        assert_eq!(run(version, bytes + 1).value(), b"", "{name} at {version}: no call");
    }
}

fn nothing(_: &mut World) {}

#[test]
fn a_call_reads_up_to_the_limit_and_no_byte_more() {
    let (bytes, added) = fitting(nothing, |_, _| {});
    assert_eq!(added, 0);
    let run = |bytes| world(88, bytes).run("bob.near", "bob.near", vec![read(), transfer(near(1))]);
    assert_eq!(run(bytes).value(), b"", "a transfer reads nothing");
    let (index, error) = run(bytes + 1).error();
    assert_eq!(index, Some(0));
    assert!(matches!(error, ActionErrorKind::FunctionCallError(_)), "{error:?}");
}

#[test]
fn a_view_reads_as_much_as_it_likes() {
    let world = world(88, 5_000_000);
    let (bob, state) = (id("bob.near"), &world.state);
    let result = view::call_function(&world.runtime, state, &world.env, &bob, "main", &[0, 1]);
    assert_eq!(result.expect("no fault").expect("a value").value, b"");
}

#[test]
fn keys_are_in_the_proof_with_the_way_to_them() {
    let add = |_: &World| {
        let public_key = key("another");
        let access_key = AccessKey::full_access();
        Action::AddKey(Box::new(AddKeyAction { public_key, access_key }))
    };
    let way = |proof: &mut Proof, state: &Snapshot| {
        proof.asked(state, &access_key("bob.near", "another"));
    };
    assert_proof_of("AddKey", add, nothing, way);

    let delete = |seed: &'static str| {
        move |_: &World| Action::DeleteKey(Box::new(DeleteKeyAction { public_key: key(seed) }))
    };
    let of_key = |seed: &'static str| {
        move |proof: &mut Proof, state: &Snapshot| proof.read(state, &access_key("bob.near", seed))
    };
    assert_proof_of("DeleteKey", delete("key7"), nothing, of_key("key7"));
    // Its nonces are removed without being read.
    assert_proof_of("DeleteKey of a gas key", delete("gas"), nothing, of_key("gas"));
}

#[test]
fn the_balance_of_a_gas_key_is_read_without_its_nonces() {
    let of_key =
        |proof: &mut Proof, state: &Snapshot| proof.read(state, &access_key("bob.near", "gas"));
    let public_key = || Box::new(key("gas"));
    let fund = |_: &World| {
        let (public_key, deposit) = (*public_key(), yocto(1));
        Action::TransferToGasKey(Box::new(TransferToGasKeyAction { public_key, deposit }))
    };
    assert_proof_of("TransferToGasKey", fund, nothing, of_key);
    let withdraw = |_: &World| {
        let (public_key, amount) = (*public_key(), yocto(1));
        Action::WithdrawFromGasKey(Box::new(WithdrawFromGasKeyAction { public_key, amount }))
    };
    assert_proof_of("WithdrawFromGasKey", withdraw, nothing, of_key);
}

#[test]
fn a_delegate_action_has_its_key_in_the_proof() {
    let wish = |world: &World| {
        let delegate_action = DelegateAction {
            sender_id: id("bob.near"),
            receiver_id: id("alice.near"),
            actions: vec![NonDelegateAction::try_from(transfer(near(1))).expect("a transfer")],
            nonce: 1,
            max_block_height: world.env.height + 100,
            public_key: key("key3"),
        };
        let hash = delegate_action.get_nep461_hash();
        let signature = signer_of_key("bob.near", "key3").sign(hash.as_bytes());
        Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
    };
    let of_key =
        |proof: &mut Proof, state: &Snapshot| proof.read(state, &access_key("bob.near", "key3"));
    assert_proof_of("Delegate", wish, nothing, of_key);
}

#[test]
fn code_is_not_in_the_proof_but_the_way_to_it_is_where_its_size_or_presence_matters() {
    let module = wat::parse_str("(module)").expect("text");
    let hash = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&module));

    let deploy_own = |_: &World| deploy(b"other".to_vec());
    let way = |proof: &mut Proof, state: &Snapshot| proof.asked(state, &code());
    assert_proof_of("DeployContract", deploy_own, nothing, way);

    let used = hash.clone();
    let use_global = move |_: &World| {
        let contract_identifier = used.clone();
        Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
    };
    let ways = |proof: &mut Proof, state: &Snapshot| {
        proof.asked(state, &global(&hash));
        proof.asked(state, &code());
    };
    assert_proof_of("UseGlobalContract", use_global, nothing, ways);

    let deploy_global = |_: &World| {
        let code = module.clone().into();
        let deploy_mode = GlobalContractDeployMode::CodeHash;
        Action::DeployGlobalContract(DeployGlobalContractAction { code, deploy_mode })
    };
    let number = |proof: &mut Proof, state: &Snapshot| {
        proof.read(state, &TrieKey::GlobalContractNonce { identifier: hash.clone().into() });
    };
    assert_proof_of("DeployGlobalContract", deploy_global, nothing, number);
}

#[test]
fn deleting_an_account_lists_its_keys_and_data_and_counts_2000_for_each_record_of_data() {
    // It holds more than a deletion allows: only a patch can say otherwise.
    let make_small = |world: &mut World| {
        let mut account = world.account("bob.near");
        let code = view::code(&world.state, &id("bob.near")).expect("no fault").expect("code");
        account.set_storage_usage(u64::try_from(code.1.len()).expect("small"));
        let records = [StateRecord::Account { account_id: id("bob.near"), account }];
        let patch = patch(world.config(), &world.state, &records).expect("no fault");
        world.state = world.state.apply(&patch.expect("valid").changes).expect("a state in memory");
    };
    let delete =
        |_: &World| Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id("alice.near") });
    let lists = |proof: &mut Proof, state: &Snapshot| {
        let bob: AccountId = id("bob.near");
        proof.asked(state, &code());
        proof.listed(state, &trie_key_parsers::get_raw_prefix_for_access_keys(&bob));
        proof.listed(state, &trie_key_parsers::get_raw_prefix_for_contract_data(&bob, &[]));
        proof.removals = 2;
    };
    assert_proof_of("DeleteAccount", delete, make_small, lists);
}

/// A receipt that came from another account finds nothing of its transaction in the proof, and its
/// receiver is read before it begins.
#[test]
fn what_was_in_the_proof_of_the_block_before_the_receipt_is_not_counted_again() {
    let of_block = |world: &World| {
        let mut proof = Proof::default();
        proof.asked(&world.state, &TrieKey::DelayedReceiptIndices);
        proof.read(&world.state, &account("bob.near"));
        let before = proof.bytes();
        call_proof(&mut proof, &world.state);
        (before, proof.bytes())
    };
    let guess = 3_000_000;
    let sent = |bytes| {
        let mut world = world(88, bytes);
        let call = world.sign(&signer("alice.near"), "bob.near", vec![read()]);
        let gift = world.sign(&signer("near"), "alice.near", vec![transfer(near(1))]);
        world.block(vec![call, gift]);
        world
    };
    let (before, all) = of_block(&sent(guess));
    let of_receipt = guess + LIMIT - (all - before);
    let outcomes = |bytes| {
        let mut world = sent(bytes);
        let effects = world.block(Vec::new());
        let failed = effects.outcomes[0].outcome.status.clone();
        (matches!(failed, sandbox_runtime::near::ExecutionStatus::Failure(_)), effects)
    };
    assert!(!outcomes(of_receipt).0, "the limit of the receipt");
    assert!(outcomes(of_receipt + 1).0);

    // The block's own limit is reached earlier, as its proof has more in it.
    let of_block = guess + LIMIT - all;
    let run = |bytes| outcomes(bytes).1;
    assert_eq!((run(of_block).outcomes.len(), run(of_block).delayed_receipts), (2, 0));
    assert_eq!((run(of_block + 1).outcomes.len(), run(of_block + 1).delayed_receipts), (1, 1));
}

#[test]
fn a_transaction_has_its_account_its_key_and_the_nonce_in_the_proof_of_the_block() {
    let signer = signer_of_key("bob.near", "gas");
    let nonce = TransactionNonce::GasKeyNonce { nonce: 10, nonce_index: 3 };
    let body = unsigned(&signer, nonce, Some(NonceMode::Monotonic), id("bob.near"), vec![read()]);
    let transaction = sign(body, &signer);
    // A receipt that comes from the block before runs after the transaction's own, if there is room.
    let ready = |bytes| {
        let mut world = world(88, bytes);
        let gift = world.sign(&self::signer("near"), "alice.near", vec![transfer(near(1))]);
        world.block(vec![gift]);
        world
    };
    let guess = 3_000_000;
    let state = ready(guess).state;
    let mut proof = Proof::default();
    proof.asked(&state, &TrieKey::DelayedReceiptIndices);
    proof.read(&state, &account("bob.near"));
    proof.read(&state, &access_key("bob.near", "gas"));
    proof.read(&state, &TrieKey::gas_key_nonce(id("bob.near"), key("gas"), 3));
    call_proof(&mut proof, &state);
    let bytes = guess + LIMIT - proof.bytes();
    let delayed = |bytes| ready(bytes).block(vec![transaction.clone()]).delayed_receipts;
    assert_eq!([delayed(bytes), delayed(bytes + 1)], [0, 1]);
}

/// Unlike in neard, see `docs/differences.md`.
#[test]
fn a_value_counts_against_the_block_even_when_the_gas_ends_before_its_bytes_are_paid_for() {
    let delayed = |bytes| {
        let mut world = world(88, bytes);
        let poor = call("main", &[0, 1], 10 * TGAS, Balance::ZERO);
        let call = world.sign(&signer("alice.near"), "bob.near", vec![poor]);
        let gift = world.sign(&signer("near"), "alice.near", vec![transfer(near(1))]);
        world.block(vec![call, gift]);
        world.block(Vec::new()).delayed_receipts
    };
    assert_eq!([delayed(3_900_000), delayed(LIMIT)], [0, 1]);
}

/// Whose code runs is read from the state where it is named by an account.
#[test]
fn a_call_of_code_that_an_account_names_has_the_way_to_it_in_the_proof() {
    let reader = wat::parse_str(READER).expect("text");
    let by_account = GlobalContractIdentifier::AccountId(id("alice.near"));
    let adopt = |world: &mut World| {
        let deploy_mode = GlobalContractDeployMode::AccountId;
        let deploy = DeployGlobalContractAction { code: reader.clone().into(), deploy_mode };
        world.run("alice.near", "alice.near", vec![Action::DeployGlobalContract(deploy)]);
        let contract_identifier = by_account.clone();
        let action =
            Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }));
        world.run("bob.near", "bob.near", vec![action]);
    };
    let (bytes, added) = fitting(adopt, |proof, state| proof.asked(state, &global(&by_account)));
    assert!(added > 0);
    let run = |bytes| {
        let mut world = world(88, bytes);
        adopt(&mut world);
        world.run("bob.near", "bob.near", vec![read()])
    };
    assert_eq!(run(bytes).value(), b"");
    let (index, error) = run(bytes + 1).error();
    assert_eq!(index, Some(0));
    assert!(matches!(error, ActionErrorKind::FunctionCallError(_)), "{error:?}");
}
