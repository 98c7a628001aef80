//! One function body: charge points woven into its operators.

use std::num::NonZeroU64;

use finite_wasm::Fee;
use finite_wasm::gas::InstrumentationKind;
use finite_wasm::wasmparser::{FunctionBody, Operator};
use wasm_encoder::{BlockType, Encode, Ieee32, Ieee64, InstructionSink, ValType};

use super::InstrumentError;
use super::reference::ReferenceSize;

/// Charge points of one function: where (offset in the module), of what kind, how much.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    pub(super) offsets: &'a [usize],
    pub(super) kinds: &'a [InstrumentationKind],
    pub(super) fees: &'a [Fee],
}

impl<'a> Points<'a> {
    /// Removes and returns the points at `offset`, which are the first that are left.
    fn take_at(&mut self, offset: usize) -> impl Iterator<Item = (InstrumentationKind, Fee)> + 'a {
        let count = self.offsets.iter().take_while(|point| **point == offset).count();
        let (offsets_kinds, fees) = (self.kinds.split_at(count), self.fees.split_at(count));
        self.offsets = &self.offsets[count..];
        self.kinds = offsets_kinds.1;
        self.fees = fees.1;
        offsets_kinds.0.iter().copied().zip(fees.0.iter().copied())
    }
}

/// What a function is charged when it is entered.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Bytes of the metered stack that an activation takes.
    pub(super) stack_bytes: u64,
    /// Gas.
    pub(super) gas: u64,
}

/// Writes one metered function.
pub(super) struct FunctionWriter<'a> {
    /// The module that the offsets refer to.
    pub(super) wasm: &'a [u8],
    /// Index of the gas global; the stack global is the next.
    pub(super) gas_global: u32,
    /// Number of parameters.
    pub(super) params: u32,
    /// The function's result, if it has one.
    pub(super) result: Option<ValType>,
    pub(super) entry: Entry,
}

/// What the limits want to know of a metered function.
pub(super) struct Written {
    pub(super) blocks: u64,
    /// Bytes that near-vm-runner's own metering of it has in the code section.
    pub(super) reference_bytes: u64,
}

impl FunctionWriter<'_> {
    /// Appends the metered function without its size to `out`; counts its blocks, of which there
    /// may be at most `max_blocks`.
    ///
    /// The body is wrapped into one block, so that each way out of it (falling through, `br`,
    /// `br_if`, `br_table` to the outermost label, and `return`, which becomes a `br`) passes the
    /// code behind that block which gives the stack back.
    pub(super) fn write(
        &self,
        body: &FunctionBody<'_>,
        mut points: Points<'_>,
        max_blocks: u64,
        out: &mut Vec<u8>,
    ) -> Result<Written, InstrumentError> {
        let bulk = points.kinds.iter().copied().any(is_bulk);
        let (locals, mut reference) = self.locals(body, bulk, out)?;
        let mut operators = body.get_operators_reader().map_err(|_| InstrumentError::Rewrite)?;
        self.enter(&locals, &mut reference, out)?;
        let mut blocks = 0u64;
        // Labels around the current instruction that the function itself opened.
        let mut depth = 0u32;
        while !operators.eof() {
            let (operator, start) =
                operators.read_with_offset().map_err(|_| InstrumentError::Rewrite)?;
            let end = operators.original_position();
            if opens_block(&operator) {
                blocks = blocks.saturating_add(1);
                if blocks > max_blocks {
                    return Err(InstrumentError::TooManyBlocksPerFunction);
                }
                depth = depth.saturating_add(1);
            }
            for (kind, fee) in points.take_at(start) {
                if kind != InstrumentationKind::Unreachable {
                    self.charge(kind, fee, &locals, &mut reference, out)?;
                }
            }
            match operator {
                Operator::Return => {
                    reference.leave(self.entry.stack_bytes);
                    InstructionSink::new(out).br(depth);
                }
                Operator::End if operators.eof() => {
                    reference.copied(end.saturating_sub(start));
                    reference.leave(self.entry.stack_bytes);
                    self.leave(out);
                }
                Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => {
                    return Err(InstrumentError::Rewrite);
                }
                _ => {
                    if matches!(operator, Operator::End) {
                        depth = depth.saturating_sub(1);
                    }
                    let bytes = self.wasm.get(start..end).ok_or(InstrumentError::Rewrite)?;
                    out.extend_from_slice(bytes);
                    canonicalize_nan(&operator, out);
                    match operator {
                        Operator::Call { function_index }
                        | Operator::RefFunc { function_index } => {
                            reference.function_reference(function_index);
                        }
                        _ => reference.copied(bytes.len()),
                    }
                }
            }
        }
        Ok(Written { blocks, reference_bytes: reference.finish() })
    }

    /// Copies the declarations of `body`'s locals and appends those that charges use.
    fn locals(
        &self,
        body: &FunctionBody<'_>,
        bulk: bool,
        out: &mut Vec<u8>,
    ) -> Result<(Locals, ReferenceSize), InstrumentError> {
        let mut reader = body.get_locals_reader().map_err(|_| InstrumentError::Rewrite)?;
        let start = reader.original_position();
        let groups = reader.get_count();
        let mut amount = self.params;
        for _ in 0..groups {
            let (count, _) = reader.read().map_err(|_| InstrumentError::Rewrite)?;
            amount = amount.checked_add(count).ok_or(InstrumentError::Rewrite)?;
        }
        let count = amount.checked_add(1).ok_or(InstrumentError::Rewrite)?;
        let declarations =
            self.wasm.get(start..reader.original_position()).ok_or(InstrumentError::Rewrite)?;
        let added = if bulk { 2 } else { 1 };
        groups.checked_add(added).ok_or(InstrumentError::Rewrite)?.encode(out);
        out.extend_from_slice(declarations);
        1u32.encode(out);
        ValType::I64.encode(out);
        if bulk {
            1u32.encode(out);
            ValType::I32.encode(out);
        }
        let reference = ReferenceSize::new(self.gas_global, groups, declarations.len());
        Ok((Locals { amount, count }, reference))
    }

    fn enter(
        &self,
        locals: &Locals,
        reference: &mut ReferenceSize,
        out: &mut Vec<u8>,
    ) -> Result<(), InstrumentError> {
        reference.enter(self.entry.stack_bytes);
        let result = self.result.map_or(BlockType::Empty, BlockType::Result);
        InstructionSink::new(out).block(result);
        subtract(out, self.stack_global(), self.entry.stack_bytes, locals.amount);
        let fee = Fee::constant(self.entry.gas);
        self.charge(InstrumentationKind::Pure, fee, locals, reference, out)
    }

    fn leave(&self, out: &mut Vec<u8>) {
        InstructionSink::new(out)
            .end()
            .global_get(self.stack_global())
            .i64_const(immediate(self.entry.stack_bytes))
            .i64_add()
            .global_set(self.stack_global())
            .end();
    }

    fn charge(
        &self,
        kind: InstrumentationKind,
        fee: Fee,
        locals: &Locals,
        reference: &mut ReferenceSize,
        out: &mut Vec<u8>,
    ) -> Result<(), InstrumentError> {
        let Some(unit) = NonZeroU64::new(fee.linear) else {
            if fee.constant > 0 {
                reference.charge(fee.constant);
                subtract(out, self.gas_global, fee.constant, locals.amount);
            }
            return Ok(());
        };
        if !is_bulk(kind) {
            return Err(InstrumentError::Rewrite);
        }
        reference.bulk_charge(fee.constant, unit.get(), locals.amount, locals.count);
        // The operation's last operand says how many units it is about. `Schedule::check` has
        // made sure that the price of any 32-bit number of them fits.
        InstructionSink::new(out)
            .local_tee(locals.count)
            .i64_extend_i32_u()
            .i64_const(immediate(unit.get()))
            .i64_mul()
            .i64_const(immediate(fee.constant))
            .i64_add()
            .local_set(locals.amount)
            .global_get(self.gas_global)
            .local_get(locals.amount)
            .i64_sub();
        stop_if_negative(out, self.gas_global, locals.amount);
        InstructionSink::new(out).local_get(locals.count);
        Ok(())
    }

    fn stack_global(&self) -> u32 {
        self.gas_global.saturating_add(1)
    }
}

