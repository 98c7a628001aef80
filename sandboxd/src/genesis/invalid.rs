//! What is wrong with a genesis, field by field: the rules by which neard refuses one, and those
//! that a sandbox adds.

use std::collections::BTreeMap;

use near_chain_configs::{Genesis, GenesisConfig, GenesisContents};
use near_crypto::key_conversion::is_valid_staking_key;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance};
use near_primitives::version::PROTOCOL_VERSION;
use sandbox_runtime::RuntimeConfig;
use sandbox_runtime::genesis::{self as records, GenesisBuilder};
use sandbox_state::Snapshot;

use super::read::for_each_record;

/// A genesis that cannot be used. Each message begins with the field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGenesis {
    /// The text is not JSON.
    #[error("line {line}, column {column}: {what}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A field is missing or has a value of the wrong kind.
    #[error("{field}: {what}")]
    Field {
        /// The way to the field, such as `records[3].Account.account`.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The records do not make a state.
    #[error(transparent)]
    Records(#[from] records::InvalidGenesis),
}

impl InvalidGenesis {
    pub(super) fn field(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Field { field: field.into(), what: what.into() }
    }
}

/// Whether a public network has this name.
pub(crate) fn is_public(chain_id: &str) -> bool {
    matches!(chain_id, "mainnet" | "testnet")
}

/// Why a chain that is no fork cannot have the name of a public network.
pub(crate) fn poses(chain_id: &str) -> String {
    format!(
        "\"{chain_id}\" is the name of a public network. A sandbox does not pose as one, so that no \
         transaction can be replayed there: choose another name, such as \"localnet\", or fork the \
         network with --fork URL"
    )
}

/// Checks all that a genesis says against itself, for any protocol version.
///
/// # Panics
/// Never: the latest protocol version has prices.
pub fn check(genesis: &Genesis) -> Result<(), InvalidGenesis> {
    check_config(&genesis.config)?;
    let mut accounts = Holdings::default();
    for_each_record(genesis, |record| accounts.add(record))??;
    accounts.check(&genesis.config)?;
    let latest = RuntimeConfig::new(PROTOCOL_VERSION).expect("the latest version is supported");
    state(&latest, genesis).map(drop)
}

/// The state that a chain of this genesis starts from. Records of a file, which nobody has seen before, are
/// checked on the way.
pub(crate) fn state(config: &RuntimeConfig, genesis: &Genesis) -> Result<Snapshot, InvalidGenesis> {
    let mut builder = GenesisBuilder::new(config.near());
    let mut accounts = Holdings::default();
    // Usages of storage that overflow cannot be written down.
    let fault =
        |fault: sandbox_runtime::RuntimeFault| InvalidGenesis::field("records", fault.to_string());
    for_each_record(genesis, |record| {
        accounts.add(record)?;
        builder.add(record).map_err(fault)?.map_err(InvalidGenesis::from)
    })??;
    if matches!(genesis.contents, GenesisContents::RecordsFile { .. }) {
        accounts.check(&genesis.config)?;
    }
    let validators = genesis.config.validators.iter();
    let locked: Vec<_> = validators.map(|one| (one.account_id.clone(), one.amount)).collect();
    Ok(builder.finish(&locked).map_err(fault)??.snapshot)
}

/// Checks what a genesis says beside its records.
pub(super) fn check_config(config: &GenesisConfig) -> Result<(), InvalidGenesis> {
    let fail = |field: &str, what: String| Err(InvalidGenesis::field(field, what));
    if is_public(&config.chain_id) {
        return fail("chain_id", poses(&config.chain_id));
    }
    if config.epoch_length == 0 {
        return fail("epoch_length", "it has to be greater than 0".into());
    }
    if config.gas_limit.as_gas() == 0 {
        return fail("gas_limit", "it has to be greater than 0".into());
    }
    if config.min_gas_price > config.max_gas_price {
        return fail("max_gas_price", "it is below min_gas_price".into());
    }
    if config.gas_price_adjustment_rate >= 1.into() || config.gas_price_adjustment_rate < 0.into() {
        return fail("gas_price_adjustment_rate", "it has to be at least 0 and below 1".into());
    }
    if config.online_max_threshold <= config.online_min_threshold {
        return fail("online_max_threshold", "it has to be above online_min_threshold".into());
    }
    if config.online_max_threshold > 1.into() {
        return fail("online_max_threshold", "it has to be at most 1".into());
    }
    Ok(())
}

/// What the accounts of a genesis hold together, and what each of them stakes, if anything.
#[derive(Default)]
struct Holdings {
    sum: Balance,
    stakes: BTreeMap<AccountId, Balance>,
}

impl Holdings {
    fn add(&mut self, record: &StateRecord) -> Result<(), InvalidGenesis> {
        let StateRecord::Account { account_id, account } = record else { return Ok(()) };
        let (amount, locked) = (account.amount(), account.locked());
        let sum = self.sum.checked_add(amount).and_then(|sum| sum.checked_add(locked));
        self.sum = sum.ok_or_else(|| {
            let what = "the balances of all accounts add up to more than 2^128 - 1 yoctoNEAR";
            InvalidGenesis::field("records", what)
        })?;
        if !locked.is_zero() {
            self.stakes.insert(account_id.clone(), locked);
        }
        Ok(())
    }

    fn check(&self, config: &GenesisConfig) -> Result<(), InvalidGenesis> {
        self.check_supply(config)?;
        self.check_validators(config)
    }

    fn check_supply(&self, config: &GenesisConfig) -> Result<(), InvalidGenesis> {
        if self.sum == config.total_supply {
            return Ok(());
        }
        let what = format!(
            "it is {}, but amount and locked of all accounts in records add up to {}: correct \
             total_supply, or the balances",
            config.total_supply.as_yoctonear(),
            self.sum.as_yoctonear()
        );
        Err(InvalidGenesis::field("total_supply", what))
    }

    fn check_validators(&self, config: &GenesisConfig) -> Result<(), InvalidGenesis> {
        if config.validators.is_empty() {
            return Err(InvalidGenesis::field("validators", "there has to be one at least"));
        }
        let mut named = BTreeMap::new();
        for (index, validator) in config.validators.iter().enumerate() {
            let fail = |field: &str, what: String| {
                Err(InvalidGenesis::field(format!("validators[{index}].{field}"), what))
            };
            let id = &validator.account_id;
            if !is_valid_staking_key(&validator.public_key) {
                return fail("public_key", "an ed25519 key is needed to make blocks".into());
            }
            if named.insert(id.clone(), validator.amount).is_some() {
                return fail("account_id", format!("{id} is named twice"));
            }
            let locked = self.stakes.get(id).copied().unwrap_or_default();
            if locked != validator.amount {
                let (says, has) = (validator.amount.as_yoctonear(), locked.as_yoctonear());
                return fail("amount", format!("it is {says}, but the record of {id} locks {has}"));
            }
        }
        match self.stakes.keys().find(|id| !named.contains_key(*id)) {
            Some(id) => {
                let what = format!("the record of {id} locks a stake, but it is not a validator");
                Err(InvalidGenesis::field("validators", what))
            }
            None => Ok(()),
        }
    }
}
