//! Statements that decide what runs next: branches, loops, checks and what is behind them.

use wasm_encoder::{BlockType, ValType};

use super::body::{Body, COUNTERS, Label};
use super::{FUEL, Plan};

impl Body<'_> {
    /// `if`, with or without `else`, perhaps as the start of a chain of them.
    pub(super) fn conditional(&mut self) {
        let depth = if self.rng.chance(10) { 1 + self.rng.small(6) } else { 1 };
        for _ in 0..depth {
            self.expression(ValType::I32, 2);
            self.sink().if_(BlockType::Empty);
            self.labels.push(Label { takes: None, endless: false });
        }
        for _ in 0..depth {
            self.statements(3);
            if self.rng.chance(50) {
                self.sink().else_();
                self.statements(3);
            }
            self.labels.pop();
            self.sink().end();
        }
    }

    /// A check as compilers write it: what is not as it should be ends the execution.
    pub(super) fn guard(&mut self) {
        self.expression(ValType::I32, 2);
        if !self.wild() {
            self.sink().i32_const(0xff).i32_and().i32_const(77).i32_eq();
        }
        if self.rng.chance(50) {
            self.sink().if_(BlockType::Empty).unreachable().end();
        } else {
            self.sink().i32_eqz().if_(BlockType::Empty).else_().unreachable().end();
        }
    }

    /// Runs `exhausted` when the fuel is, and burns some otherwise.
    pub(super) fn fueled(&mut self, exhausted: impl FnOnce(&mut Self)) {
        self.sink().global_get(FUEL).i32_const(1).i32_sub().global_set(FUEL);
        self.sink().global_get(FUEL).i32_const(0).i32_lt_s().if_(BlockType::Empty);
        exhausted(self);
        self.sink().end();
    }

    /// A loop, in the shapes that compilers write.
    pub(super) fn iterate(&mut self) {
        if self.loops >= COUNTERS {
            return;
        }
        let counter = super::index(self.locals.len()) + self.loops;
        self.loops += 1;
        if self.rng.chance(self.plan.flavour.counted) {
            self.counted(counter);
            self.loops -= 1;
            return;
        }
        let count = i32::try_from(self.rng.small(7)).expect("small");
        self.sink().i32_const(count).local_set(counter);
        match self.rng.small(10) {
            0..=3 => self.do_while(counter),
            4..=6 => self.count_down(counter),
            _ => self.burn_down(),
        }
        self.loops -= 1;
    }

    pub(super) fn enter_loop(&mut self, endless: bool) {
        self.sink().loop_(BlockType::Empty);
        self.labels.push(Label { takes: None, endless });
    }

    pub(super) fn leave_block(&mut self) {
        self.labels.pop();
        self.sink().end();
    }

    /// The test at the end.
    fn do_while(&mut self, counter: u32) {
        self.enter_loop(true);
        self.statements(4);
        self.sink().local_get(counter).i32_const(1).i32_sub().local_tee(counter);
        self.sink().i32_const(0).i32_gt_s().br_if(0);
        self.statements(1);
        self.leave_block();
    }

    /// The test at the head, and an exit.
    fn count_down(&mut self, counter: u32) {
        self.sink().block(BlockType::Empty);
        self.labels.push(Label { takes: None, endless: false });
        self.enter_loop(false);
        self.sink().local_get(counter).i32_eqz().br_if(1);
        self.sink().local_get(counter).i32_const(1).i32_sub().local_set(counter);
        if !self.statements(4) {
            self.sink().br(0);
            self.dead_code();
        }
        self.leave_block();
        self.leave_block();
    }

    /// As often as there is fuel.
    fn burn_down(&mut self) {
        self.sink().block(BlockType::Empty);
        self.labels.push(Label { takes: None, endless: false });
        self.enter_loop(false);
        self.fueled(|body| {
            body.sink().br(2);
        });
        self.statements(3);
        self.sink().br(0);
        self.leave_block();
        self.leave_block();
    }

    /// The distance to a label that takes values of type `takes`, if there is one.
    fn target(&mut self, takes: Option<ValType>) -> Option<u32> {
        let endless = self.plan.flavour.wild > 0 && self.rng.chance(1);
        let targets: Vec<u32> = (0..)
            .zip(self.labels.iter().rev())
            .filter(|(_, label)| label.takes == takes && (endless || !label.endless))
            .map(|(distance, _)| distance)
            .collect();
        (!targets.is_empty()).then(|| *self.rng.pick(&targets))
    }

    /// What some label takes, and the distance to it.
    fn any_target(&mut self) -> Option<(Option<ValType>, u32)> {
        let distance = self.rng.index(self.labels.len());
        let takes = self.labels[self.labels.len() - 1 - distance].takes;
        self.target(takes).map(|distance| (takes, distance))
    }

    pub(super) fn branch_if(&mut self) {
        let Some((takes, distance)) = self.any_target() else { return };
        let excess = if self.rng.chance(20) { self.rng.small(3) } else { 0 };
        for _ in 0..excess {
            self.expression(ValType::I64, 1);
        }
        if let Some(ty) = takes {
            self.expression(ty, 2);
        }
        self.expression(ValType::I32, 2);
        self.sink().br_if(distance);
        self.discard(takes);
        for _ in 0..excess {
            self.sink().drop();
        }
    }

    /// A jump to a label or out of the function.
    pub(super) fn leave(&mut self) -> bool {
        if self.rng.chance(20) {
            self.expression(ValType::F64, 1);
        }
        if self.rng.chance(40) {
            if let Some(ty) = self.result {
                self.expression(ty, 2);
            }
            self.sink().return_();
        } else if let Some((takes, distance)) = self.any_target() {
            if let Some(ty) = takes {
                self.expression(ty, 2);
            }
            self.sink().br(distance);
        } else {
            self.sink().unreachable();
        }
        self.dead_code();
        true
    }

    pub(super) fn branch_table(&mut self) -> bool {
        let Some((takes, default)) = self.any_target() else { return false };
        let targets: Vec<u32> = (0..self.rng.small(5)).filter_map(|_| self.target(takes)).collect();
        if let Some(ty) = takes {
            self.expression(ty, 2);
        }
        self.expression(ValType::I32, 2);
        if self.rng.chance(70) {
            self.sink().i32_const(3).i32_and();
        }
        self.sink().br_table(targets, default);
        self.dead_code();
        true
    }

    /// What nothing reaches: well-typed or, as only there it may be, without operands.
    pub(super) fn dead_code(&mut self) {
        while self.rng.chance(30) {
            let local = self.local(ValType::I64);
            match self.rng.small(14) {
                0 => {
                    self.sink().i32_add().drop();
                }
                1 => {
                    self.sink().drop();
                }
                2 => {
                    self.sink().select().drop();
                }
                3 => {
                    self.sink().i64_store(super::expressions::place(0));
                }
                4 => {
                    self.sink().block(BlockType::Empty).end();
                }
                5 => {
                    self.sink().if_(BlockType::Empty).else_().nop().end();
                }
                6 => {
                    self.sink().memory_fill(0);
                }
                7 => {
                    self.sink().memory_grow(0).drop();
                }
                8 => {
                    self.sink().call(Plan::trace());
                }
                9 => {
                    self.sink().return_();
                }
                10 => {
                    self.sink().local_set(local);
                }
                11 => {
                    self.sink().loop_(BlockType::Empty).br(0).end();
                }
                12 => {
                    self.sink().unreachable();
                }
                _ => {
                    self.statement();
                }
            }
        }
    }
}
