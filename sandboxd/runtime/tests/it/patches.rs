//! Records written over a state: what follows from them, and what they take away.

use std::collections::BTreeMap;

use fixtures::Rng;
use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, CryptoHash, DeleteAccountAction, PublicKey,
    StateRecord, TrieKey,
};
use sandbox_runtime::patch::{
    Deletion, Edits, InvalidPatch, InvalidRecord, Patch, PatchRecord, patch,
};
use sandbox_runtime::view;

use super::world::{World, deploy, id, key, near, yocto};

fn patched(world: &mut World, records: Vec<PatchRecord>) -> Patch {
    let patch = patch(world.config(), &world.state, records).expect("no fault").expect("valid");
    world.state = world.state.apply(&patch.changes).expect("a state in memory");
    patch
}

fn refused(world: &World, records: Vec<PatchRecord>) -> InvalidPatch {
    patch(world.config(), &world.state, records).expect("no fault").expect_err("refused")
}

fn account(name: &str, contract: AccountContract, usage: u64) -> PatchRecord {
    let account = Account::new(near(5), yocto(0), contract, usage);
    StateRecord::Account { account_id: id(name), account }.into()
}

fn data(name: &str, data_key: &[u8], value: &[u8]) -> PatchRecord {
    let (data_key, value) = (data_key.to_vec().into(), value.to_vec().into());
    StateRecord::Data { account_id: id(name), data_key, value }.into()
}

fn code(name: &str, code: &[u8]) -> PatchRecord {
    StateRecord::Contract { account_id: id(name), code: code.to_vec() }.into()
}

fn access_key(name: &str, public_key: PublicKey, access_key: AccessKey) -> PatchRecord {
    StateRecord::access_key(id(name), public_key, access_key).into()
}

fn gas_key_nonce(name: &str, public_key: &PublicKey, index: u16) -> PatchRecord {
    let (account_id, public_key) = (id(name), public_key.into());
    StateRecord::GasKeyNonce { account_id, public_key, index, nonce: 7 }.into()
}

#[test]
fn records_without_their_account_move_what_it_uses_as_transactions_would() {
    let mut world = World::new();
    let before = world.account("bob.near").storage_usage();
    let gas_key = AccessKey::gas_key_full_access(2);
    let nonces = (0..2).map(|index| gas_key_nonce("bob.near", &key("gas"), index));
    let records = [
        code("bob.near", b"no wasm"),
        access_key("bob.near", key("another"), AccessKey::full_access()),
        access_key("bob.near", key("gas"), gas_key.clone()),
    ];
    patched(&mut world, records.into_iter().chain(nonces).collect());
    let by_patch = world.account("bob.near");
    // The same by transactions, on another account.
    let add = |public_key, access_key| {
        sandbox_runtime::near::Action::AddKey(Box::new(sandbox_runtime::near::AddKeyAction {
            public_key,
            access_key,
        }))
    };
    let actions = vec![
        deploy(b"no wasm".to_vec()),
        add(key("another"), AccessKey::full_access()),
        add(key("gas"), gas_key),
    ];
    world.run("alice.near", "alice.near", actions);
    let by_transaction = world.account("alice.near");
    assert!(before < by_patch.storage_usage());
    assert_eq!(by_patch.storage_usage(), by_transaction.storage_usage());
    assert_eq!(by_patch.contract(), by_transaction.contract());
    // Data costs 40 bytes beside its key and its value; writing it again costs nothing.
    for _ in 0..2 {
        patched(&mut world, vec![data("bob.near", b"key", b"value")]);
        let usage = world.account("bob.near").storage_usage();
        assert_eq!(usage, by_patch.storage_usage() + 40 + 3 + 5);
    }
    let records = vec![
        Deletion::Data { account_id: id("bob.near"), data_key: b"key".to_vec() }.into(),
        Deletion::AccessKey { account_id: id("bob.near"), public_key: key("gas").into() }.into(),
        Deletion::AccessKey { account_id: id("bob.near"), public_key: key("another").into() }
            .into(),
        Deletion::Contract { account_id: id("bob.near") }.into(),
    ];
    patched(&mut world, records);
    let after = world.account("bob.near");
    assert_eq!((after.storage_usage(), after.contract().is_none()), (before, true));
    let nonce = TrieKey::gas_key_nonce(id("bob.near"), key("gas"), 0);
    assert!(world.state.get_here(&nonce.to_vec()).expect("a state in memory").is_none());
}

