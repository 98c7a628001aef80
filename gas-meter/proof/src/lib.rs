#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod machine;
mod operands;
mod rewrite;

pub use machine::{End, Finished, Reference, Trap};
pub use operands::priced_operators;
pub use rewrite::{METER, rewrite};

/// What is charged, and the sizes of what is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// An instruction that is not free and not bulk, and each started 8 bytes of a frame.
    pub op: u64,
    /// A bulk instruction, whatever it is about.
    pub bulk_base: u64,
    /// Each unit that a bulk instruction is about.
    pub bulk_unit: u64,
    /// The metered stack of an execution, in bytes.
    pub stack_bytes: u64,
}

/// What every contract's memory and tables are, whatever it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Pages of the memory at the start.
    pub initial_pages: u32,
    /// Pages to which the memory can grow.
    pub max_pages: u32,
    /// Elements to which a table can grow.
    pub max_elements: u32,
}
