//! Loops whose number of iterations is known when they begin.
//!
//! Such a loop has a body without branches, calls and other ways out, and ends with
//! `i += step; if i != bound, again`, where nothing else in it sets `i` or the bound. It can be
//! paid for once, in front, instead of on each iteration. Compilers write most copying, summing
//! and hashing loops that way.

use super::reader::Reader;

/// What ends a counted loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Constant(i32),
    Local(u32),
}

/// A loop that goes on while its counter, after the step, is not the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// The `i32` local that counts.
    pub(super) counter: u32,
    /// The step is this power of two,
    pub(super) step_log2: u32,
    /// downwards if this is set.
    pub(super) down: bool,
    pub(super) bound: Bound,
    /// Gas of one iteration, without that of loops in it.
    pub(super) gas: u64,
}

/// One iteration may cost this much, so that 2³² of them stay below 2⁶².
const MAX_GAS: u64 = 1 << 29;

/// More locals than this are not set in a counted loop.
const MAX_SETS: usize = 64;

/// The operators at the end of the longest pattern, its `br_if` included.
const PATTERN: usize = 7;

/// A loop that may turn out to be counted.
#[derive(Debug)]
struct Candidate {
    /// How many frames were open when it was opened.
    depth: usize,
    /// Locals that it sets, each as often as it does.
    sets: Vec<u32>,
    gas: u64,
    /// Where its `br_if` ends, once that was met.
    back: Option<u32>,
    counted: Option<Counted>,
}

/// Finds counted loops while a function is read.
#[derive(Debug, Default)]
pub(super) struct CountedLoops {
    /// From the outermost to the innermost. What all of them must not contain drops them.
    candidates: Vec<Candidate>,
    /// Where the last operators began, the latest first.
    recent: [u32; PATTERN],
}

impl CountedLoops {
    /// Whether the code is in no loop that may be counted.
    pub(super) fn is_idle(&self) -> bool {
        self.candidates.is_empty()
    }

    /// There is an operator here that no counted loop contains.
    pub(super) fn forget(&mut self) {
        self.candidates.clear();
    }

    /// A loop without parameters and results begins inside `depth` frames.
    pub(super) fn open(&mut self, depth: usize, price: u64) {
        let sets = Vec::new();
        self.candidates.push(Candidate { depth, sets, gas: price, back: None, counted: None });
    }

    /// An operator that neither branches nor ends a frame.
    pub(super) fn operator(&mut self, start: u32, price: u64) {
        self.note(start);
        if let Some(candidate) = self.candidates.last_mut() {
            candidate.gas = candidate.gas.saturating_add(price);
            // A `br_if` has to be the last.
            candidate.counted = None;
        }
    }

    /// A local is set.
    pub(super) fn set(&mut self, local: u32) {
        if let Some(candidate) = self.candidates.last_mut() {
            if candidate.sets.len() >= MAX_SETS {
                self.forget();
                return;
            }
            candidate.sets.push(local);
        }
    }

    /// A `br_if` to the label that is `target` frames from the outside, at `start`.
    pub(super) fn branch_if(
        &mut self,
        wasm: &[u8],
        start: u32,
        end: u32,
        target: usize,
        price: u64,
    ) {
        self.operator(start, price);
        let recent = self.recent;
        let Some(candidate) = self.candidates.last_mut() else { return };
        if candidate.depth != target || candidate.back.is_some() {
            self.forget();
            return;
        }
        candidate.back = Some(end);
        candidate.counted = pattern(wasm, recent, candidate.gas)
            .filter(|counted| is_counter(counted, &candidate.sets));
    }

    /// The frame with `depth` frames around it ends at `start`; the counted loop that it is.
    pub(super) fn close(&mut self, depth: usize, start: u32) -> Option<Counted> {
        let innermost = self.candidates.last()?;
        if innermost.depth != depth {
            // A block within the loop.
            self.note(start);
            return None;
        }
        let candidate = self.candidates.pop()?;
        let counted = candidate.counted.filter(|_| candidate.back == Some(start));
        if counted.is_none() {
            self.forget();
            return None;
        }
        for local in candidate.sets {
            self.set(local);
        }
        if let Some(outer) = self.candidates.last_mut() {
            outer.counted = None;
        }
        self.note(start);
        counted
    }

    fn note(&mut self, start: u32) {
        self.recent.rotate_right(1);
        self.recent[0] = start;
    }

    pub(super) fn clear(&mut self) {
        self.forget();
        self.recent = [0; PATTERN];
    }
}

/// Whether only the step changes the counter, and nothing the bound.
fn is_counter(counted: &Counted, sets: &[u32]) -> bool {
    let times = |local: u32| sets.iter().filter(|set| **set == local).count();
    let bound_stays = match counted.bound {
        Bound::Constant(_) => true,
        Bound::Local(bound) => bound != counted.counter && times(bound) == 0,
    };
    times(counted.counter) == 1 && bound_stays
}

/// An operator of the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Get(u32),
    Tee(u32),
    Const(i32),
    Add,
    NotEqual,
    BrIf,
    Other,
}

fn step(wasm: &[u8], start: u32) -> Step {
    let mut reader = Reader::new(wasm, usize::try_from(start).unwrap_or(usize::MAX));
    let read = |reader: &mut Reader<'_>| {
        Ok::<Step, super::InstrumentError>(match reader.byte()? {
            0x20 => Step::Get(reader.u32()?),
            0x22 => Step::Tee(reader.u32()?),
            0x41 => i32::try_from(reader.i33()?).map_or(Step::Other, Step::Const),
            0x6a => Step::Add,
            0x47 => Step::NotEqual,
            0x0d => Step::BrIf,
            _ => Step::Other,
        })
    };
    read(&mut reader).unwrap_or(Step::Other)
}

/// The loop that ends with these operators, the latest first.
fn pattern(wasm: &[u8], recent: [u32; PATTERN], gas: u64) -> Option<Counted> {
    use Step::{Add, BrIf, Const, Get, NotEqual, Tee};
    let steps = recent.map(|start| step(wasm, start));
    let (counter, add, bound) = match steps {
        // get i, const, add, tee i, br_if
        [BrIf, Tee(i), Add, Const(add), Get(j), ..] if i == j => (i, add, Bound::Constant(0)),
        // get i, const, add, tee i, const or get, ne, br_if
        [BrIf, NotEqual, Const(bound), Tee(i), Add, Const(add), Get(j)] if i == j => {
            (i, add, Bound::Constant(bound))
        }
        [BrIf, NotEqual, Get(bound), Tee(i), Add, Const(add), Get(j)] if i == j => {
            (i, add, Bound::Local(bound))
        }
        // const or get, get i, const, add, tee i, ne, br_if
        [BrIf, NotEqual, Tee(i), Add, Const(add), Get(j), Get(bound)] if i == j => {
            (i, add, Bound::Local(bound))
        }
        [BrIf, NotEqual, Tee(i), Add, Const(add), Get(j), Const(bound)] if i == j => {
            (i, add, Bound::Constant(bound))
        }
        _ => return None,
    };
    let step = add.unsigned_abs();
    let fits = step.is_power_of_two() && gas <= MAX_GAS;
    fits.then(|| Counted { counter, step_log2: step.ilog2(), down: add < 0, bound, gas })
}
