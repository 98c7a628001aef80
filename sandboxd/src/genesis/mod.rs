//! Where a chain starts: the genesis that `sandboxd` makes when it is given none, the one that
//! `init` writes, and reading one from a file. It knows NEAR's genesis format and no running chain.

mod invalid;
mod json;
mod read;
mod write;

use near_chain_configs::{
    BLOCK_PRODUCER_KICKOUT_THRESHOLD, CHUNK_PRODUCER_KICKOUT_THRESHOLD,
    CHUNK_VALIDATOR_ONLY_KICKOUT_THRESHOLD, FISHERMEN_THRESHOLD, GAS_PRICE_ADJUSTMENT_RATE,
    Genesis, GenesisConfig, GenesisContents, GenesisRecords, INITIAL_GAS_LIMIT, MAX_INFLATION_RATE,
    MIN_GAS_PRICE, NUM_BLOCK_PRODUCER_SEATS, NUM_BLOCKS_PER_YEAR, PROTOCOL_REWARD_RATE,
    PROTOCOL_TREASURY_ACCOUNT, PROTOCOL_UPGRADE_STAKE_THRESHOLD,
};
use near_crypto::{InMemorySigner, KeyType, PublicKey, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::shard_layout::ShardLayout;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, AccountInfo, Balance, BlockHeightDelta, NumBlocks};
use near_primitives::validator_signer::{InMemoryValidatorSigner, ValidatorSigner};
use near_primitives::version::PROTOCOL_VERSION;

use crate::chain::TimestampNs;

pub use invalid::{InvalidGenesis, check};
pub(crate) use invalid::{is_public, poses, state};
pub(crate) use read::{config_from_json, config_to_json};
pub use read::{for_each_record, open, read};
pub use write::GenesisWriter;

/// The name of a chain that is started without a genesis.
pub const LOCALNET: &str = "localnet";

/// The account that makes the blocks and that clients know as the root of a sandbox.
pub const ROOT_ACCOUNT: &str = "test.near";

/// The account that may create short top-level accounts.
pub const REGISTRAR_ACCOUNT: &str = "registrar";

/// How many blocks after the one that it was signed for a transaction is valid: as on mainnet.
/// A client may sign against a block that it fetched long before, and blocks come fast here.
pub const TRANSACTION_VALIDITY_PERIOD: NumBlocks = 86_400;

/// How many blocks an epoch has, as in a chain that neard's `init` makes.
pub const EPOCH_LENGTH: BlockHeightDelta = 500;

/// What the root account holds and stakes, as in a chain that neard's `init` makes.
const ROOT_BALANCE: Balance = Balance::from_near(1_000_000_000);
const ROOT_STAKE: Balance = Balance::from_near(50_000_000);

/// What each of the other accounts holds.
const DEV_BALANCE: Balance = Balance::from_near(1_000_000);

const DEV_ACCOUNTS: [&str; 10] = [
    ROOT_ACCOUNT,
    "alice.test.near",
    "bob.test.near",
    "carol.test.near",
    "dave.test.near",
    "erin.test.near",
    "frank.test.near",
    "grace.test.near",
    "heidi.test.near",
    "ivan.test.near",
];

/// An account whose key everybody knows.
#[derive(Clone, Debug)]
pub struct DevAccount {
    /// The account's name.
    pub account_id: AccountId,
    /// Its full-access key: the ed25519 key that `near-crypto` derives from the account's name
    /// as the seed, so that it is the same on every machine and in every version.
    pub secret_key: SecretKey,
    /// What it holds at the start, without what it stakes.
    pub balance: Balance,
}

/// The ten accounts of a chain that is started without a genesis. The first is the root.
pub fn dev_accounts() -> Vec<DevAccount> {
    DEV_ACCOUNTS.iter().map(|name| dev_account(name)).collect()
}

/// The account `registrar` of a chain that is started without a genesis.
pub fn registrar() -> DevAccount {
    dev_account(REGISTRAR_ACCOUNT)
}

/// The signer of blocks of a chain that is started without a genesis: the root account.
pub fn dev_signer() -> ValidatorSigner {
    let root = dev_account(ROOT_ACCOUNT);
    signer(root.account_id, root.secret_key)
}

/// A block signer from an account's name and key.
pub fn signer(account_id: AccountId, secret_key: SecretKey) -> ValidatorSigner {
    InMemoryValidatorSigner::from_signer(InMemorySigner::from_secret_key(account_id, secret_key))
}

/// The genesis of a chain that is started without one, at the time `genesis_time_ns`, which is in
/// nanoseconds since 1970.
///
/// # Panics
/// Never: every 64-bit number of nanoseconds is a date.
pub fn localnet(genesis_time_ns: TimestampNs) -> Genesis {
    let mut records = Vec::new();
    for account in dev_accounts().iter().chain([&registrar()]) {
        add_dev_account(&mut records, account);
    }
    add_protocol_account(&mut records);
    let mut genesis = assemble(LOCALNET, root(), EPOCH_LENGTH, records);
    genesis.config.genesis_time = date(genesis_time_ns);
    genesis
}

