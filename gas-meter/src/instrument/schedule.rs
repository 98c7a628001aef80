//! What execution costs: [`Schedule`] is what a chain says, [`Prices`] the table that it becomes.

use super::operator::{Class, ONE_BYTE, Operator, PREFIXED};
use super::row::Row;

/// What one execution of an operator costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Gas of each execution.
    pub base: u64,
    /// Gas of each unit (byte, element or page) that a bulk operation, `memory.grow` or
    /// `table.grow` is asked to work on. Zero for all others.
    pub unit: u64,
}

impl Price {
    /// Nothing.
    pub const FREE: Price = Price::flat(0);

    /// `base` gas, whatever the operands.
    pub const fn flat(base: u64) -> Self {
        Price { base, unit: 0 }
    }

    /// Whether it is nothing.
    pub fn is_free(self) -> bool {
        self == Price::FREE
    }
}

/// What execution costs on a chain, and how its metered stack is counted.
///
/// A schedule says a price for every operator of the [table](Operator::all); operators without a
/// row are refused when a module is metered.
pub trait Schedule {
    /// What `operator` costs.
    fn price(&self, operator: &Operator) -> Price;

    /// Gas of entering a function, for each started eight bytes of its frame.
    fn frame_price(&self) -> u64;

    /// Sizes on the metered stack.
    fn frame_sizes(&self) -> FrameSizes;
}

/// Sizes in bytes on the metered stack. They stand for a machine's stack, they do not measure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSizes {
    /// What each activation takes beside its parameters, locals and operands.
    pub activation: u64,
    /// An `i32` or `f32`.
    pub word32: u8,
    /// An `i64` or `f64`.
    pub word64: u8,
    /// A reference.
    pub reference: u8,
}

/// NEAR's schedule: one price for every operator, but `block`, `else` and `end`, which are free,
/// and bulk operations, which cost a base and a price for each unit. Entering a function costs
/// the price of an operator for each started eight bytes of its frame.
///
/// The figures are NEAR's parameters `wasm_regular_op_cost`, `wasm_linear_op_base_cost` and
/// `wasm_linear_op_unit_cost`; the sizes stand in near-vm-runner `prepare/prepare_v3.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlatSchedule {
    /// Gas of one operator.
    pub regular_op: u32,
    /// Gas of a bulk operation on nothing.
    pub linear_base: u64,
    /// Gas of each unit of a bulk operation.
    pub linear_unit: u64,
    /// What a function's activation takes from the metered stack.
    pub frame: FrameSizes,
}

impl Schedule for FlatSchedule {
    fn price(&self, operator: &Operator) -> Price {
        use Class as C;
        match operator.class {
            C::Block | C::Else | C::End => Price::FREE,
            C::MemoryGrow
            | C::MemoryInit
            | C::MemoryCopy
            | C::MemoryFill
            | C::TableGrow
            | C::TableInit
            | C::TableCopy
            | C::TableFill => Price { base: self.linear_base, unit: self.linear_unit },
            _ => Price::flat(u64::from(self.regular_op)),
        }
    }

    fn frame_price(&self) -> u64 {
        u64::from(self.regular_op)
    }

    fn frame_sizes(&self) -> FrameSizes {
        self.frame
    }
}

/// A schedule with a price of its own for each class of operators.
///
/// Starts as another schedule, of which single classes are repriced: how estimators find out what
/// a class is worth, and other chains say what theirs cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSchedule<S> {
    default: S,
    prices: Vec<(Class, Price)>,
}

impl<S: Schedule> ClassSchedule<S> {
    /// With the prices of `default`.
    pub fn new(default: S) -> Self {
        ClassSchedule { default, prices: Vec::new() }
    }

    /// With `price` for all operators of `class`.
    #[must_use]
    pub fn with(mut self, class: Class, price: Price) -> Self {
        self.prices.retain(|(other, _)| *other != class);
        self.prices.push((class, price));
        self
    }
}

impl<S: Schedule> Schedule for ClassSchedule<S> {
    fn price(&self, operator: &Operator) -> Price {
        let own = self.prices.iter().find(|(class, _)| *class == operator.class);
        own.map_or_else(|| self.default.price(operator), |(_, price)| *price)
    }

    fn frame_price(&self) -> u64 {
        self.default.frame_price()
    }

    fn frame_sizes(&self) -> FrameSizes {
        self.default.frame_sizes()
    }
}

/// A [`Schedule`] as a table, checked: what metering works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    one_byte: Box<[Option<Row>; 256]>,
    prefixed: Box<[Option<Row>; 18]>,
    frame_price: u64,
    frame_sizes: FrameSizes,
}

