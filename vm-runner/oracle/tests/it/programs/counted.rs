//! Loops whose number of iterations can be known when they begin, and loops that only look so.

use wasm_encoder::ValType;

use super::body::Body;

/// What a loop counts to.
#[derive(Clone, Copy)]
enum Bound {
    Constant(i32),
    Local(u32),
}

impl Body<'_> {
    /// A loop that ends with `i += step; if i != bound, again`.
    pub(super) fn counted(&mut self, counter: u32) {
        let step = *self.rng.pick(&[1, -1, 1, -1, 4, -4, 8, -2, 3, i32::MIN]);
        let times = i32::try_from(1 + self.rng.small(9)).expect("small");
        let bound = i32::try_from(self.rng.small(40)).expect("small") - 20;
        let mut start = bound.wrapping_sub(step.wrapping_mul(times));
        if self.rng.chance(self.plan.flavour.wild) {
            // One that goes on for very long or forever, or is at its end.
            start = *self.rng.pick(&[start + 1, bound, bound.wrapping_add(step), i32::MAX, 0]);
        }
        let bound = if self.rng.chance(50) {
            let local = self.local(ValType::I32);
            self.sink().i32_const(bound).local_set(local);
            Bound::Local(local)
        } else {
            Bound::Constant(bound)
        };
        self.sink().i32_const(start).local_set(counter);
        self.enter_loop(true);
        for _ in 0..self.rng.small(5) {
            self.plain_statement(counter, bound);
        }
        self.step(counter, step, bound);
        if self.rng.chance(4) {
            self.sink().nop();
        }
        self.leave_block();
    }

    /// The end of the loop.
    fn step(&mut self, counter: u32, step: i32, bound: Bound) {
        if self.rng.chance(5) {
            self.sink().i32_const(step).local_get(counter).i32_add().local_tee(counter);
            self.push(bound).i32_ne().br_if(0);
            return;
        }
        let behind = self.rng.chance(60);
        let zero = matches!(bound, Bound::Constant(0));
        if zero && behind {
            self.sink().local_get(counter).i32_const(step).i32_add().local_tee(counter).br_if(0);
            return;
        }
        if !behind {
            self.push(bound);
        }
        self.sink().local_get(counter).i32_const(step).i32_add().local_tee(counter);
        if behind {
            self.push(bound);
        }
        self.sink().i32_ne().br_if(0);
    }

    fn push(&mut self, bound: Bound) -> wasm_encoder::InstructionSink<'_> {
        let mut sink = self.sink();
        match bound {
            Bound::Constant(bound) => sink.i32_const(bound),
            Bound::Local(bound) => sink.local_get(bound),
        };
        sink
    }

    /// A statement without control flow, most of the time.
    fn plain_statement(&mut self, counter: u32, bound: Bound) {
        match self.rng.small(30) {
            0..=8 => {
                let ty = self.any_type();
                self.plain(ty, counter);
                let local = self.local(ty);
                if !matches!(bound, Bound::Local(bound) if bound == local) || self.wild() {
                    self.sink().local_set(local);
                } else {
                    self.sink().drop();
                }
            }
            9..=14 => {
                self.place_by(counter);
                self.plain(ValType::I64, counter);
                self.sink().i64_store(super::expressions::place(0));
            }
            15..=17 => {
                self.plain(ValType::I64, counter);
                let global = self.global(ValType::I64);
                self.sink().global_set(global);
            }
            18..=20 => {
                self.place_by(counter);
                self.sink().i32_load(super::expressions::place(8)).drop();
            }
            21..=22 => {
                self.plain(ValType::I32, counter);
                self.plain(ValType::I32, counter);
                if !self.wild() {
                    self.sink().i32_const(1).i32_or();
                }
                self.sink().i32_rem_u().drop();
            }
            23..=25 => self.iterate(),
            26 if self.wild() => {
                self.sink().local_get(counter).i32_const(1).i32_add().local_set(counter);
            }
            27 => {
                self.statement();
            }
            _ => {
                self.sink().nop();
            }
        }
    }

    /// A value without control flow.
    fn plain(&mut self, ty: ValType, counter: u32) {
        if ty == ValType::I32 && self.rng.chance(40) {
            self.sink().local_get(counter);
        } else {
            self.leaf(ty);
        }
        if self.rng.chance(50) {
            self.leaf(ty);
            self.binary_operator(ty);
        }
    }

    /// An address that is further away with each iteration, at times beyond memory.
    fn place_by(&mut self, counter: u32) {
        let wild = self.wild();
        let mut sink = self.sink();
        sink.local_get(counter).i32_const(0xff).i32_and();
        sink.i32_const(if wild { 24 } else { 3 }).i32_shl().i32_const(0x1000).i32_add();
    }
}
