//! What is read when nothing goes wrong, and what is checked.

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account};
use near_primitives::state_record::StateRecord;
use near_primitives::types::Balance;
use sandbox_runtime::view::{self, StateQuery};
use sandboxd::Sandbox;
use sandboxd::chain::Chain;
use sandboxd::remote::{BlockPin, Parts, SmallData};

use super::*;
use crate::support::{account, near, transfer};

#[test]
fn an_account_elsewhere_is_read_as_it_is() {
    let elsewhere = Elsewhere::start();
    let chain = elsewhere.node.view();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    for name in [SMALL, LARGE, KEYS, "test.near"] {
        assert_eq!(remote.account(&id(name)), Ok(Some(account(&chain, name))), "{name}");
        let mut keys = remote.access_keys(&id(name)).unwrap();
        keys.sort_by_key(|(key, _)| key.to_string());
        let mut expected = view::access_keys(chain.state(), &id(name), None).unwrap();
        expected.sort_by_key(|(key, _)| key.to_string());
        assert_eq!(keys, expected, "{name}");
    }
    assert_eq!(remote.account(&id("nobody.near")), Ok(None));
    assert_eq!(remote.access_keys(&id("nobody.near")), Ok(Vec::new()));
    assert_eq!(remote.code(&id(SMALL)), Ok(Some(CODE.to_vec())));
    assert_eq!(remote.code(&id(LARGE)), Ok(None));
    assert_eq!(remote.code(&id("nobody.near")), Ok(None));
    let gas_key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key();
    assert_eq!(remote.gas_key_nonces(&id(SMALL), &gas_key.clone().into()), Ok(vec![7; 3]));
    assert_eq!(remote.gas_key_nonces(&id(KEYS), &gas_key.clone().into()), Ok(Vec::new()));
    let found = remote.access_key(&id(SMALL), &gas_key.clone().into());
    assert_eq!(found, Ok(Some(AccessKey::gas_key_full_access(3))));
    assert_eq!(remote.access_key(&id(KEYS), &gas_key.into()), Ok(None));
}

#[test]
fn data_is_read_at_once_or_by_pages_or_by_keys() {
    let elsewhere = Elsewhere::start();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let small: Vec<_> = (0..3).map(|place| (key(place), b"value".to_vec())).collect();
    assert_eq!(remote.small_data(&id(SMALL)), Ok(SmallData::All(small)));
    assert_eq!(remote.small_data(&id(KEYS)), Ok(SmallData::All(Vec::new())));
    assert_eq!(remote.small_data(&id("nobody.near")), Ok(SmallData::All(Vec::new())));
    assert_eq!(remote.small_data(&id(LARGE)), Ok(SmallData::TooLarge));
    let mut all = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    let mut pages = 0;
    while pages == 0 || after.is_some() {
        let page = remote.data_page(&id(LARGE), b"key", after.as_deref(), 10_000).unwrap();
        all.extend(page.records);
        after = page.last_key;
        pages += 1;
    }
    let expected: Vec<_> = (0..MANY_RECORDS).map(|place| (key(place), vec![7; 1000])).collect();
    assert_eq!(all, expected);
    assert_eq!(pages, 3);
    assert_eq!(remote.datum(&id(LARGE), &key(5)), Ok(Some(vec![7; 1000])));
    assert_eq!(remote.datum(&id(LARGE), b"key"), Ok(None));
    assert_eq!(remote.datum(&id("nobody.near"), b"key"), Ok(None));
}

#[test]
fn reads_stay_at_their_block() {
    let elsewhere = Elsewhere::start();
    let height = elsewhere.node.view().head().height();
    let remote = Remote::at(client(&[elsewhere.url()]).into(), BlockPin::Final).unwrap();
    assert_eq!(remote.block().header.height, height);
    let before = account(&elsewhere.node.view(), SMALL);
    let richer =
        Account::new(Balance::from_near(5), Balance::ZERO, before.contract().into_owned(), 5);
    let record = StateRecord::Account { account_id: id(SMALL), account: richer.clone() };
    elsewhere.node.patch([record]).wait().unwrap().unwrap();
    assert_eq!(remote.account(&id(SMALL)), Ok(Some(before)));
    let later =
        Remote::at(client(&[elsewhere.url()]).into(), BlockPin::Height(height + 1)).unwrap();
    assert_eq!(later.account(&id(SMALL)).unwrap().unwrap().amount(), richer.amount());
}

