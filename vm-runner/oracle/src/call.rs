//! [`Call`]: a call of a contract, with all its circumstances.

use std::collections::BTreeMap;

use gas_meter::Gas;
use host_fns::near::Context;

/// A call and what it finds.
#[derive(Clone, Debug)]
pub struct Call {
    /// The exported function.
    pub method: String,
    /// All that the contract can learn about the call. The account that runs is a validator when
    /// it is `alice.near` or `bob.near`.
    pub context: Context,
    /// Gas that the call may burn, however much came with it; a view has its own bound.
    pub max_gas_burnt: Gas,
    /// What the account has stored.
    pub storage: BTreeMap<Vec<u8>, Vec<u8>>,
}
