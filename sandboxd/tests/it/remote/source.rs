//! What a fork asks for, and what is kept on disk.

use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::hash;
use sandboxd::chain::{Source, Stretch};
use sandboxd::remote::RemoteSource;

use super::proxy::Fault;
use super::*;
use crate::support::account;

#[test]
fn the_block_is_pinned_with_what_a_fork_has_to_know() {
    let elsewhere = Elsewhere::start();
    let chain = elsewhere.node.view();
    let source =
        RemoteSource::open(client(&[elsewhere.url()]).into(), BlockPin::Final, None).unwrap();
    let pinned = source.pinned();
    let head = chain.head();
    assert_eq!((pinned.height, pinned.hash), (head.height(), *head.hash()));
    assert_eq!(pinned.chain_id, "localnet");
    assert_eq!(pinned.protocol_version, chain.protocol_version());
    assert_eq!(pinned.timestamp_ns, head.header().raw_timestamp());
    assert_eq!(pinned.gas_price, chain.gas_price());
    assert_eq!(pinned.epoch_height, head.epoch().height);
    assert_eq!(pinned.epoch_length, chain.genesis_config().epoch_length);
    assert_eq!(pinned.gas_limit, chain.genesis_config().gas_limit);
    assert_eq!(pinned.total_supply, head.header().total_supply());
}

/// Everything that can be asked, as text.
fn everything(source: &RemoteSource) -> Vec<String> {
    let mut all = Vec::new();
    for name in [SMALL, LARGE, KEYS, "nobody.near"] {
        all.push(format!("{:?}", source.account(&id(name))));
        all.push(format!("{:?}", source.access_keys(&id(name))));
        all.push(format!("{:?}", source.code(&id(name))));
        all.push(format!("{:?}", source.data_at(&id(name), &key(1))));
        all.push(format!("{:?}", source.data_at(&id(name), b"nothing")));
        all.push(format!("{:?}", source.data_from(&id(name), b"key", b"")));
        let gas_key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key().into();
        all.push(format!("{:?}", source.access_key(&id(name), &gas_key)));
        all.push(format!("{:?}", source.gas_key_nonces(&id(name), &gas_key)));
    }
    let nothing = GlobalContractIdentifier::CodeHash(hash(b"nothing"));
    all.push(format!("{:?}", source.global_code(&nothing)));
    all
}

#[test]
fn what_was_asked_before_is_on_disk_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Elsewhere::start();
    let proxy = Proxy::start(elsewhere.server.address(), |_, _| Fault::None);
    let height = elsewhere.node.view().head().height();
    let open = |url: String, cache| {
        let options =
            ClientOptions { timeout: Duration::from_secs(5), retries: 0, headers: Vec::new() };
        let client = Client::new([url], options).unwrap();
        RemoteSource::open(client.into(), BlockPin::Height(height), cache)
    };
    elsewhere.make_block();
    let answers = everything(&open(proxy.url(), Some(folder.path())).unwrap());
    assert!(answers.iter().all(|answer| answer.starts_with("Ok")), "{answers:?}");
    let asked = proxy.seen().len();
    assert_eq!(everything(&open(proxy.url(), Some(folder.path())).unwrap()), answers);
    assert_eq!(proxy.seen().len() - asked, 3, "the block is asked for again, but nothing else");
    assert_eq!(everything(&open(proxy.url(), None).unwrap()), answers);
    let url = proxy.url();
    drop(proxy);
    let offline = open(url.clone(), Some(folder.path())).unwrap();
    assert_eq!(everything(&offline), answers);
    let failure = offline.account(&id("alice.test.near")).unwrap_err();
    assert_eq!(*failure.endpoint, *url);
    assert!(open(url, None).is_err());
}

#[test]
fn stretches_of_data_hold_what_is_there_and_go_on_to_the_end() {
    let elsewhere = Elsewhere::start();
    let source =
        RemoteSource::open(client(&[elsewhere.url()]).into(), BlockPin::Final, None).unwrap();
    let small = source.data_at(&id(SMALL), &key(7)).unwrap();
    assert_eq!((small.from.len(), small.to.clone(), small.records.len()), (0, None, 3));
    let single = source.data_at(&id(LARGE), &key(7)).unwrap();
    assert_eq!(single, Stretch::single(&key(7), Some(vec![7; 1000])));
    assert_eq!(source.data_at(&id(LARGE), b"x").unwrap(), Stretch::single(b"x", None));
    let all: Vec<Vec<u8>> = (0..MANY_RECORDS).map(key).collect();
    for prefix in [b"".as_slice(), b"key", &key(0)[..6], b"kez"] {
        for start in [prefix.to_vec(), key(3), [key(3).as_slice(), &[0]].concat(), b"kf".to_vec()] {
            let mut from = start.clone();
            let mut found = Vec::new();
            loop {
                let stretch = source.data_from(&id(LARGE), prefix, &from).unwrap();
                assert!(stretch.from <= from.clone().max(prefix.to_vec()), "{stretch:?}");
                found.extend(stretch.records.into_iter().map(|(key, _)| key));
                match stretch.to {
                    Some(to) if to.starts_with(prefix) => from = to,
                    _ => break,
                }
            }
            let expected: Vec<_> = all
                .iter()
                .filter(|key| key.starts_with(prefix) && **key >= start)
                .cloned()
                .collect();
            assert_eq!(found, expected, "{prefix:?} {start:?}");
        }
    }
    assert_eq!(source.account(&id(LARGE)).unwrap(), Some(account(&elsewhere.node.view(), LARGE)));
}

#[test]
fn what_cannot_be_had_is_a_failure_that_names_the_endpoint() {
    let elsewhere = Elsewhere::start();
    let first = Proxy::start(elsewhere.server.address(), |number, _| match number {
        0..3 => Fault::None,
        _ => Fault::Drop,
    });
    let second = Proxy::start(elsewhere.server.address(), |_, _| Fault::Answer(503, "", ""));
    let source =
        RemoteSource::open(client(&[first.url(), second.url()]).into(), BlockPin::Final, None);
    let failure = source.unwrap().account(&id(SMALL)).unwrap_err();
    assert_eq!(*failure.endpoint, *second.url());
    assert!(failure.why.contains(&first.url()) && failure.why.contains("view_account small.near"));
}
