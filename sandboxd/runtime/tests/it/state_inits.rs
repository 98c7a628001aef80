//! Accounts whose id is the hash of their first state: deterministic and universal ones.

use std::collections::{BTreeMap, BTreeSet};

use sandbox_runtime::near::{
    Action, ActionCosts, ActionErrorKind, ActionsValidationError as E, CryptoHash,
    DeployGlobalContractAction, DeterministicAccountStateInit, DeterministicAccountStateInitV1,
    DeterministicStateInitAction, GlobalContractDeployMode, GlobalContractIdentifier,
    InvalidAccessKeyError, InvalidTxError, RawStateInit, SignedTransaction, TransactionNonce,
    UniversalStateInit, UniversalStateInitAction, UniversalStateInitV1,
    derive_near_deterministic_account_id, derive_universal_account_id,
};

use crate::accounts::add_full_key;
use crate::world::{
    PRICE, TGAS, World, call, id, key, near, sign, signer_of_key, transfer, unsigned, yocto,
};

type Data = BTreeMap<Vec<u8>, Vec<u8>>;

/// A world with a global contract, and its name.
fn world() -> (World, GlobalContractIdentifier) {
    let mut world = World::new();
    let code = wat::parse_str(
        r#"(module
            (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
            (import "env" "value_return" (func $return (param i64 i64)))
            (memory 1) (data (i32.const 0) "k")
            (func (export "get")
                (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
                (call $return (i64.const -1) (i64.const 0))))"#,
    )
    .expect("text");
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&code));
    let deploy = Action::DeployGlobalContract(DeployGlobalContractAction {
        code: code.into(),
        deploy_mode: GlobalContractDeployMode::CodeHash,
    });
    world.run("near", "near", vec![deploy]);
    (world, identifier)
}

fn entries(list: &[(&str, &str)]) -> Data {
    list.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn deterministic(code: GlobalContractIdentifier, data: Data) -> DeterministicAccountStateInit {
    DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 { code, data })
}

fn init(state_init: DeterministicAccountStateInit, deposit: u128) -> Action {
    let deposit = yocto(deposit);
    Action::DeterministicStateInit(Box::new(DeterministicStateInitAction { state_init, deposit }))
}

fn universal(code: Option<GlobalContractIdentifier>, data: Data, keys: &[&str]) -> RawStateInit {
    let access_keys: BTreeSet<_> = keys.iter().map(|seed| (&key(seed)).into()).collect();
    UniversalStateInit::V1(UniversalStateInitV1 { code, data, access_keys }).to_raw()
}

fn install(state_init: RawStateInit, deposit: u128) -> Action {
    let deposit = yocto(deposit);
    Action::UniversalStateInit(Box::new(UniversalStateInitAction { state_init, deposit }))
}

/// What the first outcome and the transaction burnt.
fn burnt(story: &crate::world::Story) -> u128 {
    story.transaction.tokens_burnt.as_yoctonear() + story.first().tokens_burnt.as_yoctonear()
}

#[test]
fn a_deterministic_account_starts_with_code_and_data() {
    let (mut world, code) = world();
    let state_init = deterministic(code, entries(&[("k", "hello"), ("other", "x")]));
    let name = derive_near_deterministic_account_id(&state_init).to_string();
    let alice = world.balance("alice.near");
    let deposit = near(1).as_yoctonear();
    let story = world.run("alice.near", &name, vec![init(state_init.clone(), deposit)]);
    assert_eq!(story.value(), b"");
    // The account, the hash of its contract, and two records.
    let usage = 100 + 32 + (1 + 5 + 40) + (5 + 1 + 40);
    let account = world.account(&name);
    assert_eq!((account.storage_usage(), account.amount()), (usage, yocto(0)), "it is small");
    assert_eq!(world.balance("alice.near"), alice - burnt(&story), "the deposit came back");

    let bytes = 1 + 5 + 5 + 1;
    let send = world.send(ActionCosts::new_action_receipt)
        + world.send(ActionCosts::deterministic_state_init_base)
        + 2 * world.send(ActionCosts::deterministic_state_init_entry)
        + bytes * world.send(ActionCosts::deterministic_state_init_byte);
    let exec = world.exec(ActionCosts::new_action_receipt)
        + world.exec(ActionCosts::deterministic_state_init_base)
        + 2 * world.exec(ActionCosts::deterministic_state_init_entry)
        + bytes * world.exec(ActionCosts::deterministic_state_init_byte);
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), send);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);

    let story = world.run("bob.near", &name, vec![call("get", b"", 10 * TGAS, yocto(0))]);
    assert_eq!(story.value(), b"hello");
    // A second time it does nothing, and a call behind it works as well.
    let again = vec![init(state_init, deposit), call("get", b"", 10 * TGAS, yocto(0))];
    assert_eq!(world.run("bob.near", &name, again).value(), b"hello");
}

