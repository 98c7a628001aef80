//! Prices by NEAR's names, as a file of them says: what `sandboxd` and `vm-runner` charge in place of
//! the protocol's.

use std::collections::BTreeMap;

use gas_meter::CostKind;
use gas_meter::instrument::{
    Class, FlatSchedule, InvalidSchedule, Operator, Price as OperatorPrice, Prices, Schedule,
};
use host_fns::near::cost;
use serde::Deserialize;

/// Prices in gas by NEAR's names for the parameters: `wasm_sha256_base`,
/// `action_transfer.execution`.
pub type FeeTable = BTreeMap<String, u64>;

/// NEAR's name for the price of an instruction.
const OP: &str = "wasm_regular_op_cost";
/// NEAR's names for the prices of instructions that work on many units.
const LINEAR_BASE: &str = "wasm_linear_op_base_cost";
const LINEAR_UNIT: &str = "wasm_linear_op_unit_cost";
/// What checking a transaction costs is no part of a call.
const OF_TRANSACTIONS: &[&str] = &["ml_dsa_65_verification_cost"];
/// The three prices of an action, in the order of a fixture.
const STAGES: [&str; 3] = ["send_sir", "send_not_sir", "execution"];

/// A fee table that does not fit the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFees {
    /// Not an object with prices in `fees`.
    #[error("not an object with prices in `fees`: {0}")]
    Format(String),
    /// There is no such price.
    #[error("there is no price {name}{hint}", hint = hint(.nearest.as_deref()))]
    Unknown {
        /// The name that was given.
        name: String,
        /// A name that there is and that begins alike.
        nearest: Option<String>,
    },
    /// Prices of instructions are bounded, so that what code charges cannot overflow.
    #[error("{name} is at most {most}, not {gas}")]
    TooLarge {
        /// The price.
        name: String,
        /// What was given for it.
        gas: u64,
        /// The most that it can be.
        most: u64,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

impl InvalidFees {
    /// `name` is none of the prices that are `known`.
    pub fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> Self {
        let stem = |name: &str| name.rsplit_once(['_', '.']).map(|(stem, _)| stem.to_owned());
        let nearest = known.into_iter().find(|known| stem(known) == stem(name)).cloned();
        InvalidFees::Unknown { name: name.to_owned(), nearest }
    }

    /// Whether `gas` can be the price `name`.
    pub fn check(name: &str, gas: u64) -> Result<(), Self> {
        let most = match name {
            OP => u64::from(u32::MAX),
            LINEAR_BASE => Prices::MAX_BASE,
            LINEAR_UNIT => Prices::MAX_UNIT,
            _ => u64::MAX,
        };
        if gas > most {
            return Err(InvalidFees::TooLarge { name: name.to_owned(), gas, most });
        }
        Ok(())
    }
}

/// The prices in `json`: an object that has them in `fees`, beside which it may say how they were
/// found.
pub fn fees_from_json(json: &str) -> Result<FeeTable, InvalidFees> {
    #[derive(Deserialize)]
    struct File {
        fees: FeeTable,
    }
    let file: Result<File, _> = serde_json::from_str(json);
    file.map(|file| file.fees).map_err(|error| InvalidFees::Format(error.to_string()))
}

/// What a price is of, in the words of a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priced {
    /// A host function's cost, by its name.
    Host(&'static str),
    /// An action's fee by its name, and which of the three.
    Action(&'static str, usize),
    /// Instructions.
    Instructions,
    /// Nothing of a call.
    Elsewhere,
}

/// All prices by NEAR's names.
pub(super) fn priced() -> BTreeMap<String, Priced> {
    let mut all = BTreeMap::new();
    for (id, name, kind) in cost::all() {
        let Some(parameter) = cost::parameter(id) else { continue };
        if kind == CostKind::Host {
            all.insert(parameter, Priced::Host(name));
        } else {
            all.extend(
                STAGES
                    .iter()
                    .enumerate()
                    .map(|(at, stage)| (format!("{parameter}.{stage}"), Priced::Action(name, at))),
            );
        }
    }
    let instructions = [OP, LINEAR_BASE, LINEAR_UNIT];
    all.extend(instructions.map(|name| (name.to_owned(), Priced::Instructions)));
    all.extend(OF_TRANSACTIONS.iter().map(|name| ((*name).to_owned(), Priced::Elsewhere)));
    all
}

/// What instructions cost under `fees`: `was` where they say nothing. An instruction cost
/// `regular_op` so far.
pub(super) fn instructions(
    was: &Prices,
    regular_op: u64,
    fees: &FeeTable,
) -> Result<Prices, InvalidSchedule> {
    if [OP, LINEAR_BASE, LINEAR_UNIT].iter().all(|name| !fees.contains_key(*name)) {
        return Ok(was.clone());
    }
    let linear = Operator::all().find(|operator| operator.class == Class::MemoryCopy);
    let linear = linear.map_or(OperatorPrice::FREE, |operator| was.price(operator));
    let of = |name: &str, before: u64| fees.get(name).copied().unwrap_or(before);
    let op = u32::try_from(of(OP, regular_op)).map_err(|_| InvalidSchedule::TooLarge(OP))?;
    Prices::new(&FlatSchedule {
        regular_op: op,
        linear_base: of(LINEAR_BASE, linear.base),
        linear_unit: of(LINEAR_UNIT, linear.unit),
        frame: was.frame_sizes(),
    })
}

/// The price of an instruction, if `fees` say one.
pub(super) fn regular_op(fees: &FeeTable) -> Option<u64> {
    fees.get(OP).copied()
}
