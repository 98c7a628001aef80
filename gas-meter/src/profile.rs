//! [`Profile`]: where the gas of one or more executions went, by [`CostId`].

use std::collections::BTreeMap;

use crate::{CostId, Gas};

/// Gas by cost, and the part that no host function or action accounts for: wasm instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    by_cost: BTreeMap<CostId, Gas>,
    wasm: Gas,
}

impl Profile {
    /// Books `gas` under `id`. Nothing is booked for zero gas, so that a profile lists only what
    /// was paid.
    pub fn add(&mut self, id: CostId, gas: Gas) {
        if gas > Gas::ZERO {
            let total = self.by_cost.entry(id).or_default();
            *total = total.saturating_add(gas);
        }
    }

    /// Adds another execution's figures to these.
    pub fn merge(&mut self, other: &Profile) {
        for (id, gas) in &other.by_cost {
            self.add(*id, *gas);
        }
        self.wasm = self.wasm.saturating_add(other.wasm);
    }

    /// The gas booked under `id`.
    pub fn get(&self, id: CostId) -> Gas {
        self.by_cost.get(&id).copied().unwrap_or_default()
    }

    /// The gas of wasm instructions.
    pub fn wasm(&self) -> Gas {
        self.wasm
    }

    /// All costs with gas booked, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (CostId, Gas)> + '_ {
        self.by_cost.iter().map(|(id, gas)| (*id, *gas))
    }

    /// The profile of an execution that burnt `burnt` in all: what is not in `booked` ran as
    /// instructions.
    pub(crate) fn of_total(burnt: Gas, booked: impl Iterator<Item = (CostId, Gas)>) -> Self {
        let by_cost: BTreeMap<CostId, Gas> = booked.filter(|(_, gas)| *gas > Gas::ZERO).collect();
        let wasm = burnt.saturating_sub(by_cost.values().copied().sum());
        Profile { by_cost, wasm }
    }
}
