//! All that the analysis asks of an operator for each time that one stands in the code, side by
//! side in the memory.

use super::operator::{Effect, Immediates, Operator, Push};
use super::schedule::{FrameSizes, Price};

/// An operator with its price and the size of its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) price: Price,
    pub(super) operator: &'static Operator,
    pub(super) effect: Effect,
    pub(super) pops: u8,
    /// One or none.
    pub(super) pushes: u8,
    /// Of what is pushed; zero if nothing is, or if that depends on the module.
    pub(super) size: u8,
    pub(super) quick: Option<Quick>,
}

/// Immediates that are numbers, which rarely take more than a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quick {
    /// How many there are, two at most.
    pub(super) numbers: u8,
    /// Bits that the first must not have.
    pub(super) forbidden: u8,
}

impl Row {
    pub(super) fn new(operator: &'static Operator, price: Price, sizes: FrameSizes) -> Self {
        let size = match operator.push {
            Push::Nothing => 0,
            Push::Word32 => sizes.word32,
            Push::Word64 => sizes.word64,
            Push::Reference => sizes.reference,
        };
        let pushes = operator.push != Push::Nothing || operator.effect == Effect::Variable;
        let quick = |numbers, forbidden| Some(Quick { numbers, forbidden });
        let quick = match operator.immediates {
            Immediates::None => quick(0, 0),
            Immediates::Index | Immediates::I32 | Immediates::I64 | Immediates::HeapType => {
                quick(1, 0)
            }
            Immediates::TwoIndices => quick(2, 0),
            Immediates::Memory => quick(2, 0x40),
            Immediates::Bytes4
            | Immediates::Bytes8
            | Immediates::BlockType
            | Immediates::BranchTable
            | Immediates::Types => None,
        };
        Row {
            price,
            operator,
            effect: operator.effect,
            pops: operator.pops,
            pushes: u8::from(pushes),
            size,
            quick,
        }
    }
}
