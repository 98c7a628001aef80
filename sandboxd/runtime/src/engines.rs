//! [`Engines`]: what contracts run on.

use std::fmt;
use std::sync::Arc;

use vm_runner::near::Fixture;
use vm_runner::{ArtifactStore, VmKind};

/// One engine, or several, each of which runs every call: where they differ there is no result, the
/// block is dropped, and whoever wants to know is told.
#[derive(Clone, Debug)]
pub struct Engines {
    pub(crate) first: VmKind,
    pub(crate) others: Vec<VmKind>,
    pub(crate) found: Found,
    pub(crate) store: Option<Store>,
    pub(crate) recorder: Option<Found>,
    pub(crate) background: bool,
}

/// Where compiled contracts are kept.
#[derive(Clone)]
pub(crate) struct Store(pub(crate) Arc<dyn ArtifactStore>);

/// Who is told of a call: on which engines differ, or of every one.
#[derive(Clone)]
pub(crate) struct Found(Arc<dyn Fn(&Fixture) + Send + Sync>);

impl Engines {
    /// `first` alone.
    pub fn only(first: VmKind) -> Self {
        Engines::compared(first, Vec::new(), |_| {})
    }

    /// `first` beside `others`; `found` is told of each call on which they differ.
    pub fn compared(
        first: VmKind,
        others: Vec<VmKind>,
        found: impl Fn(&Fixture) + Send + Sync + 'static,
    ) -> Self {
        let found = Found(Arc::new(found));
        Engines { first, others, found, store: None, recorder: None, background: true }
    }

    /// All of them.
    pub(crate) fn kinds(&self) -> Vec<VmKind> {
        std::iter::once(self.first).chain(self.others.iter().copied()).collect()
    }

    /// The same, with `store` to keep compiled contracts in, so that the next chain need not
    /// compile them.
    #[must_use]
    pub fn stored_in(self, store: Arc<dyn ArtifactStore>) -> Self {
        Engines { store: Some(Store(store)), ..self }
    }

    /// The same, and what is deployed is compiled as part of its block, as neard does it, and not in the
    /// background: what a block takes is then the same every time, for whoever measures it.
    #[must_use]
    pub fn without_background(self) -> Self {
        Engines { background: false, ..self }
    }

    /// The same, and `record` is given every call, before it is made, with all that the account has
    /// stored: to be run again without the chain.
    #[must_use]
    pub fn recorded_by(self, record: impl Fn(&Fixture) + Send + Sync + 'static) -> Self {
        Engines { recorder: Some(Found(Arc::new(record))), ..self }
    }
}

impl Default for Engines {
    /// Singlepass: `docs/decisions/009-engines.md`.
    fn default() -> Self {
        Engines::only(VmKind::Singlepass)
    }
}

impl Found {
    pub(crate) fn call(&self, fixture: &Fixture) {
        (self.0)(fixture);
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found")
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
