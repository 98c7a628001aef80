//! [`Schedule`]: what instructions and stack frames cost, as data, and its view for the analysis.

use finite_wasm::wasmparser::{self as wp, ValType};
use finite_wasm::{Fee, max_stack, prefix_sum_vec};

use super::InstrumentError;

/// Prices of instructions and sizes of stack frames.
///
/// `block`, `else` and `end` are free; bulk operations (`memory.copy`, `memory.fill`,
/// `memory.init`, `memory.grow` and the same for tables) cost `linear_base` and `linear_unit` for
/// each byte, element or page asked for; all other instructions cost `regular_op`. Entering a
/// function costs `regular_op` for each started 8 bytes of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Gas of one instruction.
    pub regular_op: u32,
    /// Gas of a bulk operation on nothing.
    pub linear_base: u64,
    /// Gas of each unit of a bulk operation.
    pub linear_unit: u64,
    /// What a function's activation takes from the metered stack.
    pub frame: FrameSizes,
}

/// Sizes in bytes on the metered stack. They stand for a machine's stack, they do not measure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSizes {
    /// What each activation takes beside its locals.
    pub activation: u64,
    /// An `i32` or `f32`.
    pub word32: u8,
    /// An `i64` or `f64`.
    pub word64: u8,
    /// A `v128`.
    pub vector: u8,
    /// A reference.
    pub reference: u8,
}

impl Schedule {
    /// Refuses prices with which `linear_base + count · linear_unit` could exceed 2⁶², where
    /// `count` is any 32-bit number.
    pub(super) fn check(&self) -> Result<(), InstrumentError> {
        const MAX_BASE: u64 = 1 << 61;
        const MAX_UNIT: u64 = 1 << 29;
        if self.linear_base > MAX_BASE || self.linear_unit > MAX_UNIT {
            return Err(InstrumentError::Price);
        }
        Ok(())
    }
}

impl FrameSizes {
    fn of(&self, ty: ValType) -> u8 {
        match ty {
            ValType::I32 | ValType::F32 => self.word32,
            ValType::I64 | ValType::F64 => self.word64,
            ValType::V128 => self.vector,
            ValType::Ref(_) => self.reference,
        }
    }
}

/// Bounds on a module's size and on its stack; `None` is no bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The metered stack of an execution, in bytes.
    pub stack_bytes: u32,
    /// `block`, `loop` and `if` in one function.
    pub blocks_per_function: Option<u64>,
    /// `block`, `loop` and `if` in all functions.
    pub blocks_per_module: Option<u64>,
    /// Parameters of one function.
    pub params_per_function: Option<u64>,
    /// Parameters of all functions.
    pub params_per_module: Option<u64>,
    /// Operand stack of one function at its highest, in bytes.
    pub operand_stack_bytes_per_function: Option<u64>,
}

/// The analysis' view of [`FrameSizes`].
pub(super) struct StackSizes<'a>(pub(super) &'a FrameSizes);

impl max_stack::SizeConfig for StackSizes<'_> {
    fn size_of_value(&self, ty: ValType) -> u8 {
        self.0.of(ty)
    }

    fn size_of_function_activation(
        &self,
        locals: &prefix_sum_vec::PrefixSumVec<ValType, u32>,
    ) -> u64 {
        // The vector holds runs of equal types by the index of their last local.
        let mut next = 0u64;
        locals.into_iter().fold(self.0.activation, |size, (last, ty)| {
            let end = u64::from(*last).saturating_add(1);
            let count = end.saturating_sub(next);
            next = end;
            size.saturating_add(count.saturating_mul(u64::from(self.0.of(*ty))))
        })
    }
}

/// The analysis' view of the prices.
pub(super) struct InstructionFees<'a>(pub(super) &'a Schedule);

impl InstructionFees<'_> {
    fn regular(&self) -> Fee {
        Fee::constant(u64::from(self.0.regular_op))
    }

    fn linear(&self) -> Fee {
        Fee { constant: self.0.linear_base, linear: self.0.linear_unit }
    }
}

macro_rules! fees {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            fn $visit(&mut self $($(, $arg: $argty)*)?) -> Fee {
                $($(let _ = $arg;)*)?
                fees!(@price self $visit)
            }
        )*
    };
    (@price $self:ident visit_block) => { Fee::ZERO };
    (@price $self:ident visit_else) => { Fee::ZERO };
    (@price $self:ident visit_end) => { Fee::ZERO };
    (@price $self:ident visit_memory_copy) => { $self.linear() };
    (@price $self:ident visit_memory_fill) => { $self.linear() };
    (@price $self:ident visit_memory_grow) => { $self.linear() };
    (@price $self:ident visit_memory_init) => { $self.linear() };
    (@price $self:ident visit_table_copy) => { $self.linear() };
    (@price $self:ident visit_table_fill) => { $self.linear() };
    (@price $self:ident visit_table_grow) => { $self.linear() };
    (@price $self:ident visit_table_init) => { $self.linear() };
    (@price $self:ident $visit:ident) => { $self.regular() };
}

impl<'a> wp::VisitOperator<'a> for InstructionFees<'_> {
    type Output = Fee;
    wp::for_each_visit_operator!(fees);
}

impl wp::VisitSimdOperator<'_> for InstructionFees<'_> {
    wp::for_each_visit_simd_operator!(fees);
}
