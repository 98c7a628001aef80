//! The table of operators: what metering knows of each WebAssembly operator that it accepts.
//!
//! An operator without a row is refused, so none can be free by being forgotten; that the rows
//! are those of the accepted proposals, no more and no less, is tested against the parser's own
//! list.

/// A kind of operator that schedules price alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `unreachable`
    Unreachable,
    /// `nop`
    Nop,
    /// `block`
    Block,
    /// `loop`, paid on each iteration.
    Loop,
    /// `if`
    If,
    /// `else`; NEAR's analysis knows it as free only.
    Else,
    /// `end`; NEAR's analysis knows it as free only.
    End,
    /// `br`
    Br,
    /// `br_if`
    BrIf,
    /// `br_table`
    BrTable,
    /// `return`
    Return,
    /// `call`
    Call,
    /// `call_indirect`
    CallIndirect,
    /// `drop`
    Drop,
    /// `select`, with and without a type.
    Select,
    /// `local.get`
    LocalGet,
    /// `local.set`
    LocalSet,
    /// `local.tee`
    LocalTee,
    /// `global.get`
    GlobalGet,
    /// `global.set`
    GlobalSet,
    /// Loads of all widths.
    Load,
    /// Stores of all widths.
    Store,
    /// `memory.size`
    MemorySize,
    /// `memory.grow`: by units of a page.
    MemoryGrow,
    /// `memory.init`: by units of a byte.
    MemoryInit,
    /// `memory.copy`: by units of a byte.
    MemoryCopy,
    /// `memory.fill`: by units of a byte.
    MemoryFill,
    /// `data.drop`
    DataDrop,
    /// `table.get`
    TableGet,
    /// `table.set`
    TableSet,
    /// `table.size`
    TableSize,
    /// `table.grow`: by units of an element.
    TableGrow,
    /// `table.init`: by units of an element.
    TableInit,
    /// `table.copy`: by units of an element.
    TableCopy,
    /// `table.fill`: by units of an element.
    TableFill,
    /// `elem.drop`
    ElemDrop,
    /// `ref.null`
    RefNull,
    /// `ref.is_null`
    RefIsNull,
    /// `ref.func`
    RefFunc,
    /// Constants of the four number types.
    Const,
    /// `eqz` and comparisons of integers.
    IntegerCompare,
    /// `clz`, `ctz`, `popcnt`
    IntegerCount,
    /// `add`, `sub`
    IntegerAdd,
    /// `mul` of integers
    IntegerMul,
    /// `div`, `rem` of integers
    IntegerDiv,
    /// `and`, `or`, `xor`
    IntegerBits,
    /// Shifts and rotations.
    IntegerShift,
    /// Comparisons of floats.
    FloatCompare,
    /// `abs`, `neg`, `copysign`
    FloatSign,
    /// `ceil`, `floor`, `trunc`, `nearest`
    FloatRound,
    /// `sqrt`
    FloatSqrt,
    /// `add`, `sub`, `min`, `max` of floats
    FloatAdd,
    /// `mul` of floats
    FloatMul,
    /// `div` of floats
    FloatDiv,
    /// Between the integer widths, sign extension included.
    IntegerConvert,
    /// From floats to integers, trapping and saturating.
    Truncate,
    /// From integers to floats.
    FloatConvert,
    /// Between the float widths.
    FloatResize,
    /// The same bits as another type.
    Reinterpret,
}

/// What follows the opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Immediates {
    None,
    Index,
    TwoIndices,
    Memory,
    I32,
    I64,
    Bytes4,
    Bytes8,
    BlockType,
    BranchTable,
    Types,
    HeapType,
}

/// What is pushed by an operator whose effect on the operands does not depend on the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    Nothing,
    Word32,
    Word64,
    Reference,
}

/// How an operator divides code into groups that are charged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Not at all: it neither traps nor branches.
    Pure,
    /// It can trap.
    Traps,
    /// It works on as many units as its last operand says, and can trap.
    Bulk,
    /// Not at all, and the size of what it pushes depends on the module.
    Variable,
    /// Control flow and calls: the analysis knows each of them.
    Control,
}

impl Effect {
    /// Whether it neither traps nor branches.
    pub(super) fn is_pure(self) -> bool {
        matches!(self, Effect::Pure | Effect::Variable)
    }
}