/// A schedule cannot be metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// With a price this large, a charge could overflow 64 bits.
    #[error("the price of `{0}` is too large")]
    TooLarge(&'static str),
    /// Only operations with a number of units as their last operand have a price for a unit.
    #[error("`{0}` works on no units, so it has no price for each")]
    NoUnits(&'static str),
    /// Where control flow joins, nothing can be charged.
    #[error("`{0}` cannot have a price")]
    MustBeFree(&'static str),
}

impl Prices {
    /// A base may be 2³² at most: what runs between two tests then costs far less than 2⁶².
    pub const MAX_BASE: u64 = 1 << 32;

    /// A unit may cost 2²⁹ at most: any 32-bit number of them costs less than 2⁶².
    pub const MAX_UNIT: u64 = 1 << 29;

    /// The prices of `schedule`.
    pub fn new(schedule: &impl Schedule) -> Result<Self, InvalidSchedule> {
        let mut one_byte = Box::new([None; 256]);
        for (row, operator) in one_byte.iter_mut().zip(&ONE_BYTE) {
            *row = checked(schedule, operator.as_ref())?;
        }
        let mut prefixed = Box::new([None; 18]);
        for (row, operator) in prefixed.iter_mut().zip(&PREFIXED) {
            *row = checked(schedule, operator.as_ref())?;
        }
        let frame_price = schedule.frame_price();
        if frame_price > Self::MAX_BASE {
            return Err(InvalidSchedule::TooLarge("a frame"));
        }
        Ok(Prices { one_byte, prefixed, frame_price, frame_sizes: schedule.frame_sizes() })
    }

    /// All figures, each after the other in a fixed order: what decides how a module is metered.
    pub fn figures(&self) -> impl Iterator<Item = u64> {
        let FrameSizes { activation, word32, word64, reference } = self.frame_sizes;
        let sizes = [word32, word64, reference].map(u64::from);
        let rows = self.one_byte.iter().chain(self.prefixed.iter());
        rows.map(|row| row.map_or(Price::FREE, |row| row.price))
            .flat_map(|price| [price.base, price.unit])
            .chain([self.frame_price, activation])
            .chain(sizes)
    }

    /// The prices that [`Prices::figures`] told. Figures that are missing are zero.
    pub fn from_figures(figures: &[u64]) -> Result<Self, InvalidSchedule> {
        Prices::new(&Figures(figures))
    }

    pub(super) fn one_byte(&self, opcode: u8) -> Option<&Row> {
        self.one_byte[usize::from(opcode)].as_ref()
    }

    pub(super) fn prefixed(&self, opcode: u32) -> Option<&Row> {
        self.prefixed.get(usize::try_from(opcode).ok()?)?.as_ref()
    }

    /// Gas of entering a function with a frame of so many bytes.
    pub(super) fn entry(&self, frame_bytes: u64) -> u64 {
        const BYTES: u64 = 8;
        frame_bytes.div_ceil(BYTES).saturating_mul(self.frame_price)
    }
}

/// The schedule that a table was made from.
impl Schedule for Prices {
    fn price(&self, operator: &Operator) -> Price {
        let mut rows = self.one_byte.iter().chain(self.prefixed.iter()).flatten();
        rows.find(|row| row.operator == operator).map_or(Price::FREE, |row| row.price)
    }

    fn frame_price(&self) -> u64 {
        self.frame_price
    }

    fn frame_sizes(&self) -> FrameSizes {
        self.frame_sizes
    }
}

/// A schedule as [`Prices::figures`] tells it.
struct Figures<'a>(&'a [u64]);

impl Figures<'_> {
    /// Operators there may be, and two figures for each.
    const OPERATORS: usize = ONE_BYTE.len() + PREFIXED.len();

    fn at(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or_default()
    }

    /// A figure behind those of the operators.
    fn behind(&self, index: usize) -> u64 {
        self.at(index.saturating_add(Self::OPERATORS.saturating_mul(2)))
    }
}

impl Schedule for Figures<'_> {
    fn price(&self, operator: &Operator) -> Price {
        let mut rows = ONE_BYTE.iter().chain(&PREFIXED);
        let place = rows.position(|row| row.as_ref() == Some(operator)).unwrap_or(usize::MAX);
        let base = place.saturating_mul(2);
        Price { base: self.at(base), unit: self.at(base.saturating_add(1)) }
    }

    fn frame_price(&self) -> u64 {
        self.behind(0)
    }

    fn frame_sizes(&self) -> FrameSizes {
        let small = |index| u8::try_from(self.behind(index)).unwrap_or(u8::MAX);
        FrameSizes {
            activation: self.behind(1),
            word32: small(2),
            word64: small(3),
            reference: small(4),
        }
    }
}

fn checked(
    schedule: &impl Schedule,
    operator: Option<&'static Operator>,
) -> Result<Option<Row>, InvalidSchedule> {
    use super::operator::Effect;
    let Some(operator) = operator else { return Ok(None) };
    let price = schedule.price(operator);
    if price.base > Prices::MAX_BASE || price.unit > Prices::MAX_UNIT {
        return Err(InvalidSchedule::TooLarge(operator.name));
    }
    if price.unit > 0 && operator.effect != Effect::Bulk {
        return Err(InvalidSchedule::NoUnits(operator.name));
    }
    if matches!(operator.class, Class::Else | Class::End) && !price.is_free() {
        return Err(InvalidSchedule::MustBeFree(operator.name));
    }
    Ok(Some(Row::new(operator, price, schedule.frame_sizes())))
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