#[test]
fn the_deposit_pays_for_storage_beyond_the_free_amount() {
    let (mut world, code) = world();
    let large = [(b"k".to_vec(), vec![7; 2_000])].into();
    let state_init = deterministic(code, large);
    let name = derive_near_deterministic_account_id(&state_init).to_string();
    let stake = (100 + 32 + 1 + 2_000 + 40) * 10u128.pow(19);

    let story = world.run("alice.near", &name, vec![init(state_init.clone(), stake - 1)]);
    let (account_id, amount) = (id(&name), yocto(stake));
    let error = ActionErrorKind::LackBalanceForState { account_id, amount };
    assert_eq!(story.error(), (Some(0), error));
    assert!(!world.exists(&name));

    // A transfer before it counts.
    world.run("bob.near", &name, vec![transfer(yocto(stake - 5))]);
    let alice = world.balance("alice.near");
    let story = world.run("alice.near", &name, vec![init(state_init, 100)]);
    assert_eq!(story.value(), b"");
    assert_eq!(world.balance(&name), stake);
    assert_eq!(world.balance("alice.near"), alice - 5 - burnt(&story));
}

#[test]
fn nobody_takes_a_deterministic_account_over() {
    let (mut world, code) = world();
    let state_init = deterministic(code, Data::new());
    let name = derive_near_deterministic_account_id(&state_init).to_string();
    let actions = vec![init(state_init.clone(), 0), add_full_key("thief")];
    let story = world.run("alice.near", &name, actions);
    let (account_id, actor_id) = (id(&name), id("alice.near"));
    let error = ActionErrorKind::ActorNoPermission { account_id, actor_id };
    assert_eq!(story.error(), (Some(1), error));
    assert!(!world.exists(&name), "all or nothing");

    // Elsewhere the state cannot be installed at all.
    let signer = crate::world::signer("alice.near");
    let transaction = world.sign(&signer, "bob.near", vec![init(state_init, 0)]);
    let error = E::InvalidDeterministicStateInitReceiver {
        receiver_id: id("bob.near"),
        derived_id: id(&name),
    };
    assert_eq!(world.check(&transaction), Err(InvalidTxError::ActionsValidation(error)));
}

#[test]
fn a_state_init_needs_its_global_contract() {
    let mut world = World::new();
    let identifier = GlobalContractIdentifier::CodeHash(CryptoHash([5; 32]));
    let state_init = deterministic(identifier.clone(), Data::new());
    let name = derive_near_deterministic_account_id(&state_init).to_string();
    let story = world.run("alice.near", &name, vec![init(state_init, 0)]);
    let error = ActionErrorKind::GlobalContractDoesNotExist { identifier: identifier.clone() };
    assert_eq!(story.error(), (Some(0), error.clone()));
    assert!(!world.exists(&name));

    let state_init = universal(Some(identifier), Data::new(), &["u"]);
    let name = derive_universal_account_id(&state_init).to_string();
    let story = world.run("alice.near", &name, vec![install(state_init, 0)]);
    assert_eq!(story.error(), (Some(0), error));
    assert!(!world.exists(&name));
}

