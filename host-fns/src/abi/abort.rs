//! [`Abort`]: why a host function does not return to the guest.

/// The end of an execution from inside a host function.
#[derive(Clone, Debug, PartialEq)]
pub enum Abort<E> {
    /// The guest did something that is refused: deterministic and part of the outcome.
    Guest(E),
    /// We failed: the result must not reach the chain.
    Fault(Fault),
}

impl<E> From<Fault> for Abort<E> {
    fn from(fault: Fault) -> Self {
        Abort::Fault(fault)
    }
}

/// A failure of ours while serving a guest: unreadable state, a broken invariant. The block that
/// contains the execution is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    /// A fault with an explanation for the operator.
    pub fn new(explanation: impl Into<String>) -> Self {
        Fault(explanation.into())
    }
}
