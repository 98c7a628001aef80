//! What is read of a chain elsewhere: of a second sandbox, over HTTP, through a proxy that puts
//! faults in the way.

mod answers;
mod exported;
mod failures;
mod imported;
mod proxy;
mod replays;
mod source;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use near_chain_configs::{GenesisContents, GenesisRecords};
use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::hash::hash;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance};
use sandboxd::chain::{Clock, Node, NodeOptions};
use sandboxd::remote::{BlockPin, Client, ClientOptions, Remote, RemoteError};
use sandboxd::rpc::{RpcConfig, RpcServer};
use sandboxd::{Sandbox, genesis};

use crate::support::{GENESIS_NS, id};
use proxy::Proxy;

/// The accounts of the chain elsewhere, beside those of each localnet.
const SMALL: &str = "small.near";
const LARGE: &str = "large.near";
const KEYS: &str = "keys.near";

/// The code of `small.near`.
const CODE: &[u8] = b"\0asm\x01\0\0\0";

/// How many keys `keys.near` has: more than are listed at once.
const MANY_KEYS: u32 = 230;

/// How many records `large.near` has, a kilobyte each: more than are shown at once.
const MANY_RECORDS: u32 = 120;

/// A chain elsewhere, with its server.
struct Elsewhere {
    node: Node,
    server: RpcServer,
}

impl Elsewhere {
    fn start() -> Self {
        let mut genesis = genesis::localnet(GENESIS_NS);
        let mut all = genesis::records(&genesis).to_vec();
        all.extend(records());
        let supply = all.iter().filter_map(|record| match record {
            StateRecord::Account { account, .. } => {
                Some(account.amount().as_yoctonear() + account.locked().as_yoctonear())
            }
            _ => None,
        });
        genesis.config.total_supply = Balance::from_yoctonear(supply.sum());
        genesis.contents = GenesisContents::Records { records: GenesisRecords(all) };
        let sandbox = Sandbox::builder(genesis)
            .signer(genesis::dev_signer())
            .clock(Clock::manual(GENESIS_NS))
            .build()
            .unwrap();
        let node = sandbox.start(NodeOptions::default()).unwrap();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = RpcServer::start(anywhere, node.clone(), RpcConfig::neard()).unwrap();
        let elsewhere = Self { node, server };
        elsewhere.make_block();
        elsewhere
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn make_block(&self) {
        self.node.fast_forward(1).wait().unwrap().unwrap();
    }

    /// The state after its head, to which a block is added that says what its root is.
    fn read_by(&self, client: Client) -> Remote {
        let head = *self.node.view().head().hash();
        self.make_block();
        Remote::at(Arc::new(client), BlockPin::Hash(head)).unwrap()
    }
}

fn records() -> Vec<StateRecord> {
    let account = |name: &str, contract| StateRecord::Account {
        account_id: id(name),
        account: Account::new(Balance::from_near(1000), Balance::ZERO, contract, 0),
    };
    let local = AccountContract::from_local_code_hash(hash(CODE));
    let mut records = vec![
        account(SMALL, local),
        account(LARGE, AccountContract::None),
        account(KEYS, AccountContract::None),
        StateRecord::Contract { account_id: id(SMALL), code: CODE.to_vec() },
    ];
    records.extend((0..3).map(|place| datum(SMALL, place, b"value".to_vec())));
    records.extend((0..MANY_RECORDS).map(|place| datum(LARGE, place, vec![7; 1000])));
    records.extend((0..MANY_KEYS).map(|place| {
        let key = SecretKey::from_seed(KeyType::ED25519, &format!("key {place}")).public_key();
        StateRecord::access_key(id(KEYS), key, AccessKey::full_access())
    }));
    let gas_key = SecretKey::from_seed(KeyType::ED25519, "gas").public_key();
    let access_key = AccessKey::gas_key_full_access(3);
    records.push(StateRecord::access_key(id(SMALL), gas_key.clone(), access_key));
    records.extend(
        (0..3).map(|place| StateRecord::gas_key_nonce(id(SMALL), gas_key.clone(), place, 7)),
    );
    records
}

fn datum(name: &str, place: u32, value: Vec<u8>) -> StateRecord {
    let account_id: AccountId = id(name);
    StateRecord::Data { account_id, data_key: key(place).into(), value: value.into() }
}

fn key(place: u32) -> Vec<u8> {
    [b"key".as_slice(), &place.to_be_bytes()].concat()
}

/// A client with little patience.
fn client(urls: &[String]) -> Client {
    let options =
        ClientOptions { timeout: Duration::from_secs(5), retries: 3, ..ClientOptions::default() };
    Client::new(urls, options).unwrap()
}

fn failures(error: &RemoteError) -> Vec<String> {
    match error {
        RemoteError::Failed { failures, .. }
        | RemoteError::UnknownBlock { failures, .. }
        | RemoteError::GarbageCollected { failures, .. } => {
            failures.iter().map(ToString::to_string).collect()
        }
        other => vec![other.to_string()],
    }
}
