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

use wasm_encoder::{BlockType, Encode, Ieee32, Ieee64, InstructionSink, ValType};

use super::Form;
use super::body::{Body, Event, EventKind, LabelKind, place};
use super::calls::HostFree;
use super::charges::Charge;
use super::counted::{Bound, Counted};

/// What is pending is subtracted at the latest when it exceeds this, so that the counter, which
/// is tested then, cannot wrap.
const MAX_PENDING: u64 = 1 << 60;

/// A function with less code than this, without loops, need not test the gas unless it calls
/// others: the functions that call it do so often enough.
const SMALL_BYTES: u32 = 256;

/// Where a function tests the gas, beside its loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tests {
    AtEntry,
    /// In front of the first call on each way.
    AtCalls,
    Nowhere,
}

/// Writes one metered function.
pub(super) struct FunctionWriter<'a> {
    /// The module that the offsets refer to.
    pub(super) wasm: &'a [u8],
    pub(super) form: Form,
    pub(super) body: &'a Body,
    /// Index of the gas global; the stack global is the next.
    pub(super) gas_global: u32,
    /// The function's results.
    pub(super) result: BlockType,
    /// Gas of entering the function.
    pub(super) entry_gas: u64,
    pub(super) free: &'a HostFree,
    /// Whether this function calls no imported one: then its callers may have gas pending.
    pub(super) is_free: bool,
    /// Where the function is written, without its length.
    pub(super) out: &'a mut Vec<u8>,
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
struct State {
    pending: u64,
    taken: bool,
    reachable: bool,
    /// Whether the local has another value than the global.
    dirty: bool,
    /// Whether the global was changed by a call since the local was set.
    stale: bool,
}

impl State {
    fn level(&self) -> Level {
        Level { pending: self.pending, taken: self.taken }
    }
}

