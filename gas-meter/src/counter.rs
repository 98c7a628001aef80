//! [`GasCounter`]: what an execution has burnt and attached, against what it may.
//!
//! Follows NEAR's rules (near-vm-runner `logic/gas_counter.rs`) to the unit, including what is
//! burnt when a charge does not fit. It knows neither where charges come from nor their prices.

use std::sync::Arc;

use crate::cost::Charge;
use crate::{Cost, CostId, CostKind, CostTable, Gas, Profile};

/// Why a charge did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfGas {
    /// Burnt and attached gas together would exceed the prepaid gas.
    #[error("exceeded the prepaid gas")]
    Prepaid,
    /// Burnt gas would exceed what a single execution may burn. Preferred when both are exceeded.
    #[error("exceeded the maximum amount of gas that one execution may burn")]
    Limit,
    /// The amount does not fit 64 bits.
    #[error("integer overflow")]
    Overflow,
}

/// Counts the gas of one execution.
///
/// *Burnt* gas is spent; *used* gas also contains what was attached to promises and will be burnt
/// by other receipts. Invariants: `burnt ≤ used ≤ prepaid` and `burnt ≤ limit`.
#[derive(Clone, Debug)]
pub struct GasCounter {
    costs: Arc<CostTable>,
    prepaid: Gas,
    limit: Gas,
    burnt: Gas,
    promised: Gas,
    /// What may be burnt in total, as things stand.
    burn_limit: Gas,
    /// What was burnt, by the places of the costs in their table.
    booked: Vec<Gas>,
    action_compute: u64,
}

impl GasCounter {
    /// A counter for an execution that was given `prepaid` gas and may burn at most `limit`.
    pub fn new(costs: Arc<CostTable>, prepaid: Gas, limit: Gas) -> Self {
        let booked = vec![Gas::ZERO; costs.iter().len()];
        GasCounter {
            costs,
            prepaid,
            limit,
            burnt: Gas::ZERO,
            promised: Gas::ZERO,
            burn_limit: limit.min(prepaid),
            booked,
            action_compute: 0,
        }
    }

    /// Burns the price of one unit of `id`.
    ///
    /// # Panics
    /// When the table has no such cost, here and in the other charges by id.
    #[inline]
    pub fn pay(&mut self, id: CostId) -> Result<(), OutOfGas> {
        let Charge { gas, slot } = self.costs.charge(id);
        self.burn_and_book(gas, slot)
    }

    /// Burns the price of `units` units of `id`.
    #[inline]
    pub fn pay_per(&mut self, id: CostId, units: u64) -> Result<(), OutOfGas> {
        let Charge { gas, slot } = self.costs.charge(id);
        self.burn_and_book(gas.checked_mul(units).ok_or(OutOfGas::Overflow)?, slot)
    }

    /// Burns `burn` now and attaches `used - burn.gas` to a promise, booked under the action `id`.
    ///
    /// # Panics
    /// When `used` is less than `burn.gas`: the caller computes both from one fee.
    pub fn pay_action(&mut self, id: CostId, burn: Cost, used: Gas) -> Result<(), OutOfGas> {
        let before = self.burnt;
        let paid = self.deduct(burn.gas, used);
        let burnt = self.burnt.saturating_sub(before);
        self.book(self.costs.charge(id).slot, burnt);
        // Where the gas ran out, what was burnt counts as compute one to one.
        let compute = if paid.is_ok() { burn.compute } else { burnt.units() };
        self.action_compute = self.action_compute.checked_add(compute).ok_or(OutOfGas::Overflow)?;
        paid
    }

    /// Burns `gas` that belongs to no cost id: wasm instructions.
    #[inline]
    pub fn burn(&mut self, gas: Gas) -> Result<(), OutOfGas> {
        let burnt = self.burnt.checked_add(gas).ok_or(OutOfGas::Overflow)?;
        if burnt <= self.burn_limit {
            self.burnt = burnt;
            Ok(())
        } else {
            Err(self.exhaust(burnt, burnt.wrapping_add(self.promised)))
        }
    }