#[test]
fn an_account_record_says_what_the_account_uses_wherever_it_stands() {
    let mut world = World::new();
    for records in [
        vec![account("new.near", AccountContract::None, 500), data("new.near", b"k", b"v")],
        vec![data("new.near", b"k", b"v"), account("new.near", AccountContract::None, 500)],
        vec![
            account("new.near", AccountContract::None, 1),
            account("new.near", AccountContract::None, 500),
        ],
    ] {
        patched(&mut world, records);
        assert_eq!(world.account("new.near").storage_usage(), 500);
    }
}

#[test]
fn code_is_that_of_the_account_record_or_becomes_the_code_of_the_account() {
    let mut world = World::new();
    let wasm = b"one";
    let local = AccountContract::Local(CryptoHash::hash_bytes(wasm));
    for records in [
        vec![account("new.near", local.clone(), 500), code("new.near", wasm)],
        vec![code("new.near", wasm), account("new.near", local.clone(), 500)],
        vec![code("bob.near", b"two"), code("bob.near", wasm)],
    ] {
        patched(&mut world, records);
    }
    for name in ["new.near", "bob.near"] {
        let shown = view::code(&world.state, &id(name)).expect("no fault").expect("code");
        assert_eq!(&*shown.1, wasm, "{name}");
    }
    let mismatch = |index| InvalidPatch::Record {
        index,
        kind: "Contract",
        source: InvalidRecord::CodeHashMismatch {
            account_id: id("new.near"),
            expected: CryptoHash::hash_bytes(wasm),
            found: CryptoHash::hash_bytes(b"two"),
        },
    };
    let record = account("new.near", local, 500);
    let error = refused(&world, vec![record.clone(), code("new.near", b"two")]);
    assert_eq!(error, mismatch(1));
    assert_eq!(refused(&world, vec![code("new.near", b"two"), record]), mismatch(0));
    let text = error.to_string();
    assert!(text.starts_with("records[1].Contract: the code of account new.near has"), "{text}");
}

#[test]
fn a_gas_key_needs_its_nonces() {
    let mut world = World::new();
    let gas_key = access_key("bob.near", key("gas"), AccessKey::gas_key_full_access(2));
    let first = gas_key_nonce("bob.near", &key("gas"), 0);
    let source = InvalidRecord::MissingNonce {
        account_id: id("bob.near"),
        public_key: key("gas").into(),
        index: 1,
    };
    let error = InvalidPatch::Record { index: 1, kind: "AccessKey", source };
    assert_eq!(refused(&world, vec![first.clone(), gas_key.clone()]), error);
    let all = vec![first, gas_key.clone(), gas_key_nonce("bob.near", &key("gas"), 1)];
    patched(&mut world, all);
    // They are there now.
    patched(&mut world, vec![gas_key]);
    assert_eq!(
        view::gas_key_nonces(&world.state, &id("bob.near"), &key("gas")).expect("no fault"),
        Ok(vec![7, 7])
    );
}

