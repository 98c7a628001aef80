//! Statements: control flow in all its forms, and what changes something.

use wasm_encoder::{BlockType, Encode, Function, HeapType, Instruction, InstructionSink, ValType};

use super::{ELEMENTS, GLOBALS, PASSIVE, Plan, Rng, Signature, TRACE, TYPES, assemble};

/// Locals that count the iterations of nested loops.
pub(super) const COUNTERS: u32 = 6;

/// A label around the current instruction.
#[derive(Clone, Copy)]
pub(super) struct Label {
    /// The type that a branch to it takes.
    pub(super) takes: Option<ValType>,
    /// Whether a branch to it could make a loop that does not end.
    pub(super) endless: bool,
}

/// One function while it is written.
pub(super) struct Body<'a> {
    pub(super) plan: &'a Plan,
    pub(super) rng: &'a mut Rng,
    pub(super) out: Vec<u8>,
    /// Parameters and locals, without counters.
    pub(super) locals: Vec<ValType>,
    pub(super) result: Option<ValType>,
    pub(super) labels: Vec<Label>,
    /// How many loops there are around the current instruction.
    pub(super) loops: u32,
    /// How many statements and expressions may still be written.
    budget: u32,
    /// Whether a host function left its result on the stack.
    pub(super) pending: bool,
}

impl<'a> Body<'a> {
    fn new(plan: &'a Plan, rng: &'a mut Rng, ty: &Signature, budget: u32) -> (Self, Vec<ValType>) {
        let mut declared: Vec<_> = (0..rng.small(4)).map(|_| *rng.pick(&TYPES)).collect();
        declared.extend(TYPES);
        if plan.flavour.deep && rng.chance(30) {
            declared.extend(std::iter::repeat_n(*rng.pick(&TYPES), rng.index(150)));
        }
        let locals = [&ty.params[..], &declared].concat();
        declared.extend([ValType::I32; 6]);
        let label = Label { takes: ty.result, endless: false };
        let (out, result, labels) = (Vec::new(), ty.result, vec![label]);
        let body =
            Body { plan, rng, out, locals, result, labels, loops: 0, budget, pending: false };
        (body, declared)
    }

    /// One of the plan's functions.
    pub(super) fn function(plan: &'a Plan, rng: &'a mut Rng, number: usize) -> Function {
        let ty = &plan.functions[number];
        let budget = 10 + rng.small(60);
        let (mut body, locals) = Body::new(plan, rng, ty, budget);
        if !plan.flavour.deep || body.rng.chance(60) {
            body.fueled(|body| {
                if let Some(result) = body.result {
                    body.constant(result);
                }
                body.sink().return_();
            });
        }
        if plan.flavour.deep && body.rng.chance(60) {
            let first = body.rng.small(2);
            body.statements(3 * first);
            body.call(number);
            body.discard(body.result);
        }
        body.finish(&locals)
    }

    /// The method that is called.
    pub(super) fn main(plan: &'a Plan, rng: &'a mut Rng) -> Function {
        let budget = 30 + rng.small(100);
        let (mut body, locals) = Body::new(plan, rng, &Signature::default(), budget);
        if plan.flavour.hosts > 0 {
            body.first_promise();
            if body.rng.chance(60) {
                body.attach();
            }
            body.trace();
        }
        for number in 0..plan.functions.len() {
            body.statement();
            body.call(number);
            body.discard(plan.functions[number].result);
        }
        body.finish(&locals)
    }

    /// The start function, which some programs have.
    pub(super) fn start(plan: &'a Plan, rng: &'a mut Rng) -> Function {
        let (body, locals) = Body::new(plan, rng, &Signature::default(), 12);
        body.finish(&locals)
    }

