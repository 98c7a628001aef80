//! Amounts as formulas over NEAR's fee table, such as `send(new_action_receipt) + 5N`.
//!
//! Reads near-parameters directly and shares nothing with the runtime, so that what it computes can
//! tell whether the runtime is right.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use near_parameters::{Fee, RuntimeConfig, SignatureKind};

/// What the names in a formula stand for.
pub(super) struct Scope<'a> {
    pub(super) config: &'a RuntimeConfig,
    /// Names that the scenario defines, as formulas.
    pub(super) lets: &'a BTreeMap<String, String>,
    /// Names that have a value by now.
    pub(super) values: BTreeMap<String, u128>,
}

impl Scope<'_> {
    /// The value of `formula`.
    pub(super) fn evaluate(&self, formula: &str) -> Result<u128, String> {
        let mut parser = Parser { scope: self, rest: formula.chars().peekable() };
        let value = parser.sum().map_err(|error| format!("formula {formula:?}: {error}"))?;
        match parser.next_char() {
            None => Ok(value),
            Some(char) => Err(format!("formula {formula:?}: unexpected {char:?}")),
        }
    }

    pub(super) fn set(&mut self, name: impl Into<String>, value: u128) {
        self.values.insert(name.into(), value);
    }

    fn name(&self, name: &str) -> Result<u128, String> {
        if let Some(value) = self.values.get(name) {
            return Ok(*value);
        }
        if let Some(formula) = self.lets.get(name) {
            return self.evaluate(formula);
        }
        let (fees, config) = (&self.config.fees, self.config);
        let storage = &fees.storage_usage_config;
        Ok(match name {
            "creation_charge" => config.account_creation_charge.as_yoctonear(),
            "min_purchase" => config.min_gas_purchase_price.as_yoctonear(),
            "byte_price" => storage.storage_amount_per_byte.as_yoctonear(),
            "global_byte_price" => storage.global_contract_storage_amount_per_byte.as_yoctonear(),
            // Of a hundred parts of the gas that a contract burns, those that it earns.
            "reward_percent" => {
                let reward = fees.burnt_gas_reward;
                let percent = i64::from(*reward.numer()) * 100 / i64::from(*reward.denom());
                u128::try_from(percent).map_err(|error| error.to_string())?
            }
            "mldsa_signature" => {
                u128::from(fees.signature_verification_costs[SignatureKind::MlDsa65].gas.as_gas())
            }
            _ => return Err(format!("unknown name {name:?}")),
        })
    }

    fn fee(&self, function: &str, action: &str) -> Result<u128, String> {
        let (_, fee): (_, &Fee) = self
            .config
            .fees
            .action_fees
            .iter()
            .find(|(id, _)| format!("{id:?}") == action)
            .ok_or_else(|| format!("no fee {action:?}"))?;
        let cost = match function {
            "send" => fee.send_fee(false),
            "send_self" => fee.send_fee(true),
            "exec" => fee.exec_fee(),
            _ => return Err(format!("unknown function {function:?}")),
        };
        Ok(u128::from(cost.gas.as_gas()))
    }
}

struct Parser<'a> {
    scope: &'a Scope<'a>,
    rest: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<u128, String> {
        let mut value = self.product()?;
        loop {
            value = if self.take('+') {
                value.checked_add(self.product()?).ok_or("more than 128 bits")?
            } else if self.take('-') {
                value.checked_sub(self.product()?).ok_or("less than zero")?
            } else {
                return Ok(value);
            };
        }
    }

    fn product(&mut self) -> Result<u128, String> {
        let mut value = self.term()?;
        loop {
            value = if self.take('*') {
                value.checked_mul(self.term()?).ok_or("more than 128 bits")?
            } else if self.take('/') {
                value.checked_div(self.term()?).ok_or("a division by zero")?
            } else {
                return Ok(value);
            };
        }
    }

    fn term(&mut self) -> Result<u128, String> {
        if self.take('(') {
            let value = self.sum()?;
            return if self.take(')') { Ok(value) } else { Err("a ) is missing".into()) };
        }
        let word = self.word();
        if word.is_empty() {
            return Err("a value is missing".into());
        }
        if word.starts_with(|char: char| char.is_ascii_digit()) {
            return number(&word);
        }
        if !self.take('(') {
            return self.scope.name(&word);
        }
        if word == "min" {
            let first = self.sum()?;
            let both = if self.take(',') { first.min(self.sum()?) } else { first };
            return if self.take(')') { Ok(both) } else { Err("a ) is missing".into()) };
        }
        let action = self.word();
        if !self.take(')') {
            return Err("a ) is missing".into());
        }
        self.scope.fee(&word, &action)
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        self.skip_space();
        while let Some(char) =
            self.rest.next_if(|char| char.is_ascii_alphanumeric() || "_.".contains(*char))
        {
            word.push(char);
        }
        word
    }

    fn take(&mut self, char: char) -> bool {
        self.skip_space();
        self.rest.next_if_eq(&char).is_some()
    }

    fn next_char(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.next()
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|char| char.is_whitespace()).is_some() {}
    }
}

/// A number with a unit: `5`, `1_000`, `2N` (NEAR), `3mN`, `10Tgas`, `5Ggas`.
fn number(word: &str) -> Result<u128, String> {
    let unit = word.trim_start_matches(|char: char| char.is_ascii_digit() || char == '_');
    let digits = word[..word.len() - unit.len()].replace('_', "");
    let value: u128 = digits.parse().map_err(|_| format!("no number {word:?}"))?;
    let factor = match unit {
        "" => 1,
        "Ggas" => 10u128.pow(9),
        "Tgas" => 10u128.pow(12),
        "mN" => 10u128.pow(21),
        "N" => 10u128.pow(24),
        _ => return Err(format!("no unit {unit:?}")),
    };
    value.checked_mul(factor).ok_or_else(|| "more than 128 bits".into())
}

#[test]
fn formulas_are_arithmetic_over_the_fee_table() {
    let store = near_parameters::RuntimeConfigStore::new(None);
    let config = store.get_config(sandbox_runtime::near::PROTOCOL_VERSION);
    let lets = BTreeMap::from([("double".to_owned(), "2 * price".to_owned())]);
    let scope =
        Scope { config, lets: &lets, values: BTreeMap::from([("price".to_owned(), 7u128)]) };
    let value = |formula: &str| scope.evaluate(formula);
    assert_eq!(value("1 + 2 * 3 - (4 - 2)"), Ok(5));
    assert_eq!(value("double + 1_000"), Ok(1_014));
    assert_eq!(value("2N / 1mN"), Ok(2_000));
    assert_eq!(value("min(3, 2) * 1Tgas"), Ok(2_000_000_000_000));
    assert_eq!(value("exec(create_account)"), Ok(7_200_000_000_000));
    for wrong in ["", "1 +", "1 2", "(1", "nobody", "send(nobody)", "1Z", "1 - 2", "sent(transfer)"]
    {
        assert!(value(wrong).is_err(), "{wrong:?} has a value");
    }
}
