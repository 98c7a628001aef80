//! Views, patches and genesis states.

use std::num::NonZeroU32;

use sandbox_runtime::genesis::{InvalidGenesis, genesis_state};
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, Balance, CryptoHash, PublicKeyHandle, StateRecord,
};
use sandbox_runtime::patch::{InvalidPatch, InvalidRecord, patch};
use sandbox_runtime::view::{self, InvalidQuery, StateQuery};
use sandbox_state::Snapshot;

use crate::accounts::{add_full_key, delete_key};
use crate::contracts::status_world;
use crate::world::{TGAS, World, call, id, key, near, yocto};

fn view(world: &World, method: &str, args: &[u8]) -> Result<view::CallResult, InvalidQuery> {
    view::call_function(&world.runtime, &world.state, &world.env, &id("bob.near"), method, args)
        .expect("no fault")
}

fn message(error: InvalidQuery) -> String {
    match error {
        InvalidQuery::Call { message, .. } => message,
        error => panic!("expected a failed call, not {error:?}"),
    }
}

#[test]
fn a_view_call_returns_what_was_stored_and_changes_nothing() {
    let mut world = status_world();
    world.run("alice.near", "bob.near", vec![call("increment", b"", 30 * TGAS, yocto(0))]);
    let root = world.state.root();
    assert_eq!(view(&world, "get_count", b"").expect("a value").value, b"1");
    assert_eq!(world.state.root(), root);
}

#[test]
fn a_failed_view_says_how_in_nears_words() {
    let world = status_world();
    let failed =
        |method: &str, args: &[u8]| message(view(&world, method, args).expect_err("a failure"));
    assert_eq!(
        failed("nothing", b""),
        "wasm execution failed with error: MethodResolveError(MethodNotFound)"
    );
    assert_eq!(
        failed("caller", b""),
        "wasm execution failed with error: HostError(ProhibitedInView { method_name: \
         \"signer_account_id\" })"
    );
    let no_code = view::call_function(
        &world.runtime,
        &world.state,
        &world.env,
        &id("alice.near"),
        "any",
        b"",
    );
    assert_eq!(
        message(no_code.expect("no fault").expect_err("no code")),
        "wasm execution failed with error: CompilationError(CodeDoesNotExist { account_id: \
         \"alice.near\" })"
    );
    let nobody =
        view::call_function(&world.runtime, &world.state, &world.env, &id("x.near"), "any", b"");
    let error = InvalidQuery::UnknownAccount { account_id: id("x.near") };
    assert_eq!(nobody.expect("no fault"), Err(error));
}

#[test]
fn code_and_keys_are_shown() {
    let world = status_world();
    let (hash, code) = view::code(&world.state, &id("bob.near")).expect("no fault").expect("code");
    assert_eq!(&*code, fixtures::wasm("status"));
    assert_eq!(hash, CryptoHash::hash_bytes(&code));
    let error = InvalidQuery::NoContractCode { account_id: id("alice.near") };
    assert_eq!(view::code(&world.state, &id("alice.near")).expect("no fault"), Err(error));
    let keys = view::access_keys(&world.state, &id("bob.near"), None).expect("no fault");
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].0, PublicKeyHandle::from(&key("bob.near")));
    assert_eq!(view::access_keys(&world.state, &id("x.near"), None).expect("no fault"), []);
}

#[test]
fn a_page_of_keys_goes_on_behind_a_key_that_is_gone() {
    let mut world = World::new();
    world.run("bob.near", "bob.near", vec![add_full_key("one"), add_full_key("two")]);
    let mut seeds = ["bob.near", "one", "two"];
    let handle = |seed| PublicKeyHandle::from(&key(seed));
    seeds.sort_by_key(|seed| handle(seed));
    let behind = |world: &World, seed| {
        let keys = view::access_keys(&world.state, &id("bob.near"), Some(&handle(seed)));
        keys.expect("no fault").into_iter().map(|(handle, _)| handle).collect::<Vec<_>>()
    };
    assert_eq!(behind(&world, seeds[0]), [handle(seeds[1]), handle(seeds[2])]);
    world.run("bob.near", "bob.near", vec![delete_key(seeds[1])]);
    assert_eq!(behind(&world, seeds[1]), [handle(seeds[2])]);
    assert_eq!(behind(&world, seeds[2]), []);
}