    fn finish(mut self, locals: &[ValType]) -> Function {
        let mut dead = false;
        while self.budget > 0 && !dead {
            dead = self.statement();
        }
        self.close(dead, self.result);
        assemble(locals, &self.out)
    }

    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.out)
    }

    pub(super) fn instruction(&mut self, instruction: &Instruction<'_>) {
        instruction.encode(&mut self.out);
    }

    pub(super) fn afford(&mut self) -> bool {
        let affordable = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        affordable
    }

    /// Whether an operation that could trap may.
    pub(super) fn wild(&mut self) -> bool {
        self.rng.chance(self.plan.flavour.wild)
    }

    /// Some local of this type.
    pub(super) fn local(&mut self, ty: ValType) -> u32 {
        let of_type: Vec<_> =
            (0..).zip(&self.locals).filter(|(_, local)| **local == ty).map(|(at, _)| at).collect();
        *self.rng.pick(&of_type)
    }

    /// Some global of this type.
    pub(super) fn global(&mut self, ty: ValType) -> u32 {
        let of_type: Vec<_> =
            (1..).zip(GLOBALS).filter(|(_, global)| *global == ty).map(|(at, _)| at).collect();
        *self.rng.pick(&of_type)
    }

    pub(super) fn any_type(&mut self) -> ValType {
        *self.rng.pick(&TYPES)
    }

    /// Writes a block of some kind around `inside`, which says whether its end is dead code.
    pub(super) fn inside(
        &mut self,
        result: Option<ValType>,
        open: impl FnOnce(InstructionSink<'_>, BlockType),
        label: Option<ValType>,
        inside: impl FnOnce(&mut Self) -> bool,
    ) {
        open(self.sink(), result.map_or(BlockType::Empty, BlockType::Result));
        self.labels.push(Label { takes: label, endless: false });
        let dead = inside(self);
        self.close(dead, result);
    }

    /// The end of a block: its result, unless nothing gets there.
    fn close(&mut self, dead: bool, result: Option<ValType>) {
        match result {
            _ if dead && self.rng.chance(60) => {}
            Some(ty) => self.expression(ty, 2),
            None => {}
        }
        self.labels.pop();
        self.sink().end();
    }

    /// A few statements; whether what follows them is dead code.
    pub(super) fn statements(&mut self, at_most: u32) -> bool {
        let count = self.rng.small(at_most + 1);
        for _ in 0..count {
            if self.statement() {
                return true;
            }
        }
        false
    }

    /// One statement; whether what follows it is dead code.
    pub(super) fn statement(&mut self) -> bool {
        if !self.afford() {
            return false;
        }
        if self.rng.chance(self.plan.flavour.hosts) {
            self.host_statement();
            return false;
        }
        match self.rng.small(100) {
            0..=15 => self.assign(),
            16..=23 => self.store(),
            24..=26 => self.straight(),
            27..=31 => self.inside(
                None,
                |mut sink, ty| {
                    sink.block(ty);
                },
                None,
                |body| body.statements(4),
            ),
            32..=46 => self.conditional(),
            47..=58 => self.iterate(),
            59..=66 => self.branch_if(),
            67..=71 => return self.branch_table(),
            72..=75 => return self.leave(),
            76..=83 => self.call_some(),
            84..=90 => self.bulk(),
            91..=92 => self.table(),
            94 if self.wild() => {
                self.sink().unreachable();
                self.dead_code();
                return true;
            }
            93..=96 => self.guard(),
            97 => {
                self.sink().nop();
            }
            _ => {
                let ty = self.any_type();
                self.expression(ty, 3);
                self.sink().drop();
            }
        }
        false
    }

    fn assign(&mut self) {
        let ty = self.any_type();
        self.expression(ty, 3);
        if self.rng.chance(70) {
            let local = self.local(ty);
            self.sink().local_set(local);
        } else {
            let global = self.global(ty);
            self.sink().global_set(global);
        }
    }

    /// A run of operations that could trap, with nothing between them.
    fn straight(&mut self) {
        for _ in 0..3 + self.rng.small(12) {
            if self.rng.chance(40) {
                self.store();
                continue;
            }
            if self.rng.chance(15) {
                self.guard();
                continue;
            }
            let ty = self.any_type();
            self.may_trap(ty, 1);
            let local = self.local(ty);
            self.sink().local_set(local);
        }
    }

    pub(super) fn discard(&mut self, result: Option<ValType>) {
        if result.is_some() {
            self.sink().drop();
        }
    }

    /// Pushes arguments for one of the plan's functions and calls it.
    pub(super) fn call(&mut self, number: usize) {
        let plan = self.plan;
        for param in &plan.functions[number].params {
            self.expression(*param, 2);
        }
        if self.rng.chance(93) {
            self.sink().call(Plan::first() + super::index(number));
            return;
        }
        let ty = plan.type_of(&plan.functions[number]);
        self.expression(ValType::I32, 1);
        if !self.wild() {
            self.sink().i32_const(7).i32_and();
        }
        self.sink().call_indirect(0, ty);
    }

    fn call_some(&mut self) {
        if self.plan.flavour.hosts > 0 && self.rng.chance(15) {
            let ty = self.plan.type_of(&Signature::default());
            self.sink().i32_const(TRACE).call_indirect(0, ty);
            return;
        }
        let number = self.rng.index(self.plan.functions.len());
        self.call(number);
        self.discard(self.plan.functions[number].result);
    }

    /// How many units a bulk operation is about.
    fn units(&mut self) {
        self.expression(ValType::I32, 1);
        if !self.wild() {
            self.sink().i32_const(63).i32_and();
        }
    }

    /// Operations on memory, whose price depends on an operand.
    fn bulk(&mut self) {
        match self.rng.small(6) {
            0 => {
                self.expression(ValType::I32, 1);
                if !self.rng.chance(5) {
                    self.sink().i32_const(1).i32_and();
                }
                self.sink().memory_grow(0).drop();
            }
            1 => {
                self.address(0);
                self.expression(ValType::I32, 1);
                self.units();
                self.sink().memory_fill(0);
            }
            2 | 3 => {
                self.address(0);
                self.address(0);
                self.units();
                self.sink().memory_copy(0, 0);
            }
            4 => {
                self.address(0);
                self.sink().i32_const(2);
                self.expression(ValType::I32, 1);
                if !self.wild() {
                    self.sink().i32_const(7).i32_and();
                }
                self.sink().memory_init(0, PASSIVE.0);
            }
            _ if self.wild() => {
                self.sink().data_drop(PASSIVE.0);
            }
            _ => {
                self.sink().memory_size(0).drop();
            }
        }
    }

    /// An index of the table's start, with room for `room` more elements.
    fn element(&mut self, room: u32) {
        self.expression(ValType::I32, 1);
        if !self.wild() {
            let mask = if room == 0 { ELEMENTS - 1 } else { 3 };
            self.sink().i32_const(mask.cast_signed()).i32_and();
        }
    }

    /// Operations on the table.
    fn table(&mut self) {
        let function = Plan::first() + self.rng.small(super::index(self.plan.functions.len()));
        match self.rng.small(7) {
            0 => {
                self.sink().ref_func(function).i32_const(1).table_grow(0).drop();
            }
            1 => {
                self.element(1);
                self.sink().ref_func(function);
                self.element(1);
                self.sink().table_fill(0);
            }
            2 => {
                self.element(1);
                self.element(1);
                self.element(1);
                self.sink().table_copy(0, 0);
            }
            3 => {
                self.element(1);
                self.sink().i32_const(1).i32_const(2).table_init(0, 2);
            }
            4 => {
                self.element(0);
                self.element(0);
                self.sink().table_get(0).table_set(0);
            }
            5 if self.wild() => {
                self.sink().elem_drop(2);
            }
            5 => {
                self.element(0);
                self.sink().ref_null(HeapType::FUNC).table_set(0);
            }
            _ => {
                self.element(0);
                self.sink().table_get(0).ref_is_null().drop();
            }
        }
    }
}
