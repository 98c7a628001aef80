//! NEAR's cases. What a host function takes is measured by calling it directly; what depends on the
//! engine by running modules on it; storage, yields and actions by real transactions.

mod actions;
mod contracts;
mod curves;
#[cfg(feature = "rocksdb")]
mod disk;
mod host;
mod ledger;
mod reasons;
pub(crate) mod scene;
mod signatures;
mod wasm;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use gas_meter::CostId;
use host_fns::near::{Config, cost};
use sandbox_runtime::{RuntimeConfig, VmKind};

use crate::case::Case;

pub use reasons::{FAR, reason};

/// What the cases share.
#[derive(Clone, Debug)]
pub struct Bed {
    near: RuntimeConfig,
    host: Arc<Config>,
    names: Arc<Names>,
    vm: VmKind,
}

/// NEAR's names for the costs of host functions.
#[derive(Debug)]
struct Names(BTreeMap<CostId, String>);

impl Names {
    fn of(&self, id: CostId) -> anyhow::Result<String> {
        self.0.get(&id).cloned().with_context(|| format!("cost {} has no name", id.0))
    }
}

impl Bed {
    /// The rules and prices of `near`, on the engine `vm`.
    pub fn new(near: RuntimeConfig, vm: VmKind) -> Self {
        let names = cost::all().filter_map(|(id, ..)| Some((id, near.parameter_name(id)?)));
        let names = Arc::new(Names(names.collect()));
        let host = scene::config(&near);
        Bed { near, host, names, vm }
    }

    /// The configuration that is measured.
    pub fn near(&self) -> &RuntimeConfig {
        &self.near
    }
}

/// All cases, in the order in which they are priced.
pub fn all(bed: &Bed) -> Vec<Case> {
    let mut cases = wasm::cases(bed);
    cases.extend(host::cases(bed));
    cases.extend(signatures::cases(bed));
    cases.extend(curves::cases(bed));
    cases.extend(contracts::cases(bed));
    cases.extend(actions::cases(bed));
    #[cfg(feature = "rocksdb")]
    cases.extend(disk::cases());
    cases
}

/// Costs that have no case, and why.
pub const EXEMPT: &[(&str, &str)] = &[
    ("wasm_storage_iter_", "NEAR removed iterators; the functions end the call before any work"),
    ("wasm_grow_mem_cost", "NEAR charges memory.grow as a linear operation"),
    (
        "action_use_global_contract_per_identifier_byte",
        "an identifier has 64 bytes at most, which cannot be told from the action's base",
    ),
    ("action_gas_key_byte", "the bytes of a key's record vary only with the account's name"),
    ("action_gas_key_nonce_write_base.send", "nothing is written where an action is sent"),
    ("data_receipt_creation_base.send", "a data receipt is made where its sender is executed"),
    ("data_receipt_creation_per_byte.send", "a data receipt is made where its sender is executed"),
    (
        "wasm_storage_large_read_overhead_",
        "NEAR charges one gas for it: a value is read in the same way however large it is",
    ),
];

/// Why `cost` has no case, if it is exempt.
pub fn exemption(cost: &str) -> Option<&'static str> {
    if cfg!(not(feature = "rocksdb")) && (cost.ends_with("_cold") || cost.ends_with("_warm")) {
        return Some("this cost-estimator was built without a database (--features rocksdb)");
    }
    EXEMPT.iter().find(|(prefix, _)| cost.starts_with(prefix)).map(|(_, why)| *why)
}

/// Prices that are those of another cost: what is done to send an action is the same whoever
/// receives it.
pub fn same_as(price: &str) -> Option<String> {
    price.strip_suffix(".send_sir").map(|name| format!("{name}.send_not_sir"))
}