/// The locals that charges use, behind the function's own.
#[derive(Clone, Copy)]
struct Locals {
    /// `i64`: the counter between calls, or what was last subtracted from it.
    counter: u32,
    /// `i64`: the stack that is left within the function, if that is kept.
    stack: u32,
    /// `i64`: an amount, where there are bulk operations.
    amount: u32,
    /// `i32`: a number of units, where there are bulk operations.
    count: u32,
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
        if self.body.has_exits {
            InstructionSink::new(self.out).block(self.result);
        }
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
        let mut at = body.code;
        loop {
            let charge = charges.first().map_or(u32::MAX, |charge| charge.offset);
            let event = events.first().map_or(u32::MAX, |event| event.start);
            if charge <= event && charge < u32::MAX {
                self.copy(&mut at, charge);
                if let Some((charge, rest)) = charges.split_first() {
                    charges = rest;
                    self.charge(&mut state, charge, locals);
                }
            } else if let Some((event, rest)) = events.split_first() {
                events = rest;
                self.copy(&mut at, event.start);
                self.event(&mut state, *event, &mut at, &mut open, locals);
            } else {
                break;
            }
        }
    }

    /// Copies code up to `end`.
    fn copy(&mut self, at: &mut u32, end: u32) {
        let range = usize::try_from(*at).ok().zip(usize::try_from(end).ok());
        if let Some(code) = range.and_then(|(start, end)| self.wasm.get(start..end)) {
            self.out.extend_from_slice(code);
        }
        *at = end;
    }

    /// Whether the counter is kept in a local: where there are loops, it pays.
    fn in_local(&self) -> bool {
        self.form == Form::Merged && self.body.has_loops
    }

    /// Copies the declarations of the locals and appends those that charges use.
    fn locals(&mut self) -> Locals {
        let own = self.body.locals;
        let groups = self.body.groups;
        let (start, end) = self.body.declarations;
        let (bulk, counts) = (self.body.has_bulk, self.needs_counter());
        let mut next = own;
        let mut add = |needed: bool| {
            let local = next;
            next = next.saturating_add(u32::from(needed));
            local
        };
        let locals = Locals {
            counter: add(counts),
            stack: add(self.body.has_calls),
            amount: add(bulk),
            count: add(bulk),
        };
        let words = next.saturating_sub(own).saturating_sub(u32::from(bulk));
        let added = u32::from(words > 0).saturating_add(u32::from(bulk));
        groups.saturating_add(added).encode(self.out);
        let mut at = start;
        self.copy(&mut at, end);
        if words > 0 {
            words.encode(self.out);
            ValType::I64.encode(self.out);
        }
        if bulk {
            1u32.encode(self.out);
            ValType::I32.encode(self.out);
        }
        locals
    }

    /// Whether anything here needs [`Locals::counter`].
    fn needs_counter(&self) -> bool {
        let large = self.body.total(self.entry_gas) > MAX_PENDING;
        let counted = self.form == Form::Merged && self.body.has_counted_loops;
        self.form == Form::Stepwise || self.in_local() || self.body.has_bulk || counted || large
    }

    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(self.out)
    }

    fn stack_global(&self) -> u32 {
        self.gas_global.saturating_add(1)
    }

    fn inexact_global(&self) -> u32 {
        self.gas_global.saturating_add(2)
    }

    /// Whether callers may have gas pending that the global does not know of.
    fn is_inexact(&self) -> bool {
        self.is_free && self.form == Form::Merged
    }

    fn stack_bytes(&self) -> u64 {
        self.body.operand_bytes.saturating_add(self.body.frame_bytes)
    }

    /// Stack first, then gas, as near-vm-runner does it. Whether there is room for the frame is
    /// looked at here; the frame is taken where another function is called.
    fn enter(&mut self, state: &mut State, locals: Locals) {
        let (gas, stack) = (self.gas_global, self.stack_global());
        let bytes = immediate(self.stack_bytes());
        let tests_gas = self.tests() == Tests::AtEntry;
        let counter = self.in_local().then_some(locals.counter);
        let has_calls = self.body.has_calls;
        let (is_free, inexact) = (self.is_inexact(), self.inexact_global());
        let mut sink = self.sink();
        if bytes > 0 {
            sink.global_get(stack).i64_const(bytes).i64_sub();
            if has_calls {
                sink.local_tee(locals.stack);
            }
        }
        if tests_gas {
            sink.global_get(gas);
            if let Some(counter) = counter {
                sink.local_tee(counter);
            }
            if bytes > 0 {
                // Negative if one of them is.
                sink.i64_or();
            }
        } else if let Some(counter) = counter {
            sink.global_get(gas).local_set(counter);
        }
        if tests_gas || bytes > 0 {
            sink.i64_const(0).i64_lt_s().if_(BlockType::Empty);
            if bytes > 0 {
                sink.i64_const(-1).global_set(stack);
            }
            if is_free {
                sink.i32_const(1).global_set(inexact);
            }
            sink.unreachable().end();
        }
        state.pending = self.entry_gas.min(MAX_PENDING);
        if self.form == Form::Stepwise {
            self.flush(state, 0, true, locals);
        }
    }

    fn charge(&mut self, state: &mut State, charge: &Charge, locals: Locals) {
        if !state.reachable {
            return;
        }
        if charge.price.unit > 0 {
            self.flush(state, 0, false, locals);
            self.charge_units(state, charge, locals);
            return;
        }
        state.pending = state.pending.saturating_add(charge.price.base.min(MAX_PENDING));
        if self.form == Form::Stepwise || state.pending > MAX_PENDING {
            self.flush(state, 0, true, locals);
        }
    }

    /// Subtracts `pending` but for `keep`, which may be more. With `test`, execution ends if what
    /// is left is negative.
    fn flush(&mut self, state: &mut State, keep: u64, test: bool, locals: Locals) {
        let difference = signed(state.pending).saturating_sub(signed(keep));
        state.pending = keep;
        if difference == 0 && !test {
            return;
        }
        let (gas, counter) = (self.gas_global, locals.counter);
        let in_local = self.in_local();
        if in_local {
            self.reload(state, locals);
        }
        let mut sink = self.sink();
        if in_local {
            sink.local_get(counter);
        } else {
            sink.global_get(gas);
        }
        if difference != 0 {
            sink.i64_const(difference).i64_sub();
        }
        match (in_local, test) {
            (true, false) => {
                sink.local_set(counter);
            }
            (false, false) => {
                sink.global_set(gas);
            }
            (true, true) => {
                sink.local_tee(counter).i64_const(0).i64_lt_s().if_(BlockType::Empty);
                sink.local_get(counter).global_set(gas).unreachable().end();
            }
            (false, true) => {
                sink.local_tee(counter).global_set(gas).local_get(counter);
                sink.i64_const(0).i64_lt_s().if_(BlockType::Empty).unreachable().end();
            }
        }
        state.dirty |= in_local;
    }

    /// Makes the global exact: subtracts all that is pending, on the way from the local.
    fn sync(&mut self, state: &mut State, locals: Locals) {
        let pending = signed(std::mem::take(&mut state.pending));
        let from_local = self.in_local() && !state.stale;
        if pending == 0 && !(from_local && state.dirty) {
            return;
        }
        let (gas, counter) = (self.gas_global, locals.counter);
        let mut sink = self.sink();
        if from_local {
            sink.local_get(counter);
        } else {
            sink.global_get(gas);
        }
        if pending != 0 {
            sink.i64_const(pending).i64_sub();
        }
        sink.global_set(gas);
        // The local is behind now.
        state.stale = self.in_local();
        state.dirty = false;
    }

    /// Lets the global have what the local has, for a call that changes it.
    fn publish(&mut self, state: &mut State, locals: Locals) {
        if self.in_local() {
            if state.dirty && !state.stale {
                let gas = self.gas_global;
                self.sink().local_get(locals.counter).global_set(gas);
            }
            state.dirty = false;
            state.stale = true;
        }
    }

    /// Sets the local from the global, if it is behind.
    fn reload(&mut self, state: &mut State, locals: Locals) {
        if state.stale && state.reachable {
            let gas = self.gas_global;
            self.sink().global_get(gas).local_set(locals.counter);
        }
        state.stale = false;
    }

    /// Charges for a bulk operation by its last operand. `Prices` makes sure that the price of any
    /// 32-bit number of units fits.
    fn charge_units(&mut self, state: &mut State, charge: &Charge, locals: Locals) {
        let Locals { counter, amount, count, .. } = locals;
        let (gas, in_local) = (self.gas_global, self.in_local());
        let (base, unit) = (immediate(charge.price.base), immediate(charge.price.unit));
        let (is_free, inexact) = (self.is_inexact(), self.inexact_global());
        if in_local {
            self.reload(state, locals);
        }
        let mut sink = self.sink();
        sink.local_tee(count)
            .i64_extend_i32_u()
            .i64_const(unit)
            .i64_mul()
            .i64_const(base)
            .i64_add()
            .local_set(amount);
        if in_local {
            sink.local_get(counter).local_get(amount).i64_sub().local_tee(counter);
        } else {
            sink.global_get(gas).local_get(amount).i64_sub();
            sink.local_tee(counter).global_set(gas).local_get(counter);
        }
        sink.i64_const(0).i64_lt_s().if_(BlockType::Empty);
        if in_local {
            sink.local_get(counter).global_set(gas);
        }
        if is_free {
            sink.i32_const(1).global_set(inexact);
        }
        sink.unreachable().end().local_get(count);
        state.dirty |= in_local;
    }

    /// Pays for all iterations of a loop that begins here.
    ///
    /// With `d` as the way from the counter to its bound, modulo 2³², there are `(d - 1) >> log2 + 1`
    /// of them; if the step does not divide `d`, there is no end. Where the gas does not suffice,
    /// the loop may still trap before it runs out: that is for the stepwise form to find out.
    fn pay_loop(&mut self, counted: &Counted, locals: Locals) {
        let Counted { counter: local, step_log2, down, bound, gas: per_iteration } = *counted;
        let in_local = self.in_local();
        let (gas, inexact, counter) = (self.gas_global, self.inexact_global(), locals.counter);
        let distance = |sink: &mut InstructionSink<'_>| {
            if down {
                sink.local_get(local);
            }
            match bound {
                Bound::Constant(bound) => sink.i32_const(bound),
                Bound::Local(bound) => sink.local_get(bound),
            };
            if !down {
                sink.local_get(local);
            }
            sink.i32_sub();
        };
        let mut sink = self.sink();
        if in_local {
            sink.local_get(counter);
        } else {
            sink.global_get(gas);
        }
        distance(&mut sink);
        sink.i32_const(1).i32_sub();
        if step_log2 > 0 {
            sink.i32_const(step_log2.cast_signed()).i32_shr_u();
        }
        sink.i64_extend_i32_u().i64_const(1).i64_add();
        sink.i64_const(immediate(per_iteration)).i64_mul();
        if step_log2 > 0 {
            sink.i64_const(1 << 62);
            distance(&mut sink);
            let mask = 1u32.checked_shl(step_log2).unwrap_or_default().wrapping_sub(1);
            sink.i32_const(mask.cast_signed()).i32_and().i32_eqz().select();
        }
        sink.i64_sub().local_tee(counter);
        if !in_local {
            sink.global_set(gas).local_get(counter);
        }
        sink.i64_const(0).i64_lt_s().if_(BlockType::Empty);
        sink.i32_const(1).global_set(inexact).unreachable().end();
    }

    fn event(
        &mut self,
        state: &mut State,
        event: Event,
        at: &mut u32,
        open: &mut Vec<Open>,
        locals: Locals,
    ) {
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
                    *at = event.end;
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
                    *at = event.end;
                    return;
                }
            }
            EventKind::BrTable(label) => {
                if state.reachable {
                    self.arrive_at_table(state, label, open, locals);
                }
                state.reachable = false;
            }
            EventKind::Return => {
                if state.reachable {
                    self.arrive(state, 0, locals);
                    if let Some(function) = open.first_mut() {
                        function.branched = true;
                    }
                    let depth = u32::try_from(open.len()).unwrap_or(u32::MAX).saturating_sub(1);
                    self.sink().br(depth);
                    *at = event.end;
                }
                state.reachable = false;
                return;
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
                self.copy(at, event.end);
                self.canonicalize_nan(event.kind);
                return;
            }
        }
        self.copy(at, event.end);
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
        let skips = top.kind == LabelKind::If && !top.has_else;
        let joins = match top.kind {
            LabelKind::Loop => false,
            LabelKind::If => true,
            LabelKind::Block => top.branched,
        };
        if joins {
            self.arrive(state, top.label, locals);
            let reached = state.reachable || top.branched || skips;
            // Both arms of an `if` may have come here, of which only the second is known to.
            state.reachable = reached || self.level(top.label).is_some();
            if let Some(level) = self.level(top.label) {
                (state.pending, state.taken) = (level.pending, level.taken);
            }
            state.stale = false;
            state.dirty = true;
        }
        if open.is_empty() {
            self.leave(state, locals);
        }
    }

    /// The function's end: what is pending, and the stack.
    fn leave(&mut self, state: &mut State, locals: Locals) {
        if self.body.has_exits {
            self.sink().end();
        }
        if state.reachable || self.body.has_exits {
            self.sync(state, locals);
        }
        if state.reachable {
            self.take_stack(state, false, locals);
        }
    }

    fn level(&self, label: u32) -> Option<Level> {
        *self.levels.get(place(self.body.group(label)))?
    }

    /// A way leads to `label` from here.
    fn arrive(&mut self, state: &mut State, label: u32, locals: Locals) {
        let back = self.body.label(label).is_some_and(|label| label.kind == LabelKind::Loop);
        if back && state.reachable && self.form == Form::Merged {
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

    /// Takes the frame from the stack global, or gives it back.
    fn take_stack(&mut self, state: &mut State, taken: bool, locals: Locals) {
        if state.taken == taken {
            return;
        }
        state.taken = taken;
        let tests_gas = taken && self.tests() == Tests::AtCalls;
        let (gas, stack) = (self.gas_global, self.stack_global());
        let bytes = immediate(self.stack_bytes());
        let mut sink = self.sink();
        if bytes > 0 {
            sink.local_get(locals.stack);
            if !taken {
                sink.i64_const(bytes).i64_add();
            }
            sink.global_set(stack);
        }
        if tests_gas {
            sink.global_get(gas).i64_const(0).i64_lt_s();
            sink.if_(BlockType::Empty).unreachable().end();
        }
    }

    /// Where the gas is tested, but for loops.
    fn tests(&self) -> Tests {
        let body = self.body;
        let end = body.events.last().map_or(body.code, |event| event.end);
        let is_small = end.saturating_sub(body.code) <= SMALL_BYTES;
        match (self.form, body.has_calls) {
            // Each charge is tested.
            (Form::Stepwise, _) => Tests::Nowhere,
            (Form::Merged, _) if body.has_loops || !is_small => Tests::AtEntry,
            (Form::Merged, true) => Tests::AtCalls,
            (Form::Merged, false) => Tests::Nowhere,
        }
    }


    /// All targets of a `br_table` are in the group of `label`.
    fn arrive_at_table(
        &mut self,
        state: &mut State,
        label: u32,
        open: &mut [Open],
        locals: Locals,
    ) {
        let group = self.body.group(label);
        let mut back = false;
        for target in open.iter_mut().filter(|open| self.body.group(open.label) == group) {
            target.branched = true;
            back |= target.kind == LabelKind::Loop;
        }
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
        if self.in_local() {
            self.reload(state, locals);
        }
        if let (Some(counted), Form::Merged) = (label.counted, self.form) {
            // Each iteration was paid for in front.
            state.pending = state.pending.saturating_sub(counted.gas);
            if self.level(number) == Some(state.level()) {
                return false;
            }
        }
        let differs = self.level(number).is_some_and(|level| level != state.level());
        if label.kind == LabelKind::Loop || label.has_operands || !differs {
            self.arrive(state, number, locals);
            return false;
        }
        // Only the way that branches pays the difference.
        self.sink().if_(BlockType::Empty);
        let (level, dirty) = (state.level(), state.dirty);
        self.arrive(state, number, locals);
        self.sink().br(depth.saturating_add(1)).end();
        (state.pending, state.taken) = (level.pending, level.taken);
        state.dirty = dirty;
        true
    }

    /// Multiplies the result of a promotion or demotion with one, which changes nothing but the
    /// NaNs: compilers that return canonical NaNs from arithmetic may forget these two.
    fn canonicalize_nan(&mut self, kind: EventKind) {
        if kind == EventKind::Promote {
            self.sink().f64_const(Ieee64::from(1.0)).f64_mul();
        } else {
            self.sink().f32_const(Ieee32::from(1.0)).f32_mul();
        }
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

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// An amount as an operand. Amounts beyond 2⁶² (no schedule has them) are taken as 2⁶², which no
/// counter survives and which keeps the subtraction from wrapping.
fn immediate(amount: u64) -> i64 {
    const MAX: i64 = 1 << 62;
    i64::try_from(amount).unwrap_or(MAX).min(MAX)
}
