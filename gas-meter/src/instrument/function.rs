//! One function, written down with its charges.
//!
//! While code is written, `pending` is what was due since the last subtraction: the gas that is
//! left is the counter less `pending`. Straight code only adds to it. Where ways join, all of them
//! must arrive with the same amount pending: the label's. The first way to a label decides how
//! much that is; each later one subtracts or gives back the difference. So a loop is paid once on
//! each way through it, and a way that leaves a label early pays nothing extra.
//!
//! In front of calls, behind which others look at the gas, everything is subtracted. Tests stand
//! at function entries and at each way back to a loop, so that no execution can go on without
//! meeting one.

use std::ops::Range;

use wasm_encoder::BlockType;

use super::Form;
use super::body::{Body, Event, EventKind, LabelKind, place};
use super::calls::HostFree;
use super::emit::Locals;

/// Writes one metered function.
pub(super) struct FunctionWriter<'a> {
    /// The module that the offsets refer to.
    pub(super) wasm: &'a [u8],
    pub(super) form: Form,
    pub(super) body: &'a Body,
    /// Index of the gas global; the stack global is the next.
    pub(super) gas_global: u32,
    /// Gas of entering the function.
    pub(super) entry_gas: u64,
    pub(super) free: &'a HostFree,
    /// Whether this function calls no imported one: then its callers may have gas pending.
    pub(super) is_free: bool,
    /// Where the function is written, without its length.
    pub(super) out: &'a mut Vec<u8>,
    /// What is to be copied from the module before anything else is written: most charges and
    /// events write nothing, so that few and long pieces are copied.
    pub(super) uncopied: Range<u32>,
    /// What holds at each group of labels, as far as it is decided.
    pub(super) levels: &'a mut Vec<Option<Level>>,
}

/// What must hold on each way to a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Gas that is due and not yet subtracted.
    pending: u64,
    /// Whether the stack global lacks the function's frame.
    taken: bool,
}

/// A label around the current operator.
#[derive(Clone, Copy)]
struct Open {
    label: u32,
    kind: LabelKind,
    /// Whether it was opened in code that is never reached.
    dead: bool,
    /// What held at its `if`, for the other arm.
    at_if: Level,
    has_else: bool,
    branched: bool,
}

/// What holds while code is written.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
pub(super) struct State {
    pub(super) pending: u64,
    /// Whether the stack global lacks the function's frame.
    pub(super) taken: bool,
    pub(super) reachable: bool,
    /// Whether the local has another value than the global.
    pub(super) dirty: bool,
    /// Whether the global was changed by a call since the local was set.
    pub(super) stale: bool,
}

impl State {
    fn level(&self) -> Level {
        Level { pending: self.pending, taken: self.taken }
    }
}

