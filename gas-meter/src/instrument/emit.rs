//! The code that counts: how a function looks for room on the stack, subtracts what is due and
//! tests what is left.

use wasm_encoder::{BlockType, Encode, Ieee32, Ieee64, InstructionSink, ValType};

use super::Form;
use super::body::EventKind;
use super::charges::Charge;
use super::counted::{Bound, Counted};
use super::function::{FunctionWriter, State};

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

/// The locals that charges use, behind the function's own.
#[derive(Clone, Copy)]
pub(super) struct Locals {
    /// `i64`: the counter between calls, or what was last subtracted from it.
    pub(super) counter: u32,
    /// `i64`: the stack that is left within the function, if that is kept.
    pub(super) stack: u32,
    /// `i64`: an amount, where there are bulk operations.
    pub(super) amount: u32,
    /// `i32`: a number of units, where there are bulk operations.
    pub(super) count: u32,
}

impl FunctionWriter<'_> {
    /// Whether the counter is kept in a local: where there are loops, it pays.
    pub(super) fn in_local(&self) -> bool {
        self.form == Form::Merged && self.body.has_loops && !self.is_full()
    }

    /// Whether it has about the most locals that parsers take. Then charges use two more in both
    /// forms, as near-vm-runner's always do: the same functions have room for them.
    fn is_full(&self) -> bool {
        const MAX_LOCALS: u32 = 50_000;
        const MOST_ADDED: u32 = 4;
        self.body.locals.saturating_add(MOST_ADDED) > MAX_LOCALS
    }

    /// Copies the declarations of the locals and appends those that charges use.
    pub(super) fn locals(&mut self) -> Locals {
        let own = self.body.locals;
        let groups = self.body.groups;
        let (start, end) = self.body.declarations;
        let (full, calls) = (self.is_full(), self.body.has_calls);
        let (bulk, counts) = (self.body.has_bulk || full, self.needs_counter());
        let mut next = own;
        let mut add = |needed: bool| {
            let local = next;
            next = next.saturating_add(u32::from(needed));
            local
        };
        // In a full one the counter is only used where the amount is not any more.
        let locals = Locals {
            counter: add(counts && !full),
            stack: add(calls && !full),
            amount: add(bulk),
            count: add(bulk),
        };
        let words = next.saturating_sub(own).saturating_sub(u32::from(bulk));
        let added = u32::from(words > 0).saturating_add(u32::from(bulk));
        groups.saturating_add(added).encode(self.out);
        self.uncopied = start..end;
        self.copy();
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

    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        self.copy();
        InstructionSink::new(self.out)
    }

    fn stack_global(&self) -> u32 {
        self.gas_global.saturating_add(1)
    }

    pub(super) fn inexact_global(&self) -> u32 {
        self.gas_global.saturating_add(2)
    }

    /// Whether callers may have gas pending that the global does not know of.
    pub(super) fn is_inexact(&self) -> bool {
        self.is_free && self.form == Form::Merged
    }

    fn stack_bytes(&self) -> u64 {
        self.body.operand_bytes.saturating_add(self.body.frame_bytes)
    }

    /// Stack first, then gas, as near-vm-runner does it. Whether there is room for the frame is
    /// looked at here; the frame is taken where another function is called.
    pub(super) fn enter(&mut self, state: &mut State, locals: Locals) {
        let (gas, stack) = (self.gas_global, self.stack_global());
        let bytes = immediate(self.stack_bytes());
        let tests_gas = self.tests() == Tests::AtEntry;
        let counter = self.in_local().then_some(locals.counter);
        let keeps_stack = self.body.has_calls && !self.is_full();
        let (is_free, inexact) = (self.is_inexact(), self.inexact_global());
        let mut sink = self.sink();
        if bytes > 0 {
            sink.global_get(stack).i64_const(bytes).i64_sub();
            if keeps_stack {
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

    pub(super) fn charge(&mut self, state: &mut State, charge: &Charge, locals: Locals) {
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
    pub(super) fn flush(&mut self, state: &mut State, keep: u64, test: bool, locals: Locals) {
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
    pub(super) fn sync(&mut self, state: &mut State, locals: Locals) {
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
    pub(super) fn publish(&mut self, state: &mut State, locals: Locals) {
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
    pub(super) fn reload(&mut self, state: &mut State, locals: Locals) {
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
    pub(super) fn pay_loop(&mut self, paid: &Counted, locals: Locals) {
        let Counted { counter: index, step_log2, down, bound, gas: per_iteration } = *paid;
        let in_local = self.in_local();
        let (gas, flag, counter) = (self.gas_global, self.inexact_global(), locals.counter);
        let distance = |sink: &mut InstructionSink<'_>| {
            if down {
                sink.local_get(index);
            }
            match bound {
                Bound::Constant(bound) => sink.i32_const(bound),
                Bound::Local(bound) => sink.local_get(bound),
            };
            if !down {
                sink.local_get(index);
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
        sink.i32_const(1).global_set(flag).unreachable().end();
    }

    /// Takes the frame from the stack global, or gives it back.
    pub(super) fn take_stack(&mut self, state: &mut State, taken: bool, locals: Locals) {
        if state.taken == taken {
            return;
        }
        state.taken = taken;
        let tests_gas = taken && self.tests() == Tests::AtCalls;
        let (gas, stack) = (self.gas_global, self.stack_global());
        let (bytes, full) = (immediate(self.stack_bytes()), self.is_full());
        let mut sink = self.sink();
        if bytes > 0 {
            match (full, taken) {
                (false, true) => sink.local_get(locals.stack),
                (false, false) => sink.local_get(locals.stack).i64_const(bytes).i64_add(),
                (true, true) => sink.global_get(stack).i64_const(bytes).i64_sub(),
                (true, false) => sink.global_get(stack).i64_const(bytes).i64_add(),
            };
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
            (Form::Merged, _) if body.has_loops || !is_small => Tests::AtEntry,
            // Less code at the entry, less time at calls: functions that are free are small helpers.
            (Form::Merged, true) if !self.is_free => Tests::AtEntry,
            (Form::Merged, true) => Tests::AtCalls,
            // In the stepwise form, each charge is tested.
            (Form::Merged, false) | (Form::Stepwise, _) => Tests::Nowhere,
        }
    }

    /// Multiplies the result of a promotion or demotion with one, which changes nothing but the
    /// NaNs: compilers that return canonical NaNs from arithmetic may forget these two.
    pub(super) fn canonicalize_nan(&mut self, kind: EventKind) {
        if kind == EventKind::Promote {
            self.sink().f64_const(Ieee64::from(1.0)).f64_mul();
        } else {
            self.sink().f32_const(Ieee32::from(1.0)).f32_mul();
        }
    }
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
