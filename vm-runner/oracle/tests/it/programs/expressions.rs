//! Expressions: code that leaves one value.

use wasm_encoder::{BlockType, Instruction, MemArg, ValType};

use super::body::Body;
use super::{CONSTANT, FUEL};

use Instruction as I;
use ValType::{F32, F64, I32, I64};

/// Operations that take two values of a type to one of it.
fn binary(ty: ValType) -> &'static [Instruction<'static>] {
    const WORD: &[Instruction<'static>] = &[
        I::I32Add,
        I::I32Sub,
        I::I32Mul,
        I::I32And,
        I::I32Or,
        I::I32Xor,
        I::I32Shl,
        I::I32ShrS,
        I::I32ShrU,
        I::I32Rotl,
        I::I32Rotr,
        I::I32Eq,
        I::I32Ne,
        I::I32LtS,
        I::I32LtU,
        I::I32GtS,
        I::I32GtU,
        I::I32LeS,
        I::I32LeU,
        I::I32GeS,
        I::I32GeU,
    ];
    const LONG: &[Instruction<'static>] = &[
        I::I64Add,
        I::I64Sub,
        I::I64Mul,
        I::I64And,
        I::I64Or,
        I::I64Xor,
        I::I64Shl,
        I::I64ShrS,
        I::I64ShrU,
        I::I64Rotl,
        I::I64Rotr,
    ];
    const SINGLE: &[Instruction<'static>] =
        &[I::F32Add, I::F32Sub, I::F32Mul, I::F32Div, I::F32Min, I::F32Max, I::F32Copysign];
    const DOUBLE: &[Instruction<'static>] =
        &[I::F64Add, I::F64Sub, I::F64Mul, I::F64Div, I::F64Min, I::F64Max, I::F64Copysign];
    match ty {
        I32 => WORD,
        I64 => LONG,
        F32 => SINGLE,
        _ => DOUBLE,
    }
}

/// Operations that take one value to one of this type, and what they take.
fn unary(ty: ValType) -> &'static [(ValType, Instruction<'static>)] {
    const WORD: &[(ValType, Instruction<'static>)] = &[
        (I32, I::I32Eqz),
        (I32, I::I32Clz),
        (I32, I::I32Ctz),
        (I32, I::I32Popcnt),
        (I32, I::I32Extend8S),
        (I32, I::I32Extend16S),
        (I64, I::I64Eqz),
        (I64, I::I32WrapI64),
        (F32, I::I32TruncSatF32S),
        (F64, I::I32TruncSatF64U),
        (F32, I::I32ReinterpretF32),
    ];
    const LONG: &[(ValType, Instruction<'static>)] = &[
        (I64, I::I64Clz),
        (I64, I::I64Ctz),
        (I64, I::I64Popcnt),
        (I64, I::I64Extend8S),
        (I64, I::I64Extend16S),
        (I64, I::I64Extend32S),
        (I32, I::I64ExtendI32S),
        (I32, I::I64ExtendI32U),
        (F32, I::I64TruncSatF32S),
        (F64, I::I64TruncSatF64U),
        (F64, I::I64ReinterpretF64),
    ];
    const SINGLE: &[(ValType, Instruction<'static>)] = &[
        (F32, I::F32Abs),
        (F32, I::F32Neg),
        (F32, I::F32Ceil),
        (F32, I::F32Floor),
        (F32, I::F32Trunc),
        (F32, I::F32Nearest),
        (F32, I::F32Sqrt),
        (I32, I::F32ConvertI32S),
        (I64, I::F32ConvertI64U),
        (F64, I::F32DemoteF64),
        (I32, I::F32ReinterpretI32),
    ];
    const DOUBLE: &[(ValType, Instruction<'static>)] = &[
        (F64, I::F64Abs),
        (F64, I::F64Neg),
        (F64, I::F64Ceil),
        (F64, I::F64Floor),
        (F64, I::F64Trunc),
        (F64, I::F64Nearest),
        (F64, I::F64Sqrt),
        (I32, I::F64ConvertI32U),
        (I64, I::F64ConvertI64S),
        (F32, I::F64PromoteF32),
        (I64, I::F64ReinterpretI64),
    ];
    match ty {
        I32 => WORD,
        I64 => LONG,
        F32 => SINGLE,
        _ => DOUBLE,
    }
}

/// A place in memory at some distance from an address.
pub(super) fn place(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}

impl Body<'_> {
    /// Code that leaves a value of type `ty`; `depth` bounds how deep it nests.
    pub(super) fn expression(&mut self, ty: ValType, depth: u32) {
        if depth == 0 || !self.afford() {
            return self.leaf(ty);
        }
        match self.rng.small(20) {
            0..=4 => self.leaf(ty),
            5..=8 => self.binary(ty, depth),
            9..=10 => {
                let (from, operation) = self.rng.pick(unary(ty)).clone();
                self.expression(from, depth - 1);
                self.instruction(&operation);
            }
            11 => {
                self.expression(ty, depth - 1);
                let local = self.local(ty);
                self.sink().local_tee(local);
            }
            12..=13 => self.load(ty),
            14 => self.may_trap(ty, depth),
            15 => {
                self.expression(ty, depth - 1);
                self.expression(ty, depth - 1);
                self.expression(I32, depth - 1);
                self.sink().select();
            }
            16 => self.if_else(ty, depth),
            17 => self.inside(
                Some(ty),
                |mut sink, ty| {
                    sink.block(ty);
                },
                Some(ty),
                |body| body.statements(3),
            ),
            18 => self.inside(
                Some(ty),
                |mut sink, ty| {
                    sink.block(ty);
                },
                Some(ty),
                |body| {
                    // A block at the edge of another.
                    body.inside(
                        None,
                        |mut sink, ty| {
                            sink.block(ty);
                        },
                        None,
                        |body| body.statements(2),
                    );
                    body.statements(1)
                },
            ),
            _ => self.call_for(ty),
        }
    }

    pub(super) fn constant(&mut self, ty: ValType) {
        let value = self.rng.next().cast_signed();
        let small = value & 0xff;
        let value = if self.rng.chance(70) { small } else { value };
        let word = i32::try_from(value).unwrap_or(i32::MIN);
        match ty {
            I32 => {
                self.sink().i32_const(word);
            }
            I64 => {
                self.sink().i64_const(value);
            }
            F32 => {
                self.sink().i32_const(word).f32_convert_i32_s();
            }
            _ => {
                self.sink().f64_const(f64::from(word).into());
            }
        }
    }

    pub(super) fn leaf(&mut self, ty: ValType) {
        match self.rng.small(10) {
            0..=3 => self.constant(ty),
            4..=7 => {
                let local = self.local(ty);
                self.sink().local_get(local);
            }
            8 if ty == I32 => {
                let global = *self.rng.pick(&[FUEL, CONSTANT]);
                self.sink().global_get(global);
            }
            _ => {
                let global = self.global(ty);
                self.sink().global_get(global);
            }
        }
    }

    fn binary(&mut self, ty: ValType, depth: u32) {
        if ty == I32 && self.rng.chance(20) {
            let of = *self.rng.pick(&[I64, F32, F64]);
            self.expression(of, depth - 1);
            self.expression(of, depth - 1);
            let operations: &[Instruction<'static>] = match of {
                I64 => &[I::I64Eq, I::I64Ne, I::I64LtS, I::I64GtU, I::I64LeU, I::I64GeS],
                F32 => &[I::F32Eq, I::F32Ne, I::F32Lt, I::F32Gt, I::F32Le, I::F32Ge],
                _ => &[I::F64Eq, I::F64Ne, I::F64Lt, I::F64Gt, I::F64Le, I::F64Ge],
            };
            let operation = self.rng.pick(operations).clone();
            return self.instruction(&operation);
        }
        self.expression(ty, depth - 1);
        self.expression(ty, depth - 1);
        self.binary_operator(ty);
    }

    pub(super) fn binary_operator(&mut self, ty: ValType) {
        let operation = self.rng.pick(binary(ty)).clone();
        self.instruction(&operation);
    }

    /// Divisions, and conversions of what may be too large.
    pub(super) fn may_trap(&mut self, ty: ValType, depth: u32) {
        let wild = self.wild();
        match ty {
            I32 | I64 if wild && self.rng.chance(30) => {
                let float = *self.rng.pick(&[F32, F64]);
                self.expression(float, depth - 1);
                let operations = match (ty, float) {
                    (I32, F32) => [I::I32TruncF32S, I::I32TruncF32U],
                    (I32, _) => [I::I32TruncF64S, I::I32TruncF64U],
                    (_, F32) => [I::I64TruncF32S, I::I64TruncF32U],
                    _ => [I::I64TruncF64S, I::I64TruncF64U],
                };
                let operation = self.rng.pick(&operations).clone();
                self.instruction(&operation);
            }
            I32 => {
                self.expression(I32, depth - 1);
                self.expression(I32, depth - 1);
                if !wild {
                    self.sink().i32_const(255).i32_and().i32_const(1).i32_or();
                }
                let operation =
                    self.rng.pick(&[I::I32DivS, I::I32DivU, I::I32RemS, I::I32RemU]).clone();
                self.instruction(&operation);
            }
            I64 => {
                self.expression(I64, depth - 1);
                self.expression(I64, depth - 1);
                if !wild {
                    self.sink().i64_const(255).i64_and().i64_const(1).i64_or();
                }
                let operation =
                    self.rng.pick(&[I::I64DivS, I::I64DivU, I::I64RemS, I::I64RemU]).clone();
                self.instruction(&operation);
            }
            _ => self.load(ty),
        }
    }

    fn if_else(&mut self, ty: ValType, depth: u32) {
        self.expression(I32, depth - 1);
        self.inside(
            Some(ty),
            |mut sink, ty| {
                sink.if_(ty);
            },
            Some(ty),
            |body| {
                if !body.statements(2) || body.rng.chance(50) {
                    body.expression(ty, depth - 1);
                }
                body.sink().else_();
                body.statements(2)
            },
        );
    }

    /// A call of a function with this result, if there is one.
    fn call_for(&mut self, ty: ValType) {
        let plan = self.plan;
        let number = self.rng.index(plan.functions.len());
        if plan.functions[number].result == Some(ty) {
            return self.call(number);
        }
        match ty {
            I32 if self.rng.chance(30) => {
                self.sink().memory_size(0);
            }
            I32 if self.rng.chance(30) => {
                self.sink().table_size(0);
            }
            _ => {
                // A loop that is not one.
                self.sink().loop_(BlockType::Result(ty));
                self.leaf(ty);
                self.sink().end();
            }
        }
    }

    /// An address for an access of up to sixteen bytes and `offset`, mostly within memory.
    pub(super) fn address(&mut self, depth: u32) {
        self.expression(I32, depth);
        if !self.wild() {
            // Behind what host functions are given.
            self.sink().i32_const(0xfff).i32_and().i32_const(0x1000).i32_or();
        }
    }

    fn offset(&mut self) -> MemArg {
        let offsets = [0, 0, 8, 4_096, 67_108_800];
        let last = if self.wild() { offsets.len() } else { offsets.len() - 1 };
        place(*self.rng.pick(&offsets[..last]))
    }

    fn load(&mut self, ty: ValType) {
        self.address(1);
        let at = self.offset();
        let operations: &[fn(MemArg) -> Instruction<'static>] = match ty {
            I32 => &[I::I32Load, I::I32Load8S, I::I32Load8U, I::I32Load16S, I::I32Load16U],
            I64 => &[I::I64Load, I::I64Load8S, I::I64Load16U, I::I64Load32S, I::I64Load32U],
            F32 => &[I::F32Load],
            _ => &[I::F64Load],
        };
        let operation = self.rng.pick(operations)(at);
        self.instruction(&operation);
    }

    pub(super) fn store(&mut self) {
        let ty = self.any_type();
        self.address(2);
        self.expression(ty, 2);
        let at = self.offset();
        let operations: &[fn(MemArg) -> Instruction<'static>] = match ty {
            I32 => &[I::I32Store, I::I32Store8, I::I32Store16],
            I64 => &[I::I64Store, I::I64Store8, I::I64Store16, I::I64Store32],
            F32 => &[I::F32Store],
            _ => &[I::F64Store],
        };
        let operation = self.rng.pick(operations)(at);
        self.instruction(&operation);
    }
}
