//! Where NEAR charges, and how much: operators in groups that are charged together.
//!
//! The rules are those of finite-wasm 0.6.1 (`gas/mod.rs`, `gas/optimize.rs`), which decides the
//! totals of NEAR; a test compares the two on random modules. A group ends in front of and behind
//! each operator that can trap, branch, be branched to or call, so that what was charged and what
//! ran cannot be told apart.

use super::schedule::Price;

/// What surrounds a point decides with which neighbours it can be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In front of an operator that neither traps nor branches.
    Pure,
    /// In code that is never reached: nothing is charged.
    Unreachable,
    /// In front of a trap, a branch, a call or a label.
    Before,
    /// Behind one.
    After,
    /// Between two of them.
    Between,
    /// In front of an operation on a number of units.
    Bulk,
}

/// A charge of the analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Where, as an offset in the module: in front of the operator there.
    pub offset: u32,
    /// How much. With a price for each unit, the operator's last operand is their number.
    pub price: Price,
    pub(super) kind: Kind,
    /// Whether [`Points::mark_loop`] may still change the kind, so that nothing may join yet.
    open: bool,
}

impl Charge {
    fn joined(self, next: Charge, kind: Kind) -> Option<Charge> {
        if self.price.unit > 0 || next.price.unit > 0 {
            return None;
        }
        let base = self.price.base.saturating_add(next.price.base);
        Some(Charge { price: Price::flat(base), kind, ..self })
    }
}

/// A `loop` and its two points: a branch to it makes them ends of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoopPoints {
    /// Index of the point in front of the `loop`; the one behind it is the next.
    before: usize,
}

/// Collects the charges of one function.
#[derive(Debug, Default)]
pub(super) struct Points {
    points: Vec<Charge>,
    /// A point that is due at the next operator.
    scheduled: Option<(Kind, u64, bool)>,
}

impl Points {
    /// Called in front of each operator.
    pub(super) fn at(&mut self, offset: u32) {
        if let Some((kind, base, open)) = self.scheduled.take() {
            self.points.push(Charge { offset, price: Price::flat(base), kind, open });
        }
    }

    /// An operator that costs `price`.
    pub(super) fn before(&mut self, offset: u32, kind: Kind, price: Price, reachable: bool) {
        let kind = if reachable { kind } else { Kind::Unreachable };
        if let Some(last) = self.points.last_mut()
            && absorbs(last.kind, kind)
            && !last.open
            && last.price.unit == 0
            && price.unit == 0
        {
            last.price.base = last.price.base.saturating_add(price.base);
            return;
        }
        self.points.push(Charge { offset, price, kind, open: false });
    }

    /// Operators that cost `base` join the last point.
    pub(super) fn join(&mut self, base: u64) {
        if let Some(last) = self.points.last_mut() {
            last.price.base = last.price.base.saturating_add(base);
        }
    }

    /// Something ends behind the operator.
    pub(super) fn after(&mut self, kind: Kind) {
        self.scheduled = Some((kind, 0, false));
    }

    /// A `loop`, which is paid for behind it, on each iteration.
    pub(super) fn before_loop(&mut self, offset: u32, base: u64, reachable: bool) -> LoopPoints {
        let before = self.points.len();
        let kind = if reachable { Kind::Pure } else { Kind::Unreachable };
        self.points.push(Charge { offset, price: Price::FREE, kind, open: true });
        self.scheduled = Some((Kind::Pure, base, true));
        LoopPoints { before }
    }

    /// A branch goes to the loop.
    pub(super) fn mark_loop(&mut self, points: LoopPoints) {
        let behind = points.before.saturating_add(1);
        if let Some(point) = self.points.get_mut(points.before) {
            point.kind = Kind::Before;
        }
        if let Some(point) = self.points.get_mut(behind) {
            point.kind = Kind::After;
        }
    }

    /// Joins what can be joined; the charges are then in order, at most one where something is
    /// due.
    pub(super) fn finish(&mut self) {
        let mut kept = 0;
        let mut at = 0;
        let mut last: Option<Charge> = None;
        while let Some(point) = self.points.get(at).copied() {
            at = at.saturating_add(1);
            let mut point = point;
            while let Some(next) = self.points.get(at).filter(|next| next.offset == point.offset)
                && let Some(joined) = point.joined(*next, same_place(point.kind, next.kind))
            {
                point = joined;
                at = at.saturating_add(1);
            }
            let joined = last.and_then(|last| last.joined(point, across(last.kind, point.kind)?));
            if joined.is_none() {
                kept = self.keep(kept, last);
            }
            last = joined.or(Some(point));
        }
        kept = self.keep(kept, last);
        self.points.truncate(kept);
    }

    /// Writes a point back if something is due there.
    fn keep(&mut self, kept: usize, point: Option<Charge>) -> usize {
        let due = point
            .filter(|point| point.kind != Kind::Unreachable && !point.price.is_free())
            .zip(self.points.get_mut(kept));
        match due {
            Some((point, place)) => {
                *place = point;
                kept.saturating_add(1)
            }
            None => kept,
        }
    }

    /// The charges, once they are finished.
    pub(super) fn finished(&self) -> &[Charge] {
        &self.points
    }

    pub(super) fn clear(&mut self) {
        self.points.clear();
        self.scheduled = None;
    }
}

/// Whether a point can take in the next operator's while points are collected.
fn absorbs(point: Kind, next: Kind) -> bool {
    matches!(
        (point, next),
        (Kind::Pure | Kind::After, Kind::Pure) | (Kind::Unreachable, Kind::Unreachable)
    )
}

/// The kind of two points at one place.
fn same_place(point: Kind, next: Kind) -> Kind {
    use Kind::{After, Before, Between, Bulk, Pure, Unreachable};
    match (point, next) {
        (Unreachable, _) | (_, Unreachable) => Unreachable,
        (_, Bulk) | (Bulk, _) => Bulk,
        (Pure, next) => next,
        (Before, Before | Pure) => Before,
        (After, After | Pure) => After,
        (Before | After | Between, _) => Between,
    }
}

/// The kind of two points with an operator between them, if they can be one.
fn across(point: Kind, next: Kind) -> Option<Kind> {
    use Kind::{After, Before, Between, Pure, Unreachable};
    match (point, next) {
        (Pure, Pure) => Some(Pure),
        (Unreachable, Unreachable) => Some(Unreachable),
        (After, Before) => Some(Between),
        (Pure, Before) => Some(Before),
        (After, Pure) => Some(After),
        _ => None,
    }
}
