//! What is wrong with a genesis, field by field: the rules by which neard refuses one, and those
//! that a sandbox adds.

use std::collections::BTreeMap;

use near_chain_configs::GenesisConfig;
use near_crypto::key_conversion::is_valid_staking_key;
use near_primitives::state_record::StateRecord;
use near_primitives::types::{AccountId, Balance};

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

/// Checks what a genesis says against itself.
pub fn check(config: &GenesisConfig, records: &[StateRecord]) -> Result<(), InvalidGenesis> {
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
    let accounts = Accounts::of(records)?;
    accounts.check_supply(config)?;
    accounts.check_validators(config)?;
    accounts.check_owners(records)
}

/// The accounts of a genesis: what each holds and stakes.
struct Accounts(BTreeMap<AccountId, (Balance, Balance)>);

impl Accounts {
    fn of(records: &[StateRecord]) -> Result<Self, InvalidGenesis> {
        let mut accounts = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let StateRecord::Account { account_id, account } = record else { continue };
            let holds = (account.amount(), account.locked());
            if accounts.insert(account_id.clone(), holds).is_some() {
                let what = format!("there is a second record of the account {account_id}");
                return Err(InvalidGenesis::field(format!("records[{index}]"), what));
            }
        }
        Ok(Self(accounts))
    }

    fn check_supply(&self, config: &GenesisConfig) -> Result<(), InvalidGenesis> {
        let mut sum = Balance::ZERO;
        for (amount, locked) in self.0.values() {
            let next = sum.checked_add(*amount).and_then(|sum| sum.checked_add(*locked));
            let Some(next) = next else {
                let what = "the balances of all accounts add up to more than 2^128 - 1 yoctoNEAR";
                return Err(InvalidGenesis::field("records", what));
            };
            sum = next;
        }
        if sum == config.total_supply {
            return Ok(());
        }
        let what = format!(
            "it is {}, but amount and locked of all accounts in records add up to {}: correct \
             total_supply, or the balances",
            config.total_supply.as_yoctonear(),
            sum.as_yoctonear()
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
            let locked = self.0.get(id).map_or(Balance::ZERO, |(_, locked)| *locked);
            if locked != validator.amount {
                let (says, has) = (validator.amount.as_yoctonear(), locked.as_yoctonear());
                return fail("amount", format!("it is {says}, but the record of {id} locks {has}"));
            }
        }
        let stray =
            self.0.iter().find(|(id, (_, locked))| !locked.is_zero() && !named.contains_key(*id));
        match stray {
            Some((id, _)) => {
                let what = format!("the record of {id} locks a stake, but it is not a validator");
                Err(InvalidGenesis::field("validators", what))
            }
            None => Ok(()),
        }
    }

    fn check_owners(&self, records: &[StateRecord]) -> Result<(), InvalidGenesis> {
        let mut contracts = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let (StateRecord::AccessKey { account_id, .. }
            | StateRecord::Contract { account_id, .. }
            | StateRecord::Data { account_id, .. }) = record
            else {
                continue;
            };
            let fail = |what| Err(InvalidGenesis::field(format!("records[{index}]"), what));
            let is_code = matches!(record, StateRecord::Contract { .. });
            if is_code && contracts.insert(account_id, index).is_some() {
                return fail(format!("there is a second contract of the account {account_id}"));
            }
            // Like neard, which keeps data of an account that does not exist.
            if !matches!(record, StateRecord::Data { .. }) && !self.0.contains_key(account_id) {
                return fail(format!("there is no record of the account {account_id}"));
            }
        }
        Ok(())
    }
}