/// One operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its name in the text format.
    pub name: &'static str,
    /// What it is priced as.
    pub class: Class,
    pub(super) immediates: Immediates,
    pub(super) pops: u8,
    pub(super) push: Push,
    pub(super) effect: Effect,
}

impl Operator {
    /// All operators, in the order of their opcodes.
    pub fn all() -> impl Iterator<Item = &'static Operator> {
        ONE_BYTE.iter().chain(&PREFIXED).filter_map(Option::as_ref)
    }
}

/// The first byte of the operators in [`PREFIXED`].
pub(super) const PREFIX: u8 = 0xfc;

/// Operators of one byte, by that byte.
pub(super) static ONE_BYTE: [Option<Operator>; 256] = one_byte();

/// Operators behind [`PREFIX`], by the number that follows it.
pub(super) static PREFIXED: [Option<Operator>; 18] = prefixed();

type Row = (&'static str, Class, Immediates, u8, Push, Effect);

const fn operator(row: Row) -> Operator {
    let (name, class, immediates, pops, push, effect) = row;
    Operator { name, class, immediates, pops, push, effect }
}

/// Writes `rows` from index `first` on.
const fn place<const N: usize>(
    mut table: [Option<Operator>; N],
    first: usize,
    rows: &[Row],
) -> [Option<Operator>; N] {
    let mut at = 0;
    while at < rows.len() {
        #[allow(clippy::arithmetic_side_effects, reason = "bounded by the length of the table")]
        let index = first + at;
        table[index] = Some(operator(rows[at]));
        #[allow(clippy::arithmetic_side_effects, reason = "bounded by the length of the rows")]
        {
            at += 1;
        }
    }
    table
}

const fn one_byte() -> [Option<Operator>; 256] {
    let table = place([None; 256], 0x00, &CONTROL);
    let table = place(table, 0x0b, &BRANCHES);
    let table = place(table, 0x1a, &PARAMETRIC);
    let table = place(table, 0x20, &VARIABLES);
    let table = place(table, 0x28, &MEMORY);
    let table = place(table, 0x41, &CONSTANTS);
    let table = place(table, 0x45, &COMPARISONS);
    let table = place(table, 0x67, &I32);
    let table = place(table, 0x79, &I64);
    let table = place(table, 0x8b, &F32);
    let table = place(table, 0x99, &F64);
    let table = place(table, 0xa7, &CONVERSIONS);
    place(table, 0xd0, &REFERENCES)
}

const fn prefixed() -> [Option<Operator>; 18] {
    let table = place([None; 18], 0, &SATURATING);
    place(table, 8, &BULK)
}

use Effect::{Bulk, Control, Pure, Traps, Variable};
use Immediates as Im;
use Push::{Nothing, Reference, Word32, Word64};

const CONTROL: [Row; 6] = [
    ("unreachable", Class::Unreachable, Im::None, 0, Nothing, Control),
    ("nop", Class::Nop, Im::None, 0, Nothing, Pure),
    ("block", Class::Block, Im::BlockType, 0, Nothing, Control),
    ("loop", Class::Loop, Im::BlockType, 0, Nothing, Control),
    ("if", Class::If, Im::BlockType, 1, Nothing, Control),
    ("else", Class::Else, Im::None, 0, Nothing, Control),
];

const BRANCHES: [Row; 7] = [
    ("end", Class::End, Im::None, 0, Nothing, Control),
    ("br", Class::Br, Im::Index, 0, Nothing, Control),
    ("br_if", Class::BrIf, Im::Index, 1, Nothing, Control),
    ("br_table", Class::BrTable, Im::BranchTable, 0, Nothing, Control),
    ("return", Class::Return, Im::None, 0, Nothing, Control),
    ("call", Class::Call, Im::Index, 0, Nothing, Control),
    ("call_indirect", Class::CallIndirect, Im::TwoIndices, 0, Nothing, Control),
];

// The result of a select is one of its operands, which stays where it is.
const PARAMETRIC: [Row; 3] = [
    ("drop", Class::Drop, Im::None, 1, Nothing, Pure),
    ("select", Class::Select, Im::None, 2, Nothing, Pure),
    ("select", Class::Select, Im::Types, 2, Nothing, Pure),
];

const VARIABLES: [Row; 7] = [
    ("local.get", Class::LocalGet, Im::Index, 0, Nothing, Variable),
    ("local.set", Class::LocalSet, Im::Index, 1, Nothing, Pure),
    ("local.tee", Class::LocalTee, Im::Index, 0, Nothing, Pure),
    ("global.get", Class::GlobalGet, Im::Index, 0, Nothing, Variable),
    ("global.set", Class::GlobalSet, Im::Index, 1, Nothing, Pure),
    ("table.get", Class::TableGet, Im::Index, 1, Reference, Traps),
    ("table.set", Class::TableSet, Im::Index, 2, Nothing, Traps),
];

const fn load(name: &'static str, push: Push) -> Row {
    (name, Class::Load, Im::Memory, 1, push, Traps)
}

const fn store(name: &'static str) -> Row {
    (name, Class::Store, Im::Memory, 2, Nothing, Traps)
}

const MEMORY: [Row; 25] = [
    load("i32.load", Word32),
    load("i64.load", Word64),
    load("f32.load", Word32),
    load("f64.load", Word64),
    load("i32.load8_s", Word32),
    load("i32.load8_u", Word32),
    load("i32.load16_s", Word32),
    load("i32.load16_u", Word32),
    load("i64.load8_s", Word64),
    load("i64.load8_u", Word64),
    load("i64.load16_s", Word64),
    load("i64.load16_u", Word64),
    load("i64.load32_s", Word64),
    load("i64.load32_u", Word64),
    store("i32.store"),
    store("i64.store"),
    store("f32.store"),
    store("f64.store"),
    store("i32.store8"),
    store("i32.store16"),
    store("i64.store8"),
    store("i64.store16"),
    store("i64.store32"),
    ("memory.size", Class::MemorySize, Im::Index, 0, Word32, Pure),
    ("memory.grow", Class::MemoryGrow, Im::Index, 0, Nothing, Bulk),
];

const CONSTANTS: [Row; 4] = [
    ("i32.const", Class::Const, Im::I32, 0, Word32, Pure),
    ("i64.const", Class::Const, Im::I64, 0, Word64, Pure),
    ("f32.const", Class::Const, Im::Bytes4, 0, Word32, Pure),
    ("f64.const", Class::Const, Im::Bytes8, 0, Word64, Pure),
];

const fn test(name: &'static str) -> Row {
    (name, Class::IntegerCompare, Im::None, 1, Word32, Pure)
}

const fn compare(name: &'static str, class: Class) -> Row {
    (name, class, Im::None, 2, Word32, Pure)
}

const COMPARISONS: [Row; 34] = {
    use Class::{FloatCompare, IntegerCompare};
    [
        test("i32.eqz"),
        compare("i32.eq", IntegerCompare),
        compare("i32.ne", IntegerCompare),
        compare("i32.lt_s", IntegerCompare),
        compare("i32.lt_u", IntegerCompare),
        compare("i32.gt_s", IntegerCompare),
        compare("i32.gt_u", IntegerCompare),
        compare("i32.le_s", IntegerCompare),
        compare("i32.le_u", IntegerCompare),
        compare("i32.ge_s", IntegerCompare),
        compare("i32.ge_u", IntegerCompare),
        test("i64.eqz"),
        compare("i64.eq", IntegerCompare),
        compare("i64.ne", IntegerCompare),
        compare("i64.lt_s", IntegerCompare),
        compare("i64.lt_u", IntegerCompare),
        compare("i64.gt_s", IntegerCompare),
        compare("i64.gt_u", IntegerCompare),
        compare("i64.le_s", IntegerCompare),
        compare("i64.le_u", IntegerCompare),
        compare("i64.ge_s", IntegerCompare),
        compare("i64.ge_u", IntegerCompare),
        compare("f32.eq", FloatCompare),
        compare("f32.ne", FloatCompare),
        compare("f32.lt", FloatCompare),
        compare("f32.gt", FloatCompare),
        compare("f32.le", FloatCompare),
        compare("f32.ge", FloatCompare),
        compare("f64.eq", FloatCompare),
        compare("f64.ne", FloatCompare),
        compare("f64.lt", FloatCompare),
        compare("f64.gt", FloatCompare),
        compare("f64.le", FloatCompare),
        compare("f64.ge", FloatCompare),
    ]
};

/// An operator whose result has the size of its operand.
const fn unary(name: &'static str, class: Class) -> Row {
    (name, class, Im::None, 0, Nothing, Pure)
}

/// An operator whose result has the size of both its operands.
const fn binary(name: &'static str, class: Class) -> Row {
    (name, class, Im::None, 1, Nothing, Pure)
}

const fn divide(name: &'static str) -> Row {
    (name, Class::IntegerDiv, Im::None, 1, Nothing, Traps)
}

const I32: [Row; 18] = [
    unary("i32.clz", Class::IntegerCount),
    unary("i32.ctz", Class::IntegerCount),
    unary("i32.popcnt", Class::IntegerCount),
    binary("i32.add", Class::IntegerAdd),
    binary("i32.sub", Class::IntegerAdd),
    binary("i32.mul", Class::IntegerMul),
    divide("i32.div_s"),
    divide("i32.div_u"),
    divide("i32.rem_s"),
    divide("i32.rem_u"),
    binary("i32.and", Class::IntegerBits),
    binary("i32.or", Class::IntegerBits),
    binary("i32.xor", Class::IntegerBits),
    binary("i32.shl", Class::IntegerShift),
    binary("i32.shr_s", Class::IntegerShift),
    binary("i32.shr_u", Class::IntegerShift),
    binary("i32.rotl", Class::IntegerShift),
    binary("i32.rotr", Class::IntegerShift),
];

const I64: [Row; 18] = [
    unary("i64.clz", Class::IntegerCount),
    unary("i64.ctz", Class::IntegerCount),
    unary("i64.popcnt", Class::IntegerCount),
    binary("i64.add", Class::IntegerAdd),
    binary("i64.sub", Class::IntegerAdd),
    binary("i64.mul", Class::IntegerMul),
    divide("i64.div_s"),
    divide("i64.div_u"),
    divide("i64.rem_s"),
    divide("i64.rem_u"),
    binary("i64.and", Class::IntegerBits),
    binary("i64.or", Class::IntegerBits),
    binary("i64.xor", Class::IntegerBits),
    binary("i64.shl", Class::IntegerShift),
    binary("i64.shr_s", Class::IntegerShift),
    binary("i64.shr_u", Class::IntegerShift),
    binary("i64.rotl", Class::IntegerShift),
    binary("i64.rotr", Class::IntegerShift),
];

const F32: [Row; 14] = [
    unary("f32.abs", Class::FloatSign),
    unary("f32.neg", Class::FloatSign),
    unary("f32.ceil", Class::FloatRound),
    unary("f32.floor", Class::FloatRound),
    unary("f32.trunc", Class::FloatRound),
    unary("f32.nearest", Class::FloatRound),
    unary("f32.sqrt", Class::FloatSqrt),
    binary("f32.add", Class::FloatAdd),
    binary("f32.sub", Class::FloatAdd),
    binary("f32.mul", Class::FloatMul),
    binary("f32.div", Class::FloatDiv),
    binary("f32.min", Class::FloatAdd),
    binary("f32.max", Class::FloatAdd),
    binary("f32.copysign", Class::FloatSign),
];

const F64: [Row; 14] = [
    unary("f64.abs", Class::FloatSign),
    unary("f64.neg", Class::FloatSign),
    unary("f64.ceil", Class::FloatRound),
    unary("f64.floor", Class::FloatRound),
    unary("f64.trunc", Class::FloatRound),
    unary("f64.nearest", Class::FloatRound),
    unary("f64.sqrt", Class::FloatSqrt),
    binary("f64.add", Class::FloatAdd),
    binary("f64.sub", Class::FloatAdd),
    binary("f64.mul", Class::FloatMul),
    binary("f64.div", Class::FloatDiv),
    binary("f64.min", Class::FloatAdd),
    binary("f64.max", Class::FloatAdd),
    binary("f64.copysign", Class::FloatSign),
];

const fn convert(name: &'static str, class: Class, push: Push) -> Row {
    (name, class, Im::None, 1, push, Pure)
}

const fn truncate(name: &'static str, push: Push) -> Row {
    (name, Class::Truncate, Im::None, 1, push, Traps)
}

const CONVERSIONS: [Row; 30] = [
    convert("i32.wrap_i64", Class::IntegerConvert, Word32),
    truncate("i32.trunc_f32_s", Word32),
    truncate("i32.trunc_f32_u", Word32),
    truncate("i32.trunc_f64_s", Word32),
    truncate("i32.trunc_f64_u", Word32),
    convert("i64.extend_i32_s", Class::IntegerConvert, Word64),
    convert("i64.extend_i32_u", Class::IntegerConvert, Word64),
    truncate("i64.trunc_f32_s", Word64),
    truncate("i64.trunc_f32_u", Word64),
    truncate("i64.trunc_f64_s", Word64),
    truncate("i64.trunc_f64_u", Word64),
    convert("f32.convert_i32_s", Class::FloatConvert, Word32),
    convert("f32.convert_i32_u", Class::FloatConvert, Word32),
    convert("f32.convert_i64_s", Class::FloatConvert, Word32),
    convert("f32.convert_i64_u", Class::FloatConvert, Word32),
    convert("f32.demote_f64", Class::FloatResize, Word32),
    convert("f64.convert_i32_s", Class::FloatConvert, Word64),
    convert("f64.convert_i32_u", Class::FloatConvert, Word64),
    convert("f64.convert_i64_s", Class::FloatConvert, Word64),
    convert("f64.convert_i64_u", Class::FloatConvert, Word64),
    convert("f64.promote_f32", Class::FloatResize, Word64),
    convert("i32.reinterpret_f32", Class::Reinterpret, Word32),
    convert("i64.reinterpret_f64", Class::Reinterpret, Word64),
    convert("f32.reinterpret_i32", Class::Reinterpret, Word32),
    convert("f64.reinterpret_i64", Class::Reinterpret, Word64),
    // These take and give a value of one type. It matters all the same that they give another one:
    // behind a `call_indirect`, whose index stays, the value on top may have another size.
    convert("i32.extend8_s", Class::IntegerConvert, Word32),
    convert("i32.extend16_s", Class::IntegerConvert, Word32),
    convert("i64.extend8_s", Class::IntegerConvert, Word64),
    convert("i64.extend16_s", Class::IntegerConvert, Word64),
    convert("i64.extend32_s", Class::IntegerConvert, Word64),
];

const REFERENCES: [Row; 3] = [
    ("ref.null", Class::RefNull, Im::HeapType, 0, Reference, Pure),
    ("ref.is_null", Class::RefIsNull, Im::None, 1, Word32, Pure),
    ("ref.func", Class::RefFunc, Im::Index, 0, Reference, Variable),
];

const SATURATING: [Row; 8] = [
    convert("i32.trunc_sat_f32_s", Class::Truncate, Word32),
    convert("i32.trunc_sat_f32_u", Class::Truncate, Word32),
    convert("i32.trunc_sat_f64_s", Class::Truncate, Word32),
    convert("i32.trunc_sat_f64_u", Class::Truncate, Word32),
    convert("i64.trunc_sat_f32_s", Class::Truncate, Word64),
    convert("i64.trunc_sat_f32_u", Class::Truncate, Word64),
    convert("i64.trunc_sat_f64_s", Class::Truncate, Word64),
    convert("i64.trunc_sat_f64_u", Class::Truncate, Word64),
];

const BULK: [Row; 10] = [
    ("memory.init", Class::MemoryInit, Im::TwoIndices, 3, Nothing, Bulk),
    ("data.drop", Class::DataDrop, Im::Index, 0, Nothing, Pure),
    ("memory.copy", Class::MemoryCopy, Im::TwoIndices, 3, Nothing, Bulk),
    ("memory.fill", Class::MemoryFill, Im::Index, 3, Nothing, Bulk),
    ("table.init", Class::TableInit, Im::TwoIndices, 3, Nothing, Bulk),
    ("elem.drop", Class::ElemDrop, Im::Index, 0, Nothing, Pure),
    ("table.copy", Class::TableCopy, Im::TwoIndices, 3, Nothing, Bulk),
    ("table.grow", Class::TableGrow, Im::Index, 2, Word32, Bulk),
    ("table.size", Class::TableSize, Im::Index, 0, Word32, Pure),
    ("table.fill", Class::TableFill, Im::Index, 3, Nothing, Bulk),
];