#[test]
fn deletions_are_written_in_their_order_and_do_no_harm_where_nothing_is() {
    let mut world = World::new();
    let before = world.state.root();
    let bob = || id("bob.near");
    let all =
        |prefix: &[u8]| Deletion::DataPrefix { account_id: bob(), prefix: prefix.to_vec() }.into();
    patched(&mut world, vec![data("bob.near", b"k", b"1"), all(b"")]);
    assert_eq!(world.state.root(), before);
    patched(&mut world, vec![all(b""), data("bob.near", b"ka", b"1"), data("bob.near", b"b", b"")]);
    assert!(view_data(&world, b"ka").is_some());
    let patch = patched(&mut world, vec![all(b"k"), all(b"k")]);
    assert!(view_data(&world, b"ka").is_none() && view_data(&world, b"b").is_some());
    assert_eq!(patch.changes.len(), 2, "the data and the account");
    // What is not there was not removed.
    let nobody = Deletion::Account { account_id: id("nobody.near") };
    assert!(patched(&mut world, vec![nobody.into()]).changes.is_empty());
}

fn view_data(world: &World, key: &[u8]) -> Option<sandbox_state::Value> {
    let key = TrieKey::ContractData { account_id: id("bob.near"), key: key.to_vec() };
    world.state.get_here(&key.to_vec()).expect("a state in memory")
}

#[test]
fn a_deleted_account_leaves_nothing_and_can_be_made_again() {
    let mut world = World::new();
    let empty = World::new();
    patched(&mut world, vec![code("bob.near", b"code"), data("bob.near", b"k", b"v")]);
    let delete = || PatchRecord::from(Deletion::Account { account_id: id("bob.near") });
    let patch = patched(&mut world, vec![delete()]);
    assert_eq!((patch.removed, patch.added), (near(1_000), near(0)));
    assert_eq!(patch.accounts, [(id("bob.near"), None)]);
    let bob: Vec<_> = world
        .state
        .range_here(b"")
        .map(|record| record.expect("a state in memory"))
        .filter(|(key, _)| key.windows(8).any(|part| part == b"bob.near"))
        .collect();
    assert!(bob.is_empty(), "{bob:?}");
    // The account as a genesis has it.
    let records = vec![
        account("bob.near", AccountContract::None, 9),
        delete(),
        StateRecord::Account { account_id: id("bob.near"), account: empty.account("bob.near") }
            .into(),
        access_key("bob.near", key("bob.near"), AccessKey::full_access()),
    ];
    patched(&mut world, records);
    assert_eq!(world.state.root(), empty.state.root());
    // Code without the account that was deleted before it.
    let error = refused(&world, vec![delete(), code("bob.near", b"code")]);
    let source = InvalidRecord::CodeWithoutAccount { account_id: id("bob.near") };
    assert_eq!(error, InvalidPatch::Record { index: 1, kind: "Contract", source });
}

#[test]
fn a_contract_may_free_all_that_was_patched_in() {
    let mut world = World::new();
    let records = (0..50u8).map(|place| data("bob.near", &[place], &[7; 100])).collect();
    patched(&mut world, records);
    let delete = sandbox_runtime::near::Action::DeleteAccount(DeleteAccountAction {
        beneficiary_id: id("alice.near"),
    });
    let before = world.account("bob.near");
    assert_eq!(before.storage_usage(), 182 + 50 * 141);
    world.run("bob.near", "bob.near", vec![delete]);
    assert!(view::account(&world.state, &id("bob.near")).expect("no fault").is_err());
}

#[test]
fn an_account_that_edits_make_uses_what_a_genesis_computes() {
    let world = World::new();
    let account = || Account::new(near(3), yocto(0), AccountContract::None, 0);
    let mut edits = Edits::new(world.config(), &world.state);
    edits.set_account(&id("new.near"), account()).expect("no fault");
    for record in
        [code("new.near", b"code"), access_key("new.near", key("k"), AccessKey::full_access())]
    {
        edits.write(record).expect("no fault").expect("valid");
    }
    let patch = edits.finish().expect("no fault").expect("valid");
    let local = AccountContract::Local(CryptoHash::hash_bytes(b"code"));
    let more = [
        StateRecord::Account {
            account_id: id("new.near"),
            account: Account::new(near(3), yocto(0), local, 0),
        },
        StateRecord::Contract { account_id: id("new.near"), code: b"code".to_vec() },
        StateRecord::access_key(id("new.near"), key("k"), AccessKey::full_access()),
    ];
    assert_eq!(
        world.state.apply(&patch.changes).expect("a state in memory").root(),
        World::with(&more).state.root()
    );
}