    /// Whether burning any amount that does not fit ends alike, up to `gas`.
    ///
    /// What an exhaustion burns, and which bound it reports, depends on the charge that did not
    /// fit where gas is attached to promises or the bounds differ.
    pub fn exhausts_alike(&self, gas: Gas) -> bool {
        let one_bound = self.prepaid == self.limit
            || (self.prepaid < self.limit && self.burnt.saturating_add(gas) <= self.limit);
        one_bound && self.promised == Gas::ZERO
    }

    /// Attaches `gas` to a promise: used, not burnt.
    pub fn reserve(&mut self, gas: Gas) -> Result<(), OutOfGas> {
        self.deduct(Gas::ZERO, gas)
    }

    /// Gas spent so far.
    #[inline]
    pub fn burnt(&self) -> Gas {
        self.burnt
    }

    /// Gas spent or attached so far.
    pub fn used(&self) -> Gas {
        self.burnt.saturating_add(self.promised)
    }

    /// Gas that the execution was given.
    pub fn prepaid(&self) -> Gas {
        self.prepaid
    }

    /// Gas that can still be burnt.
    #[inline]
    pub fn remaining(&self) -> Gas {
        self.burn_limit.saturating_sub(self.burnt)
    }

    /// The prices that this counter charges.
    pub fn costs(&self) -> &Arc<CostTable> {
        &self.costs
    }

    /// Where the gas went so far; what no cost accounts for is wasm.
    pub fn profile(&self) -> Profile {
        let ids = self.costs.iter().map(|row| row.id);
        Profile::of_total(self.burnt, ids.zip(self.booked.iter().copied()))
    }

    /// Compute units so far (NEP-455): host costs scaled by their compute price, actions by what
    /// they were paid with, wasm one to one.
    pub fn compute(&self) -> u64 {
        let profile = self.profile();
        let host = profile
            .iter()
            .filter_map(|(id, gas)| self.costs.row(id).map(|row| (row, gas)))
            .filter(|(row, _)| row.kind == CostKind::Host)
            .fold(0u64, |sum, (row, gas)| sum.saturating_add(scale_to_compute(row.cost, gas)));
        host.saturating_add(self.action_compute).saturating_add(profile.wasm().units())
    }

    fn deduct(&mut self, burn: Gas, used: Gas) -> Result<(), OutOfGas> {
        let attach = used.checked_sub(burn).expect("a fee uses at least what it burns");
        let promised = self.promised.checked_add(attach).ok_or(OutOfGas::Overflow)?;
        let burnt = self.burnt.checked_add(burn).ok_or(OutOfGas::Overflow)?;
        let used = burnt.checked_add(promised).ok_or(OutOfGas::Overflow)?;
        if burnt <= self.limit && used <= self.prepaid {
            self.burnt = burnt;
            self.promise(promised);
            Ok(())
        } else {
            Err(self.exhaust(burnt, used))
        }
    }

    #[inline]
    fn burn_and_book(&mut self, gas: Gas, slot: usize) -> Result<(), OutOfGas> {
        let before = self.burnt;
        let paid = self.burn(gas);
        // A charge that did not fit still burns what was left: the profile shows that part.
        self.book(slot, self.burnt.saturating_sub(before));
        paid
    }

    #[inline]
    fn book(&mut self, slot: usize, gas: Gas) {
        self.booked[slot] = self.booked[slot].saturating_add(gas);
    }

    /// Sets what is attached to promises.
    fn promise(&mut self, promised: Gas) {
        self.promised = promised;
        self.burn_limit = self.limit.min(self.prepaid.saturating_sub(promised));
    }

    /// Burns what was left and says which bound was hit.
    ///
    /// `used` may have wrapped: NEAR keeps the smaller of it and the prepaid gas, so that a charge
    /// of absurd size costs the caller its attached gas and nobody else anything.
    #[cold]
    fn exhaust(&mut self, burnt: Gas, used: Gas) -> OutOfGas {
        self.burnt = burnt.min(self.prepaid.min(self.limit));
        self.promise(self.prepaid.min(used).saturating_sub(self.burnt));
        if burnt > self.limit { OutOfGas::Limit } else { OutOfGas::Prepaid }
    }
}

