//! Gas by action, for those who ask: an outcome only has the sum of its receipt.

use std::collections::BTreeMap;

use crate::actions::ActionResult;
use crate::near::{CryptoHash, Gas, ProfileDataV3};

/// What one action of a receipt burnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionGas {
    /// All of it.
    pub burnt: Gas,
    /// What the action costs before it calls a contract.
    pub fee: Gas,
    /// Where the rest went: what the contract burnt, by cost.
    pub profile: ProfileDataV3,
    /// Gas attached to a call that it neither burnt nor bound in new receipts by name. It is paid
    /// back, or shared among the new receipts that ask for a share.
    pub spare: Gas,
    /// How much of `spare` went into new receipts.
    pub shared: Gas,
}

/// The actions that ran, by the receipt that they are in.
pub type Itemized = BTreeMap<CryptoHash, Vec<ActionGas>>;

impl ActionGas {
    pub(crate) fn of(result: &ActionResult) -> Self {
        Self {
            burnt: result.gas_burnt,
            fee: result.gas_burnt.saturating_sub(result.call_gas),
            profile: result.profile.clone(),
            spare: result.spare,
            shared: result.shared,
        }
    }
}