impl FunctionWriter<'_> {
    /// Writes the function.
    pub(super) fn write(&mut self) {
        self.levels.clear();
        self.levels.resize(self.body.label_count(), None);
        // Nothing is behind the function's end that what is pending could be charged with.
        self.decide(0, Level { pending: 0, taken: false });
        let locals = self.locals();
        let mut state =
            State { pending: 0, taken: false, reachable: true, dirty: false, stale: false };
        self.enter(&mut state, locals);
        let mut open = vec![Open {
            label: 0,
            kind: LabelKind::Block,
            dead: false,
            at_if: Level { pending: 0, taken: false },
            has_else: false,
            branched: false,
        }];
        let body = self.body;
        let (mut charges, mut events) = (body.charges.as_slice(), body.events.as_slice());
        self.uncopied = body.code..body.code;
        loop {
            let charge = charges.first().map_or(u32::MAX, |charge| charge.offset);
            let event = events.first().map_or(u32::MAX, |event| event.start);
            if charge <= event && charge < u32::MAX {
                self.uncopied.end = charge;
                if let Some((charge, rest)) = charges.split_first() {
                    charges = rest;
                    self.charge(&mut state, charge, locals);
                }
            } else if let Some((event, rest)) = events.split_first() {
                events = rest;
                self.uncopied.end = event.start;
                self.event(&mut state, *event, &mut open, locals);
            } else {
                break;
            }
        }
        self.copy();
    }

    /// Copies what is to be copied.
    pub(super) fn copy(&mut self) {
        let Range { start, end } = self.uncopied;
        if let Some(code) = self.wasm.get(place(start)..place(end)) {
            self.out.extend_from_slice(code);
        }
        self.uncopied = end..end;
    }

    /// Goes on behind `end`: what stands there was written otherwise.
    fn replace(&mut self, end: u32) {
        self.copy();
        self.uncopied = end..end;
    }

    fn event(&mut self, state: &mut State, event: Event, open: &mut Vec<Open>, locals: Locals) {
        match event.kind {
            EventKind::Open(label) => self.open(state, label, open, locals),
            EventKind::Else => {
                if let Some(top) = open.last().copied() {
                    self.arrive(state, top.label, locals);
                    *state = State {
                        pending: top.at_if.pending,
                        taken: top.at_if.taken,
                        reachable: !top.dead,
                        dirty: true,
                        stale: false,
                    };
                }
            }
            EventKind::End => {
                self.end(state, open, locals);
                if open.is_empty() {
                    self.replace(event.end);
                    self.sink().end();
                    return;
                }
            }
            EventKind::Br(depth) => {
                if state.reachable
                    && let Some(target) = target(open, depth)
                {
                    self.arrive(state, target, locals);
                }
                state.reachable = false;
            }
            EventKind::BrIf(depth) => {
                if state.reachable && self.branch_if(state, open, depth, locals) {
                    self.replace(event.end);
                    return;
                }
            }
            EventKind::BrTable(label) => {
                if state.reachable {
                    self.arrive_at_table(state, label, locals);
                }
                state.reachable = false;
            }
            EventKind::Return => {
                if state.reachable {
                    self.leave(state, locals);
                }
                state.reachable = false;
            }
            EventKind::Unreachable => {
                if state.reachable && self.is_inexact() {
                    let inexact = self.inexact_global();
                    self.sink().i32_const(1).global_set(inexact);
                } else if state.reachable {
                    self.sync(state, locals);
                }
                state.reachable = false;
            }
            EventKind::Call(function) if self.free.is_free(function) => {
                if state.reachable {
                    self.take_stack(state, true, locals);
                    self.publish(state, locals);
                }
            }
            EventKind::Call(_) | EventKind::CallIndirect => {
                if state.reachable {
                    self.take_stack(state, true, locals);
                    self.sync(state, locals);
                    state.stale = self.in_local();
                }
            }
            EventKind::Promote | EventKind::Demote => {
                self.uncopied.end = event.end;
                self.canonicalize_nan(event.kind);
                return;
            }
        }
        self.uncopied.end = event.end;
    }

    /// `block`, `loop` and `if`.
    fn open(&mut self, state: &mut State, number: u32, open: &mut Vec<Open>, locals: Locals) {
        let Some(label) = self.body.label(number).copied() else { return };
        let dead = !state.reachable;
        if !dead {
            if self.in_local() {
                self.reload(state, locals);
            }
            // A way from here arrives at the label without code of its own.
            let direct = label.kind == LabelKind::If && !label.has_else;
            let repeats = label.kind == LabelKind::Loop && label.is_target;
            if repeats && label.has_calls {
                // Once in front, rather than on each iteration.
                self.take_stack(state, true, locals);
            }
            if direct || repeats {
                self.arrive_forward(state, number, locals);
                state.dirty = true;
            }
            if let (Some(counted), Form::Merged) = (label.counted, self.form) {
                self.pay_loop(&counted, locals);
            }
        }
        open.push(Open {
            label: number,
            kind: label.kind,
            dead,
            at_if: state.level(),
            has_else: label.has_else,
            branched: false,
        });
    }

    fn end(&mut self, state: &mut State, open: &mut Vec<Open>, locals: Locals) {
        let Some(top) = open.pop() else { return };
        if top.dead {
            return;
        }
        if open.is_empty() {
            if state.reachable {
                self.leave(state, locals);
            }
            return;
        }
        let skips = top.kind == LabelKind::If && !top.has_else;
        let in_table = self.body.label(top.label).is_some_and(|label| label.in_table);
        let joins = match top.kind {
            LabelKind::Loop => false,
            LabelKind::If => true,
            LabelKind::Block => top.branched || in_table,
        };
        if joins {
            self.arrive(state, top.label, locals);
            let reached = state.reachable || top.branched || skips;
            // Both arms of an `if`, or a `br_table`, may have come here.
            state.reachable = reached || self.level(top.label).is_some();
            if let Some(level) = self.level(top.label) {
                (state.pending, state.taken) = (level.pending, level.taken);
            }
            state.stale = false;
            state.dirty = true;
        }
    }

    /// A way leaves the function: the globals must be as its caller expects them.
    fn leave(&mut self, state: &mut State, locals: Locals) {
        self.take_stack(state, false, locals);
        self.sync(state, locals);
    }

    fn level(&self, label: u32) -> Option<Level> {
        *self.levels.get(place(self.body.group(label)))?
    }

    /// A way leads to `label` from here.
    fn arrive(&mut self, state: &mut State, label: u32, locals: Locals) {
        if !state.reachable {
            return;
        }
        if label == 0 {
            self.leave(state, locals);
            return;
        }
        let back = self.body.label(label).is_some_and(|label| label.kind == LabelKind::Loop);
        if back && self.form == Form::Merged {
            let level = self.level(label).unwrap_or(Level { pending: 0, taken: state.taken });
            self.take_stack(state, level.taken, locals);
            self.flush(state, level.pending, true, locals);
            return;
        }
        self.arrive_forward(state, label, locals);
    }

    /// The same without the test of a way back.
    fn arrive_forward(&mut self, state: &mut State, label: u32, locals: Locals) {
        if !state.reachable {
            return;
        }
        if self.in_local() {
            self.reload(state, locals);
        }
        match self.level(label) {
            Some(level) => {
                self.take_stack(state, level.taken, locals);
                self.flush(state, level.pending, false, locals);
            }
            None => self.decide(label, state.level()),
        }
    }

    fn decide(&mut self, label: u32, level: Level) {
        if let Some(decided) = self.levels.get_mut(place(self.body.group(label))) {
            *decided = Some(level);
        }
    }

    /// All targets of a `br_table` are in the group of `label`, the function's end perhaps too.
    fn arrive_at_table(&mut self, state: &mut State, label: u32, locals: Locals) {
        let group = self.body.group(label);
        let back = self.body.label(group).is_some_and(|label| label.table_repeats);
        if self.in_local() {
            self.reload(state, locals);
        }
        match self.level(label) {
            Some(level) => {
                self.take_stack(state, level.taken, locals);
                self.flush(state, level.pending, back && self.form == Form::Merged, locals);
            }
            None => self.decide(label, state.level()),
        }
        if group == 0 {
            self.publish(state, locals);
        }
    }

    /// `br_if`: whether it was written already.
    fn branch_if(
        &mut self,
        state: &mut State,
        open: &mut [Open],
        depth: u32,
        locals: Locals,
    ) -> bool {
        let Some(number) = target(open, depth) else { return false };
        let Some(label) = self.body.label(number).copied() else { return false };
        if self.in_local() && number != 0 {
            self.reload(state, locals);
        }
        if let (Some(counted), Form::Merged) = (label.counted, self.form) {
            // Each iteration was paid for in front.
            state.pending = state.pending.saturating_sub(counted.gas);
            if self.level(number) == Some(state.level()) {
                return false;
            }
        }
        let behind = number == 0 && self.in_local() && state.dirty && !state.stale;
        let differs = self.level(number).is_some_and(|level| level != state.level());
        if label.kind == LabelKind::Loop || label.has_operands || !(differs || behind) {
            self.arrive(state, number, locals);
            return false;
        }
        // Only the way that branches pays the difference.
        self.sink().if_(BlockType::Empty);
        let before = *state;
        self.arrive(state, number, locals);
        self.sink().br(depth.saturating_add(1)).end();
        *state = before;
        true
    }
}

/// The label that a branch of this depth goes to, which is noted there.
fn target(open: &mut [Open], depth: u32) -> Option<u32> {
    let depth = usize::try_from(depth).ok()?;
    let at = open.len().checked_sub(depth.checked_add(1)?)?;
    let target = open.get_mut(at)?;
    target.branched = true;
    Some(target.label)
}