/// `gas · compute price / gas price`, rounded down, on the total of one cost as NEAR does it.
fn scale_to_compute(cost: Cost, gas: Gas) -> u64 {
    let scaled = u128::from(gas.units()).saturating_mul(u128::from(cost.compute));
    let compute = scaled.checked_div(u128::from(cost.gas.units())).unwrap_or_default();
    u64::try_from(compute).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CostRow;

    const READ: CostId = CostId(0);
    const STORE: CostId = CostId(1);
    const TRANSFER: CostId = CostId(2);

    fn counter(prepaid: u64, limit: u64) -> GasCounter {
        let row = |id, name, kind, gas, compute| CostRow {
            id,
            name,
            kind,
            cost: Cost { gas: Gas::new(gas), compute },
        };
        let costs = CostTable::new([
            row(READ, "READ", CostKind::Host, 10, 10),
            row(STORE, "STORE", CostKind::Host, 3, 8),
            row(TRANSFER, "TRANSFER", CostKind::Action, 0, 0),
        ]);
        GasCounter::new(Arc::new(costs), Gas::new(prepaid), Gas::new(limit))
    }

    #[test]
    fn burns_by_table_and_shows_where() {
        let mut gas = counter(1_000, 1_000);
        gas.pay_per(READ, 3).expect("fits");
        gas.pay(STORE).expect("fits");
        gas.burn(Gas::new(7)).expect("fits");
        assert_eq!(gas.burnt(), Gas::new(40));
        assert_eq!(gas.profile().get(READ), Gas::new(30));
        assert_eq!(gas.profile().wasm(), Gas::new(7));
        assert_eq!(gas.compute(), 30 + 8 + 7);
    }

    #[test]
    fn a_charge_that_does_not_fit_burns_the_rest() {
        let mut gas = counter(25, 1_000);
        assert_eq!(gas.pay_per(READ, 3), Err(OutOfGas::Prepaid));
        assert_eq!((gas.burnt(), gas.used()), (Gas::new(25), Gas::new(25)));
        assert_eq!(gas.profile().get(READ), Gas::new(25));
    }

    #[test]
    fn the_burn_limit_is_reported_before_the_prepaid_gas() {
        let mut gas = counter(25, 20);
        assert_eq!(gas.pay_per(READ, 3), Err(OutOfGas::Limit));
        assert_eq!(gas.burnt(), Gas::new(20));
    }

    #[test]
    fn attached_gas_is_used_but_not_burnt() {
        let mut gas = counter(100, 1_000);
        let send = Cost { gas: Gas::new(10), compute: 12 };
        gas.pay_action(TRANSFER, send, Gas::new(30)).expect("fits");
        gas.reserve(Gas::new(40)).expect("fits");
        assert_eq!((gas.burnt(), gas.used()), (Gas::new(10), Gas::new(70)));
        assert_eq!(gas.remaining(), Gas::new(30));
        assert_eq!(gas.compute(), 12);
        assert_eq!(gas.reserve(Gas::new(31)), Err(OutOfGas::Prepaid));
        // Nothing was burnt for the reservation that did not fit, but the rest counts as used.
        assert_eq!((gas.burnt(), gas.used()), (Gas::new(10), Gas::new(100)));
    }

    #[test]
    fn a_burn_stops_at_what_promises_left_over_but_takes_the_prepaid_rest() {
        let mut gas = counter(100, 1_000);
        gas.reserve(Gas::new(60)).expect("fits");
        assert_eq!(gas.burn(Gas::new(41)), Err(OutOfGas::Prepaid));
        assert_eq!((gas.burnt(), gas.used()), (Gas::new(41), Gas::new(100)));
    }

    #[test]
    fn absurd_amounts_overflow_without_harm() {
        let mut gas = counter(100, 1_000);
        gas.burn(Gas::new(1)).expect("fits");
        assert_eq!(gas.burn(Gas::MAX), Err(OutOfGas::Overflow));
        assert_eq!(gas.pay_per(READ, u64::MAX), Err(OutOfGas::Overflow));
        assert_eq!(gas.burnt(), Gas::new(1));
        // Close to the top the sum wraps, as it does in NEAR: all prepaid gas is burnt.
        assert_eq!(gas.burn(Gas::new(u64::MAX - 2)), Err(OutOfGas::Limit));
        assert_eq!(gas.burnt(), Gas::new(100));
    }
}
