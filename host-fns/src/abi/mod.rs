//! What a host function *is*: a declaration (names, types, gate, docs) and a plain function
//! pointer. A chain's import set is a constant slice of them; engines link it, the import check
//! validates against it, and docs and tests are generated from it. Nothing here knows which
//! functions exist.

mod abort;
mod memory;
mod table;

pub use abort::{Abort, Fault};
pub use memory::{Memory, OutOfBounds};
pub use table::{AbiResult, AbiValue};

use gas_meter::GasCounter;

/// The state that host functions work on: one execution's registers, logs, gas and effects.
///
/// It is moved into the virtual machine for the length of a call and comes back with the result,
/// so it owns all it needs.
pub trait Host: Sized + Send + 'static {
    /// Why a guest's call was refused: deterministic, priced, part of the outcome.
    type Error: std::error::Error + Clone + PartialEq + Send + Sync + 'static;

    /// All functions a guest may import.
    const FUNCTIONS: &'static [HostFn<Self>];

    /// The counter that host calls and wasm instructions are charged to.
    fn gas(&mut self) -> &mut GasCounter;

    /// A moment to go back to: an execution may have to be run again from its start.
    type Checkpoint: Send;

    /// This moment. Cheap: it is taken before each execution, and seldom needed.
    fn checkpoint(&self) -> Self::Checkpoint;

    /// Goes back to `at`: gas, registers, logs and all effects are as they were then.
    fn revert_to(&mut self, at: Self::Checkpoint);

    /// What the execution has done so far, by topic: where engines are checked against each other,
    /// it has to be the same on all of them. By default nothing, so that only the end and the gas are
    /// compared.
    fn effects(&self) -> Vec<Effects> {
        Vec::new()
    }

    /// How this chain reports that gas ran out between host calls.
    fn out_of_gas(why: gas_meter::OutOfGas) -> Self::Error;

    /// How this chain reports that the metered stack ran out.
    fn stack_exhausted() -> Self::Error;
}

/// What an execution did, of one kind: the topic, and bytes that differ when that does.
pub type Effects = (&'static str, Vec<u8>);

/// One importable function.
pub struct HostFn<H: Host> {
    /// What the guest sees.
    pub decl: HostFnDecl,
    /// What runs. `args` has one element per declared parameter, 32-bit ones zero-extended; the
    /// result is ignored where none is declared and truncated where it is 32 bits wide.
    pub call: HostCall<H>,
}

/// The body of a host function.
pub type HostCall<H> =
    fn(&mut H, &mut Memory<'_>, &[u64]) -> Result<u64, Abort<<H as Host>::Error>>;

impl<H: Host> std::fmt::Debug for HostFn<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.decl.fmt(f)
    }
}

/// The guest's view of a host function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFnDecl {
    /// The module it is imported from, `env` on NEAR.
    pub module: &'static str,
    /// The heading that documentation has it under.
    pub group: &'static str,
    /// The name it is imported by.
    pub name: &'static str,
    /// Parameter names and types. Names carry meaning for generated tests: `*_ptr` and `*_len`
    /// are guest memory, `register_id` is a register.
    pub params: &'static [(&'static str, AbiType)],
    /// The type of the result, if there is one.
    pub result: Option<AbiType>,
    /// The feature that must be on for the function to exist.
    pub feature: Option<Feature>,
    /// What it does, in a sentence or two.
    pub docs: &'static str,
}

impl HostFnDecl {
    /// Whether the function exists for guests when `features` are on.
    pub fn available(&self, features: FeatureSet) -> bool {
        self.feature.is_none_or(|feature| features.contains(feature))
    }
}

/// The types of parameters and results. WebAssembly has only these two for integers, unsigned by
/// convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbiType {
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
}

/// A switch of a chain, as a bit number below 64. Which bits exist is the chain's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feature(pub u8);

/// The features that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureSet(u64);

impl FeatureSet {
    /// No feature.
    pub const NONE: FeatureSet = FeatureSet(0);

    /// This set and `feature`.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        FeatureSet(self.0 | 1u64.wrapping_shl(feature.widen()))
    }

    /// Whether `feature` is on.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & 1u64.wrapping_shl(feature.widen()) != 0
    }

    /// The set as bits, for fingerprints.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl Feature {
    #[allow(clippy::as_conversions, reason = "widening, in a const fn where From is not allowed")]
    const fn widen(self) -> u32 {
        self.0 as u32
    }
}