#[test]
fn entries_that_storage_could_not_hold_are_refused() {
    let world = World::new();
    let code = GlobalContractIdentifier::CodeHash(CryptoHash::default());
    let signer = crate::world::signer("alice.near");
    let check = |data: Data| {
        let state_init = deterministic(code.clone(), data.clone());
        let name = derive_near_deterministic_account_id(&state_init).to_string();
        let first = world.check(&world.sign(&signer, &name, vec![init(state_init, 0)]));
        let state_init = universal(Some(code.clone()), data, &[]);
        let name = derive_universal_account_id(&state_init).to_string();
        let second = world.check(&world.sign(&signer, &name, vec![install(state_init, 0)]));
        [first, second].map(|result| match result {
            Err(InvalidTxError::ActionsValidation(error)) => error,
            other => panic!("{other:?}"),
        })
    };
    let limits = &world.config().wasm_config.limit_config;
    let limit = limits.max_length_storage_key;
    let long = vec![0; usize::try_from(limit).expect("small") + 1];
    let length = limit + 1;
    let expected = [
        E::DeterministicStateInitKeyLengthExceeded { length, limit },
        E::UniversalStateInitKeyLengthExceeded { length, limit },
    ];
    assert_eq!(check([(long, Vec::new())].into()), expected);
    let limit = limits.max_state_init_entries;
    let many = (0..=limit).map(|number| (number.to_le_bytes().to_vec(), Vec::new())).collect();
    let error = E::TotalNumberOfStateInitEntriesExceeded { number_of_entries: limit + 1, limit };
    assert_eq!(check(many), [error.clone(), error]);
}

#[test]
fn a_universal_account_starts_with_its_keys() {
    let (mut world, code) = world();
    let state_init = universal(Some(code), entries(&[("k", "hi")]), &["u", "v"]);
    let name = derive_universal_account_id(&state_init).to_string();
    let actions = vec![transfer(near(2)), install(state_init.clone(), 7)];
    let story = world.run("alice.near", &name, actions);
    assert_eq!(story.value(), b"");
    let account = world.account(&name);
    assert!(account.is_initialized());
    // The account, the hash of its contract, a record, and two keys of 33 and 9 bytes.
    assert_eq!(account.storage_usage(), 100 + 32 + (1 + 2 + 40) + 2 * (33 + 9 + 40));
    assert_eq!(account.amount(), near(2), "small enough to need no stake");
    let nonce = (story_height(&world) - 1) * 1_000_000;
    assert_eq!(world.access_key(&name, "u").expect("a key").nonce, nonce);

    let bytes = u128::try_from(state_init.0.len()).expect("small");
    let fee = |of: &dyn Fn(ActionCosts) -> u128| {
        of(ActionCosts::new_action_receipt)
            + of(ActionCosts::transfer)
            + of(ActionCosts::create_account)
            + of(ActionCosts::universal_state_init_base)
            + bytes * of(ActionCosts::universal_state_init_byte)
            + of(ActionCosts::universal_state_init_entry)
            + 2 * of(ActionCosts::add_full_access_key)
    };
    let send = fee(&|cost| world.send(cost));
    let exec = fee(&|cost| world.exec(cost));
    assert_eq!(u128::from(story.transaction.gas_burnt.as_gas()), send);
    assert_eq!(u128::from(story.first().gas_burnt.as_gas()), exec);
    assert_eq!(story.transaction.tokens_burnt.as_yoctonear(), send * PRICE);

    // The keys sign for it from now on.
    let own = signer_of_key(&name, "v");
    let story =
        world.run_signed(world.sign(&own, &name, vec![call("get", b"", 10 * TGAS, yocto(0))]));
    assert_eq!(story.value(), b"hi");
    // Installed again, it gives the whole deposit back.
    let before = world.balance("bob.near");
    let story = world.run("bob.near", &name, vec![install(state_init, near(1).as_yoctonear())]);
    assert_eq!(story.value(), b"");
    assert_eq!(world.balance("bob.near"), before - burnt(&story));
}

/// The height of the block that ran the first receipt of a story that has just ended: it took one more
/// for the gas that came back, and another for the deposit that came with it.
fn story_height(world: &World) -> u64 {
    world.env.height - 1
}

/// A transaction of an account that has no keys yet.
fn own(name: &str, seed: &str, nonce: u64, actions: Vec<Action>) -> SignedTransaction {
    let signer = signer_of_key(name, seed);
    let nonce = TransactionNonce::from_nonce(nonce);
    sign(unsigned(&signer, nonce, None, id(name), actions), &signer)
}