#[test]
fn an_imported_account_is_that_elsewhere() {
    let elsewhere = Elsewhere::start();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let there = elsewhere.node.view();
    let mut here = Sandbox::localnet(Clock::manual(GENESIS_NS)).into_chain();
    let stale = StateRecord::Data {
        account_id: id(SMALL),
        data_key: b"stale".to_vec().into(),
        value: b"value".to_vec().into(),
    };
    here.patch([stale]).unwrap();
    for name in [SMALL, LARGE, KEYS] {
        let patch = remote.import(&id(name), Parts::default(), &here).unwrap().unwrap();
        here.patch(patch).unwrap();
        assert_eq!(account(&here, name), account(&there, name), "{name}");
        let own = |chain: &Chain| {
            let (id, all) = (id(name), StateQuery::default());
            let data = view::state(chain.state(), &id, &all).unwrap().unwrap();
            let keys = view::access_keys(chain.state(), &id, None).unwrap();
            (data.values, keys, view::code(chain.state(), &id).unwrap())
        };
        assert_eq!(own(&here), own(&there), "{name}");
    }
    let nobody = remote.import(&id("nobody.near"), Parts::default(), &here);
    assert_eq!(nobody, Ok(None));
    // The validator elsewhere is none here.
    let root = remote.records(&id("test.near"), Parts::default(), here.runtime()).unwrap().unwrap();
    let StateRecord::Account { account: moved, .. } = &root[0] else { panic!("{root:?}") };
    let staked = account(&there, "test.near");
    assert_eq!(moved.locked(), Balance::ZERO);
    assert_eq!(moved.amount(), staked.amount().checked_add(staked.locked()).unwrap());
}

#[test]
fn nonces_of_a_chain_far_ahead_are_lowered_to_what_can_be_used_here() {
    let elsewhere = Elsewhere::start();
    let key = SecretKey::from_seed(KeyType::ED25519, "alice.test.near").public_key();
    let mut access_key = AccessKey::full_access();
    access_key.nonce = 150_000_000_000_000;
    let record = StateRecord::access_key(id("alice.test.near"), key, access_key);
    elsewhere.node.patch([record]).wait().unwrap().unwrap();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let mut here = Sandbox::localnet(Clock::manual(GENESIS_NS)).into_chain();
    let patch = remote.import(&id("alice.test.near"), Parts::default(), &here).unwrap().unwrap();
    here.patch(patch).unwrap();
    let transfer = transfer(&here, "alice.test.near", "bob.test.near", 1_000_001, near(1));
    here.submit(transfer).unwrap();
    here.settle().unwrap();
}

#[test]
fn parts_are_left_out() {
    let elsewhere = Elsewhere::start();
    let remote = elsewhere.read_by(client(&[elsewhere.url()]));
    let chain = elsewhere.node.view();
    let none = Parts { state: false, code: false, keys: false };
    let kinds = |parts| {
        let records = remote.records(&id(SMALL), parts, chain.runtime()).unwrap().unwrap();
        let StateRecord::Account { account, .. } = &records[0] else { panic!("{records:?}") };
        (records.len(), account.contract().is_none(), account.storage_usage())
    };
    let whole = account(&chain, SMALL).storage_usage();
    assert_eq!(kinds(none), (1, true, 100));
    assert_eq!(kinds(Parts::default()), (9, false, whole));
    assert_eq!(kinds(Parts { code: true, ..none }), (2, false, 100 + 8));
    assert_eq!(kinds(Parts { state: true, ..none }), (4, true, 100 + 3 * (7 + 5 + 40)));
    assert_eq!(kinds(Parts { keys: true, ..none }).0, 5);
}