fn with_data(records: &[(&[u8], &[u8])]) -> World {
    let records: Vec<_> = records
        .iter()
        .map(|(key, value)| StateRecord::Data {
            account_id: id("bob.near"),
            data_key: key.to_vec().into(),
            value: value.to_vec().into(),
        })
        .collect();
    World::with(&records)
}

#[test]
fn state_is_shown_by_prefix_and_in_pages() {
    let world = with_data(&[(b"a1", b"x"), (b"a2", b"y"), (b"a3", b"z"), (b"b", b"w")]);
    let show = |query: &StateQuery| {
        view::state(&world.state, &id("bob.near"), query).expect("no fault").expect("a page")
    };
    let keys =
        |page: &view::StatePage| page.values.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let all = show(&StateQuery::default());
    assert_eq!(keys(&all), [b"a1".to_vec(), b"a2".to_vec(), b"a3".to_vec(), b"b".to_vec()]);
    assert_eq!(&*all.values[0].1, b"x");
    let a = StateQuery { prefix: b"a".to_vec(), ..StateQuery::default() };
    assert_eq!(keys(&show(&a)).len(), 3);
    let page = show(&StateQuery { limit: NonZeroU32::new(2), ..a.clone() });
    assert_eq!(page.last_key, Some(b"a2".to_vec()));
    let rest = show(&StateQuery { after_key: page.last_key, ..a.clone() });
    assert_eq!((keys(&rest), rest.last_key), (vec![b"a3".to_vec()], None));
    let proven = show(&StateQuery { include_proof: true, ..a });
    assert!(proven.proof.is_some());
}

#[test]
fn state_that_cannot_be_shown() {
    let world = with_data(&[(b"a", &[0; 2_000])]);
    let ask = |query: StateQuery| {
        view::state(&world.state, &id("bob.near"), &query).expect("no fault").expect_err("no page")
    };
    let small = StateQuery { size_limit: Some(1_000), ..StateQuery::default() };
    let account_id = id("bob.near");
    assert_eq!(ask(small), InvalidQuery::TooLargeContractState { account_id });
    let outside = StateQuery {
        prefix: b"a".to_vec(),
        after_key: Some(b"b".to_vec()),
        ..StateQuery::default()
    };
    assert_eq!(ask(outside), InvalidQuery::PageOutsidePrefix);
    let proof =
        StateQuery { limit: NonZeroU32::new(1), include_proof: true, ..StateQuery::default() };
    assert_eq!(ask(proof), InvalidQuery::ProofOfPage);
}

#[test]
fn a_patch_writes_all_records_as_they_are() {
    let world = World::new();
    let code = wat::parse_str("(module)").expect("text");
    let hash = CryptoHash::hash_bytes(&code);
    let account = Account::new(near(7), near(1), AccountContract::Local(hash), 182);
    let records = [
        StateRecord::Account { account_id: id("carol.near"), account: account.clone() },
        StateRecord::access_key(id("carol.near"), key("carol"), AccessKey::full_access()),
        StateRecord::Contract { account_id: id("carol.near"), code: code.clone() },
        StateRecord::Data {
            account_id: id("carol.near"),
            data_key: b"k".to_vec().into(),
            value: b"v".to_vec().into(),
        },
    ];
    let patched = patch(world.config(), &world.state, &records).expect("no fault").expect("valid");
    assert_eq!((patched.removed, patched.added), (Balance::ZERO, near(8)));
    let state = world.state.apply(&patched.changes).expect("a state in memory");
    assert_eq!(view::account(&state, &id("carol.near")).expect("no fault"), Ok(account.clone()));
    let shown = view::code(&state, &id("carol.near")).expect("no fault").expect("code");
    assert_eq!(shown.0, hash);

    let mut poorer = account;
    poorer.set_amount(near(2));
    let records = [StateRecord::Account { account_id: id("carol.near"), account: poorer }];
    let patched = patch(world.config(), &state, &records).expect("no fault").expect("valid");
    assert_eq!((patched.removed, patched.added), (near(8), near(3)));
}

