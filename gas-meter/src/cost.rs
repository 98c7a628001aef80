//! Prices by id. A host function names what it did ([`CostId`]); the [`CostTable`] says what that
//! is worth. Which ids exist and what they cost belongs to the chain, not to this crate.

use std::collections::BTreeMap;

use crate::Gas;

/// Names one price of a chain. Ids up to 255 are for the families that any chain can use
/// (`host-fns::common::cost`), the rest belong to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CostId(pub u16);

/// What a user sees a cost as in a gas profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostKind {
    /// Work done by a host function, priced by the table.
    Host,
    /// An action added to an outgoing receipt, priced by the caller.
    Action,
}

/// A price: what the caller pays, and how much of a block's compute budget it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Gas that is burnt.
    pub gas: Gas,
    /// Compute units; equal to `gas` unless the chain knows the work to be underpriced (NEP-455).
    pub compute: u64,
}

impl Cost {
    /// A price whose compute equals its gas.
    pub const fn of_gas(gas: Gas) -> Self {
        Cost { gas, compute: gas.units() }
    }

    /// Both parts added, or `None` when one of them overflows.
    pub const fn checked_add(self, other: Cost) -> Option<Cost> {
        match (self.gas.checked_add(other.gas), self.compute.checked_add(other.compute)) {
            (Some(gas), Some(compute)) => Some(Cost { gas, compute }),
            _ => None,
        }
    }

    /// The price of `units` units, or `None` when one of its parts overflows.
    pub const fn checked_mul(self, units: u64) -> Option<Cost> {
        match (self.gas.checked_mul(units), self.compute.checked_mul(units)) {
            (Some(gas), Some(compute)) => Some(Cost { gas, compute }),
            _ => None,
        }
    }
}

/// One line of a [`CostTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostRow {
    /// The id by which host functions name the cost.
    pub id: CostId,
    /// The name in gas profiles and reports, for example `READ_MEMORY_BYTE`.
    pub name: &'static str,
    /// How profiles group the cost.
    pub kind: CostKind,
    /// The price of one unit. Zero for [`CostKind::Action`], whose price depends on the receiver.
    pub cost: Cost,
}

/// The prices of a chain, indexed by [`CostId`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostTable {
    /// In the order of their ids.
    rows: Vec<CostRow>,
    /// What a charge looks up, by id; ids have gaps.
    charges: Vec<Option<Charge>>,
}

/// A price, and where a counter books what was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// The price of one unit.
    pub(crate) gas: Gas,
    /// The place of the row among all rows.
    pub(crate) slot: usize,
}

impl CostTable {
    /// A table of the given rows.
    ///
    /// # Panics
    /// When two rows have the same id: a table is written by hand, so that is a bug.
    pub fn new(rows: impl IntoIterator<Item = CostRow>) -> Self {
        let mut by_id = BTreeMap::new();
        for row in rows {
            let previous = by_id.insert(row.id, row);
            assert!(previous.is_none(), "two prices for cost {} ({})", row.id.0, row.name);
        }
        let rows: Vec<CostRow> = by_id.into_values().collect();
        let mut charges = Vec::new();
        for (slot, row) in rows.iter().enumerate() {
            charges.resize(usize::from(row.id.0), None);
            charges.push(Some(Charge { gas: row.cost.gas, slot }));
        }
        CostTable { rows, charges }
    }

    /// The price of one unit of `id`.
    ///
    /// # Panics
    /// When the table has no such cost: the host function table and the cost table of a chain
    /// belong together, and a test of the chain walks both.
    pub fn cost(&self, id: CostId) -> Cost {
        self.rows[self.charge(id).slot].cost
    }

    /// What a charge of `id` needs. Panics as [`CostTable::cost`] does.
    #[inline]
    pub(crate) fn charge(&self, id: CostId) -> Charge {
        match self.charges.get(usize::from(id.0)) {
            Some(Some(charge)) => *charge,
            _ => no_price(id),
        }
    }

    /// The row of `id`, if there is one.
    pub fn row(&self, id: CostId) -> Option<&CostRow> {
        let charge = self.charges.get(usize::from(id.0))?.as_ref()?;
        self.rows.get(charge.slot)
    }

    /// All rows, in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &CostRow> {
        self.rows.iter()
    }
}

#[cold]
fn no_price(id: CostId) -> ! {
    panic!("no price for cost {}", id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u16, gas: u64) -> CostRow {
        let cost = Cost::of_gas(Gas::new(gas));
        CostRow { id: CostId(id), name: "A", kind: CostKind::Host, cost }
    }

    #[test]
    fn looks_prices_up_by_id() {
        let table = CostTable::new([row(300, 7), row(2, 5)]);
        assert_eq!(table.cost(CostId(300)).gas, Gas::new(7));
        assert_eq!(table.row(CostId(1)), None);
        assert_eq!(table.iter().map(|row| row.id.0).collect::<Vec<_>>(), [2, 300]);
    }

    #[test]
    #[should_panic(expected = "no price for cost 1")]
    fn refuses_a_cost_without_a_price() {
        CostTable::new([row(300, 7), row(2, 5)]).cost(CostId(1));
    }

    #[test]
    #[should_panic(expected = "two prices for cost 2")]
    fn refuses_two_prices_for_one_cost() {
        CostTable::new([row(2, 5), row(2, 6)]);
    }
}
