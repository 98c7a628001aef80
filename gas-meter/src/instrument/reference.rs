//! The size that near-vm-runner's own metering of a function has. NEAR refuses contracts by that
//! size, so it is counted along, byte for byte, while our smaller code is written (near-vm-runner
//! `prepare/instrument_v3.rs`: what is added there, and how it is encoded).

/// Functions that near-vm-runner imports in front of a module's own.
const INJECTED_FUNCTIONS: u32 = 3;

/// `i64.add128`, `i64.sub128` or `i64.mul_wide_u`; then `i64.eqz if else call unreachable end`.
const CHECKED: u64 = 2 + 1 + 2 + 1 + 2 + 1 + 1;

/// `i64.const 0`.
const ZERO: u64 = 2;

/// Counts the bytes of one function.
pub(super) struct ReferenceSize {
    /// `global.get` or `global.set` of the gas.
    gas_access: u64,
    /// `global.get` or `global.set` of the stack.
    stack_access: u64,
    bytes: u64,
}

impl ReferenceSize {
    /// The count of a function that declares `groups` runs of locals in `declaration_bytes`.
    pub(super) fn new(gas_global: u32, groups: u32, declaration_bytes: usize) -> Self {
        let mut size = ReferenceSize {
            gas_access: plus(1, unsigned(gas_global)),
            stack_access: plus(1, unsigned(gas_global.saturating_add(1))),
            bytes: 0,
        };
        // Two runs of one local each are added.
        size.add(unsigned(groups.saturating_add(2)));
        size.copied(declaration_bytes);
        size.add(4);
        size
    }

    /// What is copied as it is.
    pub(super) fn copied(&mut self, bytes: usize) {
        self.add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// `call` or `ref.func` of a function of the module, whose indices are shifted.
    pub(super) fn function_reference(&mut self, index: u32) {
        self.add(plus(1, unsigned(index.saturating_add(INJECTED_FUNCTIONS))));
    }

    /// The block around the body, and taking the frame from the stack.
    pub(super) fn enter(&mut self, stack_bytes: u64) {
        self.add(2);
        self.stack_change(stack_bytes);
    }

    /// Giving the frame back, and `return` or the body's two `end`s less one.
    pub(super) fn leave(&mut self, stack_bytes: u64) {
        self.stack_change(stack_bytes);
        self.add(1);
    }

    /// A charge that is known.
    pub(super) fn charge(&mut self, gas: u64) {
        // get const lt_u if const call unreachable else get const sub set end
        let fixed = 1 + 2 + 2 + 1 + 1 + 1 + 1;
        self.add([self.gas_access; 3].into_iter().fold(fixed, plus));
        self.add(constant(gas).saturating_mul(3));
    }

    /// A charge for a number of units.
    pub(super) fn bulk_charge(&mut self, base: u64, unit: u64, amount: u32, count: u32) {
        let (amount, count) = (plus(1, unsigned(amount)), plus(1, unsigned(count)));
        // tee extend const mul, const const const add
        self.add([count, 1, constant(unit), CHECKED].into_iter().fold(0, plus));
        self.add([ZERO, constant(base), ZERO, CHECKED].into_iter().fold(0, plus));
        // tee get gt_u if get call unreachable else get get sub set end, get
        self.add([amount, amount, amount, count].into_iter().fold(0, plus));
        let fixed = 1 + 2 + 2 + 1 + 1 + 1 + 1;
        self.add([self.gas_access; 3].into_iter().fold(fixed, plus));
    }

    /// The function's entry of the code section.
    pub(super) fn finish(self) -> u64 {
        let length = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        plus(unsigned(length), self.bytes)
    }

    /// get const const const (checked) set
    fn stack_change(&mut self, stack_bytes: u64) {
        let parts = [self.stack_access, ZERO, constant(stack_bytes), ZERO, CHECKED];
        self.add(parts.into_iter().fold(self.stack_access, plus));
    }

    fn add(&mut self, bytes: u64) {
        self.bytes = plus(self.bytes, bytes);
    }
}

fn plus(left: u64, right: u64) -> u64 {
    left.saturating_add(right)
}

/// Bytes of an index or a length.
fn unsigned(value: u32) -> u64 {
    let bits = u32::BITS.saturating_sub(value.leading_zeros());
    u64::from(bits.max(1).div_ceil(7))
}

/// Bytes of `i64.const`.
fn constant(value: u64) -> u64 {
    // A signed number has a bit for its sign.
    let value = value.cast_signed();
    let same = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    let bits = u64::BITS.saturating_sub(same).saturating_add(1);
    plus(1, u64::from(bits.div_ceil(7)))
}

#[cfg(test)]
mod tests {
    use wasm_encoder::Encode;

    use super::*;

    fn encoded(value: &impl Encode) -> u64 {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        u64::try_from(bytes.len()).expect("a few")
    }

    #[test]
    fn lengths_are_those_of_the_encoding() {
        let edges = (0..64).map(|shift| 1u64 << shift);
        let values = edges.flat_map(|edge| [edge.wrapping_sub(1), edge, edge.wrapping_neg()]);
        for value in values.chain([0, u64::MAX, 822_756]) {
            assert_eq!(constant(value), 1 + encoded(&value.cast_signed()), "{value}");
            if let Ok(value) = u32::try_from(value) {
                assert_eq!(unsigned(value), encoded(&value), "{value}");
            }
        }
    }
}