#[test]
fn a_funded_universal_account_installs_itself() {
    let mut world = World::new();
    let state_init = universal(None, Data::new(), &["u"]);
    let name = derive_universal_account_id(&state_init).to_string();
    let bootstrap = |nonce| own(&name, "u", nonce, vec![install(state_init.clone(), 0)]);
    let nobody = InvalidTxError::SignerDoesNotExist { signer_id: id(&name) };
    assert_eq!(world.check(&bootstrap(1)), Err(nobody));

    world.run("alice.near", &name, vec![transfer(near(1))]);
    let start = world.account(&name).bootstrap_nonce().expect("not initialized");
    // Its nonce has to be the very next one, whatever the transaction asks for.
    let (tx_nonce, ak_nonce) = (start + 2, start);
    let error = InvalidTxError::InvalidNonce { tx_nonce, ak_nonce };
    assert_eq!(world.check(&bootstrap(start + 2)), Err(error));
    // A key that the id does not name signs nothing, and nothing but the state init can be signed.
    let not_found = |seed: &str| {
        let (account_id, public_key) = (id(&name), Box::new(key(seed)));
        let error = InvalidAccessKeyError::AccessKeyNotFound { account_id, public_key };
        Err(InvalidTxError::InvalidAccessKeyError(error))
    };
    let stranger = own(&name, "stranger", start + 1, vec![install(state_init.clone(), 0)]);
    assert_eq!(world.check(&stranger), not_found("stranger"));
    let gift = own(&name, "u", start + 1, vec![transfer(near(1))]);
    assert_eq!(world.check(&gift), not_found("u"));

    let before = world.balance(&name);
    let transaction = bootstrap(start + 1);
    let story = world.run_signed(transaction.clone());
    assert_eq!(story.value(), b"");
    assert_eq!(world.balance(&name), before - burnt(&story));
    let installed = world.access_key(&name, "u").expect("a key").nonce;
    assert!(installed > start, "what it signed before is not valid again");
    let error = InvalidTxError::InvalidNonce { tx_nonce: start + 1, ak_nonce: installed };
    assert_eq!(world.check(&transaction), Err(error));
}

#[test]
fn a_bootstrap_that_fails_uses_its_nonce_up() {
    let mut world = World::new();
    let code = GlobalContractIdentifier::CodeHash(CryptoHash([5; 32]));
    let state_init = universal(Some(code), Data::new(), &["u"]);
    let name = derive_universal_account_id(&state_init).to_string();
    world.run("alice.near", &name, vec![transfer(near(1))]);
    let start = world.account(&name).bootstrap_nonce().expect("not initialized");
    let transaction = own(&name, "u", start + 1, vec![install(state_init, 0)]);
    let story = world.run_signed(transaction.clone());
    assert!(matches!(story.error().1, ActionErrorKind::GlobalContractDoesNotExist { .. }));
    assert_eq!(world.account(&name).bootstrap_nonce(), Some(start + 1));
    let (tx_nonce, ak_nonce) = (start + 1, start + 1);
    let error = InvalidTxError::InvalidNonce { tx_nonce, ak_nonce };
    assert_eq!(world.check(&transaction), Err(error));
}

#[test]
fn universal_states_have_one_form_and_one_place() {
    let world = World::new();
    let signer = crate::world::signer("alice.near");
    let check = |raw: RawStateInit, name: &str| match world.check(&world.sign(
        &signer,
        name,
        vec![install(raw, 0)],
    )) {
        Err(InvalidTxError::ActionsValidation(error)) => error,
        other => panic!("{other:?}"),
    };
    let derived = |raw: &RawStateInit| derive_universal_account_id(raw).to_string();
    let good = universal(None, Data::new(), &["u", "v"]);
    let (receiver_id, derived_id) = (id("bob.near"), id(&derived(&good)));
    let error = E::InvalidUniversalStateInitReceiver { receiver_id, derived_id };
    assert_eq!(check(good.clone(), "bob.near"), error);

    let garbage = RawStateInit(vec![9; 3]);
    assert_eq!(check(garbage.clone(), &derived(&garbage)), E::MalformedUniversalStateInit);
    // The two keys, each a tag and 32 bytes at the end, the other way round.
    let mut swapped = good.0;
    let at = swapped.len() - 66;
    swapped[at..].rotate_left(33);
    let swapped = RawStateInit(swapped);
    assert_eq!(check(swapped.clone(), &derived(&swapped)), E::MalformedUniversalStateInit);

    let limit = world.config().wasm_config.limit_config.max_universal_state_init_keys;
    let seeds: Vec<String> = (0..=limit).map(|number| number.to_string()).collect();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let many = universal(None, Data::new(), &seeds);
    let error = E::TotalNumberOfStateInitKeysExceeded { number_of_keys: limit + 1, limit };
    assert_eq!(check(many.clone(), &derived(&many)), error);
}
