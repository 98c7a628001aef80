//! Numbers that are the same in every run (xorshift).

pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let below = u64::try_from(below).expect("64 bits");
        usize::try_from((self.0 >> 8) % below).expect("less than below")
    }

    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.next(256)).expect("a byte")
    }

    pub(super) fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.next(items.len())].clone()
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.next(times) == 0
    }
}
