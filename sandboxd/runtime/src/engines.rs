//! [`Engines`]: what contracts run on.

use std::fmt;
use std::sync::Arc;

use vm_runner::VmKind;
use vm_runner::near::Fixture;

/// One engine, or several, each of which runs every call: where they differ there is no result, the
/// block is dropped, and whoever wants to know is told.
#[derive(Clone, Debug)]
pub struct Engines {
    pub(crate) first: VmKind,
    pub(crate) others: Vec<VmKind>,
    pub(crate) found: Found,
}

/// Who is told of a call on which engines differ.
#[derive(Clone)]
pub(crate) struct Found(Arc<dyn Fn(&Fixture) + Send + Sync>);

impl Engines {
    /// `first` alone.
    pub fn only(first: VmKind) -> Self {
        Engines { first, others: Vec::new(), found: Found(Arc::new(|_| {})) }
    }

    /// `first` beside `others`; `found` is told of each call on which they differ.
    pub fn compared(
        first: VmKind,
        others: Vec<VmKind>,
        found: impl Fn(&Fixture) + Send + Sync + 'static,
    ) -> Self {
        Engines { first, others, found: Found(Arc::new(found)) }
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