/// The two locals that charges use, behind the function's own.
struct Locals {
    /// `i64`
    amount: u32,
    /// `i32`, only declared where the function has bulk operations.
    count: u32,
}

/// `global -= amount`, and the end of the execution if that makes it negative.
fn subtract(out: &mut Vec<u8>, global: u32, amount: u64, scratch: u32) {
    InstructionSink::new(out).global_get(global).i64_const(immediate(amount)).i64_sub();
    stop_if_negative(out, global, scratch);
}

/// Stores the operand into `global`; `unreachable` if it is negative.
fn stop_if_negative(out: &mut Vec<u8>, global: u32, scratch: u32) {
    InstructionSink::new(out)
        .local_tee(scratch)
        .global_set(global)
        .local_get(scratch)
        .i64_const(0)
        .i64_lt_s()
        .if_(BlockType::Empty)
        .unreachable()
        .end();
}

/// An amount as an operand. Amounts beyond 2⁶² (no schedule has them) are taken as 2⁶², which no
/// counter survives and which keeps the subtraction from wrapping.
fn immediate(amount: u64) -> i64 {
    const MAX: i64 = 1 << 62;
    i64::try_from(amount).unwrap_or(MAX).min(MAX)
}

/// Multiplies the result of a promotion or demotion with one, which changes nothing but the NaNs:
/// compilers that return canonical NaNs from arithmetic may forget these two conversions.
fn canonicalize_nan(operator: &Operator<'_>, out: &mut Vec<u8>) {
    match operator {
        Operator::F64PromoteF32 => {
            InstructionSink::new(out).f64_const(Ieee64::from(1.0)).f64_mul();
        }
        Operator::F32DemoteF64 => {
            InstructionSink::new(out).f32_const(Ieee32::from(1.0)).f32_mul();
        }
        _ => {}
    }
}

fn opens_block(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. })
}

/// Whether the point is in front of an operation whose last operand is a number of units.
fn is_bulk(kind: InstrumentationKind) -> bool {
    use InstrumentationKind as Kind;
    matches!(
        kind,
        Kind::MemoryCopy
            | Kind::MemoryFill
            | Kind::MemoryGrow
            | Kind::MemoryInit
            | Kind::TableCopy
            | Kind::TableFill
            | Kind::TableGrow
            | Kind::TableInit
    )
}