/// What the accounts of a random patch have.
#[derive(Clone, Default)]
struct Model(BTreeMap<AccountId, Owned>);

#[derive(Clone, Default)]
struct Owned {
    code: Option<Vec<u8>>,
    keys: BTreeMap<String, AccessKey>,
    data: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Model {
    fn records(&self) -> Vec<StateRecord> {
        let mut records = Vec::new();
        for (id, Owned { code, keys, data }) in &self.0 {
            let contract = code.as_ref().map(|code| CryptoHash::hash_bytes(code));
            let contract = contract.map_or(AccountContract::None, AccountContract::Local);
            let account = Account::new(near(5), yocto(0), contract, 0);
            records.push(StateRecord::Account { account_id: id.clone(), account });
            records.extend(
                code.iter().map(|code| StateRecord::Contract {
                    account_id: id.clone(),
                    code: code.clone(),
                }),
            );
            records.extend(keys.iter().map(|(name, access_key)| {
                StateRecord::access_key(id.clone(), key(name), access_key.clone())
            }));
            records.extend(data.iter().map(|(key, value)| StateRecord::Data {
                account_id: id.clone(),
                data_key: key.clone().into(),
                value: value.clone().into(),
            }));
        }
        records
    }

    /// Changes something, and says by which record.
    fn step(&mut self, rng: &mut Rng) -> PatchRecord {
        let ids: Vec<_> = self.0.keys().cloned().collect();
        let account_id = rng.pick(&ids).clone();
        let name = account_id.as_str().to_owned();
        let owned = self.0.get_mut(&account_id).expect("one of them");
        let length = rng.index(4);
        let data_key: Vec<u8> =
            (0..length).map(|_| b'a' + u8::try_from(rng.below(3)).expect("small")).collect();
        let seed = rng.below(4).to_string();
        match rng.below(8) {
            0..=2 => {
                let length = rng.index(80);
                let value = rng.bytes(length);
                owned.data.insert(data_key.clone(), value.clone());
                data(&name, &data_key, &value)
            }
            3 => {
                owned.data.remove(&data_key);
                Deletion::Data { account_id, data_key }.into()
            }
            4 => {
                owned.data.retain(|key, _| !key.starts_with(&data_key));
                Deletion::DataPrefix { account_id, prefix: data_key }.into()
            }
            5 => {
                let permitted = AccessKey { nonce: rng.below(9), ..AccessKey::full_access() };
                owned.keys.insert(seed.clone(), permitted.clone());
                access_key(&name, key(&seed), permitted)
            }
            6 => {
                owned.keys.remove(&seed);
                Deletion::AccessKey { account_id, public_key: key(&seed).into() }.into()
            }
            _ if rng.chance(50) => {
                let wasm = rng.bytes(64);
                owned.code = Some(wasm.clone());
                code(&name, &wasm)
            }
            _ => {
                owned.code = None;
                Deletion::Contract { account_id }.into()
            }
        }
    }
}

#[test]
fn a_state_that_was_patched_is_the_one_that_a_genesis_has_with_the_same_records() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let names = ["a.near", "ab.near", "b.near"];
        let mut model = Model(names.map(|name| (id(name), Owned::default())).into());
        let genesis = |model: &Model, world: &World| {
            let state = genesis_state(world.config(), &model.records(), &[]);
            state.expect("no fault").expect("valid").snapshot
        };
        let mut world = World::new();
        world.state = genesis(&model, &world);
        for _ in 0..8 {
            let length = rng.index(30);
            let records = (0..length).map(|_| model.step(&mut rng)).collect();
            patched(&mut world, records);
            let expected = genesis(&model, &world);
            assert_eq!(world.state.root(), expected.root(), "seed {seed}");
        }
    }
}