#[test]
fn a_patch_that_contradicts_itself_is_refused_as_a_whole() {
    let world = World::new();
    let good = StateRecord::Data {
        account_id: id("bob.near"),
        data_key: b"k".to_vec().into(),
        value: b"v".to_vec().into(),
    };
    let refused = |record: StateRecord| {
        patch(world.config(), &world.state, &[good.clone(), record])
            .expect("no fault")
            .expect_err("refused")
    };
    let at = |index, kind, source| InvalidPatch::Record { index, kind, source };
    let code = StateRecord::Contract { account_id: id("nobody.near"), code: vec![1] };
    let error = InvalidRecord::CodeWithoutAccount { account_id: id("nobody.near") };
    assert_eq!(refused(code), at(1, "Contract", error));
    let data = StateRecord::ReceivedData {
        account_id: id("bob.near"),
        data_id: CryptoHash::default(),
        data: None,
    };
    let error = InvalidRecord::UnsupportedRecord { kind: "ReceivedData" };
    assert_eq!(refused(data), at(1, "ReceivedData", error));
    let account = Account::new_uninitialized(near(1), 100, 0);
    let empty = StateRecord::Account { account_id: id("bob.near"), account };
    let error = InvalidRecord::Uninitialized { account_id: id("bob.near"), kind: "Data" };
    let patched = patch(world.config(), &world.state, &[empty, good.clone()]).expect("no fault");
    assert_eq!(patched.expect_err("refused"), at(1, "Data", error));
    let rich =
        Account::new(Balance::from_yoctonear(u128::MAX - 1), near(1), AccountContract::None, 0);
    let rich = StateRecord::Account { account_id: id("bob.near"), account: rich };
    assert_eq!(refused(rich), InvalidPatch::BalanceOverflow);
}

#[test]
fn a_genesis_computes_storage_and_locks_stakes() {
    let world = World::new();
    let account = Account::new(near(5), Balance::ZERO, AccountContract::None, 99_999);
    let records = [
        StateRecord::Account { account_id: id("v.near"), account: account.clone() },
        StateRecord::access_key(id("v.near"), key("v"), AccessKey::full_access()),
    ];
    let genesis = genesis_state(world.config(), &records, &[(id("v.near"), near(50))])
        .expect("no fault")
        .expect("valid");
    let made = view::account(&genesis.snapshot, &id("v.near")).expect("no fault").expect("made");
    assert_eq!(made.storage_usage(), 182);
    assert_eq!((made.amount(), made.locked()), (near(5), near(50)));
    assert_eq!(genesis.total_supply, near(55));

    let twice = [records[0].clone(), records[0].clone()];
    let error = InvalidGenesis::DuplicateAccount { index: 1, account_id: id("v.near") };
    let refused = genesis_state(world.config(), &twice, &[]).expect("no fault");
    assert_eq!(refused.expect_err("refused"), error);
    let error = InvalidGenesis::UnknownAccount { index: 0, account_id: id("v.near") };
    let refused = genesis_state(world.config(), &records[1..], &[]).expect("no fault");
    assert_eq!(refused.expect_err("refused"), error);
    let refused = genesis_state(world.config(), &[], &[(id("v.near"), near(1))]).expect("no fault");
    let error = InvalidGenesis::UnknownValidator { account_id: id("v.near") };
    assert_eq!(refused.expect_err("refused"), error);
    let empty = genesis_state(world.config(), &[], &[]).expect("no fault").expect("valid");
    assert_eq!(empty.snapshot.root(), Snapshot::empty().root());
}
