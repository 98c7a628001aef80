//! Records and changes that are random, but the same in each run.

use sandbox_state::{Key, Value};

/// The `SplitMix64` generator.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// A short key of few different bytes, so that keys are often equal, or prefixes of another, or
    /// part in the low half of a byte.
    pub(crate) fn key(&mut self) -> Key {
        let length = self.below(6);
        (0..length).map(|_| [0x00, 0x01, 0x10, 0x6f][self.below(4)]).collect()
    }

    pub(crate) fn value(&mut self) -> Value {
        let length = self.below(40);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
