//! What a function has on the metered stack while it is read: its locals and its operands.

use super::body::place;

/// The operands, by their sizes in bytes.
#[derive(Debug, Default)]
pub(super) struct Operands {
    /// For each operand, the bytes of it and all below it. In front stands a zero, and behind the
    /// last operand is what was there before.
    sums: Vec<u64>,
    count: usize,
    highest: u64,
}

impl Operands {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The most bytes that there were at once.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes `pops` operands off, then puts `pushes` (one or none) of `size` bytes on. Without
    /// branches: what code does with operands cannot be predicted.
    #[inline]
    pub(super) fn replace(&mut self, pops: u8, pushes: u8, size: u8) {
        let below = self.count.saturating_sub(usize::from(pops));
        self.count = below.saturating_add(usize::from(pushes));
        let sum = self.sums.get(below).copied().unwrap_or_default();
        let sum = sum.saturating_add(u64::from(size));
        match self.sums.get_mut(self.count) {
            Some(place) => *place = sum,
            None => self.grow(sum),
        }
        self.highest = self.highest.max(sum);
    }

    /// Puts the first sum there that is this far up.
    #[cold]
    fn grow(&mut self, sum: u64) {
        self.sums.resize(self.count, 0);
        self.sums.push(sum);
    }

    pub(super) fn push(&mut self, size: u8) {
        self.replace(0, 1, size);
    }

    pub(super) fn pop(&mut self, count: usize) {
        self.count = self.count.saturating_sub(count);
    }

    /// Takes all off but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count);
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.highest = 0;
    }
}

/// The sizes of a function's locals.
#[derive(Debug, Default)]
pub(super) struct LocalSizes {
    /// Runs of one size: the index behind the last, and the size.
    runs: Vec<(u32, u8)>,
    /// The first locals one by one, to be found quickly.
    first: Vec<u8>,
}

impl LocalSizes {
    /// So many locals are found quickly: a function may declare billions.
    const FIRST: usize = 256;

    /// Locals of this size follow, up to `end`.
    pub(super) fn add(&mut self, end: u32, size: u8) {
        self.runs.push((end, size));
        self.first.resize(place(end).min(Self::FIRST), size);
    }

    pub(super) fn get(&self, local: u32) -> Option<u8> {
        if let Some(size) = self.first.get(place(local)) {
            return Some(*size);
        }
        let at = self.runs.partition_point(|(end, _)| *end <= local);
        self.runs.get(at).map(|(_, size)| *size)
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.first.clear();
    }
}