/// What a fork has of its own: the ten accounts, of which the first makes the blocks. The account
/// `near` and the registrar are those of the chain that it is a fork of.
pub fn of_fork() -> Genesis {
    let mut records = Vec::new();
    for account in &dev_accounts() {
        add_dev_account(&mut records, account);
    }
    assemble(LOCALNET, root(), EPOCH_LENGTH, records)
}

/// The genesis that `init` writes: the validator, who holds everything, and the account `near`.
pub fn for_validator(
    chain_id: &str,
    validator: (AccountId, PublicKey),
    epoch_length: BlockHeightDelta,
) -> Genesis {
    let mut records = Vec::new();
    add_account(&mut records, &validator.0, &validator.1, ROOT_BALANCE, ROOT_STAKE);
    if validator.0 != PROTOCOL_TREASURY_ACCOUNT {
        add_protocol_account(&mut records);
    }
    assemble(chain_id, validator, epoch_length, records)
}

/// The records of a genesis that has them in memory, as all that are made here.
pub fn records(genesis: &Genesis) -> &[StateRecord] {
    match &genesis.contents {
        GenesisContents::Records { records } => &records.0,
        _ => &[],
    }
}

fn dev_account(name: &str) -> DevAccount {
    DevAccount {
        account_id: name.parse().expect("the names of the dev accounts are valid"),
        secret_key: SecretKey::from_seed(KeyType::ED25519, name),
        balance: if name == ROOT_ACCOUNT { ROOT_BALANCE } else { DEV_BALANCE },
    }
}

fn root() -> (AccountId, PublicKey) {
    let root = dev_account(ROOT_ACCOUNT);
    (root.account_id, root.secret_key.public_key())
}

fn add_dev_account(records: &mut Vec<StateRecord>, account: &DevAccount) {
    let is_root = account.account_id == ROOT_ACCOUNT;
    let locked = if is_root { ROOT_STAKE } else { Balance::ZERO };
    let key = account.secret_key.public_key();
    add_account(records, &account.account_id, &key, account.balance, locked);
}

fn add_account(
    records: &mut Vec<StateRecord>,
    account_id: &AccountId,
    key: &PublicKey,
    amount: Balance,
    locked: Balance,
) {
    // What an account's records use in storage is computed when the chain starts.
    let account = Account::new(amount, locked, AccountContract::None, 0);
    records.push(StateRecord::Account { account_id: account_id.clone(), account });
    records.push(StateRecord::AccessKey {
        account_id: account_id.clone(),
        public_key: key.clone().into(),
        access_key: AccessKey::full_access(),
    });
}

/// neard gives every chain the account `near`, with a key derived from its name.
fn add_protocol_account(records: &mut Vec<StateRecord>) {
    let near = dev_account(PROTOCOL_TREASURY_ACCOUNT);
    let key = near.secret_key.public_key();
    add_account(records, &near.account_id, &key, ROOT_BALANCE, Balance::ZERO);
}

fn assemble(
    chain_id: &str,
    validator: (AccountId, PublicKey),
    epoch_length: BlockHeightDelta,
    records: Vec<StateRecord>,
) -> Genesis {
    let (account_id, public_key) = validator;
    let config = GenesisConfig {
        protocol_version: PROTOCOL_VERSION,
        chain_id: chain_id.to_owned(),
        num_block_producer_seats: NUM_BLOCK_PRODUCER_SEATS,
        protocol_upgrade_stake_threshold: PROTOCOL_UPGRADE_STAKE_THRESHOLD,
        epoch_length,
        gas_limit: INITIAL_GAS_LIMIT,
        gas_price_adjustment_rate: GAS_PRICE_ADJUSTMENT_RATE,
        block_producer_kickout_threshold: BLOCK_PRODUCER_KICKOUT_THRESHOLD,
        chunk_producer_kickout_threshold: CHUNK_PRODUCER_KICKOUT_THRESHOLD,
        chunk_validator_only_kickout_threshold: CHUNK_VALIDATOR_ONLY_KICKOUT_THRESHOLD,
        protocol_treasury_account: account_id.clone(),
        validators: vec![AccountInfo { account_id, public_key, amount: ROOT_STAKE }],
        transaction_validity_period: TRANSACTION_VALIDITY_PERIOD,
        protocol_reward_rate: PROTOCOL_REWARD_RATE,
        max_inflation_rate: MAX_INFLATION_RATE,
        total_supply: near_chain_configs::get_initial_supply(&records),
        num_blocks_per_year: NUM_BLOCKS_PER_YEAR,
        fishermen_threshold: FISHERMEN_THRESHOLD,
        shard_layout: ShardLayout::single_shard(),
        min_gas_price: MIN_GAS_PRICE,
        ..GenesisConfig::default()
    };
    Genesis { config, contents: GenesisContents::Records { records: GenesisRecords(records) } }
}

fn date(at: TimestampNs) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_nanos(i64::try_from(at).unwrap_or(i64::MAX))
}
