//! [`Gas`]: the amount of work a contract may do or has done. It knows no price and no chain.

use std::fmt;
use std::iter::Sum;

/// An amount of gas. One teragas (10¹² gas) stands for about a millisecond of execution.
///
/// All arithmetic is checked or saturating by name: there are no operators, so that an overflow
/// is always a decision of the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gas(u64);

/// Gas in one teragas.
const GAS_PER_TERAGAS: u64 = 1_000_000_000_000;

impl Gas {
    /// No gas.
    pub const ZERO: Gas = Gas(0);
    /// The largest amount that can be written down.
    pub const MAX: Gas = Gas(u64::MAX);

    /// `units` gas.
    pub const fn new(units: u64) -> Self {
        Gas(units)
    }

    /// `teragas` · 10¹² gas; `None` when that does not fit 64 bits.
    pub const fn from_teragas(teragas: u64) -> Option<Self> {
        match teragas.checked_mul(GAS_PER_TERAGAS) {
            Some(units) => Some(Gas(units)),
            None => None,
        }
    }

    /// The amount in units of gas.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// `self + other`, or `None` on overflow.
    pub const fn checked_add(self, other: Gas) -> Option<Gas> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Gas(sum)),
            None => None,
        }
    }

    /// `self - other`, or `None` when `other` is larger.
    pub const fn checked_sub(self, other: Gas) -> Option<Gas> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Gas(rest)),
            None => None,
        }
    }

    /// `self · times`, or `None` on overflow.
    pub const fn checked_mul(self, times: u64) -> Option<Gas> {
        match self.0.checked_mul(times) {
            Some(product) => Some(Gas(product)),
            None => None,
        }
    }

    /// `self + other`, [`Gas::MAX`] where that would overflow.
    #[must_use]
    pub const fn saturating_add(self, other: Gas) -> Gas {
        Gas(self.0.saturating_add(other.0))
    }

    /// `self - other`, zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Gas) -> Gas {
        Gas(self.0.saturating_sub(other.0))
    }

    /// `self + other` modulo 2⁶⁴. Only [`GasCounter`](crate::GasCounter) has a use for it: NEAR
    /// wraps here, and later looks at the smaller of this sum and the prepaid gas.
    pub(crate) const fn wrapping_add(self, other: Gas) -> Gas {
        Gas(self.0.wrapping_add(other.0))
    }
}

impl Sum for Gas {
    /// The saturating sum: used for totals that are shown, never for charges.
    fn sum<I: Iterator<Item = Gas>>(iter: I) -> Gas {
        iter.fold(Gas::ZERO, Gas::saturating_add)
    }
}

impl fmt::Display for Gas {
    /// In teragas with up to three decimals, rounded down: `2.427 Tgas`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tera = self.0.checked_div(GAS_PER_TERAGAS).unwrap_or_default();
        let rest = self.0.checked_rem(GAS_PER_TERAGAS).unwrap_or_default();
        let milli = rest.checked_div(1_000_000_000).unwrap_or_default();
        write!(f, "{tera}.{milli:03} Tgas")
    }
}

#[cfg(test)]
mod tests {
    use super::Gas;

    #[test]
    fn arithmetic_never_wraps_silently() {
        assert_eq!(Gas::MAX.checked_add(Gas::new(1)), None);
        assert_eq!(Gas::ZERO.checked_sub(Gas::new(1)), None);
        assert_eq!(Gas::new(1 << 63).checked_mul(2), None);
        assert_eq!(Gas::MAX.saturating_add(Gas::new(1)), Gas::MAX);
        assert_eq!(Gas::ZERO.saturating_sub(Gas::new(1)), Gas::ZERO);
        assert_eq!(Gas::from_teragas(u64::MAX), None);
    }

    #[test]
    fn shown_in_teragas() {
        assert_eq!(Gas::new(2_427_934_000_000).to_string(), "2.427 Tgas");
        assert_eq!(Gas::new(999_999).to_string(), "0.000 Tgas");
        assert_eq!(Gas::from_teragas(300).map(|gas| gas.to_string()), Some("300.000 Tgas".into()));
    }
}
